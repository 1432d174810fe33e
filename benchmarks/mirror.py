"""Absent keypoints: a mouse seen from the side and in a mirror, 17 keypoints, some absent."""

from benchmarks import folds
from benchmarks.record import WORK, budget, data, record
from gambol.pose import evaluate
from gambol.stages import imports

STEPS = budget(1100, 8)  # about ten minutes of one core


def run() -> None:
    """Measure."""
    source = data("mouse_mirror")
    if source is None:
        return
    project = WORK / "mirror" / "project"
    # what this set leaves empty is not in the picture
    cfg = imports.ImportConfig(nan_means="absent")
    imports.run(cfg, source / "CollectedData.csv", project)
    seen = folds.test(project, "mirror", STEPS)
    scores = evaluate.evaluate(
        seen.labels, seen.xy, seen.confidence, presence=seen.presence
    ).summary()
    where = "mouse_mirror, 68 frames, 5 contiguous-block folds"
    record(
        "mirror.mean_px",
        scores["mean_px"],
        "px",
        data=where,
        goal="report",
        interval=scores["intervals"]["mean_px"],
        note=f"median {scores['median_px']:.2f} px after {max(seen.core_minutes):.1f} "
        "core-minutes; points that look alike in both views are taken for one another",
    )
    presence = scores["presence"]
    record(
        "mirror.presence_auroc",
        presence["auroc"],
        "area",
        data=where,
        goal="report",
        interval=presence["intervals"]["auroc"],
        note=f"{presence['n_absent']} absent keypoints",
    )
