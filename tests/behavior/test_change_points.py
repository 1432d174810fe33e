"""Change points: they are where movement changes, and their distances are those of bouts."""

import numpy as np

from gambol.behavior import change_points

FPS = 30.0


def walk(rng, bouts, frames):
    """Straight lines that turn at the beginning of each bout."""
    way = np.repeat(rng.standard_normal((bouts, 3)), frames, axis=0)
    return np.cumsum(way, axis=0)


def test_the_score_peaks_where_a_straight_line_turns_and_is_nothing_elsewhere():
    x = walk(np.random.default_rng(0), 8, 30)
    score = change_points.score(x, FPS)
    peaks = np.flatnonzero(score > 1e-6)
    away = np.abs(peaks[:, None] - (np.arange(30, 240, 30) - 1)).min(axis=1)
    assert (away < 3).all() and np.isnan(score[:3]).all() and np.isnan(score[-3:]).all()
    for turn in range(30, 240, 30):
        assert np.nanargmax(score[turn - 10 : turn + 10]) + turn - 10 == turn - 1
    assert abs(np.nanmean(score) - 1) < 1e-12


def test_the_autocorrelation_comes_back_after_one_bout():
    rng = np.random.default_rng(1)
    scores = [change_points.score(walk(rng, 40, 24), FPS) for _ in range(3)]
    told = change_points.scale(scores, FPS)
    assert told.autocorrelation[0] == 1.0 and told.half_s < 0.2
    late = told.autocorrelation.copy()
    late[:12] = -1.0
    assert abs(told.lag_s[late.argmax()] % 0.8) < 0.05 or told.lag_s[late.argmax()] == 1.6
    direct = np.corrcoef(scores[0][3:-27], scores[0][27:-3])[0, 1]
    assert abs(told.autocorrelation[24] - direct) < 0.2


def test_onsets_are_above_chance_where_labels_begin_at_changes():
    rng = np.random.default_rng(2)
    x = walk(rng, 40, 25)
    labels = np.repeat(np.arange(40) % 7, 25)
    begun = change_points.begun(labels)
    np.testing.assert_array_equal(begun, np.arange(25, 1000, 25))
    told = change_points.around([change_points.score(x, FPS)], [begun - 12], FPS)
    early = change_points.around([change_points.score(x, FPS)], [begun], FPS)
    middle = len(early.time_s) // 2
    assert early.time_s[middle] == 0.0 and early.onset[middle] > 3 * told.onset[middle]
    assert early.onset[middle - 1] > early.onset[middle - 8]


def test_short_and_empty_series_say_nothing():
    assert np.isnan(change_points.score(np.zeros((4, 2)), FPS)).all()
    told = change_points.scale([np.full(50, np.nan)], FPS)
    assert np.isnan(told.autocorrelation).all() and np.isnan(told.half_s)
