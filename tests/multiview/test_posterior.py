"""Covariances against numeric curvature, and against how often the truth lies inside."""

import numpy as np
import pytest
from animals3d import filmed, model, moving
from scipy.stats import chi2

from gambol.kernels import band
from gambol.multiview import density, gimbal, posterior


def world(frames, seed, **more):
    rng = np.random.default_rng(seed)
    given = model(frames, **more)
    xyz = moving(rng, given, 100)
    return filmed(rng, given, xyz), xyz


@pytest.mark.parametrize("turning", ["up", "full", "none"])
def test_it_is_the_curvature_of_the_energy_over_positions_and_headings(turning):
    """Where cameras are affine, and headings follow positions."""
    given, xyz = world(1, 3, affine=True, turning=turning)
    at = gimbal.fit(given, xyz, cycles=300, tolerance=1e-10).at
    at = density.evaluate(given, at.xyz, at.turn)
    found = density.majoriser(given, at.seen.blocks) - posterior.correction(given, at)

    def least(x):
        here = density.evaluate(given, x, at.turn)
        for _ in range(100):
            here = density.evaluate(given, x, gimbal.turned(given, here))
        return here.energy

    h, size = 0.02, at.xyz.size
    rng = np.random.default_rng(0)
    for _ in range(8):
        d = rng.standard_normal(size)
        ahead, behind = (least(at.xyz + s * h * d.reshape(at.xyz.shape)) for s in (1, -1))
        curvature = (ahead - 2 * at.energy + behind) / h**2
        assert d @ found[0] @ d == pytest.approx(curvature, rel=1e-3)


def covered(off, covariance, share):
    square = np.einsum("...a,...ab,...b", off, np.linalg.inv(covariance), off)
    return (square < chi2(3).ppf(share)).mean()


def test_the_truth_lies_inside_as_often_as_promised():
    """Poses of the prior, six cameras, 10 % missing, 5 % outliers; ours, not the bound's."""
    offs, ours, bounds = [], [], []
    for seed in range(5):
        given, xyz = world(60, seed)
        at = gimbal.fit(given, xyz, tolerance=1e-3).at
        done = posterior.gaussian(given, at)
        assert done.share == 1
        bound = density.majoriser(given, at.seen.blocks)
        whole = band.covariances(band.factor(bound, density.links(given)))
        offs.append(xyz - at.xyz)
        ours.append(done.covariance)
        bounds.append(
            [[b[3 * j : 3 * j + 3, 3 * j : 3 * j + 3] for j in range(5)] for b in whole]
        )
    off, cov, bound = np.array(offs), np.array(ours), np.array(bounds)
    assert 0.90 < covered(off, cov, 0.95) < 0.98
    assert 0.45 < covered(off, cov, 0.50) < 0.55
    assert covered(off, bound, 0.95) < covered(off, cov, 0.95)


def test_what_nobody_saw_is_uncertain():
    given, xyz = world(12, 0)
    given.xy[:, :, 2] = np.nan
    at = gimbal.fit(given, xyz, tolerance=1e-3).at
    sd = np.sqrt(np.trace(posterior.gaussian(given, at).covariance, axis1=-2, axis2=-1))
    assert sd[:, 2].min() > 2 * np.median(sd[:, [0, 1, 3, 4]])


def test_away_from_an_optimum_it_stays_positive_and_says_so():
    given, xyz = world(12, 0)
    rng = np.random.default_rng(0)
    at = density.evaluate(
        given, xyz + rng.normal(0, 30, xyz.shape), np.tile(np.eye(3), (12, 1, 1))
    )
    done = posterior.gaussian(given, at)
    assert done.share < 1
    assert (np.linalg.eigvalsh(done.covariance) > 0).all()
