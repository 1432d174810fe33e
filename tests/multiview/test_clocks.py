"""Lines through lags, with and without lost frames and mistakes."""

import numpy as np
import pytest

from gambol.multiview import clocks
from gambol.multiview.clocks import Local

TIME = np.arange(0.0, 2000, 50)


def local(slope=0.0, shift=0.0, noise=0.02, whole=0.0, seed=0):
    made = np.random.default_rng(seed).normal(0, noise, len(TIME))
    return Local(TIME, shift + slope * TIME + made + whole, np.full(len(TIME), noise**2))


def test_a_line_is_found_with_an_sd_that_holds():
    errors = []
    for seed in range(100):
        fit = clocks.line(local(5e-4, 3.4, seed=seed), True, 1000.0)
        errors.append((fit.shift + fit.slope * 1000 - 3.9) / fit.sd)
    assert np.std(errors) == pytest.approx(1, abs=0.25)


def test_a_constant_has_no_slope_and_mistakes_do_not_count():
    wrong = local(0.0, 2.0)
    wrong.offset[7] += 5
    fit = clocks.line(wrong, False, 1000.0)
    assert fit.slope == 0 and fit.shift == pytest.approx(2.0, abs=0.02)


def test_nothing_tells_nothing():
    none = Local(np.zeros(0), np.zeros(0), np.zeros(0))
    assert clocks.line(none, True, 0.0).sd == np.inf and clocks.drifts(none) == [0.0]


def test_one_of_the_drifts_is_right_even_where_frames_were_lost():
    lost = -2.0 * (TIME > 700)
    assert min(abs(drift - 5e-4) for drift in clocks.drifts(local(5e-4, whole=lost))) < 2e-4


def test_the_fraction_does_not_know_lost_frames():
    lost = -3.0 * (TIME > 700)
    got = clocks.fraction(local(5e-4, 3.4, whole=lost), 5e-4)
    assert got % 1 == pytest.approx(0.4, abs=0.02)


def test_a_clock_is_its_line_and_its_lost_frames():
    clock = clocks.Clock(np.array([0.5, 0.6]), np.array([0.0, -1.0]))
    np.testing.assert_allclose(clock.tau, [0.5, -0.4])


def test_frames_of_a_film_follow_its_lag_and_what_was_lost():
    moments = np.arange(8.0)
    late = clocks.Timing(lag=2.0, drift=0.5)
    np.testing.assert_allclose(late.frames(moments), 1.5 * moments + 2)
    lost = clocks.Timing(drops=((4, 2),))  # its frame 4 comes after a gap
    np.testing.assert_equal(lost.frames(moments), [0, 1, 2, 3, np.nan, np.nan, 4, 5])
    clock = clocks.Timing(skips=((3, 1),))  # the clock lost one itself
    np.testing.assert_equal(clock.frames(moments[2:5]), [2, 4, 5])
    both = clocks.Timing(drops=((2, 1), (4, 1)))
    np.testing.assert_equal(both.frames(moments), [0, 1, np.nan, 2, 3, np.nan, 4, 5])
