"""Tables against sums of independent coins."""

import numpy as np

from gambol.kernels import tables


def coins(n, a, kappa):
    """Mean and variance of the number of tables."""
    p = a / (a + kappa + np.arange(n))
    return p.sum(), (p * (1 - p)).sum()


def test_tables_have_the_mean_and_variance_of_their_coins():
    rng, draws = np.random.default_rng(0), 4000
    for n, a, kappa in [
        (1, 0.3, 0.0), (5, 0.3, 2.0), (24, 2.0, 0.0), (300, 0.5, 0.0), (5000, 1.5, 40.0),
        (200_000, 0.05, 1e3), (1_000_000, 3.0, 1e6), (10_000_000, 0.7, 1e8), (40_000, 5.0, 0.0),
    ]:  # fmt: skip
        found = np.array(
            [tables.draw(rng, np.array([n]), np.array([a]), kappa, 0)[0] for _ in range(draws)]
        )
        mean, variance = coins(n, a, kappa)
        assert abs(found.mean() - mean) < 4 * np.sqrt(variance / draws) + 1e-12, (n, a, kappa)
        if variance > 0.05:
            error = np.sqrt((np.mean((found - mean) ** 4) + 1e-9) / draws)
            assert abs(found.var() - variance) < 4 * error, (n, a, kappa)


def test_stickiness_counts_on_the_diagonal_alone():
    rng = np.random.default_rng(1)
    found = tables.draw(rng, np.array([0, 50, 1]), np.full(3, 1e-9), 1e9, 1)
    assert found.tolist() == [0, 0, 1]  # the first customer off the diagonal is certain


def test_probabilities_of_no_table_hold_for_any_size():
    """Against the sum of logarithms, across the switch to the series."""
    for a, kappa, r, q in [(0.4, 9_990.0, 3, 60), (2.5, 1e7, 0, 5000), (0.01, 20.0, 30, 400)]:
        steps = np.arange(r, q)
        want = np.log1p(-a / (a + kappa + steps)).sum()
        assert abs(tables._log_none(r, q, a, kappa) / want - 1) < 1e-7
