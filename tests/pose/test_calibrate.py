"""Calibration on errors whose distribution is known, and against the definitions."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from gambol.core.errors import InputError
from gambol.core.labels import Visibility
from gambol.kernels.scores import auroc, brier, expected_calibration_error
from gambol.pose import calibrate
from gambol.pose.calibrate import Calibration

RADIUS = 5.0


def student(rng, shape, dof=5.0):
    """Unit covariance, heavy tails."""
    mixed = np.sqrt((dof - 2) / rng.chisquare(dof, shape[:-1]))
    return rng.normal(size=shape) * mixed[..., None]


def gaussian(rng, shape):
    return rng.normal(size=shape)


def slips(rng, shape):
    """Two per cent land anywhere."""
    wide = np.where(rng.random(shape[:-1]) < 0.02, 30.0, 1.0)
    return rng.normal(size=shape) * wide[..., None]


def make(n, j=4, noise=student, alpha=2.0, beta=1.5, seed=0):
    """Labels, predictions and raw covariances with error covariance α Σ_raw + β I."""
    rng = np.random.default_rng(seed)
    turn = rng.uniform(0, np.pi, (n, j))
    axes = np.stack([np.cos(turn), -np.sin(turn), np.sin(turn), np.cos(turn)], -1)
    axes = axes.reshape(n, j, 2, 2)
    raw = rng.lognormal(0, 0.8, (n, j, 2))
    covariance = np.einsum("nkij,nkj,nklj->nkil", axes, raw, axes)
    true = alpha * covariance + beta * np.eye(2)
    root = np.linalg.cholesky(true)
    truth = rng.uniform(0, 200, (n, j, 2))
    xy = truth + np.einsum("nkij,nkj->nki", root, noise(rng, (n, j, 2)))
    wrong = np.linalg.norm(xy - truth, axis=-1) > RADIUS
    logit = rng.normal(np.where(wrong, -1.0, 0.4), 0.7)  # peaks know, but are not probabilities
    visibility = np.full((n, j), Visibility.VISIBLE, np.uint8)
    return truth, visibility, xy, covariance, 1 / (1 + np.exp(-logit)), true


def fit(world, rows=slice(None)):
    truth, visibility, xy, covariance, peak, _ = (part[rows] for part in world)
    return calibrate.fit(truth, visibility, xy, covariance, peak, RADIUS)


def scaled(calibration, world):
    return calibrate.apply(calibration, world[4], world[3]).covariance


@pytest.mark.parametrize("noise", [student, gaussian])
def test_covariance_is_recovered_within_a_tenth(noise):
    world = make(4000, noise=noise)
    got, true = scaled(fit(world), world), world[-1]
    wrong = np.linalg.norm(got - true, axis=(-2, -1)) / np.linalg.norm(true, axis=(-2, -1))
    assert wrong.max() < 0.1


def test_every_keypoint_has_its_own_scale_where_it_has_errors():
    near, far = make(400, 2, beta=1.0), make(400, 2, beta=16.0, seed=1)
    world = [np.concatenate(parts, axis=1) for parts in zip(near, far, strict=True)]
    own = fit(world).covariance[:, 1]
    assert own[:2].max() < 2 and own[2:].min() > 12
    shared = fit(world, slice(40)).covariance
    assert (shared == shared[0]).all()


def test_slips_move_the_covariance_little():
    clean, slipped = fit(make(500, noise=gaussian)), fit(make(500, noise=slips))
    assert (slipped.covariance[:, 1] < 3 * clean.covariance[:, 1]).all()  # their variance: 19×


@pytest.mark.parametrize("noise", [gaussian, student, slips])
@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
def test_regions_cover_what_they_say_on_an_untouched_split(noise, level):
    n_blocks = 2000
    world = make(2 * n_blocks, noise=noise)
    calibration = fit(world, slice(n_blocks))
    test = [part[n_blocks:] for part in world]
    held = calibrate.inside(calibration, test[2] - test[0], scaled(calibration, test), level)
    assert abs(held.mean() - level) <= 3 * np.sqrt(level * (1 - level) / n_blocks)


@pytest.mark.parametrize("frames", [5, 15, 25])
def test_few_frames_still_give_useful_regions(frames):
    covered, width = [], []
    for seed in range(30):
        world = make(frames + 300, seed=seed)
        calibration = fit(world, slice(frames))
        test = [part[frames:] for part in world]
        spread = scaled(calibration, test)
        covered.append(calibrate.inside(calibration, test[2] - test[0], spread).mean())
        ratio = np.linalg.det(spread) / np.linalg.det(test[-1])
        width.append(np.mean(ratio**0.25))
    assert 0.88 <= np.mean(covered) <= 0.94
    assert np.mean(np.array(covered) > 0.8) > 0.9
    assert 0.8 < np.median(width) < 1.3


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60), st.sampled_from([0.5, 0.9, 0.95]))
def test_conformal_quantile_equals_the_definition(scores, level):
    n = len(scores)
    got = calibrate.conformal(np.array(scores), np.array([level]))[0]
    below = [s for s in scores if sum(other <= s for other in scores) >= (n + 1) * level - 1e-9]
    assert got == min(below) if below else got >= max(scores)


def test_conformal_regions_of_every_size_cover_in_the_mean():
    rng = np.random.default_rng(0)
    for n, level in ((9, 0.9), (20, 0.8), (39, 0.95)):
        scores = rng.standard_cauchy((4000, n + 1)) ** 2
        held = [s[-1] <= calibrate.conformal(s[:-1], np.array([level]))[0] for s in scores]
        exact = np.ceil((n + 1) * level) / (n + 1)  # for continuous scores
        assert abs(np.mean(held) - exact) < 0.02


@pytest.mark.parametrize("frames", [40, 600])  # below and above the points of three weights
def test_calibration_makes_probabilities_better(frames):
    n = 1000
    world = make(frames + n)
    calibration = fit(world, slice(frames))
    truth, _, xy, covariance, peak, _ = (part[frames:] for part in world)
    correct = (np.linalg.norm(xy - truth, axis=-1) <= RADIUS).ravel()
    said = calibrate.apply(calibration, peak, covariance).confidence.ravel()
    assert brier(said, correct) <= brier(peak.ravel(), correct)
    before = expected_calibration_error(peak.ravel(), correct)
    after = expected_calibration_error(said, correct)
    assert after <= before and after < 0.05
    assert auroc(said, correct) > auroc(peak.ravel(), correct) - 0.01


def test_weights_equal_scikit_learn_where_the_prior_is_weak():
    rng = np.random.default_rng(0)
    features = np.column_stack([np.ones(20000), rng.normal(size=(20000, 2))])
    happened = rng.random(20000) < 1 / (1 + np.exp(-features @ [0.5, 2.0, -1.0]))
    got = calibrate._logistic(features, happened, np.array([0.0, 1.0, 0.0]))
    model = LogisticRegression(C=np.inf, tol=1e-8).fit(features[:, 1:], happened)
    np.testing.assert_allclose(got, [model.intercept_[0], *model.coef_[0]], atol=0.01)


def test_weights_are_finite_where_all_were_correct():
    features = np.column_stack([np.ones(60), np.linspace(-1, 2, 60)])
    weights = calibrate._logistic(features, np.ones(60, bool), np.array([0.0, 1.0]))
    chance = 1 / (1 + np.exp(-features @ weights))
    assert np.isfinite(weights).all() and 0.95 < chance.mean() < 0.999


def test_presence_is_learned_from_absent_keypoints():
    world = make(400)
    rng = np.random.default_rng(5)
    absent = rng.random((400, 4)) < 0.3
    truth = np.where(absent[..., None], np.nan, world[0])
    visibility = np.where(absent, Visibility.ABSENT, world[1]).astype(np.uint8)
    peak = 1 / (
        1 + np.exp(-rng.normal(np.where(absent, -4.0, -1.0), 0.7))
    )  # all below one half
    calibration = calibrate.fit(
        truth[:200], visibility[:200], world[2][:200], world[3][:200], peak[:200], RADIUS
    )
    presence = calibrate.apply(calibration, peak[200:], world[3][200:]).presence
    said = presence < 0.5
    assert np.mean(said == absent[200:]) > 0.95
    assert np.mean((peak[200:] < 0.5) == absent[200:]) < 0.5


def test_without_errors_the_prior_answers_and_says_so():
    truth, visibility, xy, covariance, peak, _ = make(3)
    nothing = calibrate.fit(
        np.full_like(truth, np.nan), visibility * 0, xy, covariance, peak, 5.0
    )
    assert not nothing.calibrated and not nothing.n_errors.any()
    got = calibrate.apply(nothing, peak, covariance)
    np.testing.assert_allclose(got.confidence, peak)
    np.testing.assert_allclose(got.covariance, covariance + 2.5**2 * np.eye(2))
    assert calibrate.fit(truth, visibility, xy, covariance, peak, RADIUS).calibrated


def test_one_error_moves_little():
    truth, visibility, xy, covariance, peak, _ = make(1, 1)
    got = calibrate.fit(truth, visibility, xy, covariance, peak, RADIUS)
    assert np.isfinite(got.covariance).all() and np.isfinite(got.quantiles).all()
    assert (got.quantiles[0, 1:] >= calibrate.prior(1, RADIUS).quantiles[0, 1:]).all()


def test_prior_regions_are_those_of_a_student_t():
    rng = np.random.default_rng(0)
    distance = np.linalg.norm(student(rng, (400_000, 2)), axis=-1)
    want = np.quantile(distance, calibrate.LEVELS)
    np.testing.assert_allclose(calibrate.prior(1, RADIUS).quantiles[0], want, rtol=0.01)


def test_a_missing_or_broken_prediction_is_worth_nothing_and_teaches_nothing():
    world = make(60)
    truth, visibility, xy, covariance, peak, _ = (part.copy() for part in world)
    xy[:20], peak[:20], covariance[:20] = np.nan, np.nan, np.nan
    calibration = calibrate.fit(truth, visibility, xy, covariance, peak, RADIUS)
    np.testing.assert_allclose(calibration.covariance, fit(world, slice(20, None)).covariance)
    covariance[20] = np.nan  # a peak without a shape
    covariance[21] = np.array([[1e9, 0.0], [0.0, -1.0]])
    got = calibrate.apply(calibration, peak, covariance)
    assert (got.confidence[:20] == 0).all() and (got.presence[:20] == 0).all()
    assert np.isnan(got.covariance[:20]).all()
    assert (np.linalg.eigvalsh(got.covariance[20:]) > 0).all()
    assert got.covariance[20, 0, 0, 0] >= calibration.covariance[0, 0] * (20 * RADIUS) ** 2
    held = calibrate.inside(calibration, xy - truth, got.covariance)
    assert not held[:20].any() and held[30:].mean() > 0.7


def test_results_do_not_depend_on_the_frames_beside():
    world = make(50)
    calibration = fit(world)
    whole = calibrate.apply(calibration, world[4], world[3])
    alone = calibrate.apply(calibration, world[4][7], world[3][7])
    for a, b in zip(whole, alone, strict=True):
        np.testing.assert_array_equal(a[7], b)


def test_turning_the_picture_turns_the_covariance():
    truth, visibility, xy, covariance, peak, _ = make(80)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    turned = turn @ covariance @ turn.T
    got = calibrate.fit(truth @ turn.T, visibility, xy @ turn.T, turned, peak, RADIUS)
    still = calibrate.fit(truth, visibility, xy, covariance, peak, RADIUS)
    np.testing.assert_allclose(got.covariance, still.covariance, rtol=1e-3)
    np.testing.assert_allclose(got.quantiles, still.quantiles, rtol=1e-3)


def test_json_brings_it_back():
    calibration = fit(make(30))
    back = Calibration.from_dict(json.loads(json.dumps(calibration.to_dict(), allow_nan=False)))
    for a, b in zip(calibration, back, strict=True):
        np.testing.assert_array_equal(a, b)


def test_bad_input_is_one_sentence():
    with pytest.raises(InputError, match="radius 0"):
        calibrate.prior(3, 0.0)
    with pytest.raises(InputError, match=r"no region of level 0.7; there are 0.5, 0.8"):
        calibrate.region_radius(calibrate.prior(3, 5.0), 0.7)
    with pytest.raises(InputError, match="lacks covariance, correct"):
        Calibration.from_dict({"radius": 3.0})


@pytest.mark.parametrize("flat", [[[2.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
def test_a_singular_covariance_promises_no_region(flat):
    error, cov = np.array([[[0.1, 0.0]]]), np.array([[flat]])
    assert not calibrate.inside_gaussian(error, cov).any()
    assert not calibrate.inside(calibrate.prior(1, 3.0), error, cov).any()


def test_cells_of_maps_are_worth_what_peaks_are():
    rng = np.random.default_rng(0)
    learnt = calibrate.prior(2, 3.0)._replace(correct=rng.normal(size=(2, 3)))
    maps, cov = rng.uniform(size=(2, 4, 5)), np.tile(np.diag([2.0, 1.0]), (2, 1, 1))
    made = calibrate.heights(learnt, maps, cov)
    for row, column in np.ndindex(4, 5):
        one = calibrate.apply(learnt, maps[:, row, column], cov).confidence
        np.testing.assert_allclose(made[:, row, column], one)


def test_what_a_frame_is_worth_is_learnt_from_the_others():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 100, (60, 2, 2))
    states, cov = np.full((60, 2), 2, np.uint8), np.tile(np.eye(2), (60, 2, 1, 1))
    peak, xy = rng.uniform(0.3, 0.9, (60, 2)), truth + rng.normal(0, 2, truth.shape)
    made = calibrate.cross_fitted(truth, states, xy, cov, peak, RADIUS)
    for judged in calibrate.folds(60):
        moved = xy.copy()
        moved[judged] += 500.0  # its own errors say nothing
        again = calibrate.cross_fitted(truth, states, moved, cov, peak, RADIUS)
        for one, other in zip(made, again, strict=True):
            np.testing.assert_array_equal(one[judged], other[judged])
        assert not np.allclose(made.confidence, again.confidence)
    assert np.concatenate(calibrate.folds(60)).tolist() == list(range(60))
