"""Two Gaussians under a histogram: planted ones are found, and one alone has no valley."""

import numpy as np
import pytest

from gambol.kernels import two_normals


def histogram(rng, share, apart, n=50_000):
    x = np.where(rng.random(n) < share, 0.0, apart) + rng.normal(size=n)
    counts, edges = np.histogram(x, 120)
    return (edges[1:] + edges[:-1]) / 2, counts.astype(float)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_planted_components_are_found(share):
    fitted = two_normals.fit(*histogram(np.random.default_rng(0), share, 6.0))
    np.testing.assert_allclose(fitted.mean, [0.0, 6.0], atol=0.05)
    np.testing.assert_allclose(fitted.sd, 1.0, atol=0.05)
    np.testing.assert_allclose(fitted.weight, [share, 1 - share], atol=0.01)
    valley = two_normals.valley(fitted)
    assert 2.0 < valley.place < 4.0 and valley.depth < 0.2


def test_one_gaussian_has_no_valley():
    fitted = two_normals.fit(*histogram(np.random.default_rng(0), 1.0, 0.0))
    assert two_normals.valley(fitted).depth > 0.95


def test_the_posterior_falls_from_one_to_nothing_and_stays_there():
    fitted = two_normals.fit(*histogram(np.random.default_rng(0), 0.5, 6.0))
    p = two_normals.posterior(np.linspace(-20, 30, 200), fitted)
    assert p[0] > 0.999 and p[-1] < 0.001 and (np.diff(p) <= 1e-12).all()
