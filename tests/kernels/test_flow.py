"""Flow against all sets of paths, against networkx, and split against whole."""

import itertools

import networkx
import numpy as np
import pytest

from gambol.kernels import flow


def pieces_of(rng, m, span=6, longest=3, scale=10.0):
    """Random pieces with all links between those that follow each other; whole costs."""
    start = rng.integers(0, span, m).astype(float)
    end = start + rng.integers(0, longest, m)
    tail, head = np.nonzero(end[:, None] < start[None, :])
    whole = lambda low, high, n: rng.integers(low * 100, high * 100, n) / 100  # noqa: E731
    return flow.Pieces(
        start, end, whole(-5, 20, m), whole(0, 10, m), whole(0, 10, m),
        tail, head, whole(-scale, scale, len(tail)),
    )  # fmt: skip


def cost_of(pieces, came):
    """Cost of `came[i]` in {UNUSED, POOL, a piece}, or infinity where it is impossible."""
    links = dict(zip(zip(pieces.tail, pieces.head, strict=True), pieces.cost, strict=True))
    total, followed = 0.0, set()
    for i, origin in enumerate(came):
        if origin == flow.UNUSED:
            continue
        total += -pieces.gain[i]
        if origin == flow.POOL:
            total += pieces.enter[i]
        else:
            if came[origin] == flow.UNUSED or origin in followed or (origin, i) not in links:
                return np.inf
            followed.add(origin)
            total += links[origin, i]
    return total + sum(
        pieces.leave[i] for i, o in enumerate(came) if o != flow.UNUSED and i not in followed
    )


def busiest(pieces, came):
    """Units needed at once: those in pieces and those on the way between two."""
    spans = []
    for i, origin in enumerate(came):
        if origin != flow.UNUSED:
            begin = pieces.start[i] if origin < 0 else pieces.end[origin] + 0.1
            spans.append((begin, pieces.end[i]))
    moments = [b for b, _ in spans]
    return max((sum(b <= t <= e for b, e in spans) for t in moments), default=0)


def by_enumeration(pieces, n):
    m = len(pieces.start)
    choices = [(flow.UNUSED, flow.POOL, *(i for i in range(m) if i != j)) for j in range(m)]
    best = np.inf
    for came in itertools.product(*choices):
        cost = cost_of(pieces, came)
        if cost < best - 1e-9 and busiest(pieces, came) <= n:
            best = cost
    return best


@pytest.mark.parametrize("seed", range(12))
def test_flow_is_the_best_of_all_sets_of_paths(seed):
    rng = np.random.default_rng(seed)
    pieces, n = pieces_of(rng, m=5), int(rng.integers(1, 4))
    got = flow.solve(pieces, n)
    assert got.cost == pytest.approx(by_enumeration(pieces, n))
    assert cost_of(pieces, got.before.tolist()) == pytest.approx(got.cost)


def by_networkx(pieces, n):
    graph = networkx.DiGraph()
    times = sorted({*pieces.start, *pieces.end})
    graph.add_node(("pool", 0), demand=-n)
    graph.add_node(("pool", len(times)), demand=n)
    for k in range(len(times)):
        graph.add_edge(("pool", k), ("pool", k + 1), weight=0, capacity=n)
    cents = lambda x: int(round(100 * x))  # noqa: E731
    for i in range(len(pieces.start)):
        enter, leave = times.index(pieces.start[i]), times.index(pieces.end[i]) + 1
        graph.add_edge(("in", i), ("out", i), weight=-cents(pieces.gain[i]), capacity=1)
        graph.add_edge(("pool", enter), ("in", i), weight=cents(pieces.enter[i]), capacity=1)
        graph.add_edge(("out", i), ("pool", leave), weight=cents(pieces.leave[i]), capacity=1)
    for i, j, c in zip(pieces.tail, pieces.head, pieces.cost, strict=True):
        graph.add_edge(("out", i), ("in", j), weight=cents(c), capacity=1)
    return networkx.min_cost_flow_cost(graph) / 100


@pytest.mark.parametrize("seed", range(8))
def test_flow_costs_what_networkx_says(seed):
    rng = np.random.default_rng(100 + seed)
    pieces = pieces_of(rng, m=25, span=30, longest=8)
    assert flow.solve(pieces, 3).cost == pytest.approx(by_networkx(pieces, 3))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_more_tracklets_than_animals_at_once_are_left_out_not_infeasible(n):
    """Trap 18: five pieces at the same time and fewer animals."""
    none = np.zeros(0)
    pieces = flow.Pieces(
        np.zeros(5), np.ones(5), np.arange(5.0) + 1, np.zeros(5), np.zeros(5),
        none.astype(int), none.astype(int), none,
    )  # fmt: skip
    got = flow.solve(pieces, n)
    assert (np.flatnonzero(got.path >= 0) == np.arange(5 - n, 5)).all()
    assert sorted(got.path[got.path >= 0]) == list(range(n))


def walkers(rng, n, cuts):
    """Pieces of n animals that are interrupted now and then, with cheap true links."""
    start, end, who = [], [], []
    for a in range(n):
        times = np.sort(rng.choice(np.arange(10, cuts * 40, 10), cuts, replace=False)) + a
        edges = np.concatenate([[0], times, [cuts * 40 + 50]])
        start += (edges[:-1] + 2).tolist()
        end += edges[1:].tolist()
        who += [a] * (cuts + 1)
    start, end, who = np.array(start, float), np.array(end, float), np.array(who)
    gap = start[None, :] - end[:, None]
    tail, head = np.nonzero((gap > 0) & (gap < 60))
    cost = np.where(who[tail] == who[head], -6.0, 4.0) + rng.normal(0, 1, len(tail))
    m = len(start)
    births = np.full(m, 10.0)
    return flow.Pieces(start, end, 9 * (end - start), births, births, tail, head, cost), who


@pytest.mark.parametrize("seed", range(4))
def test_split_programmes_find_what_the_whole_one_finds(seed):
    pieces, who = walkers(np.random.default_rng(seed), n=3, cuts=40)
    whole, split = flow.solve(pieces, 3, window=10**6), flow.solve(pieces, 3, window=15)
    assert flow._splits(pieces, 3, 15)
    assert split.cost == pytest.approx(whole.cost)
    assert (split.path == whole.path).all()


def test_paths_never_overlap_in_time():
    rng = np.random.default_rng(1)
    pieces = pieces_of(rng, m=60, span=40, longest=8)
    got = flow.solve(pieces, 4)
    for k in range(4):
        mine = np.flatnonzero(got.path == k)
        mine = mine[np.argsort(pieces.start[mine])]
        assert (pieces.start[mine][1:] > pieces.end[mine][:-1]).all()


def test_nothing_to_follow_is_no_error():
    none = np.zeros(0)
    index = none.astype(int)
    got = flow.solve(flow.Pieces(none, none, none, none, none, index, index, none), 2)
    assert got.cost == 0 and len(got.path) == 0


def test_a_piece_alone_that_is_not_worth_it_stays_unused():
    one, none, links = np.array([2.0]), np.array([10.0]), np.zeros(0, int)
    alone = flow.Pieces(one, one, np.array([3.5]), none, none, links, links, np.zeros(0))
    found = flow.solve(alone, n=2)
    assert found.before.tolist() == [flow.UNUSED] and found.path.tolist() == [flow.UNUSED]
