"""Regions against OpenCV's geometry, and what labels say once nobody looks there."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from gambol.core import regions
from gambol.core.labels import EVERY, Region, Visibility, from_positions
from gambol.core.skeleton import Skeleton

PAIR = Skeleton(("head", "tail"))
LEFT = np.array([[-1.0, -1], [50, -1], [50, 101], [-1, 101]])


def labels_of(*animals, regions=(), video=None, **change):
    """Labels of animals (frame, head, tail)."""
    xy = np.array([points for _, *points in animals], np.float64)
    frame = np.array([frame for frame, *_ in animals])
    video = np.zeros(len(frame), np.int64) if video is None else np.array(video)
    made = from_positions(PAIR, ("a", "b"), video, frame, xy, nan_means=Visibility.ABSENT)
    return replace(made, regions=tuple(regions), **change)


@pytest.mark.parametrize("seed", range(8))
def test_points_are_inside_where_opencv_says_so(seed):
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, 9))  # a star round its middle, never crossing
    polygon = 50 + rng.uniform(5, 45, (9, 1)) * np.stack([np.cos(angle), np.sin(angle)], 1)
    points = rng.uniform(0, 100, (400, 2))
    shape = polygon.astype(np.float32)
    want = [cv2.pointPolygonTest(shape, point.tolist(), False) > 0 for point in points]
    assert regions.contain([polygon], points).tolist() == want
    turned = np.roll(polygon[::-1], 3, axis=0)
    assert regions.contain([turned], points.reshape(20, 20, 2)).ravel().tolist() == want


def test_what_lies_in_any_polygon_is_inside_and_nowhere_is_not():
    points = np.array([[10.0, 10], [210, 10], [150, 10], [np.nan, 10]])
    assert regions.contain([LEFT, LEFT + [200.0, 0]], points).tolist() == [1, 1, 0, 0]
    assert not regions.contain([], points).any()


def test_a_region_is_in_its_video_and_its_frame_or_in_all():
    everywhere, once = Region(0, EVERY, LEFT), Region(1, 3, LEFT + 1)
    both = (everywhere, once)
    count = [len(regions.at(both, *pair)) for pair in ((0, 0), (0, 3), (1, 2), (1, 3))]
    assert count == [1, 1, 0, 1]
    here, there = ((10, 10), (30, 10)), ((60, 10), (80, 10))
    animals = [(0, *here), (0, *there), (3, *here), (2, *here), (3, *here)]
    labels = labels_of(*animals, regions=both, video=[0, 0, 0, 1, 1])
    assert regions.inside(labels).tolist() == [1, 0, 1, 0, 1]
    seen = regions.detected_inside(both, labels.pairs, labels.xy)
    assert seen.tolist() == [1, 0, 1, 0, 1]


def test_labels_without_regions_are_left_as_they_are():
    labels = labels_of((0, (1, 2), (3, 4)))
    assert regions.settle(labels).labels is labels


def test_who_lies_in_a_region_is_no_label_and_the_frame_stays_complete():
    animals = [(0, (10, 10), (30, 10)), (0, (60, 10), (80, 10)), (1, (10, 10), (30, 10))]
    settled = regions.settle(labels_of(*animals, regions=[Region(0, EVERY, LEFT)]))
    assert settled.rows.tolist() == [1]
    assert settled.labels.complete.all() and not len(settled.labels.incomplete)
    assert settled.labels.negatives.tolist() == [[0, 1]]  # nobody is left in frame 1
    np.testing.assert_array_equal(settled.labels.xy[0], [[60, 10], [80, 10]])
    assert len(settled.labels.regions) == 1


def test_a_frame_labelled_in_part_becomes_no_negative():
    animals = [(0, (10, 10), (30, 10)), (1, (60, 10), (80, 10))]
    part = np.array([[0, 0]])
    labels = labels_of(*animals, regions=[Region(0, EVERY, LEFT)], incomplete=part)
    settled = regions.settle(labels).labels
    assert settled.incomplete.tolist() == [[0, 0]] and not len(settled.negatives)


def test_a_keypoint_in_a_region_is_unlabelled_where_its_animal_is_not():
    settled = regions.settle(
        labels_of((0, (45, 10), (75, 10)), regions=[Region(0, EVERY, LEFT)])
    ).labels
    assert settled.visibility.tolist() == [[Visibility.UNLABELLED, Visibility.VISIBLE]]
    assert np.isnan(settled.xy[0, 0]).all()
    np.testing.assert_array_equal(settled.xy[0, 1], [75, 10])


def test_the_limbs_of_an_animal_in_a_region_are_no_background():
    region = Region(0, EVERY, LEFT)
    animals = [(0, (20, 10), (60, 10)), (0, (60, 80), (80, 80)), (1, (60, 80), (80, 80))]
    settled = regions.settle(labels_of(*animals, regions=[region])).labels
    assert settled.frame.tolist() == [0, 1]
    limb = np.array([[59.0, 10.0]])
    assert regions.contain(regions.at(settled.regions, 0, 0), limb).all()
    assert not regions.contain(regions.at(settled.regions, 0, 1), limb).any()


def test_animals_without_any_position_lie_nowhere():
    nowhere = np.full(2, np.nan)
    labels = labels_of((0, nowhere, nowhere), regions=[Region(0, EVERY, LEFT)])
    assert not regions.inside(labels).any() and len(regions.settle(labels).labels) == 1
