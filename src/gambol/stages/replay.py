"""The log of edits on automatic tracks: replayed, solved anew, and carried over to new ones.

Records count the rows of all detections of the file, as its variable `row` does.
"""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment

from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED, Detections, Tracks, body_length
from gambol.pose.clean import centres
from gambol.stages.identities import Automatic, Log, Recording, Result
from gambol.tracking import edits as log
from gambol.tracking import gaps, identities, review
from gambol.tracking.tracklets import Constraints

RESOLVE = "resolve"  # record: solve anew, with all that was said before as constraints
SAME = 0.3  # L: a detection found again lies nearer than this
_ROWS = ("row", "other")  # fields of records that name a detection
_NOTHING = Constraints()


@dataclasses.dataclass
class _State:
    """Where a replay has come to."""

    base: Tracks  # those that the edits since the last solution began with
    tracks: Tracks
    events: list[review.Event]
    bound: Constraints  # of the edits before the last solution
    said: list[log.Edit]  # since then
    brought: list[log.Assign | log.Name]  # detections that were named one by one
    gaps: tuple[log.Gap, ...] = ()


def build(recording: Recording, automatic: Automatic, records: list[dict[str, Any]]) -> Result:
    """Apply the records of a log to automatic tracks."""
    start = _whole(recording.kept, automatic.id, automatic.confidence, automatic.n_animals)
    state = _State(start, start, list(automatic.events), _NOTHING, [], [])
    for line, record in enumerate(records, start=2):
        if record.get("kind") == RESOLVE:
            _solve(recording, automatic, state)
        else:
            edit = log.parse(record, f"edits, line {line}")
            _check(edit, len(recording.found.frame), line)
            _apply(recording, edit, state)
    return Result(state.tracks, review.queue(state.events), state.gaps)


def _whole(
    kept: Bool[np.ndarray, " D"],
    ids: Int[np.ndarray, " K"],
    confidence: Float[np.ndarray, " K"],
    n_animals: int,
) -> Tracks:
    """Tracks of all detections, those that were not kept being untracked."""
    identity, sure = np.full(len(kept), UNTRACKED), np.zeros(len(kept))
    identity[kept], sure[kept] = ids, confidence
    return Tracks(identity, sure, n_animals)


def _apply(recording: Recording, edit: log.Edit, state: _State) -> None:
    state.tracks = log.apply(state.tracks, recording.found, [edit])
    state.events = [renamed(edit, e) for e in state.events if not settles(edit, e)]
    state.gaps = gaps.after(state.gaps, edit)
    state.said.append(edit)
    if isinstance(edit, log.Name) or (isinstance(edit, log.Assign) and edit.was == UNTRACKED):
        state.brought.append(edit)


def _solve(recording: Recording, automatic: Automatic, state: _State) -> None:
    """Find identities anew that fulfil all that was said."""
    if not automatic.offline:
        raise InputError(
            "identities can be solved anew only with the preset gambol and detections to solve"
        )
    latest = log.constraints(state.base, recording.found, state.said)
    state.bound = _joined(state.bound, latest)
    solved = solve(recording, automatic, _among(state.bound, recording.kept))
    ids, sure, n = solved.tracks
    tracks = _whole(recording.kept, ids, sure, n)
    order = np.arange(n)
    if not state.bound.anchors and recording.found.identity.shape[1] != n:
        order = _likest(tracks.id, state.tracks.id, n)
    named = np.append(order, UNTRACKED)[tracks.id]
    tracks = log.apply(tracks._replace(id=named), recording.found, state.brought)
    state.base = state.tracks = tracks
    state.events = [_called(event, order) for event in solved.events]
    state.said = []


def solve(
    recording: Recording, automatic: Automatic, bound: Constraints = _NOTHING
) -> identities.Identified:
    """Resolve identities over the whole recording; rows of constraints are those kept."""
    found = recording.found
    return identities.identify(
        found if recording.kept.all() else found.select(np.flatnonzero(recording.kept)),
        automatic.track,
        automatic.margin,
        recording.times,
        automatic.n_animals,
        automatic.area,
        automatic.body,
        doors=automatic.doors if len(automatic.doors) else None,
        constraints=bound,
    )


def _joined(one: Constraints, two: Constraints) -> Constraints:
    """Both; what was named later is an animal after all."""
    named = {row for row, _ in two.anchors}
    return Constraints(
        one.same + two.same,
        tuple(a for a in one.anchors if a[0] not in named) + two.anchors,
        one.cuts + two.cuts,
        tuple(sorted({r for r in one.excluded if r not in named} | {*two.excluded})),
    )


def _among(bound: Constraints, kept: np.ndarray) -> Constraints:
    """Constraints on the detections that were kept, counted among them."""
    place = (np.cumsum(kept) - 1).tolist()
    chains = (tuple(place[r] for r in chain if kept[r]) for chain in bound.same)
    return Constraints(
        tuple(chain for chain in chains if len(chain) > 1),
        tuple((place[r], a) for r, a in bound.anchors if kept[r]),
        tuple(place[r] for r in bound.cuts if kept[r]),
        tuple(place[r] for r in bound.excluded if kept[r]),
    )


