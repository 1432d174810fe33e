"""Sums over any stretch of frames are those of its frames one by one."""

import numpy as np
import pytest
from based import base_of

from gambol.app.web import track_base


@pytest.mark.parametrize("frames", [1, 15, 16, 17, 100, 3000])
def test_sums_before_frames(frames):
    rng = np.random.default_rng(frames)
    base = base_of(rng, frames)
    edges = np.unique(np.append(rng.integers(0, frames + 1, 40), [0, frames]))
    got = base.before(edges)
    for k, edge in enumerate(edges):
        part = base.sure[:edge].astype(int)
        assert (got.seen[k] == (part > 0).sum(axis=0)).all()
        assert (got.sure[k] == np.maximum(part - 1, 0).sum(axis=0)).all()


def test_certainty_keeps_zero_for_the_unseen():
    assert track_base.certainty(np.array([0.0, 1.0, np.nan])).tolist() == [1, 255, 1]


def test_rows_know_their_frames():
    base = base_of(np.random.default_rng(0), 50)
    rows = np.arange(len(base.animal))
    frames, animals = base.where(rows)
    assert (np.repeat(np.arange(50), np.diff(base.starts)) == frames).all()
    assert (animals == base.animal).all()
