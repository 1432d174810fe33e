"""Inference over permutations against the sum over all histories."""

import itertools

import numpy as np
import pytest

from gambol.kernels import flow, histories


def chain(rng, n, events, scale=3.0):
    """N animals whose tracklets are cut at the same times, with random links and looks."""
    k = events + 1
    start = np.repeat(10.0 * np.arange(k), n)
    end = start + 9 - rng.integers(0, 3, n * k)
    tail, head = np.nonzero((end[:, None] < start[None]) & (start[None] - end[:, None] < 6))
    keep = rng.random(len(tail)) < 0.9
    tail, head = tail[keep], head[keep]
    births = rng.uniform(1, 6, (2, n * k))
    pieces = flow.Pieces(
        start, end, np.full(n * k, 50.0), *births, tail, head, rng.normal(0, scale, len(tail))
    )
    return pieces, rng.normal(0, 1.0, (n * k, n))


def all_histories(pieces, emission):
    """Log weight of every way to give tracklets to animals, none of which is in two at once."""
    m, n = emission.shape
    links = dict(zip(zip(pieces.tail, pieces.head, strict=True), pieces.cost, strict=True))
    for who in itertools.product(range(n), repeat=m):
        total, last = 0.0, {}
        for j, a in enumerate(who):
            i = last.get(a)
            if i is not None and pieces.end[i] >= pieces.start[j]:
                break
            pool = pieces.enter[j] + (0 if i is None else pieces.leave[i])
            total += emission[j, a] - min(links.get((i, j), np.inf), pool)
            last[a] = j
        else:
            yield who, total - sum(pieces.leave[i] for i in last.values())


@pytest.mark.parametrize("n, events", [(1, 4), (2, 1), (2, 4), (3, 1), (3, 2)])
def test_inference_equals_the_sum_over_all_histories(n, events):
    pieces, emission = chain(np.random.default_rng(10 * n + events), n, events)
    listed = list(all_histories(pieces, emission))
    who, weight = np.array([w for w, _ in listed]), np.array([x for _, x in listed])
    total = np.logaddexp.reduce(weight)
    p = np.exp(weight - total)
    got = histories.infer(pieces, emission)
    want = np.stack([(p[:, None] * (who == a)).sum(axis=0) for a in range(n)], axis=1)
    np.testing.assert_allclose(got.probs, want, atol=1e-10)
    assert got.log_evidence == pytest.approx(total)
    assert (got.best == who[np.argmax(weight)]).all()


def test_inference_handles_three_animals_and_four_crossings():
    """Too many histories to list, so each crossing is summed by matrices of permutations."""
    rng, n, events = np.random.default_rng(4), 3, 4
    pieces, emission = chain(rng, n, events)
    permutations = list(itertools.permutations(range(n)))  # perm[k] = animal in tracklet k
    links = dict(zip(zip(pieces.tail, pieces.head, strict=True), pieces.cost, strict=True))
    price = lambda i, j: min(  # noqa: E731
        links.get((i, j), np.inf), pieces.leave[i] + pieces.enter[j]
    )
    looks = np.array(
        [[sum(emission[e * n + k, p[k]] for k in range(n)) for p in permutations]
         for e in range(events + 1)]
    )  # fmt: skip
    forward = looks[0] - pieces.enter[:n].sum()
    for e in range(1, events + 1):
        onward = [
            [
                -sum(price((e - 1) * n + p.index(q[k]), e * n + k) for k in range(n))
                for q in permutations
            ]
            for p in permutations
        ]
        forward = np.logaddexp.reduce(forward[:, None] + np.array(onward), axis=0) + looks[e]
    last = np.exp(forward - np.logaddexp.reduce(forward))
    got = histories.infer(pieces, emission).probs[-n:]
    for k, a in itertools.product(range(n), range(n)):
        want = sum(p for p, perm in zip(last, permutations, strict=True) if perm[k] == a)
        assert got[k, a] == pytest.approx(want)


@pytest.mark.parametrize("seed", range(5))
def test_the_best_history_without_looks_is_the_flow(seed):
    pieces, _ = chain(np.random.default_rng(seed), 3, 3)
    found = flow.solve(pieces, 3)
    assert (found.path >= 0).all()
    got = histories.infer(pieces, np.zeros((len(found.path), 3)))
    together = got.best[:, None] == got.best[None]
    assert (together == (found.path[:, None] == found.path[None])).all()
