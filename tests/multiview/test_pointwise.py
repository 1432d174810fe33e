"""What every tier that takes points one by one has to hold, and what they share."""

import numpy as np
import pytest
from filmed import ring, see, walk
from scipy.stats import chi2
from tiered import problem, solve

from gambol.multiview import pointwise

POINTWISE = ["dlt", "median", "msac", "refine"]


def test_arrays_by_point_come_back_by_frame():
    rig = ring(3)
    one = problem(see(walk(7), rig), rig)
    numbers = np.arange(7 * 3 * 5.0).reshape(7, 3, 5)
    np.testing.assert_array_equal(pointwise.by_frame(pointwise.by_point(numbers), one), numbers)


def test_weights_are_confidence_over_variance():
    rig = ring(2)
    xy = see(walk(1), rig)
    confidence = np.random.default_rng(0).uniform(0.1, 1, xy.shape[:3])
    variance = np.full(xy.shape[:3], np.nan)
    variance[0, 0, :3] = 1.0, 4.0, 16.0
    _, weight = pointwise.observations(
        problem(xy, rig, confidence=confidence, variance=variance)
    )
    told = np.where(np.isnan(variance), 4.0, variance)  # the median of the known
    expected = pointwise.by_point(confidence * 4.0 / told)
    np.testing.assert_allclose(weight, expected)


def test_the_noise_that_was_planted_is_found_in_every_view():
    rig, xyz = ring(5), walk(400)
    planted = np.array([0.5, 1.0, 2.0, 4.0, 3.0])
    xy = see(xyz, rig, noise=0.0)
    xy += np.random.default_rng(0).normal(0, 1, xy.shape) * planted[:, None, None]
    found = pointwise.noise(
        problem(xy, rig), xyz.reshape(-1, 3), np.ones((400 * 5, 5), bool)
    )  # at the truth the images are farther off than at points made from them
    ratio = np.sqrt(found) / planted
    np.testing.assert_allclose(ratio, np.sqrt(10 / 7), rtol=0.06)


def test_variance_grows_as_confidence_falls_and_what_is_known_is_taken():
    rig = ring(2)
    xy = see(walk(1), rig)
    xy[0, 0, 4] = np.nan
    confidence = np.full(xy.shape[:3], 0.5)
    confidence[0, 1, 0] = 0.0
    variance = np.full(xy.shape[:3], np.nan)
    variance[0, 1, 1] = 9.0
    found = pointwise.variances(
        problem(xy, rig, confidence=confidence, variance=variance), np.array([1.0, 2.0])
    )
    assert found[2].tolist() == [2.0, 4.0]
    assert found[1].tolist() == [2.0, 9.0]
    assert np.isinf(found[0, 1])
    assert np.isinf(found[4, 0])


@pytest.mark.parametrize("kind", POINTWISE)
def test_finds_the_animal_where_it_is(kind):
    rig, xyz = ring(4), walk(50)
    found = solve(kind, see(xyz, rig, noise=0.0), rig)
    np.testing.assert_allclose(found.xyz, xyz, atol=1e-5)
    assert np.nanmax(found.outlier) < 0.01


@pytest.mark.parametrize("kind", POINTWISE)
@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("views", [2, 4])
def test_few_frames_and_views_and_nothing_seen_are_no_trouble(kind, frames, views):
    rig, xyz = ring(views), walk(frames)
    xy = see(xyz, rig)
    xy[:, :, 2] = np.nan  # a keypoint never seen
    xy[0, :, 3] = np.nan
    xy[:, 1:, 4] = np.nan  # seen by one view only
    found = solve(kind, xy, rig)
    assert np.isnan(found.xyz[:, [2, 4]]).all()
    assert np.isfinite(found.xyz[:, :2]).all()
    assert (np.isnan(found.outlier) == np.isnan(xy[..., 0])).all()
    assert np.isnan(solve(kind, np.full_like(xy, np.nan), rig).xyz).all()


@pytest.mark.parametrize("kind", POINTWISE)
def test_a_view_of_nothing_is_a_view_left_out(kind):
    rig = ring(5)
    xy = see(walk(40), rig, noise=2.0)
    blind = xy.copy()
    blind[:, 2] = np.nan
    fewer = rig.select([name for name in rig if name != "cam2"])
    one, two = solve(kind, blind, rig), solve(kind, np.delete(xy, 2, axis=1), fewer)
    np.testing.assert_allclose(one.xyz, two.xyz, rtol=0, atol=1e-9)
    np.testing.assert_allclose(one.covariance, two.covariance, rtol=1e-7)


@pytest.mark.parametrize("kind", ["dlt", "msac", "refine"])
def test_another_world_has_the_same_covariance_turned_and_scaled(kind):
    rig = ring(4)
    xy = see(walk(40), rig, noise=2.0)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    here = solve(kind, xy, rig)
    there = solve(kind, xy, rig.moved(turn, np.array([9e3, 0, -40]), 0.01))
    expected = 1e-4 * np.einsum("ab,tjbc,dc->tjad", turn, here.covariance, turn)
    np.testing.assert_allclose(there.covariance, expected, rtol=1e-3, atol=1e-10)


@pytest.mark.parametrize("kind", ["dlt", "msac", "refine"])
def test_regions_cover_what_they_say(kind):
    rig, xyz = ring(5), walk(800)
    found = solve(kind, see(xyz, rig, noise=2.0, missing=0.1), rig)
    ok = np.isfinite(found.covariance[..., 0, 0])
    off = (found.xyz - xyz)[ok]
    score = np.einsum("ni,nij,nj->n", off, np.linalg.inv(found.covariance[ok]), off)
    assert 0.93 < (score < chi2.ppf(0.95, 3)).mean() < 0.97
    np.testing.assert_allclose(found.learned["noise_px"], 2.0, rtol=0.06)


@pytest.mark.parametrize("kind", ["dlt", "msac", "refine"])
def test_known_variances_are_believed(kind):
    rig, xyz = ring(3), walk(300)
    rng = np.random.default_rng(3)
    sd = rng.choice([1.0, 8.0], (300, 3, 5))
    xy = see(xyz, rig, noise=0.0) + rng.normal(0, 1, (300, 3, 5, 2)) * sd[..., None]
    told = solve(kind, xy, rig, variance=sd**2)
    off = [np.nanmean(np.abs(found.xyz - xyz)) for found in (told, solve(kind, xy, rig))]
    assert off[0] < 0.85 * off[1]
