"""Average precision against its definition, and weights against copies."""

import numpy as np
import pytest

from gambol.kernels.ranking import average_precision


def make(seed=0, n=60, frames=12):
    rng = np.random.default_rng(seed)
    score, frame = rng.random(n), rng.integers(0, frames, n)
    quality = np.clip(score + rng.normal(0, 0.3, n), 0, 1)
    n_truth = np.full(frames, 5) + rng.integers(0, 3, frames)
    hit = quality > np.array([[0.4], [0.6], [0.9]])
    return score, hit, frame, n_truth, rng


def by_definition(score, hit, n_truth):
    order = np.argsort(-score, kind="stable")
    points, right = [], 0
    for rank, d in enumerate(order, start=1):
        right += hit[d]
        points.append((right / n_truth, right / rank))
    best = [max((p for r, p in points if r >= level), default=0.0)
            for level in np.linspace(0, 1, 101)]  # fmt: skip
    return np.mean(best), right / n_truth


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_definition(seed):
    score, hit, frame, n_truth, _ = make(seed)
    got = average_precision(score, hit, frame, n_truth, np.ones((1, 12)))
    for t in range(3):
        want = by_definition(score, hit[t], n_truth.sum())
        assert (got.precision[0, t], got.recall[0, t]) == pytest.approx(want)


def test_a_weight_is_so_many_copies():
    score, hit, frame, n_truth, rng = make()
    weights = rng.integers(0, 4, (6, 12))
    got = average_precision(score, hit, frame, n_truth, weights)
    for b in range(6):
        times = weights[b, frame]
        want = [
            by_definition(
                np.repeat(score, times), np.repeat(h, times), (weights[b] * n_truth).sum()
            )
            for h in hit
        ]
        np.testing.assert_allclose(got.precision[b], [w[0] for w in want])
        np.testing.assert_allclose(got.recall[b], [w[1] for w in want])


def test_scores_need_truth_but_no_detections():
    score, hit, frame, n_truth, _ = make()
    no_truth = average_precision(score, hit, frame, 0 * n_truth, np.ones((1, 12)))
    assert np.isnan(no_truth.precision).all() and np.isnan(no_truth.recall).all()
    nothing = average_precision(
        score[:0], hit[:, :0], frame[:0], n_truth, np.ones((1, 12))
    )  # fmt: skip
    assert (nothing.precision == 0).all() and (nothing.recall == 0).all()
