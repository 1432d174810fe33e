"""Median movements of a few labels, of which one keypoint is unknown."""

import numpy as np

from gambol.core.skeleton import Skeleton
from gambol.viz.figures_trajectories import Moves

LAGS = np.arange(-2, 6) / 10


def moves(labels=3, space=2, **changes):
    rng = np.random.default_rng(0)
    rest = rng.uniform(-20, 20, (4, space))
    ahead = np.zeros((labels, len(LAGS), 1, space))
    ahead[..., 0, 0] = np.arange(labels)[:, None] * 10 * np.maximum(LAGS, 0)
    median = rest + ahead
    median[:1, :, 1] = np.nan
    skeleton = Skeleton(("nose", "left", "right", "tail"), (3, 0, 0, -1))
    words = [f"label <{k}>" for k in range(labels)]
    given = Moves(
        tuple(words), ("#112233", "#445566", "#778899")[:labels], ("12 %",) * labels, median,
        LAGS, skeleton, "mm",
    )  # fmt: skip
    return given._replace(**changes)
