"""Conjugate laws of dynamics against moments, conditioning and a ratio of densities."""

import numpy as np

from gambol.kernels import arhmm, wishart

D, L = 2, 2


def law(rng, dof=9.0):
    root = rng.standard_normal((D, D)) + 2 * np.eye(D)
    wide = rng.standard_normal((L * D + 1, L * D + 1)) + 3 * np.eye(L * D + 1)
    mean = rng.standard_normal((D, L * D + 1))
    return wishart.Law(root @ root.T, dof, mean, wide @ wide.T)


def test_draws_have_the_moments_of_their_law():
    rng = np.random.default_rng(0)
    known, n = law(rng), 20_000
    drawn = [wishart.draw(rng, known) for _ in range(n)]
    q, ab = np.array([one.q for one in drawn]), np.array([one.ab for one in drawn])
    q_mean = known.scale / (known.dof - D - 1)
    assert (abs(q.mean(0) - q_mean) < 4.5 * q.std(0) / np.sqrt(n)).all()
    assert (abs(ab.mean(0) - known.mean) < 4.5 * ab.std(0) / np.sqrt(n)).all()
    rest = ab - known.mean  # E[rest_i rest_jᵀ] = E[Q]_ij Λ⁻¹
    products = rest[:, :, None, :, None] * rest[:, None, :, None, :]
    want = q_mean[:, :, None, None] * np.linalg.inv(known.precision)
    assert (abs(products.mean(0) - want) < 4.5 * products.std(0) / np.sqrt(n)).all()


def test_a_posterior_is_prior_times_likelihood_up_to_a_constant():
    rng = np.random.default_rng(1)
    prior, x = law(rng), rng.standard_normal((30, D))
    z = np.zeros(28, np.uint8)
    after = wishart.posterior(prior, arhmm.sums(x, z, 1, L)[0])
    ratios = []
    for _ in range(5):
        ab, q = wishart.draw(rng, prior)
        laid = arhmm.lay(arhmm.Dynamics(ab[None], q[None]))
        told = arhmm.path_log_likelihood(x, z, laid)
        before = wishart.log_density(prior, ab, q)
        ratios.append(before + told - wishart.log_density(after, ab, q))
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-10)


def test_no_frames_leave_the_prior():
    prior = wishart.autoregressive(3, 2)
    after = wishart.posterior(prior, np.zeros((10, 10)))
    for a, b in zip(after, prior, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-15)
    assert prior.mean[:, 3:6].tolist() == np.eye(3).tolist()  # the last frame, lag 1
