"""Absent keypoints: a mouse seen from the side and in a mirror, 17 keypoints, some absent."""

import numpy as np

from benchmarks import folds
from benchmarks.record import data, record
from gambol.core.labels import Visibility
from gambol.pose import evaluate

MINUTES = 9.5


def run() -> None:
    """Measure."""
    source = data("mouse_mirror")
    if source is None:
        return
    seen = folds.test(source / "CollectedData.csv", "mirror", MINUTES)
    labels = seen.labels
    # this set leaves keypoints empty that are not in the picture
    visibility = np.where(labels.labelled, labels.visibility, Visibility.ABSENT).astype(
        np.uint8
    )
    scores = evaluate.evaluate(
        labels.xy,
        visibility,
        seen.xy,
        seen.presence,
        labels.skeleton.keypoints,
        swap=labels.skeleton.swap,
    ).summary()
    where = "mouse_mirror, 68 frames, 5 contiguous-block folds"
    record(
        "mirror.mean_px",
        scores["mean_px"],
        "px",
        data=where,
        goal="report",
        interval=scores["intervals"]["mean_px"],
    )
    presence = scores["presence"]
    record(
        "mirror.presence_auroc",
        presence["auroc"],
        "area",
        data=where,
        goal="report",
        interval=scores["intervals"].get("presence_auroc"),
        note=f"{presence['n_absent']} absent keypoints",
    )
