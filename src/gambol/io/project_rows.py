"""Between the arrays of `Labels` and the rows of a project's database."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from gambol.core.edits import BAD
from gambol.core.errors import InputError
from gambol.core.labels import UNKNOWN, Labels, Region, Visibility
from gambol.core.skeleton import Skeleton
from gambol.io import project_extras, project_keypoints
from gambol.io.project_edits import Edit, get, log
from gambol.io.project_videos import VideoRow

_EMPTY = (
    "NOT EXISTS (SELECT 1 FROM instances"
    " WHERE instances.video = frames.video AND instances.frame = frames.frame)"
)

_LEFT_OUT = (
    "EXISTS (SELECT 1 FROM frames WHERE {which}"
    " AND frames.video = instances.video AND frames.frame = instances.frame)"
)
BEGIN = "begin tracks"  # action of the edit that begins a log of tracks
_BAD = f"flag = {BAD}"
_DRAFT = f"(complete = 2 OR {_BAD})"


class Suggestion(NamedTuple):
    """A frame worth labelling."""

    video: int  # number of the video in the project
    frame: int
    reason: str
    score: float | None = None  # higher is more worth it, within one reason
    done: bool = False


class RegionRow(NamedTuple):
    """A polygon without loss and without score."""

    id: int
    video: int  # number of the video in the project
    frame: int  # or EVERY
    polygon: Float[np.ndarray, "K 2"]  # video pixels


def labels(
    connection: sqlite3.Connection,
    skeleton: Skeleton,
    known: list[VideoRow],
    refs: tuple[str, ...],
    individuals: dict[int, str],
    drafts: bool = False,
) -> Labels:
    """Read everything, sorted by video, frame and individual; unfinished frames as drafts."""
    place = {row.id: v for v, row in enumerate(known)}
    who = {number: k for k, number in enumerate(individuals)}
    found = connection.execute(
        "SELECT id, video, frame, individual, origin FROM instances"
        f" WHERE NOT {_LEFT_OUT.format(which=_BAD if drafts else _DRAFT)}"
        " ORDER BY video, frame, individual"
    ).fetchall()
    shape = (len(found), len(skeleton))
    xy = np.full((*shape, 2), np.nan)
    visibility = np.full(shape, Visibility.UNLABELLED, np.uint8)
    points = connection.execute("SELECT instance, keypoint, visibility, x, y FROM points")
    table = np.array(points.fetchall(), np.float64).reshape(-1, 5)  # NULL becomes NaN
    rows = _places([row[0] for row in found], table[:, 0])
    columns = _places(project_keypoints.ids(connection), table[:, 1])
    seen = (rows >= 0) & (columns >= 0)  # of keypoints that were removed nothing
    rows, columns, table = rows[seen], columns[seen], table[seen]
    visibility[rows, columns] = table[:, 2].astype(np.uint8)
    xy[rows, columns] = table[:, 3:]
    return Labels(
        skeleton,
        refs,
        np.array([place[row[1]] for row in found], np.int64),
        np.array([row[2] for row in found], np.int64),
        np.array([who.get(row[3], UNKNOWN) for row in found], np.int64),
        xy,
        visibility,
        np.array([row[4] for row in found], np.uint8),
        tuple(individuals.values()) or ("animal",),
        _frames(connection, place, f"complete = 1 AND NOT {_BAD} AND {_EMPTY}"),
        _frames(connection, place, f"complete = 0 AND NOT {_BAD}"),
        tuple(Region(place[r.video], r.frame, r.polygon) for r in regions(connection)),
        project_extras.read(connection, place, [row[1:4] for row in found]),
    )


def _places(known: Sequence[int], wanted: np.ndarray) -> Int[np.ndarray, " P"]:
    """Return where numbers stand in a list in which each is once; -1: nowhere."""
    numbers = np.array(known, np.int64)
    order = np.argsort(numbers)
    at = np.searchsorted(numbers[order], wanted).clip(max=max(len(numbers) - 1, 0))
    if not len(numbers):
        return np.full(len(wanted), -1)
    return np.where(numbers[order[at]] == wanted, order[at], -1)


def regions(connection: sqlite3.Connection) -> list[RegionRow]:
    """Return the regions in the order in which they were added."""
    found = connection.execute("SELECT id, video, frame, polygon FROM regions ORDER BY id")
    return [RegionRow(r, v, f, np.array(json.loads(text))) for r, v, f, text in found]


def add_region(edit: Edit, region: Region, video: int) -> int:
    """Return the number of a region in a video of the project; add it where there is none."""
    values = {
        "video": video,
        "frame": region.frame,
        "polygon": json.dumps(region.polygon.tolist()),
    }
    row = edit.connection.execute(
        "SELECT id FROM regions WHERE video = :video AND frame = :frame AND polygon = :polygon",
        values,
    ).fetchone()
    return int(row[0]) if row else _add(edit, "regions", values)


def unfinished(connection: sqlite3.Connection) -> int:
    """Count the frames in which somebody is at work."""
    query = "SELECT count(*) FROM frames WHERE complete = 2"
    return int(connection.execute(query).fetchone()[0])


def bad(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    """Return video and number of the frames whose picture is no good."""
    query = f"SELECT video, frame FROM frames WHERE {_BAD} ORDER BY video, frame"
    return [(video, frame) for video, frame in connection.execute(query)]


def say_complete(edit: Edit, place: tuple[int, int], complete: int | None) -> None:
    """Say whether every animal of a frame is labelled; its flag and note stay."""
    said = get(edit.connection, "frames", place) or {}
    edit.put("frames", place, said | {"complete": complete})


def _frames(
    connection: sqlite3.Connection, place: dict[int, int], which: str
) -> Int[np.ndarray, "M 2"]:
    found = connection.execute(f"SELECT video, frame FROM frames WHERE {which}")
    pairs = [(place[video], frame) for video, frame in found]
    return np.array(pairs, np.int64).reshape(-1, 2)


def fitted(labels: Labels, skeleton: Skeleton, folder: Path) -> Labels:
    """Return labels with the keypoints in the project's order, or say which differ."""
    theirs, ours = labels.skeleton.keypoints, skeleton.keypoints
    if set(theirs) != set(ours):
        strange = [f"{name!r} is new" for name in theirs if name not in ours]
        strange += [f"{name!r} is missing" for name in ours if name not in theirs]
        raise InputError(
            f"the labels have another skeleton than {folder}: {', '.join(strange[:6])}; "
            "rename the keypoints or import into a new project"
        )
    keys = np.stack([labels.video, labels.frame, labels.individual], axis=1)
    keys = keys[labels.individual != UNKNOWN]
    if len(np.unique(keys, axis=0)) < len(keys):
        values, count = np.unique(keys, axis=0, return_counts=True)
        v, f, i = values[np.argmax(count)]
        raise InputError(
            f"{labels.individuals[i]!r} is labelled twice in frame {f} of {labels.videos[v]}; "
            "remove one of the two"
        )
    order = [theirs.index(name) for name in ours]
    return replace(
        labels,
        skeleton=skeleton,
        xy=labels.xy[:, order],
        visibility=labels.visibility[:, order],
    )


