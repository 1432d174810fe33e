import numpy as np
import pytest
import scipy.special
import torch

from gambol.kernels import helmert, softmax


def model(seed, states, symbols, size=1.0):
    rng = np.random.default_rng(seed)
    base, bias = rng.normal(size=(symbols, symbols)), rng.normal(size=(states, symbols))
    counts = rng.poisson(3.0, size=(states, symbols, symbols))
    counts[:, 0] = 0  # an empty row
    return counts, size * base, size * bias


def log_likelihood(counts, base, bias):
    """Of torch tensors, by the definition."""
    return (counts * torch.log_softmax(base[None] + bias[:, None], dim=2)).sum()


@pytest.mark.parametrize("states, symbols", [(1, 2), (2, 2), (2, 5), (3, 4)])
def test_value_and_slope_are_those_of_automatic_differentiation(states, symbols):
    counts, base, bias = model(0, states, symbols)
    w, b = (torch.tensor(part, requires_grad=True) for part in (base, bias))
    value = log_likelihood(torch.tensor(counts), w, b)
    value.backward()
    told = softmax.slope(softmax.totals(counts), base, bias)
    assert np.isclose(told.value, value.item(), rtol=1e-12)
    assert np.allclose(told.base, w.grad.numpy(), rtol=1e-9, atol=1e-12)
    assert np.allclose(told.bias, b.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_probabilities_are_softmax():
    _, base, bias = model(1, 3, 6)
    expected = scipy.special.softmax(base[None] + bias[:, None], axis=2)
    theta = softmax.probabilities(base, bias)
    assert np.allclose(theta, expected, rtol=1e-13)
    assert np.allclose(theta.sum(axis=2), 1, rtol=1e-14)


def test_constants_added_to_logits_change_no_probability():
    _, base, bias = model(2, 3, 6)
    rng = np.random.default_rng(0)
    theta = softmax.probabilities(base, bias)
    moved = softmax.probabilities(
        base + rng.normal(size=(6, 1)), bias + rng.normal(size=(3, 1))
    )
    shift = rng.normal(size=6)
    traded = softmax.probabilities(base + shift, bias - shift)
    lowered = softmax.probabilities(helmert.lift(helmert.lower(base)), bias)
    for other in (moved, traded, lowered):
        assert np.abs(other - theta).max() < 1e-12


def test_logits_beyond_the_range_of_exponentials_are_no_trouble():
    counts, base, bias = model(3, 2, 4, size=600.0)
    bias[0] = -base[1]  # products of scaled exponentials vanish although their logits are equal
    logits = base[None] + bias[:, None]
    told = softmax.slope(softmax.totals(counts), base, bias)
    theta = scipy.special.softmax(logits, axis=2)
    rest = counts - counts.sum(axis=2, keepdims=True) * theta
    assert np.isclose(told.value, (counts * scipy.special.log_softmax(logits, axis=2)).sum())
    assert np.allclose(told.base, rest.sum(axis=0), atol=1e-9)
    assert np.allclose(told.bias, rest.sum(axis=1), atol=1e-9)


def test_totals_add_up():
    counts = np.arange(8).reshape(2, 2, 2)
    told = softmax.totals(counts)
    assert told.pairs.tolist() == [[4, 6], [8, 10]]
    assert told.into.tolist() == [[2, 4], [10, 12]]
    assert told.out_of.tolist() == [[1, 5], [9, 13]]
