import numpy as np
import pytest

from gambol.kernels import arrow, helmert, softmax, softmax_rows

SIZES = [(1, 2), (1, 4), (2, 2), (2, 5), (3, 4), (4, 9)]
SIGMA = 0.8


def case(states, symbols, size=1.0):
    rng = np.random.default_rng(10 * states + symbols)
    counts = rng.poisson(5.0, size=(states, symbols, symbols))
    counts[:, -1] = 0  # an empty row
    counts[0, 0] = 0
    base = helmert.lift(rng.normal(size=(symbols, symbols - 1)))
    bias = size * np.ascontiguousarray(
        helmert.lift(helmert.lift(rng.normal(size=(states - 1, symbols - 1))).T).T
    )
    noise = rng.standard_normal((symbols, symbols + states))
    uniform = rng.random((symbols, softmax_rows.UNIFORMS))
    return base, bias, softmax.totals(counts), noise, uniform


def run(kind, base, bias, table, noise, uniform, parts=1):
    out = softmax_rows.empty(len(base))
    cuts = np.linspace(0, len(base), parts + 1).astype(int)
    for begin, end in zip(cuts[:-1], cuts[1:], strict=True):
        softmax_rows.fill(
            kind, base, bias, table.pairs, table.out_of, SIGMA, noise, uniform, out, begin, end
        )
    return out


def at_mode(states, symbols):
    """The mode, and for each row what the kernel keeps of the curvature there."""
    base, bias, table, noise, uniform = case(states, symbols)
    mode = run(softmax_rows.MODE, base, bias, table, noise, uniform).base
    built = arrow.build(table.out_of, softmax.probabilities(mode, bias), SIGMA, 1.0)
    curves = []
    for i in range(symbols):
        peak, scaled = np.empty(states), np.empty_like(bias)
        for k in range(states):
            peak[k] = softmax.scale(bias[k], scaled[k])
        moves = np.ascontiguousarray(table.out_of[:, i])
        model = (table.pairs[i], moves, bias, scaled, peak, 1 / SIGMA**2)
        probs = np.empty((states, symbols))
        softmax_rows._value(mode[i], model, probs)
        curve = (np.empty((states, symbols)), np.empty(symbols), np.empty((states, states)))
        softmax_rows._curve(mode[i], model, probs, curve, np.empty(symbols))
        curves.append((model, curve))
    return mode, built, curves


@pytest.mark.parametrize("size", [1.0, 5.0])
@pytest.mark.parametrize("states, symbols", SIZES)
def test_the_slope_vanishes_at_the_mode(states, symbols, size):
    base, bias, table, noise, uniform = case(states, symbols, size)
    out = run(softmax_rows.MODE, base, bias, table, noise, uniform)
    slope = softmax.slope(table, out.base, bias).base - out.base / SIGMA**2
    assert np.abs(slope).max() < 1e-4
    assert np.abs(out.base.sum(axis=1)).max() < 1e-12
    assert (out.decrement < softmax_rows.ENOUGH).all() and (out.steps < 20).all()


@pytest.mark.parametrize("states, symbols", SIZES)
def test_the_small_factor_solves_what_the_dense_block_solves(states, symbols):
    _, built, curves = at_mode(states, symbols)
    right = helmert.lift(np.random.default_rng(0).normal(size=symbols - 1))
    for i, (_, curve) in enumerate(curves):
        out = np.empty(symbols)
        softmax_rows._solve(curve, right, out, np.empty(states))
        expected = np.linalg.solve(built.rows[i], helmert.lower(right))
        assert np.allclose(helmert.lower(out), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("states, symbols", SIZES)
def test_draws_have_the_covariance_of_the_dense_inverse(states, symbols):
    _, built, curves = at_mode(states, symbols)
    for i, (_, curve) in enumerate(curves):
        linear = np.empty((symbols, symbols + states))
        for column, unit in enumerate(np.eye(symbols + states)):
            nu = unit[:symbols].copy()
            softmax_rows._colour(curve, nu, unit[symbols:].copy())
            linear[:, column] = nu
        expected = helmert.basis(symbols) @ np.linalg.inv(built.rows[i])
        expected = expected @ helmert.basis(symbols).T
        assert np.allclose(linear @ linear.T, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("states, symbols", SIZES)
def test_the_excess_is_the_log_posterior_plus_the_dense_quadratic(states, symbols):
    mode, built, curves = at_mode(states, symbols)
    rng = np.random.default_rng(1)
    for i, (model, curve) in enumerate(curves):
        probs = np.empty((states, symbols))
        away = rng.normal(size=symbols - 1)
        w = mode[i] + helmert.lift(away)
        got = softmax_rows._excess(w, mode[i], model, probs, curve)
        log_z = np.log(np.exp(w + model[2]).sum(axis=1))
        value = model[0] @ w - model[1] @ log_z - w @ w / 2 / SIGMA**2
        assert np.isclose(got, value + away @ built.rows[i] @ away / 2, rtol=1e-9)


def test_the_mode_does_not_depend_on_where_the_rows_are():
    base, bias, table, noise, uniform = case(3, 4)
    here = run(softmax_rows.MODE, base, bias, table, noise, uniform).base
    there = run(softmax_rows.MODE, 10 * base, bias, table, noise, uniform).base
    assert np.array_equal(here, there)


@pytest.mark.parametrize("kind", [softmax_rows.SLICE, softmax_rows.METROPOLIS])
def test_parts_of_the_rows_are_the_rows(kind):
    whole, parts = (run(kind, *case(4, 9), parts=parts) for parts in (1, 4))
    for one, other in zip(whole, parts, strict=True):
        assert np.array_equal(one, other, equal_nan=True)


def test_newton_rises_at_every_step():
    out = run(softmax_rows.MODE, *case(4, 9, size=4.0))
    for trace, steps in zip(out.objective, out.steps, strict=True):
        assert np.isfinite(trace).sum() == steps + 1
        assert (np.diff(trace[: steps + 1]) > -1e-9).all()
