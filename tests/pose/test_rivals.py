"""Several networks on the same frames: scores by definition, differences that are known."""

import math

import numpy as np
import pytest

from gambol.core.labels import Visibility, from_positions
from gambol.core.skeleton import Skeleton
from gambol.pose import rivals

MOUSE = Skeleton(("nose", "ear_l", "ear_r", "tail"), swap=(-1, 2, 1, -1))


def truth(n=40, skeleton=MOUSE, seed=0):
    xy = np.random.default_rng(seed).uniform(0, 90, (n, len(skeleton), 2))
    xy[0, 0] = np.nan
    frames, zeros = np.arange(n), np.zeros(n, np.int64)
    return from_positions(
        skeleton, ("film.mp4",), zeros, frames, xy, nan_means=Visibility.ABSENT
    )


def judged(labels, shift, folds=4):
    """Predictions that lie to the right of the labels by so many px, (N, J)."""
    xy = labels.xy.copy()
    xy[..., 0] += shift
    n = len(labels)
    return rivals.Tested(labels, np.arange(n) * folds // n, np.nan_to_num(xy), np.arange(n))


def test_scores_are_those_of_the_distances():
    labels = truth()
    shift = np.random.default_rng(1).gamma(1.0, 2.0, labels.xy.shape[:2])
    found = rivals.scores(judged(labels, shift))
    known = shift[labels.labelled]
    assert found["mean_px"].value == pytest.approx(known.mean())
    assert found["median_px"].value == pytest.approx(np.median(known))
    assert found["p95_px"].value == pytest.approx(np.quantile(known, 0.95))
    assert all(one.low <= one.value <= one.high for one in found.values())
    assert found["mean_px"].low < found["mean_px"].high


def test_a_constant_difference_has_no_spread_however_the_errors_vary():
    labels = truth()
    shift = np.random.default_rng(1).gamma(1.0, 2.0, labels.xy.shape[:2])
    apart = rivals.differences(judged(labels, shift + 1.0), judged(labels, shift))
    assert np.allclose(apart["mean_px"], 1.0) and np.allclose(apart["median_px"], 1.0)


def test_the_swap_rate_is_the_share_of_pairs_that_changed_places():
    labels = truth()
    xy = np.nan_to_num(labels.xy)
    xy[:10, [1, 2]] = xy[:10, [2, 1]]
    found = rivals.scores(judged(labels, 0.0)._replace(xy=xy))["swap_rate"]
    assert found.value == pytest.approx(0.25)
    assert 0.07 < found.low < 0.2 and 0.3 < found.high < 0.43  # binomial sd of 40: 0.07
    plain = truth(skeleton=Skeleton(("a", "b")))
    assert math.isnan(rivals.scores(judged(plain, 0.0))["swap_rate"].value)


def test_groups_that_are_drawn_together_widen_the_intervals():
    labels = truth()
    shift = np.repeat(np.arange(4.0), 10)[:, None] + np.ones((40, 4))
    alone = judged(labels, shift)
    together = alone._replace(groups=np.arange(40) // 10)
    one, other = (rivals.scores(t)["mean_px"] for t in (alone, together))
    assert other.high - other.low > 1.5 * (one.high - one.low)


def test_every_fold_has_its_mean():
    labels = truth()
    shift = np.repeat(np.arange(4.0), 10)[:, None] * np.ones((1, 4))
    assert rivals.by_fold(judged(labels, shift)) == pytest.approx(dict(enumerate(range(4))))


def test_fewer_frames_are_among_more_and_another_fold_draws_others():
    rows = np.arange(50, 90)
    few, many = (set(rivals.nested(rows, n, (0, 1)).tolist()) for n in (10, 25))
    assert few < many < set(rows.tolist()) and (len(few), len(many)) == (10, 25)
    assert set(rivals.nested(rows, 10, (0, 2)).tolist()) != few
    assert np.array_equal(rivals.nested(rows, None, (0, 1)), rows)


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ((0.5, 0.1, 0.9), "b errs 0.50 px more than a"),
        ((-0.5, -0.9, -0.1), "b errs 0.50 px less than a"),
        ((0.5, -0.1, 0.9), "b and a cannot be told apart"),
        ((None, None, None), "b and a cannot be compared"),
    ],
)
def test_the_sentence_follows_the_interval(ends, said):
    apart = dict(zip(("value", "low", "high"), ends, strict=True))
    assert rivals.sentence("b", "a", apart).startswith(said)
