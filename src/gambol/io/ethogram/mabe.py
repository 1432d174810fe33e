"""Intervals of the MABe challenge: agent, target, action, first and last frame."""

import csv
import io
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

COLUMNS = ("agent_id", "target_id", "action", "start_frame", "stop_frame")
LOST = ("modifiers", "annotator")


def read(path: Path, given: Given) -> Found:
    """Read intervals; whether stop frames are inside of them has to be said."""
    add = _added(given.inclusive, path)
    reader = csv.DictReader(io.StringIO(store.read_text(path), newline=""))
    rows = []
    for n, cells in enumerate(reader, start=2):
        values = [cells.get(name) or "" for name in COLUMNS]
        start, stop = (int(number(value, f"line {n}", path)) for value in values[3:])
        if stop + add <= start:
            raise InputError(f"{path}: line {n} stops before it starts; mend the file")
        rows.append((*values[:3], start, stop + add))
    names = ["subject", "target", "label", "start_frame", "stop_frame"]
    name, fps = stem(path, given), np.nan if given.fps is None else given.fps
    bouts = pd.DataFrame(rows, columns=names).assign(recording=name)
    frames = -1 if given.frames is None else given.frames
    clock = {"recording": name, "fps": fps, "frames": frames}
    clock |= {"duration_s": frames / fps if frames >= 0 else np.nan}
    mender = Mender(path, given.repair)
    made = build(mender.united(bouts), recordings=pd.DataFrame([clock]), source=str(path))
    return Found(made, tuple(mender.notes))


def write(ethogram: Ethogram, path: Path, inclusive: bool | None) -> list[Path]:
    """Write intervals of one recording."""
    require_one(ethogram, path, "a MABe table")
    require_clock(ethogram, path)
    add = _added(inclusive, path)
    bouts = require_apart(ethogram, path, LOST)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in bouts.itertuples():
        stop = int(str(row.stop_frame)) - add
        writer.writerow([row.subject, row.target, row.label, row.start_frame, stop])
    store.write_text(out.getvalue(), path)
    return [path]


def _added(inclusive: bool | None, path: Path) -> int:
    if inclusive is None:
        raise InputError(
            f"{path}: whether stop frames of MABe tables belong to their intervals is not "
            "settled; say inclusive true or false"
        )
    return int(inclusive)
