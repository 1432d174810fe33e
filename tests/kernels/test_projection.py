"""Projection against OpenCV, finite differences, and itself turned round."""

import cv2
import numpy as np
import pytest

from gambol.core.cameras import Camera
from gambol.kernels import projection, rotation

LENSES = {
    "pinhole": np.array([-0.35, 0.12, 0.001, -0.002, 0.03]),
    "fisheye": np.array([0.05, -0.01, 0.003, -0.001]),
}


def camera(kind, skew=0.0):
    matrix = np.array([[800.0, skew, 320.0], [0.0, 780.0, 240.0], [0.0, 0.0, 1.0]])
    turn, shift = np.array([0.2, -0.3, 0.1]), np.array([0.1, -0.2, 4.0])
    if kind == "affine":
        linear = np.vstack([matrix[:2, :3] @ rotation.exp(turn) / 40, np.zeros(3)])
        return Camera("a", linear, np.zeros(3), np.array([300.0, 200.0, 0.0]), kind="affine")
    return Camera("a", matrix, turn, shift, LENSES[kind], kind=kind)


def cloud(seed=0, count=40):
    return np.random.default_rng(seed).normal(0, 0.6, (count, 3))


@pytest.mark.parametrize("kind", ["pinhole", "fisheye"])
def test_projects_as_opencv_does(kind):
    one = camera(kind)
    got = projection.project(cloud(), one.params()[None])
    args = (cloud()[:, None], one.rotation, one.translation, one.matrix, one.distortion)
    theirs = (
        cv2.projectPoints(*args)[0]
        if kind == "pinhole"
        else cv2.fisheye.projectPoints(*args[:3], one.matrix, one.distortion)[0]
    )
    ok = got.valid[0]
    assert ok.mean() > 0.8
    np.testing.assert_allclose(got.uv[0][ok], theirs[:, 0][ok], atol=1e-9)


@pytest.mark.parametrize("kind", ["pinhole", "fisheye", "affine"])
def test_derivatives_are_those_of_small_steps(kind):
    row, points = camera(kind, skew=3.0).params()[None], cloud()
    got = projection.project(points, row)
    for axis in range(3):
        step = np.zeros(3)
        step[axis] = 1e-6
        ahead, behind = (projection.project(points + s, row).uv for s in (step, -step))
        slope = (ahead - behind) / 2e-6
        np.testing.assert_allclose(
            got.jac[got.valid][:, :, axis], slope[got.valid], rtol=1e-5, atol=1e-4
        )


@pytest.mark.parametrize("kind", ["pinhole", "fisheye"])
def test_undistorting_turns_distorting_round_to_the_corners(kind):
    one = camera(kind, skew=2.0)
    u, v = np.meshgrid(np.linspace(0, 639, 23), np.linspace(0, 479, 17))
    uv = np.column_stack([u.ravel(), v.ravel()])
    ab = projection.undistort(uv, one.params())
    assert np.isfinite(ab).all()
    flat = one.params()
    flat[12:21], flat[21:24] = np.eye(3).ravel(), 0
    back = projection.project(np.column_stack([ab, np.ones(len(ab))]), flat[None])
    np.testing.assert_allclose(back.uv[0], uv, atol=1e-8)


def test_a_long_lens_with_huge_distortion_is_undistorted():
    """The telephoto calibration that EKS ships: f 136,330 px, k1 -6,469."""
    matrix = np.array([[136330.25, 0, 416.0], [0, 136330.25, 316.0], [0, 0, 1]])
    one = Camera("C", matrix, np.zeros(3), np.zeros(3), np.array([-6468.607]))
    uv = np.array([[0.0, 0.0], [831.0, 631.0], [416.0, 316.0]])
    ab = projection.undistort(uv, one.params())
    flat = projection.project(np.column_stack([ab, np.ones(3)]), one.params()[None])
    np.testing.assert_allclose(flat.uv[0], uv, atol=1e-8)


def test_points_behind_or_beyond_the_fold_are_not_seen():
    one = Camera("a", np.diag([800.0, 800, 1]), np.zeros(3), np.zeros(3), np.array([-0.3]))
    radius = np.sqrt(1 / (3 * 0.3))
    points = np.array(
        [[0, 0, -1.0], [radius * 0.99, 0, 1], [radius * 1.01, 0, 1], [np.nan, 0, 1]]
    )
    assert projection.project(points, one.params()[None]).valid[0].tolist() == [
        False, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["pinhole", "fisheye", "affine"])
def test_rays_and_equations_hold_the_point_that_was_seen(kind):
    row, points = camera(kind, skew=3.0).params(), cloud()
    uv = projection.project(points, row[None]).uv
    seen = np.isfinite(uv[0, :, 0])
    origin, along = projection.rays(uv[0], row)
    across = np.cross(points - origin, along)
    assert np.abs(across[seen]).max() < 1e-8
    rows = projection.equations(uv, row[None])[0]
    off = np.einsum("nrk,nk->nr", rows, np.column_stack([points, np.ones(len(points))]))
    assert np.abs(off[seen]).max() < 1e-9
