"""Sides of flies that touch: bottom-up networks read with and without sides weighed anew.

Few labels teach a small network where legs are before they teach it which leg is which. The
same weights are read both ways on films of other flies, two in a picture. A side counts as
mistaken where a keypoint of an animal lies nearer to its partner's label than to its own.
"""

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.record import WORK, budget, record
from benchmarks.structure import BLOCK, compare, sides
from gambol.core.labels import Labels
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.pose import judge
from gambol.simulate.world import SimulateConfig
from gambol.stages import evaluate_many, simulate, train

SEEDS = budget(4, 1)  # films to learn from, and as many others to be tested on
STEPS = budget(800, 8)
LABELLED, TESTED = 40, budget(100, 10)  # frames
FIRST = 20  # seed of the first film; the price of a place was chosen on others
SETTINGS = (
    "approach=bottom-up", f"fit.steps={STEPS}", "fit.batch=4", "fit.rate=0.003", "scale=0.5",
    "backbone={kind: unet, depth: 3, filters: 12, rate: 1.5}", "split.val=0.3",
    "fit.warm_up=50", "many.relabel=true",
)  # fmt: skip


class Read(NamedTuple):
    """Labelled animals of a film to be tested on, read both ways: plain, then weighed anew."""

    error: np.ndarray  # (2, N, J) px; NaN where a keypoint was not found
    mistaken: np.ndarray  # (2, N, J) 1 where a side is; NaN where that cannot be told
    known: np.ndarray  # (N, J) labelled
    body: float  # px
    invented: np.ndarray  # (2,) animals that are none
    seconds: np.ndarray  # (2,) processor time of all frames


def run() -> None:
    """Measure."""
    parts = [read(FIRST + seed) for seed in range(SEEDS)]
    error = np.concatenate([p.error for p in parts], axis=1)
    mistaken = np.concatenate([p.mistaken for p in parts], axis=1)
    (ratio, low, high), (gain, least, most) = compare(error, mistaken)
    rates, means = np.nanmean(mistaken, axis=(1, 2)), np.nanmean(error, axis=(1, 2))
    limit = np.concatenate([np.full(p.error.shape[1], 0.1 * p.body) for p in parts])
    known = np.concatenate([p.known for p in parts])
    right = [(e <= limit[:, None])[known].mean() for e in error]
    found = [np.isfinite(e)[known].mean() for e in error]
    invented = np.sum([p.invented for p in parts], axis=0)
    spent = 1000 * np.sum([p.seconds for p in parts], axis=0) / (TESTED * SEEDS)
    each = ", ".join("{:.1%} to {:.1%}".format(*np.nanmean(p.mistaken, (1, 2))) for p in parts)
    record(
        "relabel.swap_rate_ratio",
        ratio,
        "",
        data=f"{SEEDS} simulated films of two flies, {LABELLED} labelled frames each, tested "
        f"on {SEEDS} others",
        goal="below 1 where no fewer keypoints are right",
        met=bool(high < 1 and right[1] >= right[0]),
        interval=[low, high],
        note=f"sides mistaken {rates[0]:.2%} as grouped, {rates[1]:.2%} weighed anew (film by "
        f"film {each}); mean error {means[0]:.2f} and {means[1]:.2f} px ({gain:+.2f}, "
        f"{least:+.2f} to {most:+.2f}); keypoints found {found[0]:.1%} and {found[1]:.1%}, "
        f"within a tenth of a body {right[0]:.1%} and {right[1]:.1%}; animals that are none "
        f"{invented[0]} and {invented[1]}; {spent[0]:.0f} and {spent[1]:.0f} ms a frame; "
        f"bootstrap over blocks of {BLOCK} animals",
    )


def read(seed: int) -> Read:
    """Train on one film and read another one both ways."""
    folder = WORK / "relabel"
    cfg = train.TrainConfig().override([*SETTINGS, f"fit.seed={seed}"])
    labels = _film(seed, LABELLED, folder / f"film{seed}")
    anew = io_run.load(train.run(cfg, labels, folder / f"run{seed}", threads=1))
    assert anew.model.many is not None
    many = anew.model.many.model_copy(update={"relabel": False})
    plain = anew._replace(model=anew.model.model_copy(update={"many": many}))
    truth = io_labels.load(_film(1000 + seed, TESTED, folder / f"test{seed}"))
    seconds, seen, invented = np.empty(2), [], np.empty(2, np.int64)
    for way, one in enumerate((plain, anew)):
        evaluate_many.see(one, truth.select(np.arange(2)))  # what is compiled is loaded
        start = time.process_time()
        found = evaluate_many.see(one, truth)
        seconds[way] = time.process_time() - start
        place = np.stack([found.video, found.rows.frame], axis=1)
        who = judge.match_all(found.rows.xy, place, truth.xy, truth.pairs, anew.model.body_px)
        gone = np.full((1, *truth.xy.shape[1:]), np.nan)
        seen.append(np.concatenate([found.rows.xy, gone])[who])
        invented[way] = len(found.rows.frame) - (who >= 0).sum()
    error = np.stack([np.linalg.norm(xy - truth.xy, axis=-1) for xy in seen])
    mistaken = np.stack([sides(truth, xy) for xy in seen])
    return Read(error, mistaken, _known(truth), anew.model.body_px, invented, seconds)


def _known(truth: Labels) -> np.ndarray:
    return np.isfinite(truth.xy).all(axis=-1)


def _film(seed: int, labelled: int, out: Path) -> Path:
    world = SimulateConfig(
        animal="fly", animals=2, seconds=40.0, fps=10, width=256, height=256,
        body_length=60.0, seed=seed, colour=False, noise=6.0,
    )  # fmt: skip
    return simulate.run(simulate.FilmConfig(world=world, labelled=labelled), out).labels
