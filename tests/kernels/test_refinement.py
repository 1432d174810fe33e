"""Refined points against a generic optimiser, sampled noise and small steps."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2
from standing import everyone, film, ring, spoiled

from gambol.kernels import projection, refinement, triangulation

SMALL, LARGE, SHARE = 4.0, 90.0**2, 0.05


def misfit(x, xy, params, share=SHARE):
    """-log of the mixture's density, slowly."""
    uv = projection.project(x[None], params).uv[:, 0]
    squares = ((uv - xy) ** 2).sum(1)[np.isfinite(xy[:, 0])]
    parts = [
        part * np.exp(-squares / 2 / var) / var
        for part, var in ((1 - share, SMALL), (share, LARGE))
    ]
    return -np.log(parts[0] + parts[1]).sum()


def refined(start, xy, rig, share=SHARE, small=SMALL):
    views = len(rig)
    return refinement.refine(
        start, xy, np.full(xy.shape[:2], small), np.full(views, LARGE),
        np.full(views, share), rig.params(),
    )  # fmt: skip


def test_ends_where_a_generic_optimiser_ends():
    rig = ring()
    _, xy, _ = spoiled(rig, count=40)
    start = triangulation.msac(xy, everyone(xy), rig.params()).points
    found = refined(start, xy, rig)
    for n in range(len(xy)):
        best = minimize(misfit, start[n], (xy[n], rig.params()), tol=1e-10)
        assert misfit(found.points[n], xy[n], rig.params()) <= best.fun + 1e-6


def test_outlier_probabilities_are_bayes_rule():
    rig = ring()
    _, xy, _ = spoiled(rig, count=20)
    found = refined(triangulation.msac(xy, everyone(xy), rig.params()).points, xy, rig)
    squares = triangulation.squared_errors(found.points, xy, rig.params())
    bad = SHARE * np.exp(-squares / 2 / LARGE) / LARGE
    good = (1 - SHARE) * np.exp(-squares / 2 / SMALL) / SMALL
    np.testing.assert_allclose(found.outlier, bad / (bad + good), atol=1e-9)


def test_covariance_is_the_inverse_of_the_curvature():
    rig = ring()
    _, xy, _ = spoiled(rig, count=10)
    found = refined(triangulation.msac(xy, everyone(xy), rig.params()).points, xy, rig)
    h = 1e-2
    for n in range(10):
        hessian = np.zeros((3, 3))
        for i in range(3):
            for j in range(3):
                for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                    x = found.points[n].copy()
                    x[i] += a * h
                    x[j] += b * h
                    hessian[i, j] += a * b * misfit(x, xy[n], rig.params()) / (4 * h * h)
        near = np.linalg.inv(hessian)  # with second derivatives of the projection
        assert np.abs(found.covariance[n] - near).max() < 0.05 * np.abs(near).max()


@pytest.mark.parametrize("share", [0.0, 0.05])
def test_regions_cover_what_they_say_also_under_outliers(share):
    rig, rng = ring(), np.random.default_rng(5)
    points, xy = film(rig, count=4000, noise=2.0)
    wrong = rng.random(xy.shape[:2]) < share
    xy[wrong] += rng.normal(0, 90, (wrong.sum(), 2))
    start = triangulation.msac(xy, everyone(xy), rig.params()).points
    found = refined(start, xy, rig, share)
    off = found.points - points
    score = np.einsum("ni,nij,nj->n", off, np.linalg.inv(found.covariance), off)
    assert 0.93 < (score < chi2.ppf(0.95, 3)).mean() < 0.97
    assert 0.47 < (score < chi2.ppf(0.5, 3)).mean() < 0.54


def test_known_variances_weigh_views():
    rig, rng = ring(3), np.random.default_rng(0)
    points, xy = film(rig, count=2000)
    sd = np.array([1.0, 1.0, 20.0])
    xy = xy + rng.normal(0, 1, xy.shape) * sd[:, None]
    start = triangulation.dlt(xy, everyone(xy), rig.params())
    told = np.broadcast_to(sd**2, xy.shape[:2]).copy()
    even = refined(start, xy, rig, 0.0).points
    wise = refined(start, xy, rig, 0.0, told).points
    off = [np.linalg.norm(p - points, axis=1).mean() for p in (wise, even)]
    assert off[0] < 0.5 * off[1]


def test_nothing_where_nothing_was_seen():
    rig = ring()
    points, xy = film(rig, count=4, noise=1.0)
    start = points.copy()
    start[0] = np.nan
    xy[1] = np.nan
    xy[2, 1:] = np.nan
    small = np.full(xy.shape[:2], SMALL)
    small[3, 4] = np.inf
    found = refined(start, xy, rig, small=small)
    assert np.isnan(found.points[0]).all()
    assert np.isnan(found.covariance[:3]).all()
    assert np.isfinite(found.covariance[3]).all()
    assert np.isnan(found.outlier[3, 4])
    assert np.isnan(found.outlier[1]).all()


def test_covariances_are_those_of_least_squares():
    rig = ring(4)
    points, _ = film(rig, count=5)
    precision = np.random.default_rng(0).uniform(0.1, 2, (5, 4))
    precision[0, 1] = 0.0
    found = refinement.covariances(points, precision, rig.params())
    jac = projection.project(points, rig.params()).jac  # (V, N, 2, 3)
    whole = np.einsum("nv,vnki,vnkj->nij", precision, jac, jac)
    np.testing.assert_allclose(found, np.linalg.inv(whole), rtol=1e-9)
