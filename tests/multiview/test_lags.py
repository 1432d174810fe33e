"""Which lags are refused."""

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.multiview.lags import (
    Drop,
    Lag,
    Search,
    Synchronized,
    apart,
    check,
    doubt,
    index,
    rival,
    shifted,
    verdict,
)  # fmt: skip


def lag(curve, frames=0.0, sd=0.01):
    curve = np.asarray(curve, float)
    offsets = np.arange(len(curve)) - float(curve.argmin())
    return Lag("cam", frames, 0.0, sd, offsets, curve, rival(offsets, curve), "")


def test_a_rival_is_another_minimum_not_the_slope_of_the_best():
    def of(curve, step=1.0):
        return rival(step * np.arange(len(curve)), np.array(curve))

    assert of([5.0, 3, 1, 3, 5]) == np.inf
    assert of([5.0, 1.05, 1, 1.05, 5]) == np.inf
    assert of([5.0, 1, 4, 1.5, 4, np.nan]) == 1.5
    assert of([1.2, 4, 1, 4, 5]) == 1.2
    assert of([1.2, 4, 1, 4, 5], step=0.5) == np.inf
    assert np.isnan(of([np.nan, np.nan]))


def test_refuses_within_ten_percent_and_not_beyond():
    assert "rival" in verdict(lag([5, 1, 4, 1.09, 4]), Search())
    assert not verdict(lag([5, 1, 4, 1.11, 4]), Search())
    assert "raise most" in verdict(lag([5, 1, 5], frames=29.8), Search())


def test_refuses_what_is_uncertain_and_what_nothing_tells():
    assert "known to 0.30 frames only" in verdict(lag([5, 1, 5], sd=0.3), Search())
    assert not verdict(lag([5, 1, 5], sd=0.3), Search(sd=0.5))
    none = np.full(3, np.nan)
    lost = Lag("cam", 0.0, 0.0, 0.01, np.zeros(3), none, np.nan, "")
    assert "too few points" in verdict(lost, Search())


def test_parts_must_agree_within_their_sds():
    sd = np.full(4, 0.05)
    assert not apart(np.array([0.05, -0.04, 0.06, -0.05]), sd)
    assert "off by 0.90" in apart(np.array([0.05, 0.9, 0.0, 0.0]), sd)
    assert not apart(np.array([0.0, 0.9, 0.0, 0.0]), np.full(4, 1.0))
    assert apart(np.array([0.3, -0.3, 0.3, -0.3]), np.full(4, 0.1))
    assert not apart(np.zeros(0), np.zeros(0))


def test_a_view_that_fits_its_calibration_for_a_while_only_is_refused():
    assert not shifted(2.0, 400) and "from frame 400" in shifted(3.0, 400)


def test_where_a_gap_may_be_the_lag_is_in_doubt():
    one = lag([5, 1, 5], frames=2.0)
    gaps = (Drop("cam", 50, 2, (48, 52)), Drop("ref", 80, 1, (80, 80)))
    got = doubt(
        Synchronized("ref", (one,), gaps, np.full((100, 2), [0.0, 2.0])), ("ref", "cam")
    )
    assert (got[:, 0] == 0).all() and got[[20, 48, 80], 1] == pytest.approx([0.01, 1.0, 0.5])
    assert (got[44:53, 1] == 1).all() and (got[60:75, 1] == 0.01).all()


def test_a_refused_lag_stops_whoever_needs_it():
    bad = lag([5, 1, 4])._replace(refused="it cannot be told")
    with pytest.raises(InputError, match="view cam: it cannot"):
        check(Synchronized("ref", (bad,), (), np.zeros((1, 2))))


def test_the_reference_is_the_first_or_the_named():
    assert index(("a", "b"), "") == 0 and index(("a", "b"), "b") == 1
    with pytest.raises(InputError, match="there are a, b"):
        index(("a", "b"), "c")
