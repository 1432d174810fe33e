"""How the mouse moves: laws of its body that hold at every frame."""

import numpy as np
import pytest

from gambol.simulate import mouse
from gambol.simulate.behaviour import STATES
from gambol.simulate.motion import move

FLOOR = np.array([[22.0, 22.0], [457.0, 337.0]])
FPS = 30.0


@pytest.fixture(scope="module", params=[0, 1, 2])
def motion(request):
    """Two minutes of one seed."""
    return move(np.random.default_rng(request.param), 3600, FPS, FLOOR)


def _joint(motion, name):
    return motion.joints[:, 0, mouse.JOINT[name]]


def test_two_minutes_hold_no_nan_and_stay_on_the_floor(motion):
    assert np.isfinite(motion.joints).all()
    xy = motion.joints[..., :2]
    assert (xy > FLOOR[0]).all() and (xy < FLOOR[1]).all()
    assert (motion.joints[..., 2] > 0.0).all()


def test_planted_paws_do_not_slide(motion):
    for paw, name in enumerate(mouse.PAWS):
        planted = motion.stance[1:, 0, paw] & motion.stance[:-1, 0, paw]
        step = np.linalg.norm(np.diff(_joint(motion, name), axis=0), axis=1)
        assert planted.mean() > 0.2
        new_hold = planted & (step > 1e-6)  # lifted and set down again between two frames
        assert new_hold.mean() < 0.002


def test_diagonal_paws_step_together_when_walking(motion):
    walking = np.isin(motion.state[:, 0], [STATES.index("walk"), STATES.index("run")])
    left_fore, right_fore, left_hind, right_hind = motion.stance[walking, 0].T
    assert (left_fore == right_hind).mean() > 0.9
    assert (right_fore == left_hind).mean() > 0.9
    assert (left_fore == right_fore).mean() < 0.5
    assert (left_fore | right_fore).mean() > 0.9  # one of the two diagonals always carries


def test_the_links_of_the_body_keep_their_length(motion):
    links = {("back", "tail_base"): (30.0, 34.1), ("neck", "nose"): (27.999, 28.001)}
    links |= {("tail_1", "tail_2"): (9.7, 10.4), ("tail_7", "tail_tip"): (9.7, 9.9)}
    links |= {("left_ear", "right_ear"): (14.999, 15.001)}
    for (one, other), (least, most) in links.items():
        length = np.linalg.norm(_joint(motion, one) - _joint(motion, other), axis=1)
        assert least < length.min() and length.max() < most, (one, other)


def test_the_body_seen_from_above_is_short_only_when_bent_grooming_or_rearing(motion):
    spine = [_joint(motion, name)[:, :2] for name in ("tail_base", "back", "neck", "nose")]
    seen = sum(np.hypot(*(b - a).T) for a, b in zip(spine, spine[1:], strict=False))
    low = _joint(motion, "neck")[:, 2] < 17.0  # on four feet
    assert seen[low].min() > 80.0 and seen[low].max() < mouse.BODY_LENGTH
    high = _joint(motion, "neck")[:, 2] > 45.0
    if high.any():
        assert seen[high].max() < 75.0


def test_speeds_are_those_of_a_mouse(motion):
    speed = np.hypot(*np.diff(_joint(motion, "back")[:, :2], axis=0).T) * FPS
    by_state = {name: speed[motion.state[1:, 0] == k] for k, name in enumerate(STATES)}
    assert np.median(by_state["run"]) > 1.5 * np.median(by_state["walk"])
    assert 40 < np.median(by_state["walk"]) < 150 and speed.max() < 700
    assert np.median(by_state["rear"]) < 25
    acceleration = np.diff(_joint(motion, "back")[:, :2], n=2, axis=0) * FPS**2
    assert np.hypot(*acceleration.T).max() < 10_000  # 1 g: no jumps


def test_the_tail_follows_the_body_with_a_lag(motion):
    turn = [
        _turning(motion, *ends) for ends in (("tail_base", "tail_1"), ("tail_7", "tail_tip"))
    ]
    lags = range(0, 30)
    match = [[_correlation(turn[0], moved, lag) for lag in lags] for moved in turn]
    assert np.argmax(match[0]) == 0 and np.argmax(match[1]) > 2


def _turning(motion, one, other):
    along = (_joint(motion, other) - _joint(motion, one))[:, :2]
    angle = np.unwrap(np.arctan2(along[:, 1], along[:, 0]))
    return np.convolve(np.diff(angle), np.ones(5) / 5, mode="same")


def _correlation(a, b, lag):
    return np.corrcoef(a[: len(a) - lag], b[lag:])[0, 1]


def test_every_state_occurs_in_some_minutes_and_bouts_are_not_flickers():
    state = move(np.random.default_rng(3), 9000, FPS, FLOOR).state[:, 0]
    assert set(np.unique(state)) == set(range(len(STATES)))
    bouts = np.diff(np.flatnonzero(np.r_[True, np.diff(state) != 0, True]))
    assert bouts[1:-1].min() >= 9


def test_behaviour_is_defined_in_seconds_not_in_frames():
    shares = [
        np.bincount(move(np.random.default_rng(4), round(900 * fps), fps, FLOOR).state[:, 0])
        / round(900 * fps)
        for fps in (10.0, 50.0)
    ]
    assert np.abs(shares[0] - shares[1]).max() < 0.08


def test_the_same_generator_state_gives_the_same_motion():
    one, two = (move(np.random.default_rng(9), 60, FPS, FLOOR) for _ in range(2))
    assert np.array_equal(one.joints, two.joints) and np.array_equal(one.state, two.state)
