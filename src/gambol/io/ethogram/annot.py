"""Annotations of Bento (.annot): channels of labels, times in seconds, last frames included."""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from gambol.core.errors import InputError
from gambol.core.ethogram import Ethogram, build
from gambol.io import store
from gambol.io.ethogram.reading import (
    Found,
    Given,
    Mender,
    number,
    require_apart,
    require_clock,
    require_one,
    stem,
)

MAGIC = "Bento annotation file"
NOBODY = "Ch1"  # channel of bouts whose subject has no name
LOST = ("modifiers", "annotator")


class _Row(NamedTuple):
    place: str
    channel: str
    label: str
    start: float
    stop: float
    duration: float


class _Parsed(NamedTuple):
    head: dict[str, str]
    channels: list[str]
    labels: list[str]
    rows: list[_Row]


def read(path: Path, given: Given) -> Found:
    """Read bouts; the channel is their subject.

    Frames are counted from the start frame of the header if that is 0, else from 1, as Bento
    does; whether rows are seconds or frames shows in their durations.
    """
    head, channels, labels, rows = _parse(store.read_text(path), path)
    rate = head.get("annotation framerate", "")
    fps = given.fps or (number(rate, "the frame rate", path) if rate else np.nan)
    if not fps > 0:
        raise InputError(f"{path} does not say its frames a second; give fps")
    base = min(
        1, int(number(head.get("annotation start frame", "1") or "1", "the start", path))
    )
    first = int(number(head.get("annotation start frame", "") or str(base), "the start", path))
    last = head.get("annotation stop frame", "")
    in_frames = bool(rows) and all(abs(r.stop - r.start + 1 - r.duration) < 1e-6 for r in rows)
    unit = 1.0 if in_frames and fps != 1.0 else fps
    mender = Mender(path, given.repair)
    told = []
    for row in rows:
        if row.stop < row.start:
            mender.fault(row.place, f"{row.label!r} stops before it starts", "it is dropped")
            continue
        start, stop = (round(at * unit) - base for at in (row.start, row.stop))
        end = row.stop + 1 / fps if unit == fps else np.nan
        begin = row.start if unit == fps else np.nan
        told.append((row.channel, row.label, start, stop + 1, begin, end))
    columns = ["subject", "label", "start_frame", "stop_frame", "start_s", "stop_s"]
    bouts = pd.DataFrame(told, columns=columns).assign(recording=stem(path, given))
    clock = {"recording": stem(path, given), "fps": fps, "first_s": base / fps}
    spans = pd.DataFrame()
    if last:
        stop = int(number(last, "the stop frame", path))
        frames = stop - base + 1
        clock |= {"frames": frames, "duration_s": frames / fps}
        if first > base:
            span = {"recording": stem(path, given), "start_frame": first - base}
            spans = pd.DataFrame([span | {"stop_frame": frames}])
    scheme = pd.DataFrame({"label": list(dict.fromkeys(labels))}, dtype=object)
    media = next((value for key, value in head.items() if key.startswith("movie file")), "")
    clocks = pd.DataFrame([clock | {"media": media}])
    return Found(
        build(mender.united(bouts), scheme, spans, clocks, source=str(path)),
        tuple(mender.notes),
    )


def write(ethogram: Ethogram, path: Path) -> list[Path]:
    """Write a channel for each subject; targets become a part of its name."""
    name = require_one(ethogram, path, "a Bento annotation")
    require_clock(ethogram, path)
    bouts = require_apart(ethogram, path, LOST)
    clock = ethogram.recordings.iloc[0]
    fps = float(clock["fps"])
    if not fps > 0:
        raise InputError(f"{path}: recording {name!r} has no frames a second; give fps")
    spans = ethogram.observed
    first = int(spans["start_frame"].min()) if len(spans) else 0
    last = int(clock["frames"]) if clock["frames"] >= 0 else int(bouts["stop_frame"].max())
    who = [
        (f"{s} > {t}" if t else s) or NOBODY
        for s, t in zip(bouts["subject"], bouts["target"], strict=True)
    ]
    bouts = bouts.assign(channel=who)
    channels = list(dict.fromkeys(who)) or [NOBODY]
    lines = [
        MAGIC, f"Movie file(s): {clock['media']}", "", "Stimulus name:",
        f"Annotation start frame: {first + 1}", f"Annotation stop frame: {last}",
        f"Annotation framerate: {fps:.12g}", "", "List of channels:", *channels, "",
        "List of annotations:", *ethogram.scheme["label"], "",
    ]  # fmt: skip
    for channel in channels:
        lines.append(f"{channel}----------")
        own = bouts[bouts["channel"] == channel]
        for label, rows in own.groupby("label", sort=False):
            lines += [f">{label}", "Start\tStop\tDuration"]
            spans_of = zip(rows["start_frame"], rows["stop_frame"], strict=True)
            for start, stop in spans_of:
                times = ((start + 1) / fps, stop / fps, (stop - start) / fps)
                lines.append("\t".join(f"{time:.12g}" for time in times))
            lines.append("")
        lines.append("")
    store.write_text("\n".join(lines), path)
    return [path]


def _parse(text: str, path: Path) -> _Parsed:
    """Cut the file into its header, lists and rows."""
    found = _Parsed({}, [], [], [])
    lists = {"list of channels": found.channels, "list of annotations": found.labels}
    filling: list[str] | None = None
    channel = label = ""
    for n, raw in enumerate(text.splitlines()[1:], start=2):
        line = raw.strip()
        key = line.partition(":")[0].strip().lower()
        if key in lists and line.endswith(":"):
            filling = lists[key]
        elif not line:
            filling = None
        elif filling is not None:
            filling.append(line)
        elif re.fullmatch(r".*?-{3,}", line):
            channel, label = line.rstrip("-"), ""
        elif line.startswith(">"):
            label = line[1:].strip()
        elif label and not line.lower().startswith("start"):
            cells = line.split()
            if len(cells) < 2:
                raise InputError(f"{path}: line {n} is no start and stop; mend the file")
            values = [number(cell, f"line {n}", path) for cell in cells[:3]]
            found.rows.append(_Row(f"line {n}", channel, label, *(*values, np.nan)[:3]))
        elif not channel:
            found.head[key] = line.partition(":")[2].strip()
    return found
