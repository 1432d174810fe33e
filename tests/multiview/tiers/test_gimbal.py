"""The tier with nothing given, with a prior, with known noise; and what it falls back to."""

import numpy as np
import pytest
from animals3d import LENGTH, SKELETON, UP, filmed, model, moving, ring, states
from rats import Rat
from scipy.stats import chi2

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.multiview import smooth
from gambol.multiview.noise import Noise
from gambol.multiview.pose_prior import PosePrior
from gambol.multiview.tiers import distance, gimbal, robust
from gambol.multiview.tiers.base import Problem, tiers


def problem(given, skeleton=SKELETON):
    shape = given.prior.shape
    times = np.arange(shape[0]) / 30
    return Problem(
        given.xy, np.ones(shape), np.full(shape, np.nan), given.params, times, skeleton, UP
    )


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    given = model(150, eta=6.0)
    xyz = moving(rng, given, 100)
    return problem(filmed(rng, given, xyz)), xyz


@pytest.fixture(scope="module")
def prior():
    planted = states()
    return PosePrior(
        SKELETON.keypoints, SKELETON.parent, "mm", UP, ("back", "neck"),
        np.exp(planted.log_weights), planted.directions, planted.concentration,
    )  # fmt: skip


def error(solved, xyz):
    return np.linalg.norm(solved.xyz - xyz, axis=-1).mean()


def covered(solved, xyz, share):
    off = solved.xyz - xyz
    square = np.einsum("tja,tjab,tjb->tj", off, np.linalg.inv(solved.covariance), off)
    return (square < chi2(3).ppf(share)).mean()


def test_with_nothing_given_it_learns_and_is_honest(world):
    given, xyz = world
    found = tiers.build(tiers.parse({"kind": "gimbal"}))(given)
    plain = robust.build(robust.Robust())(given)
    assert error(found, xyz) < error(plain, xyz)
    assert 0.9 < covered(found, xyz, 0.95) < 0.98
    assert found.learned["strength"] < 1  # frames resemble their neighbours
    assert found.heading.shape == (150,)
    np.testing.assert_allclose(found.state_probability.sum(axis=1), 1)
    lengths = found.learned["bone_length"]
    np.testing.assert_allclose(lengths[1:], LENGTH[1:], rtol=0.1)


def test_a_prior_that_is_given_is_used(world, prior):
    given, xyz = world
    found = gimbal.with_prior(gimbal.Gimbal(), prior)(given)
    assert found.learned["states"] == 3
    assert error(found, xyz) < error(robust.build(robust.Robust())(given), xyz)


def test_a_chain_of_states_is_learned_too(world):
    given, xyz = world
    found = gimbal.build(gimbal.Gimbal(dynamics="hmm", states=3))(given)
    plain = gimbal.build(gimbal.Gimbal(states=3))(given)
    assert error(found, xyz) < 1.05 * error(plain, xyz)


def test_windows_join_without_a_seam(world, prior):
    given, _ = world
    spec = gimbal.Gimbal(strength=0.5, cycles=200)
    whole = gimbal.with_prior(spec, prior)(given)
    parts = gimbal.with_prior(spec.model_copy(update={"window": 50}), prior)(given)
    assert np.abs(whole.xyz - parts.xyz).max() < 0.01  # mm
    assert np.median(np.abs(whole.xyz - parts.xyz)) < 0.001


def test_torch_finds_what_numba_finds(world, prior):
    given, xyz = world
    spec = gimbal.Gimbal(strength=0.5, window=50)
    found = gimbal.with_prior(spec.model_copy(update={"solver": "torch"}), prior)(given)
    plain = gimbal.with_prior(spec, prior)(given)
    assert np.sqrt(((found.xyz - plain.xyz) ** 2).mean()) < 0.1  # mm
    assert error(found, xyz) == pytest.approx(error(plain, xyz), rel=0.02)
    with pytest.raises(InputError, match="'torch' knows only"):
        gimbal.build(gimbal.Gimbal(solver="torch", rotation="full"))


