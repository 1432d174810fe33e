"""Our own table of bouts: one row a bout, all columns; the rest stands in the sidecar."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gambol.core.errors import InputError
from gambol.core.ethogram import BOUTS, Ethogram, build
from gambol.io import store
from gambol.io.ethogram.reading import Found, Given, Mender, number

NEEDED = ("recording", "label")


def read(path: Path, given: Given) -> Found:
    """Read bouts; columns that are missing are filled with what stands for nothing."""
    reader = csv.DictReader(io.StringIO(store.read_text(path), newline=""))
    header = list(reader.fieldnames or [])
    rows = list(reader)
    made: dict[str, Any] = {}
    for name in header:
        cells = [row[name] or "" for row in rows]
        if isinstance(BOUTS.get(name, ""), str):
            made[name] = pd.Series(cells, dtype=object)
            continue
        nothing = BOUTS[name]
        places = (f"line {n}, column {name}," for n in range(2, len(rows) + 2))
        pairs = zip(cells, places, strict=True)
        made[name] = [number(cell, at, path) if cell else nothing for cell, at in pairs]
    if missing := [name for name in NEEDED if name not in header]:
        raise InputError(f"{path} has no column {missing[0]!r}; it is no table of bouts")
    fps = np.nan if given.fps is None else given.fps
    names = list(dict.fromkeys(made["recording"]))
    clocks = pd.DataFrame({"recording": pd.Series(names, dtype=object), "fps": fps})
    mender = Mender(path, given.repair)
    bouts = mender.united(pd.DataFrame(made))
    return Found(build(bouts, recordings=clocks, source=str(path)), tuple(mender.notes))


def write(ethogram: Ethogram, path: Path) -> list[Path]:
    """Write all columns of the bouts; nothing where a number is not known."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(BOUTS)
    columns = []
    for name, nothing in BOUTS.items():
        values = ethogram.bouts[name].tolist()
        if isinstance(nothing, float):
            values = ["" if v != v else repr(v) for v in values]
        columns.append(values)
    writer.writerows(zip(*columns, strict=True))
    store.write_text(out.getvalue(), path)
    return [path]
