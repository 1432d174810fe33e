import numpy as np
import pytest
from planted_poses import (
    APART,
    LENGTH,
    PARENT,
    SKELETON,
    bones,
    covered,
    error,
    filmed,
    gliding_poses,
    poses,
    problem,
)

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.multiview.tiers.base import tiers


def world(seed=0, frames=150, **more):
    rng = np.random.default_rng(seed)
    x = poses(rng, frames)
    return x, problem(filmed(rng, x, **more)[0])


def solve(given, kind="distance", **settings):
    return tiers.build(tiers.parse({"kind": kind, **settings}))(given)


@pytest.mark.parametrize("form", ["direction", "radius"])
def test_bones_are_learned_and_help(form):
    x, given = world(px=6.0, outliers=0.1)
    found = solve(given, form=form)
    assert error(found.xyz, x) < 0.95 * error(solve(given, "robust").xyz, x)
    assert np.allclose(found.learned["bone_length"], LENGTH, atol=1.5)
    assert found.learned["bone_parent"] == list(PARENT)
    half, most = covered(found, x)
    assert 0.4 < half < 0.6
    assert 0.90 < most < 0.98


def test_windows_of_any_length_give_the_same():
    _, given = world(1, outliers=0.05)
    assert np.abs(solve(given, window=40).xyz - solve(given, window=1000).xyz).max() < 0.01


def test_keypoints_without_bones_are_those_of_robust():
    _, given = world(2, frames=30)
    bare = given._replace(skeleton=Skeleton(given.skeleton.keypoints))
    assert np.array_equal(solve(bare).xyz, solve(bare, "robust").xyz)


@pytest.mark.parametrize("form", ["direction", "radius"])
def test_edges_beyond_the_tree_are_learned_and_help(form):
    inside, ratio = [], []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        x = poses(rng, 150, tied=bones(edges=True))
        given = problem(filmed(rng, x, px=6.0, outliers=0.1)[0])
        edges = (("nose", "paw"), ("hip", "paw"))
        found = solve(given, form=form, edges=edges)
        assert np.allclose(found.learned["edge_length"], APART, atol=1.5)
        assert found.learned["edge_ends"] == [[3, 2], [3, 0]]
        ratio.append(error(found.xyz, x) / error(solve(given, form=form).xyz, x))
        inside.append(covered(found, x))
    half, most = np.mean(inside, axis=0)
    assert 0.4 < half < 0.6
    assert 0.90 < most < 0.98
    assert np.mean(ratio) < 1.0


def test_an_edge_that_is_none_is_refused():
    _, given = world(frames=30)
    with pytest.raises(InputError, match="no keypoint 'ear'; there are hip, neck"):
        solve(given, edges=(("nose", "ear"),))
    with pytest.raises(InputError, match="edges: neck and nose are joined already"):
        solve(given, edges=(("neck", "nose"),))
    with pytest.raises(InputError, match="edges: paw and paw are one keypoint"):
        solve(given, edges=(("paw", "paw"),))


def test_an_edge_that_is_never_seen_is_left_out():
    x, given = world(3, frames=60)
    given.xy[:, :, SKELETON.index("tip")] = np.nan
    found = solve(given, edges=(("nose", "tip"),))
    assert "edge_ends" not in found.learned
    assert np.isfinite(found.xyz).all()


def test_velocities_may_walk_instead():
    rng = np.random.default_rng(4)
    times = np.arange(80) / 30
    x = gliding_poses(rng, times, 60.0, bones())
    data, _ = filmed(rng, x, px=6.0, outliers=0.05)
    given = problem(data._replace(times=times))
    found = solve(given, dynamics="velocity")
    assert found.learned["dynamics"] == "velocity"
    assert error(found.xyz, x) < 0.95 * error(solve(given).xyz, x)
    assert error(found.xyz, x) < error(solve(given, "robust", dynamics="velocity").xyz, x)
    assert 0.85 < covered(found, x)[1] < 0.99
