"""What a format cannot hold, kept in `<file>.gambol.json` beside the file.

The whole ethogram stands there, with the hash of the file it belongs to. As long as the file
is as we wrote it, reading returns the ethogram without loss; once another program changed the
file, its bouts count, and of the sidecar only what describes labels and recordings.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gambol.core.errors import InputError
from gambol.core.ethogram import BOUTS, OBSERVED, RECORDINGS, SCHEME, Ethogram, build
from gambol.io import store
from gambol.io.ethogram.reading import Found

SUFFIX = ".gambol.json"
_TABLES = {"bouts": BOUTS, "scheme": SCHEME, "observed": OBSERVED, "recordings": RECORDINGS}
_FORMAT = "gambol ethogram 1"


def place(path: Path) -> Path:
    """Return where the sidecar of a file lies."""
    return path.with_name(path.name + SUFFIX)


def write(ethogram: Ethogram, path: Path) -> Path:
    """Write the sidecar of a file that is written already."""
    tables = {
        name: {c: store.nulls(getattr(ethogram, name)[c].tolist()) for c in columns}
        for name, columns in _TABLES.items()
    }
    told = {"format": _FORMAT, "sha256": store.file_hash(path), "kept": dict(ethogram.kept)}
    store.write_json(told | tables, place(path))
    return place(path)


def merged(found: Found, path: Path) -> Found:
    """Return what was read with what the sidecar says, if there is one."""
    beside = place(path)
    if not beside.exists():
        return found
    told = store.read_json(beside)
    if not isinstance(told, dict) or told.get("format") != _FORMAT:
        raise InputError(
            f"{beside} is no sidecar of an ethogram; remove it to read {path.name}"
        )
    tables = {name: _table(told, name, beside) for name in _TABLES}
    if told.get("sha256") == store.file_hash(path):
        whole = build(
            tables["bouts"], tables["scheme"], tables["observed"], tables["recordings"],
            kept=told.get("kept", {}), source=str(beside),
        )  # fmt: skip
        return Found(whole, found.notes)
    note = (
        f"{path.name} was changed since {beside.name} was written; bouts are those of the file"
    )
    read = found.ethogram
    scheme = pd.concat([tables["scheme"], read.scheme]).drop_duplicates("label")
    spoken = read.recordings[np.isfinite(read.recordings["fps"])]
    clocks = pd.concat([spoken, tables["recordings"], read.recordings])
    clocks = clocks[clocks["recording"].isin(read.recordings["recording"])]
    clocks = clocks.drop_duplicates("recording")
    whole = build(read.bouts, scheme, read.observed, clocks, kept=read.kept, source=str(path))
    return Found(whole, (*found.notes, note))


def _table(told: dict[str, Any], name: str, beside: Path) -> pd.DataFrame:
    """Return a table of the sidecar."""
    columns = told.get(name)
    if not isinstance(columns, dict) or set(columns) != set(_TABLES[name]):
        raise InputError(
            f"{beside} lacks the table of {name}; remove it and read the file alone"
        )
    return pd.DataFrame(
        {
            c: pd.Series(columns[c], dtype=object if isinstance(nothing, str) else None)
            for c, nothing in _TABLES[name].items()
        }
    )
