import numpy as np
from filmed import ring, see, walk
from scipy.stats import chi2
from tiered import solve


def spoiled(share=0.08):
    rig, xyz = ring(5), walk(500)
    rng = np.random.default_rng(1)
    xy = see(xyz, rig, noise=2.0, missing=0.1)
    wrong = rng.random(xy.shape[:3]) < share
    xy[wrong] += rng.normal(0, 60, (wrong.sum(), 2))
    return rig, xyz, xy, wrong


def test_regions_cover_what_they_say_under_outliers_of_unknown_share():
    rig, xyz, xy, _ = spoiled()
    found = solve("refine", xy, rig)
    ok = np.isfinite(found.covariance[..., 0, 0])
    off = (found.xyz - xyz)[ok]
    score = np.einsum("ni,nij,nj->n", off, np.linalg.inv(found.covariance[ok]), off)
    assert 0.91 < (score < chi2.ppf(0.95, 3)).mean() < 0.97


def test_learns_noise_outliers_and_their_share():
    rig, _, xy, _ = spoiled()
    learned = solve("refine", xy, rig).learned
    np.testing.assert_allclose(learned["noise_px"], 2.0, rtol=0.1)
    np.testing.assert_allclose(learned["outlier_px"], 60.0, rtol=0.25)
    np.testing.assert_allclose(learned["outlier_share"], 0.08, atol=0.02)


def test_outlier_probabilities_part_the_outliers():
    rig, _, xy, wrong = spoiled()
    z = solve("refine", xy, rig).outlier
    seen = np.isfinite(z)
    assert z[seen & wrong].mean() > 0.8
    assert z[seen & ~wrong].mean() < 0.02


def test_is_no_worse_than_what_it_starts_from():
    rig, xyz, xy, _ = spoiled()
    off = [
        np.nanmean(np.linalg.norm(solve(kind, xy, rig).xyz - xyz, axis=-1))
        for kind in ("refine", "msac")
    ]
    assert off[0] < 1.02 * off[1]
