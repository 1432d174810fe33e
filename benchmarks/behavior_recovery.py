"""Syllables that are found again: ours, the peer's, and what true parameters could tell.

Poses of a known law, seen with heavy-tailed noise and drop-outs, ahead of both models, which
search their stickiness for the same median bout. Judged by the adjusted Rand index and by
change points within 0.1 s on the recordings of the fit, and by the log density of recordings
that were held out, without noise: latents of each model's own plane, in the unit of the poses.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import behavior_fit, behavior_poses
from benchmarks.behavior_poses import FPS, Made
from benchmarks.record import budget
from gambol.behavior import (
    align,
    compare,
    slds_predict,
    slds_start,
    syllable_chain,
    syllables,
)
from gambol.behavior.align import AlignSettings
from gambol.behavior.slds import KeypointSLDS
from gambol.behavior.syllable_chain import Scene
from gambol.behavior.syllables import Parameters
from gambol.core.sequences import pack
from gambol.kernels import arhmm_paths
from gambol.kernels.arhmm import Dynamics
from gambol.kernels.slds_frames import Body

SEEDS = budget(3, 1)
ITERATIONS = budget(100, 3)  # sweeps of the whole model, after both searches
FITTED, HELD, FRAMES = 6, 2, budget(3000, 600)
STATES, SYLLABLES, DIMS = 12, 6, 4
NEAR = 3  # frames, 0.1 s


class Found(NamedTuple):
    """How near a model came."""

    ari: float  # mean over recordings
    change_points: float  # F1, over all recordings
    held_out: float  # nats a frame, in the unit of the poses; NaN where it is not told


class Task(NamedTuple):
    """What both models get, and the truth."""

    made: Made  # recordings of the fit, then those held out
    given: dict[str, Any]  # as `behavior_peer` reads it
    target: float  # median frames of a true bout


def task() -> Task:
    """Draw the recordings."""
    made = behavior_poses.poses(
        4, FITTED + HELD, FRAMES, syllables=SYLLABLES, dims=DIMS, n_states=STATES, lags=1,
        sd=2.0, joints=20,
    )  # fmt: skip
    target = float(np.median(syllables.durations(made.labels[:FITTED])))
    given = {**made.given, "xy": made.given["xy"][:FITTED]}
    held = _aligned(given, made.clean[FITTED:])
    more = {"held": held, "target": target, "iterations": ITERATIONS, "seeds": SEEDS}
    return Task(made, {**given, **more, "walk": _walk(given)}, target)


def ours(made: Task, seed: int, threads: int, **more: Any) -> tuple[KeypointSLDS, Found, Found]:
    """Fit; return what the model foretells, and what its last sweep drew, against the truth.

    Args:
        made: the recordings.
        seed: of the fit.
        threads: that work side by side.
        more: settings that are not the model's own.
    """
    found = behavior_fit.tracks(made.given)
    model = behavior_fit.unfitted(
        made.given, kappa="auto", search_sweeps=20, target_duration_s=made.target / FPS,
        iterations=ITERATIONS, random_state=seed, **more,
    ).fit(found, threads=threads)  # fmt: skip
    told = model.predict(found, threads=threads)
    labels = np.stack([told[one.name]["syllable"].values[1:] for one in found])
    drawn = np.stack([model.sample_[one.name]["syllable"].values[1:] for one in found])
    score = _held_out(made, model)
    return model, judged(made, labels, score), judged(made, drawn, score)


def judged(made: Task, labels: np.ndarray, held_out: float) -> Found:
    """Compare labels of all frames but the first ones with the truth."""
    true = made.made.labels[:FITTED, made.made.labels.shape[1] - labels.shape[1] :]
    ari = [
        compare.adjusted_rand(compare.contingency(_sequence(a), _sequence(b)))
        for a, b in zip(true, labels, strict=True)
    ]
    return Found(float(np.mean(ari)), changes(true, labels), held_out)


def changes(true: np.ndarray, labels: np.ndarray) -> float:
    """F1 of change points: each is met by at most one within `NEAR` frames, the first free."""
    met, wanted, given = 0, 0, 0
    for one, other in zip(true, labels, strict=True):
        a, b = np.flatnonzero(np.diff(one)), np.flatnonzero(np.diff(other))
        wanted, given = wanted + len(a), given + len(b)
        k = 0
        for at in a:
            while k < len(b) and b[k] < at - NEAR:
                k += 1
            if k < len(b) and b[k] <= at + NEAR:
                met, k = met + 1, k + 1
    return 2 * met / max(1, wanted + given)


def reach(made: Task, model: KeypointSLDS) -> Found:
    """Return what prediction under the true parameters tells; the walk is the fitted one."""
    law, truth = made.made.law, KeypointSLDS.from_dataset(model.to_dataset())
    scene = Scene(Body(law.loadings, law.offset), truth.model_.scene.step)
    truth.model_ = truth.model_._replace(scene=scene)
    ab = np.concatenate([law.dynamics, law.bias[..., None]], -1)
    even = np.full(SYLLABLES, 1 / SYLLABLES)
    known = truth.parameters_ = Parameters(even, law.trans, Dynamics(ab, law.noise))
    truth.rank_, frozen = np.arange(SYLLABLES), syllable_chain.freeze(known)
    plane = np.linalg.pinv(law.loadings.reshape(-1, DIMS)).T
    labels = []
    for one in behavior_fit.tracks(made.given):
        begun = slds_start.begin(
            truth.settings, {one.name: one}, truth.model_, truth.shape_, truth.alignment_
        )
        own, seen = begun.hidden[0], np.nan_to_num(begun.data.seen[0].xy)
        cos, sin = np.cos(own.heading)[:, None], np.sin(own.heading)[:, None]
        x, y = np.moveaxis(seen - own.centroid[:, None], -1, 0)
        back = np.stack([cos * x + sin * y, cos * y - sin * x], -1)
        near = own._replace(x=(back - law.offset).reshape(len(back), -1) @ plane)
        settled = slds_predict.settle(begun.data, 0, near, known)
        labels.append(slds_predict.ascend(begun.data, 0, settled, frozen).hidden.z)
    return judged(made, np.stack(labels), float("nan"))


def of_peer(made: Task, told: dict[str, Any]) -> list[Found]:
    """Return how near the peer came, by seed."""
    return [
        judged(made, labels, float(score))
        for labels, score in zip(told["states"], told["held_out"], strict=True)
    ]


def _held_out(made: Task, model: KeypointSLDS) -> float:
    body, frozen = model.model_.scene.body, syllable_chain.freeze(model.parameters_)
    plane = body.loads.reshape(-1, DIMS)
    held = made.given["held"]
    flat = (held - body.offset).reshape(*held.shape[:2], -1)
    told = sum(
        arhmm_paths.evidence(x, frozen.laid, frozen.trans)
        for x in flat @ np.linalg.pinv(plane).T
    )
    frames = len(held) * (held.shape[1] - 1)
    return float(told) / frames - float(np.linalg.slogdet(plane.T @ plane)[1]) / 2


def _aligned(given: dict[str, Any], clean: np.ndarray) -> np.ndarray:
    """Return poses about their mean, heading along the first axis."""
    out = []
    for one in behavior_fit.tracks({**given, "xy": clean}):
        xy = align.align(one, _by(given)).track.xy
        out.append(xy - xy.mean(axis=1, keepdims=True))
    return np.stack(out)


def _walk(given: dict[str, Any]) -> float:
    """Return the variance of a step of the centroid, as our model sets it."""
    squares = [
        (np.diff(align.align(one, _by(given)).centroid, axis=0) ** 2).sum(1)
        for one in behavior_fit.tracks(given)
    ]
    return float(np.nanmean(np.concatenate(squares))) / 2


def _by(given: dict[str, Any]) -> AlignSettings:
    ends = {"anterior": (str(given["front"]),), "posterior": (str(given["rear"]),)}
    return AlignSettings.from_values(ends, "align")


def _sequence(labels: np.ndarray) -> Any:
    return pack([labels.astype(np.int64)], ["r"], FPS, int(labels.max()) + 1)


def as_given(made: Task, path: Path) -> Path:
    """Write what the peer reads."""
    np.savez(path, **made.given)
    return path
