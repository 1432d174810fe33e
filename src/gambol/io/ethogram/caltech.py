"""Text files of the Caltech annotator: streams of intervals, frames from 1, ends included."""

import re
from pathlib import Path

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

MAGIC = "Caltech Behavior Annotator - Annotation File"
OTHER = "other"  # the label of frames that show no behaviour
LOST = ("modifiers", "annotator")


def read(path: Path, given: Given) -> Found:
    """Read bouts; the stream (S1, S2, …) is their subject.

    Frames of the label `other` are observed and show nothing. An interval that passes the end
    of the video is cut to it, with a note.
    """
    keys, rows, end = _parse(store.read_text(path), path)
    mender, notes, told = Mender(path, given.repair), [], []
    frames = end if given.frames is None else given.frames
    for place, stream, start, stop, label in rows:
        if stop < start or start < 1:
            fault = f"{label!r} goes from frame {start} to {stop}"
            mender.fault(place, fault, "it is dropped")
            continue
        if stop > frames:
            notes.append(f"{place}: {label!r} passes the end by {stop - frames} frames; cut")
        if label != OTHER and start <= frames:
            told.append((stream, label, start - 1, min(stop, frames)))
    columns = ["subject", "label", "start_frame", "stop_frame"]
    name, fps = stem(path, given), np.nan if given.fps is None else given.fps
    bouts = pd.DataFrame(told, columns=columns).assign(recording=name)
    scheme = pd.DataFrame({"label": list(keys), "code": list(keys.values())}, dtype=object)
    clock = pd.DataFrame(
        [{"recording": name, "fps": fps, "frames": frames, "duration_s": frames / fps}]
    )
    spans = pd.DataFrame()
    if end < frames:
        spans = pd.DataFrame([{"recording": name, "start_frame": 0, "stop_frame": end}])
    made = build(bouts, scheme, spans, clock, source=str(path))
    return Found(made, (*mender.notes, *notes))


def write(ethogram: Ethogram, path: Path) -> list[Path]:
    """Write a stream for each subject; labels that overlap get streams of their own."""
    name = require_one(ethogram, path, "a Caltech annotation")
    require_clock(ethogram, path)
    bouts = require_apart(ethogram, path, LOST)
    for label in ethogram.scheme["label"]:
        if re.search(r"\s", label):
            raise InputError(f"{path}: the label {label!r} has blanks; rename it")
    codes = dict(zip(ethogram.scheme["label"], ethogram.scheme["code"], strict=True))
    codes.setdefault(OTHER, "o")
    frames = int(ethogram.recordings["frames"].iloc[0])
    if frames < 0:
        frames = int(max([0, *bouts["stop_frame"]]))
    if len(ethogram.observed):
        frames = int(ethogram.observed["stop_frame"].max())
    lines = [MAGIC, "", "Configuration file:"]
    lines += [f"{label}\t{_key(code)}" for label, code in codes.items()]
    for number_of, stream in streams(bouts).items():
        lines += ["", f"S{number_of}:\tstart\tend\ttype", "-----------------------------"]
        at = 0
        for start, stop, label in [*stream, (frames, frames, "")]:
            if start > at:
                lines.append(f"\t{at + 1}\t{start}\t{OTHER}")
            if label:
                lines.append(f"\t{start + 1}\t{stop}\t{label}")
            at = max(at, stop)
    if len(lines) == 3 + len(codes):
        raise InputError(f"{path}: recording {name!r} has no bouts to write; label some first")
    store.write_text("\n".join(lines) + "\n", path)
    return [path]


def streams(bouts: pd.DataFrame) -> dict[int, list[tuple[int, int, str]]]:
    """Return bouts as numbered streams without overlap; subjects S1, S2, … keep theirs."""
    found: dict[int, list[tuple[int, int, str]]] = {}
    named = {int(s[1:]) for s in bouts["subject"] if re.fullmatch(r"S\d+", s)}
    for key, own in bouts.groupby(["subject", "target"], sort=True):
        subject = str(key[0]) if isinstance(key, tuple) else ""
        mine: list[list[tuple[int, int, str]]] = []
        ordered = own.sort_values(["start_frame", "stop_frame"], kind="stable")
        columns = ("start_frame", "stop_frame", "label")
        for start, stop, label in zip(*(ordered[c] for c in columns), strict=True):
            free = next((s for s in mine if s[-1][1] <= start), None)
            if free is None:
                free = []
                mine.append(free)
            free.append((int(start), int(stop), str(label)))
        for stream in mine:
            at = int(subject[1:]) if re.fullmatch(r"S\d+", subject) else 0
            if at == 0 or at in found:
                at = next(i for i in range(1, len(bouts) + 2) if i not in named | set(found))
            found[at] = stream
    return dict(sorted(found.items()))


def _parse(
    text: str, path: Path
) -> tuple[dict[str, str], list[tuple[str, str, int, int, str]], int]:
    """Return keys of labels, rows of streams and the last frame."""
    lines = text.splitlines()
    keys: dict[str, str] = {}
    rows: list[tuple[str, str, int, int, str]] = []
    stream = ""
    for n, raw in enumerate(lines[1:], start=2):
        line = raw.strip()
        header = re.match(r"(S\d+):", line)
        if header:
            stream = header.group(1)
        elif not line or set(line) == {"-"} or line.startswith("Configuration file"):
            continue
        elif not stream:
            label, *key = line.split()
            keys[label] = key[0] if key else ""
        else:
            cells = line.split()
            if len(cells) != 3:
                raise InputError(f"{path}: line {n} is no start, end and type; mend the file")
            start, stop = (int(number(cell, f"line {n}", path)) for cell in cells[:2])
            rows.append((f"line {n}", stream, start, stop, cells[2]))
    if not rows:
        raise InputError(f"{path} has no intervals; export it again")
    return keys, rows, max(row[3] for row in rows)


def _key(code: str) -> str:
    return code or "-"
