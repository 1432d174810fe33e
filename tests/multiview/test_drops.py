"""Jumps of a lag: found where many blocks bear them out, with honest spans."""

import numpy as np
import pytest

from gambol.multiview import drops
from gambol.multiview.clocks import Clock
from gambol.multiview.disagreement import Slant
from gambol.multiview.lags import Drop, Lag

FRAMES = 600


def slant(whole, moves=True, seed=0):
    """Points that cross the epipolar lines by one sd of the noise a frame, where they move."""
    made = np.random.default_rng(seed)
    rate = made.choice([-1.0, 1.0], (FRAMES, 8)) * np.broadcast_to(moves, FRAMES)[:, None]
    return Slant(made.normal(size=rate.shape) - rate * whole[:, None], rate)


def step(*jumps):
    """A lag that changes by so much from so many frames on."""
    clock = np.arange(FRAMES)
    return sum(size * (clock >= at) for at, size in jumps) + np.zeros(FRAMES)


def found(truth, moves=True, jump=60.0, seed=0):
    jumps = drops.find(np.zeros(FRAMES), slant(truth, moves, seed), jump)
    clock = Clock(np.zeros(FRAMES), jumps.whole)
    return jumps, drops.drops(jumps, clock, "late", "ref")


@pytest.mark.parametrize("seed", range(5))
def test_several_gaps_are_found_where_they_are(seed):
    truth = step((150, -1), (300, -1), (420, 1))
    jumps, (first, second, third) = found(truth, seed=seed)
    np.testing.assert_allclose(jumps.whole[[0, 200, 350, 500]], [0, -1, -2, -1])
    assert [d.view for d in (first, second, third)] == ["late", "late", "ref"]
    assert [d.frames for d in (first, second, third)] == [1, 1, 1]
    assert abs(third.frame - 420) <= 3 and third.span[0] <= 420 <= third.span[1]
    assert first.span[0] <= 150 <= first.span[1] and second.span[0] <= 299 <= second.span[1]


@pytest.mark.parametrize("seed", range(5))
def test_a_gap_while_nothing_moves_may_be_anywhere_there(seed):
    clock = np.arange(FRAMES)
    moves = (clock < 200) | (clock > 300)
    _, (drop,) = found(step((260, -1)), moves, seed=seed)
    assert drop.frames == 1 and drop.span[0] <= 202 and drop.span[1] >= 298


@pytest.mark.parametrize("seed", range(5))
def test_two_gaps_that_look_like_one_lie_both_in_its_span(seed):
    clock = np.arange(FRAMES)
    moves = (clock < 200) | (clock > 300)
    _, (drop,) = found(step((220, -1), (280, -1)), moves, seed=seed)
    assert drop.frames == 2 and drop.span[0] <= 220 and drop.span[1] >= 278


def test_what_lies_beyond_the_last_movement_is_not_known():
    clock = np.arange(FRAMES)
    jumps, none = found(step((450, -1)), clock < 400)
    assert not none and (jumps.whole == 0).all()
    assert jumps.known[0] < 40 and 350 < jumps.known[1] <= 400


def test_an_error_that_lasts_a_moment_is_no_gap():
    truth = step((300, -3), (316, 3))
    jumps, none = found(truth)
    assert not none and jumps.doubted == ((300, 316),)


def test_without_movement_nothing_is_known():
    jumps, none = found(step((300, -1)), False)
    assert not none and jumps.known == (0, 0)


def test_a_gap_of_the_reference_counts_once():
    one, again = Drop("ref", 100, 1, (98, 102)), Drop("ref", 103, 1, (101, 106))
    other = Drop("late", 100, 1, (98, 102))
    assert drops.merged([one, other, again]) == (other, one)


def lag(view, known=(0, 600), refused=""):
    none = np.zeros(0)
    return Lag(view, 0.0, 0.0, 0.01, none, none, np.inf, refused, known)


def test_a_gap_of_the_reference_that_another_view_does_not_show_is_none():
    gap = Drop("ref", 300, 1, (295, 305))
    lags = lag("a"), lag("b")
    assert "gains 1 frame" in drops.implausible(lags[0], {"a": [gap], "b": []}, lags)
    assert not drops.implausible(lags[1], {"a": [gap], "b": []}, lags)
    assert not drops.implausible(lags[0], {"a": [gap], "b": [gap]}, lags)
    blind = lag("a"), lag("b", known=(400, 600))
    assert not drops.implausible(blind[0], {"a": [gap], "b": []}, blind)


def test_gaps_of_many_frames_that_cancel_are_a_rhythm():
    there = Drop("ref", 300, 22, (295, 305))
    back = Drop("a", 400, 22, (395, 405))
    assert "to and fro" in drops.implausible(lag("a"), {"a": [there, back]}, (lag("a"),))