def test_a_prior_of_another_skeleton_is_refused(world, prior):
    given, _ = world
    other = Skeleton(tuple("abcde"), SKELETON.parent)
    with pytest.raises(InputError, match="another skeleton"):
        gimbal.with_prior(gimbal.Gimbal(), prior)(given._replace(skeleton=other))


def test_few_frames_get_the_poses_of_distance_and_are_told_so(world):
    given, _ = world
    few = given.of_frames(slice(0, 12))
    found = gimbal.build(gimbal.Gimbal())(few)
    assert found.learned["tier"] == "distance"
    assert "12 frames show half of the keypoints well; 40" in found.learned["why"]
    plain = distance.build(distance.Distance())(few)
    np.testing.assert_allclose(found.xyz, plain.xyz, atol=0.01)


def test_without_bones_there_are_no_poses(world):
    given, _ = world
    found = gimbal.build(gimbal.Gimbal())(given._replace(skeleton=Skeleton(tuple("abcde"))))
    assert "no bone" in found.learned["why"]
    assert np.isfinite(found.xyz).all()


@pytest.mark.parametrize("frames", [1, 2])
def test_a_moment_is_solved_with_a_prior(world, prior, frames):
    given, xyz = world
    found = gimbal.with_prior(gimbal.Gimbal(), prior)(given.of_frames(slice(0, frames)))
    assert error(found, xyz[:frames]) < 10
    assert (np.linalg.eigvalsh(found.covariance) > 0).all()


def test_two_views_are_enough(world, prior):
    given, xyz = world
    two = given._replace(
        xy=given.xy[:, :2], confidence=given.confidence[:, :2], variance=given.variance[:, :2],
        params=ring()[:2],
    )  # fmt: skip
    found = gimbal.with_prior(gimbal.Gimbal(), prior)(two)
    assert found.learned["strength"] == gimbal.MIDDLE
    assert error(found, xyz) < 15


def test_draws_agree_with_the_most_likely_poses(world, prior):
    given, _ = world
    few, spec = given.of_frames(slice(0, 30)), gimbal.Gimbal(strength=0.5)
    found = gimbal.with_prior(spec, prior)(few)
    drawn = gimbal.draw(np.random.default_rng(0), few, prior, spec, sweeps=100)
    sd = np.sqrt(np.einsum("tjaa->tja", found.covariance))
    assert np.sqrt((((drawn.mean - found.xyz) / sd) ** 2).mean()) < 0.4
    assert drawn.acceptance > 0.8


def test_a_rat_with_its_shipped_parameters(data):
    """50 frames, mm; the issue asks for 5.5, and 4.5 after rigid alignment."""
    rat = Rat(data / "rat_mocap")
    shape = rat.xy.shape[:3]
    given = Problem(
        rat.xy, np.ones(shape), np.full(shape, np.nan), rat.params, np.arange(50) / 30,
        rat.skeleton, UP,
    )  # fmt: skip
    fitted, planted = rat.fitted, rat.states()
    shipped = PosePrior(
        rat.skeleton.keypoints, rat.skeleton.parent, "mm", UP, ("SpineM", "SpineF"),
        np.exp(planted.log_weights), planted.directions, planted.concentration,
    )  # fmt: skip
    noise = Noise(*(fitted[f"obs_{k}"] for k in (
        "inlier_variance", "outlier_variance", "outlier_probability")))  # fmt: skip
    known = smooth.Model(noise, 30 * fitted["pos_dt_variance"], rat.bones())
    found = gimbal.solve(given, shipped, gimbal.Gimbal(), known)
    assert rat.error(found.xyz) <= 5.5  # measured 5.28
    assert rat.rigid_error(found.xyz) <= 4.5  # 4.19
    assert rat.error(found.xyz, rat.usual) <= 5.4  # 5.25
    assert rat.rigid_error(found.xyz, rat.usual) <= 4.3  # 4.15
