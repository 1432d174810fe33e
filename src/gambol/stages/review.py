"""Stage `review`: what is doubtful about identities, and what a person says about it.

reads   tracks                   NAME.nc of `gambol track`, and the detections it was made from
writes  NAME.edits.jsonl         one record more, or one less when undone
        NAME.nc, NAME.review.json   made anew from the automatic tracks and the log
        clips/                   short films of the first events, where they are asked for
"""

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

from gambol.core.config import Config
from gambol.core.errors import InputError, did_you_mean
from gambol.core.instances import UNTRACKED
from gambol.core.progress import Progress, silent
from gambol.io import store
from gambol.pose import clean
from gambol.stages import appearance, clips, events, identities, replay, track
from gambol.tracking import gaps

Verb = Literal[
    "swap", "confirm", "assign", "cut", "join", "delete", "untrack", "interpolate", "leave",
    "resolve", "undo",
]  # fmt: skip


class ReviewConfig(Config):
    """One edit, in the words of a person: animals by name, places by frame.

    Without an edit, `animals`, `frame`, `last` and `kind` choose events; chosen by frame, they
    come in the order of time.
    """

    do: Verb | None = None  # null: only list what is doubtful
    animals: tuple[str, ...] = ()
    frame: NonNegativeInt | None = None  # where it begins
    last: NonNegativeInt | None = None  # where it ends, this frame included; null: the end
    kind: Literal["contact", "gap", "jump"] | None = None  # of events; null: all
    most: PositiveInt = 10  # events that are shown, or filmed
    x: float | None = None  # px; `assign` finds the untracked detection nearest to (x, y)
    y: float | None = None
    longest: PositiveInt = gaps.LONGEST  # frames of a gap that `interpolate` bridges


class Reviewed(NamedTuple):
    """The state of a track file."""

    tracks: Path
    edits: int
    events: list[dict[str, Any]]  # most harmful first; see `stages.events`
    films: list[clips.Clip]  # of the first of them, where they were asked for
    most: int  # of them are shown


class Opened(NamedTuple):
    """A track file with all that it is made from."""

    target: Path
    recording: identities.Recording
    automatic: identities.Automatic
    names: tuple[str, ...]  # as tracking gave them
    attrs: dict[str, Any]
    log: identities.Log

    @property
    def called(self) -> tuple[str, ...]:
        """What the animals are called now."""
        return identities.called(self.names, self.log.records)


def run(
    cfg: ReviewConfig,
    target: Path,
    films: Path | None = None,
    *,
    video: Path | None = None,
    progress: Progress = silent,
) -> Reviewed:
    """Apply one edit, or none, and return what is left to review.

    Args:
        cfg: the edit, or which events.
        target: the track file.
        films: folder for films of the first events; none where None.
        video: what they show, where it is not where it was.
        progress: hears of the filming.
    """
    if cfg.do is not None and cfg.kind is not None:
        raise InputError(f"kind chooses events to list, {cfg.do} is an edit; give one of them")
    opened = open_tracks(target)
    log = opened.log
    if cfg.do == "undo":
        if not log.records:
            raise InputError(f"{target} has no edit that could be undone")
        log = log._replace(records=log.records[:-1])
    elif cfg.do is not None:
        log = log._replace(records=[*log.records, _record(cfg, opened)])
    # the result is made before the log is written, so that an edit that cannot be applied
    # leaves everything as it was
    result = replay.build(opened.recording, opened.automatic, log.records)
    if log != opened.log:
        identities.write_log(target, log, str(cfg.do))
    if not identities.is_current(target, log):
        identities.write(target, opened.recording, result, opened.names, opened.attrs, log)
    names = identities.called(opened.names, log.records)
    rows = events.describe(result.events, names, opened.recording.times)
    rows = rows if cfg.do else _chosen(cfg, opened, rows)
    made = clips.write(target, rows[: cfg.most], films, video, progress) if films else []
    return Reviewed(target, len(log.records), rows, made, cfg.most)


def settle(target: Path) -> bool:
    """Write a track file anew if its log says more than the file does; True if it did."""
    log = identities.read_log(target)
    if log is None or identities.is_current(target, log):
        return False
    run(ReviewConfig(), target)
    return True


