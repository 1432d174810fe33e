import numpy as np
import pytest

from gambol.behavior import map_groups
from gambol.behavior.regions import density
from gambol.core.errors import InputError

PEAKS = np.array([[-10.0, 0.0], [10.0, 0.0], [0.0, 12.0]])


def colony(seed, sizes=(6, 6), change=0.0, frames=1500):
    """Recordings of animals that differ in usage; `change` of it moves in the second group."""
    rng = np.random.default_rng(seed)
    paths, names, group = [], [], []
    for level, size in enumerate(sizes):
        for _ in range(size):
            share = rng.dirichlet(
                20 * np.array([0.5 - level * change, 0.3 + level * change, 0.2])
            )
            names.append(f"{len(names):02d}")
            group.append("ab"[level])
            # frames come in bouts, so they count for far less than their number
            home = rng.choice(3, frames // 30, p=share).repeat(30)
            paths.append(PEAKS[home] + rng.normal(0, 1.5, (frames, 2)))
    return paths, names, group


def test_the_density_of_an_animal_is_that_of_all_of_its_recordings():
    paths, names, _ = colony(0)
    pooled = density(np.concatenate(paths))
    parts = [part for path in paths for part in np.array_split(path, 3)]
    whole = map_groups.of_animals(paths, names, pooled)
    split = map_groups.of_animals(parts, np.repeat(names, 3).tolist(), pooled)
    assert np.array_equal(whole.values, split.values) and whole.names == tuple(names)
    assert np.isin(whole.axis, pooled.axis).all() and 0.0 in whole.axis
    alone = density(paths[4], sigma=pooled.sigma, reach=float(pooled.axis[-1]))
    thin = np.isin(pooled.axis, whole.axis)
    assert np.array_equal(whole.values[4], alone.values[np.ix_(thin, thin)])


def test_planted_differences_are_found_where_they_are():
    paths, names, group = colony(1, change=0.3)
    pooled = density(np.concatenate(paths))
    found = map_groups.difference(
        map_groups.of_animals(paths, names, pooled), group, ("a", "b")
    )
    assert found.exact and found.arrangements == 924 and found.smallest_p == 2 / 924
    step = found.axis[1] - found.axis[0]
    assert abs(found.difference.sum() * step**2) < 1e-3
    column, row = (np.abs(found.axis[:, None] - PEAKS.T[k]).argmin(axis=0) for k in (0, 1))
    assert (found.p[row, column][:2] < 0.02).all() and found.p[row, column][2] > 0.05
    assert found.statistic[row[0], column[0]] > 0 > found.statistic[row[1], column[1]]
    assert found.p.min() >= found.smallest_p
    assert (found.significant() == (np.abs(found.statistic) > found.limit)).mean() > 0.99


def test_p_is_the_share_of_arrangements_whose_largest_statistic_is_as_large():
    from itertools import combinations

    rng = np.random.default_rng(2)
    values = rng.gamma(2, 1, (7, 5, 5))
    found = map_groups.Animals(tuple("abcdefg"), values, np.linspace(-1, 1, 5))
    group = list("xyxyyxy")
    made = map_groups.difference(found, group, ("x", "y"), floor=0.0)
    sd = values.std(axis=0, ddof=1)
    scale = sd + np.median(sd)

    def statistic(rows):
        one = np.isin(np.arange(7), rows)
        return (values[one].mean(0) - values[~one].mean(0)) / scale / np.sqrt(1 / 3 + 1 / 4)

    seen = statistic([0, 2, 5])
    largest = np.array([np.abs(statistic(c)).max() for c in combinations(range(7), 3)])
    assert np.allclose(made.statistic, seen)
    slowly = (largest[:, None, None] >= np.abs(seen) - 1e-9).mean(axis=0)
    assert np.allclose(made.p, slowly) and made.arrangements == 35


def test_equal_groups_rarely_differ_anywhere():
    rng = np.random.default_rng(5)
    axis = np.linspace(-1, 1, 6)
    group = ["x"] * 5 + ["y"] * 7
    wrong = 0
    for _ in range(300):
        values = rng.gamma(1.5, 1, (12, 6, 6)) * rng.gamma(3, 1, (12, 1, 1))
        found = map_groups.Animals(tuple("abcdefghijkl"), values, axis)
        made = map_groups.difference(found, group, ("x", "y"), permutations=199)
        wrong += made.significant().any()
        assert made.p.min() > 0
    assert 4 <= wrong <= 30  # of 300 at 5 %: 15, and 4 sd


def test_groups_of_one_animal_are_refused():
    found = map_groups.Animals(tuple("abc"), np.ones((3, 2, 2)), np.array([0.0, 1.0]))
    with pytest.raises(InputError, match="group 'y' has 1 animal; there are x, y"):
        map_groups.difference(found, ["x", "x", "y"], ("x", "y"))
    with pytest.raises(InputError, match="3 animals but 2 groups"):
        map_groups.difference(found, ["x", "x"], ("x", "y"))
