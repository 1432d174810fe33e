import numpy as np

from gambol.kernels.principal import principal

RNG = np.random.default_rng(0)


def test_principal_directions_hold_the_share_that_is_asked():
    rows = RNG.normal(size=(500, 3)) @ np.diag([10.0, 1.0, 0.01])
    assert principal(rows, 0.9).shape == (3, 1)
    assert principal(rows, 0.999).shape == (3, 2)
    basis = principal(rows, dims=2)
    np.testing.assert_allclose(basis.T @ basis, np.eye(2), atol=1e-12)
