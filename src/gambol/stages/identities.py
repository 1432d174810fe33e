"""Identities of one recording on disk: what tracking found, what people said, what that makes.

NAME.edits.jsonl     the log: which automatic tracks it begins with, then one edit a line
.NAME.KEY.npz        those automatic tracks, as they were before anyone looked
.NAME.KEY.index      the same for the studio, which makes it when it looks
NAME.review.json     doubtful events, most harmful first (`stages.events`)
NAME.nc              tracks, as `io.tracks` describes: the result

The result is a function of the detections, the automatic tracks and the log, so the same log
always gives the same file, bit for bit. The log is written first, NAME.nc last and with a hash
of the log: after a crash between the two, the next command sees that and writes the rest.
Inside a project the log is part of the project, and NAME.edits.jsonl a copy of it.
"""

import contextlib
import hashlib
import itertools
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.core.errors import InputError
from gambol.core.instances import Candidates, Detections, Tracks
from gambol.core.skeleton import Skeleton
from gambol.io import detections as io_detections
from gambol.io import store, track_logs
from gambol.io import tracks as io_tracks
from gambol.stages import events as queue
from gambol.tracking import gaps
from gambol.tracking.edits import Gap
from gambol.tracking.review import Event

PIECE = 4096  # frames that are written together
BEGIN = "begin"  # first record of a log: the key of the automatic tracks
NAMES = "names_of_tracking"  # attribute: what animals were called before anybody renamed them
_DERIVED = {  # attributes that `core.poses` writes
    "ds_type", "source_software", "fps", "time_unit", "space_unit", "skeleton",
}  # fmt: skip


class Recording(NamedTuple):
    """The detections of one video, and what is known of it."""

    found: Detections
    kept: Bool[np.ndarray, " D"]  # detections that may be animals
    times: Float[np.ndarray, " T"]  # s
    readable: Bool[np.ndarray, " T"]
    skeleton: Skeleton
    fps: float
    classes: tuple[str, ...]  # names behind `Detections.identity`
    attrs: dict[str, Any]
    more: Path | None = None  # the file of detections, if it keeps peaks or margins


class Automatic(NamedTuple):
    """What tracking found in the detections that were kept."""

    id: Int[np.ndarray, " K"]
    confidence: Float[np.ndarray, " K"]
    track: Int[np.ndarray, " K"]  # raw tracks
    margin: Float[np.ndarray, " K"]  # nats
    kept: Bool[np.ndarray, " D"]  # which those are among all
    doors: Float[np.ndarray, "P 2"]  # px
    n_animals: int
    area: float  # of the arena, px²
    body: float  # px
    offline: bool  # events can be judged: the number of animals is known
    events: list[Event]


class Result(NamedTuple):
    """Who is who now."""

    tracks: Tracks  # of all detections, those that were not kept being untracked
    events: list[Event]  # that nobody has settled, most harmful first
    gaps: tuple[Gap, ...] = ()  # that people decided about


class Log(NamedTuple):
    """What people said, and about what."""

    key: str  # of the automatic tracks
    records: list[dict[str, Any]]

    @property
    def lines(self) -> track_logs.Lines:
        """The log as text."""
        about = json.dumps({"kind": BEGIN, "of": self.key})
        return track_logs.Lines(about, [json.dumps(record) for record in self.records])

    @property
    def hash(self) -> str:
        """Tell logs apart."""
        about, records = self.lines
        return hashlib.sha256("\n".join([about, *records]).encode()).hexdigest()[:16]


def write(
    target: Path,
    recording: Recording,
    result: Result,
    names: tuple[str, ...],
    attrs: dict[str, Any],
    log: Log,
) -> None:
    """Write queue and tracks; the tracks last, since they say of which log they are.

    `names` are those of tracking; where the log renames animals, the files say so.
    """
    track_logs.export(log_file(target), log.lines)
    now = called(names, log.records)
    rows = queue.describe(result.events, now, recording.times)
    about = {"tracks": target.name, "animals": list(now), "frames": len(recording.times)}
    store.write_json({**about, "edits": len(log.records), "events": rows}, queue_file(target))
    said = {name: value for name, value in attrs.items() if name not in _DERIVED}
    said |= {"made_from": log.key, "edits": log.hash, NAMES: json.dumps(names)}
    several, margin = _more(recording, np.arange(0))
    drawn = gaps.draw(recording.found, *result.tracks[:2], result.gaps)
    io_tracks.write(
        target, _pieces(recording, result.tracks, drawn), recording.times,
        recording.skeleton, now, fps=recording.fps, attrs=dict(sorted(said.items())),
        detections=len(recording.found.frame),
        candidates=1 if several is None else several.score.shape[2],
        drawn=len(drawn.animal) > 0, weighed=margin is not None,
    )  # fmt: skip


def _pieces(
    recording: Recording, tracks: Tracks, drawn: gaps.Drawn
) -> Iterator[io_tracks.Piece]:
    for n, rows in enumerate(stretches(recording)):
        start, found = n * PIECE, recording.found.select(rows)
        readable = recording.readable[start : start + PIECE]
        who = tracks.id[rows], tracks.confidence[rows]
        edges = np.searchsorted(drawn.poses.frame, [start, start + PIECE])
        part = np.arange(*edges.tolist())
        lines = io_tracks.Piece(
            start, readable, drawn.poses.select(part), drawn.animal[part],
            drawn.confidence[part],
        )  # fmt: skip
        several, margin = _more(recording, rows)
        yield io_tracks.Piece(start, readable, found, *who, several, lines, margin)


