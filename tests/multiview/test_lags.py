"""Which lags are refused."""

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.multiview.lags import Lag, Search, Synchronized, check, index, rival, verdict


def lag(curve, frames=0.0):
    curve = np.asarray(curve, float)
    offsets = np.arange(len(curve)) - float(curve.argmin())
    return Lag("cam", frames, 0.0, 0.01, offsets, curve, rival(curve), "")


def test_a_rival_is_another_minimum_not_the_slope_of_the_best():
    assert rival(np.array([5.0, 3, 1, 3, 5])) == np.inf
    assert rival(np.array([5.0, 1.05, 1, 1.05, 5])) == np.inf
    assert rival(np.array([5.0, 1, 4, 1.5, 4, np.nan])) == 1.5
    assert rival(np.array([1.2, 4, 1, 4, 5])) == 1.2


def test_refuses_within_ten_percent_and_not_beyond():
    assert "rival" in verdict(lag([5, 1, 4, 1.09, 4]), Search())
    assert not verdict(lag([5, 1, 4, 1.11, 4]), Search())
    assert "raise most" in verdict(lag([5, 1, 5], frames=29.8), Search())


def test_a_refused_lag_stops_whoever_needs_it():
    bad = lag([5, 1, 4])._replace(refused="it cannot be told")
    with pytest.raises(InputError, match="view cam: it cannot"):
        check(Synchronized("ref", (bad,), (), np.zeros((1, 2))))


def test_the_reference_is_the_first_or_the_named():
    assert index(("a", "b"), "") == 0 and index(("a", "b"), "b") == 1
    with pytest.raises(InputError, match="there are a, b"):
        index(("a", "b"), "c")
