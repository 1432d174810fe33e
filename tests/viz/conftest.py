import json

import numpy as np
import pytest

from gambol.core.labels import Visibility, from_positions
from gambol.core.skeleton import Skeleton
from gambol.pose import evaluate
from gambol.viz import films, report


@pytest.fixture
def make_run():
    """A run with random errors, whose keypoints have the names given."""

    def make(names=("nose", "left ear", "right ear")):
        rng = np.random.default_rng(0)
        skeleton = Skeleton(tuple(names), (-1, 0, 0), (-1, 2, 1))
        truth = rng.uniform(20, 100, (12, 3, 2))
        truth[0, 1] = np.nan
        xy = truth + rng.normal(0, 2, truth.shape)
        xy[3, 0] = np.nan
        sure = rng.uniform(size=(12, 3))
        rows = np.arange(12)
        labels = from_positions(
            skeleton, ("a.mp4",), 0 * rows, rows, truth, nan_means=Visibility.UNLABELLED
        )
        metrics = evaluate.evaluate(labels, xy, sure).summary()
        metrics |= {"best_step": 200, "minutes_to_best": 1.5, "reason": "budget spent"}
        log = [
            {"step": s, "minutes": s / 100, "loss": 1 / s, "val_px": 5.0, "val_median_px": 4.0}
            for s in (100, 200, 300)
        ]
        frames = [f"{names[0]}.mp4, frame {n}" for n in rows]
        origin = {"chosen": ["scale 0.5: it is <large>", "grey"], "seconds": 60.04}
        split = [("train", "a.mp4", n, "animal") for n in range(40)]
        split += [("val", names[0] + "/b.mp4", int(n), "animal") for n in rows]
        images = list(rng.integers(0, 255, (12, 120, 120, 1), np.uint8))
        matrices = np.tile(np.eye(2, 3), (12, 1, 1))
        seen = report.Seen(images, matrices, truth, xy, sure, frames)
        return report.Run(
            names[0], json.loads(json.dumps(metrics)), origin, "a: <1>\n", log, split,
            skeleton, 80.0, 4.0, [0.5, 0.9], [0.48, 0.88], seen,
        )  # fmt: skip

    return make


@pytest.fixture
def make_film():
    def make(names=("nose", "left ear", "right ear")):
        times = np.arange(200) / 20
        sure = np.full((200, 3), 0.9)
        sure[50:100, 2] = 0.2
        sure[0] = np.nan
        example = films.Example(np.zeros((20, 20, 3), np.uint8), f"frame of {names[0]}")
        speed = {"fps": 212.4, "decode_share": 0.3, "network_share": 0.6}
        return films.Film(
            names[0], Skeleton(tuple(names)), times, np.ones((200, 3, 2)), sure, 0.5, speed,
            [example],
        )  # fmt: skip

    return make
