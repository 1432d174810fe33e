"""Event tables of BORIS: the old one with a preamble, the new one, and the aggregated one."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gambol.core.errors import InputError
from gambol.core.ethogram import Ethogram, build
from gambol.io import store
from gambol.io.ethogram import events
from gambol.io.ethogram.events import NOBODY, Event, Media
from gambol.io.ethogram.reading import (
    Found,
    Given,
    Mender,
    number,
    require_apart,
    require_one,
    said,
)

OLD = (
    "Time", "Media file path", "Total length", "FPS", "Subject", "Behavior",
    "Behavioral category", "Comment", "Status",
)  # fmt: skip
NEW = (
    "Observation id", "Observation date", "Description", "Observation type", "Source",
    "Time offset (s)", "Coding duration", "Media duration (s)", "FPS", "Subject",
    "Observation duration by subject by observation", "Behavior", "Behavioral category",
    "Behavior type", "Time", "Media file name", "Image index", "Image file path", "Comment",
)  # fmt: skip
_CLOCK = (
    ("FPS", "FPS (frame/s)"), ("Media duration (s)", "Total length"), ("Time offset (s)",),
    ("Media file path", "Media file name", "Media file", "Source"),
)  # fmt: skip
SLACK = 0.1  # s, that an event may lie outside of media of unknown rate
LOST = ("annotator",)  # columns of our key that BORIS has no place for


class _Clock(NamedTuple):
    """What a table says of a recording."""

    fps: float
    duration: float
    offset: float
    media: str


class _Columns:
    """Cells of a row by the names of the header, several of which may mean one thing."""

    def __init__(self, header: list[str]) -> None:
        self.place = {name.strip(): k for k, name in enumerate(header)}
        self.found: dict[tuple[str, ...], int] = {}
        self.modifiers = [k for k, name in enumerate(header) if name.startswith("Modifier")]

    def get(self, row: list[str], *names: str) -> str:
        """Return the cell of the first column that exists."""
        if names not in self.found:
            self.found[names] = next(
                (k for n in names if (k := self.place.get(n, -1)) >= 0), -1
            )
        k = self.found[names]
        return row[k].strip() if 0 <= k < len(row) else ""


def is_header(row: list[str]) -> bool:
    """Whether a row is the header of events."""
    names = {name.strip() for name in row}
    single = "Time" in names and names & {"Status", "Behavior type"}
    return {"Subject", "Behavior"} <= names and bool(single or "Start (s)" in names)


def read(path: Path, given: Given) -> Found:
    """Read events; the header is looked for, however long the preamble is."""
    text = store.read_text(path)
    rows = list(_rows(text))
    at = next((i for i, (_, row) in enumerate(rows) if is_header(row)), None)
    if at is None:
        raise InputError(f"{path} has no header with Subject and Behavior; export it again")
    preamble = {row[0].strip(): row[1:] for _, row in rows[:at] if row and row[0].strip()}
    columns, mender = _Columns(rows[at][1]), Mender(path, given.repair)
    told: dict[str, list[Event]] = {}
    clocks: dict[str, dict[tuple[str, ...], None]] = {}  # distinct ones, in order
    bouts: list[dict[str, Any]] = []
    alone = (preamble.get("Observation id") or [""])[0].strip()
    offset = (preamble.get("Time offset (s)") or [""])[0].strip()
    for line, row in rows[at + 1 :]:
        if not any(cell.strip() for cell in row):
            continue
        name = columns.get(row, "Observation id") or alone or (given.recording or path.stem)
        cells = tuple(columns.get(row, *names) for names in _CLOCK)
        clocks.setdefault(name, {})[cells] = None
        told.setdefault(name, [])
        if "Start (s)" in columns.place:
            bouts.append(_aggregated(columns, row, name, f"line {line}", path))
        else:
            told[name].append(_event(columns, row, f"line {line}", path))
    if not told:
        raise InputError(f"{path} has a header but no events; export it again")
    known = {
        name: _joined([_clock(cells, offset) for cells in parts], given)
        for name, parts in clocks.items()
    }
    media = {
        name: Media(
            c.offset,
            c.offset + (c.duration if c.duration > 0 else np.inf),
            1 / c.fps if c.fps > 0 else SLACK,
        )
        for name, c in known.items()
    }
    bouts += events.paired(told, media, mender)
    kept = {"boris-old": text[: _begin(text, rows[at][1])]} if at else {}
    made = build(
        mender.united(_frame(bouts)), recordings=_clocks(known), kept=kept, source=str(path)
    )
    return Found(made, tuple(mender.notes))


def write_new(ethogram: Ethogram, path: Path) -> list[Path]:
    """Write the table with the header first, any number of recordings."""
    bouts = require_apart(ethogram, path, LOST)
    width = _width(bouts)
    k = NEW.index("Behavior type")
    header = [*NEW[:k], *(f"Modifier #{i + 1}" for i in range(width)), *NEW[k:]]
    lines: list[list[Any]] = [header]
    clocks = ethogram.recordings.set_index("recording")
    for name, own in bouts.groupby("recording", sort=False):
        clock = clocks.loc[name]
        rate, duration = _text(clock["fps"]), _text(clock["duration_s"])
        for time, status, row in events.logged(own):
            frame = row.stop_frame if status == "STOP" else row.start_frame
            before: list[Any] = [
                name, "", "", "MEDIA" if clock["media"] else "LIVE", clock["media"],
                said(clock["first_s"]), "", duration, rate, row.subject or NOBODY, "",
                row.label, row.category,
            ]  # fmt: skip
            after = [
                status, said(time), clock["media"], frame if frame >= 0 else "", "",
                row.comment if status != "STOP" else "",
            ]  # fmt: skip
            lines.append([*before, *_modifiers(row, width), *after])
    store.write_text(_csv(lines), path)
    return [path]


def write_old(ethogram: Ethogram, path: Path) -> list[Path]:
    """Write the table with a preamble, one recording."""
    name = require_one(ethogram, path, "an old BORIS table")
    bouts = require_apart(ethogram, path, LOST)
    width = _width(bouts)
    k = OLD.index("Comment")
    header = [*OLD[:k], *(f"Modifier {i + 1}" for i in range(width)), *OLD[k:]]
    clock = ethogram.recordings.iloc[0]
    kept = ethogram.kept.get("boris-old", "")
    same = next((row[1] for _, row in _rows(kept) if row[:1] == ["Observation id"]), None)
    head: list[list[Any]] = [
        ["Observation id", name], [], ["Media file(s)"], [], ["Player #1", clock["media"]], [],
        ["Observation date", ""], [], ["Description", ""], [],
        ["Time offset (s)", said(clock["first_s"])], [],
    ]  # fmt: skip
    wide = [[*row, *[""] * (len(header) - len(row))] for row in head]
    lines: list[list[Any]] = [header]
    for time, status, row in events.logged(bouts):
        before: list[Any] = [
            said(time), clock["media"], _text(clock["duration_s"]), _text(clock["fps"]),
            row.subject or NOBODY, row.label, row.category,
        ]  # fmt: skip
        comment = row.comment if status != "STOP" else ""
        lines.append([*before, *_modifiers(row, width), comment, status])
    text = (kept if same == name else _csv(wide)) + _csv(lines)
    store.write_text(text, path)
    return [path]


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line and the cells of every row; comma, semicolon or tab."""
    signs = {sign: text.count(sign) for sign in ",;\t"}
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=max(signs, key=signs.__getitem__)
    )
    line = 1
    for row in reader:
        yield line, row
        line = reader.line_num + 1


