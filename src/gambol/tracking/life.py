"""The life of tracks: born, confirmed, named, lost, found again, ended.

A track has a number, which is never used twice, and later perhaps a name: the animal it is.
Numbers are given at once; names once a track is confirmed, also for what it did before. That is
what keeps the number of animals: names are at most N, and whoever comes back takes a free one.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.core.instances import UNTRACKED
from gambol.kernels import kalman
from gambol.kernels.assignment import ALONE, assign
from gambol.tracking.costs import looks_term

TENTATIVE, ACTIVE, LOST, ENDED = range(4)
MEMORY = 5  # frames in which hits count
NEVER = 1e9  # nats; dearer than any claim, so that every name finds a taker
ELSEWHERE = 5.0  # nats; who was not seen may be anywhere, though rarely
DOUBT = 1.0  # nats; a claim no better than from elsewhere by this can wait for a better one
SIZE = 0.2  # standard deviation of the log of an animal's box, posture included


class Alive(NamedTuple):
    """M tracks that may go on, each as it was when last seen."""

    number: Int[np.ndarray, " M"]
    name: Int[np.ndarray, " M"]  # the animal, or UNTRACKED
    phase: Int[np.ndarray, " M"]
    seen: Int[np.ndarray, " M"]  # bits: in the last frames, the latest lowest
    age: Int[np.ndarray, " M"]  # frames since its birth, that one included
    born: Int[np.ndarray, " M"]  # frame
    last: Int[np.ndarray, " M"]  # frame
    born_at: Float[np.ndarray, " M"]  # s
    last_at: Float[np.ndarray, " M"]  # s
    born_xy: Float[np.ndarray, "M 2"]  # px, body centre
    mean: Float[np.ndarray, "M 4"]  # of the centre and its velocity
    cov: Float[np.ndarray, "M 4 4"]
    centre: Float[np.ndarray, "M 2"]  # px, as measured
    poses: Float[np.ndarray, "M W J 2"]  # px, the latest first
    trust: Float[np.ndarray, "M W J"]
    looks: Float[np.ndarray, "M E"]  # running mean of embeddings
    log_size: Float[np.ndarray, " M"]  # running mean of the log of the box diagonal
    score: Float[np.ndarray, " M"]  # running mean of P(real animal)

    def take(self, rows: np.ndarray) -> "Alive":
        """Return the tracks that an index or a mask picks."""
        return Alive(*(part[rows] for part in self))

    def join(self, other: "Alive") -> "Alive":
        """Return these tracks and then the others."""
        return Alive(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


class Named(NamedTuple):
    """Tracks that were given names: from their first detection to their last."""

    track: Int[np.ndarray, " K"]  # number
    name: Int[np.ndarray, " K"]
    confidence: Float[np.ndarray, " K"]  # P(the name is right)


class Rules(NamedTuple):
    """How long hope lasts, and how many animals there are."""

    hits: int  # of the last MEMORY frames, to be confirmed
    patience: float  # s until a lost track ends
    birth: float  # nats
    limit: int | None  # animals
    exactly: bool  # all of them exist, so that seeing one for the first time costs nothing
    arena: float  # px²
    motion: kalman.Dynamics
    looks: tuple[float, float]


NOBODY = Named(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def nobody(window: int, keypoints: int, embedding: int) -> Alive:
    """Return no tracks, with arrays of the right shape."""

    def none(*shape: int) -> np.ndarray:
        return np.zeros((0, *shape))

    whole = np.zeros(0, np.int64)
    return Alive(
        whole, whole, whole, whole, whole, whole, whole, none(), none(), none(2), none(4),
        none(4, 4), none(2), none(window, keypoints, 2), none(window, keypoints),
        none(embedding), none(), none(),
    )  # fmt: skip


def grow_older(alive: Alive, hit: Bool[np.ndarray, " M"], t: float, rules: Rules) -> Alive:
    """Count a frame, confirm, lose and end tracks; those of no further use are gone."""
    seen = ((alive.seen << 1) | hit) & (2**MEMORY - 1)
    age = alive.age + 1
    phase = alive.phase
    if hit.all() and (phase == ACTIVE).all():
        return alive._replace(seen=seen, age=age)
    count = hits(seen)
    young = phase == TENTATIVE
    confirmed = young & (count >= rules.hits)
    hopeless = young & (count + MEMORY - np.minimum(age, MEMORY) < rules.hits)
    phase = np.where(young & ~confirmed, TENTATIVE, np.where(hit, ACTIVE, LOST))
    late = (alive.phase != TENTATIVE) & (t - alive.last_at > rules.patience)
    phase = np.where(late & ~hit, ENDED, phase)
    useless = (phase == ENDED) & ((alive.name == UNTRACKED) | (rules.limit is None))
    older = alive._replace(seen=seen, age=age, phase=phase)
    gone = hopeless | useless
    return older.take(~gone) if gone.any() else older


def hits(seen: Int[np.ndarray, " M"]) -> Int[np.ndarray, " M"]:
    """Count the frames in which tracks were seen.

    >>> hits(np.array([0b10110, 0])).tolist()
    [3, 0]
    """
    return np.asarray(np.bitwise_count(seen), dtype=np.int64)


def begin_again(alive: Alive, used: int, frame: int, number: int, rules: Rules) -> Alive:
    """Cut nameless tracks that overlap all free names, so that they can claim one.

    A second detection of an animal may go on as the animal itself when the first disappears;
    from then on it is a new track.
    """
    if rules.limit is None or used < rules.limit:
        return alive
    waiting = (alive.name == UNTRACKED) & (alive.last == frame) & (alive.born < frame)
    free = (alive.name != UNTRACKED) & (alive.last < frame)
    if not waiting.any() or not free.any():
        return alive
    rows = np.flatnonzero(waiting & (alive.last[free].min() >= alive.born))
    if not len(rows):
        return alive
    fresh = Alive(*(part.copy() for part in alive))
    fresh.number[rows] = number + np.arange(len(rows))
    fresh.phase[rows], fresh.seen[rows], fresh.age[rows] = TENTATIVE, 1, 1
    fresh.born[rows], fresh.born_at[rows] = frame, fresh.last_at[rows]
    fresh.born_xy[rows] = fresh.centre[rows]
    return fresh


class Christened(NamedTuple):
    """Tracks after names were given."""

    alive: Alive
    used: int  # names that were ever given
    named: Named


def give_names(alive: Alive, used: int, rules: Rules, final: bool = False) -> Christened:
    """Name confirmed tracks: a new name while there are any, else the best one that is free.

    Args:
        alive: tracks after this frame.
        used: names given so far.
        rules: how many there are.
        final: the recording is over; the promising ones among the young are named, too.
    """
    waiting = (alive.name == UNTRACKED) & (alive.phase != TENTATIVE)
    if final and (rules.limit is not None or alive.age.max(initial=0) < MEMORY):
        promising = 2 * hits(alive.seen) > np.minimum(alive.age, MEMORY)
        waiting |= (alive.name == UNTRACKED) & promising
    rows = np.flatnonzero(waiting)
    if not len(rows):
        return Christened(alive, used, NOBODY)
    if rules.limit is None:
        names, sure = used + np.arange(len(rows)), np.ones(len(rows))
        return _christen(alive, rows, names, sure, used + len(rows))
    lost = np.flatnonzero((alive.name != UNTRACKED) & (alive.phase >= LOST))
    fresh = used + np.arange(rules.limit - used)
    if not len(lost) and not len(fresh):
        return Christened(alive, used, NOBODY)
    claim = claims(alive, rows, lost, rules)
    patient = (alive.phase[lost] == LOST) & ~final
    here = (alive.seen[rows] & 1 == 1) & ~final
    may = np.where(patient[None] & here[:, None] & (claim > ELSEWHERE - DOUBT), np.inf, claim)
    new = 0.0 if rules.exactly else rules.birth
    cost = np.concatenate([may, np.full((len(rows), len(fresh)), new)], axis=1)
    score = np.clip(alive.score[rows], 0.01, 0.99)
    cost -= np.log(score / (1 - score))[:, None]  # when names are few, likely animals first
    column = assign(cost, np.full(len(rows), NEVER)).column
    got = column != ALONE
    sure = _certainty(claim, column, new if len(fresh) else ELSEWHERE)
    names = np.concatenate([alive.name[lost], fresh])[column[got]]
    again = names[names < used]
    names = _in_order(names, used)
    alive, rows = _without(alive, rows[got], np.isin(alive.name, again))
    return _christen(alive, rows, names, sure[got], int(max(used, names.max(initial=-1) + 1)))


def claims(
    alive: Alive, rows: Int[np.ndarray, " w"], lost: Int[np.ndarray, " l"], rules: Rules
) -> Float[np.ndarray, "w l"]:
    """Nats against each waiting track being each lost one; infinite where both were seen.

    The place where one began, its looks and its size are compared with those of the other.
    """
    ends = kalman.Beliefs(alive.mean[lost], alive.cov[lost])
    cost = np.full((len(rows), len(lost)), np.inf)
    looks = looks_term(alive.looks[rows], alive.looks[lost], rules.looks)
    for i, row in enumerate(rows):
        wait = np.clip(alive.born_at[row] - alive.last_at[lost], 0.0, rules.patience)
        ahead = kalman.predict(ends, wait, rules.motion.q, rules.motion.memory)
        spread = ahead.cov[:, :2, :2] + alive.cov[row, :2, :2]
        miss = alive.born_xy[row] - ahead.mean[:, :2]
        squared = (miss * np.linalg.solve(spread, miss[..., None])[..., 0]).sum(axis=1)
        density = -0.5 * (squared + np.log(np.linalg.det(2 * np.pi * spread)))
        place = -np.logaddexp(density + np.log(rules.arena), -ELSEWHERE)
        size = (alive.log_size[row] - alive.log_size[lost]) ** 2 / (4 * SIZE**2)
        total = place + looks[i] + size
        cost[i] = np.where(alive.last[lost] < alive.born[row], total, np.inf)
    return cost


def _certainty(claim: np.ndarray, column: np.ndarray, new: float) -> np.ndarray:
    """Share of the chosen name among all a track could have, a new animal included."""
    nats = np.concatenate([claim, np.full((len(claim), 1), new)], axis=1)
    chosen = nats[np.arange(len(claim)), np.minimum(column, claim.shape[1])]
    with np.errstate(over="ignore"):
        return 1 / np.exp(chosen[:, None] - nats).sum(axis=1)


def _in_order(names: np.ndarray, used: int) -> np.ndarray:
    """Give new names without gaps, in the order of the tracks."""
    names = names.copy()
    new = names >= used
    names[new] = used + np.arange(new.sum())
    return names


def _without(alive: Alive, rows: np.ndarray, gone: np.ndarray) -> tuple[Alive, np.ndarray]:
    """Drop tracks whose names others take; return where `rows` are now."""
    return alive.take(~gone), rows - np.cumsum(gone)[rows]


def _christen(
    alive: Alive, rows: np.ndarray, names: np.ndarray, sure: np.ndarray, used: int
) -> Christened:
    name, phase = alive.name.copy(), alive.phase.copy()
    name[rows] = names
    phase[rows] = np.where(alive.seen[rows] & 1 == 1, ACTIVE, LOST)
    named = Named(alive.number[rows], names, sure)
    return Christened(alive._replace(name=name, phase=phase), used, named)
