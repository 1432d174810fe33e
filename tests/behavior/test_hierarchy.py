from itertools import product

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, leaves_list

from gambol.behavior import hierarchy as tree_of
from gambol.core.errors import InputError


def nested(rng=None):
    """Usage and transitions of 12 regions in 6 pairs in 2 halves that follow each other."""
    group = np.arange(12)
    rows = 0.02 + 0.3 * (group[:, None] // 6 == group // 6)
    rows += 1.2 * (group[:, None] // 2 == group // 2)
    usage = np.ones(12)
    if rng is not None:
        usage = rng.uniform(0.6, 1.4, 12)
        rows *= usage * rng.uniform(0.95, 1.05, rows.shape)
    return usage / usage.sum(), rows / rows.sum(axis=1, keepdims=True)


def same(one, other):
    """Whether two labellings make the same groups."""
    return len({*zip(one, other, strict=True)}) == len({*one}) == len({*other})


def cost(usage, rows, label, beta):
    """H(Z) - β I(Z; Y) from the joint distribution."""
    joint = np.zeros((max(label) + 1, rows.shape[1]))
    for s, z in enumerate(label):
        joint[z] += usage[s] * rows[s]
    mass, after = joint.sum(axis=1), joint.sum(axis=0)
    expected = np.outer(mass, after)
    seen = joint > 0
    information = (joint[seen] * np.log(joint[seen] / expected[seen])).sum()
    used = mass[mass > 0]
    return -(used * np.log(used)).sum() - beta * information


@pytest.mark.parametrize("beta", [1.5, 4.0, 12.0])
def test_the_best_of_all_groupings_is_found(beta):
    rng = np.random.default_rng(3)
    rows = rng.dirichlet(np.full(5, 0.4), 5)
    usage = rng.dirichlet(np.full(5, 5.0))
    every = min(cost(usage, rows, label, beta) for label in product(range(5), repeat=5))
    found = tree_of.bottleneck(usage, rows, beta)
    assert cost(usage, rows, found.label.tolist(), beta) == pytest.approx(every, abs=1e-9)
    assert found.entropy - beta * found.information == pytest.approx(every, abs=1e-9)


def test_planted_halves_and_pairs_are_levels_of_the_tree():
    usage, rows = nested(np.random.default_rng(0))
    found = tree_of.hierarchy(usage, rows)
    by_size = {int(level.label.max()) + 1: level for level in found.levels}
    assert same(by_size[2].label, np.arange(12) // 6)
    assert same(by_size[6].label, np.arange(12) // 2)
    assert found.nested > 0.95
    told = [level.information for level in found.levels]
    assert told == sorted(told) and told[0] == 0 and told[-1] <= found.whole + 1e-12


def test_leaves_stand_beside_their_siblings():
    usage, rows = nested(np.random.default_rng(1))
    order = tree_of.hierarchy(usage, rows).order
    assert sorted(order) == list(range(12))
    for size in (6, 2):
        assert (np.diff(order // size) != 0).sum() == 12 // size - 1


def test_parents_hold_the_share_that_is_said():
    usage, rows = nested(np.random.default_rng(2))
    found = tree_of.hierarchy(usage, rows, np.array([1.2, 3.0, 8.0, 40.0, 200.0]))
    for coarse, fine, parent, share in zip(
        found.levels[:-1], found.levels[1:], found.parent, found.overlap, strict=True
    ):
        for z, (above, part) in enumerate(zip(parent, share, strict=True)):
            own = fine.label == z
            inside = usage[own & (coarse.label == above)].sum()
            assert part == pytest.approx(inside / usage[own].sum())


def test_more_is_told_the_more_a_nat_is_worth():
    usage, rows = nested(np.random.default_rng(4))
    sweep = tree_of.hierarchy(usage, rows).sweep
    assert np.diff([found.information for found in sweep]).min() > -1e-9
    assert np.diff([found.entropy for found in sweep]).min() > -1e-9


def test_regions_that_nothing_follows_are_followed_by_what_is_usual():
    usage, rows = nested()
    rows[3] = np.nan
    assert np.isfinite(tree_of.hierarchy(usage, rows, np.array([5.0])).whole)


def test_regions_that_are_not_used_have_no_group_and_no_leaf():
    usage, rows = nested(np.random.default_rng(7))
    padded = np.insert(usage, 4, 0.0)
    wider = np.insert(np.insert(rows, 4, 0.0, axis=1), 4, np.nan, axis=0)
    betas = np.array([2.0, 8.0, 40.0])
    here, there = (
        tree_of.hierarchy(*world, betas) for world in ((usage, rows), (padded, wider))
    )
    for one, other in zip(here.levels, there.levels, strict=True):
        assert other.label[4] == -1 and (np.delete(other.label, 4) == one.label).all()
    assert sorted(there.order) == [k for k in range(13) if k != 4]


def test_names_of_regions_do_not_matter():
    usage, rows = nested(np.random.default_rng(5))
    mix = np.random.default_rng(6).permutation(12)
    here = tree_of.hierarchy(usage, rows)
    there = tree_of.hierarchy(usage[mix], rows[np.ix_(mix, mix)])
    for level in here.levels:
        if level.label.max() + 1 in (2, 6):
            alike = [x for x in there.levels if x.label.max() == level.label.max()]
            assert same(level.label[mix], alike[0].label)


def test_ward_joins_what_looks_alike_however_loud_it_is():
    rng = np.random.default_rng(0)
    looks = rng.gamma(0.5, 1.0, (3, 4, 8))
    loud = rng.uniform(0.2, 30, (9, 1, 1))
    mean = loud * (looks[np.arange(9) % 3] + rng.uniform(0, 0.02, (9, 4, 8)))
    made = tree_of.ward(mean)
    assert same(fcluster(made, 3, "maxclust"), np.arange(9) % 3)
    assert sorted(leaves_list(made)) == list(range(9))
    mean[2] = np.nan
    with pytest.raises(InputError, match="8 of 9 regions"):
        tree_of.ward(mean)


def test_no_start_is_refused():
    with pytest.raises(InputError, match="starts is 0"):
        tree_of.bottleneck(*nested(), 2.0, starts=0)