def _event(columns: _Columns, row: list[str], place: str, path: Path) -> Event:
    subject = columns.get(row, "Subject")
    cells = [row[k].strip() if k < len(row) else "" for k in columns.modifiers]
    return Event(
        place,
        number(columns.get(row, "Time"), f"{place}, column Time,", path),
        "" if subject == NOBODY else subject,
        columns.get(row, "Behavior"),
        "|".join(cells).rstrip("|"),
        columns.get(row, "Status", "Behavior type").upper(),
        columns.get(row, "Comment"),
        columns.get(row, "Behavioral category"),
    )


def _aggregated(
    columns: _Columns, row: list[str], name: str, place: str, path: Path
) -> dict[str, Any]:
    """Return the bout of a row of a table that is paired already."""
    subject = columns.get(row, "Subject")
    cells = [row[k].strip() if k < len(row) else "" for k in columns.modifiers]
    modifiers, target = events.split_target("|".join(cells).rstrip("|"))
    comments = columns.get(row, "Comment start", "Comment"), columns.get(row, "Comment stop")
    point = columns.get(row, "Behavior type").upper().startswith("POINT")
    start = number(columns.get(row, "Start (s)"), f"{place}, column Start (s),", path)
    stop = start
    if not point:
        stop = number(columns.get(row, "Stop (s)"), f"{place}, column Stop (s),", path)
    return {
        "recording": name, "subject": "" if subject == NOBODY else subject, "target": target,
        "label": columns.get(row, "Behavior"), "kind": "point" if point else "state",
        "start_s": start, "stop_s": stop, "modifiers": modifiers,
        "category": columns.get(row, "Behavioral category"),
        "comment": " | ".join(text for text in comments if text),
    }  # fmt: skip


