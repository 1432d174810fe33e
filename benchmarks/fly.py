"""Many keypoints with left and right: a broken swap table is refused, and what flips bring.

The labels are accepted predictions of another network, not a person's clicks: differences
between two trainings mean something here, the distances themselves less.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import folds
from benchmarks.record import WORK, budget, data, record
from gambol.core.labels import Labels
from gambol.kernels.bootstrap import percentile_interval, resample
from gambol.pose import evaluate

FOLDS = 3  # contiguous; every one of the 75 crops is tested once
STEPS = budget(800, 8)
WHERE = f"fly_crops, 75 crops, 32 keypoints, {FOLDS} contiguous-block folds"


class Arm(NamedTuple):
    """One way to train, tested."""

    errors: np.ndarray  # (N, J) px
    scores: dict[str, Any]
    swapped: np.ndarray  # (N, P) of every left/right pair, NaN where a label is missing
    core_minutes: float


def run() -> None:
    """Measure."""
    source = data("fly_crops")
    if source is None:
        return
    _refusal(source / "example_annotation_set.h5")
    project = WORK / "fly" / "project"
    on, off = (_arm(project, name, p) for name, p in (("flips", 0.5), ("plain", 0.0)))
    _record_distances(on, off)
    _record_swaps(on, off)


def _refusal(labels: Path) -> None:
    """The file's swap table contradicts itself; the sentence offers what repairs it."""
    gambol = str(Path(sys.executable).with_name("gambol"))
    refused, project = WORK / "fly" / "refused", WORK / "fly" / "project"
    said = subprocess.run(
        [gambol, "import", str(labels), str(refused)], capture_output=True, text=True
    )
    sentence = " ".join(said.stderr.split()).replace(str(labels.resolve()), labels.name)
    sentence = sentence.replace(str(labels), labels.name)
    if not (project / "project.db").exists():
        repair = [gambol, "import", str(labels), str(project), "--repair-swap"]
        subprocess.run(repair, check=True, stdout=subprocess.DEVNULL)
    offered = "--repair-swap" in sentence and not refused.exists()
    record(
        "fly.swap_refused_status",
        said.returncode,
        "exit status",
        data="fly_crops, its own swap table",
        goal="2, with the repair offered",
        met=said.returncode == 2 and offered,
        note=f"`gambol import` says “{sentence}”, and with --repair-swap it imports",
    )


def _arm(project: Path, name: str, flip: float) -> Arm:
    settings = [f"augment.flip={flip}"]
    seen = folds.test(project, f"fly/{name}", STEPS, FOLDS, settings)
    found = evaluate.evaluate(seen.labels, seen.xy, seen.confidence, presence=seen.presence)
    swapped = swaps(seen.labels, seen.xy)
    return Arm(found.errors, found.summary(), swapped, max(seen.core_minutes))


def swaps(truth: Labels, xy: np.ndarray) -> np.ndarray:
    """Tell of every left/right pair whether both lie nearer to the other's label, (N, P)."""
    pairs = [(j, k) for j, k in enumerate(truth.skeleton.swap) if j < k]
    one, two = np.array(pairs).T

    def nearer(j: np.ndarray, other: np.ndarray) -> np.ndarray:
        own = np.linalg.norm(xy[:, j] - truth.xy[:, j], axis=-1)
        return np.asarray(np.linalg.norm(xy[:, j] - truth.xy[:, other], axis=-1) < own)

    known = truth.labelled[:, one] & truth.labelled[:, two]
    return np.where(known, nearer(one, two) & nearer(two, one), np.nan)


def rate(swapped: np.ndarray) -> tuple[float, list[float]]:
    """Return the share of swapped pairs with its interval by bootstrap over frames."""
    known = np.isfinite(swapped)
    each, pairs = np.nansum(swapped, axis=1), known.sum(axis=1)

    def share(weights: np.ndarray) -> np.ndarray:
        return np.asarray((weights @ each / np.maximum(weights @ pairs, 1))[:, None])

    drawn = resample(share, np.arange(len(each)), np.random.default_rng(0))
    ends = percentile_interval(drawn)[:, 0]
    return float(each.sum() / pairs.sum()), [float(end) for end in ends]


def _record_distances(on: Arm, off: Arm) -> None:
    apart = evaluate.compare(on.errors, off.errors, np.arange(len(on.errors)))
    for name in ("mean_px", "p95_px"):
        d, ends = apart[name], off.scores["intervals"][name]
        record(
            f"fly.flips_{name}",
            on.scores[name],
            "px",
            data=WHERE,
            goal="report",
            interval=on.scores["intervals"][name],
            peer="the same training without flips",
            peer_value=round(off.scores[name], 4),
            note=f"without flips {ends[0]:.2f} to {ends[1]:.2f} px; flips change it by "
            f"{d['value']:+.2f} px ({d['low']:+.2f} to {d['high']:+.2f}, paired bootstrap over "
            f"frames); {STEPS} steps, {max(on.core_minutes, off.core_minutes):.1f} "
            "core-minutes at most; labels are accepted predictions, "
            "not hand clicks",
        )


def _record_swaps(on: Arm, off: Arm) -> None:
    (value, ends), (other, theirs) = rate(on.swapped), rate(off.swapped)
    record(
        "fly.flips_swap_rate",
        100 * value,
        "% of pairs",
        data=WHERE,
        goal="report",
        interval=[100 * end for end in ends],
        peer="the same training without flips",
        peer_value=round(100 * other, 4),
        note=f"left/right pairs of which both lie nearer to the other's label; without flips "
        f"{100 * theirs[0]:.2f} to {100 * theirs[1]:.2f} %; intervals by bootstrap over frames",
    )
