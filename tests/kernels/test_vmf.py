"""Directions in space against integrals over the sphere."""

import numpy as np
import pytest
from scipy.integrate import quad

from gambol.kernels import vmf

KAPPAS = [0.0, 1e-3, 0.019, 0.021, 1.0, 25.0, 300.0]


def moment(kappa, power):
    """∫ w^power exp(κ (w - 1)) 2π dw over the sphere; w the part along the mean."""
    near = 1 - min(2.0, 50 / max(kappa, 1e-9))
    return 2 * np.pi * quad(lambda w: w**power * np.exp(kappa * (w - 1)), near, 1)[0]


@pytest.mark.parametrize("kappa", KAPPAS)
def test_the_density_integrates_to_one(kappa):
    assert vmf.log_normalizer(kappa) + kappa == pytest.approx(
        -np.log(moment(kappa, 0)), abs=1e-9
    )


@pytest.mark.parametrize("kappa", KAPPAS)
def test_mean_and_variances_are_those_of_the_density(kappa):
    total, first, second = (moment(kappa, power) / moment(kappa, 0) for power in range(3))
    assert total == 1
    assert vmf.mean_length(kappa) == pytest.approx(first, rel=1e-7, abs=1e-12)
    along, across = vmf.spread(kappa)
    assert along == pytest.approx(second - first**2, rel=1e-5)
    assert across == pytest.approx((1 - second) / 2, rel=1e-5)


def test_nothing_overflows_where_directions_are_all_the_same():
    assert np.isfinite(vmf.log_normalizer(1e8))
    assert vmf.spread(1e8)[0] == pytest.approx(1e-16)


def test_concentration_undoes_the_mean_length():
    kappa = np.geomspace(1e-3, 1000, 40)
    length = np.array([vmf.mean_length(k) for k in kappa])
    np.testing.assert_allclose(vmf.concentration(length), kappa, rtol=1e-6)


def test_concentration_of_identical_directions_is_large_but_finite():
    assert 1e5 < vmf.concentration(np.array([1.0]))[0] < np.inf


@pytest.mark.parametrize("kappa", [0.0, 0.7, 40.0])
def test_draws_have_the_mean_and_spread_of_the_density(kappa):
    rng = np.random.default_rng(0)
    mean = np.array([2.0, -1.0, 2.0]) / 3
    n = 100_000
    drawn = vmf.draw(rng, np.tile(mean, (n, 1)), np.full(n, kappa))
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 1, atol=1e-12)
    along, across = vmf.spread(kappa)
    cov = along * np.outer(mean, mean) + across * (np.eye(3) - np.outer(mean, mean))
    np.testing.assert_allclose(drawn.mean(0), vmf.mean_length(kappa) * mean, atol=0.01)
    np.testing.assert_allclose(np.cov(drawn.T), cov, atol=0.01)
