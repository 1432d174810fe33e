"""Undo and redo of what one person decided about labels, whatever others decided since.

What is taken back stays in its place in the list, marked (`Decision.undone`). It cannot be
taken back while somebody else's decision is about the same labels, or needs it.
"""

from collections.abc import Iterable

from gambol.behavior import label_map as maps
from gambol.core.label_map import Decision, LabelMap


class Overtaken(Exception):
    """Others decided about the same labels since; nothing was done."""

    def __init__(self, theirs: Iterable[Decision]) -> None:
        self.theirs = tuple(theirs)
        super().__init__(f"{self.theirs[0].author or 'somebody'} decided about this after you")


def undoable(label_map: LabelMap, author: str) -> int:
    """Return how many decisions of a person are in effect."""
    return sum(decision.author == author for decision in label_map.active)


def redoable(label_map: LabelMap, author: str) -> int:
    """Return how many decisions of a person can be made again, one after the other."""
    held, count = _marked(label_map), 0
    while (k := _next(held, author)) is not None:
        held, count = _with(held, {k: 0}), count + 1
    return count


def undo(label_map: LabelMap, author: str, force: bool = False) -> LabelMap:
    """Take back the last decision of a person that is in effect.

    Args:
        label_map: what was decided.
        author: who takes back.
        force: also what others decided about the same labels since.

    Raises:
        Overtaken: others did, unless forced.
    """
    held = _marked(label_map)
    mine = [k for k, d in enumerate(held.decisions) if d.author == author and not d.undone]
    if not mine:
        return label_map
    k, latest = mine[-1], _latest(held)
    gone = {k: latest + 1}
    while (later := _dependent(_with(held, gone), held, k, gone)) is not None:
        gone[later] = latest + 1 + len(gone)
    if len(gone) > 1 and not force:
        raise Overtaken(held.decisions[n] for n in sorted(gone) if n != k)
    return _with(held, gone)


def redo(label_map: LabelMap, author: str) -> LabelMap:
    """Make again what the same person took back last, unless they decided since.

    Raises:
        Overtaken: others decided about the same labels meanwhile.
    """
    held = _marked(label_map)
    k = _next(held, author)
    if k is None:
        return label_map
    made = _with(held, {k: 0})
    about = _about(held, k)
    theirs = [
        d for n, d in enumerate(held.decisions)
        if n > k and not d.undone and d.author != author and about & _about(held, n)
    ]  # fmt: skip
    wrong = maps.fault(made)
    if theirs or wrong is not None:
        raise Overtaken(theirs or [d for d in (wrong,) if d is not None])
    return made


def _next(held: LabelMap, author: str) -> int | None:
    mine = [k for k, d in enumerate(held.decisions) if d.author == author]
    undone = [k for k in mine if held.decisions[k].undone]
    if not undone:
        return None
    k = max(undone, key=lambda n: held.decisions[n].undone)
    return None if any(n > k and not held.decisions[n].undone for n in mine) else k


def _dependent(now: LabelMap, held: LabelMap, k: int, gone: dict[int, int]) -> int | None:
    """Return a later decision that cannot stay without those that go; None: there is none."""
    about = set().union(*(_about(held, n) for n in gone))
    for n in range(k + 1, len(held.decisions)):
        if n not in gone and not held.decisions[n].undone and about & _about(held, n):
            return n
    wrong = maps.fault(now)
    return None if wrong is None else now.decisions.index(wrong)


def _about(held: LabelMap, k: int) -> set[int]:
    """Return the labels that a decision is about, also the one that it made."""
    decision = held.decisions[k]
    made = held.size + sum(d.kind == "split" for d in held.decisions[:k])
    return {*decision.labels, *([made] if decision.kind == "split" else ())}


def _marked(label_map: LabelMap) -> LabelMap:
    """Mark what lies behind the end as taken back, the first of it last."""
    count, latest = len(label_map.decisions), _latest(label_map)
    behind = range(label_map.end, count)
    open_ = {k: latest + count - k for k in behind if not label_map.decisions[k].undone}
    return _with(label_map, open_)._replace(end=count)


def _latest(label_map: LabelMap) -> int:
    return max((decision.undone for decision in label_map.decisions), default=0)


def _with(label_map: LabelMap, undone: dict[int, int]) -> LabelMap:
    made = [
        decision._replace(undone=undone.get(k, decision.undone))
        for k, decision in enumerate(label_map.decisions)
    ]
    return label_map._replace(decisions=tuple(made))
