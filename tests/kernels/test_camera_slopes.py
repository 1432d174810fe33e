"""Derivatives of a pixel against small moves of its camera."""

import numpy as np
import pytest

from gambol.core.cameras import Camera
from gambol.kernels import camera_slopes, rotation
from gambol.kernels.camera_slopes import TANGENT

LENSES = {"pinhole": [-0.2, 0.05, 0.001, -0.002, 0.01], "fisheye": [0.05, -0.01, 0.003, -0.001]}
POINT = np.array([0.4, -0.3, 0.2])


def row(kind):
    matrix = np.array([[800.0, 3.0, 320.0], [0.0, 780.0, 240.0], [0.0, 0.0, 1.0]])
    turn, shift = np.array([0.2, -0.3, 0.1]), np.array([0.1, -0.2, 4.0])
    if kind != "affine":
        return Camera("a", matrix, turn, shift, np.array(LENSES[kind]), kind=kind).params()
    out = np.zeros(24)
    out[0], out[1:6] = 2, (60.0, 58.0, 0.0, 0.0, 3.0)
    out[12:21], out[21:23] = rotation.exp(turn).ravel(), (300.0, 200.0)
    return out


def seen_from(camera, point=POINT):
    jc, jp = np.zeros((2, TANGENT)), np.zeros((2, 3))
    u, v, valid = camera_slopes.observe(camera, *point, jc, jp)
    return np.array([u, v]), valid, jc, jp


@pytest.mark.parametrize("kind", ["pinhole", "fisheye", "affine"])
def test_derivatives_are_those_of_small_moves(kind):
    camera = row(kind)
    _, valid, jc, jp = seen_from(camera)
    assert valid
    for k in range(TANGENT):
        step = np.zeros(TANGENT)
        step[k] = 1e-6
        ahead, behind = (seen_from(camera_slopes.moved(camera, s))[0] for s in (step, -step))
        np.testing.assert_allclose(jc[:, k], (ahead - behind) / 2e-6, rtol=1e-5, atol=1e-4)
    for k in range(3):
        step = np.zeros(3)
        step[k] = 1e-6
        ahead, behind = (seen_from(camera, POINT + s)[0] for s in (step, -step))
        np.testing.assert_allclose(jp[:, k], (ahead - behind) / 2e-6, rtol=1e-5, atol=1e-4)


def test_a_point_behind_has_no_pixel():
    got, valid, _, _ = seen_from(row("pinhole"), np.array([0.0, 0.0, -9.0]))
    assert not valid and np.isnan(got).all()


def test_moving_keeps_turns_proper():
    moved = camera_slopes.moved(row("pinhole"), np.full(TANGENT, 0.3))
    turn = moved[12:21].reshape(3, 3)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert moved[1] == pytest.approx(800 * np.exp(0.3))
    assert moved[2] == pytest.approx(780 * np.exp(0.6))
