"""Grouping: scenes with fields drawn by definition, whose answer is known."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.pose import group
from gambol.pose.group import Candidates

BODY = np.array([[0.0, 0.0], [20.0, 0.0], [40.0, 0.0], [20.0, 14.0], [20.0, -14.0]])
TREE = [(0, 1), (1, 2), (1, 3), (1, 4)]
LONG = [*TREE, (0, 2)]
STRIDE = 4
SIZE = (400, 320)


def animals(n, rng, size=SIZE):
    """N bodies, turned at random, anywhere."""
    angle = rng.uniform(0, 2 * np.pi, n)
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], -1)
    middle = rng.uniform(50, np.array(size) - 50, (n, 1, 2))
    return np.einsum("nab,jb->nja", turn.reshape(n, 2, 2), BODY - [20, 0]) + middle


def draw(xy, edges, size=SIZE, sigma=8.0):
    """Fields by their definition: Σ w u / max(1, Σ w) in every cell."""
    x = np.arange(size[0] // STRIDE) * STRIDE + (STRIDE - 1) / 2
    y = np.arange(size[1] // STRIDE) * STRIDE + (STRIDE - 1) / 2
    cells = np.stack(np.meshgrid(x, y), -1)
    out = []
    for s, d in edges:
        total, weight = np.zeros(cells.shape), np.zeros(cells.shape[:2])
        for points in xy:
            a, b = points[s], points[d]
            if not np.isfinite([a, b]).all():
                continue
            along = b - a
            t = np.clip(((cells - a) @ along) / (along @ along), 0, 1)
            far = np.linalg.norm(cells - a - t[..., None] * along, axis=-1)
            w = np.exp(-(far**2) / (2 * sigma**2))
            total += w[..., None] * along / np.linalg.norm(along)
            weight += w
        field = total / np.maximum(weight, 1)[..., None]
        out += [field[..., 0], field[..., 1]]
    return np.stack(out)


def peaks(xy, rng=None):
    """Every finite keypoint of every animal, in any order; and whose it is."""
    who, keypoint = np.nonzero(np.isfinite(xy).all(-1))
    if rng is not None:
        order = rng.permutation(len(who))
        who, keypoint = who[order], keypoint[order]
    place = xy[who, keypoint]
    n = len(who)
    return Candidates(place, keypoint, np.ones(n), np.tile(np.eye(2), (n, 1, 1))), who


def grouped(found, fields, edges, xy):
    links = group.default_links(edges, xy)
    return group.group(found, fields, links, STRIDE)


def owners(groups, who):
    """The animals that each group holds, as a set of (animal, size)."""
    sets = [(set(who[m[m >= 0]].tolist()), int((m >= 0).sum())) for m in groups.member]
    return sorted((tuple(sorted(a)), size) for a, size in sets)


@pytest.mark.parametrize("n", [1, 2, 5, 20])
def test_animals_of_perfect_fields_come_back_whole(n):
    rng = np.random.default_rng(n)
    size = (1200, 900)
    xy = animals(n, rng, size)
    found, who = peaks(xy, rng)
    groups = grouped(found, draw(xy, TREE, size), TREE, xy)
    assert owners(groups, who) == [((i,), 5) for i in range(n)]


@pytest.mark.parametrize("shift", [12.0, 16.0, 24.0])
def test_two_animals_that_nearly_cover_each_other_stay_apart(shift):
    # crossing at a right angle, middles 17 to 34 px apart; nearer ones, whose fields cancel
    # each other, are not always told apart: per edge 5 in 100 are not
    body = 3 * (BODY - [20, 0])  # 120 px long, as the fields of 8 px are made for
    other = body @ np.array([[0, 1], [-1, 0]]) + shift
    xy = np.stack([body, other]) + 160
    found, who = peaks(xy)
    groups = grouped(found, draw(xy, TREE), TREE, xy)
    assert owners(groups, who) == [((0,), 5), ((1,), 5)]


def test_a_forced_assignment_would_lose_the_best_pair():
    # trap 4: S = [[.9, .3], [.5, -1]] keeps the .9 alone
    pairs = group.Pairs(
        np.zeros(4, int),
        np.array([0, 0, 1, 1]),
        np.array([2, 3, 2, 3]),
        np.array([0.9, 0.3, 0.5, -1]),
    )
    kept = group._match(pairs, 1)
    assert pairs.score[kept].tolist() == [0.9]


def test_a_long_edge_holds_an_animal_together_whose_middle_is_hidden():
    xy = animals(2, np.random.default_rng(3))
    fields = draw(xy, LONG)
    xy[:, 1] = np.nan
    xy[:, 3:] = np.nan
    found, who = peaks(xy)
    whole = animals(50, np.random.default_rng(0))
    assert owners(grouped(found, fields[:8], TREE, whole), who) == [
        ((0,), 1), ((0,), 1), ((1,), 1), ((1,), 1),
    ]  # fmt: skip
    assert owners(grouped(found, fields, LONG, whole), who) == [((0,), 2), ((1,), 2)]


def test_no_peaks_and_one_peak():
    xy = np.full((1, 5, 2), np.nan)
    fields = draw(xy, TREE)
    whole = animals(5, np.random.default_rng(0))
    found, _ = peaks(xy)
    assert grouped(found, fields, TREE, whole).member.shape == (0, 5)
    xy[0, 2] = 50
    found, _ = peaks(xy)
    assert grouped(found, fields, TREE, whole).member.tolist() == [[-1, -1, 0, -1, -1]]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_whatever_the_fields_say_no_peak_is_used_twice_and_order_changes_nothing(seed, n):
    rng = np.random.default_rng(seed)
    xy = animals(n, rng)
    xy[rng.random(xy.shape[:2]) < 0.2] = np.nan
    fields = draw(xy, LONG) + rng.normal(0, 0.3, (10, SIZE[1] // STRIDE, SIZE[0] // STRIDE))
    found, _ = peaks(xy)
    links = group.default_links(LONG, animals(50, np.random.default_rng(0)))
    groups = group.group(found, fields, links, STRIDE)
    used = groups.member[groups.member >= 0]
    assert sorted(used.tolist()) == list(range(len(found.xy)))  # each exactly once
    for k in range(5):
        own = groups.member[:, k][groups.member[:, k] >= 0]
        assert (found.keypoint[own] == k).all()
    order, turn = rng.permutation(len(found.xy)), rng.permutation(5)
    shuffled = Candidates(*(part[order] for part in found))
    pairs = np.stack([2 * turn, 2 * turn + 1], -1).ravel()
    again = group.group(
        shuffled, fields[pairs], group.Links(*(part[turn] for part in links)), STRIDE
    )
    back = np.append(order, -1)[again.member]
    assert {tuple(m) for m in back.tolist()} == {tuple(m) for m in groups.member.tolist()}


def test_two_hundred_animals_are_grouped_in_bounded_time():
    # a tile with one animal, repeated 20 by 10 times
    tile, at = 80, np.stack(np.meshgrid(np.arange(20), np.arange(10)), -1).reshape(-1, 1, 2)
    one = BODY + [20.0, 40.0]
    fields = np.tile(draw(one[None], TREE, (tile, tile)), (1, 10, 20))
    xy = one + tile * at
    found, who = peaks(xy, np.random.default_rng(0))
    grouped(found, fields, TREE, xy)  # compiles
    start = time.process_time()
    groups = grouped(found, fields, TREE, xy)
    assert time.process_time() - start < 2.0
    assert owners(groups, who) == [((i,), 5) for i in range(200)]
    assert (groups.link > 0.9).all()


@pytest.mark.parametrize("edge", [1, 2, 3])
def test_what_no_field_joins_stays_alone_and_the_rest_together(edge):
    # the field of one edge is gone
    xy = animals(2, np.random.default_rng(1))
    fields = draw(xy, TREE)
    fields[2 * edge : 2 * edge + 2] = 0
    found, who = peaks(xy)
    assert owners(grouped(found, fields, TREE, xy), who) == [
        ((0,), 1), ((0,), 4), ((1,), 1), ((1,), 4),
    ]  # fmt: skip


def test_points_on_one_another_make_no_link():
    # trap 6: 0/0 in the unit vector
    found = Candidates(
        np.full((2, 2), 40.0), np.array([0, 1]), np.ones(2), np.tile(np.eye(2), (2, 1, 1))
    )
    pairs = group.score_pairs(
        found, np.ones((8, 80, 100)), group.default_links(TREE, BODY[None]), STRIDE
    )
    assert pairs.score.tolist() == [0.0]


def test_the_longest_link_is_measured_on_its_own_edge():
    # trap 5: not a share of the image
    links = group.default_links(TREE, animals(50, np.random.default_rng(0)))
    np.testing.assert_allclose(links.longest, 1.5 * np.array([20, 20, 14, 14]), rtol=1e-6)


def test_a_short_line_is_read_between_cells():
    # trap 7: nearest cells would give one value for both directions
    field = np.zeros((2, 20, 20), np.float32)
    field[0] = np.arange(20)[None] / 20
    at = np.array([[41.5, 41.5]])
    right = group._line_scores(at, at + [[2.0, 0]], field, 4.0, 1e9)[0, 0]
    left = group._line_scores(at - [[2.0, 0]], at, field, 4.0, 1e9)[0, 0]
    assert right == pytest.approx((42.5 - 1.5) / 4 / 20) and right > left


@pytest.mark.parametrize(
    "edges, grouping, words",
    [
        (
            TREE[:3],
            "tree",
            "2 parts .*add a-e to the skeleton or, with all others, to many.edges",
        ),
        (LONG, "tree", "no tree: a-c close cycles"),
    ],
)
def test_graphs_that_cannot_group_are_refused(edges, grouping, words):
    skeleton = Skeleton(("a", "b", "c", "d", "e"))
    with pytest.raises(InputError, match=words):
        group.check_graph(skeleton, edges, grouping)
    group.check_graph(skeleton, LONG, "graph")


def test_parts_are_to_be_joined_where_keypoints_are_seen_together():
    # trap 3: a, b | c, d | e; c is mostly seen with b, and e with d
    skeleton = Skeleton(("a", "b", "c", "d", "e"))
    seen = np.array([[0, 1, 1, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 1], [1, 0, 0, 0, 0]], bool)
    with pytest.raises(InputError, match=r"3 parts \(a, b; c, d; e\).*add b-c, d-e to"):
        group.check_graph(skeleton, [(0, 1), (2, 3)], "graph", seen)


def test_links_are_judged_by_who_owns_their_ends():
    xy = animals(2, np.random.default_rng(5))
    found, who = peaks(xy)
    pairs = group.score_pairs(found, draw(xy, TREE), group.default_links(TREE, xy), STRIDE)
    linked, known = group.true_links(pairs, found, xy, 3.0)
    assert known.all() and (linked == (who[pairs.source] == who[pairs.target])).all()
    _, known = group.true_links(pairs, found._replace(xy=found.xy + 30), xy, 3.0)
    assert not known.any()
