"""Penalised logistic regression against scikit-learn's and against its own gradient."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from gambol.kernels import ridge_logistic


@pytest.mark.parametrize(("units", "measures"), [(14, 3), (10, 60), (9, 9)])
@pytest.mark.parametrize("strength", [0.01, 1.0, 100.0])
def test_it_finds_what_another_program_finds(units, measures, strength):
    rng = np.random.default_rng(units)
    x = rng.normal(0, 1, (units, measures))
    positive = np.array([rng.permutation(units) < size for size in (3, units // 2, units - 2)])
    found = ridge_logistic.fit(x, positive, strength)
    for b, labels in enumerate(positive):
        peer = LogisticRegression(
            C=strength, class_weight="balanced", tol=1e-10, max_iter=20_000
        ).fit(x, labels)
        assert np.allclose(found.weights[b], peer.coef_[0], atol=2e-4)
        assert found.bias[b] == pytest.approx(float(peer.intercept_[0]), abs=2e-4)


@pytest.mark.parametrize(("units", "measures", "strength"), [(15, 4, 1.0), (12, 40, 0.1)])
def test_three_classes_are_those_of_another_program(units, measures, strength):
    rng = np.random.default_rng(units)
    x = rng.normal(0, 1, (units, measures))
    labels = np.array([rng.permutation(np.arange(units) % 5 % 3) for _ in range(3)])
    weights, bias = ridge_logistic.fit_classes(x, labels, 3, strength)
    for b, own in enumerate(labels):
        peer = LogisticRegression(
            C=strength, class_weight="balanced", tol=1e-10, max_iter=20_000
        ).fit(x, own)
        assert np.allclose(weights[b], peer.coef_, atol=2e-4)
        away = bias[b] - peer.intercept_  # a constant for all classes is free
        assert np.ptp(away) < 2e-4


def test_columns_without_variance_do_nothing_and_many_labellings_go_side_by_side():
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (12, 5))
    x[:, 2] = 0.0
    positive = np.array([rng.permutation(12) < 6 for _ in range(200)])
    found = ridge_logistic.fit(x, positive, 1.0)
    assert np.abs(found.weights[:, 2]).max() < 1e-12
    alone = ridge_logistic.fit(x, positive[77:78], 1.0)
    assert np.allclose(found.weights[77], alone.weights[0], atol=1e-7)
