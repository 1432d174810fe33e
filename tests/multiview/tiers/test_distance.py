import numpy as np
import pytest
from planted_poses import LENGTH, PARENT, covered, error, filmed, poses, problem

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