def _clock(cells: tuple[str, ...], offset: str) -> _Clock:
    """Return what the cells of `_CLOCK` say of a recording."""
    rate, length, own = (_numbers(text) for text in (cells[0], cells[1], cells[2] or offset))
    return _Clock(
        rate[0] if rate else np.nan,
        sum(length) if length else np.nan,
        own[0] if own else 0.0,
        cells[3],
    )


def _joined(parts: list[_Clock], given: Given) -> _Clock:
    """Return what all rows of a recording say; files of a playlist follow one another."""
    lengths = {part.media: part.duration for part in parts}
    rates = {part.fps for part in parts if part.fps == part.fps}
    fps = given.fps if given.fps is not None else (rates.pop() if len(rates) == 1 else np.nan)
    # the time of one file of several says nothing of the end of the last
    duration = next(iter(lengths.values())) if len(lengths) == 1 else np.nan
    return _Clock(float(fps), duration, parts[0].offset, "; ".join(lengths))


def _numbers(text: str) -> list[float]:
    """Return the numbers of a cell that may list several."""
    return [float(part) for part in re.findall(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", text)]


def _clocks(known: dict[str, _Clock]) -> pd.DataFrame:
    names = {"duration": "duration_s", "offset": "first_s"}
    rows = [{"recording": name, **clock._asdict()} for name, clock in known.items()]
    return pd.DataFrame(rows).rename(columns=names)


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=None if rows else ["recording", "label"])


def _begin(text: str, header: list[str]) -> int:
    """Return where the line of the header begins."""
    return (
        next(
            m.start() for m in re.finditer(r"^.*$", text, re.M) if is_header(_first(m.group()))
        )
        if header
        else 0
    )


def _first(line: str) -> list[str]:
    return next((row for _, row in _rows(line)), [])


def _width(bouts: pd.DataFrame) -> int:
    """Return how many modifiers a bout has at most."""
    each = [
        events.with_target(m, t)
        for m, t in zip(bouts["modifiers"], bouts["target"], strict=True)
    ]
    return max((text.count("|") + 1 for text in each if text), default=0)


def _modifiers(row: Any, width: int) -> list[str]:
    cells = events.with_target(row.modifiers, row.target).split("|")
    return [*cells, *[""] * (width - len(cells))][:width]


def _text(value: Any) -> str:
    return said(float(value)) if np.isfinite(float(value)) else ""


def _csv(rows: list[list[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
