import numpy as np
import pytest

from gambol.kernels import arrow, helmert, softmax, softmax_biases

SIZES = [(2, 2), (2, 5), (3, 4), (5, 7), (4, 2)]
SIGMA = 0.8


def lift(x, states, symbols):
    return np.ascontiguousarray(helmert.lift(helmert.lift(x.reshape(states - 1, -1)).T).T)


def lower(x):
    return helmert.lower(helmert.lower(x).T).T.ravel()


def case(states, symbols):
    rng = np.random.default_rng(10 * states + symbols)
    counts = rng.poisson(5.0, size=(states, symbols, symbols))
    counts[:, -1] = 0  # an empty row
    counts[0] = 0  # an empty state
    base = helmert.lift(rng.normal(size=(symbols, symbols - 1)))
    table = softmax.totals(counts)
    return table, softmax_biases.given(table.into, table.out_of, base, SIGMA)


def at_once(work, count):
    work(0, count)


def one_by_one(work, count):
    for part in reversed(range(count)):
        work(part, part + 1)


def at_mode(states, symbols):
    table, known = case(states, symbols)
    curve = softmax_biases.room(states, symbols)
    mode = softmax_biases.climb(known, curve, at_once)
    theta = softmax.probabilities(known.base, mode.bias)
    return known, curve, mode, arrow.build(table.out_of, theta, 1.0, SIGMA).border, table


@pytest.mark.parametrize("states, symbols", SIZES)
def test_the_slope_vanishes_at_the_mode(states, symbols):
    known, _, mode, _, table = at_mode(states, symbols)
    slope = softmax.slope(table, known.base, mode.bias).bias - mode.bias / SIGMA**2
    assert np.abs(lower(slope)).max() < 1e-4
    assert np.abs(mode.bias.sum(axis=0)).max() < 1e-12
    assert np.abs(mode.bias.sum(axis=1)).max() < 1e-12
    assert mode.decrement < softmax_biases.ENOUGH and mode.steps < 20
    assert (np.diff(mode.objective) > -1e-9).all() and len(mode.objective) == mode.steps + 1


@pytest.mark.parametrize("states, symbols", SIZES)
def test_blocks_of_states_solve_what_the_dense_border_solves(states, symbols):
    _, curve, _, border, _ = at_mode(states, symbols)
    right = lift(np.random.default_rng(0).normal(size=len(border)), states, symbols)
    out = np.empty_like(right)
    softmax_biases.solve(curve, right, out)
    expected = np.linalg.solve(border, lower(right))
    assert np.allclose(lower(out), expected, rtol=1e-9, atol=1e-12)
    assert np.abs(out.sum(axis=0)).max() < 1e-12 and np.abs(out.sum(axis=1)).max() < 1e-12


@pytest.mark.parametrize("states, symbols", SIZES)
def test_draws_have_the_covariance_of_the_dense_inverse(states, symbols):
    _, curve, _, border, _ = at_mode(states, symbols)
    linear = np.empty((len(border), states * symbols))
    for column, unit in enumerate(np.eye(states * symbols)):
        noise = unit.reshape(states, symbols).copy()
        softmax_biases.colour(curve, noise)
        linear[:, column] = lower(noise)
        assert np.abs(noise.sum(axis=0)).max() < 1e-12
    assert np.allclose(linear @ linear.T, np.linalg.inv(border), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("states, symbols", SIZES)
def test_the_quadratic_form_and_the_value_are_those_of_dense_algebra(states, symbols):
    known, curve, mode, border, table = at_mode(states, symbols)
    away = np.random.default_rng(1).normal(size=len(border))
    there = lift(away, states, symbols)
    assert np.isclose(softmax_biases.square(known, curve, there), away @ border @ away)
    x = mode.bias + there
    whole = softmax.slope(table, known.base, x).value - (x**2).sum() / 2 / SIGMA**2
    whole -= (table.pairs * known.base).sum()
    assert np.isclose(softmax_biases.value(known, x), whole, rtol=1e-12)
    more = softmax_biases.excess(known, curve, mode.bias, x)
    assert np.isclose(more, whole + away @ border @ away / 2, rtol=1e-9)


def test_states_may_be_filled_in_any_order():
    _, known = case(5, 7)
    curves = [softmax_biases.room(5, 7) for _ in range(2)]
    modes = [
        softmax_biases.climb(known, curve, share)
        for curve, share in zip(curves, (at_once, one_by_one), strict=True)
    ]
    assert np.array_equal(modes[0].bias, modes[1].bias)
    for one, other in zip(*curves, strict=True):
        assert np.array_equal(np.tril(one), np.tril(other))
