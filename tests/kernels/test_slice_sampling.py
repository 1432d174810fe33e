import numpy as np
import pytest
from scipy import stats

from gambol.kernels import slice_sampling

TARGET = stats.gumbel_r()  # skewed, with a tail heavier than that of the normal
CENTRE, WIDTH = 0.5, 1.5


def excess(x):
    return float((TARGET.logpdf(x) - stats.norm.logpdf(x, CENTRE, WIDTH)).sum())


def after_one_step(method, count=4000):
    """Where exact draws of the target are after one step of each."""
    rng = np.random.default_rng(0)
    centre, ends = np.full(1, CENTRE), np.empty(count)
    for n, x in enumerate(TARGET.rvs(count, random_state=rng)):
        noise = WIDTH * rng.standard_normal(1)
        ends[n] = method(rng, np.full(1, x), centre, noise, excess).x[0]
    return ends


def without_correction(rng, x, centre, noise, excess):
    return slice_sampling.Moved(centre + noise, 0, True)


@pytest.mark.parametrize("name", ["elliptical", "metropolis"])
def test_a_step_leaves_the_target_as_it_is(name):
    ends = after_one_step(getattr(slice_sampling, name))
    assert stats.kstest(ends, TARGET.cdf).pvalue > 1e-3


def test_a_step_without_correction_does_not():
    assert stats.kstest(after_one_step(without_correction), TARGET.cdf).pvalue < 1e-3


def log_density(x):
    return float(TARGET.logpdf(x).sum())


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_a_radial_step_leaves_the_target_as_it_is(dimension):
    rng, centre = np.random.default_rng(dimension), np.full(dimension, CENTRE)
    before = TARGET.rvs((3000, dimension), random_state=rng)
    after = np.array(
        [slice_sampling.radial(rng, x, centre, dimension, log_density).x for x in before]
    )
    if dimension > 1:  # in one dimension x stays on its side of the centre
        wrong = [
            slice_sampling.radial(rng, x, centre, 2 * dimension, log_density).x for x in before
        ]
        assert stats.kstest(np.ravel(wrong), TARGET.cdf).pvalue < 1e-3
    assert (before != after).all()
    assert stats.kstest(after[:, 0], TARGET.cdf).pvalue > 1e-3
    assert stats.kstest(after[:, -1], TARGET.cdf).pvalue > 1e-3


@pytest.mark.parametrize("far", [40.0, 1e-9])
def test_radial_steps_bring_a_chain_home_from_afar_and_from_the_very_mode(far):
    rng, centre = np.random.default_rng(1), np.full(2, CENTRE)
    x, seen = centre + far, []
    for _ in range(3000):
        noise = WIDTH * rng.standard_normal(2)
        x = slice_sampling.radial(rng, x, centre, 2, log_density).x
        moved = slice_sampling.elliptical(rng, x, np.full(2, CENTRE), noise, excess)
        assert moved.accepted
        x = moved.x
        seen.append(x)
    assert abs(np.mean(seen[100:]) - TARGET.mean()) < 0.1
    assert abs(np.std(seen[100:]) - TARGET.std()) < 0.1


def test_the_bracket_shrinks_around_where_the_chain_is():
    rng = np.random.default_rng(2)
    for _ in range(200):
        angle, low, high = slice_sampling.first(rng.random())
        assert 0 <= high < 2 * np.pi and np.isclose(high - low, 2 * np.pi)
        for _ in range(20):
            width = high - low
            angle, low, high = slice_sampling.shrink(angle, low, high, rng.random())
            assert low <= angle <= high and low <= 0 <= high and high - low <= width


def test_a_density_that_accepts_nothing_leaves_the_chain_where_it_is_and_says_so():
    x, rng = np.ones(2), np.random.default_rng(3)

    def spike(there):
        return 0.0 if np.array_equal(there, x) else -np.inf

    for method, tries in (
        (slice_sampling.elliptical, slice_sampling.MOST),
        (slice_sampling.metropolis, 1),
    ):
        moved = method(rng, x, np.zeros(2), rng.standard_normal(2), spike)
        assert (moved.evaluations, moved.accepted) == (tries, False)
        assert np.array_equal(moved.x, x)
