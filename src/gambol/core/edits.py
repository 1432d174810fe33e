"""Edits of labels as plain values: what a row may say, and what a new skeleton does to points.

A row is what JSON holds. Points are lists [keypoint, x, y, state]; a keypoint of which nobody
said anything has none.
"""

import math
from collections.abc import Sequence
from typing import Any

from gambol.core.errors import InputError
from gambol.core.labels import EVERY, Origin, Visibility
from gambol.core.skeleton import Skeleton

FARTHEST = 1e6  # px; no picture is as large, and what is beyond was a slip
LONGEST_NAME = 80
LONGEST_NOTE = 2000
BAD = 2  # flag of a frame whose picture is no good: neither suggested nor trained
_FRAME = {"complete": None, "flag": 0, "note": ""}


def instance(value: Any, n_keypoints: int) -> dict[str, Any]:
    """Return the row of one animal in one frame, its points in the order of the keypoints.

    Args:
        value: origin and points.
        n_keypoints: of the skeleton, J.

    Raises:
        InputError: a state, place or keypoint that there is not, or one twice.
    """
    _fields(value, ("origin", "points"), "an animal")
    origin = _one_of(value["origin"], list(Origin), "origin")
    if not isinstance(value["points"], list | tuple):
        raise InputError(f"points are {value['points']!r}; give a list")
    points = sorted(_point(point, n_keypoints) for point in value["points"])
    for one, other in zip(points, points[1:], strict=False):
        if one[0] == other[0]:
            raise InputError(f"keypoint {one[0]} is said twice; say it once")
    return {"origin": origin, "points": points}


def _point(point: Any, n_keypoints: int) -> list[Any]:
    if not isinstance(point, list | tuple) or len(point) != 4:
        raise InputError(f"a point is {point!r}; give [keypoint, x, y, state]")
    keypoint, x, y, state = point
    if not _whole(keypoint) or not 0 <= keypoint < n_keypoints:
        raise InputError(f"there is no keypoint {keypoint!r}; use 0 to {n_keypoints - 1}")
    known = [Visibility.ABSENT, Visibility.OCCLUDED, Visibility.VISIBLE]
    _one_of(state, known, f"the state of keypoint {keypoint}")
    if state == Visibility.ABSENT:
        if x is not None or y is not None:
            raise InputError(f"keypoint {keypoint} is absent and at {x}, {y}; leave x, y null")
        return [keypoint, None, None, state]
    if not (_finite(x) and _finite(y)):
        raise InputError(
            f"keypoint {keypoint} is at {x}, {y}; visible and covered need a position "
            f"within {FARTHEST:.0f} px"
        )
    return [keypoint, float(x), float(y), state]


def frame(value: Any) -> dict[str, Any] | None:
    """Return what is said of a frame, None where that is nothing.

    >>> frame({"complete": 1}), frame({"complete": None, "note": ""})
    ({'complete': 1, 'flag': 0, 'note': ''}, None)
    """
    _fields(value, (), "a frame", tuple(_FRAME))
    said = _FRAME | value
    if said["complete"] is not None:
        _one_of(said["complete"], [0, 1, 2], "complete")
    _one_of(said["flag"], [0, 1, BAD], "flag")
    if not isinstance(said["note"], str) or len(said["note"]) > LONGEST_NOTE:
        raise InputError(f"a note is text of at most {LONGEST_NOTE} letters; shorten it")
    return None if said == _FRAME else said


def individual(value: Any) -> dict[str, Any]:
    """Return the row of an animal that has a name."""
    _fields(value, ("name",), "an animal")
    name = value["name"]
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
        raise InputError(f"an animal is called {name!r}; give 1 to {LONGEST_NAME} letters")
    return {"name": name.strip()}


def suggestion(value: Any) -> dict[str, Any]:
    """Return the row of a suggested frame."""
    _fields(value, ("reason", "rank"), "a suggestion", ("score", "done"))
    said = {"score": None, "done": 0} | value
    if not isinstance(said["reason"], str) or not _whole(said["rank"]):
        raise InputError("a suggestion needs a reason in words and a whole number as rank")
    if said["score"] is not None and not _finite(said["score"], math.inf):
        raise InputError(f"score is {said['score']!r}; give a number or null")
    _one_of(said["done"], [0, 1], "done")
    return {name: said[name] for name in ("reason", "score", "rank", "done")}


