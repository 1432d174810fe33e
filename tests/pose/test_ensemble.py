import numpy as np
import pytest
from scipy import stats

from gambol.pose.ensemble import combine, inverse, regular

RNG = np.random.default_rng(0)


def said(models=4, frames=6, keypoints=3):
    xy = RNG.normal(50, 3, size=(models, frames, keypoints, 2))
    root = RNG.normal(size=(models, frames, keypoints, 2, 2))
    cov = root @ root.swapaxes(-1, -2) + 0.2 * np.eye(2)
    return xy, cov, RNG.uniform(size=xy.shape[:-1])


def test_the_mean_is_the_product_of_the_gaussians():
    xy, cov, sure = said()
    made = combine(xy, cov, sure)
    total = np.linalg.inv(cov[:, 2, 1]).sum(axis=0)
    pull = sum(np.linalg.inv(c) @ x for c, x in zip(cov[:, 2, 1], xy[:, 2, 1], strict=True))
    np.testing.assert_allclose(made.xy[2, 1], np.linalg.solve(total, pull))


def test_the_covariance_is_within_plus_between():
    xy, _, sure = said()
    same = np.tile(np.diag([2.0, 3.0]), (*xy.shape[:-1], 1, 1))
    made = combine(xy, same, sure)
    spread = np.cov(xy[:, 2, 1].T)
    np.testing.assert_allclose(made.between[2, 1], spread)
    np.testing.assert_allclose(made.covariance[2, 1], spread + np.diag([2.0, 3.0]))


def test_the_median_is_that_of_each_axis_over_those_who_found_it():
    xy, cov, sure = said(models=5)
    xy[0, :, 0] = np.nan
    made = combine(xy, cov, sure, "median")
    np.testing.assert_allclose(made.xy, np.nanmedian(xy, axis=0))
    assert made.found[0].tolist() == [4, 5, 5]


def test_networks_that_found_nothing_have_no_voice_but_lower_the_confidence():
    xy, cov, sure = said()
    less = xy.copy()
    less[3] = np.nan
    made, three = combine(less, cov, sure), combine(xy[:3], cov[:3], sure[:3])
    np.testing.assert_allclose(made.xy, three.xy)
    np.testing.assert_allclose(made.covariance, three.covariance)
    np.testing.assert_allclose(made.confidence, 0.75 * three.confidence)


@pytest.mark.parametrize("how", ["mean", "median"])
def test_what_nobody_found_is_nowhere(how):
    xy, cov, sure = said()
    xy[:, 1, 1] = np.nan
    made = combine(xy, cov, sure, how)
    assert np.isnan(made.xy[1, 1]).all()
    assert np.isnan(made.covariance[1, 1]).all()
    assert made.confidence[1, 1] == 0
    assert np.isfinite(made.xy[0]).all()


def test_covariances_that_nobody_knows_leave_the_plain_mean():
    xy, _, sure = said()
    made = combine(xy, np.full((*xy.shape, 2), np.nan), sure)
    np.testing.assert_allclose(made.xy, xy.mean(axis=0))
    np.testing.assert_allclose(made.covariance, made.between)


def test_a_single_voice_is_repeated():
    xy, cov, sure = said(models=1)
    made = combine(xy, cov, sure)
    np.testing.assert_allclose(made.xy, xy[0])
    np.testing.assert_allclose(made.covariance, cov[0])


def test_regions_of_networks_that_err_together_and_apart_hold_their_share():
    rng = np.random.default_rng(1)
    n, models = 20_000, 5
    together = 1.5 * rng.standard_normal((1, n, 1, 2))
    apart = 1.0 * rng.standard_normal((models, n, 1, 2))
    own = np.tile((1.5**2 + 1.0) * np.eye(2), (models, n, 1, 1, 1))
    made = combine(together + apart, own, np.ones((models, n, 1)))
    distance = np.einsum("nja,njab,njb->nj", made.xy, inverse(made.covariance), made.xy)
    share = (distance <= stats.chi2(2).ppf(0.9)).mean()
    assert 0.9 < share < 0.99  # on the safe side


def test_inverts():
    root = RNG.normal(size=(7, 2, 2))
    some = root @ root.swapaxes(1, 2) + 0.1 * np.eye(2)
    np.testing.assert_allclose(inverse(some) @ some, np.tile(np.eye(2), (7, 1, 1)), atol=1e-9)


def test_covariances_along_one_line_are_not_told():
    xy, _, sure = said(models=2)
    unknown = np.full((*xy.shape, 2), np.nan)
    assert np.isnan(regular(combine(xy, unknown, sure).covariance)).all()
    assert np.isnan(combine(xy[:1], unknown[:1], sure[:1]).covariance).all()
    more, _, sure = said(models=5)
    made = combine(more, np.full((*more.shape, 2), np.nan), sure).covariance
    np.testing.assert_array_equal(regular(made), made)
