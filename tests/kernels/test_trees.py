"""Our walk through trees gives scikit-learn's bits, and damaged trees are refused."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from gambol.kernels import trees


def problem(classes, seed=0, n=600):
    """Features, some of which are not known, and classes that depend on them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6)).astype(np.float32)
    y = np.digitize(x[:, 0] + x[:, 1] * x[:, 2], np.linspace(-0.7, 0.7, classes - 1))
    x[rng.random(x.shape) < 0.1] = np.nan
    return x, y


@pytest.mark.parametrize("classes", [2, 3, 11])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_probabilities_equal_scikit_learns_bit_for_bit(classes, kind):
    x, y = problem(classes)
    fitted = HistGradientBoostingClassifier(
        max_iter=12, max_leaf_nodes=6, class_weight="balanced", random_state=1
    ).fit(x, y)
    new = problem(classes, seed=5)[0].astype(kind)
    new[0], new[1] = np.nan, np.inf
    ours = trees.probability(trees.from_sklearn(fitted), new[2:])
    assert (ours == fitted.predict_proba(new[2:])).all()
    ours = trees.raw(trees.from_sklearn(fitted), new[:1])
    assert (ours.ravel() == fitted.decision_function(new[:1]).ravel()).all()


def test_values_at_a_threshold_go_left_as_they_did_in_training():
    x = np.repeat(np.arange(6.0), 20)[:, None]
    fitted = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=1).fit(x, x[:, 0] > 2)
    forest = trees.from_sklearn(fitted)
    at = forest.threshold[forest.feature >= 0][:, None]
    for ends in (at, np.nextafter(at, np.inf), np.nextafter(at, -np.inf)):
        ours = trees.probability(forest, ends)
        assert (ours == fitted.predict_proba(ends)).all()


def test_forests_laid_behind_each_other_come_back():
    x, y = problem(2)
    made = [
        trees.from_sklearn(HistGradientBoostingClassifier(max_iter=n).fit(x, y)) for n in (3, 5)
    ]
    made.insert(1, trees.constant(np.array([0.25])))
    back = trees.split(*trees.join(made), 1)
    for one, other in zip(made, back, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    assert trees.probability(back[1], x[:1])[0, 1] == pytest.approx(1 / (1 + np.exp(-0.25)))


@pytest.mark.parametrize(
    ("column", "value"), [("left", 0), ("right", 9999), ("feature", 6), ("feature", -2)]
)
def test_a_walk_that_would_leave_its_tree_or_never_end_is_noticed(column, value):
    x, y = problem(2)
    whole = trees.from_sklearn(HistGradientBoostingClassifier(max_iter=3).fit(x, y))
    assert trees.sound(whole, 6)
    bad = getattr(whole, column).copy()
    bad[whole.first[1]] = value
    assert not trees.sound(whole._replace(**{column: bad}), 6)
    assert not trees.sound(whole._replace(first=whole.first[:-1]), 6)
    assert not trees.sound(whole._replace(output=whole.output + 1), 6)


@pytest.mark.parametrize("classes", [2, 3])
def test_trees_of_bins_asked_of_values_give_the_same_bits(classes):
    x, y = problem(classes)
    x[:, 4] = 2.0  # a column that tells nothing
    x[:, 3] = np.round(x[:, 3])  # ties
    borders = trees.edges(x, np.ones(len(x)), 16)
    fitted = HistGradientBoostingClassifier(
        max_iter=12, max_leaf_nodes=6, class_weight="balanced", random_state=1
    ).fit(trees.binned(x, borders), y)
    new = np.vstack([problem(classes, seed=5)[0], borders, np.nextafter(borders, np.inf)])
    forest = trees.unbinned(trees.from_sklearn(fitted), borders)
    assert (
        trees.probability(forest, new) == fitted.predict_proba(trees.binned(new, borders))
    ).all()


def test_borders_share_known_values_out_evenly():
    x = problem(2)[0][:, :3]
    borders = trees.edges(x, np.ones(len(x)), 8)
    assert borders.shape == (7, 3) and (np.diff(borders, axis=0) > 0).all()
    for own in trees.binned(x, borders).T:
        known = own[~np.isnan(own)].astype(int)
        counts = np.bincount(known, minlength=8)
        assert len(counts) == 8 and np.ptp(counts) <= 1


def test_few_values_have_a_border_between_each_two():
    x = np.repeat(np.array([3.0, 5.0, 9.0], np.float32), 40)[:, None]
    assert set(trees.binned(x, trees.edges(x, np.ones(len(x)), 12))[:, 0].tolist()) == {
        0.0,
        4.0,
        8.0,
    }


def test_borders_share_weight_out_evenly_too():
    x, y = problem(2)
    times = np.where(y > 0, 3.0, 1.0)
    for own in trees.binned(x, trees.edges(x, times, 8)).T:
        known = ~np.isnan(own)
        held = np.bincount(own[known].astype(int), times[known], minlength=8)
        assert len(held) == 8 and np.ptp(held) <= 2 * 3.0
