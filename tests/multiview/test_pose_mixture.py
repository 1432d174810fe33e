"""The number of states, and headings that are not known."""

import numpy as np
import pytest
from animals3d import LENGTH, SKELETON, UP, posing, states

from gambol.multiview.bones import Bones
from gambol.multiview.density import vectors
from gambol.multiview.pose_mixture import Learning, choose, mixture, told


def seen(rng, frames, turning=False, scatter=3.0, kappa=25.0):
    """Bones at headings known to ± 0.3 radians."""
    xyz, heading, _ = posing(rng, frames, kappa, scatter, turning)
    parent = np.array(SKELETON.parent)
    bones = Bones(parent, LENGTH, np.where(parent >= 0, scatter**2, 1.0))
    delta = vectors(xyz, bones)
    guess = heading + 0.3 * rng.standard_normal(frames) * turning
    c, s = np.cos(-guess), np.sin(-guess)
    x, y = delta[..., 0].copy(), delta[..., 1].copy()
    delta[..., 0] = c[:, None] * x - s[:, None] * y
    delta[..., 1] = s[:, None] * x + c[:, None] * y
    pull = np.where(parent >= 0, LENGTH / bones.variance, 0.0)
    return Learning(delta, np.tile(pull, (frames, 1)), UP, turning)


def test_headings_that_err_do_not_blur_the_states():
    rng = np.random.default_rng(0)
    given = seen(rng, 3000, turning=True)
    found = mixture(rng, given, 3)
    blurred = mixture(rng, given._replace(turning=False), 3)
    assert np.median(found.concentration[:, 1:]) == pytest.approx(25, rel=0.1)
    assert np.median(blurred.concentration[:, 1:]) < 18


def test_three_poses_need_more_than_two_states_and_not_many():
    rng = np.random.default_rng(0)
    assert choose(rng, seen(rng, 1200), 60) in (4, 8)


def test_one_pose_needs_one_state():
    rng = np.random.default_rng(0)
    *_, state = posing(np.random.default_rng(0), 1200, turning=False)
    same = seen(rng, 1200).of(state == 0)
    assert choose(np.random.default_rng(0), same, 20) == 1


def test_few_frames_have_one_state():
    rng = np.random.default_rng(0)
    assert choose(rng, seen(rng, 8), 5) == 1


def test_the_planted_states_tell_new_frames_best():
    rng = np.random.default_rng(0)
    given = seen(rng, 500)
    best = told(states(25.0), given).sum()
    assert best > told(states(5.0), given).sum()
    assert best > told(states(120.0), given).sum()
