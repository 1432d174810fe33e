"""Frames of several animals as centroids and as crops: pixels and labels stay together."""

import numpy as np
import pytest
from crowds import J, animals, coded, corner
from hypothesis import given
from hypothesis import strategies as st

from gambol.core import pixels
from gambol.core.labels import Visibility
from gambol.core.skeleton import Skeleton
from gambol.nn import augment
from gambol.pose import crops, dataset, upright

SIZES = ((250, 200), (201, 177))


def frames(seed=0, n=4, scale=1.0):
    """Coded frames of two sizes with up to three animals, some keypoints absent."""
    rng = np.random.default_rng(seed)
    xy = np.stack(
        [animals(rng.uniform(20, 180, (3, 2)), rng.uniform(-3, 3, 3)) for _ in range(n)]
    )
    xy[rng.random(xy.shape[:3]) < 0.2] = np.nan
    xy[1, 2] = np.nan
    states = np.where(np.isfinite(xy[..., 0]), 2, 0).astype(np.uint8)
    images = [coded(SIZES[i % 2]) for i in range(n)]
    return xy, dataset.make_frames(images, xy, states, scale)


@pytest.mark.parametrize("anchor", [None, 2])
@pytest.mark.parametrize("scale", [1.0, 0.5, 0.375])
@pytest.mark.parametrize("first", [1.0, 0.75])
def test_centroids_of_smaller_frames_are_where_they_were_in_the_video(anchor, scale, first):
    xy, made = frames(scale=first)
    tiny = dataset.only_centroids(made, crops.Aim(anchor), scale)
    assert tiny.xy.shape == (4, 3, 1, 2)
    for i, image in enumerate(tiny.images):
        w, h = SIZES[i % 2]
        assert image.shape[:2] == (
            round(round(h * first) * scale),
            round(round(w * first) * scale),
        )
        back = pixels.apply(tiny.to_video[i], tiny.xy[i, :, 0])
        want = np.stack([crops.centroid(points, anchor) for points in xy[i]])
        np.testing.assert_allclose(back, want, atol=1e-9)
        # the picture says so, too: a pixel holds the mean place of what it was made of
        for at, place in zip(tiny.xy[i, :, 0], want, strict=True):
            if np.isfinite(at).all() and pixels.inside(at, *image.shape[1::-1]):
                col, row = np.rint(at).astype(int)
                off = (
                    image[row, col, :2]
                    - place
                    - (pixels.apply(tiny.to_video[i], np.array([col, row], float)) - place)
                )
                assert np.abs(off).max() < 1.5  # resizing rounds twice
    there = np.isfinite(tiny.xy[..., 0])
    wanted = np.where(there, Visibility.VISIBLE, Visibility.ABSENT)
    np.testing.assert_array_equal(tiny.visibility, wanted)
    assert not there[1, 2].any() and there.sum() == 11


@given(st.integers(0, 10_000), st.sampled_from([None, 0, 3]), st.sampled_from([64, 96, 101]))
def test_crops_show_their_animal_where_the_labels_say(seed, anchor, side):
    xy, made = frames(seed)
    single = dataset.one_by_one(made)
    cut = dataset.cut_out(single, crops.Aim(anchor), side)
    n = int(np.isfinite(xy[..., 0]).any(axis=-1).sum())
    assert len(cut.images) == n and cut.xy.shape == (n, 1, J, 2)
    for i, image in enumerate(cut.images):
        assert image.shape == (side, side, 3)
        at = cut.to_video[i][:, 2]
        np.testing.assert_array_equal(cut.to_video[i][:, :2], np.eye(2))
        if (image[..., 2] == 255).any():
            np.testing.assert_array_equal(corner(image), at)
        np.testing.assert_allclose(cut.xy[i, 0] + at, single.xy[i, 0], atol=1e-9)
        off = crops.centroid(cut.xy[i, 0], anchor) - pixels.centre(side, side)
        assert np.abs(off).max() <= 1 / 2 + 1e-9
        np.testing.assert_array_equal(cut.visibility[i, 0], single.visibility[i, 0])


def test_crops_know_the_way_back_through_the_scale():
    xy, made = frames(scale=0.5)
    cut = dataset.cut_out(dataset.one_by_one(made), crops.Aim(), 64)
    rows, who = np.nonzero(np.isfinite(xy[..., 0]).any(axis=-1))
    back = np.stack([pixels.apply(m, p[0]) for m, p in zip(cut.to_video, cut.xy, strict=True)])
    np.testing.assert_allclose(back, xy[rows, who], atol=1e-9)


