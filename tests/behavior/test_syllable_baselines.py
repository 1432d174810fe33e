"""Baselines: what least squares and Gaussian densities of scipy say."""

import numpy as np
import xarray as xr
from scipy.stats import multivariate_normal

from gambol.behavior import syllable_baselines


def series(seed=0, frames=400):
    rng = np.random.default_rng(seed)
    x = np.zeros((frames, 2))
    for t in range(1, frames):
        x[t] = np.array([[0.9, 0.2], [-0.1, 0.7]]) @ x[t - 1] + [0.3, 0.0]
        x[t] += 0.3 * rng.standard_normal(2)
    return x


def test_the_gaussian_is_that_of_all_frames_after_the_first():
    x = series()
    known = syllable_baselines.learn([x], 2).gaussian
    law = multivariate_normal(x[2:].mean(0), np.cov(x[2:].T, bias=True))
    told = syllable_baselines.evidence(x, known)
    np.testing.assert_allclose(told, law.logpdf(x[2:]).sum(), rtol=1e-6)


def test_one_linear_step_is_least_squares_on_the_frame_before():
    x = series()
    known = syllable_baselines.learn([x[:150], x[150:]], 2).first_order
    before = np.concatenate([x[1:149], x[151:-1]])
    now = np.concatenate([x[2:150], x[152:]])
    table = np.column_stack([before, np.ones(len(before))])
    ab = np.linalg.lstsq(table, now, rcond=None)[0].T
    np.testing.assert_allclose(known.ab[0, :, :2], 0.0)  # the frame before that says nothing
    np.testing.assert_allclose(known.ab[0, :, 2:], ab, atol=1e-9)
    rest = now - table @ ab.T
    law = multivariate_normal(np.zeros(2), rest.T @ rest / len(rest))
    told = syllable_baselines.evidence(x[:150], known)
    np.testing.assert_allclose(told, law.logpdf(rest[:148]).sum(), rtol=1e-6)


def test_tables_bring_baselines_back():
    made = syllable_baselines.learn([series()], 1)
    again = syllable_baselines.from_tables(xr.Dataset(syllable_baselines.tables(made)))
    for one, two in zip(made, again, strict=True):
        np.testing.assert_array_equal(one.ab, two.ab)
        np.testing.assert_array_equal(one.q, two.q)
