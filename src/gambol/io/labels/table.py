"""The tables of DeepLabCut and Lightning Pose: a header of three or four rows over numbers.

Rows are images or frames; columns are (scorer, [individual,] keypoint, coordinate). The HDF5
flavour is what pandas writes; it is read here with h5py, because the usual reader unpickles
attributes, and unpickling a stranger's file may run a stranger's code.
"""

import csv
import io
import pickle
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from jaxtyping import Bool, Float

from gambol.core.errors import InputError
from gambol.io import store

Key = TypeVar("Key", bound=Hashable)
HEADER = ("scorer", "individuals", "bodyparts", "coords")


class Table(NamedTuple):
    """A table taken apart."""

    rows: list[str]  # R images, with forward slashes, or numbers of frames
    individuals: list[str]  # N names; one empty name where the file knows no individuals
    keypoints: list[str]  # J names, in order of appearance
    xy: Float[np.ndarray, "R N J 2"]  # NaN where empty
    asked: Bool[np.ndarray, "N J"]  # which keypoints an individual has at all
    likelihood: Float[np.ndarray, "R N J"]  # of a network's; NaN where the file has none


def read_table(path: Path) -> Table:
    """Read a CSV or HDF5 table."""
    store.require_file(path)
    with path.open("rb") as file:
        is_hdf5 = file.read(4) == b"\x89HDF"
    index, columns, values = _read_hdf5(path) if is_hdf5 else _read_csv(path)
    return _take_apart(path, index, columns, values)


def _take_apart(
    path: Path, index: list[str], columns: list[tuple[str, str, str]], values: np.ndarray
) -> Table:
    if twice := repeated(columns):
        raise InputError(f"{path}: keypoint {twice[1]!r} occurs twice; rename one of the two")
    if row := repeated(index):
        raise InputError(f"{path}: {row} is labelled twice; remove one of the two rows")
    who = list(dict.fromkeys(c[0] for c in columns))
    names = list(dict.fromkeys(c[1] for c in columns))
    xy = np.full((len(index), len(who), len(names), 2), np.nan)
    asked = np.zeros((len(who), len(names)), bool)
    likelihood = np.full(xy.shape[:3], np.nan)
    for k, (person, name, coord) in enumerate(columns):
        n, j = who.index(person), names.index(name)
        if coord == "likelihood":
            likelihood[:, n, j] = values[:, k]
        if coord in ("x", "y"):
            xy[:, n, j, "xy".index(coord)] = values[:, k]
            asked[n, j] = True
    if not asked.any():
        raise InputError(f"{path} has no columns x and y; export the table again")
    xy[~np.isfinite(xy).all(axis=-1)] = np.nan
    return Table(index, who, names, xy, asked, likelihood)


def repeated(values: Iterable[Key]) -> Key | None:
    """Return the first value that occurs a second time."""
    seen = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def _read_csv(path: Path) -> tuple[list[str], list[tuple[str, str, str]], np.ndarray]:
    rows = list(csv.reader(io.StringIO(store.read_text(path))))
    header = {row[0]: row for row in rows[:4] if row and row[0] in HEADER}
    if not {"bodyparts", "coords"} <= set(header):
        raise InputError(
            f"{path} is no DeepLabCut table: it lacks the header rows scorer, bodyparts, coords"
        )
    parts = header["bodyparts"]
    # DeepLabCut 2.2 and later spread the image's path over three columns
    first = next((k for k, cell in enumerate(parts) if k and cell), len(parts))
    who = header.get("individuals", [""] * len(parts))
    columns = list(zip(who[first:], parts[first:], header["coords"][first:], strict=False))
    body = [row for row in rows[len(header) :] if any(row)]
    values = np.array([_numbers(path, row, first, len(columns)) for row in body], np.float64)
    index = ["/".join(cell for cell in row[:first] if cell) for row in body]
    return _slashes(index), columns, values.reshape(len(body), len(columns))


def _numbers(path: Path, row: list[str], first: int, width: int) -> list[float]:
    cells = row[first:]
    if len(cells) != width:
        raise InputError(
            f"{path}: row {row[0]} has {len(cells)} values for {width} columns; export it again"
        )
    try:
        return [float(cell) if cell.strip() else np.nan for cell in cells]
    except ValueError as error:
        reason = str(error).rpartition(":")[2].strip()
        raise InputError(f"{path}: row {row[0]} holds {reason}, which is no number") from error


def _slashes(index: list[str]) -> list[str]:
    return [row.replace("\\", "/") for row in index]


def _read_hdf5(path: Path) -> tuple[list[str], list[tuple[str, str, str]], np.ndarray]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            groups = [g for g in file.values() if "pandas_type" in g.attrs]
            if not groups:
                raise InputError(f"{path} holds no table of pandas; export the labels again")
            read = _read_table_format if "table" in groups[0] else _read_fixed_format
            index, keys, values = read(groups[0])
    except (OSError, KeyError, pickle.UnpicklingError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} is no table that can be read safely ({error}); use the CSV file beside it"
        ) from error
    columns = [(k[1] if len(k) == 4 else "", k[-2], k[-1]) for k in keys]
    return _slashes(index), columns, values


def _read_fixed_format(group: Any) -> tuple[list[str], list[tuple[str, ...]], np.ndarray]:
    keys = _levels(group, "axis0")
    index = ["/".join(parts) for parts in _levels(group, "axis1")]
    values = np.full((len(index), len(keys)), np.nan)
    place = {key: k for k, key in enumerate(keys)}
    for b in range(int(group.attrs["nblocks"])):
        block = group[f"block{b}_values"][()].astype(np.float64)
        for k, key in enumerate(_levels(group, f"block{b}_items")):
            values[:, place[key]] = block[:, k]
    return index, keys, values


def _levels(group: Any, name: str) -> list[tuple[str, ...]]:
    """Return the keys of one axis; a plain axis has keys of one part."""
    if name in group:
        return [(_text(v),) for v in group[name][()]]
    count = int(group.attrs[f"{name}_nlevels"])
    parts = []
    for k in range(count):
        level = [_text(v) for v in group[f"{name}_level{k}"][()]]
        parts.append([level[code] for code in group[f"{name}_label{k}"][()]])
    return list(zip(*parts, strict=True))


def _read_table_format(group: Any) -> tuple[list[str], list[tuple[str, ...]], np.ndarray]:
    table = group["table"]
    rows = table[()]
    keys: list[tuple[str, ...]] = []
    values = []
    for field in [f for f in rows.dtype.names if f.startswith("values_block_")]:
        keys += _unpickle(table.attrs[f"{field}_kind"])
        values.append(rows[field].reshape(len(rows), -1).astype(np.float64))
    return [_text(v) for v in rows["index"]], keys, np.concatenate(values, axis=1)


class _Plain(pickle.Unpickler):
    """Builds lists, tuples and text, and nothing that could run."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it wants {module}.{name}")


def _unpickle(data: Any) -> list[tuple[str, ...]]:
    raw = bytes(data) if not isinstance(data, str) else data.encode()
    return [tuple(str(part) for part in key) for key in _Plain(io.BytesIO(raw)).load()]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
