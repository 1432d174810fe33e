"""Grouping: scenes with fields drawn by definition, whose answer is known."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gambol.pose import group, relabel
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
    kept = group._match(pairs, 4)
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
    at, step = np.array([41.5, 41.5]), np.array([2.0, 0.0])
    right = group._line_score(at, at + step, field, 4, 1e9)
    left = group._line_score(at - step, at, field, 4, 1e9)
    assert right == pytest.approx((42.5 - 1.5) / 4 / 20) and right > left


FULL = [(a, b) for a in range(4) for b in range(a + 1, 4)]


def scored(scores, n):
    """Two or more animals of four keypoints, peaks one animal after the other, and all pairs.

    `scores` says what the pairs of each edge score, source by target: (E, n, n).
    """
    peak = np.arange(4 * n).reshape(n, 4)
    parts = []
    for e, (s, d) in enumerate(FULL):
        a, b = np.meshgrid(peak[:, s], peak[:, d], indexing="ij")
        parts.append((np.full(a.size, e), a.ravel(), b.ravel(), scores[e].ravel()))
    pairs = group.Pairs(*(np.concatenate(part) for part in zip(*parts, strict=True)))
    place = np.random.default_rng(0).uniform(0, 100, (4 * n, 2))
    some = np.tile(np.eye(2), (4 * n, 1, 1))
    return Candidates(place, np.tile(np.arange(4), n), np.ones(4 * n), some), pairs


def group_scored(monkeypatch, found, pairs, most=40):
    monkeypatch.setattr(group, "score_pairs", lambda *_: pairs)
    monkeypatch.setattr(group, "MOST", most)
    one = np.ones(len(FULL))
    links = group.Links(np.array(FULL), one, 12 * one, 0 * one)
    groups = group.group(found, np.zeros((12, 2, 2)), links, STRIDE)
    label = np.empty(len(found.xy), int)
    for i, member in enumerate(groups.member):
        label[member[member >= 0]] = i
    return groups, label


def log_odds_together(pairs, label):
    """Sum over all pairs that ended in one group, by the definition."""
    return sum(
        12 * (s - 0.25)
        for a, b, s in zip(pairs.source, pairs.target, pairs.score, strict=True)
        if label[a] == label[b]
    )


def best_of_two(found, pairs):
    """The best grouping of two animals' peaks: every peak in one of two groups, or in more."""
    n, best = len(found.xy), -np.inf

    def extend(label, p):
        nonlocal best
        if p == n:
            best = max(best, log_odds_together(pairs, label))
            return
        for g in range(max(label[:p], default=-1) + 2):
            clash = [q for q in range(p) if label[q] == g]
            if all(found.keypoint[q] != found.keypoint[p] for q in clash):
                extend([*label[:p], g], p + 1)

    extend([], 0)
    return best


def test_links_that_contradict_one_another_are_parted_as_a_whole(monkeypatch):
    # the surest link, of the first's 1 with the second's 2, is wrong and must not decide alone
    scores = np.full((6, 2, 2), -0.1)
    scores[:, [0, 1], [0, 1]] = 0.6
    scores[FULL.index((1, 2))] = [[0.5, 0.95], [-0.1, 0.3]]
    scores[FULL.index((0, 2))] = [[0.6, 0.3], [-0.1, 0.35]]
    found, pairs = scored(scores, 2)
    greedy, before = group_scored(monkeypatch, found, pairs, most=0)
    exact, after = group_scored(monkeypatch, found, pairs)
    assert (exact.member == [[0, 1, 2, 3], [4, 5, 6, 7]]).all() and exact.gap == 0
    assert [0, 1, 6, 3] in greedy.member.tolist()
    missed = log_odds_together(pairs, after) - log_odds_together(pairs, before)
    assert 0 < missed <= greedy.gap + 1e-9


@pytest.mark.parametrize("seed", range(12))
def test_what_conflicts_is_grouped_as_by_enumeration(monkeypatch, seed):
    rng = np.random.default_rng(seed)
    # no pair speaks against, so that what conflicts is all one cluster
    found, pairs = scored(rng.uniform(0.26, 0.9, (6, 2, 2)), 2)
    greedy, before = group_scored(monkeypatch, found, pairs, most=0)
    exact, label = group_scored(monkeypatch, found, pairs)
    best = best_of_two(found, pairs)
    assert exact.gap == 0
    own = log_odds_together(pairs, label)
    assert own == pytest.approx(best, abs=1e-6)
    assert best - log_odds_together(pairs, before) <= greedy.gap + 1e-6


def test_a_cluster_that_is_too_large_stays_as_it_is_and_says_so(monkeypatch, caplog):
    found, pairs = scored(np.random.default_rng(0).uniform(-0.1, 0.9, (6, 12, 12)), 12)
    with caplog.at_level("INFO"):
        groups, _ = group_scored(monkeypatch, found, pairs)
    assert groups.gap > 0 and "48 peaks are grouped up to" in caplog.text


