"""Skeletons from what other formats say of them: names, pairs of names to join, and sides."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton, guess_swap


def skeleton_of(
    names: Sequence[str],
    pairs: Iterable[tuple[int, int]] = (),
    mirror: Iterable[tuple[int, int]] = (),
    *,
    source: Path,
    name: str = "animal",
    remembered: Any = None,
) -> Skeleton:
    """Build a skeleton; `source` is named by the sentence that refuses a wrong one.

    Args:
        names: keypoints in order.
        pairs: lines (from, to). Each becomes a bone while the bones stay a forest, and
            a further edge otherwise.
        mirror: left/right pairs; where there are none they are guessed from the names.
        source: the file.
        name: of the skeleton.
        remembered: what `Skeleton.to_dict` once returned, kept in the file by us; it wins if
            the names and lines are still the same.
    """
    try:
        parent, edges = forest(len(names), pairs)
        swap = list(guess_swap(tuple(names)))
        if mirror := list(mirror):
            swap = [-1] * len(names)
            for a, b in mirror:
                swap[a], swap[b] = b, a
        built = Skeleton(tuple(names), parent, tuple(swap), edges, name)
        return _ours(built, remembered)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def forest(
    n: int, pairs: Iterable[tuple[int, int]]
) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Return parents and the pairs that fit into no forest.

    >>> forest(3, [(0, 1), (1, 2), (2, 0)])
    ((-1, 0, 1), ((2, 0),))
    """
    parent = [-1] * n
    edges = []
    for a, b in pairs:
        if parent[b] < 0 and b not in _ancestors(parent, a):
            parent[b] = a
        else:
            edges.append((a, b))
    return tuple(parent), tuple(edges)


def _ancestors(parent: list[int], j: int) -> list[int]:
    """Return j and everything it hangs on."""
    line = [j]
    while parent[line[-1]] >= 0:
        line.append(parent[line[-1]])
    return line


def _ours(built: Skeleton, remembered: Any) -> Skeleton:
    """Prefer the skeleton that we stored, unless another program changed names or lines."""
    if not isinstance(remembered, dict):
        return built
    try:
        ours = Skeleton.from_dict(remembered)
    except (KeyError, TypeError):
        return built
    same = {frozenset(e) for e in ours.drawn} == {frozenset(e) for e in built.drawn}
    return ours if same and ours.keypoints == built.keypoints else built