def region(value: Any) -> dict[str, Any]:
    """Return a polygon that is looked away from, its corners as lists of two numbers."""
    _fields(value, ("video", "frame", "polygon"), "a region")
    corners = value["polygon"]
    sound = isinstance(corners, list | tuple) and all(
        isinstance(p, list | tuple) and len(p) == 2 and all(map(_finite, p)) for p in corners
    )
    if not sound or len(corners) < 3:
        raise InputError("a region needs at least three corners [x, y]; draw it again")
    if not _whole(value["frame"]) or value["frame"] < EVERY or not _whole(value["video"]):
        raise InputError(f"a region is in frame {value['frame']!r}; -1 means every frame")
    return dict(value) | {"polygon": [[float(x), float(y)] for x, y in corners]}


def skeleton(value: Any, old: Skeleton) -> tuple[Skeleton, list[int]]:
    """Return a new skeleton, and where each of its keypoints was in the old one (-1: new).

    Args:
        value: a skeleton as a dict, which renames keypoints or appends some; or
            {"skeleton": …, "order": …}, which may also remove and reorder them.
        old: the skeleton that stands.

    Raises:
        InputError: keypoints vanish without an order, or the order is none.
    """
    _fields(value, (), "a skeleton", ("skeleton", "order", *Skeleton(("a",)).to_dict()))
    plain = value.get("skeleton", value)
    try:
        new = Skeleton.from_dict(plain)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError("a skeleton needs a list of keypoints; give their names") from error
    if not all(isinstance(name, str) for name in new.keypoints):
        raise InputError("names of keypoints are words; give them as text")
    order = value.get("order")
    if order is None:
        if len(new) < len(old):
            raise InputError("keypoints vanish; say which with the order of those that stay")
        order = appended(len(old), len(new))
    sound = isinstance(order, list | tuple) and len(order) == len(new)
    sound = sound and all(_whole(k) and -1 <= k < len(old) for k in order)
    kept = [k for k in order if k >= 0] if sound else []
    if not sound or len(set(kept)) < len(kept):
        raise InputError(
            f"order is {order!r}; give the old place of each of the {len(new)} keypoints once, "
            "-1 for a new one"
        )
    return new, list(order)


def appended(n_old: int, n_new: int) -> list[int]:
    """Return the order in which what was stays in its place, and the rest is new.

    >>> appended(2, 4)
    [0, 1, -1, -1]
    """
    return [j if j < n_old else -1 for j in range(n_new)]


def inverse(order: Sequence[int], n_old: int) -> list[int]:
    """Return the order that leads back.

    >>> inverse([2, 0, -1], 3)
    [1, -1, 0]
    """
    back = [-1] * n_old
    for new, k in enumerate(order):
        if k >= 0:
            back[k] = new
    return back


def reordered(points: list[Any], order: Sequence[int]) -> list[list[Any]]:
    """Return points after keypoints changed places; those of a removed keypoint are gone.

    >>> reordered([[0, 1.0, 2.0, 2], [1, None, None, 0]], [-1, 1])
    [[1, None, None, 0]]
    """
    said = {point[0]: point[1:] for point in points}
    return [[new, *said[old]] for new, old in enumerate(order) if old in said]


def _fields(value: Any, needed: tuple[str, ...], what: str, more: tuple[str, ...] = ()) -> None:
    if not isinstance(value, dict):
        raise InputError(f"{what} is {value!r}; give its fields by name")
    for name in needed:
        if name not in value:
            raise InputError(f"{what} lacks {name!r}; give it")
    for name in value:
        if name not in (*needed, *more):
            raise InputError(f"{what} has no {name!r}; it has {', '.join((*needed, *more))}")


def _one_of(value: Any, known: Sequence[int], what: str) -> int:
    if not _whole(value) or value not in known:
        raise InputError(f"{what} is {value!r}; use {', '.join(str(int(k)) for k in known)}")
    return int(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _finite(value: Any, limit: float = FARTHEST) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and abs(value) <= limit
