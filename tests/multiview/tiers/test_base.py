"""What every tier holds to: what it learned once it can be asked again."""

import numpy as np
import pytest
from filmed import ring, see, walk
from tiered import problem

from gambol.multiview.tiers.base import tiers

KINDS = [kind for kind in tiers.kinds() if kind != "auto"]


@pytest.fixture(scope="module")
def world():
    rig = ring(4)
    xy = see(walk(260), rig, missing=0.1)
    rng = np.random.default_rng(2)
    wrong = rng.random(xy.shape[:3]) < 0.05
    xy[wrong] += rng.normal(0, 50, (wrong.sum(), 2))
    return problem(xy, rig)


def some(given, frames):
    return given._replace(
        xy=given.xy[frames], confidence=given.confidence[frames],
        variance=given.variance[frames], times=given.times[frames],
    )  # fmt: skip


def build(kind):
    more = {"window": 50} if kind in ("distance", "gimbal", "constrained") else {}
    return tiers.build(tiers.parse({"kind": kind, **more}))


@pytest.mark.parametrize("kind", KINDS)
def test_learning_and_then_solving_is_the_tier(kind, world):
    tier = build(kind)
    once, twice = tier(world), tier.learn(world)(world)
    np.testing.assert_allclose(twice.xyz, once.xyz, atol=1e-9)
    np.testing.assert_array_equal(twice.outlier, once.outlier)
    if kind != "constrained":  # learns its noise before it optimises
        np.testing.assert_allclose(twice.covariance, once.covariance, atol=1e-9)
        assert twice.learned == once.learned


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_is_solved_as_in_the_whole_away_from_its_ends(kind, world):
    tier = build(kind)
    known = tier.learn(some(world, slice(0, 200)))
    whole = known(world)
    part = known(some(world, slice(100, 260)))  # a multiple of the windows
    off = np.linalg.norm(part.xyz - whole.xyz[100:], axis=-1)[60:]
    assert np.nanmax(off) < 0.01  # mm
    np.testing.assert_array_equal(np.isnan(part.xyz[60:]), np.isnan(whole.xyz[160:]))


@pytest.mark.parametrize("kind", ["smooth", "robust", "distance", "gimbal"])
def test_frames_may_be_missing_where_time_tells_it(kind, world):
    tier = build(kind)
    known = tier.learn(world)
    kept = np.r_[0:100, 160:260]
    whole, part = known(world), known(some(world, kept))
    far = np.r_[0:50, 200:260]
    off = np.linalg.norm(part.xyz[np.searchsorted(kept, far)] - whole.xyz[far], axis=-1)
    assert tier.timed and off.max() < 0.5  # mm; windows of 50 begin elsewhere
