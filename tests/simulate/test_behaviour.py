"""Bouts and commands."""

import numpy as np
import pytest

from gambol.simulate.behaviour import HABITS, STATES, command, ease


def test_every_state_can_be_reached_and_left():
    assert set(HABITS) == set(STATES)
    reachable = {after for habit in HABITS.values() for after in habit.then}
    assert reachable == set(STATES)
    assert all(name not in habit.then for name, habit in HABITS.items())


def test_bouts_last_as_long_as_the_habit_says():
    fps = 50.0
    state = command(np.random.default_rng(0), 300_000, fps).state
    starts = np.flatnonzero(np.r_[True, np.diff(state) != 0])
    lengths = np.diff(starts) / fps
    for k, name in enumerate(STATES):
        mean = lengths[state[starts[:-1]] == k].mean()
        assert mean == pytest.approx(HABITS[name].seconds, rel=0.12), name


def test_commands_are_smooth_and_belong_to_their_state():
    c = command(np.random.default_rng(1), 20_000, 30.0)
    assert np.abs(np.diff(c.speed)).max() < 60.0  # mm/s from frame to frame
    rearing, grooming = c.state == STATES.index("rear"), c.state == STATES.index("groom")
    assert c.rear[rearing].mean() > 0.55 and c.rear[grooming].mean() < 0.1
    assert c.groom[grooming].mean() > 0.8 and c.groom[rearing].mean() < 0.1
    for share in (c.rear, c.groom):
        assert share.min() >= 0.0 and share.max() <= 1.0


def test_easing_keeps_the_mean_and_has_no_lag():
    step = np.r_[np.zeros(50), np.ones(50)]
    eased = ease(step, 0.1, 30.0)
    assert eased.sum() == pytest.approx(step.sum())
    assert eased[49] + eased[50] == pytest.approx(1.0)
