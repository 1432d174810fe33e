"""Evaluation against slow loops, scikit-learn, and the mistakes of other tools."""

import json

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from gambol.core.errors import InputError
from gambol.core.labels import Labels, Visibility
from gambol.core.skeleton import Skeleton
from gambol.pose import evaluate as E
from gambol.pose.evaluate import Scoring, evaluate

NAMES = ("snout", "left_ear", "right_ear", "tail")
MOUSE = Skeleton(NAMES, swap=(-1, 2, 1, -1))
FEW = Scoring(resamples=50)


def make(n=30, seed=0, absent=0.2):
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 100, (n, 4, 2))
    codes = np.full((n, 4), Visibility.VISIBLE, np.uint8)
    codes[rng.random((n, 4)) < absent] = Visibility.ABSENT
    codes[rng.random((n, 4)) < absent / 2] = Visibility.UNLABELLED
    codes[rng.random((n, 4)) < absent / 2] = Visibility.OCCLUDED
    seen = (codes == 1) | (codes == 2)
    zeros = np.zeros(n, np.int64)
    truth = Labels(
        MOUSE,
        ("v.mp4",),
        zeros,
        np.arange(n) * 10,
        zeros,
        np.where(seen[..., None], xy, np.nan),
        codes,
        np.zeros(n, np.uint8),
    )
    return truth, xy + rng.normal(0, 3, xy.shape), rng.random((n, 4)), rng


def errors_by_loop(truth, xy):
    return [
        np.sqrt(((xy[n, j] - truth.xy[n, j]) ** 2).sum())
        for n in range(len(truth))
        for j in range(4)
        if truth.visibility[n, j] in (1, 2)
    ]


def test_equals_the_definitions():
    truth, xy, sure, _ = make()
    got = evaluate(truth, xy, sure, cfg=FEW).summary()
    e = np.array(errors_by_loop(truth, xy))
    assert (got["n"], got["n_frames"], got["n_missing"]) == (len(e), 30, 0)
    want = {
        "mean_px": e.mean(),
        "rmse_px": np.sqrt((e**2).mean()),
        "median_px": np.median(e),
        "p90_px": np.percentile(e, 90),
        "p95_px": np.percentile(e, 95),
        "p99_px": np.percentile(e, 99),
        "max_px": e.max(),
    }
    assert {name: got[name] for name in want} == pytest.approx(want)
    for j, name in enumerate(NAMES):
        kept = truth.select(np.arange(30))
        e_j = np.linalg.norm(xy[:, j] - kept.xy[:, j], axis=1)
        assert got["keypoints"][name]["mean_px"] == pytest.approx(np.nanmean(e_j))
        assert got["keypoints"][name]["p95_px"] == pytest.approx(np.nanpercentile(e_j, 95))


def test_the_mean_distance_is_not_called_rmse():  # trap 15
    truth, xy, *_ = make()
    got = evaluate(truth, xy, cfg=FEW).summary()
    assert got["mean_px"] < 0.95 * got["rmse_px"]
    assert {key for key in got if "rmse" in key} == {"rmse_px"}


def test_pck_of_a_perfect_prediction_is_one_with_missing_labels():  # trap 16
    skeleton = Skeleton(tuple("abcde"))
    xy = np.random.default_rng(0).uniform(0, 100, (1, 5, 2))
    codes = np.array([[2, 2, 2, 2, 0]], np.uint8)
    known = np.where(codes[..., None] > 0, xy, np.nan)
    zero = np.zeros(1, np.int64)
    truth = Labels(skeleton, ("v",), zero, zero, zero, known, codes, np.zeros(1, np.uint8))
    got = evaluate(truth, xy, cfg=FEW).summary()
    assert got["pck"] == {"0.02": 1.0, "0.05": 1.0, "0.1": 1.0, "0.2": 1.0}
    assert got["n"] == 4