def test_all_pairs_between_two_groups_speak_not_only_those_that_were_matched(monkeypatch):
    # 0-1 and 2-3 are sure; of what joins the two, one link is for it and three against it
    scores = np.full((6, 1, 1), -0.1)
    scores[FULL.index((0, 1))] = scores[FULL.index((2, 3))] = 0.9
    scores[FULL.index((1, 2))] = 0.8
    groups, _ = group_scored(monkeypatch, *scored(scores, 1))
    assert sorted(groups.member.tolist()) == [[-1, -1, 2, 3], [0, 1, -1, -1]]


FOREST = [(1, 2), (3, 4), (0, 5), (2, 5), (3, 5)]  # 5 is the centroid


def test_parts_that_no_edge_joins_come_together_at_the_centroid():
    rng = np.random.default_rng(2)
    xy = animals(6, rng, (1200, 900))
    middle = (xy.min(axis=1) + xy.max(axis=1)) / 2
    six = np.concatenate([xy, middle[:, None]], axis=1)
    found, who = peaks(six, rng)
    groups = grouped(found, draw(six, FOREST, (1200, 900)), FOREST, xy)
    assert owners(groups, who) == [((i,), 6) for i in range(6)]


def test_the_longest_link_to_a_centroid_is_measured_as_well():
    xy = np.array([[[0.0, 0], [20, 0], [40, 0], [20, 14], [20, -14]]])
    links = group.default_links(FOREST, xy)
    np.testing.assert_allclose(links.longest, 1.5 * np.array([20, 28, 20, 20, 14]))


def test_pairs_too_far_apart_for_any_field_get_the_penalty_alone():
    field = np.ones((2, 100, 100), np.float32)
    a, b = np.array([10.0, 10]), np.array([300.0, 10])
    assert group._line_score(a, b, field, 4, 290 * 0.3) == pytest.approx(1 + 0.3 - 1)
    assert group._line_score(a, b, field, 4, 290 * 0.2) == pytest.approx(0.2 - 1)


def test_links_are_judged_by_who_owns_their_ends():
    xy = animals(2, np.random.default_rng(5))
    found, who = peaks(xy)
    pairs = group.score_pairs(found, draw(xy, TREE), group.default_links(TREE, xy), STRIDE)
    linked, known = group.true_links(pairs, found, xy, 3.0)
    assert known.all() and (linked == (who[pairs.source] == who[pairs.target])).all()
    _, known = group.true_links(pairs, found._replace(xy=found.xy + 30), xy, 3.0)
    assert not known.any()


def elsewhere(label, keypoint, p):
    """Every other grouping in which peak p alone is elsewhere, or in exchange for one peak."""
    yield np.where(np.arange(len(label)) == p, label.max() + 1, label)
    for g in set(label.tolist()) - {label[p]}:
        other = label.copy()
        other[(label == g) & (keypoint == keypoint[p])] = label[p]
        other[p] = g
        yield other


@pytest.mark.parametrize("seed", range(6))
def test_margins_are_what_the_best_other_place_of_a_peak_costs(monkeypatch, seed):
    found, pairs = scored(np.random.default_rng(seed).uniform(-0.2, 0.9, (6, 3, 3)), 3)
    groups, label = group_scored(monkeypatch, found, pairs)
    assert np.isnan(groups.margin[groups.member < 0]).all()
    here = log_odds_together(pairs, label)
    for i, j in zip(*np.nonzero(groups.member >= 0), strict=True):
        others = elsewhere(label, found.keypoint, groups.member[i, j])
        best = max(log_odds_together(pairs, other) for other in others)
        assert groups.margin[i, j] == pytest.approx(max(here - best, 0), abs=1e-9)


def test_a_place_of_both_sides_is_weighed_anew_where_it_is_asked_for():
    # the maps of both sides show the left paw of one animal; its right one shows but faintly
    xy = animals(2, np.random.default_rng(3))
    fields = draw(xy, TREE)
    fields[6:] += fields[4:6]  # and so does the field to the right paw
    found, who = peaks(xy)
    doubled = np.flatnonzero((found.keypoint == 3) & (who == 0))
    found = Candidates(
        np.concatenate([found.xy, found.xy[doubled] + 0.5]), np.append(found.keypoint, 4),
        np.append(np.where(found.keypoint == 4, 0.4, 0.9), 0.45),
        np.tile(np.eye(2), (len(who) + 1, 1, 1)),
    )  # fmt: skip
    who = np.append(who, 0)
    links = group.default_links(TREE, xy)
    sides = relabel.Sides(np.array([-1, -1, -1, 4, 3]), 3.0)
    plain = group.group(found, fields, links, STRIDE)
    anew = group.group(found, fields, links, STRIDE, sides)
    wrong = len(who) - 1
    right = int(np.flatnonzero((found.keypoint == 4) & (who == 0))[0])
    assert right in anew.member[(anew.member >= 0).sum(1) == 5]
    assert (anew.member == wrong).sum() == 1 and anew.gap == 0
    assert (anew.link[(anew.member >= 0).sum(1) == 5] > 0.9).all()
    clear = Candidates(*(part[:-1] for part in found))  # of which nobody doubts the sides
    both = (group.group(clear, fields, links, STRIDE, way) for way in (None, sides))
    for a, b in zip(*both, strict=True):
        np.testing.assert_array_equal(a, b)
    assert wrong in plain.member