def _likest(
    ids: Int[np.ndarray, " D"], before: Int[np.ndarray, " D"], n: int
) -> Int[np.ndarray, " N"]:
    """New names of animals such that most detections keep the name they had."""
    both = (ids >= 0) & (before >= 0)
    met = np.bincount(ids[both] * n + before[both], minlength=n * n).reshape(n, n)
    return np.asarray(linear_sum_assignment(-met - 1e-3 * np.eye(n))[1])


def _called(event: review.Event, order: Int[np.ndarray, " N"]) -> review.Event:
    who, instead = (
        tuple(int(order[a]) for a in part) for part in (event.animals, event.instead)
    )
    return event._replace(animals=who, instead=instead)


def settles(edit: log.Edit, event: review.Event) -> bool:
    """Whether a person has looked at an event by making this edit."""
    if isinstance(edit, log.Confirm):
        inside = edit.first <= event.first and event.last <= edit.last
        return inside and set(event.animals) <= set(edit.animals)
    if isinstance(edit, log.Swap | log.Join):
        edges, who = [edit.first], {edit.a, edit.b}
        if isinstance(edit, log.Swap) and edit.last is not None:
            edges.append(edit.last + 1)
    elif isinstance(edit, log.Assign):
        edges, who = [edit.first], {edit.was, edit.animal}
    else:
        return False
    return who <= set(event.animals) and any(
        event.first <= edge <= event.last + 1 for edge in edges
    )


def renamed(edit: log.Edit, event: review.Event) -> review.Event:
    """Events within the reach of an exchange are about the animals as they are called now."""
    if isinstance(edit, log.Swap | log.Join):
        pair, last = (edit.a, edit.b), edit.last if isinstance(edit, log.Swap) else None
    elif isinstance(edit, log.Assign) and edit.was != UNTRACKED:
        pair, last = (edit.was, edit.animal), edit.last
    else:
        return event
    if event.first < edit.first or (last is not None and event.last > last):
        return event
    new = {pair[0]: pair[1], pair[1]: pair[0]}
    animals, instead = (
        tuple(new.get(a, a) for a in part) for part in (event.animals, event.instead)
    )
    return event._replace(animals=animals, instead=instead)


def _check(edit: log.Edit, rows: int, line: int) -> None:
    named = [getattr(edit, name, 0) for name in _ROWS]
    if isinstance(edit, log.Name):
        named += edit.rows
    if max(named) >= rows:
        raise InputError(
            f"edits, line {line} names detection {max(named)} of {rows}; take the line out"
        )


def carry(
    old: Automatic, before: Detections, said: Log, new: Automatic, recording: Recording
) -> tuple[Automatic, list[dict[str, Any]]]:
    """Take what people said over to new automatic tracks of the same video.

    The names stay those of the old tracks, on the new detections; a record more lets the new
    tracks be solved under all that was said.

    Args:
        old: the tracks that the log begins with.
        before: their detections, in the same rows.
        said: the log.
        new: other tracks, perhaps of other detections.
        recording: with the new detections.
    """
    if old.n_animals != new.n_animals or not new.offline:
        raise InputError(
            f"the tracks of {old.n_animals} animals have edits that do not fit "
            f"{new.n_animals} animals tracked like this; give another --out, or undo the edits"
        )
    place = _again(before, recording.found)
    start = _whole(old.kept, old.id, old.confidence, old.n_animals)
    ids, sure = np.full(len(recording.kept), UNTRACKED), np.zeros(len(recording.kept))
    there = place >= 0
    ids[place[there]], sure[place[there]] = start.id[there], start.confidence[there]
    kept = recording.kept
    records = [r for r in (_moved(record, place) for record in said.records) if r is not None]
    moved = new._replace(id=ids[kept], confidence=sure[kept])
    return moved, [*records, {"kind": RESOLVE}]


def _moved(record: dict[str, Any], place: Int[np.ndarray, " D"]) -> dict[str, Any] | None:
    """A record about new rows; None where its detection is no longer there."""
    if record.get("kind") == "name":
        there = [int(place[row]) for row in record["rows"] if place[row] >= 0]
        return {**record, "rows": there} if there else None
    rows = {name: int(place[record[name]]) for name in _ROWS if name in record}
    return None if any(row < 0 for row in rows.values()) else {**record, **rows}


def _again(before: Detections, now: Detections) -> Int[np.ndarray, " D"]:
    """The new row of every old detection; -1 where it was not found again."""
    place = np.full(len(before.frame), -1)
    one, two = centres(before.xy), centres(now.xy)
    reach = SAME * body_length(before.xy)
    for frame in np.unique(before.frame):
        old, new = (np.flatnonzero(f == frame) for f in (before.frame, now.frame))
        away = np.nan_to_num(np.linalg.norm(one[old, None] - two[new], axis=-1), nan=np.inf)
        cost = np.minimum(away, reach)
        for i, j in zip(*linear_sum_assignment(cost), strict=True):
            if away[i, j] < reach:
                place[old[i]] = new[j]
    return place
