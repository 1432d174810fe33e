"""Labels of one animal with four keypoints, all of them visible."""

import numpy as np
from labelled import FRAMES, MOUSE

from gambol.core.labels import Labels, Visibility


def labels_of(video, skeleton=MOUSE, rows=12):
    """Labels of every keypoint in evenly spaced frames of a film."""
    frame = np.linspace(0, FRAMES - 1, rows).astype(np.int64)
    base = np.array([[12.0, 14.0], [22.0, 30.0], [40.0, 24.0], [50.0, 50.0]])
    xy = base[: len(skeleton)] + np.random.default_rng(0).normal(0, 2, (rows, 1, 2))
    zeros = np.zeros(rows, np.int64)
    return Labels(
        skeleton,
        (str(video),),
        zeros,
        frame,
        zeros,
        xy,
        np.full(xy.shape[:2], Visibility.VISIBLE, np.uint8),
        np.zeros(rows, np.uint8),
    )
