"""Scores against scikit-learn and against slow sums."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from gambol.kernels import scores


def cases(n=60):
    rng = np.random.default_rng(n)
    true = rng.random(n) < 0.3
    score = np.round(np.clip(rng.normal(0.4 + 0.3 * true, 0.3), 0, 1), 1)  # with ties
    return score, true, rng.integers(0, 4, (5, n))


def test_auroc_equals_scikit_learn():
    score, true, weights = cases()
    assert scores.auroc(score, true) == pytest.approx(metrics.roc_auc_score(true, score))
    got = scores.weighted_auroc(score, true, weights)
    want = [metrics.roc_auc_score(true, score, sample_weight=w) for w in weights]
    np.testing.assert_allclose(got, want)


def test_f1_equals_scikit_learn():
    score, true, weights = cases()
    want = [metrics.f1_score(true, score > 0.5, sample_weight=w) for w in weights]
    np.testing.assert_allclose(scores.f1(score > 0.5, true, weights), want)


def test_brier_equals_scikit_learn():
    score, true, _ = cases()
    assert scores.brier(score, true) == pytest.approx(metrics.brier_score_loss(true, score))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_calibration_error_equals_the_definition(pairs):
    total = 0.0
    for b in range(15):
        inside = [(p, y) for p, y in pairs if b / 15 < p <= (b + 1) / 15 or (b == 0 and p == 0)]
        if inside:
            said, happened = np.mean(inside, axis=0)
            total += len(inside) / len(pairs) * abs(said - happened)
    p, y = (np.array(column) for column in zip(*pairs, strict=True))
    assert scores.expected_calibration_error(p, y) == pytest.approx(total, abs=1e-6)


def test_one_class_has_no_ranking():
    ones = np.ones(3, bool)
    assert np.isnan(scores.auroc(np.arange(3.0), ones))
    assert np.isnan(scores.auroc(np.zeros(0), np.zeros(0, bool)))
    assert np.isnan(scores.f1(~ones, ~ones, np.ones((1, 3), int))[0])
