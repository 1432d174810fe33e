import numpy as np
import pytest

from gambol.behavior.compare import adjusted_rand
from gambol.behavior.initial import first_states
from gambol.core.sequences import pack, select

FPS = 10.0


def planted(rng, windows=40, frames=100):
    """Two ways of behaving, each with syllables of its own, that alternate by windows."""
    truth = np.repeat(rng.integers(2, size=windows), frames)
    held = np.repeat(rng.integers(3, size=truth.size // 5), 5)
    return truth, 3 * truth + held


def recordings(seed=0):
    rng = np.random.default_rng(seed)
    truths, labels = zip(*(planted(rng) for _ in range(3)), strict=True)
    return np.concatenate(truths), pack(list(labels), ["c", "a", "b"], FPS, 6)


def test_windows_are_grouped_by_what_is_done_in_them():
    truth, seq = recordings()
    found = first_states("usage", seq, 2, 10.0, 0)
    assert adjusted_rand(np.histogram2d(truth, found, 2)[0].astype(int)) > 0.99


@pytest.mark.parametrize("kind", ["blocks", "uniform", "usage"])
def test_the_order_of_recordings_does_not_matter(kind):
    _, seq = recordings()
    other = select(seq, ["a", "b", "c"])
    here = first_states(kind, seq, 4, 10.0, 3)
    there = first_states(kind, other, 4, 10.0, 3)
    size = len(here) // 3
    np.testing.assert_array_equal(np.roll(here.reshape(3, size), -1, axis=0).ravel(), there)


def test_blocks_last_a_window_and_uniform_a_frame():
    _, seq = recordings()
    blocks = first_states("blocks", seq, 5, 10.0, 0)[:4000].reshape(40, 100)
    assert (blocks == blocks[:, :1]).all() and len(np.unique(blocks)) == 5
    every = first_states("uniform", seq, 5, 10.0, 0)
    assert np.bincount(every).min() / len(every) > 0.18


def test_another_seed_draws_others():
    _, seq = recordings()
    assert (
        first_states("blocks", seq, 5, 1.0, 0) != first_states("blocks", seq, 5, 1.0, 1)
    ).any()


def test_what_stands_at_missing_frames_is_not_read():
    _, seq = recordings()
    valid = seq.valid.copy()
    valid[50:260] = False  # a whole window among them
    spoilt = np.where(valid, seq.values, 255).astype(np.uint8)
    a = first_states("usage", seq._replace(valid=valid), 2, 10.0, 0)
    b = first_states("usage", seq._replace(valid=valid, values=spoilt), 2, 10.0, 0)
    np.testing.assert_array_equal(a, b)
    assert (a[100:200] == a[99]).all()  # an empty window goes on as the one before


def test_one_kind_of_window_is_one_state():
    seq = pack([np.zeros(100, int)], ["r"], FPS, 3)
    assert (first_states("usage", seq, 3, 1.0, 0) == 0).all()
