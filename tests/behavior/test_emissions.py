import itertools

import numpy as np
import pytest
import scipy.special
from scipy import stats

from gambol.behavior import emissions
from gambol.behavior.emissions import Prior, Shared
from gambol.core.errors import InputError
from gambol.kernels import helmert, softmax

WIDE = Prior(2.0, 1.5)
FEW = np.array([[[3, 0], [0, 2]], [[0, 1], [0, 0]]])  # two states, two syllables, an empty row
THREE = np.array([[[4, 1, 0], [0, 2, 0], [0, 0, 0]], [[0, 0, 2], [3, 0, 1], [0, 1, 0]]])


def drawn(states, symbols, prior=WIDE, seed=0):
    """Parameters from the prior and counts from them."""
    rng = np.random.default_rng(seed)
    base = prior.base_sigma * rng.normal(size=(symbols, symbols - 1))
    bias = prior.bias_sigma * rng.normal(size=(states - 1, symbols - 1))
    shared = Shared(base, bias)
    theta = emissions.probabilities(shared)
    counts = np.array([[rng.multinomial(rng.poisson(20), row) for row in one] for one in theta])
    counts[0, 0] = 0  # an empty row
    return shared, counts


def log_posterior(x, counts, prior):
    """Of many points (N, D), W̃ first; up to a constant, by the definition."""
    states, symbols, _ = counts.shape
    base, bias = np.split(x, [symbols * (symbols - 1)], axis=1)
    inner, outer = helmert.basis(symbols), helmert.basis(states)
    w = base.reshape(-1, symbols, symbols - 1) @ inner.T
    b = outer @ bias.reshape(-1, states - 1, symbols - 1) @ inner.T
    logits = w[:, None] + b[:, :, None]
    fit = (counts * scipy.special.log_softmax(logits, axis=-1)).sum(axis=(1, 2, 3))
    held = (base**2).sum(1) / prior.base_sigma**2 + (bias**2).sum(1) / prior.bias_sigma**2
    return fit - held / 2


def statistics(x):
    """First and second moments of all coordinates, and of θ-like functions of them."""
    pairs = [x[:, i] * x[:, j] for i, j in itertools.combinations(range(x.shape[1]), 2)]
    return np.column_stack([x, x**2, np.tanh(x), *pairs])


def by_quadrature(counts, prior):
    """Expected statistics on a grid of three coordinates."""
    axis = np.linspace(-11, 11, 111)
    grid = np.array(np.meshgrid(axis, axis, axis, indexing="ij")).reshape(3, -1).T
    log = log_posterior(grid, counts, prior)
    weight = np.exp(log - log.max())
    return weight @ statistics(grid) / weight.sum()


def by_importance(counts, prior, count=200_000):
    """Expected statistics from a heavy-tailed proposal around the mode; and their errors."""
    rng = np.random.default_rng(0)
    mode = emissions.joint_mode(counts, prior).shared
    centre = np.concatenate([part.ravel() for part in mode])
    size, nu = len(centre), 5
    scale = np.full(size, 1.3)
    unit = rng.standard_t(nu, size=(count, size))
    x = centre + scale * unit
    log = log_posterior(x, counts, prior) - stats.t.logpdf(unit, nu).sum(axis=1)
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    told = statistics(x)
    mean = weight @ told
    return mean, np.sqrt(weight**2 @ (told - mean) ** 2)


def run(kind, counts, prior, sweeps, warm=50):
    """Statistics of a chain: means and standard errors by batches."""
    shared = emissions.joint_mode(counts, prior).shared
    trace = []
    for sweep in range(warm + sweeps):
        shared = emissions.step(kind, 5, sweep, shared, counts, prior).shared
        trace.append(np.concatenate([part.ravel() for part in shared]))
    told = statistics(np.array(trace[warm:]))
    batches = told.reshape(40, -1, told.shape[1]).mean(axis=1)
    return told.mean(axis=0), batches.std(axis=0, ddof=1) / np.sqrt(40)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [pytest.param("slice", marks=pytest.mark.slow), "mh"])
