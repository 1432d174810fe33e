"""Directions of view, of cameras of every kind."""

from dataclasses import replace

import numpy as np
import pytest
from rings import jolted, ring
from standing import looking

from gambol.core.cameras import Rig
from gambol.kernels import rotation
from gambol.multiview import viewing

TURN = rotation.exp(np.array([0.3, 1.0, -0.7]))
SHIFT = np.array([5.0, -8.0, 100.0])


def test_a_rig_is_laid_on_itself():
    rig = ring(4)
    laid = viewing.onto(rig.moved(TURN, SHIFT, 3.0), rig, scaled=False)
    np.testing.assert_allclose(laid.turn, TURN, atol=1e-9)
    np.testing.assert_allclose(laid.shift, SHIFT, atol=1e-6)
    assert laid.scale == pytest.approx(3.0) and laid.off.max() < 1e-5


def test_true_lengths_stay():
    rig = ring(4)
    laid = viewing.onto(rig.moved(TURN, SHIFT, 3.0), rig, scaled=True)
    assert laid.scale == 1 and rotation.degrees(laid.turn, TURN) < 1e-5


def test_cameras_that_the_template_has_wrong_are_off():
    rig = ring(4)
    laid = viewing.onto(jolted(rig, np.random.default_rng(0), 0.1, 0), rig, scaled=False)
    assert 1 < laid.off.max() < 15


def test_an_affine_camera_looks_where_its_matrix_says():
    pinhole = looking("a", (300, 200, 400))
    affine = looking("a", (300, 200, 400), kind="affine")
    assert not affine.rotation.any()
    np.testing.assert_allclose(viewing.turn_of(affine), pinhole.turn, atol=1e-9)
    np.testing.assert_allclose(viewing.turn_of(pinhole), pinhole.turn)


def test_affine_cameras_are_laid_by_their_directions():
    rig = Rig(
        tuple(
            replace(looking("a", at, kind="affine"), name=str(k))
            for k, at in enumerate([(300, 0, 100), (0, 300, 100), (-300, 0, 200)])
        )
    )
    laid = viewing.onto(rig.moved(TURN, np.zeros(3), 1.0), rig, scaled=False)
    np.testing.assert_allclose(laid.turn, TURN, atol=1e-9)
    assert laid.scale == 1 and not laid.shift.any()


def test_flatness_is_nothing_on_a_line_and_one_on_a_circle():
    at = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    circle = np.column_stack([np.cos(at), np.sin(at), 0 * at])
    assert viewing.flatness(circle) == pytest.approx(1)
    assert viewing.flatness(np.outer(at, [1.0, 2.0, 3.0])) < 1e-9
    assert viewing.flatness(np.ones((3, 3))) == 0
