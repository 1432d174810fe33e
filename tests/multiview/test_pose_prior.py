"""Typical poses: planted ones come back, and those of another animal are refused."""

import numpy as np
import pytest
from animals3d import LENGTH, SKELETON, UP, posing, states

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.kernels import rotation
from gambol.multiview import pose_prior
from gambol.multiview.bones import Bones

SCATTER = 3.0
AXIS = ("back", "neck")


def bones(scatter=SCATTER):
    parent = np.array(SKELETON.parent)
    return Bones(parent, LENGTH, np.where(parent >= 0, scatter**2, 1.0))


def learned(xyz, **more):
    rng = np.random.default_rng(0)
    return pose_prior.fit_prior(rng, xyz, SKELETON, bones(), **{"n_states": 3, **more})


def matched(prior):
    """The order of learned states in which they are the planted ones."""
    planted = states().directions[:, 2:]
    close = np.einsum("sja,rja->sr", planted, prior.directions[:, 2:])
    return close.argmax(axis=1)


def test_planted_states_and_concentrations_come_back():
    xyz, _, state = posing(np.random.default_rng(0), 3000, turning=False)
    prior = learned(xyz, turning="none")
    order = matched(prior)
    assert sorted(order) == [0, 1, 2]
    np.testing.assert_allclose(prior.weights[order], np.bincount(state) / 3000, atol=0.01)
    found = prior.concentration[order, 1:]  # each ± 5 %
    assert found.mean() == pytest.approx(25, rel=0.05)
    assert np.sqrt(((found / 25 - 1) ** 2).mean()) < 0.1
    angle = np.arccos((prior.directions[order, 1:] * states().directions[:, 1:]).sum(-1))
    assert np.degrees(angle).max() < 1


def test_raw_directions_of_noisy_points_are_not_taken_for_the_animals():
    """σ = 12 of ρ = 30 makes directions scatter; the density knows."""
    xyz, *_ = posing(np.random.default_rng(0), 4000, scatter=12.0, turning=False)
    rng = np.random.default_rng(0)
    prior = pose_prior.fit_prior(rng, xyz, SKELETON, bones(12.0), n_states=3, turning="none")
    found = prior.concentration[matched(prior), 1:]
    np.testing.assert_allclose(np.median(found), 25, rtol=0.1)
    delta = xyz[:, 3] - xyz[:, 1]
    raw = delta / np.linalg.norm(delta, axis=-1, keepdims=True)
    sure = np.linalg.norm(raw.mean(0))
    assert 1 / (1 - sure) < 12


def test_covariance_of_the_poses_counts_as_scatter():
    rng = np.random.default_rng(0)
    xyz, *_ = posing(rng, 3000, turning=False)
    noisy = xyz + 8 * rng.standard_normal(xyz.shape)
    covariance = np.broadcast_to(64 * np.eye(3), (*xyz.shape, 3)).copy()
    naive = np.median(learned(noisy, turning="none").concentration[:, 1:])
    aware = np.median(
        learned(noisy, turning="none", covariance=covariance).concentration[:, 1:]
    )
    assert naive < 0.8 * 25
    assert aware == pytest.approx(25, rel=0.15)


def test_states_are_those_of_an_animal_that_turned_about():
    xyz, *_ = posing(np.random.default_rng(0), 3000)
    prior = learned(xyz, body_axis=AXIS)
    order = matched(prior)
    assert sorted(order) == [0, 1, 2]
    # its own axis now points straight ahead, so the states stand turned by less than it errs
    lying = prior.directions[order[0]]
    assert np.degrees(np.arccos((lying * states().directions[0])[1:].sum(-1))).max() < 5


def test_headings_are_angles_from_forward():
    xyz, heading, _ = posing(np.random.default_rng(0), 500, kappa=1000.0, scatter=0.1)
    found = pose_prior.headings(xyz, SKELETON, AXIS, UP)
    off = np.degrees(np.angle(np.exp(1j * (found - heading))))
    assert np.abs(np.median(off)) < 5


def test_missing_points_are_skipped():
    rng = np.random.default_rng(0)
    xyz, *_ = posing(rng, 3000, turning=False)
    xyz[rng.random(xyz.shape[:2]) < 0.15] = np.nan
    prior = learned(xyz, turning="none")
    np.testing.assert_allclose(np.median(prior.concentration[:, 1:]), 25, rtol=0.1)


def test_moves_go_from_rows_to_columns():
    rng = np.random.default_rng(0)
    moves = np.array([[0.9, 0.1, 0.0], [0.0, 0.9, 0.1], [0.1, 0.0, 0.9]])  # a circle
    xyz, _, state = posing(rng, 6000, turning=False)
    path = [0]
    for _ in range(2999):
        path.append(int(rng.choice(3, p=moves[path[-1]])))
    taken = [iter(np.flatnonzero(state == s).tolist() * 2) for s in range(3)]
    ordered = xyz[[next(taken[s]) for s in path]]
    prior = learned(ordered, turning="none", chained=True)
    order = matched(prior)
    np.testing.assert_allclose(prior.transition[np.ix_(order, order)], moves, atol=0.03)
    np.testing.assert_allclose(prior.transition.sum(axis=1), 1)


def test_another_up_turns_the_states_with_it():
    xyz, *_ = posing(np.random.default_rng(0), 400)
    prior = learned(xyz, body_axis=AXIS)
    up = np.array([0.0, -1.0, 0.0])
    turn = pose_prior.world(up)
    turned = learned(xyz @ turn.T, body_axis=AXIS, up=up)
    np.testing.assert_allclose(
        pose_prior.states_for(prior, up).directions[:, 1:],
        pose_prior.states_for(turned, up).directions[:, 1:],
        atol=1e-6,
    )
    assert np.linalg.det(turn) == pytest.approx(1)
    np.testing.assert_allclose(turn @ UP, up, atol=1e-12)
    np.testing.assert_allclose(rotation.nearest(turn), turn, atol=1e-12)


def test_the_axis_runs_along_the_middle_to_where_the_animal_moves():
    xyz, *_ = posing(np.random.default_rng(0), 200, turning=False)
    xyz += np.arange(200)[:, None, None] * np.array([5.0, 0, 0])
    assert pose_prior.find_axis(xyz, SKELETON, UP) == ("back", "nose")
    assert pose_prior.find_axis(xyz[::-1], SKELETON, UP) == ("nose", "back")


def test_a_prior_of_another_skeleton_is_refused():
    xyz, *_ = posing(np.random.default_rng(0), 400)
    prior = learned(xyz, body_axis=AXIS)
    pose_prior.check_fits(prior, SKELETON)
    with pytest.raises(InputError, match="only one of the two has 'tail'"):
        pose_prior.check_fits(prior, Skeleton((*SKELETON.keypoints, "tail")))
    other = Skeleton(SKELETON.keypoints, (-1, 0, 0, 1, 1))
    with pytest.raises(InputError, match="hangs 'nose' on keypoint 1"):
        pose_prior.check_fits(prior, other)
    mixed = Skeleton(SKELETON.keypoints[::-1])
    with pytest.raises(InputError, match="order differs"):
        pose_prior.check_fits(prior, mixed)


def test_poses_that_show_nothing_teach_nothing():
    with pytest.raises(InputError, match="0 of 30 frames show"):
        learned(np.full((30, 5, 3), np.nan), body_axis=AXIS)


def test_the_same_seed_learns_the_same():
    xyz, *_ = posing(np.random.default_rng(0), 300)
    one, two = learned(xyz), learned(xyz)
    np.testing.assert_array_equal(one.directions, two.directions)
