"""Chains and parameters of syllable models as datasets, and back without loss."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from gambol.behavior import syllable_chain
from gambol.behavior.syllable_chain import Chain, Hidden
from gambol.behavior.syllable_plan import Plan, Tries
from gambol.behavior.syllables import Key, Parameters
from gambol.kernels.arhmm import Dynamics


def tables(known: Parameters) -> dict[str, Any]:
    """Return the variables that hold parameters."""
    return {
        "beta": ("state", known.beta),
        "trans_probs": (("state", "state_next"), known.trans),
        "coefficients": (("state", "latent", "column"), known.dynamics.ab),
        "step_covariance": (("state", "latent", "latent_b"), known.dynamics.q),
    }


def parameters(held: xr.Dataset) -> Parameters:
    """Return what `tables` wrote."""
    ab, q = held["coefficients"].values, held["step_covariance"].values
    return Parameters(held["beta"].values, held["trans_probs"].values, Dynamics(ab, q))


def to_dataset(chain: Chain, keys: Sequence[Key]) -> xr.Dataset:
    """Return a chain as a dataset, for a checkpoint; `keys` as in its data."""
    plan, hidden = chain.plan, chain.hidden
    dims = {
        "x": ("frame", "latent"), "centroid": ("seen_frame", "space"),
        "heading": ("seen_frame",), "scale": ("seen_frame", "keypoints"), "z": ("state_frame",),
    }  # fmt: skip
    held: dict[str, Any] = {
        name: (own, np.concatenate([getattr(one, name) for one in hidden]))
        for name, own in dims.items()
    }
    for name in dims:
        held[f"{name}_length"] = ("series", [len(getattr(one, name)) for one in hidden])
    held["share"] = ("keypoints", chain.share) if len(chain.share) else ("none", chain.share)
    held["trace"] = (("sweep", "term"), chain.trace)
    held["tried_log_kappa"] = ("try", plan.tries.log_kappa)
    held["tried_frames"] = ("try", plan.tries.frames)
    held["recent"] = ("recent_sweep", plan.recent)
    attrs = {
        "sweeps": chain.sweeps, "phase": plan.phase, "done": plan.done,
        "kappa": float(plan.kappa).hex(), "notes": json.dumps(plan.notes),
        "keys": json.dumps(list(keys)),
    }  # fmt: skip
    coords = {"term": list(syllable_chain.TRACE)}
    return xr.Dataset({**held, **tables(chain.parameters)}, coords, attrs)


def from_dataset(held: xr.Dataset) -> tuple[Chain, tuple[Key, ...]]:
    """Return the chain that `to_dataset` wrote, which goes on bit for bit, and its keys."""
    names = Hidden._fields
    parts = [
        np.split(held[name].values, np.cumsum(held[f"{name}_length"].values)[:-1])
        for name in names
    ]
    hidden = tuple(
        Hidden(*(np.ascontiguousarray(part) for part in own))
        for own in zip(*parts, strict=True)
    )
    tries = Tries(held["tried_log_kappa"].values, held["tried_frames"].values)
    plan = Plan(
        int(held.attrs["phase"]), int(held.attrs["done"]),
        float.fromhex(held.attrs["kappa"]), tries, held["recent"].values,
        tuple(json.loads(held.attrs["notes"])),
    )  # fmt: skip
    chain = Chain(
        int(held.attrs["sweeps"]), plan, hidden, parameters(held), held["share"].values,
        held["trace"].values,
    )  # fmt: skip
    keys = (Key(str(name), int(n), int(s)) for name, n, s in json.loads(held.attrs["keys"]))
    return chain, tuple(keys)