def check_frame(frame: int, frames: int, name: str) -> None:
    """Refuse a frame that the video does not have."""
    if not 0 <= frame < frames:
        raise InputError(
            f"{name} has {frames} frames, numbered from 0, so there is no frame {frame}; "
            "check that it is the right video"
        )


def value(
    xy: Float[np.ndarray, "J 2"],
    visibility: UInt8[np.ndarray, " J"],
    origin: int,
    numbers: Sequence[int],
) -> dict[str, Any]:
    """Return the row of one animal: what was said of each keypoint; the unsaid has no entry.

    Args:
        xy: video pixels.
        visibility: states.
        origin: who says it.
        numbers: of the keypoints, (J,).
    """
    points = [
        [numbers[j], *([x, y] if np.isfinite(x) else [None, None]), state]
        for j, ((x, y), state) in enumerate(
            zip(np.asarray(xy, np.float64).tolist(), visibility.tolist(), strict=True)
        )
        if state != Visibility.UNLABELLED
    ]
    return {"origin": int(origin), "points": sorted(points, key=lambda point: point[0])}


def video_number(edit: Edit, values: dict[str, Any]) -> int:
    """Return the number of the video with this content; add it where there is none."""
    row = edit.connection.execute(
        "SELECT id FROM videos WHERE hash = ?", (values["hash"],)
    ).fetchone()
    return int(row[0]) if row else _add(edit, "videos", values)


def individual_number(edit: Edit, name: str) -> int:
    """Return the number of an animal; add it where there is none."""
    row = edit.connection.execute(
        "SELECT id FROM individuals WHERE name = ?", (name,)
    ).fetchone()
    return int(row[0]) if row else _add(edit, "individuals", {"name": name})


def _add(edit: Edit, table: str, values: dict[str, Any]) -> int:
    (last,) = edit.connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()
    edit.put(table, (last + 1,), values)
    return int(last) + 1


def ranks(connection: sqlite3.Connection) -> list[int]:
    """Return what suggestions are ordered by; numbers may be left out or come twice."""
    return [
        rank for (rank,) in connection.execute("SELECT rank FROM suggestions ORDER BY rank")
    ]