def test_a_focal_frame_forgets_the_neighbours():
    _, made = frames()
    single = dataset.one_by_one(made)
    alone = dataset.focus(single)
    np.testing.assert_array_equal(alone.xy, single.xy[:, :1])
    assert alone.visibility.shape[1] == alone.identity.shape[1] == 1
    assert alone.images is single.images


def headed(seed=0, n=6):
    """Coded frames with one animal each, whose first keypoint is its head, at these angles."""
    rng = np.random.default_rng(seed)
    angles, places = rng.uniform(-3, 3, n), rng.uniform(60, 140, (n, 2))
    xy = animals(places, angles + np.pi)[:, None]
    states = np.full(xy.shape[:3], 2, np.uint8)
    made = dataset.make_frames([coded(SIZES[0])] * n, xy, states, 1.0)
    return made, angles, upright.mean_pose(xy[:, 0])


def test_a_second_point_lies_ahead_of_the_centroid_where_the_heading_is_known():
    made, angles, mean = headed()
    made.xy[0, 0, 1:] = np.nan  # one point says nothing of how an animal lies
    tiny = dataset.only_centroids(made, crops.Aim(1, mean), 0.5, ahead=16.0)
    assert tiny.xy.shape == (6, 1, 2, 2)
    arrow = tiny.xy[1:, 0, 1] - tiny.xy[1:, 0, 0]
    want = 8 * np.stack([np.cos(angles), np.sin(angles)], axis=-1)[1:]
    np.testing.assert_allclose(arrow, want, atol=1e-6)
    assert np.isnan(tiny.xy[0, 0, 1]).all()
    states = [[Visibility.VISIBLE, Visibility.UNLABELLED], [Visibility.VISIBLE] * 2]
    np.testing.assert_array_equal(tiny.visibility[:2, 0], states)


def test_turned_crops_show_heads_up_and_know_the_way_back():
    made, angles, mean = headed()
    cut = dataset.cut_out(made, crops.Aim(None, mean), 96)
    heads = cut.xy[:, 0, 0] - cut.xy[:, 0, 2]
    np.testing.assert_allclose(heads, np.tile([0.0, -40.0], (6, 1)), atol=1e-6)
    for i in range(6):
        np.testing.assert_allclose(
            pixels.apply(cut.to_video[i], cut.xy[i]), made.xy[i], atol=1e-9
        )
        column, row = np.rint(cut.xy[i, 0, 1]).astype(int)
        shown = cut.images[i][row, column, :2]
        there = pixels.apply(cut.to_video[i], np.array([column, row], float))
        assert np.abs(shown - there).max() < 1


@pytest.mark.parametrize("rotation", [0.0, 20.0])
def test_windows_for_training_are_turned_as_crops_are(rotation):
    made, _, mean = headed()
    cfg = augment.AugmentConfig(rotation=rotation, scale=(1.0, 1.0), shear=0.0, flip=0.5)
    skeleton = Skeleton(tuple("abcde"), swap=(-1, -1, -1, 4, 3))
    windows = dataset.Windows((96, 96), 0.0, aim=crops.Aim(None, mean), jitter=1.0)
    batch = dataset.batch(made, np.tile(np.arange(6), 4), windows, cfg, skeleton, (0, 1))
    points = batch.scene.xy.numpy()[:, 0]
    off = np.degrees(np.arctan2(*(points[:, 0] - points[:, 2]).T * [[1], [-1]]))
    assert np.abs(off).max() <= rotation + 1e-3
    if rotation:
        assert np.abs(off).max() > 0.7 * rotation
    else:  # sides stay sides, mirrored or not
        assert (points[:, 3, 0] < points[:, 4, 0]).all()


def test_animals_of_unknown_heading_are_shown_turned_in_any_way():
    made, _, mean = headed()
    made.xy[0, 0, 1:4] = np.nan
    made.xy[0, 0, 4] = made.xy[0, 0, 0]  # two points on one another: no direction
    cfg = augment.AugmentConfig(rotation=0.0, scale=(1.0, 1.0), shear=0.0, flip=0.0)
    windows = dataset.Windows((96, 96), 0.0, aim=crops.Aim(1, mean), jitter=0.0)
    made.xy[0, 0, 4] += 1e-9
    names = Skeleton(tuple("abcde"))
    batch = dataset.batch(made, np.zeros(30, int), windows, cfg, names, (0, 1))
    light = batch.image.numpy()[:, 0].mean(axis=(1, 2))
    assert np.isfinite(light).all() and len(np.unique(batch.image.numpy(), axis=0)) == 30
