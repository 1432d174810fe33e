import numpy as np
import pytest
from filmed import LENGTHS, SKELETON, ring, see, walk
from tiered import solve

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.multiview.tiers import constrained


def spoiled(frames=120):
    rig, xyz = ring(4), walk(frames)
    xy = see(xyz, rig, noise=3.0, missing=0.1)
    wrong = np.random.default_rng(1).random(xy.shape[:3]) < 0.05
    xy[wrong] += np.random.default_rng(2).uniform(-80, 80, (wrong.sum(), 2))
    return rig, xyz, xy


@pytest.mark.parametrize("order", [1, 2, 3])
def test_is_nearer_than_the_points_it_starts_from(order):
    rig, xyz, xy = spoiled()
    off = [
        np.nanmean(np.linalg.norm(found.xyz - xyz, axis=-1))
        for found in (
            solve("constrained", xy, rig, {"order": order, "scale_smooth": 1.0}),
            solve("msac", xy, rig),
        )
    ]
    assert off[0] < off[1]


def test_bone_lengths_are_told():
    rig, _, xy = spoiled()
    found = solve("constrained", xy, rig, {"scale_smooth": 0.5})
    np.testing.assert_allclose(found.learned["bone_length"], LENGTHS[1:], rtol=0.05)


def test_fills_what_no_view_saw_and_says_nothing_of_its_covariance():
    rig, xyz, xy = spoiled()
    xy[40:43, :, 2] = np.nan
    xy[:, :, 4] = np.nan
    found = solve("constrained", xy, rig)
    assert np.isfinite(found.xyz[:, :4]).all()
    assert np.isnan(found.xyz[:, 4]).all()
    assert np.isnan(found.covariance[40:43, 2]).all()
    assert np.linalg.norm(found.xyz[40:43, 2] - xyz[40:43, 2], axis=-1).max() < 12


@pytest.mark.parametrize("frames", [1, 2, 3])
@pytest.mark.parametrize("views", [2, 4])
def test_few_frames_and_views_are_no_trouble(frames, views):
    rig, xyz = ring(views), walk(frames)
    found = solve("constrained", see(xyz, rig, noise=0.5), rig, {"order": 3})
    np.testing.assert_allclose(found.xyz, xyz, atol=12)


def test_windows_meet():
    rig, xyz, xy = spoiled(200)
    whole = solve("constrained", xy, rig).xyz
    parts = solve("constrained", xy, rig, {"window": 70}).xyz
    assert np.abs(whole - parts).mean() < 0.2  # each has its own lengths of bones
    assert np.linalg.norm(np.diff(parts - whole, axis=0), axis=-1)[[69, 139]].max() < 1.0


def test_a_skeleton_without_bones_is_smoothed_only():
    rig, xyz, xy = spoiled()
    bare = Skeleton(SKELETON.keypoints)
    found = solve("constrained", xy, rig, skeleton=bare)
    assert found.learned["bone_length"] == []
    assert np.nanmean(np.linalg.norm(found.xyz - xyz, axis=-1)) < 8


def test_weak_bones_are_pairs_of_keypoints_by_name():
    rig, _, xy = spoiled(20)
    found = solve("constrained", xy, rig, {"weak": [["left", "right"]]})
    assert len(found.learned["bone_length"]) == 5
    with pytest.raises(InputError, match="no keypoint 'nose'"):
        solve("constrained", xy, rig, {"weak": [["left", "nose"]]})


def test_defaults_are_those_of_the_library():
    spec = constrained.Constrained()
    told = (spec.scale_smooth, spec.scale_length, spec.scale_length_weak, spec.threshold)
    assert told == (4.0, 2.0, 0.5, 15.0)
    assert spec.order == 1
