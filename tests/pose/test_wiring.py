"""The learned graph: pairs worth a field, how well they tell, and which of them are kept."""

import itertools

import numpy as np
import pytest
from crowds import BODY, EDGES, LENGTH, J, animals, bottom_up, coded

from gambol.pose import dataset, find, group, wiring
from gambol.pose.wiring import DEGREE

SIZE = (250, 200)
SAME = tuple(range(12))


def many(n=40, keypoints=12, seed=0):
    """Animals of twelve keypoints in a row, 10 px apart."""
    rng = np.random.default_rng(seed)
    row = np.stack([10.0 * np.arange(keypoints), np.zeros(keypoints)], -1)
    return row + rng.normal(0, 0.1, (n, keypoints, 2))


def degrees(edges):
    return np.bincount(np.ravel(edges))


def test_pairs_that_are_near_and_seen_together_get_a_field_first():
    chain = list(itertools.pairwise(range(12)))
    more = wiring.more_edges(chain, many(), SAME)
    assert {abs(a - b) for a, b in more[:10]} == {2} and {abs(a - b) for a, b in more[10:]} == {
        3
    }
    assert len(more) == 12
    assert not {frozenset(e) for e in chain} & {frozenset(e) for e in more}
    rare = many()
    rare[1:, 3] = np.nan  # seen once
    assert 3 not in np.ravel(wiring.more_edges(chain, rare, SAME))
    star = [(0, j) for j in range(1, 12)]  # has too many edges already
    more = wiring.more_edges(star, many(), SAME)
    assert len(more) == 12 and 0 not in np.ravel(more) and degrees(more).max() < DEGREE


def test_a_pair_comes_with_its_mirror_image():
    partner = (0, 2, 1, 4, 3, 5)
    xy = many(keypoints=6)
    xy[:, 1] += 3.0  # so that one side is nearer
    edges = {frozenset(e) for e in wiring.more_edges([(0, 1), (0, 2)], xy, partner)}
    turned = {frozenset(partner[j] for j in e) for e in edges}
    assert edges == turned and len(edges) == 6


def test_where_all_pairs_have_fields_none_are_added():
    full = list(itertools.combinations(range(5), 2))
    assert wiring.more_edges(full, many(keypoints=5), SAME[:5]) == []


def test_an_edge_whose_field_points_the_right_way_tells_and_one_that_lies_does_not():
    # four in a crowd, so that length alone tells little
    middles = np.array([[100.0, 90.0], [112.0, 100.0], [97.0, 108.0], [115.0, 120.0]])
    xy = animals(middles, [0.3, 2.0, -1.1, 3.0])
    finder = bottom_up(xy)
    answer = finder.engine

    def lying(frames):
        maps, fields = answer(frames)
        fields[:, 2:4] *= -1
        return maps, fields

    states = np.full((1, 4, J), 2, np.uint8)
    val = dataset.make_frames([coded(SIZE)], xy[None], states, 1.0)
    tells = wiring.telling(finder._replace(engine=lying), val, LENGTH)
    honest = wiring.telling(finder, val, LENGTH)
    assert (honest > 0.8).all() and tells[1] < 0.2
    np.testing.assert_array_equal(np.delete(tells, 1), np.delete(honest, 1))


def test_an_edge_that_was_never_judged_is_worth_a_coin():
    xy = animals(np.array([[60.0, 50.0]]), [0.3])  # nobody else, so no pair is wrong
    val = dataset.make_frames([coded(SIZE)], xy[None], np.full((1, 1, J), 2, np.uint8), 1.0)
    assert wiring.telling(bottom_up(xy), val, LENGTH).tolist() == [0.5] * len(EDGES)


def links_of(edges):
    number = np.arange(float(len(edges)))
    return group.Links(np.array(edges), number, number, number)


@pytest.mark.parametrize("seed", range(4))
def test_the_tree_that_tells_most_by_enumeration_is_kept(seed):
    edges = list(itertools.combinations(range(5), 2))
    area = np.random.default_rng(seed).random(len(edges))

    def spans(some):
        group = list(range(5))
        for k in some:
            a, b = (group[j] for j in edges[k])
            group = [b if g == a else g for g in group]
        return len(set(group)) == 1

    trees = [t for t in itertools.combinations(range(len(edges)), 4) if spans(t)]
    best = max(trees, key=lambda t: area[list(t)].sum())
    kept = wiring.choose(links_of(edges), area, 0)
    assert kept.longest.tolist() == list(best)  # the links of these edges, in their order
    more = wiring.choose(links_of(edges), area, 2)
    rest = sorted(set(range(len(edges))) - set(best), key=lambda k: -area[k])
    assert more.longest.tolist() == sorted([*best, *rest[:2]])


def test_no_keypoint_gets_more_edges_than_six():
    edges = list(itertools.combinations(range(12), 2))
    kept = wiring.choose(links_of(edges), np.random.default_rng(0).random(len(edges)), 99)
    assert degrees(kept.edges).max() == DEGREE and len(kept.edges) > 30


def test_fields_that_are_not_linked_are_not_read():
    xy = animals(np.array([[60.3, 50.8], [180.9, 60.1]]), [0.3, 2.0])
    drawn = ((0, 2), *EDGES, (3, 4))
    finder = bottom_up(xy, edges=drawn)
    some = group.default_links(list(EDGES), BODY[None])
    found, (fields,) = find.candidates(finder._replace(links=some), coded(SIZE))
    _, (same,) = find.candidates(bottom_up(xy), coded(SIZE))
    np.testing.assert_array_equal(fields, same)
    assert find.find(finder._replace(links=some), coded(SIZE)).xy.shape == (2, J, 2)
