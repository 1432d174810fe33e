"""One number a frame and camera, from tables that other tools wrote: times, or brightness.

Either each camera has a file, which belongs to it by name (`io.views`), or one table has a
column for each. CSV with or without a header, tabs or semicolons too; .npy and .npz.
"""

import csv
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float

from gambol.core.cameras import Rig
from gambol.core.errors import InputError
from gambol.io import store
from gambol.io.views import camera_of

SUFFIXES = (".csv", ".tsv", ".txt", ".npy", ".npz")
COLUMNS = (
    *("time", "times", "timestamp", "timestamps", "seconds"),
    *("brightness", "led", "intensity", "light", "value"),
)  # names of the column that counts, where a file of one camera has several


def read(paths: Iterable[Path], rig: Rig) -> dict[str, Float[np.ndarray, " T"]]:
    """Read what belongs to each camera.

    Args:
        paths: files, or folders of files.
        rig: the cameras; only their names count.
    """
    found: dict[str, Float[np.ndarray, " T"]] = {}
    for path in files_in(paths):
        table = read_table(path)
        columns = {name: table[name] for name in rig if name in table}
        if not columns:
            columns = {camera_of(path, rig): _column(table, path)}
        for name, values in columns.items():
            if name in found:
                raise InputError(f"{path} is the second file of camera {name}; give one")
            found[name] = values
    return found


def files_in(paths: Iterable[Path]) -> list[Path]:
    """Put the files of folders in their place."""
    found: list[Path] = []
    for path in paths:
        inside = (
            sorted(p for p in path.iterdir() if p.suffix in SUFFIXES) if path.is_dir() else []
        )
        if path.is_dir() and not inside:
            raise InputError(f"{path} holds no tables ({', '.join(SUFFIXES)}); give the files")
        found += inside or [path]
    return found


def read_table(path: Path) -> dict[str, Float[np.ndarray, " T"]]:
    """Read the columns of a file; those without a name are called by their number."""
    store.require_file(path)
    if path.suffix in (".npy", ".npz"):
        return _arrays(path)
    text = store.read_text(path)
    head = text.split("\n", 1)[0]
    mark = max(",;\t", key=head.count)
    rows = [row for row in csv.reader(text.splitlines(), delimiter=mark) if any(row)]
    if not rows:
        raise InputError(f"{path} has no rows; write a number for each frame")
    named = any(_number(cell) is None for cell in rows[0])
    names = (
        [cell.strip() for cell in rows[0]] if named else [str(k) for k in range(len(rows[0]))]
    )
    columns: dict[str, list[float]] = {name: [] for name in names}
    for number, row in enumerate(rows[named:], start=1 + named):
        for name, cell in zip(names, row, strict=False):
            value = _number(cell)
            columns[name].append(np.nan if value is None else value)
        if len(row) > len(names):
            raise InputError(
                f"{path}: row {number} has {len(row)} cells, {len(names)} are named"
            )
    return {name: _trimmed(np.array(values)) for name, values in columns.items()}


def table(columns: dict[str, Float[np.ndarray, " T"]]) -> str:
    """Return columns as the text of a CSV that `read` reads."""
    longest = max(len(values) for values in columns.values())
    padded = [
        np.pad(v, (0, longest - len(v)), constant_values=np.nan) for v in columns.values()
    ]
    cells = (["" if np.isnan(x) else f"{x:.10g}" for x in row] for row in np.stack(padded, 1))
    rows = [",".join(row) for row in cells]
    return "\n".join([",".join(columns), *rows]) + "\n"


def _arrays(path: Path) -> dict[str, Float[np.ndarray, " T"]]:
    try:
        held = np.load(path, allow_pickle=False)
        found = {"0": held} if isinstance(held, np.ndarray) else {k: held[k] for k in held}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} holds no plain arrays; save it with numpy again") from error
    for name, values in found.items():
        if values.ndim != 1 or values.dtype.kind not in "fiub":
            raise InputError(f"{path}: {name} is no row of numbers; save one array a camera")
    return {name: np.asarray(values, np.float64) for name, values in found.items()}


def _column(table: dict[str, Float[np.ndarray, " T"]], path: Path) -> Float[np.ndarray, " T"]:
    """Return the column that counts."""
    filled = {name: values for name, values in table.items() if len(values)}
    if len(filled) == 1:
        return next(iter(filled.values()))
    for name in COLUMNS:
        for written, values in filled.items():
            if written.lower() == name:
                return values
    raise InputError(
        f"{path} has the columns {', '.join(table)}; call the one that counts {COLUMNS[0]} or "
        f"{COLUMNS[5]}, or each by its camera"
    )


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _trimmed(values: Float[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
    """Leave out empty cells at the end."""
    known = np.flatnonzero(np.isfinite(values))
    return values[: known[-1] + 1 if len(known) else 0]
