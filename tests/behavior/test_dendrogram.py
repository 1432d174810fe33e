"""Trees of labels against distances worked out by hand, and cuts."""

import numpy as np
import pandas as pd
import pytest

from gambol.behavior import dendrogram
from gambol.behavior.trajectories import Trajectories
from gambol.core.errors import InputError
from gambol.core.sequences import pack


def shown(median, labels=None):
    count = len(median)
    labels = np.arange(count) if labels is None else np.array(labels)
    n = np.full(count, 50)
    lags = np.arange(median.shape[1]) / 20
    return Trajectories(labels, median, lags, n, n, pd.DataFrame(), "mm", np.full(count, 0.3))


def planted(rng):
    """Labels 4 and 9 move alike, 7 and 2 as well."""
    one, other = rng.normal(0, 5, (2, 6, 3, 2))
    near = [m + rng.normal(0, 0.1, m.shape) for m in (one, one, other, other)]
    return shown(np.array(near), [4, 9, 7, 2])


@pytest.mark.parametrize("metric", ["trajectory", "cosine"])
def test_labels_that_move_alike_join_first(metric):
    tree = dendrogram.by_trajectories(planted(np.random.default_rng(0)), metric)
    assert tree.groups(float(tree.linkage[1, 2]) * 1.01) == [[4, 9], [7, 2]]
    assert tree.groups(0.0) == []
    assert sorted(tree.groups(1e9)[0]) == [2, 4, 7, 9]
    place = {k: i for i, k in enumerate(tree.order.tolist())}
    assert abs(place[4] - place[9]) == abs(place[7] - place[2]) == 1


def test_distance_is_the_root_mean_square_of_keypoints_in_their_unit():
    median = np.zeros((3, 5, 2, 2))
    median[1, :, :, 0] = 3.0
    median[1, :, :, 1] = 4.0  # every keypoint 5 mm away all the time
    median[2, 0, 0, 0] = 10.0  # one of ten, once: sqrt(100 / 10)
    tree = dendrogram.by_trajectories(shown(median))
    assert tree.distance[0, 1] == pytest.approx(5.0)
    assert tree.distance[0, 2] == pytest.approx(np.sqrt(10.0))
    assert tree.unit == "mm"
    assert tree.alike == pytest.approx(0.6)  # twice what halves differ by


def test_cosine_forgets_how_large_a_movement_is():
    rng = np.random.default_rng(2)
    way = rng.normal(0, 1, (6, 3, 2))
    median = np.array([way, 3 * way, -way, -3 * way])
    tree = dendrogram.by_trajectories(shown(median), "cosine")
    wanted = np.array([[0, 0, 2, 2], [0, 0, 2, 2], [2, 2, 0, 0], [2, 2, 0, 0]])
    assert np.allclose(tree.distance, wanted, atol=1e-12)


def test_keypoints_that_a_label_lacks_do_not_set_it_apart():
    found = planted(np.random.default_rng(1))
    median = found.median.copy()
    median[:, :, 2] = np.nan
    tree = dendrogram.by_trajectories(found._replace(median=median))
    assert np.isfinite(tree.distance).all()
    assert tree.groups(float(tree.linkage[1, 2]) * 1.01) == [[4, 9], [7, 2]]


def test_total_variation_is_half_the_difference_of_what_follows():
    labels = np.repeat([0, 2, 1, 2, 0, 3, 1, 2, 0, 2], 3)
    tree = dendrogram.by_transitions(pack([labels], ["a"], 25.0), [0, 1])
    # after 0: 2, 3, 2; after 1: 2, 2
    assert tree.distance[0, 1] == pytest.approx(1 / 3)
    with pytest.raises(InputError, match="label 4 is never followed"):
        dendrogram.by_transitions(pack([labels], ["a"], 25.0, 5), [0, 4])


def test_one_label_makes_no_tree():
    with pytest.raises(InputError, match="a tree needs two"):
        dendrogram.by_trajectories(shown(np.zeros((1, 5, 2, 2))))
