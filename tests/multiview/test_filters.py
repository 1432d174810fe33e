import itertools

import numpy as np
import pytest
from filmed import see
from peaked import film
from scipy.signal import medfilt

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.core.views import of_points
from gambol.multiview import filters


def views(xy, **more):
    names = tuple(f"c{v}" for v in range(xy.shape[1]))
    return of_points(xy, names, Skeleton(tuple(f"k{j}" for j in range(xy.shape[2]))), **more)


def line(frames=60):
    """One point in one view that drifts along a parabola."""
    t = np.arange(frames)
    return np.stack([2.0 * t, 100 + 0.02 * t**2], -1)[:, None, None]


def test_running_median_is_scipys_within():
    x = np.random.default_rng(0).normal(size=(50, 2))
    found = filters.running_median(x, 7)
    for c in range(2):
        np.testing.assert_allclose(found[3:-3, c], medfilt(x[:, c], 7)[3:-3])


def test_a_window_without_a_middle_is_refused():
    with pytest.raises(InputError, match="window is 4 frames"):
        filters.running_median(np.zeros((3, 1)), 4)


def test_jumps_are_dropped_and_bridged_near_the_truth():
    xy = line()
    broken = xy.copy()
    broken[[10, 11, 30]] += 70.0
    found = filters.median_2d(views(broken))
    np.testing.assert_allclose(found.xy, xy, atol=0.1)
    untouched = np.delete(np.arange(60), [10, 11, 30])
    np.testing.assert_array_equal(found.xy[untouched], xy[untouched])


def test_gaps_are_bridged_up_to_a_length_and_never_at_the_ends():
    xy = line()
    xy[:4] = xy[20:25] = xy[40:51] = xy[-2:] = np.nan
    found = np.isfinite(filters.median_2d(views(xy), max_gap=10).xy[:, 0, 0, 0])
    assert np.flatnonzero(~found).tolist() == [0, 1, 2, 3, *range(40, 51), 58, 59]


def test_bridges_are_as_sure_as_their_weaker_pier():
    xy = line()
    xy[20:23] = np.nan
    confidence, variance = np.ones((60, 1, 1)), np.full((60, 1, 1), np.nan)
    confidence[19], confidence[20:23], confidence[23] = 0.4, 0.01, 0.8
    variance[19], variance[23] = 2.0, 5.0
    found = filters.median_2d(views(xy, confidence=confidence, variance=variance))
    assert found.confidence[20:23].ravel().tolist() == [0.4] * 3
    assert found.variance[20:23].ravel().tolist() == [5.0] * 3


def test_a_track_of_one_point_or_none_is_left_alone():
    xy = np.full((9, 1, 2, 2), np.nan)
    xy[4, 0, 0] = 5.0
    np.testing.assert_array_equal(filters.median_2d(views(xy)).xy, xy)


def test_what_images_contradict_leaves_3d_and_gaps_stay():
    t = np.arange(40.0)
    xyz = np.stack([t, 0 * t, 5 + 0 * t], -1)[:, None]
    error = np.ones((40, 1))
    broken = xyz.copy()
    broken[10], error[10] = 900.0, 44.0
    broken[20] += 30.0  # wrong, but no image says so
    broken[30] = np.nan
    found = filters.median_3d(broken, error, window=5)
    assert np.flatnonzero(np.isnan(found[:, 0, 0])).tolist() == [10, 30]
    np.testing.assert_allclose(found[3:8], xyz[3:8])
    assert np.abs(found[20] - xyz[20]).max() <= 1.0


def by_enumeration(peaks, scores, step, absent):
    """The best of all paths."""
    best, chosen = np.inf, None
    for path in itertools.product(range(-1, peaks.shape[1]), repeat=len(peaks)):
        cost = 0.0
        for t, p in enumerate(path):
            if p < 0:
                cost += absent
            elif np.isnan(peaks[t, p, 0]) or scores[t, p] <= 0:
                cost = np.inf
            else:
                cost -= np.log(scores[t, p])
                if t and path[t - 1] >= 0:
                    moved = peaks[t, p] - peaks[t - 1, path[t - 1]]
                    cost += (moved**2).sum() / (2 * step**2)
        if cost < best:
            best, chosen = cost, path
    return list(chosen)


