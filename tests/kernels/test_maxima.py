"""Local maxima against a slow search cell by cell."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from gambol.kernels import peaks
from gambol.kernels.maxima import climb, maxima

SIGMA = 1.75


def spots(points, size=(64, 96), sigma=SIGMA, heights=None):
    """The highest of Gaussians around points: what several animals make."""
    heights = np.ones(len(points)) if heights is None else heights
    y, x = np.indices(size)
    image = np.zeros(size)
    for (a, b), height in zip(points, heights, strict=True):
        image = np.maximum(
            image, height * np.exp(-((x - a) ** 2 + (y - b) ** 2) / 2 / sigma**2)
        )
    return image


def by_definition(image, threshold):
    """Plateaus (one cell or many) none of whose eight neighbours is higher."""
    found = []
    for value in np.unique(image[image >= threshold]):
        labels, n = ndimage.label(image == value, np.ones((3, 3)))
        for k in range(1, n + 1):
            around = ndimage.binary_dilation(labels == k, np.ones((3, 3)))
            if image[around].max() == value:
                found.append(
                    (float(value), frozenset(zip(*np.nonzero(labels == k), strict=True)))
                )
    return found


@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3, 6, 1000]))
def test_every_plateau_that_nothing_tops_counts_once(seed, levels):
    # trap 8 of spec/pose.md §17: few levels make many plateaus, of any shape
    rng = np.random.default_rng(seed)
    image = rng.integers(0, levels, (rng.integers(1, 9), rng.integers(1, 9))) / levels
    expected = by_definition(image.astype(np.float32), 0.2)
    found = maxima(image, SIGMA, 0.2, 100)
    assert found.n == len(expected)
    heights = sorted((value for value, _ in expected), reverse=True)
    np.testing.assert_allclose(found.height[: found.n], heights, rtol=1e-6)
    assert np.isnan(found.height[found.n :]).all() and np.isnan(found.xy[found.n :]).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_peaks_of_animals_are_found_where_they_are(dtype):
    rng = np.random.default_rng(0)
    cells = rng.permutation(40)[:12]
    points = np.stack([8 + 11 * (cells % 8), 8 + 12 * (cells // 8)], -1) + rng.uniform(
        -2, 2, (12, 2)
    )
    found = maxima(spots(points).astype(dtype), SIGMA, 0.1, 30)
    assert found.n == 12
    gaps = np.linalg.norm(found.xy[:12, None] - points, axis=-1)
    assert sorted(gaps.argmin(1)) == list(range(12))
    assert gaps.min(1).max() < (0.05 if dtype == np.float16 else 0.01)


def test_the_highest_stay_and_come_first():
    points = [(10, 10), (30, 10), (50, 10), (70, 10), (90, 10)]
    image = spots(points, heights=[0.5, 0.9, 0.05, 0.7, 0.6])
    found = maxima(image, SIGMA, 0.1, 3)
    assert found.n == 3 and found.xy[:, 0].round().tolist() == [30, 70, 90]
    np.testing.assert_allclose(found.height, [0.9, 0.7, 0.6], atol=1e-6)
    assert maxima(image, SIGMA, 0.1, 9).n == 4  # what is below the threshold is no peak


def test_a_peak_at_the_border_is_a_peak():
    points = [(-0.3, 10.2), (95.2, 63.4), (40.0, -0.4)]
    found = maxima(spots(points), SIGMA, 0.1, 9)
    order = np.lexsort(found.xy[:3].T)
    np.testing.assert_allclose(
        found.xy[:3][order], np.array(points)[np.lexsort(np.array(points).T)], atol=0.02
    )


def test_a_single_peak_is_what_the_decoder_of_one_animal_finds():
    image = spots([(33.3, 21.7)]) + np.random.default_rng(0).normal(0, 0.01, (64, 96))
    one, many = peaks.find(image, SIGMA), maxima(image, SIGMA, 0.5, 5)
    assert many.n == 1
    np.testing.assert_array_equal(many.xy[0], one.xy)
    np.testing.assert_array_equal(many.cov[0], one.cov)
    assert many.height[0] == one.height


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
def test_an_empty_map_has_no_peak(value):
    found = maxima(np.full((2, 3, 8, 9), value), SIGMA, 0.1, 4)
    assert found.n.shape == (2, 3) and (found.n == 0).all()
    assert found.xy.shape == (2, 3, 4, 2) and np.isnan(found.xy).all()


def test_leading_axes_are_kept():
    rng = np.random.default_rng(0)
    maps = rng.uniform(size=(2, 3, 20, 24))
    together = maxima(maps, SIGMA, 0.3, 50)
    alone = maxima(maps[1, 2], SIGMA, 0.3, 50)
    for part, whole in zip(alone, together, strict=True):
        np.testing.assert_array_equal(part, whole[1, 2])


def test_many_peaks_take_little_time():
    # twenty animals of twenty keypoints in one frame
    rng = np.random.default_rng(0)
    maps = np.stack([spots(rng.uniform(0, 200, (20, 2)), (256, 256)) for _ in range(20)])
    maps = maps.astype(np.float32)
    maxima(maps[:1], SIGMA, 0.1, 88)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        maxima(maps, SIGMA, 0.1, 88)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.1


def test_ripples_on_the_side_of_a_peak_are_none():
    image = spots([(30, 30), (36, 30), (60, 30)], heights=[1.0, 0.9, 0.5])
    near = maxima(image, SIGMA, 0.1, 4)
    assert near.n == 3
    apart = maxima(image, SIGMA, 0.1, 4, 8.0)
    assert apart.n == 2
    np.testing.assert_array_equal(apart.xy[:2], near.xy[[0, 2]])
    # the room that a ripple leaves is for another
    assert maxima(image, SIGMA, 0.1, 2, 8.0).n == 2


def test_places_climb_to_the_top_of_their_own_hill():
    x, y = np.meshgrid(np.arange(30.0), np.arange(20.0))
    tops = np.array([[6.3, 9.4], [21.7, 9.4]])
    hills = [np.exp(-((x - a) ** 2 + (y - b) ** 2) / 8) for a, b in tops]
    image = np.maximum(*hills)[None]
    places = np.array([[[7.6, 8.2], [20.0, 11.0], [np.nan, np.nan], [14.0, 0.0], [6.0, 17.0]]])
    found = climb(image, places, 2.0)[0]
    np.testing.assert_allclose(found[:2], tops, atol=1e-3)
    assert np.isnan(found[2]).all()
    far = np.abs(found[3:] - places[0, 3:]).max()
    assert 3.0 < far <= 5.0  # they went as far as they may, and a fit moves a cell at most
    np.testing.assert_array_equal(climb(image, places[:, :0], 2.0), np.zeros((1, 0, 2)))
