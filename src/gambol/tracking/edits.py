"""What a person changes about identities: an append-only log of small records.

Applying the log to the automatic tracks is pure, so undo is the log without its last record.
For tracking anew the log is compiled to constraints, which any result must fulfil.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Int
from pydantic import Field, NonNegativeInt, TypeAdapter, ValidationError

from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED, Detections, Tracks
from gambol.tracking.tracklets import Constraints


class Swap(Config):
    """Exchange two animals from a frame on, or in an interval; a permutation, no rewrite."""

    kind: Literal["swap"] = "swap"
    a: NonNegativeInt
    b: NonNegativeInt
    first: NonNegativeInt  # frame
    last: NonNegativeInt | None = None  # frame, included; none = to the end


class Confirm(Config):
    """These animals were followed rightly from one frame to another; never changed again."""

    kind: Literal["confirm"] = "confirm"
    animals: tuple[NonNegativeInt, ...]
    first: NonNegativeInt  # frame, the last one before the doubt
    last: NonNegativeInt  # frame, the first one after it


class Assign(Config):
    """The tracklet of a detection is this animal; who had its name there takes the other."""

    kind: Literal["assign"] = "assign"
    row: NonNegativeInt  # of the detections
    was: int  # its animal so far, or UNTRACKED: then only this row is changed
    animal: NonNegativeInt
    first: NonNegativeInt  # frames of the tracklet
    last: NonNegativeInt


class Cut(Config):
    """Whoever this is, it is not known to be the one of the frame before."""

    kind: Literal["cut"] = "cut"
    row: NonNegativeInt  # the first one after the cut


class Join(Config):
    """Two detections are one animal: from the later one on, it has the name of the earlier."""

    kind: Literal["join"] = "join"
    row: NonNegativeInt
    other: NonNegativeInt  # later
    a: NonNegativeInt  # animal of `row`
    b: NonNegativeInt  # animal of `other`, so far
    first: NonNegativeInt  # frame of `other`


class Remove(Config):
    """This stretch is no animal, or none that should be followed; it is kept, untracked."""

    kind: Literal["delete", "untrack"] = "delete"
    animal: NonNegativeInt
    first: NonNegativeInt  # frames
    last: NonNegativeInt


class Name(Config):
    """These detections are one animal; whoever had its name meanwhile is untracked."""

    kind: Literal["name"] = "name"
    rows: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)]  # one a frame
    animal: int  # UNTRACKED: they are no animal at all
    first: NonNegativeInt  # frames of the first and the last of them
    last: NonNegativeInt


class Pin(Config):
    """In this frame everybody is who they are called; swaps made later end before it."""

    kind: Literal["pin"] = "pin"
    frame: NonNegativeInt
    held: bool = True  # False takes the pin out


class Unsure(Config):
    """Somebody looked at an event and could not tell; it stays in the queue, at its end."""

    kind: Literal["unsure"] = "unsure"
    animals: tuple[NonNegativeInt, ...]
    first: NonNegativeInt  # frames of the event
    last: NonNegativeInt


class Rename(Config):
    """What an animal is called from now on, in all frames."""

    kind: Literal["rename"] = "rename"
    animal: NonNegativeInt
    name: Annotated[str, Field(min_length=1, max_length=80)]


class Gap(Config):
    """The animal is not seen in these frames: draw a straight line, or leave it at that."""

    kind: Literal["interpolate", "leave"]
    animal: NonNegativeInt
    first: NonNegativeInt  # frame, the first one without it
    last: NonNegativeInt  # frame, the last one without it


Edit = Swap | Confirm | Assign | Cut | Join | Remove | Name | Pin | Unsure | Rename | Gap
_any: TypeAdapter[Edit] = TypeAdapter(Annotated[Edit, Field(discriminator="kind")])


def parse(record: dict[str, Any], source: str) -> Edit:
    """Read one record of a log; `source` is where it stands, for the error sentence.

    >>> parse({"kind": "cut", "row": 7}, "edits.jsonl, line 1").row
    7
    """
    try:
        return _any.validate_python(record)
    except ValidationError as error:
        what = error.errors()[0]
        where = ".".join(str(part) for part in what["loc"])
        raise InputError(f"{source}: {record!r} is no edit: {where} {what['msg']}") from error


def apply(
    tracks: Tracks, detections: Detections, edits: Iterable[Edit], row: int = 0
) -> Tracks:
    """Return tracks changed by edits, in their order; the given ones stay as they are.

    Args:
        tracks: of the detections.
        detections: sorted by frame; a stretch of a recording will do.
        edits: the log.
        row: number of the first of these detections in the recording.
    """
    frame, identity, confidence = detections.frame, tracks.id.copy(), tracks.confidence.copy()
    for edit in edits:
        if isinstance(edit, Swap | Join):
            last = edit.last if isinstance(edit, Swap) else None
            _check(edit, (edit.a, edit.b), tracks.n_animals)
            _exchange(identity[_span(frame, edit.first, last)], edit.a, edit.b)
        elif isinstance(edit, Assign):
            _check(edit, (edit.animal,), tracks.n_animals)
            _assign(identity, confidence, frame, edit, row)
        elif isinstance(edit, Name):
            _check(edit, (edit.animal,), tracks.n_animals)
            _name(identity, confidence, frame, edit, row)
        elif isinstance(edit, Remove):
            span = _span(frame, edit.first, edit.last)
            confidence[span][identity[span] == edit.animal] = 0.0
            identity[span][identity[span] == edit.animal] = UNTRACKED
    return Tracks(identity, confidence, tracks.n_animals)


def _check(edit: Edit, animals: tuple[int, ...], n: int) -> None:
    for animal in animals:
        if animal >= n:
            raise InputError(
                f"edit {edit.model_dump()} names animal {animal}; there are 0 to {n - 1}"
            )


def _span(frame: Int[np.ndarray, " D"], first: int, last: int | None) -> slice:
    """Rows of these frames, the last one included."""
    end = len(frame) if last is None else int(np.searchsorted(frame, last, "right"))
    return slice(int(np.searchsorted(frame, first)), end)


def _exchange(identity: Int[np.ndarray, " R"], a: int, b: int) -> None:
    """Swap two names in place."""
    of_a, of_b = identity == a, identity == b
    identity[of_a], identity[of_b] = b, a


def _assign(
    identity: Int[np.ndarray, " D"],
    confidence: np.ndarray,
    frame: Int[np.ndarray, " D"],
    edit: Assign,
    row: int,
) -> None:
    """Name a tracklet, or one detection that was untracked."""
    if edit.was == UNTRACKED:
        if not 0 <= edit.row - row < len(frame):
            return
        at = int(frame[edit.row - row])
        span = _span(frame, at, at)
        confidence[span][identity[span] == edit.animal] = 0.0
        identity[span][identity[span] == edit.animal] = UNTRACKED
        identity[edit.row - row], confidence[edit.row - row] = edit.animal, 1.0
        return
    span = _span(frame, edit.first, edit.last)
    _exchange(identity[span], edit.was, edit.animal)
    confidence[span][identity[span] == edit.animal] = 1.0


def _name(
    identity: Int[np.ndarray, " D"],
    confidence: np.ndarray,
    frame: Int[np.ndarray, " D"],
    edit: Name,
    row: int,
) -> None:
    """Give detections to an animal, or to nobody."""
    mine = np.array(edit.rows, np.int64) - row
    mine = mine[(mine >= 0) & (mine < len(frame))]
    if edit.animal != UNTRACKED:
        span = _span(frame, edit.first, edit.last)
        confidence[span][identity[span] == edit.animal] = 0.0
        identity[span][identity[span] == edit.animal] = UNTRACKED
    identity[mine], confidence[mine] = edit.animal, float(edit.animal != UNTRACKED)


def constraints(  # noqa: C901  one branch for each kind of edit
    tracks: Tracks, detections: Detections, edits: Sequence[Edit]
) -> Constraints:
    """Compile a log to what any tracking of these detections must fulfil.

    Args:
        tracks: those that the log began with.
        detections: of the recording, which tracking anew must not change.
        edits: the log.
    """
    same: list[tuple[int, ...]] = []
    anchors, cuts, excluded = [], [], set()
    frame, now = detections.frame, tracks
    for edit in edits:
        earlier, now = now, apply(now, detections, [edit])
        if isinstance(edit, Swap):
            edges = [edit.first] if edit.last is None else [edit.first, edit.last + 1]
            for edge, animal in itertools.product(edges, (edit.a, edit.b)):
                same += _across(now.id, frame, edge, animal)
        elif isinstance(edit, Confirm):
            span = _span(frame, edit.first, edit.last)
            for animal in edit.animals:
                rows = span.start + np.flatnonzero(now.id[span] == animal)
                same.append(tuple(rows.tolist()))
        elif isinstance(edit, Assign):
            anchors.append((edit.row, edit.animal))
            excluded.discard(edit.row)
        elif isinstance(edit, Cut):
            cuts.append(edit.row)
        elif isinstance(edit, Join):
            same.append((edit.row, edit.other))
        elif isinstance(edit, Name) and edit.animal == UNTRACKED:
            excluded.update(edit.rows)
        elif isinstance(edit, Name):
            same.append(edit.rows)
            anchors.append((edit.rows[0], edit.animal))
            excluded.difference_update(edit.rows)
        elif isinstance(edit, Remove):
            span = _span(frame, edit.first, edit.last)
            gone = span.start + np.flatnonzero(earlier.id[span] == edit.animal)
            excluded.update(gone.tolist())
    kept = [tuple(r for r in chain if r not in excluded) for chain in same]
    return Constraints(
        tuple(chain for chain in kept if len(chain) > 1),
        tuple(anchors),
        tuple(cuts),
        tuple(sorted(excluded)),
    )


def _across(
    identity: Int[np.ndarray, " D"], frame: Int[np.ndarray, " D"], edge: int, animal: int
) -> list[tuple[int, ...]]:
    """The last row of an animal before a frame and its first one from there on."""
    rows = np.flatnonzero(identity == animal)
    place = int(np.searchsorted(frame[rows], edge))
    return [(int(rows[place - 1]), int(rows[place]))] if 0 < place < len(rows) else []
