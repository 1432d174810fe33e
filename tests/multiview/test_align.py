"""Axes of the world from what is known of the scene."""

from dataclasses import replace

import numpy as np
import pytest
from rings import centres, ring

from gambol.core.errors import InputError
from gambol.kernels import projection, rotation
from gambol.multiview import align

TURN = rotation.exp(np.array([0.4, -0.7, 1.1]))
SHIFT = np.array([30.0, -200.0, 55.0])
NAMED = {
    "a": np.array([0.0, 0, 0]),
    "b": np.array([300.0, 0, 0]),
    "c": np.array([0.0, 200, 0]),
    "d": np.array([50.0, 60, 90]),
}


def elsewhere(points):
    """World points in the axes of a rig that was moved away by TURN and SHIFT."""
    return points @ TURN.T + SHIFT


@pytest.mark.parametrize("count", [3, 4])
def test_named_points_bring_the_world_home(count):
    known = dict(list(NAMED.items())[:count])
    found = {name: 2.5 * TURN @ xyz + SHIFT for name, xyz in known.items()}
    got = align.by_points(found, known)
    assert got.scale == pytest.approx(0.4)
    assert np.linalg.det(got.turn) == pytest.approx(1)
    np.testing.assert_allclose(got.turn, TURN.T, atol=1e-9)
    np.testing.assert_allclose(
        got.points(np.array(list(found.values()))), np.array(list(known.values())), atol=1e-9
    )
    assert got.error < 1e-9 and got.origin.startswith("points a, b, c")


def test_a_board_keeps_its_scale():
    found = {name: 1.01 * TURN @ xyz + SHIFT for name, xyz in NAMED.items()}
    got = align.by_points(found, NAMED, rigid=True)
    assert got.scale == 1.0 and got.error > 0.5


def test_left_handed_coordinates_are_refused():
    found = {name: elsewhere(xyz * [1, 1, -1]) for name, xyz in NAMED.items()}
    with pytest.raises(InputError, match="left-handed"):
        align.by_points(found, NAMED)


def test_points_on_a_line_are_refused():
    line = {name: np.array([k, 2.0 * k, 0.0]) for k, name in enumerate("abc")}
    with pytest.raises(InputError, match="on one line"):
        align.by_points(line, line)
    with pytest.raises(InputError, match="3 are needed"):
        align.by_points(line, {"a": line["a"], "x": line["b"]})


def test_rig_points_and_covariances_move_together():
    rng = np.random.default_rng(0)
    rig = ring(3)
    move = align.Transform(TURN, SHIFT, 0.5, "test")
    points = rng.normal(0, 50, (10, 3))
    before = projection.project(points, rig.params())
    after = projection.project(move.points(points), move.rig(rig, "cm").params())
    np.testing.assert_allclose(before.uv, after.uv, atol=1e-8)
    spread = np.cov(rng.normal(0, [1, 2, 3], (500, 3)).T)
    draws = rng.multivariate_normal(np.zeros(3), spread, 200_000)
    np.testing.assert_allclose(
        move.covariances(spread), np.cov(move.points(draws).T), rtol=0.05, atol=0.02
    )
    assert move.rig(rig, "cm").units == "cm"
    np.testing.assert_allclose(np.linalg.norm(move.directions(np.eye(3)), axis=1), 1)


@pytest.mark.parametrize("face", [1.0, -1.0])
def test_a_board_on_the_floor_is_the_floor_whichever_way_its_axes_go(face):
    rig = ring(4).moved(TURN, SHIFT)
    turned = TURN @ np.diag([1.0, face, face])
    got = align.by_board(rig, turned, elsewhere(np.zeros(3)))
    assert got.points(elsewhere(np.array([3.0, 4.0, 0.0])))[2] == pytest.approx(0)
    assert (centres(got.rig(rig))[:, 2] > 0).all()
    assert got.rig(rig).up == (0.0, 0.0, 1.0)
    assert np.linalg.det(got.turn) == pytest.approx(1)


def test_points_of_the_floor_may_hold_wrong_ones():
    rng = np.random.default_rng(1)
    floor = np.column_stack([rng.uniform(-200, 200, (60, 2)), rng.normal(0, 0.5, 60)])
    floor[:20, 2] += rng.uniform(30, 200, 20)
    rig = ring(4).moved(TURN, SHIFT)
    got = align.by_floor(rng, rig, elsewhere(floor))
    assert np.abs(got.points(elsewhere(floor))[20:, 2]).max() < 2
    assert (centres(got.rig(rig))[:, 2] > 300).all()
    assert got.error < 1


def test_gravity_points_down():
    got = align.by_gravity(TURN @ np.array([0.0, 0.0, -9.81]))
    np.testing.assert_allclose(got.directions(TURN[:, 2]), [0, 0, 1], atol=1e-12)
    with pytest.raises(InputError, match="must point somewhere"):
        align.by_gravity(np.zeros(3))


@pytest.mark.parametrize("up", np.eye(3))
def test_every_up_gives_a_proper_turn(up):
    got = align.by_gravity(-up)
    np.testing.assert_allclose(got.turn @ got.turn.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(got.turn @ up, [0, 0, 1], atol=1e-12)
    assert np.linalg.det(got.turn) == pytest.approx(1)


def test_feet_that_swing_do_not_lift_the_floor():
    rng = np.random.default_rng(2)
    feet = rng.uniform(-200, 200, (3000, 3))
    feet[:, 2] = np.where(rng.random(3000) < 0.6, 0, rng.uniform(0, 40, 3000))
    feet += rng.normal(0, 0.5, feet.shape)
    lean = rotation.exp(np.array([0.1, -0.05, 0.0]))  # the rig's up is 6 degrees off
    feet[::7] = np.nan
    got = align.by_feet(ring(3), feet @ lean.T)
    flat = got.points(feet[np.isfinite(feet).all(1)] @ lean.T)
    assert np.degrees(np.arccos((got.turn @ lean)[2, 2])) < 0.3
    assert abs(np.quantile(flat[:, 2], 0.1)) < 0.2
    wrong = replace(ring(3), up=(1.0, 0.0, 0.0))
    with pytest.raises(InputError, match="degrees off the rig's up"):
        align.by_feet(wrong, feet @ lean.T)
