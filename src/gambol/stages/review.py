"""Stage `review`: what is doubtful about identities, and what a person says about it.

reads   tracks                   NAME.nc of `gambol track`, and the detections it was made from
writes  NAME.edits.jsonl         one record more, or one less when undone
        NAME.nc, NAME.review.json   made anew from the automatic tracks and the log
"""

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from pydantic import NonNegativeInt

from gambol.core.config import Config
from gambol.core.errors import InputError, did_you_mean
from gambol.core.instances import UNTRACKED
from gambol.io import store
from gambol.stages import identities, track
from gambol.tracking.review import Event

Verb = Literal[
    "swap", "confirm", "assign", "cut", "join", "delete", "untrack", "resolve", "undo"
]


class ReviewConfig(Config):
    """One edit, in the words of a person: animals by name, places by frame."""

    do: Verb | None = None  # null: only list what is doubtful
    animals: tuple[str, ...] = ()
    frame: NonNegativeInt | None = None  # where it begins
    last: NonNegativeInt | None = None  # where it ends, this frame included; null: the end
    x: float | None = None  # px; `assign` finds the untracked detection nearest to (x, y)
    y: float | None = None


class Reviewed(NamedTuple):
    """The state of a track file."""

    tracks: Path
    edits: int
    events: list[dict[str, Any]]  # most harmful first; animals by name


class _Open(NamedTuple):
    target: Path
    recording: identities.Recording
    automatic: identities.Automatic
    names: tuple[str, ...]
    attrs: dict[str, Any]
    records: list[dict[str, Any]]


def run(cfg: ReviewConfig, target: Path) -> Reviewed:
    """Apply one edit, or none, and return what is left to review."""
    opened = _open(target)
    records = opened.records
    if cfg.do is None:
        result = identities.build(opened.recording, opened.automatic, records)
        return _reviewed(opened, records, result.events)
    if cfg.do == "undo":
        if not records:
            raise InputError(f"{target} has no edit that could be undone")
        records = records[:-1]
    else:
        records = [*records, _record(cfg, opened)]
    # the result is made before the log is written, so that an edit that cannot be applied
    # leaves everything as it was
    result = identities.build(opened.recording, opened.automatic, records)
    identities.write_log(target, records)
    identities.write(target, opened.recording, result, opened.names, opened.attrs)
    return _reviewed(opened, records, result.events)


def describe(values: dict[str, Any]) -> str:
    """Show the queue, ten events at most."""
    events = values["events"]
    rows = [f"{values['tracks']}: {values['edits']} edits, {len(events)} events to review"]
    rows += [
        f"  frames {e['first']} to {e['last']}: {e['kind']} of {', '.join(e['animals'])}, "
        f"right with probability {e['confidence']:.2f}, {e['affected']} frames affected"
        for e in events[:10]
    ]
    return "\n".join(rows)


def _open(target: Path) -> _Open:
    store.require_file(target)
    with xr.open_dataset(target, engine="h5netcdf") as file:
        attrs = dict(file.attrs)
    if "track_settings" not in attrs:
        raise InputError(f"{target} is no file of `gambol track`; give one that is")
    source = Path(str(attrs["detections"]))
    beside = target.parent / source.name
    source = source if source.exists() else beside
    if not source.exists():
        raise InputError(f"{target} was made from {source}, which is gone; put it back there")
    cfg = track.TrackConfig.from_values(json.loads(attrs["track_settings"]), str(target))
    return _Open(
        target,
        track.cleaned(cfg, source),
        identities.read_automatic(target),
        identities.names_of(target),
        attrs,
        identities.read_log(target),
    )


