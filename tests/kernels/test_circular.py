"""Von Mises draws against its moments, and where it becomes something else."""

import numpy as np
import pytest
from scipy.special import i0e, i1e, ive

from gambol.kernels import circular


@pytest.mark.parametrize("kappa", [0.0, 1e-9, 1e-6, 0.1, 1.0, 7.0, 300.0, 9e5, 2e6, 1e8])
def test_draws_have_the_moments_of_their_law(kappa):
    rng, n, mean = np.random.default_rng(0), 40_000, 3.0
    found = circular.draw(rng, np.full(n, mean), np.full(n, kappa))
    assert (found > -np.pi).all() and (found <= np.pi).all()
    off = found - mean
    first, second = i1e(kappa) / i0e(kappa), ive(2, kappa) / i0e(kappa)
    for name, values, want in [
        ("sin", np.sin(off), 0.0), ("cos", np.cos(off), first),
        ("double", np.cos(2 * off), second),
    ]:  # fmt: skip
        error = values.std() / np.sqrt(n)
        assert abs(values.mean() - want) < 4 * error + 1e-13, name
