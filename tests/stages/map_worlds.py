"""Small recordings of an animal that swings one paw at a time, and settings that map them."""

import numpy as np

from gambol.core import poses
from gambol.core.skeleton import Skeleton, guess_swap
from gambol.io import store

NAMES = ("nose", "paw_L", "paw_R", "hip", "tail_base", "tail_tip")
MOVES = (("paw_L", 3.0), ("paw_L", 9.0), ("paw_R", 3.0), ("paw_R", 9.0))  # part, Hz
BODY = np.array([[30, 0], [20, 10], [20, -10], [-15, 5], [-30, 0], [-45, 0]], float)
FIT = dict(
    wavelets=dict(f_min=1.5, f_max=16.0, n=9), frames_per_recording=300, perplexity=20.0,
    neighbours=120, iterations=150, regions=dict(width=0.12), stability=dict(splits=1),
    tables=dict(shuffles=3, windows_s=(5.0,)),
)  # fmt: skip


def world(folder, recordings=2, bouts=20, fps=50.0, prefix="day", seed=0):
    """Write recordings; return the movement of every frame, and which frames lie deep in it."""
    truth = {}
    for n in range(recordings):
        name = f"{prefix}{n}"
        label, inner, xy = _animal(np.random.default_rng([seed, n]), bouts, fps)
        store.write_dataset(dataset(xy, fps), folder / f"{name}.nc")
        truth[name] = (label, inner)
    return truth


def dataset(xy, fps, names=NAMES):
    """Poses of one animal, sure of every place."""
    made = poses.build(
        xy[:, None], np.ones((len(xy), 1, len(names))),
        np.zeros((len(xy), 1, len(names), xy.shape[-1], xy.shape[-1])),
        np.arange(len(xy)) / fps, Skeleton(names, swap=guess_swap(names)), fps=fps,
    )  # fmt: skip
    return made.drop_vars("covariance")


def _animal(rng, bouts, fps):
    order = np.concatenate([rng.permutation(4) for _ in range(bouts // 4)])
    seconds = rng.uniform(2.6, 4.0, size=bouts)
    label = np.repeat(order, np.round(seconds * fps).astype(int))
    t = np.arange(len(label)) / fps
    xy = BODY + 0.35 * rng.normal(size=(len(t), *BODY.shape))
    for number, (part, hertz) in enumerate(MOVES):
        swing = 4.0 * np.sin(2 * np.pi * hertz * t + rng.random()) * (label == number)
        xy[:, NAMES.index(part), 0] += swing
    turn = 0.3 * t  # where it is and where it heads is nothing to the map
    cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
    place = 300 + 50 * np.stack([np.sin(0.2 * t), np.cos(0.1 * t)], axis=1)[:, None]
    turned = np.stack(
        [cos * xy[..., 0] - sin * xy[..., 1], sin * xy[..., 0] + cos * xy[..., 1]], axis=-1
    )
    inner = np.ones(len(label), bool)  # frames that no other movement reaches
    for edge in np.flatnonzero(np.diff(label)):
        reach = round(0.5 * fps)
        inner[max(0, edge - reach) : edge + reach + 1] = False
    return label, inner, turned + place
