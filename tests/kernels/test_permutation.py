import numpy as np
import pytest
from scipy import stats

from gambol.kernels import permutation


def everyone(m):
    return np.zeros(m, int)


def test_all_arrangements_are_distinct_and_as_many_as_the_multinomial():
    labels, blocks = np.array([0, 1, 1, 2, 0, 1]), np.array([0, 0, 0, 1, 1, 1])
    found = permutation.arrangements(labels, blocks, 100, np.random.default_rng(0))
    assert found.exact
    assert len(np.unique(found.labels, axis=0)) == len(found.labels) == 3 * 6
    for row in found.labels:
        for block in (0, 1):
            assert sorted(row[blocks == block]) == sorted(labels[blocks == block])


def test_random_arrangements_stay_in_their_blocks_and_are_uniform():
    labels = np.array([0, 1, 2, 0, 1, 1, 0, 0])
    blocks = np.array([0, 1, 0, 1, 0, 1, 0, 1])
    found = permutation.arrangements(labels, blocks, 10, np.random.default_rng(0))
    assert not found.exact
    for row in found.labels:
        for block in (0, 1):
            assert sorted(row[blocks == block]) == sorted(labels[blocks == block])
    many = permutation.arrangements(
        np.arange(10), everyone(10), 20_000, np.random.default_rng(1)
    )
    assert np.abs(many.labels.mean(axis=0) - 4.5).max() < 0.1


def test_h_is_scipys_with_ties_and_missing_values():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [4, 6, 9])
    values = rng.integers(5, size=(19, 8)).astype(float)
    values[rng.random(values.shape) < 0.1] = np.nan
    seen = permutation.kruskal(permutation.ranked(values), labels[None], 3)[0]
    for s in range(8):
        parts = [values[(labels == g) & ~np.isnan(values[:, s]), s] for g in range(3)]
        assert seen[s] == pytest.approx(stats.kruskal(*parts).statistic)


def test_a_measure_without_variance_has_no_statistic_and_no_p():
    seen = permutation.kruskal(permutation.ranked(np.ones((4, 1))), np.array([[0, 0, 1, 1]]), 2)
    assert np.isnan(seen).all()
    assert np.isnan(permutation.p_values(seen[0], seen, exact=True)).all()


def test_z_is_dunns_by_its_formula():
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], [4, 6, 5])
    values = rng.integers(6, size=(15, 3)).astype(float)
    m = len(labels)
    seen = permutation.dunn(permutation.ranked(values), labels[None], 0, 2)[0]
    for s in range(3):
        rank = stats.rankdata(values[:, s])
        ties = np.unique(values[:, s], return_counts=True)[1]
        variance = m * (m + 1) / 12 - (ties**3 - ties).sum() / (12 * (m - 1))
        away = rank[labels == 0].mean() - rank[labels == 2].mean()
        assert seen[s] == pytest.approx(away / np.sqrt(variance * (1 / 4 + 1 / 5)))


def test_p_is_never_0_and_exact_where_all_arrangements_are_known():
    values = np.array([[1.0], [2], [3], [10], [11], [12]])
    labels = np.array([0, 0, 0, 1, 1, 1])
    scores = permutation.ranked(values)
    seen = permutation.kruskal(scores, labels[None], 2)[0]
    for most, p in ((20, 2 / 20), (19, None)):
        drawn = permutation.arrangements(labels, everyone(6), most, np.random.default_rng(0))
        found = permutation.p_values(
            seen, permutation.kruskal(scores, drawn.labels, 2), drawn.exact
        )
        assert found[0] == p if p else found[0] >= 1 / 20


def test_false_discovery_rate_is_scipys():
    p = np.random.default_rng(0).random(30) ** 3
    np.testing.assert_allclose(
        permutation.benjamini_hochberg(p), stats.false_discovery_control(p)
    )
    assert np.isnan(permutation.benjamini_hochberg(np.array([np.nan, 0.1]))[0])


def test_hazards_and_log_rank_of_a_hand_example():
    # two groups of one animal each: 1, 3, 3+ and 2, 4 (+ censored)
    duration = np.array([1.0, 3, 3, 2, 4])
    ended = np.array([True, True, False, True, True])
    hazard = permutation.hazards(duration, ended)
    steps = np.array([1 / 5, 1 / 4, 1 / 3, 1 / 1]).cumsum()
    np.testing.assert_allclose(hazard, [steps[0], steps[2], steps[2], steps[1], steps[3]])
    assert hazard.sum() == pytest.approx(ended.sum())
    seen = np.array([[2.0], [2.0]])
    expected = np.array([[hazard[:3].sum()], [hazard[3:].sum()]])
    away = permutation.ratio_of_sums(seen, expected, np.array([[0, 1]]), 2)[0, 0]
    assert away == pytest.approx(((seen - expected) ** 2 / expected).sum())


def test_interaction_is_the_f_of_a_two_way_table():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(7, 3, 1))
    group = np.array([0, 0, 0, 1, 1, 1, 1])
    left = (
        values - values.mean(1, keepdims=True) - values.mean(0, keepdims=True) + values.mean()
    )
    still = np.broadcast_to(np.arange(3), (1, 7, 3))
    found = permutation.interaction(left, group[None], still, 2)[0, 0]
    # by least squares: residuals with and without group by condition
    rows = [(a, c) for a in range(7) for c in range(3)]
    y = np.array([values[a, c, 0] for a, c in rows])
    plain = np.array([[a == i for i in range(7)] + [c == k for k in (1, 2)] for a, c in rows])
    more = np.array([[(c == k) * group[a] for k in (1, 2)] for a, c in rows])
    rss = []
    for design in (plain, np.hstack([plain, more])):
        fit = np.linalg.lstsq(design.astype(float), y, rcond=None)[0]
        rss.append(((y - design @ fit) ** 2).sum())
    assert found == pytest.approx(((rss[0] - rss[1]) / 2) / (rss[1] / (5 * 2)))
