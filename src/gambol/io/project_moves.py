"""Animals that get another number in an edit, and what goes with them.

A page names an animal by removing a row and putting one of the same points under another
number. Points of keypoints that were removed, and what other programs said of the animal
(`project_extras`), are nothing that it knows of; they follow the animal.
"""

from collections.abc import Sequence
from typing import Any

from gambol.io import project_keypoints
from gambol.io.project_edits import Edit, Key, Value, get


def follow(one: Edit) -> None:
    """Let hidden points and extras go with animals to other numbers, or go where they go.

    Args:
        one: the edit, whose changes are made.
    """
    was, now = changes(one)
    if not was:
        return
    numbers = project_keypoints.ids(one.connection)
    moves = moved(was, now, numbers)
    _hidden(one, was, now, moves, numbers)
    other = {key for key in was if (was[key] is None) != (now[key] is None)}
    said: dict[Key, Value] = dict.fromkeys(sorted({*other, *moves, *moves.values()}))
    for old, new in moves.items():
        said[new] = get(one.connection, "extras", old)
    for key, value in said.items():
        one.put("extras", key, value)


def forget(one: Edit) -> None:
    """Remove the extras of animals that an undo or a redo removed."""
    for key, value in changes(one)[1].items():
        if value is None:
            one.put("extras", key, None)


def changes(one: Edit) -> tuple[dict[Key, Value], dict[Key, Value]]:
    """Return the rows of animals that an edit changed, as they were and as they are."""
    was: dict[Key, Value] = {}
    now: dict[Key, Value] = {}
    for (table, key, before), (_, _, after) in zip(one.before, one.after, strict=True):
        if table == "instances":
            was.setdefault(tuple(key), before)
            now[tuple(key)] = after
    return was, now


def moved(
    was: dict[Key, Value], now: dict[Key, Value], numbers: Sequence[int]
) -> dict[Key, Key]:
    """Return the new key of each animal that has another: the one with its points, as seen."""
    before = {key: _seen(value, numbers) for key, value in was.items()}
    after = {key: _seen(value, numbers) for key, value in now.items()}
    free: dict[tuple[int, int], list[Key]] = {}
    for key, points in after.items():
        if points is not None and points != before[key]:
            free.setdefault((key[0], key[1]), []).append(key)
    found: dict[Key, Key] = {}
    for key, points in before.items():
        if points is None or points == after[key]:
            continue
        there = free.get((key[0], key[1]), [])
        if (new := next((k for k in there if after[k] == points), None)) is not None:
            there.remove(new)
            found[key] = new
    return found


def _hidden(
    one: Edit, was: dict[Key, Value], now: dict[Key, Value], moves: dict[Key, Key],
    numbers: Sequence[int],
) -> None:  # fmt: skip
    """Put the points that nobody sees of animals that moved to where they are now."""
    known = set(numbers)
    mine: dict[Key, list[Any]] = dict.fromkeys(moves, [])
    for old, new in moves.items():
        mine[new] = [p for p in (was[old] or {"points": []})["points"] if p[0] not in known]
    for key, hidden in mine.items():
        value = now[key]
        if value is not None:
            seen = [point for point in value["points"] if point[0] in known]
            row = project_keypoints.kept(value | {"points": seen}, numbers, {"points": hidden})
            one.put("instances", key, row)


def _seen(value: Value, numbers: Sequence[int]) -> Any:
    return None if value is None else project_keypoints.placed(value, numbers)["points"]
