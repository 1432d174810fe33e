"""The weighted bootstrap against copies of the data, drawn and computed one by one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gambol.kernels import bootstrap


@st.composite
def weighted(draw):
    m = draw(st.integers(1, 12))
    values = np.sort(draw(arrays(float, m, elements=st.floats(0, 9) | st.just(np.inf))))
    weights = draw(arrays(np.int64, (3, m), elements=st.integers(0, 4)))
    weights[:, draw(st.integers(0, m - 1))] += 1
    return values, weights


@given(weighted())
def test_weighted_quantiles_equal_those_of_repeated_samples(problem):
    values, weights = problem
    levels = np.array([0.0, 0.1, 0.5, 0.9, 0.95, 1.0])
    finite = np.where(np.isinf(values), 1e6, values)
    got = bootstrap.weighted_quantiles(finite, weights, levels)
    for row, w in zip(got, weights, strict=True):
        np.testing.assert_allclose(row, np.quantile(np.repeat(finite, w), levels), rtol=1e-7)


@given(weighted())
def test_quantiles_that_touch_infinity_are_infinite(problem):
    values, weights = problem
    got = bootstrap.weighted_quantiles(values, weights, np.array([0.5, 1.0]))
    for row, w in zip(got, weights, strict=True):
        copies = np.repeat(values, w)
        above = copies[int(np.ceil((len(copies) - 1) / 2))]
        assert np.isinf(row).tolist() == [np.isinf(above), np.isinf(copies[-1])]


def test_equals_copying_groups():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 6, 40)
    values = rng.normal(size=40)
    drawn = bootstrap.resample(
        lambda w: (w @ values / w.sum(axis=1))[:, None], groups, np.random.default_rng(1), 50
    )
    draws = np.random.default_rng(1).integers(6, size=(50, 6))
    for got, draw in zip(drawn, draws, strict=True):
        copies = [values[groups == g] for g in draw]
        np.testing.assert_allclose(got, np.concatenate(copies).mean())


def test_chunks_change_nothing(monkeypatch):
    values = np.random.default_rng(0).normal(size=30)

    def draw():
        rng = np.random.default_rng(2)
        return bootstrap.resample(lambda w: w @ values[:, None], np.arange(30), rng, 100)

    whole = draw()
    monkeypatch.setattr(bootstrap, "_CELLS", 70)
    np.testing.assert_allclose(draw(), whole)


def test_standard_error_of_a_mean_is_the_textbook_one():
    values = np.random.default_rng(0).normal(size=400)
    rng = np.random.default_rng(1)
    drawn = bootstrap.resample(lambda w: (w @ values / 400)[:, None], np.arange(400), rng, 4000)
    assert abs(drawn.std() / (values.std() / 20) - 1) < 0.04
    low, high = bootstrap.percentile_interval(drawn)[:, 0]
    assert abs((high - low) / (2 * 1.96 * values.std() / 20) - 1) < 0.05


def test_intervals_skip_undefined_resamples_and_keep_infinite_ones():
    values = np.array([[1.0, np.nan, 1.0], [2.0, np.nan, np.inf], [np.nan, np.nan, np.inf]])
    got = bootstrap.percentile_interval(values, 0.9)
    np.testing.assert_equal(got, [[1.0, np.nan, 1.0], [2.0, np.nan, np.inf]])
