"""Identities of one recording on disk: what tracking found, what people said, what that makes.

NAME.nc              tracks, as `io.tracks` describes: the result
NAME.review.json     doubtful events, most harmful first
NAME.edits.jsonl     what people changed, one record a line; never rewritten, undo takes one off
.NAME.auto.npz       what tracking found before anyone looked

The result is a function of the detections, the automatic tracks and the log, so the same log
always gives the same file.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED, Detections, Tracks
from gambol.core.skeleton import Skeleton
from gambol.io import store
from gambol.io import tracks as io_tracks
from gambol.tracking import edits as log
from gambol.tracking import identities, review

PIECE = 4096  # frames that are written together
RESOLVE = "resolve"  # record: solve anew, with all that was said before as constraints


class Recording(NamedTuple):
    """The detections of one video, and what is known of it."""

    found: Detections
    kept: np.ndarray  # (D,) bool: detections that may be animals
    times: np.ndarray  # (T,) s
    readable: np.ndarray  # (T,) bool
    skeleton: Skeleton
    fps: float
    attrs: dict[str, Any]


class Automatic(NamedTuple):
    """What tracking found in the detections that were kept."""

    id: np.ndarray  # (K,)
    confidence: np.ndarray  # (K,)
    track: np.ndarray  # (K,) raw tracks
    margin: np.ndarray  # (K,) nats
    n_animals: int
    area: float  # of the arena, px²
    body: float  # px
    offline: bool  # events can be judged: the number of animals is known


class Result(NamedTuple):
    """Who is who now."""

    tracks: Tracks  # of all detections, those that were not kept being untracked
    events: list[review.Event]  # that nobody has settled, most harmful first


def build(recording: Recording, automatic: Automatic, records: list[dict[str, Any]]) -> Result:
    """Apply a log to automatic tracks."""
    rows = np.flatnonzero(recording.kept)
    found = recording.found.select(rows)
    tracks = Tracks(automatic.id, automatic.confidence, automatic.n_animals)
    events: list[review.Event] = []
    if automatic.offline:
        events = _solve(recording, automatic, found, ()).events
    said: list[log.Edit] = []
    for line, record in enumerate(records, start=1):
        if record.get("kind") == RESOLVE:
            bound = log.constraints(tracks, found, said)
            solved = _solve(recording, automatic, found, bound)
            tracks, events = solved.tracks, solved.events
            continue
        edit = log.parse(record, f"edits, line {line}")
        tracks = log.apply(tracks, found, [edit])
        said.append(edit)
        events = [event for event in events if not _settles(edit, event)]
    identity = np.full(len(recording.found.frame), UNTRACKED)
    confidence = np.zeros(len(identity))
    identity[rows], confidence[rows] = tracks.id, tracks.confidence
    whole = Tracks(identity, confidence, automatic.n_animals)
    return Result(whole, review.queue(events))


def _solve(
    recording: Recording, automatic: Automatic, found: Detections, bound: Any
) -> identities.Identified:
    known = {"constraints": bound} if bound else {}
    return identities.identify(
        found,
        automatic.track,
        automatic.margin,
        recording.times,
        automatic.n_animals,
        automatic.area,
        automatic.body,
        **known,
    )


def _settles(edit: log.Edit, event: review.Event) -> bool:
    """Whether a person has looked at an event by making this edit."""
    if isinstance(edit, log.Confirm):
        return edit.first <= event.last and edit.last >= event.first
    if isinstance(edit, log.Swap | log.Join):
        return event.first <= edit.first <= event.last + 1
    return False


def write(
    target: Path,
    recording: Recording,
    result: Result,
    names: tuple[str, ...],
    attrs: dict[str, Any],
) -> None:
    """Write tracks and queue."""
    frames = len(recording.times)
    edges = np.searchsorted(recording.found.frame, np.arange(0, frames + PIECE, PIECE))

    def parts() -> Any:
        for n, start in enumerate(range(0, frames, PIECE)):
            some = slice(int(edges[n]), int(edges[n + 1]))
            yield io_tracks.Piece(
                start,
                recording.readable[start : start + PIECE],
                recording.found.select(some),  # type: ignore[arg-type]
                result.tracks.id[some],
                result.tracks.confidence[some],
            )

    io_tracks.write(
        target, parts(), recording.times, recording.skeleton, names,
        fps=recording.fps, attrs=attrs,
    )  # fmt: skip
    store.write_json({"events": [e._asdict() for e in result.events]}, queue_file(target))


def queue_file(target: Path) -> Path:
    """Where the review queue of a track file lies."""
    return target.with_suffix(".review.json")


def log_file(target: Path) -> Path:
    """Where the edits of a track file lie."""
    return target.with_suffix(".edits.jsonl")


def automatic_file(target: Path) -> Path:
    """Where the automatic tracks lie."""
    return target.with_name(f".{target.stem}.auto.npz")


def read_log(target: Path) -> list[dict[str, Any]]:
    """Return the records of the log; a line that was cut off by a crash is none."""
    path = log_file(target)
    if not path.exists():
        return []
    records = []
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number == len(lines):
                break
            raise InputError(
                f"{path}, line {number} is no record; mend it or take the line out"
            ) from error
    return records


def write_log(target: Path, records: list[dict[str, Any]]) -> None:
    """Write the log, whole or not at all."""
    text = "".join(json.dumps(record) + "\n" for record in records)
    store.write_text(text, log_file(target))


def write_automatic(target: Path, automatic: Automatic) -> None:
    """Keep what tracking found."""
    path = automatic_file(target)
    with store.atomic(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **automatic._asdict())


def read_automatic(target: Path) -> Automatic:
    """Read what tracking found."""
    path = automatic_file(target)
    if not path.exists():
        raise InputError(f"{path} is missing; run `gambol track` again")
    with np.load(path, allow_pickle=False) as file:
        values = {name: file[name] for name in Automatic._fields}
    plain = {name: v.item() for name, v in values.items() if v.ndim == 0}
    return Automatic(**{**values, **plain})


def names_of(target: Path) -> tuple[str, ...]:
    """Names of the animals of a track file."""
    with xr.open_dataset(target, engine="h5netcdf") as file:
        return tuple(str(name) for name in file["individuals"].values)
