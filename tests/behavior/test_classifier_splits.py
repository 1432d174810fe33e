"""Folds keep apart what knows of each other."""

import numpy as np
import pytest

from gambol.behavior import classifier_splits as splits
from gambol.core.errors import InputError

OFFSETS = np.array([0, 100, 250, 300, 420, 600])
NAMES = ["a", "b", "c", "d", "e"]


def shown(seed=0):
    return np.random.default_rng(seed).random((600, 2)) < 0.3


@pytest.mark.parametrize("count", [2, 3, 5, 9])
def test_a_recording_is_whole_in_one_fold(count):
    folds = splits.by_group(OFFSETS, NAMES, shown(), count, 0)
    assert folds.folds == min(count, 5)
    parts = [np.unique(folds.of[a:b]) for a, b in zip(OFFSETS[:-1], OFFSETS[1:], strict=True)]
    assert all(len(part) == 1 for part in parts)
    assert set(np.concatenate(parts)) == set(range(folds.folds))


def test_animals_of_several_recordings_stay_together():
    groups = ["x", "y", "x", "y", "z"]
    folds = splits.by_group(OFFSETS, groups, shown(), 3, 0, "animals")
    assert folds.of[0] == folds.of[260] and folds.of[150] == folds.of[350]


def test_a_behaviour_of_few_recordings_is_shared_out():
    rare = np.zeros((600, 1), bool)
    rare[10:90], rare[430:500] = True, True  # in the first and the last recording
    for seed in range(5):
        folds = splits.by_group(OFFSETS, NAMES, rare, 2, seed)
        assert folds.of[0] != folds.of[500]


def test_a_block_is_far_from_what_trains():
    folds = splits.blocks(np.array([0, 500, 1000]), 5, 30)
    for held in ([2], [0, 4], [1, 2]):
        free = splits.training(folds, np.array([0, 500, 1000]), held)
        tested, kept = np.flatnonzero(np.isin(folds.of, held)), np.flatnonzero(free)
        near = np.abs(tested[:, None] - kept)
        same = (tested[:, None] < 500) == (kept < 500)
        assert near[same].min() == 31
    assert splits.training(folds, np.array([0, 500, 1000]), [2]).sum() == 2 * (400 - 60)


def test_a_gap_does_not_reach_into_another_recording():
    offsets = np.array([0, 500, 1000])
    folds = splits.blocks(offsets, 5, 30)
    free = splits.training(folds, offsets, [4])  # the last block of each
    assert free[500:530].all() and not free[370:500].any()


def test_blocks_that_gaps_would_eat_are_refused():
    with pytest.raises(InputError, match="too few for 5 blocks"):
        splits.blocks(np.array([0, 300]), 5, 75)


def test_folds_of_somebody_are_taken_if_they_are_fair():
    fair = np.repeat([0, 1, 1, 0, 2], np.diff(OFFSETS))
    assert (splits.given(fair, OFFSETS, NAMES, 9).of == fair).all()
    halves = np.repeat([0, 1], [300, 300])
    assert splits.given(halves, np.array([0, 600]), ["a"], 9).gap == 9
    torn = fair.copy()
    torn[:50] = 1
    with pytest.raises(InputError, match="in several folds"):
        splits.given(torn, OFFSETS, NAMES, 9)
    for bad in (np.arange(600) % 5, np.random.default_rng(0).integers(0, 5, 600)):
        with pytest.raises(InputError, match="single frames are refused"):
            splits.given(bad, OFFSETS, NAMES, 9)
        with pytest.raises(InputError, match="single frames are refused"):
            splits.given(bad, np.array([0, 600]), ["a"], 9)
    with pytest.raises(InputError, match="two or more"):
        splits.given(np.zeros(600, int), OFFSETS, NAMES, 9)


def test_the_table_of_folds_gives_every_frame_back():
    folds = splits.blocks(np.array([0, 400, 900]), 4, 10)
    told = splits.table(folds, np.array([0, 400, 900]), ["a", "b"])
    back = np.full(900, -1)
    for name, fold, start, stop in zip(*told.values(), strict=True):
        back[{"a": 0, "b": 400}[name] + np.arange(start, stop)] = fold
    assert (back == folds.of).all()
