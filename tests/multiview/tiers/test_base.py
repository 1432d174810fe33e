"""What every tier holds to: what it learned once it can be asked again."""

import numpy as np
import pytest
from filmed import ring, see, walk
from tiered import problem

from gambol.core.cameras import Camera, Rig
from gambol.kernels import rotation
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


LONG = ("constrained", "distance")  # gimbal does what distance does, and more


def build(kind):
    more = {"window": 50} if kind in ("distance", "gimbal", "constrained") else {}
    return tiers.build(tiers.parse({"kind": kind, **more}))


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=pytest.mark.slow) if kind in LONG else kind for kind in KINDS],
)
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


def row(views=3):
    """Cameras side by side on a line that look the same way, along y."""
    matrix = np.array([[900.0, 0, 320], [0, 900, 240], [0, 0, 1]])
    turn = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    places = [np.array([80.0 * i - 80, -900, 40]) for i in range(views)]
    return Rig(
        tuple(
            Camera(f"c{i}", matrix, rotation.log(turn), -turn @ place, size=(640, 480))
            for i, place in enumerate(places)
        ),
        "mm",
    )


@pytest.mark.parametrize("kind", tiers.kinds())
@pytest.mark.parametrize("rig", [ring(2), row()], ids=["two views", "collinear"])
@pytest.mark.parametrize("frames", [1, 2, 30])
def test_little_is_seen_and_nothing_breaks(kind, rig, frames):
    """A keypoint that is never seen, and of thirty frames two that no view sees."""
    xyz = walk(frames)
    xy = see(xyz, rig)
    xy[:, :, 4] = np.nan
    xy[10:12] = np.nan
    found = tiers.build(tiers.parse({"kind": kind}))(problem(xy, rig))
    seen = np.isfinite(xy[..., 0]).sum(1) > 1
    assert np.isfinite(found.xyz[seen]).all()
    assert np.linalg.norm(found.xyz - xyz, axis=-1)[seen].mean() < 25  # mm; depth is weak
    if kind in ("smooth", "robust", "distance", "gimbal", "auto"):
        assert np.isfinite(found.xyz).all()
        sd = np.sqrt(np.einsum("tjaa->tj", found.covariance))
        assert np.isfinite(sd).all() and sd[~seen].min() > np.median(sd[seen])
        if len(rig) == 3:  # along the line of sight
            assert (found.covariance[seen][:, 1, 1] > 4 * found.covariance[seen][:, 0, 0]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_another_world_turns_and_scales_poses_and_covariances(kind):
    """In metres, moved, and turned about up unless the definition goes axis by axis."""
    rig = ring(4)
    angle = 0.0 if kind in ("median", "constrained") else 0.8
    turn, scale = rotation.exp(np.array([0.0, 0.0, angle])), 0.001
    shift = np.array([0.1, -0.4, 0.05])
    xy = see(walk(60), rig, missing=0.1)
    tier = build(kind)
    here, there = tier(problem(xy, rig)), tier(problem(xy, rig.moved(turn, shift, scale)))
    back = (there.xyz - shift) @ turn / scale
    np.testing.assert_allclose(back, here.xyz, rtol=0, atol=0.01)  # mm
    wide = turn.T @ there.covariance @ turn / scale**2
    np.testing.assert_allclose(wide, here.covariance, rtol=0.02, atol=1e-3)
