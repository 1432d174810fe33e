"""Following the animal against searching every frame as a whole."""

import numpy as np
import pytest

from gambol.core import pixels
from gambol.kernels.peaks import Peaks
from gambol.nn.outputs import outputs
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.pose import dataset, predict

STRIDE, SIGMA = 2, 5.0


class Blobs:
    """An engine that knows the answer: bright points in the image are the keypoints."""

    name = "blobs"

    def __init__(self):
        self.areas = []

    def __call__(self, frames):
        self.areas.append(frames.shape[1] * frames.shape[2])
        return (np.stack([[_map(frame, level) for level in (250, 200)] for frame in frames]),)


def _map(frame, level):
    rows, columns = np.nonzero(frame[..., 0] == level)
    grid = pixels.cells(STRIDE)
    x = np.arange(frame.shape[1] // STRIDE) * grid[0, 0] + grid[0, 2]
    y = np.arange(frame.shape[0] // STRIDE) * grid[1, 1] + grid[1, 2]
    out = np.zeros((len(y), len(x)), np.float32)
    for r, c in zip(rows, columns, strict=True):
        d2 = (x[None] - c) ** 2 + (y[:, None] - r) ** 2
        out = np.maximum(out, np.exp(-d2 / (2 * SIGMA**2)))
    return out.astype(np.float32)


def film(path, gap=None):
    """Two points that move together; they are gone in the frames of `gap`."""
    frames = np.full((len(path), 240, 320, 1), 100, np.uint8)
    for t, (x, y) in enumerate(path):
        if gap is None or t not in gap:
            frames[t, y, x] = 250
            frames[t, y + 8, x + 12] = 200
    return frames


@pytest.fixture
def net():
    position = outputs.build(ConfidenceSpec(sigma=SIGMA), 2, STRIDE)
    return predict.Net(Blobs(), position, 16, 1.0)


def smooth_path(n=40):
    t = np.arange(n)
    return np.stack([40 + 5 * t, 60 + 3 * t], axis=1)


def test_following_finds_what_the_whole_frame_shows(net):
    frames = film(smooth_path())
    followed, searched = predict.follow(net, frames, 96)
    everywhere = predict.whole(net, frames)
    np.testing.assert_allclose(followed.xy, everywhere.xy, atol=1e-3)
    np.testing.assert_allclose(followed.height, everywhere.height, atol=1e-6)
    assert searched.tolist() == [True] + [False] * 39


def test_an_animal_that_jumps_is_found_by_the_whole_frame(net):
    path = smooth_path()
    path[20:] = [250, 40]
    frames = film(path)
    followed, searched = predict.follow(net, frames, 96)
    np.testing.assert_allclose(followed.xy, predict.whole(net, frames).xy, atol=1e-3)
    assert searched[20] and searched.sum() == 2


def test_while_the_animal_is_gone_every_frame_is_searched(net):
    frames = film(smooth_path(), gap=range(10, 15))
    _, searched = predict.follow(net, frames, 96)
    assert searched[10:16].all() and searched.sum() == 7


def test_a_window_costs_less_than_the_frame(net):
    predict.follow(net, film(smooth_path()), 96)
    areas = net.engine.areas
    assert areas[0] == 240 * 320 and set(areas[1:]) == {96 * 96}


def test_the_window_stays_on_the_networks_grid_at_every_border(net):
    corners = np.array([[2, 2], [300, 2], [2, 228], [300, 228]]).repeat(3, 0)
    frames = film(corners)
    followed, _ = predict.follow(net, frames, 96)
    np.testing.assert_allclose(followed.xy, predict.whole(net, frames).xy, atol=1e-3)


@pytest.mark.parametrize("size", [(70, 61), (64, 48), (20, 90)], ids=str)
def test_all_windows_that_there_may_be_are_known(size):
    """Against the windows of animals everywhere in the frame."""
    frame, seen = np.zeros((size[1], size[0])), set()
    for x, y in np.ndindex(size):
        at = np.full((2, 1, 2), (float(x), float(y)))
        found = Peaks(at, np.ones((2, 1)), np.zeros((2, 1, 2, 2)))
        view = predict._aim([found], 32, size, 16)
        cut = frame[view.y : view.y + view.height, view.x : view.x + view.width]
        seen.add(cut.shape[::-1])
    assert sorted(seen) == sorted(predict.views(size, 32, 16))


def test_shrinking_agrees_with_the_pixel_map():
    rng = np.random.default_rng(0)
    x, y = np.meshgrid(np.arange(320.0), np.arange(240.0))
    at = rng.uniform(60, 180, 2)
    blob = np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * 8.0**2))
    image = (255 * blob).round().astype(np.uint8)[..., None]
    small = dataset.shrink(image, 0.5)[..., 0] / 255.0
    yy, xx = np.mgrid[: small.shape[0], : small.shape[1]]
    centroid = np.array([(xx * small).sum(), (yy * small).sum()]) / small.sum()
    matrix = dataset.from_video_map(320, 240, 0.5)
    np.testing.assert_allclose(centroid, pixels.apply(matrix, at), atol=0.02)


class Twice(Blobs):
    """Sees every keypoint once more, half as high and 40 pixels to the right."""

    def __call__(self, frames):
        (maps,) = super().__call__(frames)
        shifted = np.zeros_like(maps)
        shifted[..., 40 // STRIDE :] = maps[..., : -40 // STRIDE]
        return (np.maximum(maps, shifted / 2),)


@pytest.mark.parametrize("how", ["whole", "follow"])
def test_further_peaks_come_after_the_one_that_counts(net, how):
    net = net._replace(engine=Twice())
    path = smooth_path(12)
    frames = film(path, gap=[3])
    one = getattr(predict, how)(net, frames, *([96] if how == "follow" else []))
    if how == "whole":
        several = predict.several(net, frames, 3)
    else:
        (one, _), (several, _) = one, predict.follow_several(net, frames, 96, 3)
    for part, first in zip(predict.first(several), one, strict=True):
        np.testing.assert_array_equal(part, first)
    seen = np.arange(12) != 3
    further = several.xy[seen, 0, 1] - path[seen]
    there = np.isfinite(further[:, 0])  # a window may not reach so far
    assert there[[0, 3]].all() and there.sum() > 4
    np.testing.assert_allclose(further[there], np.tile([40.0, 0.0], (there.sum(), 1)), atol=0.1)
    np.testing.assert_allclose(several.height[seen, 0, 1][there], 0.5, atol=0.01)
    assert np.isnan(several.xy[:, :, 2]).all() and np.isnan(several.cov[3, 0, 1:]).all()
