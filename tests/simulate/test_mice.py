"""Several mice obey the laws of one mouse, and some more."""

import numpy as np
import pytest

from gambol.simulate import mouse
from gambol.simulate.behaviour import STATES
from gambol.simulate.mice import APPROACHES, move_all
from gambol.simulate.motion import move

FLOOR = np.array([[29.0, 29.0], [610.0, 450.0]])
FPS = 30.0


@pytest.fixture(scope="module", params=[2, 4])
def motion(request):
    return move_all(np.random.default_rng(7), request.param, 1800, FPS, FLOOR)


def _joint(motion, name):
    return motion.joints[:, :, mouse.JOINT[name]]


def test_one_mouse_moves_as_it_does_alone():
    one = move_all(np.random.default_rng(3), 1, 200, FPS, FLOOR)
    alone = move(np.random.default_rng(3), 200, FPS, FLOOR)
    assert np.array_equal(one.joints, alone.joints) and one.states == STATES


def test_all_bodies_stay_whole_and_on_the_floor(motion):
    assert np.isfinite(motion.joints).all()
    assert (motion.joints[..., :2] > FLOOR[0]).all()
    assert (motion.joints[..., :2] < FLOOR[1]).all()
    skull = np.linalg.norm(_joint(motion, "neck") - _joint(motion, "nose"), axis=-1)
    assert np.allclose(skull, 28.0 * motion.size)


def test_sizes_differ_unless_the_animals_are_identical(motion):
    assert len(np.unique(motion.size)) == len(motion.size)
    assert (np.abs(motion.size - 1.0) < 0.15).all()
    same = move_all(np.random.default_rng(7), 2, 60, FPS, FLOOR, identical=True)
    assert (same.size == 1.0).all()


def test_no_animal_jumps(motion):
    step = np.hypot(*np.moveaxis(np.diff(_joint(motion, "back")[..., :2], axis=0), -1, 0))
    assert step.max() * FPS < 700.0


def test_mice_touch_part_and_meet_again(motion):
    back = _joint(motion, "back")[..., :2]
    gap = np.hypot(*(back[:, 0] - back[:, 1]).T)
    assert gap.min() < 40.0 and gap.max() > 200.0


def test_deep_overlap_is_climbing_and_never_passing_through(motion):
    back = _joint(motion, "back")
    for i in range(len(motion.size)):
        for k in range(i):
            deep = np.hypot(*(back[:, i] - back[:, k])[:, :2].T) < 12.0
            apart = np.abs(back[deep, i, 2] - back[deep, k, 2])
            assert (apart > 15.0).mean() > 0.9 if deep.any() else True


def test_states_name_what_is_done_with_others(motion):
    assert motion.states == (*STATES, "approach", *(a.name for a in APPROACHES))
    assert motion.state.min() >= 0 and motion.state.max() < len(motion.states)
    social = motion.state >= len(STATES)
    assert 0.05 < social.mean() < 0.8
