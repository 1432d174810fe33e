import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gambol.kernels import band

seeds = st.integers(0, 2**32 - 1)


def matrix(rng, frames, size):
    """Blocks and chain of a positive definite matrix, and the whole of it."""
    chain = rng.uniform(0, 2, (frames - 1, size)) * (rng.random((frames - 1, size)) < 0.8)
    root = rng.normal(size=(frames, size, size))
    blocks = root @ root.transpose(0, 2, 1) + 0.1 * np.eye(size)
    for t in range(frames - 1):
        blocks[t] += np.diag(chain[t])
        blocks[t + 1] += np.diag(chain[t])
    return blocks, chain, dense(blocks, chain)


def paired(rng, frames, half):
    """The same with positions and then velocities, whose chain is four diagonals."""
    chain = rng.normal(size=(frames - 1, 2, 2, half))
    root = rng.normal(size=(frames, 2 * half, 2 * half))
    blocks = root @ root.transpose(0, 2, 1) + 12 * np.eye(2 * half)
    return blocks, chain, dense(blocks, chain)


def dense(blocks, chain):
    frames, size = blocks.shape[:2]
    whole = np.zeros((frames, size, frames, size))
    for t in range(frames):
        whole[t, :, t] = blocks[t]
    for t in range(frames - 1):
        beside = chain[t]
        if chain.ndim == 2:
            beside = np.diag(beside)
        else:
            beside = np.block([[np.diag(part) for part in row] for row in beside])
        whole[t, :, t + 1], whole[t + 1, :, t] = -beside, -beside.T
    return whole.reshape(frames * size, frames * size)


@pytest.mark.parametrize("kind", [matrix, paired])
@given(seed=seeds, frames=st.integers(1, 6), size=st.integers(1, 7))
def test_agrees_with_dense_matrices(kind, seed, frames, size):
    rng = np.random.default_rng(seed)
    blocks, chain, whole = kind(rng, frames, size)
    size = blocks.shape[1]
    right = rng.normal(size=(frames, size))
    factored = band.factor(blocks, chain)
    inverse = np.linalg.inv(whole).reshape(frames, size, frames, size)
    expected = np.linalg.solve(whole, right.ravel()).reshape(frames, size)
    assert np.allclose(band.solve(factored, right), expected, rtol=1e-8, atol=1e-9)
    got = band.covariances(factored)
    for t in range(frames):
        assert np.allclose(got[t], inverse[t, :, t], rtol=1e-8, atol=1e-9)
    beside = band.neighbours(factored, got)
    for t in range(frames - 1):
        assert np.allclose(beside[t], inverse[t, :, t + 1], rtol=1e-8, atol=1e-9)
    assert np.isclose(band.log_determinant(factored), np.linalg.slogdet(whole)[1])


@pytest.mark.parametrize(("kind", "size"), [(matrix, 3), (paired, 2)])
def test_draws_have_the_covariance_of_the_inverse(kind, size):
    rng = np.random.default_rng(0)
    blocks, chain, whole = kind(rng, 4, size)
    factored = band.factor(blocks, chain)
    draws = np.array([band.draw(rng, factored).ravel() for _ in range(20_000)])
    expected = np.linalg.inv(whole)
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert np.abs(draws.T @ draws / len(draws) - expected).max() < 0.05 * scale.max()


@pytest.mark.parametrize(("kind", "size"), [(matrix, 3), (paired, 2)])
def test_many_are_each_as_one(kind, size):
    rng = np.random.default_rng(1)
    parts = [kind(rng, 5, size) for _ in range(4)]
    blocks, chain = (np.array([part[k] for part in parts]) for k in (0, 1))
    right = rng.normal(size=(4, *blocks.shape[1:3]))
    many = band.factor_many(blocks, chain)
    solved, spread = band.solve_many(many, right), band.covariances_many(many)
    drawn = band.draw_many(np.random.default_rng(2), many)
    again = np.random.default_rng(2)
    for m in range(4):
        one = band.factor(blocks[m], chain[m])
        assert np.array_equal(solved[m], band.solve(one, right[m]))
        assert np.array_equal(spread[m], band.covariances(one))
        assert np.array_equal(drawn[m], band.draw(again, one))


def test_says_where_a_matrix_is_not_positive():
    blocks = np.ones((3, 1, 1))
    with pytest.raises(np.linalg.LinAlgError, match="at frame 2"):
        band.factor(blocks, np.array([[0.5], [0.9]]))
    with pytest.raises(np.linalg.LinAlgError, match="matrix 1 is not"):
        band.factor_many(np.array([blocks, -blocks]), np.zeros((2, 2, 1)))
