"""Series with holes against scipy on whole stretches, and the laws that make pieces equal."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator
from scipy.signal import medfilt, savgol_filter

from gambol.kernels import holes


def walk(n_frames=200, channels=3, seed=0, absent=0.0):
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.normal(size=(n_frames, channels)), axis=0)
    x[rng.random(x.shape) < absent] = np.nan
    return x


@given(st.integers(0, 10_000), st.sampled_from([0.05, 0.3, 0.7]))
def test_bridged_holes_lie_on_the_monotone_cubic_of_all_values(seed, absent):
    x = walk(60, 1, seed, absent)
    times = np.cumsum(np.random.default_rng(seed).uniform(0.5, 2.0, 60))
    seen = ~np.isnan(x[:, 0])
    if seen.sum() < 3:
        return
    expected = PchipInterpolator(times[seen], x[seen, 0], extrapolate=False)(times)
    np.testing.assert_allclose(holes.bridge(x, times, 1e9)[:, 0], expected, atol=1e-9)


def test_a_long_hole_stays_and_nothing_beyond_it_matters():
    x, times = walk(60, 1), np.arange(60) / 60
    x[10:12], x[20:40], x[43:45] = np.nan, np.nan, np.nan
    filled = holes.bridge(x, times, 0.2)
    assert np.isnan(filled[20:40]).all() and np.isnan(filled).sum() == 20
    other = x.copy()
    other[:20] += 50.0
    np.testing.assert_array_equal(holes.bridge(other, times, 0.2)[20:], filled[20:])


def test_no_value_is_invented_before_the_first_or_after_the_last():
    x = walk(20, 1)
    x[:2], x[-1] = np.nan, np.nan
    filled = holes.bridge(x, np.arange(20.0), 9.0)
    assert np.isnan(filled[[0, 1, -1]]).all()


def test_a_median_of_whole_series_is_that_of_scipy_inside():
    x = walk()
    for c in range(3):
        expected = medfilt(x[:, c], 5)[2:-2]
        np.testing.assert_array_equal(holes.median(x, 5)[2:-2, c], expected)


def test_a_median_keeps_a_ramp_also_beside_holes():
    x = np.arange(20.0)[:, None].copy()
    x[7] = np.nan
    np.testing.assert_array_equal(holes.median(x, 5), x)


@pytest.mark.parametrize("derivative", [0, 1, 2, 3])
def test_a_polynomial_on_an_even_clock_is_that_of_scipy(derivative):
    x, fps = walk(), 50.0
    mine = holes.polynomial(x, np.arange(200) / fps, fps, 9, 3, derivative)
    expected = savgol_filter(x, 9, 3, deriv=derivative, delta=1 / fps, axis=0)
    np.testing.assert_allclose(mine, expected, rtol=1e-7, atol=1e-7 * fps**derivative)


@pytest.mark.parametrize("derivative", [0, 1, 2])
def test_a_parabola_is_found_on_any_clock_and_beside_any_hole(derivative):
    times = np.cumsum(np.random.default_rng(3).uniform(0.005, 0.05, 80))
    x = (3.0 + 2.0 * times - 5.0 * times**2)[:, None]
    truth = (x[:, 0], 2.0 - 10.0 * times, np.full(80, -10.0))[derivative].copy()
    x[30:33], truth[30:33] = np.nan, np.nan
    mine = holes.polynomial(x, times, 40.0, 7, 2, derivative)[:, 0]
    np.testing.assert_allclose(mine, truth, atol=1e-6)


def test_inside_leaves_out_what_has_no_centred_window():
    x = walk(50, 1)
    x[20] = np.nan
    mine = holes.polynomial(x, np.arange(50) / 50, 50.0, 5, 2, 1, inside=True)[:, 0]
    away = np.isnan(mine)
    assert away[[0, 1, 18, 19, 20, 21, 22, 48, 49]].all() and away.sum() == 9


def test_a_lone_value_has_a_place_but_no_speed():
    x = np.full((9, 1), np.nan)
    x[4] = 7.0
    times = np.arange(9.0)
    assert holes.polynomial(x, times, 1.0, 5, 2)[4, 0] == 7.0
    assert np.isnan(holes.polynomial(x, times, 1.0, 5, 2, 1)).all()


def test_pieces_that_overlap_give_the_bits_of_the_whole():
    x, times = walk(300, 2, absent=0.1), np.arange(300) / 60
    times[150:] += 0.004

    def work(x, times):
        filled = holes.bridge(x, times, 0.1)
        return holes.polynomial(holes.median(filled, 5), times, 60.0, 7, 2)

    whole = work(x, times)
    for start in range(0, 300, 50):
        low, high = max(0, start - 40), min(300, start + 90)
        piece = work(x[low:high], times[low:high])[start - low : start - low + 50]
        np.testing.assert_array_equal(piece, whole[start : start + 50])
