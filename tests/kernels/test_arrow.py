import numpy as np
import pytest
import torch

from gambol.kernels import arrow, helmert, softmax

SIZES = [(1, 2), (1, 4), (2, 2), (2, 5), (3, 4), (4, 2)]
BASE_SIGMA, BIAS_SIGMA = 0.7, 1.3


def case(states, symbols):
    rng = np.random.default_rng(10 * states + symbols)
    base = rng.normal(size=(symbols, symbols - 1))
    bias = rng.normal(size=(states - 1, symbols - 1))
    counts = rng.poisson(4.0, size=(states, symbols, symbols))
    counts[:, -1] = 0  # an empty row
    counts[0, 0] = 0
    logits = helmert.lift(base), np.ascontiguousarray(helmert.lift(helmert.lift(bias).T).T)
    theta = softmax.probabilities(*logits)
    built = arrow.build(softmax.totals(counts).out_of, theta, BASE_SIGMA, BIAS_SIGMA)
    return base, bias, counts, built


def dense(built):
    """The whole matrix, rows of W̃ first."""
    rows, n, biases = built.cross.shape
    whole = np.zeros((rows * n + biases, rows * n + biases))
    for i in range(rows):
        own = slice(i * n, (i + 1) * n)
        whole[own, own] = built.rows[i]
        whole[own, rows * n :] = built.cross[i]
        whole[rows * n :, own] = built.cross[i].T
    whole[rows * n :, rows * n :] = built.border
    return whole


def automatic(base, bias, counts):
    """Minus the Hessian of the log posterior in Helmert's coordinates, by torch."""
    (states, symbols, _), cut = counts.shape, base.size
    inner, outer = (torch.tensor(helmert.basis(n)) for n in (symbols, states))

    def log_posterior(x):
        w, b = x[:cut].reshape(symbols, -1), x[cut:].reshape(states - 1, symbols - 1)
        logits = (w @ inner.T)[None] + (outer @ b @ inner.T)[:, None]
        fit = (torch.tensor(counts) * torch.log_softmax(logits, dim=2)).sum()
        return fit - (w**2).sum() / 2 / BASE_SIGMA**2 - (b**2).sum() / 2 / BIAS_SIGMA**2

    x = torch.tensor(np.concatenate([base.ravel(), bias.ravel()]))
    return -torch.autograd.functional.hessian(log_posterior, x).numpy()


@pytest.mark.parametrize("states, symbols", SIZES)
def test_the_arrow_is_what_automatic_differentiation_says(states, symbols):
    base, bias, counts, built = case(states, symbols)
    expected = automatic(base, bias, counts)
    assert np.allclose(dense(built), expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("states, symbols", SIZES)
def test_determinant_and_covariance_of_draws_are_those_of_dense_algebra(states, symbols):
    built = case(states, symbols)[-1]
    whole, factored = dense(built), arrow.factor(built)
    size, (rows, n) = len(whole), built.rows.shape[:2]
    linear = np.zeros((size, size))  # what a draw makes of standard normal numbers
    for column in range(size):
        unit = np.eye(size)[column]
        base, bias = unit[: rows * n].reshape(rows, n).copy(), unit[rows * n :].copy()
        arrow._colour(*factored, base, bias)
        linear[:, column] = np.concatenate([base.ravel(), bias])
    assert np.allclose(linear @ linear.T, np.linalg.inv(whole), rtol=1e-9, atol=1e-12)
    expected = np.linalg.slogdet(whole)[1]
    assert np.isclose(arrow.log_determinant(factored), expected, rtol=1e-9, atol=1e-12)


def test_draws_use_the_generator_and_have_the_shapes_of_the_parameters():
    factored = arrow.factor(case(3, 4)[-1])
    first, again = (arrow.draw(np.random.default_rng(1), factored) for _ in range(2))
    assert first.base.shape == (4, 3) and first.bias.shape == (6,)
    assert np.array_equal(first.base, again.base) and np.array_equal(first.bias, again.bias)


def test_an_arrow_that_is_not_positive_is_refused_by_name():
    built = case(2, 3)[-1]
    built.rows[1] *= -1
    with pytest.raises(np.linalg.LinAlgError, match="row 1 of the arrow"):
        arrow.factor(built)
    built = case(2, 3)[-1]
    with pytest.raises(np.linalg.LinAlgError, match="border"):
        arrow.factor(built._replace(border=0 * built.border))
