import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gambol.pose import planning


def distances(seed=0, n=60, j=4):
    rng = np.random.default_rng(seed)
    far = rng.exponential(3.0, (n, j))
    far[rng.random((n, j)) < 0.1] = np.inf
    far[rng.random((n, j)) < 0.1] = np.nan
    return far


def test_the_error_is_the_mean_of_what_is_known_with_misses_at_the_limit():
    far, most = distances(), 10.0
    one_by_one = [min(d, most) for d in far.ravel() if not np.isnan(d)]
    found = planning.error(far, most, np.arange(len(far)))
    assert found.value == pytest.approx(np.mean(one_by_one))


def test_the_interval_is_that_of_drawing_groups_again():
    far, groups = distances(), np.repeat(np.arange(20), 3)
    found = planning.error(far, 10.0, groups, seed=1)
    rng = np.random.default_rng(5)
    means = []
    for _ in range(3000):
        drawn = np.concatenate([np.flatnonzero(groups == g) for g in rng.integers(20, size=20)])
        means.append(np.nanmean(np.minimum(far[drawn], 10.0)))
    low, high = np.quantile(means, [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.12)
    assert found.high == pytest.approx(high, abs=0.12)


def test_nothing_known_is_no_number():
    nothing = np.full((3, 2), np.nan)
    assert np.isnan(planning.error(nothing, 1.0, np.arange(3))).all()
    assert np.isnan(planning.within(nothing, 1.0))


def test_the_share_within_a_radius_counts_misses_as_outside():
    far = np.array([[0.5, 2.0], [np.inf, np.nan], [1.0, 1.5]])
    assert planning.within(far, 1.0) == 2 / 5


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=6), st.floats(0.1, 100))
def test_enough_is_the_first_that_is_good(errors, limit):
    place = planning.enough(errors, limit)
    if place is None:
        assert min(errors) > limit
    else:
        assert errors[place] <= limit and all(e > limit for e in errors[:place])


def test_a_power_law_goes_on_and_a_rise_does_not():
    amounts = [10.0, 20.0, 40.0]
    errors = [3.0 * n**-0.5 for n in amounts]
    assert planning.foreseen(amounts, errors, 160.0) == pytest.approx(3.0 * 160**-0.5)
    assert planning.foreseen(amounts, [3.0, 1.0, 2.0], 80.0) == 2.0
