"""Placing finds the best place: slopes are right, and no other start finds a better one."""

import numpy as np

from gambol.kernels import affinity, placement


def value(y, q, at):
    """f, from its definition."""
    far = ((y - at) ** 2).sum(axis=1)
    return (q * np.log1p(far)).sum() + np.log((1 / (1 + far)).sum())


def neighbours(seed, n=60, spread=10.0):
    rng = np.random.default_rng(seed)
    middles = spread * rng.normal(size=(3, 2))
    at = middles[rng.integers(3, size=n)] + rng.normal(size=(n, 2))
    near = np.exp(0.5 * rng.normal(size=n)) + 0.1 * np.abs(at - at[0]).sum(axis=1)
    return near, at


def differences(f, y, h=1e-5):
    return np.array([(f(y + step) - f(y - step)) / (2 * h) for step in np.eye(2) * h])


def test_value_gradient_and_hessian_are_those_of_the_formula():
    for seed in range(5):
        near, at = neighbours(seed)
        q = affinity.conditional(near[None], 8.0).p[0]
        y = np.random.default_rng(seed + 50).normal(size=2) * 12
        made = placement.slopes(y, q, at)
        assert abs(made.value - value(y, q, at)) < 1e-12
        slope = differences(lambda v: value(v, q, at), y)  # noqa: B023
        np.testing.assert_allclose(made.gradient, slope, atol=1e-6)
        bend = differences(lambda v: placement.slopes(v, q, at).gradient, y)  # noqa: B023
        np.testing.assert_allclose(made.hessian, bend, atol=1e-6)


def test_no_place_of_a_fine_grid_is_better():
    gaps = []
    for seed in range(25):
        near, at = neighbours(seed)
        q = affinity.conditional(near[None], 8.0).p[0]
        placed = placement.place(np.arange(60)[None], near[None], at, 8.0)
        assert abs(placed.objective[0] - value(placed.y[0], q, at)) < 1e-12
        x, y = (np.linspace(low - 1, high + 1, 120) for low, high in zip(
            at.min(axis=0), at.max(axis=0), strict=True))  # fmt: skip
        best = grid_minimum(x, y, q, at)
        gaps.append(placed.objective[0] - value(best, q, at))
    assert np.mean(np.array(gaps) < 0.01) >= 0.95


def grid_minimum(x, y, q, at):
    """The best of all places (x, y)."""
    far = (x[:, None] - at[:, 0]) ** 2
    wide = 1 + far[:, None] + ((y[:, None] - at[:, 1]) ** 2)[None]
    f = np.log(wide) @ q + np.log((1 / wide).sum(axis=2))
    i, j = np.unravel_index(f.argmin(), f.shape)
    return np.array([x[i], y[j]])


def test_a_place_is_a_valley():
    for seed in range(20):
        near, at = neighbours(seed)
        q = affinity.conditional(near[None], 8.0).p[0]
        placed = placement.place(np.arange(60)[None], near[None], at, 8.0)
        made = placement.slopes(placed.y[0], q, at)
        assert np.abs(made.gradient).max() < 1e-6
        assert np.linalg.eigvalsh(made.hessian).min() > 0


def test_the_order_of_neighbours_is_of_no_effect():
    near, at = neighbours(3)
    order = np.random.default_rng(4).permutation(60)
    one = placement.place(np.arange(60)[None], near[None], at, 8.0)
    two = placement.place(order[None], near[None, order], at, 8.0)
    np.testing.assert_allclose(one.y, two.y, atol=1e-9)


def test_a_far_start_is_no_trouble():
    at = np.concatenate([np.random.default_rng(5).normal(size=(59, 2)), [[1e4, 1e4]]])
    near = 0.1 + np.minimum(np.linalg.norm(at - at[0], axis=1), 3.0)
    placed = placement.place(np.arange(60)[None], near[None], at, 8.0)
    assert np.linalg.norm(placed.y[0] - at[0]) < 1.0


def test_a_frame_that_fits_nowhere_ends_in_finite_steps():
    at = np.random.default_rng(5).normal(size=(60, 2)) * 30
    placed = placement.place(np.arange(60)[None], np.linspace(0.2, 2.0, 60)[None], at, 8.0)
    assert np.isfinite(placed.y).all() and np.isfinite(placed.objective).all()