def replace_suggestions(edit: Edit, suggestions: list[Suggestion]) -> None:
    """Put a list of suggestions in the place of the list that is there."""
    wanted = {(s.video, s.frame): (rank, s) for rank, s in enumerate(suggestions)}
    there = edit.connection.execute("SELECT video, frame FROM suggestions").fetchall()
    for key in there:
        if key not in wanted:
            edit.put("suggestions", key, None)
    for key, (rank, s) in wanted.items():
        row = {"reason": s.reason, "score": s.score, "rank": rank, "done": int(s.done)}
        edit.put("suggestions", key, row)


def counts(connection: sqlite3.Connection, skeleton: Skeleton) -> dict[str, Any]:
    """Count frames, animals, states of every keypoint, suggestions and edits."""

    def one(query: str) -> int:
        return int(connection.execute(query).fetchone()[0])

    states = {name: {"visible": 0, "occluded": 0, "absent": 0} for name in skeleton.keypoints}
    at = {number: j for j, number in enumerate(project_keypoints.ids(connection))}
    for j, state, count in connection.execute(
        "SELECT keypoint, visibility, count(*) FROM points GROUP BY keypoint, visibility"
    ):
        if j in at:
            states[skeleton.keypoints[at[j]]][Visibility(state).name.lower()] = count
    return {
        "frames": one("SELECT count(*) FROM (SELECT DISTINCT video, frame FROM instances)"),
        "animals": one("SELECT count(*) FROM instances"),
        "unnamed": one("SELECT count(*) FROM instances WHERE individual < 0"),
        "negatives": one(f"SELECT count(*) FROM frames WHERE complete = 1 AND {_EMPTY}"),
        "incomplete": one("SELECT count(*) FROM frames WHERE complete = 0"),
        "unfinished": unfinished(connection),
        "regions": one("SELECT count(*) FROM regions"),
        "keypoints": states,
        "suggestions": one("SELECT count(*) FROM suggestions WHERE done = 0"),
        "edits": one("SELECT count(*) FROM edits"),
    }


def begun_track_log(connection: sqlite3.Connection, path: str, about: str, by: str) -> int:
    """Return the number of the log of a file of tracks; begin it where it is of something else.

    That is an edit of its own, which nobody undoes, as others build on it.

    Args:
        connection: in a transaction.
        path: of the log, inside the project.
        about: JSON; logs are of the same thing where its `of` is.
        by: who.
    """
    row = _track_log(connection, path)
    if row is not None and json.loads(row[1])["of"] == json.loads(about)["of"]:
        return row[0]
    one = Edit(connection)
    number = _begin_track_log(one, path, about, [])
    log(one, BEGIN, by)
    return number


def put_track_log(
    connection: sqlite3.Connection, path: str, about: str, records: list[str], action: str,
    by: str,
) -> None:  # fmt: skip
    """Replace the log of a file of tracks; records that stay the same are not touched.

    What it begins with is no part of an edit that can be undone; records that go along with
    new tracks belong to its beginning.
    """
    row = _track_log(connection, path)
    if row is None and records:
        begun = Edit(connection)
        _begin_track_log(begun, path, about, [])
        log(begun, BEGIN, by)
    one = Edit(connection)
    _begin_track_log(one, path, about, records)
    if one.after:
        log(one, action, by)


def add_track_records(edit: Edit, number: int, records: list[str]) -> None:
    """Add records to a log, each at a place that none ever had.

    One that is free because somebody undid stays theirs, for when they redo.
    """
    query = "SELECT coalesce(max(k2), -1) + 1 FROM touched WHERE tbl = 'track_edits' AND k1 = ?"
    (place,) = edit.connection.execute(query, (number,)).fetchone()
    for step, record in enumerate(records):
        edit.put("track_edits", (number, place + step), {"record": record})


def _track_log(connection: sqlite3.Connection, path: str) -> tuple[int, str] | None:
    query = "SELECT id, about FROM tracks WHERE path = ?"
    row = connection.execute(query, (path,)).fetchone()
    return None if row is None else (int(row[0]), str(row[1]))


def _begin_track_log(edit: Edit, path: str, about: str, records: list[str]) -> int:
    row = _track_log(edit.connection, path)
    values = {"path": path, "about": about}
    number = row[0] if row else _add(edit, "tracks", values)
    edit.put("tracks", (number,), values)
    query = "SELECT place, record FROM track_edits WHERE tracks = ? ORDER BY place"
    there = edit.connection.execute(query, (number,)).fetchall()
    pairs = zip(there, records, strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0][1] == pair[1], pairs))
    for place, _ in there[same:][::-1]:
        edit.put("track_edits", (number, place), None)
    add_track_records(edit, number, records[same:])
    return number