def _more(
    recording: Recording, rows: Int[np.ndarray, " R"]
) -> tuple[Candidates | None, Float[np.ndarray, "R J"] | None]:
    """The peaks and margins of rows that follow one another, if they were kept."""
    if recording.more is None:
        return None, None
    first, last = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)
    several = io_detections.candidates(recording.more, first, last)
    return several, io_detections.margins(recording.more, first, last)


def stretches(recording: Recording) -> Iterator[Int[np.ndarray, " R"]]:
    """Yield the rows of so many frames after another."""
    edges = range(0, len(recording.times) + PIECE, PIECE)
    for first, last in itertools.pairwise(np.searchsorted(recording.found.frame, edges)):
        yield np.arange(first, last)


def is_current(target: Path, log: Log) -> bool:
    """Whether the track file is what this log makes."""
    if not target.exists() or not queue_file(target).exists():
        return False
    attrs = attributes(target)
    return attrs.get("made_from") == log.key and attrs.get("edits") == log.hash


def attributes(target: Path, *, any_poses: bool = False) -> dict[str, Any]:
    """Return what a track file says of itself; refuse a file that is none.

    Args:
        target: the file.
        any_poses: other pose files will do as well.
    """
    with io_detections.open_file(target) as file:
        attrs = dict(file.attrs)
    if "track_settings" not in attrs and not any_poses:
        raise InputError(f"{target} is no file of gambol track; give one that is")
    return attrs


def names_of(target: Path) -> tuple[str, ...]:
    """Names that tracking gave the animals of a track file, before anybody renamed them."""
    with io_detections.open_file(target) as file:
        if NAMES in file.attrs:
            return tuple(json.loads(file.attrs[NAMES]))
        return io_detections.axis_names(file, "individuals")


def called(names: tuple[str, ...], records: list[dict[str, Any]]) -> tuple[str, ...]:
    """Return what animals are called after all renaming in a log.

    >>> called(("a", "b"), [{"kind": "rename", "animal": 1, "name": "Mei"}])
    ('a', 'Mei')
    """
    now = list(names)
    for record in records:
        if record.get("kind") == "rename" and record["animal"] < len(now):
            now[record["animal"]] = record["name"]
    return tuple(now)


def queue_file(target: Path) -> Path:
    """Where the review queue of a track file lies."""
    return target.with_suffix(".review.json")


def log_file(target: Path) -> Path:
    """Where the edits of a track file lie."""
    return target.with_suffix(".edits.jsonl")


def automatic_file(target: Path, key: str) -> Path:
    """Where automatic tracks lie."""
    return target.with_name(f".{target.stem}.{key}.npz")


def index_file(target: Path, key: str) -> Path:
    """Where the studio keeps automatic tracks as it looks them up; made anew when missing."""
    return automatic_file(target, key).with_suffix(".index")


def read_log(target: Path) -> Log | None:
    """Return the log; None where nothing was tracked yet."""
    path = log_file(target)
    if not path.exists() and not target.exists():
        return None
    lines = track_logs.read(path)
    if lines is None:
        return None
    records = []
    for number, line in enumerate((lines.about, *lines.records), start=1):
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise InputError(
                f"{path}, line {number} is no record; mend it or take the line out"
            ) from error
    first = records[0] if isinstance(records[0], dict) else {}
    if first.get("kind") != BEGIN or not re.fullmatch(r"[0-9a-f]{16}", str(first.get("of"))):
        raise InputError(
            f"{path} does not begin with the tracks it is about; move it away and run gambol "
            "track again"
        )
    return Log(first["of"], records[1:])


def write_log(target: Path, log: Log, action: str) -> None:
    """Write the log, whole or not at all; `action` is what the project's history calls it."""
    track_logs.write(log_file(target), log.lines, f"tracks: {action}")


def write_automatic(target: Path, key: str, automatic: Automatic) -> None:
    """Keep what tracking found."""
    values = automatic._asdict()
    arrays: dict[str, Any] = {n: v for n, v in values.items() if isinstance(v, np.ndarray)}
    plain = {n: v for n, v in values.items() if n not in arrays}
    plain["events"] = [event._asdict() for event in automatic.events]
    with store.atomic(automatic_file(target, key)) as partial, partial.open("wb") as file:
        np.savez_compressed(file, about=np.array(json.dumps(plain)), **arrays)


def read_automatic(target: Path, key: str) -> Automatic:
    """Read what tracking found."""
    path = automatic_file(target, key)
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            values = {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing; run gambol track into another --out") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is damaged; run gambol track into another --out") from error
    plain = json.loads(str(values.pop("about")))
    plain["events"] = [event(one) for one in plain["events"]]
    return Automatic(**values, **plain)


def event(values: dict[str, Any]) -> Event:
    """Read an event as it is kept with automatic tracks."""
    who = {name: tuple(values[name]) for name in ("animals", "instead")}
    return Event(**{**values, **who})


def forget_others(target: Path, key: str) -> None:
    """Delete automatic tracks that no log is about any more, and what was made from them."""
    pattern = re.compile(rf"\.{re.escape(target.stem)}\.[0-9a-f]{{16}}\.(npz|index)")
    kept = automatic_file(target, key), index_file(target, key)
    for path in target.parent.glob(".*"):
        if pattern.fullmatch(path.name) and path not in kept:
            with contextlib.suppress(PermissionError):  # Windows: a studio looks at it
                path.unlink(missing_ok=True)
