import numpy as np

from gambol.core import pixels
from gambol.core.skeleton import Skeleton
from gambol.viz import frames, overlay

BONES = Skeleton(("nose", "tail"), (1, -1))


def coloured(picture, colour):
    return (np.abs(picture.astype(int) - colour).max(axis=-1) <= 3).nonzero()


def test_labels_are_rings_and_predictions_dots_where_they_are():
    image = np.full((100, 150, 1), 128, np.uint8)
    to_video = pixels.resize(2.0)
    truth = np.array([[100.0, 80.0], [160.0, 120.0]])
    xy = truth + np.array([[20.0, 0.0], [0.0, 0.0]])
    pen = overlay.pen(BONES, 70.0)
    picture = frames.compare(image, to_video, truth, xy, pen)
    cut = frames.around(np.concatenate([truth, xy]), image, to_video)
    dot, ring = pixels.apply(cut, np.array([xy[0], truth[0]])).round().astype(int)
    assert picture.shape == (frames.SIDE, frames.SIDE, 3)
    assert (picture[dot[1], dot[0]] == pen.colours[0]).all()
    assert (picture[ring[1] - round(frames.RING), ring[0]] == pen.colours[0]).all()
    assert (picture[ring[1] - 5, ring[0]] != pen.colours[0]).any()


def test_the_cut_holds_all_points_and_stays_in_the_picture():
    image = np.zeros((100, 200, 3), np.uint8)
    points = np.array([[2.0, 3.0], [40.0, 60.0], [np.nan, np.nan]])
    cut = frames.around(points, image, pixels.identity())
    moved = pixels.apply(cut, points[:2])
    assert (moved >= 0).all() and (moved <= frames.SIDE).all()
    assert (pixels.apply(pixels.invert(cut), np.zeros(2)) >= -1).all()


def test_frames_without_labels_or_predictions_are_shown_whole():
    image = np.full((60, 80, 3), 90, np.uint8)
    none = np.full((2, 2), np.nan)
    pen = overlay.pen(BONES, 30.0)
    assert (frames.compare(image, pixels.identity(), none, none, pen)[210, 210] == 90).all()
    picture = frames.predicted(image, none, pen, np.zeros(2), np.full((2, 2, 2), np.nan))
    assert (picture[210, 210] == 90).all()


def test_resizing_makes_rgb_of_the_size_asked_for():
    grey = np.full((40, 60, 1), 7, np.uint8)
    assert frames.resize(grey, pixels.resize(0.5), (30, 20)).shape == (20, 30, 3)
    same = frames.resize(grey, pixels.resize(1.0), (60, 40))
    assert same.shape == (40, 60, 3) and (same == 7).all()


def test_crops_are_squares_around_animals_and_rings_mark_what_lies_outside():
    image = np.full((300, 500, 1), 60, np.uint8)
    bones = Skeleton(("nose", "tail"), (1, -1))
    truth = np.array([[[150.0, 150.0], [170.0, 150.0]], [[260.0, 150.0], [330.0, 150.0]]])
    corner = np.array([[-30.0, -30], [30, -30], [30, 30], [-30, 30]])
    squares = np.array([[[160.0, 150.0]], [[270.0, 150.0]]]) + corner
    outside = np.array([[False, False], [False, True]])
    pen = overlay.pen(bones, 60.0)
    picture = frames.crops(image, squares, truth, outside, pen).astype(int)
    yellow = np.abs(picture - [240, 228, 66]).sum(axis=-1) < 40
    red = np.abs(picture - [213, 94, 0]).sum(axis=-1) < 40
    # what is shown reaches from 125, left of the squares, to 335, right of the last label
    scale = 840 / 210
    y, x = np.nonzero(yellow)
    assert abs(np.ptp(x) - 170 * scale) < 10 and abs(np.ptp(y) - 60 * scale) < 10
    assert red.any() and np.nonzero(red)[1].min() > (300 - 125) * scale
