"""Scores against triangles worked out by hand, and the laws they obey."""

import numpy as np
import pytest
from filmed import LENGTHS, SKELETON, ring, see, walk

from gambol.kernels import rotation
from gambol.multiview import metrics

NAMES = ("a", "b", "c")


def test_distances_of_a_triangle_by_hand():
    truth = np.array([[[0.0, 0, 0], [4, 0, 0], [0, 3, 0]]])
    moved = truth + np.array([[[3.0, 4, 0], [0, 0, 0], [0, 0, 1]]])
    got = metrics.distances(moved, truth, NAMES)
    assert got.mpe == pytest.approx(2.0)
    assert got.keypoints == pytest.approx({"a": 5, "b": 0, "c": 1})
    assert (got.n, got.missing, got.median) == (3, 0, 1.0)


def test_pooled_and_mean_of_keypoints_differ_where_one_is_seen_rarely():
    truth, found = np.zeros((4, 3, 3)), np.zeros((4, 3, 3))
    truth[1:, 0] = np.nan
    found[0, 0, 0] = 9.0
    got = metrics.distances(found, truth, NAMES)
    assert got.mpe == pytest.approx(1.0) and got.mean_of_keypoints == pytest.approx(3.0)


def test_alignment_undoes_turning_and_shifting_but_no_scale_and_no_mirror():
    truth = walk(6)
    turn = rotation.exp(np.array([0.5, -1.0, 2.0]))
    near = metrics.distances(truth @ turn.T + 7, truth, SKELETON.keypoints)
    assert near.mpe > 10 and near.mpe_rpa < 1e-9
    assert metrics.distances(truth * [1, 1, -1], truth, SKELETON.keypoints).mpe_rpa > 0.1
    assert metrics.distances(truth * 1.2, truth, SKELETON.keypoints).mpe_rpa > 0.5


def test_frames_with_fewer_than_three_points_or_a_line_are_not_aligned():
    line = np.array([[[0.0, 0, 0], [1, 0, 0], [2, 0, 0]]])
    assert np.isnan(metrics.aligned(line, line, np.ones((1, 3), bool))).all()
    truth = walk(1)
    few = np.zeros((1, 5), bool)
    few[0, :2] = True
    assert np.isnan(metrics.aligned(truth, truth, few)).all()


def test_alignment_uses_all_points_though_some_are_not_scored():
    truth = walk(5)
    found = truth.copy()
    found[:, 4] += 30
    some = np.array([True, True, True, True, False])
    with_bad = metrics.distances(found, truth, SKELETON.keypoints, score=some)
    assert with_bad.mpe == 0 and with_bad.mpe_rpa > 1


def test_coverage_is_the_share_of_a_gaussian():
    rng = np.random.default_rng(0)
    root = np.array([[2.0, 0, 0], [1, 1, 0], [0.3, -0.2, 0.5]])
    off = rng.normal(size=(4000, 1, 3)) @ root.T
    cov = np.broadcast_to(root @ root.T, (4000, 1, 3, 3))
    got = metrics.coverage(off, cov, np.zeros_like(off))
    assert abs(got[0.5] - 0.5) < 0.025 and abs(got[0.95] - 0.95) < 0.012


def test_bones_of_constant_length_do_not_vary_and_a_parabola_does_not_jitter():
    bones = metrics.bone_variation(walk(50), SKELETON)
    assert [length for length, _ in bones.values()] == pytest.approx(LENGTHS[1:].tolist())
    assert max(share for _, share in bones.values()) < 1e-9
    time = np.arange(30)[:, None, None] / 10
    assert metrics.jitter(time**2 * np.ones((1, 2, 3)), 10.0) < 1e-6
    cubic = metrics.jitter(time**3 * np.array([[[1.0, 0, 0]]]), 10.0)
    assert cubic == pytest.approx(6.0)


def test_reprojection_error_is_the_noise_that_was_put_in():
    rig, xyz = ring(), walk(20)
    uv = see(xyz, rig, noise=0.0)
    uv[..., 0] += 3.0
    np.testing.assert_allclose(metrics.reprojection_error(xyz, uv, rig.params()), 3.0)


def test_the_interval_of_a_mean_holds_it_and_shrinks_with_frames():
    rng = np.random.default_rng(1)
    ends = []
    for frames in (40, 4000):
        truth = np.zeros((frames, 3, 3))
        got = metrics.distances(rng.normal(size=truth.shape), truth, NAMES)
        assert got.mpe_interval[0] < got.mpe < got.mpe_interval[1]
        ends.append(got.mpe_interval[1] - got.mpe_interval[0])
    assert ends[1] < ends[0] / 5
