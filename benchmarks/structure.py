"""Legs that look alike: argmax against poses that hang together, on flies that nobody filmed.

Few labels teach a small network where legs are before they teach it which leg is which. The
same weights are read both ways on films of other flies. A side counts as mistaken where a
keypoint lies nearer to its partner's label than to its own.
"""

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.record import WORK, budget, record
from gambol.core.labels import Labels
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.kernels.bootstrap import percentile_interval, resample
from gambol.simulate.world import SimulateConfig
from gambol.stages import evaluate, simulate, train

SEEDS = budget(5, 1)  # films to learn from, and as many others to be tested on
STEPS = budget(1000, 8)
LABELLED = 40  # of a film to learn from; a third of them validates
TESTED = budget(100, 10)  # frames of a film to be tested on
ROUNDS = 3  # of reading that are timed
BLOCK = 10  # of them, that the bootstrap draws together
SETTINGS = (
    f"fit.steps={STEPS}", "fit.batch=4", "fit.rate=0.003", "fit.warm_up=50", "scale=0.5",
    "backbone={kind: unet, depth: 3, filters: 12, rate: 1.5}", "split.val=0.3",
)  # fmt: skip
WHERE = f"{SEEDS} simulated films of flies, {LABELLED} labels each, tested on {SEEDS} others"


class Read(NamedTuple):
    """Frames of the films that are tested on, read both ways; plain, then structured."""

    error: np.ndarray  # (2, N, J) px
    mistaken: np.ndarray  # (2, N, J) 1 where a side is; NaN where that cannot be told
    weight: float  # λ that the run chose
    seconds: np.ndarray  # (2,) of all frames, best of the rounds


def run() -> None:
    """Measure."""
    parts = [read(seed) for seed in range(SEEDS)]
    error = np.concatenate([p.error for p in parts], axis=1)
    mistaken = np.concatenate([p.mistaken for p in parts], axis=1)
    (ratio, low, high), (gain, least, most) = compare(error, mistaken)
    rates, means = np.nanmean(mistaken, axis=(1, 2)), np.nanmean(error, axis=(1, 2))
    chosen = ", ".join(f"{p.weight:g}" for p in parts)
    record(
        "structure.swap_rate_ratio",
        ratio,
        "",
        data=WHERE,
        goal="at most 0.70 at equal mean error",
        met=bool(ratio <= 0.7 and least <= 0),
        interval=[low, high],
        note=f"sides mistaken {rates[0]:.2%} by the highest peaks, {rates[1]:.2%} by poses; "
        f"mean error {means[0]:.2f} and {means[1]:.2f} px ({gain:+.2f}, {least:+.2f} to "
        f"{most:+.2f}); "
        f"λ chosen on validation: {chosen}; bootstrap over blocks of {BLOCK} frames",
    )
    spent = np.sum([p.seconds for p in parts], axis=0) / error.shape[1]
    record(
        "structure.ms_per_frame",
        1000 * (spent[1] - spent[0]),
        "ms",
        data=WHERE,
        goal="report",
        peer="the same frames by the highest peaks",
        peer_value=round(1000 * spent[0], 4),
        note="processor time that reading by poses takes more; 13 keypoints, up to 16 peaks",
    )


def read(seed: int) -> Read:
    """Train on one film and read another one both ways."""
    folder = WORK / "structure"
    trained = io_run.load(_trained(seed, folder))
    labels = io_labels.load(_film(1000 + seed, TESTED, folder / f"test{seed}"))
    bare = trained._replace(model=trained.model.model_copy(update={"structure": None}))
    seconds = np.empty((ROUNDS, 2))
    for one in (bare, trained):
        evaluate.see(one, labels.select(np.arange(2)))  # what is compiled is loaded
    for each in seconds:  # in turns, as the machine is not always the same
        seen = []
        for way, one in enumerate((bare, trained)):
            start = time.process_time()
            seen.append(evaluate.see(one, labels).xy)
            each[way] = time.process_time() - start
    error = np.stack([np.linalg.norm(xy - labels.xy, axis=-1) for xy in seen])
    mistaken = np.stack([sides(labels, xy) for xy in seen])
    file = trained.model.structure
    return Read(error, mistaken, file.weight if file else 0.0, seconds.min(axis=0))


def sides(truth: Labels, xy: np.ndarray) -> np.ndarray:
    """Tell of every keypoint with a partner whether it lies nearer to that one's label."""
    partner = np.array([j if k < 0 else k for j, k in enumerate(truth.skeleton.swap)])
    own = np.linalg.norm(xy - truth.xy, axis=-1)
    other = np.linalg.norm(xy - truth.xy[:, partner], axis=-1)
    known = np.isfinite(own) & np.isfinite(other) & (partner != np.arange(len(partner)))
    return np.where(known, (other < own).astype(float), np.nan)


def compare(
    error: np.ndarray, mistaken: np.ndarray
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return the ratio of mistaken sides, and the change of the mean error, with intervals."""
    frames = error.shape[1]
    known = np.isfinite(error).all(0)
    counts = np.nansum(mistaken, axis=2)  # (2, N)
    sums = np.where(known, error, 0.0).sum(2)

    def both(weights: np.ndarray) -> np.ndarray:
        plain, posed = weights @ counts[0], weights @ counts[1]
        change = (weights @ sums[1] - weights @ sums[0]) / (weights @ known.sum(1))
        return np.stack([posed / np.maximum(plain, 1), change], axis=1)

    values = both(np.ones((1, frames)))[0]
    drawn = resample(both, np.arange(frames) // BLOCK, np.random.default_rng(0))
    ends = percentile_interval(drawn)
    ratio, gain = ((float(values[k]), *map(float, ends[:, k])) for k in range(2))
    return ratio, gain


def _trained(seed: int, folder: Path) -> Path:
    labels = _film(seed, LABELLED, folder / f"film{seed}")
    cfg = train.TrainConfig().override([*SETTINGS, f"fit.seed={seed}"])
    return train.run(cfg, labels, folder / f"run{seed}", threads=1)


def _film(seed: int, labelled: int, out: Path) -> Path:
    world = SimulateConfig(
        moods=False,
        animal="fly", seconds=40.0, fps=10, width=256, height=256, body_length=60.0, seed=seed,
        colour=False, noise=6.0,
    )  # fmt: skip
    return simulate.run(simulate.FilmConfig(world=world, labelled=labelled), out).labels
