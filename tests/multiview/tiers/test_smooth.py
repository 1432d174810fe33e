import numpy as np
from planted_poses import covered, error, filmed, poses, problem

from gambol.multiview.tiers.base import tiers


def solve(given, **settings):
    return tiers.build(tiers.parse({"kind": "smooth", **settings}))(given)


def test_clean_detections_are_smoothed():
    rng = np.random.default_rng(0)
    x = poses(rng, 120)
    given = problem(filmed(rng, x)[0])
    found = solve(given)
    raw = tiers.build(tiers.parse({"kind": "dlt"}))(given)
    there = np.isfinite(raw.xyz).all(-1)
    assert error(found.xyz[there], x[there]) < 0.95 * error(raw.xyz[there], x[there])
    half, most = covered(found, x)
    assert 0.43 < half < 0.57
    assert 0.90 < most < 0.98
    assert (found.outlier[np.isfinite(found.outlier)] == 0).all()
    assert "outlier_px" not in found.learned


def test_the_start_does_not_matter():
    rng = np.random.default_rng(1)
    given = problem(filmed(rng, poses(rng, 40))[0])
    one, other = solve(given, start="msac", step=4.0), solve(given, start="dlt", step=4.0)
    assert np.abs(one.xyz - other.xyz).max() < 0.05