def test_steps_leave_the_posterior_of_quadrature_as_it_is(kind):
    mean, error = run(kind, FEW, WIDE, 1000)
    assert np.abs((mean - by_quadrature(FEW, WIDE)) / error).max() < 4


def test_a_laplace_draw_without_correction_does_not():
    mean, error = run("laplace", FEW, WIDE, 240)
    assert np.abs((mean - by_quadrature(FEW, WIDE)) / error).max() > 5


@pytest.mark.parametrize("kind", ["slice", "mh"])
def test_steps_leave_the_posterior_of_importance_sampling_as_it_is(kind):
    expected, slack = by_importance(THREE, Prior(1.2, 1.0))
    mean, error = run(kind, THREE, Prior(1.2, 1.0), 1000)
    assert np.abs((mean - expected) / np.hypot(error, slack)).max() < 4.2  # of 60 statistics


def test_log_priors_are_those_of_scipy():
    shared, _ = drawn(3, 4)
    base, bias = emissions.log_prior(shared, Prior(0.7, 2.5))
    assert np.isclose(base, stats.norm.logpdf(shared.base, scale=0.7).sum(), rtol=1e-12)
    assert np.isclose(bias, stats.norm.logpdf(shared.bias, scale=2.5).sum(), rtol=1e-12)
    theta = emissions.probabilities(shared)
    rows = theta.reshape(-1, 4)
    for beta in (0.5, 1.0, 3.0):
        expected = sum(stats.dirichlet.logpdf(row, np.full(4, beta)) for row in rows)
        assert np.isclose(emissions.dirichlet_log_prior(theta, beta), expected, rtol=1e-12)


def test_logits_and_coordinates_are_there_and_back():
    shared, _ = drawn(4, 5)
    base, bias = emissions.logits(shared)
    back = emissions.coordinates(base + 3.0, bias)
    assert np.allclose(back.base, shared.base, atol=1e-12)
    assert np.allclose(back.bias, shared.bias, atol=1e-12)
    gamma, outer = helmert.basis(5), helmert.basis(4)
    assert np.allclose(base, shared.base @ gamma.T, atol=1e-12)
    assert np.allclose(bias, outer @ shared.bias @ gamma.T, atol=1e-12)
    theta = scipy.special.softmax(base[None] + bias[:, None], axis=2)
    assert np.allclose(emissions.probabilities(shared), theta, rtol=1e-12)


def slope(shared, counts, prior):
    """Of the log posterior, in Helmert's coordinates."""
    told = softmax.slope(softmax.totals(counts), *emissions.logits(shared))
    lowered = emissions.coordinates(told.base, told.bias)
    return np.concatenate([
        (lowered.base - shared.base / prior.base_sigma**2).ravel(),
        (lowered.bias - shared.bias / prior.bias_sigma**2).ravel(),
    ])  # fmt: skip


@pytest.mark.parametrize("states, symbols", [(1, 2), (1, 6), (2, 2), (3, 5), (6, 12)])
def test_the_slope_vanishes_at_the_joint_mode_from_wherever_it_began(states, symbols):
    truth, counts = drawn(states, symbols)
    modes = [emissions.joint_mode(counts, WIDE, start) for start in (None, truth)]
    for mode in modes:
        assert mode.converged and mode.decrement < 1e-10
        assert np.abs(slope(mode.shared, counts, WIDE)).max() < 1e-4
        assert mode.trace[-1] >= mode.trace[0]
    assert np.allclose(modes[0].shared.base, modes[1].shared.base, atol=1e-3)
    assert np.isclose(modes[0].trace[-1], modes[1].trace[-1], rtol=1e-12)


def test_the_trace_ends_at_the_log_posterior_of_the_mode():
    _, counts = drawn(3, 4)
    mode = emissions.joint_mode(counts, WIDE)
    flat = np.concatenate([part.ravel() for part in mode.shared])
    assert np.isclose(mode.trace[-1], log_posterior(flat[None], counts, WIDE)[0], rtol=1e-12)


