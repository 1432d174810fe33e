"""keypoint-MoSeq on poses that were simulated: `PYTHON benchmarks/behavior_peer.py IN OUT`.

Runs in an environment of its own, where keypoint-moseq and JAX are installed; only its public
functions are called, and nothing here is imported by gambol. What goes in: the archives of
`behavior_poses`, with `sweeps` that are timed, or with `target` (median frames of a bout),
`iterations`, `seeds` and `held` (recordings without noise, for which the likelihood is asked).
What comes out: seconds and CPU seconds of sweeps on first latents and of the whole model after
some that compile, and the peak memory; or states of the last sweep, of all frames but the
first, and the log-likelihood of what was held out, a frame, in the unit of the poses.
"""

import sys
import time
import warnings
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import keypoint_moseq as kpms
import numpy as np
from jax_moseq.models import arhmm, keypoint_slds

warnings.filterwarnings("ignore")
KAPPA = (1e6, 1e5)  # of sweeps on first latents, and of the whole model
WARMING = 4  # sweeps of each kind that are not timed: the first ones compile
TRIES, WARM = 10, 20  # of a search for the stickiness, and sweeps of each
LOW, HIGH = 1.0, 8.0  # of log10 of the stickiness


def main() -> None:
    """Do what is asked."""
    with np.load(sys.argv[1]) as held:
        told = {name: held[name] for name in held.files}
    made = recovered(told) if "target" in told else timed(told)
    np.savez(sys.argv[2], **made)


def timed(told: dict[str, np.ndarray]) -> dict[str, Any]:
    """Seconds of sweeps."""
    held = peak()
    data, model = begun(told)
    made: dict[str, Any] = {"held_mb": held}
    for name, first in (("arhmm", True), ("slds", False)):
        model = sticky(model, KAPPA[not first])
        start = time.perf_counter()
        for _ in range(WARMING):
            model = sweep(data, model, first)
        made[f"{name}_compile_s"] = time.perf_counter() - start
        seconds = []
        for _ in range(int(told["sweeps"])):
            start, spent = time.perf_counter(), time.process_time()
            model = sweep(data, model, first)
            seconds.append((time.perf_counter() - start, time.process_time() - spent))
            print(name, np.round(seconds[-1], 3), flush=True)
        made[f"{name}_s"] = np.array(seconds)
    return {**made, "peak_mb": peak(), "frames": told["xy"].shape[0] * told["xy"].shape[1]}


def recovered(told: dict[str, np.ndarray]) -> dict[str, Any]:
    """States of fits by the published steps, one a seed."""
    fits = [fitted(told, seed) for seed in range(int(told["seeds"]))]
    return {name: np.stack([one[name] for one in fits]) for name in fits[0]}


