from fractions import Fraction

import numpy as np
import pytest

from gambol.kernels import cholesky


def positive(rng, n):
    root = rng.normal(size=(n, n + 2))
    return root @ root.T


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 12])
def test_agrees_with_dense_algebra(n):
    rng = np.random.default_rng(n)
    a, x, many = positive(rng, n), rng.normal(size=n), rng.normal(size=(n, 5))
    u = a.copy()
    assert cholesky.factor(u)
    u = np.triu(u)
    assert np.allclose(u, np.linalg.cholesky(a).T, rtol=1e-10)
    assert np.isclose(cholesky.dot(x, a[0]), x @ a[0], rtol=1e-12)
    there, back, wide = x.copy(), x.copy(), many.copy()
    cholesky.forward(u, there)
    cholesky.backward(u, back)
    cholesky.forward_many(u, wide)
    assert np.allclose(there, np.linalg.solve(u.T, x))
    assert np.allclose(back, np.linalg.solve(u, x))
    assert np.allclose(wide, np.linalg.solve(u.T, many))
    w, inverse = np.empty((n, n)), np.empty((n, n))
    cholesky.invert(u, w)
    cholesky.gram(w, inverse)
    assert np.allclose(w, np.linalg.inv(u.T))
    assert np.allclose(inverse, np.linalg.inv(a))


def test_a_matrix_that_is_not_positive_is_refused():
    assert not cholesky.factor(np.array([[1.0, 2.0], [2.0, 1.0]]))
    assert not cholesky.factor(np.array([[np.nan]]))


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("rows", [1, 4, 6])
def test_products_are_added_above_the_diagonal_only(rows, sign):
    rng = np.random.default_rng(rows)
    left, before = rng.normal(size=(rows, 5)), rng.normal(size=(5, 5))
    right, out = 2 * left, before.copy()
    cholesky.add_products(sign, left, right, out)
    expected = before + sign * left.T @ right
    assert np.allclose(np.triu(out), np.triu(expected))
    assert np.array_equal(np.tril(out, -1), np.tril(before, -1))


def exact_pivots(weights, ground):
    """Squares of the diagonal of U, in rational numbers."""
    n = len(ground)
    exact = [[Fraction(float(weights[i, j])) for j in range(n)] for i in range(n)]
    a = [
        [
            sum(exact[i], Fraction(float(ground[i]))) if i == j else -exact[i][j]
            for j in range(n)
        ]
        for i in range(n)
    ]
    pivots = []
    for k in range(n):
        pivots.append(a[k][k])
        for i in range(k + 1, n):
            for j in range(k + 1, n):
                a[i][j] -= a[i][k] * a[k][j] / pivots[k]
    return np.array([float(p) for p in pivots])


def test_a_grounded_laplacian_is_factored_to_the_last_digits_where_subtraction_loses_all():
    rng = np.random.default_rng(0)
    n = 6
    weights = 10.0 ** rng.uniform(-3, 9, (n, n))
    weights = np.triu(weights, 1) + np.triu(weights, 1).T
    ground = np.full(n, 1e-9)
    expected = exact_pivots(weights, ground)
    u, rest = weights.copy(), ground.copy()
    cholesky.eliminate(u, rest)
    assert np.allclose(np.diag(u) ** 2, expected, rtol=1e-13, atol=0)
    plain = np.diag(weights.sum(axis=1) + ground) - weights
    plainly = cholesky.factor(plain)
    assert not plainly or abs(plain[-1, -1] ** 2 / expected[-1] - 1) > 1e-3


@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_a_laplacians_factor_is_that_of_the_dense_matrix(n):
    rng = np.random.default_rng(n)
    weights = rng.uniform(size=(n, n))
    weights = np.triu(weights, 1) + np.triu(weights, 1).T
    ground = rng.uniform(0.5, 1, n)
    dense = np.diag(weights.sum(axis=1) + ground) - weights
    u = weights.copy()
    cholesky.eliminate(u, ground.copy())
    assert np.allclose(np.triu(u), np.linalg.cholesky(dense).T)


def test_a_node_that_nothing_holds_stands_alone():
    u = np.zeros((2, 2))
    cholesky.eliminate(u, np.array([0.0, 4.0]))
    assert np.triu(u).tolist() == [[1.0, 0.0], [0.0, 2.0]]
