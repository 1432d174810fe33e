"""Parameters and chains of the model of states as datasets, and back without loss."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import UInt8

from gambol.behavior import gibbs
from gambol.behavior.emissions import Shared, probabilities
from gambol.behavior.gibbs import Chain, Inner, Kept, Parameters
from gambol.kernels.runs import all_runs

Variables = dict[str, tuple[tuple[str, ...], np.ndarray]]


def tables(known: Parameters, prefix: str = "") -> Variables:
    """Return the variables that hold the parameters of one sweep."""
    held: Variables = {f"{prefix}trans_probs": (("state", "state_next"), known.trans)}
    if known.shared is None:
        held[f"{prefix}emissions"] = (("state", "syllable", "syllable_next"), known.theta)
    else:
        held[f"{prefix}emission_base"] = (("syllable", "free"), known.shared.base)
        held[f"{prefix}emission_biases"] = (("state_free", "free"), known.shared.bias)
    return held


def kept_tables(kept: Sequence[Kept], like: Parameters) -> Variables:
    """Return the variables that hold the parameters of kept sweeps, along `draw`."""
    held: Variables = {"kept_sweep": (("draw",), np.array([k.sweep for k in kept], np.int64))}
    every = [tables(k.parameters, "kept_") for k in kept]
    for name, (dims, values) in tables(like, "kept_").items():
        stack = [one[name][1] for one in every]
        held[name] = (
            ("draw", *dims),
            np.stack(stack) if stack else np.empty((0, *values.shape)),
        )
    return held


def parameters(held: xr.Dataset, prefix: str = "", draw: int | None = None) -> Parameters:
    """Return what `tables` or one draw of `kept_tables` wrote."""

    def values(name: str) -> np.ndarray:
        whole = held[f"{prefix}{name}"].values
        return np.ascontiguousarray(whole if draw is None else whole[draw])

    trans = values("trans_probs")
    if f"{prefix}emission_base" not in held:
        return Parameters(values("emissions"), trans, None)
    shared = Shared(values("emission_base"), values("emission_biases"))
    return Parameters(probabilities(shared), trans, shared)


def kept(held: xr.Dataset) -> tuple[Kept, ...]:
    """Return what `kept_tables` wrote."""
    return tuple(
        Kept(int(sweep), parameters(held, "kept_", d))
        for d, sweep in enumerate(held["kept_sweep"].values)
    )


def history_runs(states: UInt8[np.ndarray, "I H"]) -> Variables:
    """Return the states of one stretch in every sweep as runs, one sweep after the other."""
    sweeps, frames = states.shape
    offsets = np.arange(sweeps + 1) * frames
    found = all_runs(states.ravel(), np.ones(states.size, bool), offsets).runs
    return {
        "history_state": (("history_run",), found.label.astype(np.uint8)),
        "history_length": (("history_run",), found.stop - found.start),
        "history_frames": ((), np.array(frames)),
    }


def history(held: xr.Dataset) -> UInt8[np.ndarray, "I H"]:
    """Return what `history_runs` wrote."""
    states = np.repeat(held["history_state"].values, held["history_length"].values)
    return states.reshape(-1, int(held["history_frames"]))


def inner(held: xr.Dataset) -> Inner:
    """Return the optimisations inside the last sweep."""
    steps = held["inner_rows"].values, held["inner_biases"].values
    return Inner(*steps, tuple(held.attrs["limits"].splitlines()))


def to_dataset(chain: Chain) -> xr.Dataset:
    """Return a chain as a dataset, for a checkpoint."""
    held: dict[str, Any] = {
        "states": ("frame", chain.states),
        "counts": (("state", "syllable", "syllable_next"), chain.counts),
        "moves": (("state", "state_next"), chain.moves),
        "trace": (("sweep", "term"), chain.trace),
        "blocks": (("sweep", "block"), chain.blocks),
        **history_runs(chain.history),
        "inner_rows": ("row_step", chain.inner.rows),
        "inner_biases": ("bias_step", chain.inner.biases),
        **tables(chain.parameters),
        **tables(chain.best.parameters, "best_"),
        **kept_tables(chain.kept, chain.parameters),
    }
    return xr.Dataset(
        held,
        {"term": list(gibbs.TRACE), "block": list(gibbs.BLOCKS)},
        {
            "sweeps": chain.sweeps,
            "best_sweep": chain.best.sweep,
            "limits": "\n".join(chain.inner.limits),
        },
    )


def from_dataset(held: xr.Dataset) -> Chain:
    """Return the chain that `to_dataset` wrote; it goes on bit for bit."""
    return Chain(
        int(held.attrs["sweeps"]),
        held["states"].values,
        held["counts"].values,
        held["moves"].values,
        parameters(held),
        held["trace"].values,
        held["blocks"].values,
        Kept(int(held.attrs["best_sweep"]), parameters(held, "best_")),
        kept(held),
        history(held),
        inner(held),
    )
