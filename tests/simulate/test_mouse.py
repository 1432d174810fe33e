"""The mouse's body: a valid skeleton, and clothes that fit in every pose."""

import numpy as np

from gambol.simulate import mouse
from gambol.simulate.motion import move


def _joints():
    floor = np.array([[0.0, 0.0], [400.0, 300.0]])
    return move(np.random.default_rng(0), 30, 30.0, floor).joints[:, 0]


def test_the_skeleton_is_one_tree_that_mirrors():
    skeleton = mouse.skeleton()
    assert skeleton.keypoints == mouse.KEYPOINTS and len(skeleton.roots) == 1
    assert skeleton.flippable
    nose, ear = skeleton.index("nose"), skeleton.index("left_ear")
    assert skeleton.swap[nose] == -1 and skeleton.swap[ear] == skeleton.index("right_ear")


def test_left_is_left_for_an_animal_seen_from_above():
    joints = _joints()
    ahead = (joints[:, mouse.JOINT["nose"]] - joints[:, mouse.JOINT["neck"]])[:, :2]
    across = (joints[:, mouse.JOINT["left_ear"]] - joints[:, mouse.JOINT["right_ear"]])[:, :2]
    # y points down: facing +x, the left ear is at smaller y
    assert (ahead[:, 0] * across[:, 1] - ahead[:, 1] * across[:, 0] < 0).all()


def test_clothes_scale_and_move_with_the_animal():
    joints = _joints()
    small, large = mouse.dress(joints, 1.0), mouse.dress(joints + [10.0, -3.0, 0.0], 2.0)
    shift = [20.0, -6.0, 0.0, 0.0]
    assert np.allclose(2.0 * small.start + shift, large.start)
    assert np.allclose(2.0 * small.stop + shift, large.stop)


def test_the_body_is_about_ninety_mm_long_and_thirty_wide():
    trunk = mouse.dress(_joints()[0], 1.0)
    fur = trunk.part == mouse.PARTS.index("trunk")
    assert 28.0 < 2 * trunk.start[fur, 3].max() < 31.0
    reach = [mouse.JOINT[name] for name in ("nose", "neck", "back", "tail_base")]
    steps = np.diff(_joints()[0, reach], axis=0)
    assert 84.0 < np.linalg.norm(steps, axis=1).sum() < 90.5
