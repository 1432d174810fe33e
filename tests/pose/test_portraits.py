import cv2
import numpy as np
import pytest

from gambol.nn.augment import FILL
from gambol.pose.portraits import portrait, template
from gambol.pose.upright import lay

SHAPE = np.array([[12.0, 0], [6, 0], [0, 3], [0, -3], [-6, 0], [-12, 0]])
BONES = ((0, 1), (1, 2), (1, 3), (1, 4), (4, 5))


def poses(n=40, seed=0, noise=0.0):
    """The shape, turned and moved: positions, middles and turns."""
    rng = np.random.default_rng(seed)
    angle, at = rng.uniform(-np.pi, np.pi, n), rng.uniform(20, 80, (n, 2))
    c, s = np.cos(angle), np.sin(angle)
    turn = np.stack([np.stack([c, -s], 1), np.stack([s, c], 1)], 1)
    xy = np.einsum("dab,jb->dja", turn, SHAPE) + at[:, None]
    return xy + noise * rng.standard_normal(xy.shape), at, angle


def drawn(xy, size=(100, 100)):
    """A grey animal with a bright head on a dark ground."""
    frame = np.full((size[1], size[0], 1), 20, np.uint8)
    points = np.rint(xy).astype(int).tolist()
    cv2.line(frame, points[1], points[5], 120, 5)
    cv2.circle(frame, points[0], 3, 250, -1)
    return frame


def test_the_template_is_the_shape_that_all_poses_share():
    model = template(poses(noise=0.2)[0], BONES, 24.0)
    np.testing.assert_allclose(model.shape.xy, SHAPE - SHAPE.mean(axis=0), atol=0.3)


def test_skeletons_of_one_point_have_portraits():
    xy = np.array([[[30.0, 40.0]], [[50.0, 50.0]]])
    model = template(xy, (), 20.0)
    placed = lay(model.shape, xy)
    assert not placed.lying.any() and model.side == 20
    frame = np.full((100, 100, 3), 77, np.uint8)
    shown = portrait(frame, xy[0], placed.middle[0], 0.0, model, 24)
    assert shown.shape == (24, 24, 3) and shown[12, 12, 0] == 77


@pytest.mark.parametrize("size", [16, 48])
def test_portraits_of_one_animal_are_alike_however_it_lies(size):
    xy, _, _ = poses(12)
    model = template(xy, BONES, 24.0)
    placed = lay(model.shape, xy)
    some = [
        portrait(drawn(p), p, m, float(a), model, size).astype(float)
        for p, m, a in zip(xy, placed.middle, placed.angle, strict=True)
    ]
    mean = np.mean(some, axis=0)
    assert np.abs(np.array(some) - mean).mean() < 8
    right, left = mean[:, size // 2 :], mean[:, : size // 2]
    assert right.max() > left.max() + 40  # the bright head is ahead


def test_what_is_off_the_body_is_blank_and_beyond_the_border_too():
    xy, _, _ = poses(5)
    model = template(xy, BONES, 24.0)
    frame = np.zeros((100, 100, 1), np.uint8)
    shown = portrait(frame, xy[0], xy[0].mean(axis=0), 0.0, model, 48)
    assert shown[0, 0, 0] == FILL and shown[24, 24, 0] == 0
    outside = portrait(frame, xy[0] + 500, xy[0].mean(axis=0) + 500, 0.0, model, 48)
    assert (outside == FILL).all()


def test_size_is_a_look():
    xy, _, _ = poses(4)
    model = template(xy, BONES, 24.0)
    small = 0.6 * (xy - xy.mean(axis=1, keepdims=True)) + xy.mean(axis=1, keepdims=True)
    placed = lay(model.shape, small)
    frame = np.zeros((100, 100, 1), np.uint8)
    counts = [
        (portrait(frame, p[0], placed.middle[0], float(placed.angle[0]), model, 48) == 0).sum()
        for p in (small, xy)
    ]
    assert counts[0] < 0.85 * counts[1]
