"""Rotations against OpenCV and the laws of rotation."""

import cv2
import numpy as np

from gambol.kernels import rotation


def test_exp_and_log_are_those_of_opencv(seed=0):
    for vector in np.random.default_rng(seed).normal(0, 1, (20, 3)):
        matrix = rotation.exp(vector)
        np.testing.assert_allclose(matrix, cv2.Rodrigues(vector)[0], atol=1e-12)
        np.testing.assert_allclose(rotation.log(matrix), vector, atol=1e-9)
    np.testing.assert_allclose(rotation.exp(np.zeros(3)), np.eye(3))


def test_cross_multiplies_as_numpy_does():
    v, x = np.random.default_rng(0).normal(size=(2, 5, 3))
    got = np.einsum("nij,nj->ni", rotation.cross(v), x)
    np.testing.assert_allclose(got, np.cross(v, x), atol=1e-12)


def test_the_nearest_rotation_is_no_reflection():
    noisy = np.random.default_rng(0).normal(size=(30, 3, 3))
    found = rotation.nearest(noisy)
    np.testing.assert_allclose(np.linalg.det(found), 1)
    np.testing.assert_allclose(
        found @ np.swapaxes(found, 1, 2), np.eye(3)[None].repeat(30, 0), atol=1e-12
    )


def test_turning_about_an_axis_is_the_exponential_of_it():
    axis = np.array([1.0, 2.0, 2.0]) / 3
    turned = rotation.about(axis, np.array([0.3, -2.0]))
    np.testing.assert_allclose(turned[0], rotation.exp(axis * 0.3))
    np.testing.assert_allclose(turned[1], rotation.exp(axis * -2.0))
    np.testing.assert_allclose(rotation.degrees(np.eye(3), turned[0]), np.degrees(0.3))
