import numpy as np
import pytest

from gambol.core.skeleton import Skeleton
from gambol.viz import overlay

BONES = Skeleton(("nose", "left", "right", "tail"), (3, 0, 0, -1), (-1, 2, 1, -1))
XY = np.array([[30.0, 20.0], [60.0, 25.0], [40.0, 60.0], [90.0, 50.0]])


@pytest.fixture
def frame():
    return np.full((80, 120, 3), 130, np.uint8)


def centre(changed):
    """Centre of mass of what changed."""
    y, x = np.nonzero(changed)
    return np.array([x.mean(), y.mean()])


def test_the_pixel_at_a_keypoint_has_its_colour(frame):
    pen = overlay.pen(BONES, 100.0)
    overlay.draw(frame, XY, pen)
    for (x, y), colour in zip(XY.astype(int), pen.colours, strict=True):
        assert (frame[y, x] == colour).all()


def test_a_bone_crosses_its_middle_and_what_is_far_stays_as_it_was(frame):
    overlay.draw(frame, XY, overlay.pen(BONES, 60.0))
    x, y = ((XY[0] + XY[3]) / 2).astype(int)
    assert (frame[y, x] != 130).any()
    assert (frame[70:, 60:] == 130).all()


def test_circles_lie_where_the_keypoint_is_between_pixels(frame):
    alone = Skeleton(("nose",))
    for at in ([30.25, 20.5], [40.75, 33.1]):
        drawn = np.zeros_like(frame)
        overlay.draw(drawn, np.array([at]), overlay.pen(alone, 300.0))
        weight = drawn[..., 2].astype(float)
        grid = np.mgrid[:80, :120][::-1]
        found = (grid * weight).sum(axis=(1, 2)) / weight.sum()
        assert np.allclose(found, at, atol=0.08)


def test_confidence_is_opacity_and_below_the_threshold_nothing_is_drawn(frame):
    alone = Skeleton(("nose",))
    shades = []
    for sure in (1.0, 0.5, 0.0):
        drawn = frame.copy()
        overlay.draw(drawn, XY[:1], overlay.pen(alone, 100.0), confidence=np.array([sure]))
        shades.append(drawn[20, 30].astype(int))
    colour = overlay.pen(alone, 100.0).colours[0].astype(int)
    for shade, opacity in zip(shades, (1.0, 0.625, 0.25), strict=True):
        assert np.abs(shade - (opacity * colour + (1 - opacity) * 130)).max() <= 2
    before = frame.copy()
    pen = overlay.pen(alone, 100.0, threshold=0.4)
    overlay.draw(frame, XY[:1], pen, confidence=np.array([0.3]))
    assert (frame == before).all()


def test_missing_and_far_away_keypoints_do_no_harm(frame):
    before = frame.copy()
    overlay.draw(frame, np.full((4, 2), np.nan), overlay.pen(BONES, 50.0))
    overlay.draw(frame, np.full((4, 2), 1e9), overlay.pen(BONES, 50.0))
    assert (frame == before).all()
    xy = XY.copy()
    xy[0] = np.nan
    overlay.draw(frame, xy, overlay.pen(BONES, 50.0))
    assert (frame[20, 30] == 130).all() and (frame[50, 90] != 130).any()


def test_half_axes_of_the_ellipse_are_those_of_the_covariance():
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    covariance = turn @ np.diag([49.0, 9.0]) @ turn.T
    line = overlay.ellipse(np.array([5.0, 7.0]), covariance, np.array(1.5)) - [5.0, 7.0]
    along = line @ turn
    assert np.allclose(np.abs(along).max(axis=0), [1.5 * 7, 1.5 * 3])
    squared = np.einsum("pi,ij,pj->p", line, np.linalg.inv(covariance), line)
    assert np.allclose(squared, 1.5**2)


def test_the_ellipse_is_drawn_where_it_is(frame):
    alone = Skeleton(("nose",))
    drawn = frame.copy()
    pen = overlay.pen(alone, 70.0, region=np.array([2.0]))
    overlay.draw(drawn, np.array([[60.0, 40.0]]), pen, covariance=np.diag([225.0, 64.0])[None])
    assert (drawn[40, 90] != 130).any() and (drawn[40, 30] != 130).any()  # 2 * 15 px
    assert (drawn[56, 60] != 130).any() and (drawn[24, 60] != 130).any()  # 2 * 8 px
    assert (drawn[40, 80] == 130).all() and (drawn[60:] == 130).all()


def test_ninety_per_cent_of_gaussian_draws_lie_within_the_gaussian_region():
    draws = np.random.default_rng(0).normal(size=(20_000, 2))
    inside = np.linalg.norm(draws, axis=1) <= overlay.GAUSSIAN_90
    assert inside.mean() == pytest.approx(0.9, abs=0.008)


def test_a_trail_leads_to_the_keypoint_and_fades_with_age(frame):
    alone = Skeleton(("nose",))
    trail = np.stack([np.arange(10.0, 100.0, 10.0), np.full(9, 40.0)], axis=1)[:, None]
    overlay.draw(frame, np.array([[100.0, 40.0]]), overlay.pen(alone, 60.0), trail=trail)
    change = np.abs(frame[40].astype(int) - 130).sum(axis=1)
    assert 0 < change[15] < change[55] < change[85]
    assert change[5] == 0


def test_widths_grow_with_the_animal_and_its_size_is_the_median_box():
    assert overlay.pen(BONES, 400.0).radius > overlay.pen(BONES, 100.0).radius
    xy = np.array([[[0.0, 0.0], [3.0, 4.0]], [[1.0, 1.0], [np.nan, np.nan]]])
    assert overlay.animal_size(xy) == 5.0
    assert overlay.animal_size(np.full((3, 2, 2), np.nan)) == 60.0


def test_a_segment_has_the_opacity_that_is_asked_for(frame):
    colour = np.array([255, 0, 0], np.uint8)
    overlay.segment(frame, np.array([20.0, 40.0]), np.array([60.0, 40.0]), colour, 0.5)
    assert np.abs(frame[40, 40].astype(int) - [192, 65, 65]).max() <= 3
    assert (frame[50:] == 130).all()
    before = frame.copy()
    overlay.segment(frame, np.array([-50.0, -40.0]), np.array([-20.0, -40.0]), colour, 0.5)
    assert (frame == before).all()


def test_a_line_has_a_dark_rim(frame):
    points = np.array([[20.0, 40.0], [60.0, 40.0]])
    overlay.polyline(frame, points, np.array([240, 228, 66], np.uint8), 2)
    assert (frame[38:43, 40].min(axis=-1) < 66).any()
    assert np.abs(frame[40, 40].astype(int) - [240, 228, 66]).max() < 10
