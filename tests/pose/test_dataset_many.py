"""Frames of several animals as centroids and as crops: pixels and labels stay together."""

import numpy as np
import pytest
from crowds import J, animals, coded, corner
from hypothesis import given
from hypothesis import strategies as st

from gambol.core import pixels
from gambol.core.labels import Visibility
from gambol.pose import crops, dataset

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
    tiny = dataset.only_centroids(made, anchor, scale)
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
    cut = dataset.cut_out(single, anchor, side)
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
    cut = dataset.cut_out(dataset.one_by_one(made), None, 64)
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