@pytest.mark.parametrize("seed", range(8))
def test_the_best_path_is_the_best_of_all(seed):
    rng = np.random.default_rng(seed)
    peaks, scores = rng.uniform(0, 90, (5, 2, 2)), rng.uniform(0, 1, (5, 2))
    peaks[rng.random((5, 2)) < 0.2] = np.nan
    scores[2, 0] = 0.0
    found = filters.best_path(peaks, scores, 20.0, 2.0)
    assert found.tolist() == by_enumeration(peaks, scores, 20.0, 2.0)


def test_a_brighter_peak_far_away_is_not_followed():
    rng = np.random.default_rng(0)
    real = np.array([100.0, 100]) + np.cumsum(rng.normal(0, 3, (30, 2)), axis=0)
    peaks = np.stack([np.tile([400.0, 300], (30, 1)), real], axis=1)[:, None, None]
    scores = np.full((30, 1, 1, 2), 0.5)
    scores[::7, ..., 0] = 0.99
    scores[..., 0][scores[..., 0] < 0.9] = 0.02
    scores[12] = 0.001
    xy, confidence = filters.chosen(peaks, scores)
    assert np.isnan(xy[12]).all()
    assert confidence[12, 0, 0] == 0.0
    kept = np.delete(np.arange(30), 12)
    np.testing.assert_array_equal(xy[kept, 0, 0], real[kept])


def test_an_ensemble_is_its_mean_and_how_far_apart_it_is():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 500, (400, 2, 3, 2))
    members = [views(truth + rng.normal(0, 3, truth.shape)) for _ in range(5)]
    found = filters.ensemble(members)
    every = np.stack([m.xy for m in members])
    np.testing.assert_allclose(found.xy, every.mean(0))
    np.testing.assert_allclose(found.variance, every.var(0, ddof=1).mean(-1))
    assert abs(found.variance.mean() - 9) < 0.3


def test_networks_that_saw_nothing_count_in_confidence_alone():
    xy = np.zeros((1, 1, 3, 2))
    one, two = views(xy), views(xy + 2.0)
    one.xy[0, 0, 1], one.xy[0, 0, 2], two.xy[0, 0, 2] = np.nan, np.nan, np.nan
    found = filters.ensemble([one, two])
    assert found.xy[0, 0, :2, 0].tolist() == [1.0, 2.0]
    assert np.isnan(found.xy[0, 0, 2]).all()
    assert found.variance[0, 0, 0] == 2.0
    assert np.isnan(found.variance[0, 0, 1:]).all()
    assert found.confidence[0, 0].tolist() == [1.0, 0.5, 0.0]


def test_an_ensemble_of_different_films_is_refused():
    with pytest.raises(InputError, match="different cameras, keypoints or frames"):
        filters.ensemble([views(line(5)), views(line(6))])


def test_the_best_path_goes_back_to_the_peak_that_sides_mixed_up_made_second():
    xyz, rig, peaks, score, swapped = film(frames=120, swaps=0.05, both=1.0)
    seen = views(peaks[..., 0, :])._replace(
        confidence=score[..., 0], candidates=peaks, candidate_score=score
    )
    done = filters.viterbi_2d(seen, step=5.0)
    truth = see(xyz, rig, noise=0)
    off, before = (
        np.linalg.norm(xy - truth, axis=-1)[swapped] for xy in (done.xy, peaks[..., 0, :])
    )
    assert np.nanmedian(off) < 4 < np.median(before)
    assert done.candidates is None and done.candidate_score is None
    kept = ~swapped & np.isfinite(done.xy).all(-1)
    assert np.array_equal(done.confidence[kept], score[kept, 0]) or kept.mean() > 0.8


def test_without_candidates_the_path_leaves_out_what_jumps():
    xyz, rig, peaks, score, _ = film(frames=40, swaps=0.0, both=0.0)
    xy = peaks[..., 0, :].copy()
    xy[20, 1, 2] += 300.0
    seen = views(xy)._replace(confidence=score[..., 0])
    done = filters.viterbi_2d(seen)
    lost = np.isnan(done.xy).any(-1)
    assert lost.sum() == 1 and lost[20, 1, 2]
    assert done.confidence[20, 1, 2] == 0