def test_pck_equals_the_definition_with_its_size():
    truth, xy, *_ = make()
    got = evaluate(truth, xy, cfg=FEW)
    hits = []
    for n in range(len(truth)):
        known = truth.xy[n][truth.labelled[n]]
        if len(known) > 1:
            box = np.hypot(*(known.max(axis=0) - known.min(axis=0)))
            assert got.size[n] == pytest.approx(box)
        hits += [
            np.hypot(*(xy[n, j] - truth.xy[n, j])) <= 0.05 * got.size[n]
            for j in range(4)
            if truth.labelled[n, j]
        ]
    assert got.summary()["pck"]["0.05"] == pytest.approx(np.mean(hits))


def test_size_may_be_the_distance_of_two_keypoints():
    truth, xy, *_ = make(absent=0.3)
    cfg = Scoring(resamples=50, size=("snout", "tail"))
    size = evaluate(truth, xy, cfg=cfg).size
    axis = np.linalg.norm(truth.xy[:, 0] - truth.xy[:, 3], axis=1)
    np.testing.assert_allclose(size, np.where(np.isnan(axis), np.nanmedian(axis), axis))


def test_a_missing_prediction_is_never_dropped():  # trap 17
    truth, xy, *_ = make()
    whole = evaluate(truth, xy, cfg=FEW).summary()
    n, j = np.argwhere(truth.labelled)[0]
    holed = xy.copy()
    holed[n, j] = np.nan
    got = evaluate(truth, holed, cfg=FEW)
    assert got.numbers["mean_px"] == got.numbers["max_px"] == np.inf
    summary = got.summary()
    assert (summary["n"], summary["n_missing"]) == (whole["n"], 1)
    assert summary["mean_px"] is None
    assert summary["median_px"] >= whole["median_px"]
    assert summary["pck"]["0.2"] <= whole["pck"]["0.2"]
    assert summary["found"]["coverage"] == pytest.approx(1 - 1 / whole["n"])
    assert np.isfinite(summary["found"]["mean_px"])
    json.dumps(summary, allow_nan=False)


def test_every_labelled_row_must_be_predicted():  # trap 18
    truth, xy, *_ = make()
    with pytest.raises(InputError, match="predict every labelled row"):
        evaluate(truth, xy[:24], cfg=FEW)


def test_accepted_error_comes_with_its_coverage():
    truth, xy, sure, _ = make()
    got = evaluate(truth, xy, sure, cfg=Scoring(resamples=50, accept=0.7)).summary()["accepted"]
    kept = truth.labelled & (sure >= 0.7)
    e = np.linalg.norm(xy - truth.xy, axis=-1)
    assert got["mean_px"] == pytest.approx(e[kept].mean())
    assert got["coverage"] == pytest.approx(kept.sum() / truth.labelled.sum())


def test_risk_coverage_curve_equals_trying_every_threshold():
    truth, xy, sure, _ = make()
    sure = np.round(sure, 1)
    curve = evaluate(truth, xy, sure, cfg=FEW).curve
    e = np.linalg.norm(xy - truth.xy, axis=-1)
    want = sorted(set(sure[truth.labelled]), reverse=True)
    np.testing.assert_allclose(curve.threshold, want)
    for threshold, coverage, risk in zip(*curve, strict=True):
        kept = truth.labelled & (sure >= threshold)
        assert coverage == pytest.approx(kept.sum() / truth.labelled.sum())
        assert risk == pytest.approx(e[kept].mean())


def test_swap_rate_counts_pairs_at_each_other_s_place():
    truth, _, _, rng = make(40, absent=0.1)
    xy = np.nan_to_num(truth.xy, nan=5.0)
    both = np.flatnonzero(truth.labelled[:, 1] & truth.labelled[:, 2])
    for n in both[:6]:
        xy[n, [1, 2]] = xy[n, [2, 1]]
    xy[both[10], 1] = xy[both[10], 2]  # one on the other's place is no swap
    got = evaluate(truth, xy, cfg=FEW).summary()
    assert (got["n_pairs"], got["swap_rate"]) == (len(both), pytest.approx(6 / len(both)))


