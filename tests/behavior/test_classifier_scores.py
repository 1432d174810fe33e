"""Scores are those of scikit-learn and of hands, and intervals hold what they should."""

import numpy as np
import pytest
from sklearn import metrics

from gambol.behavior import classifier_scores as scores


def said(seed=0, n=500):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.3
    score = np.round(np.clip(0.4 * truth + 0.6 * rng.random(n), 0, 1), 2)
    return truth, score, score > 0.5


def table(truth, predicted, score, offsets, **more):
    groups = more.pop("groups", [str(k) for k in range(len(offsets) - 1)])
    seen = more.pop("observed", np.ones(len(truth), bool))
    return scores.table(
        ["x"], truth[:, None], predicted[:, None], score[:, None], seen, np.array(offsets),
        groups, 10.0, resamples=300, **more,
    ).iloc[0]  # fmt: skip


def test_scores_of_frames_are_scikit_learns():
    truth, score, found = said()
    row = table(truth, found, score, [0, 200, 500])
    assert row["f1"] == pytest.approx(metrics.f1_score(truth, found))
    assert row["precision"] == pytest.approx(metrics.precision_score(truth, found))
    assert row["recall"] == pytest.approx(metrics.recall_score(truth, found))
    assert row["matthews"] == pytest.approx(metrics.matthews_corrcoef(truth, found))
    assert row["average_precision"] == pytest.approx(
        metrics.average_precision_score(truth, score)
    )
    curve = scores.precision_recall(score, truth)
    precision, recall, _ = metrics.precision_recall_curve(truth, score)
    assert np.isin(np.round(curve.precision, 9), np.round(precision, 9)).all()


def test_bouts_by_hand():
    truth, found = np.zeros(100, bool), np.zeros(100, bool)
    truth[10:20] = truth[40:50] = truth[70:90] = True
    found[12:20] = found[47:60] = found[71:90] = True  # 0.8, 0.15 and 0.95 of the union
    row = table(truth, found, found * 1.0, [0, 100])
    assert row["bout_f1"] == pytest.approx(2 * 2 / 6)
    assert row["onset_s"] == pytest.approx((0.2 + 0.1) / 2)
    assert row["bouts"] == 3


def test_unknown_frames_do_not_count():
    truth, score, found = said()
    seen = np.random.default_rng(5).random(500) < 0.6
    row = table(truth, found, score, [0, 500], observed=seen)
    assert row["f1"] == pytest.approx(metrics.f1_score(truth[seen], found[seen]))
    assert row["frames"] == seen.sum()


def test_one_group_has_no_interval_and_several_have_one():
    truth, score, found = said()
    assert np.isnan(table(truth, found, score, [0, 250, 500], groups=["a", "a"])["f1_low"])
    row = table(truth, found, score, list(range(0, 501, 50)))
    for name in ("f1", "average_precision", "matthews"):
        assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]


def test_intervals_of_equal_recordings_are_points():
    truth, score, found = said(n=80)
    row = table(*(np.tile(x, 6) for x in (truth, found, score)), list(range(0, 481, 80)))
    assert row["f1_low"] == pytest.approx(row["f1"]) == pytest.approx(row["f1_high"])
    assert row["average_precision_low"] == pytest.approx(row["average_precision"], abs=0.01)


def test_probabilities_that_are_true_lie_on_the_line():
    rng = np.random.default_rng(0)
    p = rng.random(100_000)
    worth = scores.reliability(p, rng.random(100_000) < p)
    assert abs(worth.said - worth.seen).max() < 0.02
    assert worth.frames.sum() == 100_000


def test_confusion_counts_frames_by_what_is_seen_and_said():
    truth = np.array([[1, 0], [1, 0], [0, 1], [0, 0], [0, 0]], bool)
    found = np.array([[1, 0], [0, 1], [0, 0], [0, 0], [1, 0]], bool)
    seen = np.array([True, True, True, True, False])
    assert scores.confusion(truth, found, seen).tolist() == [[1, 1, 0], [0, 0, 1], [0, 0, 1]]
