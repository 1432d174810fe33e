"""The fast search finds what an exhaustive one does, whoever asks beside."""

import numpy as np
import pytest

from gambol.kernels import affinity, neighbours

K = 60


def movements(n, seed):
    """Distributions along a few ways of moving, as frames of behaviour are."""
    known = np.random.default_rng(0)
    middles, ways = known.normal(size=(8, K)), 0.5 * known.normal(size=(4, K))
    rng = np.random.default_rng(seed)
    logs = middles[rng.integers(8, size=n)] + rng.normal(size=(n, 4)) @ ways
    x = np.exp(logs + 0.05 * rng.normal(size=(n, K)))
    return x / x.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def sheet():
    p = movements(3000, 1).astype(np.float32)
    cells = neighbours.learn(p, np.random.default_rng(2))
    return p, neighbours.lay(p, cells)


def test_components_are_those_of_a_dense_decomposition():
    p = movements(300, 3)
    mean, axes = neighbours.components(p, 5)
    root = np.sqrt(p)
    np.testing.assert_allclose(mean, root.mean(axis=0))
    _, _, rows = np.linalg.svd(root - mean, full_matrices=False)
    np.testing.assert_allclose(np.abs((axes * rows[:5].T).sum(axis=0)), 1.0, atol=1e-8)
    assert (axes[np.abs(axes).argmax(axis=0), np.arange(5)] > 0).all()


def test_nearly_all_of_the_nearest_are_found_with_exact_divergences(sheet):
    p, index = sheet
    q = movements(400, 4)
    full = affinity.divergences(q, p)
    order = np.argsort(full, axis=1)
    made = neighbours.search(index, q)
    assert neighbours.found(order[:, :32], made.which).mean() > 0.995
    assert neighbours.found(order[:, :200], made.which).mean() > 0.95
    known = np.take_along_axis(full, made.which, axis=1)
    np.testing.assert_allclose(made.divergence, known, atol=2e-6)
    assert all(len(set(row)) == 200 for row in made.which.tolist())


def test_a_frame_is_searched_for_by_itself(sheet):
    _, index = sheet
    q = movements(300, 5)
    together = neighbours.search(index, q)
    order = np.random.default_rng(6).permutation(300)
    mixed = neighbours.search(index, q[order])
    np.testing.assert_array_equal(mixed.which, together.which[order])
    np.testing.assert_array_equal(mixed.divergence, together.divergence[order])
    alone = neighbours.search(index, q[7:8])
    np.testing.assert_array_equal(alone.divergence, together.divergence[7:8])


def test_a_point_of_the_map_is_its_own_nearest_unless_left_out(sheet):
    p, index = sheet
    rows = np.arange(0, 3000, 50)
    q = p[rows].astype(np.float64)
    made = neighbours.search(index, q, 20)
    nearest = np.take_along_axis(made.which, made.divergence.argmin(axis=1)[:, None], axis=1)
    np.testing.assert_array_equal(nearest[:, 0], rows)
    other = neighbours.search(index, q, 20, own=rows)
    assert (other.which != rows[:, None]).all()


@pytest.mark.parametrize("n, kept", [(30, 29), (150, 149), (500, 200)])
def test_maps_of_few_points_are_searched_as_a_whole(n, kept):
    p = movements(n, 7).astype(np.float32)
    index = neighbours.lay(p, neighbours.learn(p, np.random.default_rng(0)))
    made = neighbours.search(index, p.astype(np.float64), kept, own=np.arange(n))
    exact = affinity.nearest(p, kept)
    np.testing.assert_array_equal(np.sort(made.which), np.sort(exact.which))


def test_cells_hold_every_point_once(sheet):
    _, index = sheet
    np.testing.assert_array_equal(np.sort(index.row), np.arange(3000))
    assert index.start[0] == 0 and index.start[-1] == 3000
    assert len(index.centre) == 3000 // 136
