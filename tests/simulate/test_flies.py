"""How flies move and court."""

import numpy as np
import pytest

from gambol.simulate import fly
from gambol.simulate.flies import APPROACHES, HABITS, move_all

FLOOR = np.array([[1.0, 1.0], [22.0, 15.0]])
FPS = 30.0


@pytest.fixture(scope="module")
def motion():
    return move_all(np.random.default_rng(1), 3, 3600, FPS, FLOOR)


def _joint(motion, name):
    return motion.joints[:, :, fly.JOINT[name]]


def test_bodies_are_rigid_and_whole(motion):
    assert np.isfinite(motion.joints).all()
    eyes = np.linalg.norm(_joint(motion, "eyeL") - _joint(motion, "eyeR"), axis=-1)
    assert np.allclose(eyes, 2 * fly.EYE[1] * motion.size)
    wing = np.linalg.norm(_joint(motion, "wingL") - _joint(motion, "thorax"), axis=-1)
    assert (wing < 2.5 * motion.size).all()


def test_planted_feet_do_not_slide(motion):
    for leg, name in enumerate(fly.LEGS):
        planted = motion.stance[1:, :, leg] & motion.stance[:-1, :, leg]
        step = np.linalg.norm(np.diff(_joint(motion, name)[..., :2], axis=0), axis=-1)
        # at 10 steps a second a foot is lifted and set down between two frames at times
        assert (planted & (step > 1e-6)).mean() < 0.2
        assert planted.mean() > 0.2


def test_feet_stay_within_reach(motion):
    for name in fly.LEGS:
        reach = np.hypot(
            *np.moveaxis((_joint(motion, name) - _joint(motion, "thorax"))[..., :2], -1, 0)
        )
        assert np.quantile(reach, 0.999) < 3.2


def test_three_legs_step_together_when_walking(motion):
    walking = motion.state == [*HABITS].index("walk")
    stance = motion.stance[walking]
    assert (stance[:, 3] == stance[:, 4]).mean() > 0.99  # right middle with left hind
    assert (stance[:, 2] == stance[:, 5]).mean() > 0.99  # left middle with right hind
    assert (stance[:, 2] == stance[:, 3]).mean() < 0.9


def test_walking_speeds_are_those_of_flies(motion):
    speed = (
        np.hypot(*np.moveaxis(np.diff(_joint(motion, "thorax")[..., :2], axis=0), -1, 0)) * FPS
    )
    walking = motion.state[1:] == [*HABITS].index("walk")
    assert 2.0 < np.median(speed[walking]) < 15.0 and speed.max() < 40.0  # mm/s


def test_a_singing_fly_opens_one_wing(motion):
    sing = len(HABITS) + 1 + [a.name for a in APPROACHES].index("sing")
    spread = []
    for side in "LR":
        wing = (_joint(motion, f"wing{side}") - _joint(motion, "thorax"))[..., :2]
        ahead = (_joint(motion, "head") - _joint(motion, "thorax"))[..., :2]
        dot = (wing * ahead).sum(axis=-1)
        spread.append(np.arccos(dot / np.hypot(*wing.T).T / np.hypot(*ahead.T).T))
    open_wings = np.stack(spread) < 2.2  # rad from straight ahead
    singing, alone = motion.state == sing, motion.state < len(HABITS)
    assert singing.sum() > 60
    assert open_wings[:, singing].any(axis=0).mean() > 0.4
    assert open_wings[:, singing].all(axis=0).mean() < 0.1
    assert open_wings[:, alone].any(axis=0).mean() < 0.15


def test_flies_touch_overlap_and_part(motion):
    thorax = _joint(motion, "thorax")
    gap = np.hypot(*(thorax[:, 0] - thorax[:, 1])[:, :2].T)
    assert gap.min() < 0.8 and gap.max() > 5.0
    deep = gap < 0.5
    assert deep.any()
    assert (np.abs(thorax[deep, 0, 2] - thorax[deep, 1, 2]) > 0.5).mean() > 0.9


def test_identical_flies_have_one_size(motion):
    same = move_all(np.random.default_rng(1), 2, 60, FPS, FLOOR, identical=True)
    assert (same.size == 1.0).all() and len(np.unique(motion.size)) == 3