def describe(values: dict[str, Any]) -> str:
    """Show the first events of the queue."""
    found, most = values["events"], values["most"]
    rows = [f"{values['tracks']}: {values['edits']} edits, {len(found)} events to review"]
    rows += [
        f"  frames {e['first']} to {e['last']}: {e['kind']} of {', '.join(e['animals'])}, "
        f"right with probability {e['confidence']:.2f}, {e['affected']} frames affected"
        for e in found[:most]
    ]
    if len(found) > most:
        rows.append(f"  and {len(found) - most} more")
    if films := values["films"]:
        rows.append(f"films and pictures of the first {len(films)} in {films[0][0].parent}")
    return "\n".join(rows)


def _chosen(
    cfg: ReviewConfig, opened: Opened, rows: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Events of these animals, of this kind, that reach into these frames."""
    for name in cfg.animals:
        _index(name, opened.called)
    rows = [row for row in rows if cfg.kind in (None, row["kind"])]
    rows = [row for row in rows if set(cfg.animals) <= set(row["animals"])]
    if cfg.frame is None and cfg.last is None:
        return rows
    last = len(opened.recording.times) if cfg.last is None else cfg.last
    rows = [row for row in rows if row["last"] >= (cfg.frame or 0) and row["first"] <= last]
    return sorted(rows, key=lambda row: (row["first"], row["last"]))


def open_tracks(target: Path) -> Opened:
    """Read a track file, its detections and its log.

    Raises:
        InputError: one of them is gone, or is not of the others.
    """
    attrs = identities.attributes(target)
    log = identities.read_log(target)
    if log is None:
        raise InputError(f"{identities.log_file(target)} is gone; run gambol track again")
    if log.key != attrs["made_from"]:
        raise InputError(f"{target} is not what its log is about; run gambol track again")
    source = Path(str(attrs["detections"]))
    beside = target.parent / source.name
    source = source if source.exists() or not beside.exists() else beside
    if not source.exists():
        raise InputError(f"{target} was made from {source}, which is gone; put it back there")
    if store.file_hash(source) != attrs["detections_hash"]:
        raise InputError(
            f"{source} changed since {target} was made from it; run gambol track again"
        )
    cfg = track.TrackConfig.from_values(json.loads(attrs["track_settings"]), str(target))
    recording = track.cleaned(cfg, source)
    automatic = identities.read_automatic(target, log.key)
    if not np.array_equal(automatic.kept, recording.kept):
        raise InputError(f"{target} is of another gambol; run gambol track again")
    if cfg.appearance and automatic.offline:
        recording = appearance.recall(recording, target, log.key)
    return Opened(target, recording, automatic, identities.names_of(target), attrs, log)


def _record(cfg: ReviewConfig, opened: Opened) -> dict[str, Any]:
    """Translate an edit from names and frames to a record of the log."""
    if cfg.do == "resolve":
        return {"kind": replay.RESOLVE}
    first, last = _span(cfg, opened)
    who = [_index(name, opened.called) for name in cfg.animals]
    if twice := [name for name in cfg.animals if cfg.animals.count(name) > 1]:
        raise InputError(f"{cfg.do} names {twice[0]} twice; give different animals")
    if cfg.do == "swap":
        a, b = _count(cfg, who, 2)
        return {"kind": "swap", "a": a, "b": b, "first": first, "last": cfg.last}
    if cfg.do == "confirm":
        if cfg.last is None:
            raise InputError("confirm needs the frame up to which it holds; give --last")
        everyone = list(range(len(opened.names)))
        return {"kind": "confirm", "animals": who or everyone, "first": first, "last": last}
    if cfg.do in ("delete", "untrack"):
        (animal,) = _count(cfg, who, 1)
        return {"kind": cfg.do, "animal": animal, "first": first, "last": last}
    now = replay.build(opened.recording, opened.automatic, opened.log.records).tracks
    if cfg.do in ("interpolate", "leave"):
        return _of_gap(cfg, opened, now.id, *_count(cfg, who, 1))
    return _of_rows(cfg, opened, now.id, who, (first, last))


def _span(cfg: ReviewConfig, opened: Opened) -> tuple[int, int]:
    """First and last frame of an edit."""
    total = len(opened.recording.times)
    if cfg.frame is None:
        raise InputError(f"{cfg.do} needs the frame where it begins; give --frame")
    for frame in (cfg.frame, cfg.last):
        if frame is not None and frame >= total:
            raise InputError(f"{opened.target} has {total} frames; {frame} is none of them")
    if cfg.last is not None and cfg.last < cfg.frame:
        raise InputError(
            f"{cfg.do} would end at frame {cfg.last}, before it begins at {cfg.frame}; give a "
            "later --last"
        )
    return cfg.frame, total - 1 if cfg.last is None else cfg.last


def _of_rows(
    cfg: ReviewConfig, opened: Opened, ids: np.ndarray, who: list[int], span: tuple[int, int]
) -> dict[str, Any]:
    """Records that name detections."""
    frames, (first, last) = opened.recording.found.frame, span
    if cfg.do == "cut":
        (animal,) = _count(cfg, who, 1)
        return {"kind": "cut", "row": _row(opened, ids, animal, first)}
    if cfg.do == "join":
        a, b = _count(cfg, who, 2)
        later = _row(opened, ids, b, first)
        before = np.flatnonzero((ids == a) & (frames < frames[later]))
        if not len(before):
            raise InputError(f"{opened.called[a]} was not seen before frame {frames[later]}")
        return {
            "kind": "join", "row": int(before[-1]), "other": later, "a": a, "b": b,
            "first": int(frames[later]),
        }  # fmt: skip
    if cfg.x is not None and cfg.y is not None:
        (animal,) = _count(cfg, who, 1)
        row, was, last = _nearest(opened, ids, first, (cfg.x, cfg.y)), UNTRACKED, first
    else:
        was, animal = _count(cfg, who, 2)
        row = _row(opened, ids, was, first)
        first = int(frames[row])
    return {
        "kind": "assign", "row": row, "was": was, "animal": animal, "first": first,
        "last": max(first, last),
    }  # fmt: skip


def _of_gap(cfg: ReviewConfig, opened: Opened, ids: np.ndarray, animal: int) -> dict[str, Any]:
    """Record about the gap around a frame."""
    total, name = len(opened.recording.times), opened.called[animal]
    frames = opened.recording.found.frame[ids == animal]
    if cfg.frame in frames:
        raise InputError(f"{name} is seen in frame {cfg.frame}; give a frame of the gap")
    first, last = gaps.around(frames, cfg.frame or 0, total)
    if cfg.do == "interpolate":
        if first < 0 or last == total:
            end = "before" if first < 0 else "after"
            raise InputError(
                f"{name} is not seen {end} frame {cfg.frame}; a line needs both its ends"
            )
        if last - first >= cfg.longest:
            raise InputError(
                f"{name} is away for {last - first + 1} frames from {first} on, more than "
                f"{cfg.longest}; leave the gap, or give --longest {last - first + 1}"
            )
    first, last = max(first, 0), min(last, total - 1)
    return {"kind": cfg.do, "animal": animal, "first": first, "last": last}


def _row(opened: Opened, ids: np.ndarray, animal: int, frame: int) -> int:
    """The first detection of an animal from a frame on."""
    rows = np.flatnonzero((ids == animal) & (opened.recording.found.frame >= frame))
    if not len(rows):
        raise InputError(
            f"{opened.called[animal]} is not seen in {opened.target} from frame {frame} on"
        )
    return int(rows[0])


def _nearest(opened: Opened, ids: np.ndarray, frame: int, place: tuple[float, float]) -> int:
    found = opened.recording.found
    rows = np.flatnonzero((found.frame == frame) & (ids == UNTRACKED))
    away = np.linalg.norm(clean.centres(found.xy[rows]) - place, axis=-1)
    if not np.isfinite(away).any():
        raise InputError(f"{opened.target} has no untracked detection in frame {frame}")
    return int(rows[np.nanargmin(away)])


def _count(cfg: ReviewConfig, who: list[int], n: int) -> list[int]:
    if len(who) != n:
        animals = "one animal" if n == 1 else f"{n} animals"
        raise InputError(f"{cfg.do} is about {animals}, not {len(who)}; say --animals")
    return who


def _index(name: str, names: tuple[str, ...]) -> int:
    if name not in names:
        hint = did_you_mean(name, names) or f"; there are {', '.join(names)}"
        raise InputError(f"no animal {name!r}{hint}")
    return names.index(name)