def _record(cfg: ReviewConfig, opened: _Open) -> dict[str, Any]:
    """Translate an edit from names and frames to a record of the log."""
    if cfg.do == "resolve":
        return {"kind": identities.RESOLVE}
    frame = _need(cfg, "frame", cfg.frame)
    if frame >= len(opened.recording.times):
        raise InputError(
            f"{opened.target} has {len(opened.recording.times)} frames; {frame} is none of them"
        )
    who = [_index(name, opened.names) for name in cfg.animals]
    if cfg.do == "swap":
        a, b = _count(cfg, who, 2)
        return {"kind": "swap", "a": a, "b": b, "first": frame, "last": cfg.last}
    if cfg.do == "confirm":
        last = _need(cfg, "last", cfg.last)
        return {"kind": "confirm", "animals": who, "first": frame, "last": last}
    if cfg.do in ("delete", "untrack"):
        (animal,) = _count(cfg, who, 1)
        last = len(opened.recording.times) - 1 if cfg.last is None else cfg.last
        return {"kind": cfg.do, "animal": animal, "first": frame, "last": last}
    now = identities.build(opened.recording, opened.automatic, opened.records).tracks
    return _of_rows(cfg, opened, now.id, who, frame)


def _of_rows(
    cfg: ReviewConfig, opened: _Open, ids: np.ndarray, who: list[int], frame: int
) -> dict[str, Any]:
    """Records that name detections: those that were kept are counted."""
    found = opened.recording.found.select(np.flatnonzero(opened.recording.kept))
    ids = ids[opened.recording.kept]
    if cfg.do == "cut":
        (animal,) = _count(cfg, who, 1)
        return {"kind": "cut", "row": _row(opened, found.frame, ids, animal, frame)}
    if cfg.do == "join":
        a, b = _count(cfg, who, 2)
        later = _row(opened, found.frame, ids, b, frame)
        before = np.flatnonzero((ids == a) & (found.frame < found.frame[later]))
        if not len(before):
            raise InputError(f"{opened.names[a]} was not seen before frame {frame}")
        return {
            "kind": "join", "row": int(before[-1]), "other": later, "a": a, "b": b,
            "first": int(found.frame[later]),
        }  # fmt: skip
    if cfg.x is not None and cfg.y is not None:
        (animal,) = _count(cfg, who, 1)
        row = _nearest(opened, found, ids, frame, (cfg.x, cfg.y))
        return {
            "kind": "assign", "row": row, "was": UNTRACKED, "animal": animal,
            "first": frame, "last": frame,
        }  # fmt: skip
    was, animal = _count(cfg, who, 2)
    row = _row(opened, found.frame, ids, was, frame)
    last = len(opened.recording.times) - 1 if cfg.last is None else cfg.last
    return {
        "kind": "assign", "row": row, "was": was, "animal": animal,
        "first": int(found.frame[row]), "last": last,
    }  # fmt: skip


def _row(opened: _Open, frames: np.ndarray, ids: np.ndarray, animal: int, frame: int) -> int:
    """The first detection of an animal from a frame on."""
    rows = np.flatnonzero((ids == animal) & (frames >= frame))
    if not len(rows):
        raise InputError(
            f"{opened.names[animal]} is not seen in {opened.target} from frame {frame} on"
        )
    return int(rows[0])


def _nearest(
    opened: _Open, found: Any, ids: np.ndarray, frame: int, place: tuple[float, float]
) -> int:
    rows = np.flatnonzero((found.frame == frame) & (ids == UNTRACKED))
    if not len(rows):
        raise InputError(f"{opened.target} has no untracked detection in frame {frame}")
    middle = np.nanmean(found.xy[rows], axis=1)
    return int(rows[np.linalg.norm(middle - place, axis=-1).argmin()])


def _need(cfg: ReviewConfig, name: str, value: int | None) -> int:
    if value is None:
        raise InputError(f"{cfg.do} needs a frame; give --{name}")
    return value


def _count(cfg: ReviewConfig, who: list[int], n: int) -> list[int]:
    if len(who) != n:
        raise InputError(f"{cfg.do} is about {n} animals, not {len(who)}; give {n} names")
    return who


def _index(name: str, names: tuple[str, ...]) -> int:
    if name not in names:
        hint = did_you_mean(name, names) or f"; there are {', '.join(names)}"
        raise InputError(f"no animal {name!r}{hint}")
    return names.index(name)


def _reviewed(opened: _Open, records: list[dict[str, Any]], events: list[Event]) -> Reviewed:
    rows = []
    for event in events:
        named = {
            "animals": [opened.names[a] for a in event.animals],
            "instead": [opened.names[a] for a in event.instead],
        }
        rows.append({**event._asdict(), **named})
    return Reviewed(opened.target, len(records), rows)
