"""Cameras by name and columns of bundle adjustment are one thing in two forms."""

from dataclasses import replace

import numpy as np
import pytest
from rings import ring

from gambol.core.cameras import Camera, Rig
from gambol.kernels import bundle, camera_slopes, projection, rotation
from gambol.kernels.bundle import Loss, Seen, State
from gambol.multiview import unknowns


def affine(name, turn):
    linear = np.zeros((3, 3))
    linear[:2] = np.array([[9.0, 0.5], [0.0, 8.0]]) @ rotation.exp(np.array(turn))[:2]
    return Camera(name, linear, np.zeros(3), np.array([300.0, 200.0, 0.0]), kind="affine")


def mixed():
    flat = (affine("flat", [0.2, 0.5, 0.1]), affine("low", [-0.7, 0.2, 0.0]))
    return Rig((*ring(3).cameras, *flat))


def test_rows_turn_back_into_the_cameras():
    rig = mixed()
    free = {"flat": ("pose", "f", "aspect", "skew")}
    columns = unknowns.columns_of(rig, free)
    again = unknowns.rig_of(rig, unknowns.rows_of(rig), columns)
    points = np.random.default_rng(0).normal(0, 50, (20, 3))
    before, after = (projection.project(points, r.params()).uv for r in (rig, again))
    np.testing.assert_allclose(before, after, atol=1e-9)
    assert again["c0"] is rig["c0"]  # the first camera's pose is held


def test_only_what_is_free_has_a_column():
    rig = mixed()
    columns = unknowns.columns_of(rig, {"c1": ("f", "k1"), "c2": (), "flat": ("pose", "f")})
    assert (columns >= 0).sum(1).tolist() == [0, 2, 0, 6, 5]
    assert sorted(columns[columns >= 0]) == list(range(13))
    precision = unknowns.precisions(rig, columns, unknowns.Priors(0.05, 0.05, 0.3))
    assert precision[columns[1, 6]] == pytest.approx(400)
    assert precision[columns[1, 11]] == pytest.approx(1 / 0.09)
    assert (precision[columns[4, :5]] == 0).all()


@pytest.mark.parametrize("names", [("c0", "c1", "c2"), ("flat", "low"), ("c0", "flat", "low")])
def test_directions_that_nothing_determines_change_no_image(names):
    rig = mixed().select(list(names))
    columns = unknowns.columns_of(rig, ("pose", "f"))
    count = int(columns.max()) + 1
    rng = np.random.default_rng(1)
    points = rng.normal(0, 50, (30, 3))
    state = State(unknowns.rows_of(rig), points, np.zeros(0))
    view = np.tile(np.arange(len(rig)), 30)
    zero = np.zeros(len(view), np.int64)
    start = np.arange(31) * len(rig)
    seen = Seen(start, view, zero, np.zeros((len(view), 2)), np.zeros((0, 3)))
    seen = seen._replace(xy=-bundle.residuals(state, seen))
    loss = Loss(bundle.SOFT_L1, 2.0, 1.0)
    rows = unknowns.gauge(columns, count, True)(state)
    assert len(rows) == 1 + (len(names) == 2)
    system = bundle.reduce(state, seen, loss, columns, count, 0.0)
    for row in rows:
        # points adapt, so the reduced matrix has no stiffness along it
        stiff = row @ system.matrix @ row / (row**2 @ system.diagonal)
        assert abs(stiff) < 1e-9


def test_deviations_are_those_of_draws():
    rig = ring(2)
    columns = unknowns.columns_of(rig, ("pose", "f", "cx"))
    rng = np.random.default_rng(2)
    count = int(columns.max()) + 1
    root = rng.normal(size=(count, count)) * 1e-3
    covariance = root @ root.T
    said = unknowns.deviations(rig, unknowns.rows_of(rig), columns, covariance)["c1"]
    row = unknowns.rows_of(rig)[1]
    centres, turned, f = [], [], []
    for draw in rng.multivariate_normal(np.zeros(count), covariance, 4000):
        step = np.zeros(camera_slopes.TANGENT)
        step[columns[1] >= 0] = draw[columns[1][columns[1] >= 0]]
        moved = camera_slopes.moved(row, step)
        turn = moved[12:21].reshape(3, 3)
        centres.append(-turn.T @ moved[21:24])
        turned.append(np.degrees(np.arccos(np.clip(turn[2] @ row[18:21], -1, 1))))
        f.append(moved[1] / row[1])
    np.testing.assert_allclose(said.position, np.std(centres, axis=0), rtol=0.1)
    assert said.direction == pytest.approx(np.sqrt(np.mean(np.square(turned))), rel=0.1)
    assert said.f == pytest.approx(np.std(f), rel=0.1)


def test_a_held_camera_is_sure():
    rig = replace(ring(2), units="mm")
    columns = unknowns.columns_of(rig, ("pose",))
    said = unknowns.deviations(rig, unknowns.rows_of(rig), columns, np.eye(6))["c0"]
    assert said.f == 0 and said.direction == 0 and (said.position == 0).all()
