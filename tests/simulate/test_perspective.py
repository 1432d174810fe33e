"""Capsules through lenses, against points of their surface that are projected one by one."""

import cv2
import numpy as np
import pytest

from gambol.kernels import projection
from gambol.simulate import perspective, render, rigs
from gambol.simulate.capsules import Capsules, Window, bounds, first_part, from_above, paint
from gambol.simulate.rigs import FISHEYE, ORDINARY, TELECENTRIC, WIDE

SIZE = (480, 400)
LENSES = {"ordinary": ORDINARY, "wide": WIDE, "fisheye": FISHEYE, "telecentric": TELECENTRIC}


def capsule(a, b, flatness=1.0):
    zero = np.zeros(1, int)
    ends = (np.array([end], float) for end in (a, b))
    return Capsules(*ends, np.array([flatness]), np.zeros((1, 2)), zero, zero, 1.0)


def surface(a, b, flatness, n=40_000, seed=0):
    """Points on flattened spheres along a capsule."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(0, 1, (n, 1))
    ball = rng.normal(size=(n, 3))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    a, b = np.array(a, float), np.array(b, float)
    along = (1 - t) * a + t * b
    return along[:, :3] + along[:, 3:] * ball * [1.0, 1.0, flatness]


def camera(lens="ordinary", number=0, height=35.0):
    rng = np.random.default_rng(5)
    return rigs.ring(rng, 3, 100.0, LENSES[lens], height=height, size=SIZE).cameras[number]


def project(points, seen_by):
    return projection.project(points, seen_by.params()[None]).uv[0]


def apart(covered, points):
    """How far outlines are from each other, px: of a picture, and of the hull of points."""
    hull = np.zeros(covered.shape, np.uint8)
    corners = cv2.convexHull(np.rint(16 * points).astype(np.int32))
    cv2.fillConvexPoly(hull, corners, 1, shift=4)
    more, less = (covered & (hull == 0)), (~covered & (hull > 0))
    outside = cv2.distanceTransform(1 - hull, cv2.DIST_L2, 5)[more].max(initial=0)
    inside = cv2.distanceTransform(hull, cv2.DIST_L2, 5)[less].max(initial=0)
    return max(outside, inside)


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("flatness", [1.0, 0.7, 0.5])
@pytest.mark.parametrize("height", [5.0, 40.0, 88.0])
def test_an_outline_is_that_of_the_points_of_the_surface(lens, flatness, height):
    a, b = (30.0, -25.0, 12.0, 14.0), (38.0, -20.0, 16.0, 9.0)
    for number in range(3):
        eye = camera(lens, number, height)
        seen = perspective.through(capsule(a, b, flatness), eye)
        look = render.coat(np.random.default_rng(0), "black")
        covered = paint(seen, Window(0, 0, *SIZE), look, 1).coverage > 0
        points = project(surface(a, b, flatness), eye)
        assert apart(covered, points) < 2.1 + 0.03 * np.ptp(points, axis=0).max()
        window = bounds(seen, SIZE, 4.0)
        assert (points >= [window.x, window.y]).all()
        assert (points <= [window.x + window.width, window.y + window.height]).all()


def test_from_straight_above_it_is_the_view_from_above():
    """An affine camera that looks down is what `from_above` says."""
    flatness = np.array([0.3, 1.0])
    down = np.array([[2.0, 0.0, 0.0], [0.0, -2.0, 0.0]])
    seen = perspective.sight(np.stack([down, down]), flatness)
    plain = from_above(flatness)
    assert np.allclose(seen.gain, plain.gain) and np.allclose(seen.lean, 0)
    assert np.allclose(seen.reach, 2 * plain.reach)
    assert np.allclose(seen.stretch, plain.stretch)
    assert np.allclose(np.abs(np.linalg.det(seen.flat)), 1 / 4)
    lamp = np.array([0.3, -0.4, 0.8])
    assert np.allclose(np.linalg.norm(seen.turn @ lamp, axis=-1),
                       np.linalg.norm(plain.turn @ lamp, axis=-1))  # fmt: skip


@pytest.mark.parametrize("lens", LENSES)
def test_the_nearer_of_two_balls_is_met(lens):
    for number in range(3):
        eye = camera(lens, number)
        away = -eye.forward if eye.kind == "affine" else eye.centre / np.linalg.norm(eye.centre)
        far, near = -12.0 * away, 12.0 * away
        ends, zero = np.array([[[*far, 9.0], [*near, 5.0]]]), np.zeros(2, int)
        both = Capsules(ends, ends, np.ones(2), np.zeros((2, 2)), np.array([0, 1]), zero, 1.0)
        seen = perspective.through(both, eye)
        uv = project(np.stack([near, near + 7.0 * np.linalg.svd(away[None])[2][1]]), eye)
        assert first_part(seen, uv[None]).tolist() == [[1, 0]]


def test_what_is_behind_a_camera_is_not_drawn():
    eye = camera()
    behind = 1.5 * eye.centre
    seen = perspective.through(capsule((*behind, 9.0), (*behind, 9.0)), eye)
    assert bounds(seen, SIZE, 5.0).width == 0
