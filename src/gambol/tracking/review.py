"""The review queue: where identities may be wrong, most harmful first."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gambol.core.instances import UNTRACKED, Detections
from gambol.kernels.histories import NEVER
from gambol.tracking.crossings import Resolved
from gambol.tracking.exchanges import Crossing, Odds
from gambol.tracking.tracklets import Tracklets

CERTAIN = np.log(99.0)  # nats by which looks must prefer one animal to identify it
CHANCE = 1e-4  # an event less doubtful than this is none


class Event(NamedTuple):
    """A stretch in which identities may have been exchanged; plain values."""

    kind: str  # contact, gap or jump
    first: int  # frame: the last one before the doubt
    last: int  # frame: the first one after it
    animals: tuple[int, ...]
    confidence: float  # P(resolved right)
    instead: tuple[int, ...]  # whom the best alternative would make of each of `animals`
    cost_difference: float  # nats by which the alternative is less likely
    affected: int  # frames until looks or a person identify the animals again, or to the end


def events(resolved: Resolved, tracklets: Tracklets, detections: Detections) -> list[Event]:
    """List all doubtful crossings in time order.

    Args:
        resolved: identities of the tracklets.
        tracklets: of the detections.
        detections: of the recording.
    """
    found = []
    for crossing, odds in zip(resolved.crossings, resolved.odds, strict=True):
        if -np.expm1(odds.chosen) >= CHANCE:
            found.append(_event(crossing, odds, resolved, tracklets, detections))
    return sorted(found, key=lambda event: (event.first, event.last))


def queue(found: Sequence[Event]) -> list[Event]:
    """Sort events by (1 - confidence) times the frames affected, largest first."""
    return sorted(
        found, key=lambda event: (-(1 - event.confidence) * event.affected, event.first)
    )


def _event(
    crossing: Crossing,
    odds: Odds,
    resolved: Resolved,
    tracklets: Tracklets,
    detections: Detections,
) -> Event:
    heads = np.array(crossing.heads)
    tails = {int(resolved.before[h]) for h in heads}
    tails |= {i for _, change in crossing.swaps for i in change.values()}
    rows = tracklets.last[sorted(tails - {NEVER})]
    starts = tracklets.first[heads]
    frame = detections.frame
    first, last = int(frame[rows].min(initial=frame[starts].min())), int(frame[starts].max())
    named = {int(resolved.identity[t]) for t in {*heads.tolist(), *(tails - {NEVER})}}
    animals = tuple(sorted(named - {UNTRACKED}))
    edge = np.concatenate([rows, starts])
    touching = bool(tracklets.touching[edge].any())
    kind = "contact" if touching else "gap" if last - first > 1 else "jump"
    return Event(
        kind,
        first,
        last,
        animals,
        float(np.exp(odds.chosen)),
        _instead(animals, odds, resolved),
        float(odds.chosen - odds.rival),
        _affected(heads, animals, resolved, tracklets, detections),
    )


def _instead(animals: tuple[int, ...], odds: Odds, resolved: Resolved) -> tuple[int, ...]:
    """Whom the alternative makes of each animal after the crossing; a permutation."""
    name: dict[int, int] = {}
    result: dict[int, int] = {}
    for head in sorted(odds.alternative):
        tail = odds.alternative[head]
        now = int(resolved.identity[head])
        name[head] = now if tail == NEVER else name.get(tail, int(resolved.identity[tail]))
        result[now] = name[head]
    left = [a for a in animals if a not in {result.get(b) for b in animals}]
    used: set[int] = set()
    instead = []
    for animal in animals:
        other = result.get(animal)
        if other is None or other in used:
            other = animal if animal in left else left[0]
            left.remove(other)
        used.add(other)
        instead.append(other)
    return tuple(instead)


def _affected(
    heads: np.ndarray,
    animals: tuple[int, ...],
    resolved: Resolved,
    tracklets: Tracklets,
    detections: Detections,
) -> int:
    """Frames until all animals but one are known by themselves again.

    An animal that may have been one never seen before is compared with everyone.
    """
    frame = detections.frame
    everyone = range(resolved.emission.shape[1])
    begin, columns = int(frame[tracklets.first[heads]].max()), list(animals)
    columns = columns if len(columns) > 1 else list(everyone)
    end = int(frame[-1]) + 1
    known = []
    for animal in animals:
        mine = np.flatnonzero(resolved.identity == animal)
        mine = mine[mine >= heads.min()]
        looks = np.sort(resolved.emission[mine][:, columns], axis=1)
        clear = mine[looks[:, -1] - looks[:, :-1].max(axis=1, initial=-np.inf) >= CERTAIN]
        known.append(int(frame[tracklets.first[clear[0]]]) if len(clear) else end)
    ready = sorted(known)[max(0, len(animals) - 2)]
    return max(ready - begin, 1)