@pytest.mark.parametrize("kind", emissions.KINDS)
@pytest.mark.parametrize("states, symbols", [(1, 2), (1, 1), (1, 5), (2, 2), (3, 4), (5, 9)])
def test_threads_change_no_bit(kind, states, symbols):
    shared, counts = drawn(states, symbols)
    one, *more = (
        emissions.step(kind, 1, 2, shared, counts, WIDE, threads) for threads in (1, 2, 4)
    )
    assert one.converged and one.limits == ()
    assert one.shared.base.shape == shared.base.shape
    assert one.shared.bias.shape == shared.bias.shape
    for other in more:
        assert np.array_equal(one.shared.base, other.shared.base)
        assert np.array_equal(one.shared.bias, other.shared.bias)
        assert one.evaluations == other.evaluations


@pytest.mark.parametrize("kind", emissions.KINDS)
def test_seed_and_sweep_name_the_draw(kind):
    shared, counts = drawn(3, 4)
    first, again, sweep, seed = (
        emissions.step(kind, *named, shared, counts, WIDE).shared.base
        for named in ((1, 2), (1, 2), (1, 3), (2, 2))
    )
    assert np.array_equal(first, again)
    assert not np.isclose(first, sweep).any() and not np.isclose(first, seed).any()


def test_the_objectives_of_the_inner_steps_rise_and_do_not_depend_on_the_rows():
    shared, counts = drawn(3, 6)
    here = emissions.step("slice", 0, 0, shared, counts, WIDE)
    moved = Shared(shared.base + 5.0, shared.bias)
    there = emissions.step("slice", 0, 0, moved, counts, WIDE)
    assert np.array_equal(here.row_trace, there.row_trace)  # the mode of the rows is a law of b
    assert (np.diff(here.row_trace) > -1e-9).all() and (np.diff(here.bias_trace) > -1e-9).all()
    assert here.newton_steps >= len(here.bias_trace) - 1
    assert 0 <= here.decrement < 1e-10


def test_a_chain_whose_counts_changed_altogether_follows_them():
    """Far from its mode an approximation alone would reject all but the smallest steps."""
    _, before = drawn(4, 10, seed=1)
    _, after = drawn(4, 10, seed=2)
    shared = emissions.joint_mode(50 * before, WIDE).shared
    settled = emissions.joint_mode(50 * after, WIDE).shared
    ends = []
    for start in (shared, settled):
        for sweep in range(60):
            start = emissions.step("slice", 0, sweep, start, 50 * after, WIDE).shared
        flat = np.concatenate([part.ravel() for part in start])
        ends.append(log_posterior(flat[None], 50 * after, WIDE)[0])
    size = settled.base.size + settled.bias.size
    assert abs(ends[0] - ends[1]) < 5 * np.sqrt(size)  # the log posterior's own spread: √(D/2)


def test_an_unknown_step_is_refused_by_name():
    shared, counts = drawn(2, 3)
    with pytest.raises(InputError, match="'hmc'.*slice, mh, laplace"):
        emissions.step("hmc", 0, 0, shared, counts, WIDE)


def test_dirichlet_draws_have_the_moments_of_their_law():
    counts = np.array([[[5, 0, 1], [0, 0, 0], [2, 2, 2]]])
    draws = np.array([emissions.dirichlet(3, n, counts, 0.5) for n in range(4000)])
    shape = counts + 0.5
    whole = shape.sum(axis=2, keepdims=True)
    mean = shape / whole
    spread = mean * (1 - mean) / (whole + 1)
    assert np.abs((draws.mean(axis=0) - mean) / np.sqrt(spread / 4000)).max() < 4
    assert np.allclose(draws.var(axis=0), spread, rtol=0.15)
    assert np.allclose(draws.sum(axis=-1), 1)


def test_dirichlet_rows_with_tiny_shapes_are_still_probabilities():
    theta = emissions.dirichlet(0, 0, np.zeros((2, 4, 4), np.int64), 1e-4)
    assert np.isfinite(theta).all() and np.allclose(theta.sum(axis=2), 1)
    assert (theta.max(axis=2) > 0.9).mean() > 0.8  # nearly all mass on one
