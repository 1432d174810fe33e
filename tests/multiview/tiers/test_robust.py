import numpy as np
import pytest
from planted_poses import SKELETON, covered, error, filmed, glides, poses, problem

from gambol.multiview.tiers.base import tiers


def world(seed=0, frames=120, outliers=0.1, **more):
    rng = np.random.default_rng(seed)
    x = poses(rng, frames)
    data, wrong = filmed(rng, x, outliers=outliers, **more)
    return x, problem(data), wrong


def solve(given, **settings):
    return tiers.build(tiers.parse({"kind": "robust", **settings}))(given)


@pytest.mark.parametrize("noise", ["mixture", "student"])
def test_outliers_do_no_harm_and_are_said(noise):
    x, given, wrong = world()
    found = solve(given, noise=noise)
    assert error(found.xyz, x) < 4.0
    seen = np.isfinite(found.outlier)
    assert found.outlier[seen & wrong].mean() > 0.7
    assert np.isnan(found.outlier[np.isnan(given.xy[..., 0])]).all()
    assert len(found.learned["step"]) == len(SKELETON)


def test_ellipsoids_hold_what_they_promise_with_all_learned():
    for outliers in (0.0, 0.1):
        x, given, _ = world(1, outliers=outliers)
        half, most = covered(solve(given), x)
        assert 0.43 < half < 0.57
        assert 0.90 < most < 0.98


def test_confidence_tells_outliers_where_views_cannot():
    """Of two views that disagree, the one that is less sure is wrong."""
    rng = np.random.default_rng(2)
    x, given, wrong = world(2, views=3, outliers=0.25)
    sure = np.where(wrong, rng.beta(2, 8, wrong.shape), rng.beta(8, 2, wrong.shape))
    blind, told = solve(given), solve(given._replace(confidence=sure))
    assert error(told.xyz, x) < 0.9 * error(blind.xyz, x)
    assert told.learned["confidence_slope"] > 0


def test_a_variance_from_the_detector_is_believed():
    """Half of the observations are ten times less certain, and say so."""
    rng = np.random.default_rng(3)
    x, given, _ = world(3, outliers=0.0, px=1.0)
    loose = rng.random(given.confidence.shape) < 0.5
    sd = np.where(loose, 10.0, 0.0)
    given = given._replace(xy=given.xy + sd[..., None] * rng.normal(size=given.xy.shape))
    told = solve(given._replace(variance=np.where(loose, 101.0, 1.0)))
    assert error(told.xyz, x) < 0.8 * error(solve(given).xyz, x)


def test_a_step_that_is_given_is_used():
    _, given, _ = world(4, frames=30)
    stiff, free = solve(given, step=0.01), solve(given, step=100.0)
    assert stiff.learned["step"][0] == 0.01
    assert np.diff(stiff.xyz, axis=0).std() < 0.2 * np.diff(free.xyz, axis=0).std()


@pytest.mark.parametrize("kind", ["robust", "smooth"])
def test_velocities_that_walk_are_learned_and_better_for_fast_smooth_motion(kind):
    rng = np.random.default_rng(5)
    times = np.arange(150) / 30
    x = glides(rng, times, 40.0)
    data, _ = filmed(rng, x, outliers=0.1 if kind == "robust" else 0.0)
    given = problem(data._replace(times=times))
    tier = {"kind": kind, "dynamics": "velocity"}
    found = tiers.build(tiers.parse(tier))(given)
    walk = tiers.build(tiers.parse({"kind": kind}))(given)
    assert error(found.xyz, x) < 0.8 * error(walk.xyz, x)
    half, most = covered(found, x)
    assert 0.43 < half < 0.57
    assert 0.90 < most < 0.98
    assert np.isclose(np.median(found.learned["step"]), 40.0, rtol=0.15)
    stiff = tiers.build(tiers.parse({**tier, "step": 1.0}))(given)
    assert stiff.learned["step"] == [1.0] * 6