def fitted(told: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """States of one fit: the stickiness is searched before either run."""
    data, model = begun({**told, "seed": np.array(seed)})
    target = float(told["target"])
    model, kappa = searched(data, model, target, True, (LOW + HIGH) / 2)
    for _ in range(50):
        model = sweep(data, model, True)
    model, below = searched(data, model, target, False, kappa - 1)
    frames = []
    for _ in range(int(told["iterations"])):
        model = sweep(data, model, False)
        frames.append(median_frames(model))
    last = told["xy"].shape[1] - int(told["lags"])  # after it come frames of padding
    return {
        "states": np.asarray(model["states"]["z"])[:, :last].astype(np.uint8),
        "kappa": np.array([kappa, below]), "median_frames": np.array(frames),
        "held_out": np.array(likelihood(told, model)),
    }  # fmt: skip


def begun(told: dict[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Data and a model before its first sweep; a keypoint that is there has variance sd²."""
    names = [str(name) for name in told["names"]]
    coordinates = {f"r{r:02d}": xy for r, xy in enumerate(told["xy"])}
    sure = {name: np.ones(xy.shape[:2]) for name, xy in coordinates.items()}
    data, _ = kpms.format_data(
        coordinates, sure, bodyparts=names, use_bodyparts=names, seg_length=told["xy"].shape[1],
    )  # fmt: skip
    ends = {
        "anterior_idxs": jnp.array([names.index(str(told["front"]))]),
        "posterior_idxs": jnp.array([names.index(str(told["rear"]))]),
    }
    pca = kpms.fit_pca(**data, **ends)
    dims = int(told["dims"])
    model = kpms.init_model(
        data, pca=pca, **ends, seed=jr.PRNGKey(int(told.get("seed", 0))),
        error_estimator={"slope": -0.5, "intercept": float(np.log10(told["sd"]))},
        obs_hypparams={"sigmasq_0": 1.0, "sigmasq_C": 0.1, "nu_sigma": 1e5, "nu_s": 5},
        ar_hypparams={
            "latent_dim": dims, "nlags": int(told["lags"]), "S_0_scale": 0.01,
            "K_0_scale": 10.0,
        },
        trans_hypparams={
            "num_states": int(told["n_states"]), "gamma": 1e3, "alpha": 5.7, "kappa": KAPPA[0],
        },
        cen_hypparams={"sigmasq_loc": float(told["walk"])},
    )  # fmt: skip
    return data, model


def sticky(model: dict[str, Any], kappa: float) -> dict[str, Any]:
    """The model with another stickiness."""
    return dict(kpms.update_hypparams(model, kappa=float(kappa)))


def sweep(data: dict[str, Any], model: dict[str, Any], first: bool) -> dict[str, Any]:
    """One sweep, on first latents or of the whole model."""
    made = keypoint_slds.resample_model(data, **model, ar_only=first)
    jax.block_until_ready((made["states"], made["params"]))
    return dict(made)


def searched(
    data: dict[str, Any], model: dict[str, Any], target: float, first: bool, begin: float
) -> tuple[dict[str, Any], float]:
    """The model with the stickiness (log10) whose median bout is within 10 % of the target."""
    tries: list[tuple[float, float]] = []
    low, high, log_kappa = LOW, HIGH, begin
    known_low, known_high = False, False
    for _ in range(TRIES):
        model = sticky(model, 10**log_kappa)
        frames = []
        for _ in range(WARM):
            model = sweep(data, model, first)
            frames.append(median_frames(model))
        told = float(np.nanmean(frames[WARM // 2 :]))
        tries.append((abs(told / target - 1), log_kappa))
        print("search", first, round(log_kappa, 2), round(told, 2), flush=True)
        if tries[-1][0] <= 0.1:
            break
        if told < target:
            low, known_low = log_kappa, True
        else:
            high, known_high = log_kappa, True
        if known_low and known_high:
            log_kappa = (low + high) / 2
        else:
            log_kappa = min(HIGH, low + 1) if known_low else max(LOW, high - 1)
    best = min(tries)[1]
    return sticky(model, 10**best), best


def median_frames(model: dict[str, Any]) -> float:
    """Median of complete bouts."""
    found = []
    for z in np.asarray(model["states"]["z"]):
        edges = np.flatnonzero(np.diff(z))
        found.append(np.diff(edges))
    every = np.concatenate(found)
    return float(np.median(every)) if len(every) else float("nan")


def likelihood(told: dict[str, np.ndarray], model: dict[str, Any]) -> float:
    """Log density of shapes by frame, in the unit of the poses on the latents' own plane.

    Latents of `held` (aligned poses without noise) are read off by least squares.
    """
    shapes = told["held"]
    n, d = shapes.shape[2:]
    centre = np.asarray(keypoint_slds.center_embedding(n))
    loads = np.kron(centre, np.eye(d)) @ np.asarray(model["params"]["Cd"])
    plane, offset = loads[:, :-1], loads[:, -1]
    x = (shapes.reshape(*shapes.shape[:2], -1) - offset) @ np.linalg.pinv(plane).T
    mask = jnp.ones(x.shape[:2])
    params = model["params"]
    total = arhmm.marginal_log_likelihood(
        mask, jnp.array(x), params["Ab"], params["Q"], params["pi"]
    )
    frames = x.shape[0] * (x.shape[1] - int(told["lags"]))
    _, volume = np.linalg.slogdet(plane.T @ plane)
    return float(np.sum(np.asarray(total))) / frames - volume / 2


def peak() -> float:
    """Most memory of this process so far, in MB; what its parent held does not count."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6


if __name__ == "__main__":
    main()
