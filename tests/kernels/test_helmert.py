import numpy as np
import pytest

from gambol.kernels import helmert


def by_definition(n):
    gamma = np.zeros((n, n - 1))
    for m in range(1, n):
        gamma[:m, m - 1] = 1 / np.sqrt(m * (m + 1))
        gamma[m, m - 1] = -m / np.sqrt(m * (m + 1))
    return gamma


@pytest.mark.parametrize("n", range(2, 101))
def test_the_basis_is_the_definition_orthonormal_and_sums_to_zero(n):
    gamma = helmert.basis(n)
    assert np.abs(gamma - by_definition(n)).max() < 1e-12
    assert np.abs(gamma.T @ gamma - np.eye(n - 1)).max() < 1e-12
    assert np.abs(gamma.sum(axis=0)).max() < 1e-12


@pytest.mark.parametrize("n", range(2, 101))
def test_lowering_and_lifting_are_products_with_the_basis(n):
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=(3, 2, n)), rng.normal(size=(3, 2, n - 1))
    assert np.abs(helmert.lower(x) - x @ by_definition(n)).max() < 1e-12
    assert np.abs(helmert.lift(y) - y @ by_definition(n).T).max() < 1e-12
    assert np.abs(helmert.lower(helmert.lift(y)) - y).max() < 1e-12
    middle = x - x.mean(axis=-1, keepdims=True)
    assert np.abs(helmert.lift(helmert.lower(x)) - middle).max() < 1e-12


def test_constants_have_no_coordinates_and_lengths_are_kept():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=20), rng.normal(size=19)
    assert np.abs(helmert.lower(x + 3.0) - helmert.lower(x)).max() < 1e-12
    assert np.isclose(np.linalg.norm(helmert.lift(y)), np.linalg.norm(y), rtol=1e-14)


def test_a_single_entry_has_no_coordinates():
    assert helmert.basis(1).shape == (1, 0)
    assert helmert.lift(np.zeros((4, 0))).tolist() == [[0.0]] * 4
    assert helmert.lower(np.ones((4, 1))).shape == (4, 0)
