"""Freezing of a mouse: a classifier against a person, and against a published rule set.

One recording, so five contiguous blocks with 75 frames left out on either side of what is
tested. Threshold and bout filter of a block are chosen on the other four blocks alone: by
models that know neither the block nor the frames they are asked of. The features are fixed, as
in the protocol of the specification; what comes out where they are chosen on the other blocks,
too, stands beside it.
"""

from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd
import xarray as xr

from benchmarks.record import budget, data, record
from gambol.behavior import (
    agreement,
    classifier_context,
    classifier_data,
    classifier_fit,
    classifier_scores,
)
from gambol.behavior import classifier_bouts as bouts
from gambol.behavior.classifier_data import Series
from gambol.behavior.classifier_fit import Task, Validated
from gambol.behavior.classifier_settings import ClassifierSettings
from gambol.behavior.classifier_splits import blocks
from gambol.behavior.features import Features, features
from gambol.core import poses
from gambol.core.skeleton import Skeleton

FPS = 50.0
GAP = 75  # frames, of the specification's protocol
HALF = 0.5
PUBLISHED = 0.903  # F1 of the published rule set on all frames
WINDOWS = (0.25, 0.5, 1.0, 1.5)  # s; the longest is the gap
AROUND = (0.2, 0.4, 0.6)  # s
# windows of derivatives, s: one for slow movements, one for quick ones, too; then also how
# these were a moment before and after
FIXED = "slow and quick"
CANDIDATES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "slow": ((1.0,), ()), "slow and quick": ((0.3, 1.0), ()),
    "before and after": ((0.3, 1.0), AROUND),
}  # fmt: skip
SETTINGS = ClassifierSettings(
    rounds=budget(120, 5), members=budget(3, 1), gap_s=GAP / FPS, random_state=0
)


class Told(NamedTuple):
    """What candidates say of held-out blocks."""

    predicted: np.ndarray  # (N,)
    score: np.ndarray  # (N,)
    chosen: list[str]  # by block


def run() -> None:
    """Record the F1 of frames."""
    folder = data("mouse_freezing")
    if folder is None:
        return
    film, shown = read(folder / "demo1")
    told, each = measure(film, shown, GAP)
    value, chosen = each[FIXED], agreement.f1(shown, told.predicted)
    whole = classifier_scores.table(
        ["freezing"], shown[:, None], told.predicted[:, None], told.score[:, None],
        np.ones(len(shown), bool), np.array([0, len(shown)]), ["demo1"], FPS,
    ).iloc[0]  # fmt: skip
    plain = agreement.f1(shown, np.asarray(told.score > HALF))
    record(
        "freezing.frame_f1", value, "F1",
        data="mouse_freezing demo1, 6,000 frames, 5 blocks, gap 75 frames",
        goal=f"at least 0.88; past the published rule set's {PUBLISHED}", met=value >= 0.88,
        peer="BehaviorDEPOT's rules on all frames (published with the data)",
        peer_value=PUBLISHED,
        note=f"features fixed ({FIXED}; three sets were made after looking at this recording: "
        + ", ".join(f"{name} {f1:.3f}" for name, f1 in each.items())
        + f"); set chosen on the other blocks {chosen:.3f}, its average precision "
        f"{whole['average_precision']:.3f}, bouts {whole['bout_f1']:.3f}, half as threshold "
        f"and no filter {plain:.3f}; chosen by block: {', '.join(told.chosen)}; a bout more or "
        "less is .02",
    )  # fmt: skip


def measure(film: xr.Dataset, shown: np.ndarray, gap: int) -> tuple[Told, dict[str, float]]:
    """Return what is said of every block, and the F1 of each set of features alone."""
    offsets = np.array([0, len(shown)], np.int64)
    folds = blocks(offsets, 5, gap)
    found, each = {}, {}
    for name, (scales, moments) in CANDIDATES.items():
        held = classifier_context.around(columns(film, scales), moments)
        task = Task(held.values, shown[:, None], np.ones(len(shown), bool), offsets, FPS)
        found[name] = classifier_fit.validate(SETTINGS, task, folds)
        each[name] = agreement.f1(shown, found[name].predicted[:, 0])
        print(f"  {name}: F1 {each[name]:.3f}", flush=True)
    return nested(found, shown, folds.of), each


def read(folder: Path) -> tuple[xr.Dataset, np.ndarray]:
    """Return poses of the tracker, and which frames a person called freezing."""
    table = pd.read_csv(folder / "demo1_tracking.csv", header=None, skiprows=3)
    names = pd.read_csv(folder / "demo1_tracking.csv", header=None, nrows=2).iloc[1, 1::3]
    values = table.to_numpy(np.float64)[:, 1:].reshape(len(table), -1, 3)
    made = poses.build(
        values[:, None, :, :2], values[:, None, :, 2],
        np.full((len(table), 1, len(names), 2, 2), np.nan), np.arange(len(table)) / FPS,
        Skeleton(tuple(names)), fps=FPS,
    )  # fmt: skip
    with h5py.File(folder / "hB_demo1_manual_annotations.mat.mat") as file:
        shown = np.asarray(file["hBehavior/Freezing/Vector"]).ravel() > 0
    if len(shown) != len(table):
        raise ValueError(f"{folder}: {len(table)} poses and {len(shown)} labels")
    return made, shown


def columns(film: xr.Dataset, scales: tuple[float, ...]) -> Series:
    """Return speeds of all keypoints, of derivatives at some scales, and their windows."""
    parts = []
    for scale in scales:
        settings = Features(
            anterior=("Nose", "Left Ear", "Right Ear"), posterior=("Tailbase",),
            families=("kinematics",), window_s=scale, windows_s=WINDOWS,
        )  # fmt: skip
        one = features(film, settings, "demo1")[0]
        names = [str(name) for name in one["feature"].values]
        kept = [k for k, name in enumerate(names) if used(name)]
        one = one.isel(feature=kept)
        parts.append(one.assign_coords(feature=[f"{scale:g}: {names[k]}" for k in kept]))
    return classifier_data.series([xr.concat(parts, "feature").rename("demo1")])


def used(name: str) -> bool:
    """Tell whether a feature is a speed, or its mean, smallest or largest in a window."""
    return name.endswith("speed") and not name.startswith("sd ")


def nested(found: dict[str, Validated], shown: np.ndarray, of: np.ndarray) -> Told:
    """Tell every block by the candidate that told the others best without it."""
    predicted, score, chosen = np.zeros(len(shown), bool), np.zeros(len(shown)), []
    for fold in range(int(of.max()) + 1):
        rest = np.flatnonzero(of != fold)
        ends = np.concatenate([[0], np.flatnonzero(np.diff(rest) > 1) + 1, [len(rest)]])
        best = {}
        for name, one in found.items():
            inner, how = one.inner[fold, rest, 0], one.decisions[fold][0]
            best[name] = agreement.f1(shown[rest], bouts.decide(inner, ends, FPS, how))
        chosen.append(max(best, key=lambda name: best[name]))
        own = found[chosen[-1]]
        predicted[of == fold] = own.predicted[of == fold, 0]
        score[of == fold] = own.score[of == fold, 0]
    return Told(predicted, score, chosen)