def test_presence_equals_scikit_learn():
    truth, xy, sure, rng = make(60)
    shown = np.clip(sure * 0.5 + 0.4 * truth.labelled, 0, 1)
    xy[3, 1] = np.nan  # no prediction says absent
    got = evaluate(truth, xy, sure, presence=shown, cfg=FEW).summary()["presence"]
    judged = truth.visibility != Visibility.UNLABELLED
    shown[3, 1] = 0.0
    absent = truth.visibility[judged] == Visibility.ABSENT
    assert got["auroc"] == pytest.approx(roc_auc_score(absent, 1 - shown[judged]))
    assert got["f1"] == pytest.approx(f1_score(absent, shown[judged] < 0.5))
    assert (got["n_absent"], got["n_present"]) == (absent.sum(), (~absent).sum())
    low, high = got["intervals"]["auroc"]
    assert low <= got["auroc"] <= high


def test_occluded_keypoints_count_and_are_reported_apart():
    truth, xy, *_ = make(60)
    got = evaluate(truth, xy, cfg=FEW).summary()
    hidden = truth.visibility == Visibility.OCCLUDED
    assert got["occluded"]["n"] == hidden.sum() > 0
    e = np.linalg.norm(xy - truth.xy, axis=-1)
    assert got["occluded"]["mean_px"] == pytest.approx(e[hidden].mean())


def test_intervals_cover_the_true_mean_as_often_as_they_say():
    inside = 0
    for seed in range(100):
        truth, xy, *_ = make(40, seed, absent=0.0)
        got = evaluate(truth, xy, cfg=Scoring(resamples=300)).summary()
        low, high = got["intervals"]["mean_px"]
        inside += low <= 3 * np.sqrt(np.pi / 2) <= high  # mean of a Rayleigh distance
    assert 86 <= inside <= 100


def test_correlated_rows_widen_the_interval():
    truth, xy, _, rng = make(120, absent=0.0)
    shared = np.repeat(rng.normal(0, 6, (12, 1, 2)), 10, axis=0)  # ten rows err alike

    def width(groups):
        low, high = evaluate(truth, xy + shared, groups=groups).summary()["intervals"][
            "mean_px"
        ]
        return high - low

    assert width(E.time_blocks(truth, 100)) > 1.3 * width(None)


def test_paired_intervals_exclude_zero_where_unpaired_ones_overlap():
    truth, xy, _, rng = make(60, absent=0.0)
    hard = rng.uniform(0.1, 8, (60, 1, 1)) * rng.normal(size=(60, 4, 2))
    one, two = (E.distances(truth.xy, truth.xy + hard * f) for f in (1.0, 0.93))
    got = E.compare(one, two, np.arange(60))
    assert got["mean_px"]["value"] == pytest.approx(one.mean() - two.mean())
    assert got["mean_px"]["low"] > 0
    spans = [
        evaluate(truth, truth.xy + hard * f).summary()["intervals"]["mean_px"]
        for f in (1.0, 0.93)
    ]
    assert spans[0][0] < spans[1][1]


def test_other_labels_do_not_compare():
    one = np.array([[1.0, np.nan]])
    with pytest.raises(InputError, match="different labels"):
        E.compare(one, one[:, ::-1], np.arange(1))
    with pytest.raises(InputError, match="nothing to compare"):
        E.compare(one * np.nan, one * np.nan, np.arange(1))


def test_labels_without_positions_give_nulls():
    truth, xy, *_ = make(5)
    codes = np.zeros((5, 4), np.uint8)
    blank = Labels(
        MOUSE, ("v",), truth.video, truth.frame, truth.individual,
        np.full((5, 4, 2), np.nan), codes, truth.origin,
    )  # fmt: skip
    got = evaluate(blank, xy, cfg=FEW).summary()
    assert got["n"] == 0 and got["mean_px"] is None and got["pck"]["0.05"] is None
    json.dumps(got, allow_nan=False)


def test_a_seed_gives_the_same_intervals():
    truth, xy, *_ = make()
    first, again = (evaluate(truth, xy, cfg=FEW).summary() for _ in range(2))
    assert first == again
