"""Accuracy on one mouse from above, in five contiguous blocks, of three kinds of network.

Each block is predicted by a network that was trained without it, for ten minutes of one core
at most.
"""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import folds
from benchmarks.record import WORK, budget, data, record
from gambol.pose import evaluate

STEPS = budget(4500, 12)  # about ten core-minutes; the note of a figure says what was used
LIMIT = 10  # core-minutes of training a fold, for every network
WHERE = "mouse_openfield, 92 frames, 5 contiguous-block folds"

# LEAP's maps have every pixel of its input, so it is made affordable: half of the published
# width, and a scale at which its field of 54 pixels holds the animal, which measures 50
LEAP = ("backbone={kind: leap, filters: 32}", "scale=0.375")
LEAP_STEPS = budget(3000, 12)
# the spec's own defaults: patches of 31×31 at half scale, L-BFGS to the optimum
LINEAR = ("backbone={kind: linear, patch: 31}", "scale=0.5", "colour=grey")


def network() -> Path:
    """Return the run of fold 0, whose error this file reports; it is trained if missing."""
    trained = WORK / "openfield" / "fold0"
    if not (trained / "model.json").exists():
        run()
    return trained


def run() -> None:
    """Measure the default network."""
    source = data("mouse_openfield")
    if source is None:
        return
    seen = folds.test(source, "openfield", STEPS)
    scores = score(seen)
    record(
        "openfield.mean_px",
        scores["mean_px"],
        "px",
        data=WHERE,
        goal="≤ 2.6",
        met=scores["mean_px"] <= 2.6,
        interval=scores["intervals"]["mean_px"],
        peer="SLEAP-NN small U-Net, random 80/20 split of 116 frames",
        peer_value=2.29,
        note=f"{max(seen.core_minutes):.1f} core-minutes at most; folds: "
        + ", ".join(f"{v:.2f}" for v in folds.by_fold(seen))
        + " px; "
        "the peer's split is random, so neighbours of its test frames were trained on; width "
        "and sigma of the default network were chosen in short trials on folds 0, 2 and 4",
    )
    record(
        "openfield.p95_px",
        scores["p95_px"],
        "px",
        data=WHERE,
        goal="≤ 6",
        met=scores["p95_px"] <= 6,
        interval=scores["intervals"]["p95_px"],
    )
    record(
        "openfield.pck05",
        scores["pck"]["0.05"],
        "share",
        data=WHERE,
        goal="report",
        interval=scores["intervals"]["pck"]["0.05"],
        note="share of keypoints within 5 % of the diagonal of the animal's box, whose median "
        f"is {scores['size']['median_px']:.0f} px",
    )
    _learning(seen)


def _learning(seen: folds.Tested) -> None:
    """Say how fast it was learned, and whether it knows how far it is off."""
    late = int(np.isnan(seen.minutes_to_3px).sum())  # folds that never passed
    minutes = None if late else float(np.mean(seen.minutes_to_3px))
    record(
        "openfield.minutes_to_3px",
        minutes,
        "minutes",
        data=WHERE,
        goal="report",
        met=None,
        note="mean over folds of the wall-clock time, on one core of a shared machine, "
        "at which validation passed 3 px" + (f"; never in {late} folds" if late else ""),
    )
    coverage = float(seen.inside90[seen.labels.labelled].mean())
    record(
        "calibration.coverage90",
        coverage,
        "share",
        data=WHERE,
        goal="0.85 to 0.95",
        met=0.85 <= coverage <= 0.95,
        note="share of held-out points inside their 90 % region, all folds",
    )


def leap() -> None:
    """Measure LEAP, narrowed and scaled to the same limit of time."""
    _other(
        "leap",
        LEAP_STEPS,
        LEAP,
        f"32 filters (published: 64), scale 0.375, {LEAP_STEPS} steps, all else as in "
        "`openfield.mean_px`; nothing was tuned",
    )


def linear() -> None:
    """Measure the linear patch classifier."""
    _other(
        "linear",
        1,  # convex: the optimum has no use for a budget
        LINEAR if STEPS > 100 else (*LINEAR, "linear.steps=3"),
        "patches of 31×31 px at scale 0.5, L-BFGS to the optimum",
    )


def score(seen: folds.Tested) -> dict[str, Any]:
    """Return the numbers of a test."""
    return evaluate.evaluate(
        seen.labels, seen.xy, seen.confidence, presence=seen.presence
    ).summary()


def _other(name: str, steps: int, settings: tuple[str, ...], what: str) -> None:
    source = data("mouse_openfield")
    if source is None:
        return
    seen = folds.test(source, f"openfield-{name}", steps, settings=settings)
    scores, spent = score(seen), max(seen.core_minutes)
    ends = scores["intervals"]
    record(
        f"openfield.{name}_mean_px",
        scores["mean_px"],
        "px",
        data=WHERE,
        goal=f"report, ≤ {LIMIT} core-minutes a fold",
        met=spent <= LIMIT,
        interval=ends["mean_px"],
        note=f"median {scores['median_px']:.2f}, "
        f"p95 {_between(scores['p95_px'], ends['p95_px'])} px, "
        f"PCK@.05 {_between(scores['pck']['0.05'], ends['pck']['0.05'])}; {what}; "
        f"{spent:.1f} core-minutes at most; folds: "
        + ", ".join(f"{v:.2f}" for v in folds.by_fold(seen))
        + " px",
    )


def _between(value: float, ends: list[float]) -> str:
    return f"{value:.2f} ({ends[0]:.2f} to {ends[1]:.2f})"
