"""Automatic tracks drawn at random."""

import numpy as np

from gambol.app.web import track_base

N = 3


def base_of(rng, frames, events=()):
    animal, counts = [], []
    for _ in range(frames):
        here = [a for a in range(N) if rng.random() < 0.8] + [-1] * int(rng.integers(0, 2))
        animal += list(rng.permutation(here))
        counts.append(len(here))
    animal = np.array(animal, np.int16)
    raw = rng.integers(-1, 4, len(animal)).astype(np.int32)
    certain = np.where(animal >= 0, rng.integers(1, 256, len(animal)), 0).astype(np.uint8)
    starts = np.concatenate([[0], np.cumsum(counts)])
    return track_base.lay_out(
        "key", tuple("abc"), starts, animal, raw, certain, np.arange(frames) / 25,
        list(events), "",
    )  # fmt: skip
