"""Poses in tables of text: those of Anipose (a row a frame), and ours (a row a keypoint).

Anipose writes `NAME_x, NAME_y, NAME_z, NAME_score, …, fnum`. Ours, which `gambol export`
writes, has columns `frame, keypoint, x, y` and perhaps `time_s, individual, z,
confidence, cov_xx …`.
"""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from gambol.core.errors import InputError
from gambol.io import store

LONG = ("frame", "keypoint", "x", "y")
_PAIRS = ("xx", "xy", "xz", "yy", "yz", "zz")
_COORDINATE = re.compile(r"^(.+)_([xyz])$")
_SCORES = ("_score", "_likelihood", "_confidence")
_MOST = 5  # frames a row of a table: more is a mistake in the numbers


class Table(NamedTuple):
    """A table taken apart."""

    xy: Float[np.ndarray, "T N J d"]
    confidence: Float[np.ndarray, "T N J"]
    covariance: Float[np.ndarray, "T N J d d"] | None
    keypoints: tuple[str, ...]
    individuals: tuple[str, ...]
    times: Float[np.ndarray, " T"] | None


def is_table(path: Path) -> bool:
    """Tell whether a text file is a table of poses of one of the two kinds."""
    columns = _columns(path)
    return set(LONG) <= set(columns) or bool(_wide(columns))


def read(path: Path) -> Table:
    """Read a table; frames that have no row are without animals."""
    columns = _columns(path)
    try:
        kinds = {"individual": str, "keypoint": str}
        table = pd.read_csv(store.require_file(path), dtype=kinds)
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no table ({error}); export it again as CSV") from error
    if not len(table):
        raise InputError(f"{path} has no rows; export it again")
    return _long(path, table) if set(LONG) <= set(columns) else _frames(path, table)


def _columns(path: Path) -> list[str]:
    with store.require_file(path).open("rb") as file:
        first = file.readline(1_000_000).decode("utf-8-sig", "replace")
    return [cell.strip().strip('"') for cell in first.split(",")]


def _wide(columns: list[str]) -> dict[str, list[str]]:
    """Return the columns of the coordinates of every keypoint."""
    found: dict[str, dict[str, str]] = {}
    for name in columns:
        if told := _COORDINATE.match(name):
            found.setdefault(told[1], {})[told[2]] = name
    axes = max((len(axes) for axes in found.values()), default=0)
    whole = {part: own for part, own in found.items() if set("xyz"[:axes]) == set(own)}
    return {part: [own[a] for a in "xyz"[:axes]] for part, own in whole.items() if axes > 1}


def _frames(path: Path, table: pd.DataFrame) -> Table:
    """A row a frame, as Anipose writes it."""
    columns = _wide(list(map(str, table.columns)))
    number = np.arange(len(table))
    if "fnum" in table:
        number = _whole(path, table["fnum"], "fnum")
    if number.min() < 0 or (np.diff(number) <= 0).any():
        raise InputError(f"{path}: fnum does not rise from 0 or more; sort the table")
    count = _length(path, number)
    axes = len(next(iter(columns.values())))
    xy = np.full((count, 1, len(columns), axes), np.nan)
    confidence = np.zeros((count, 1, len(columns)))
    for j, (part, own) in enumerate(columns.items()):
        xy[number, 0, j] = np.stack([_numbers(path, table, name) for name in own], axis=-1)
        score = next((part + end for end in _SCORES if part + end in table), None)
        confidence[number, 0, j] = 1.0 if score is None else _numbers(path, table, score)
    return Table(xy, confidence, None, tuple(columns), ("animal",), None)


def _long(path: Path, table: pd.DataFrame) -> Table:
    """A row a keypoint of an animal in a frame; rows of nobody are left out."""
    who = table["individual"] if "individual" in table else pd.Series("animal", table.index)
    lacking = who.isna() & table[["x", "y"]].notna().all(axis=1)
    if lacking.all():
        raise InputError(f"{path}: no row says whose it is; run `gambol track` first")
    own = ~who.isna()
    table, who = table[own], who[own]
    number = _whole(path, table["frame"], "frame")
    if number.min() < 0:
        raise InputError(f"{path}: frame {number.min()} is below 0; frames count from 0")
    parts, people = list(dict.fromkeys(table["keypoint"])), list(dict.fromkeys(who))
    if any(not isinstance(part, str) for part in parts):
        raise InputError(f"{path} has a row without keypoint; name the keypoint of each row")
    j, n = pd.Index(parts).get_indexer(table["keypoint"]), pd.Index(people).get_indexer(who)
    if pd.DataFrame({"t": number, "n": n, "j": j}).duplicated().any():
        raise InputError(f"{path}: a keypoint of an animal is twice in a frame; remove one row")
    axes = "xyz" if "z" in table else "xy"
    shape = (_length(path, number), len(people), len(parts))
    xy, confidence = np.full((*shape, len(axes)), np.nan), np.zeros(shape)
    at = (number, n, j)
    xy[at] = np.stack([_numbers(path, table, axis) for axis in axes], axis=-1)
    said = "confidence" in table
    confidence[at] = _numbers(path, table, "confidence") if said else 1.0
    spread = _covariance(path, table, at, shape, axes)
    return Table(
        xy, confidence, spread, tuple(parts), tuple(people), _times(path, table, number)
    )


def _covariance(
    path: Path,
    table: pd.DataFrame,
    at: tuple[np.ndarray, ...],
    shape: tuple[int, ...],
    axes: str,
) -> Float[np.ndarray, "T N J d d"] | None:
    names = [pair for pair in _PAIRS if set(pair) <= set(axes)]
    if not all(f"cov_{pair}" in table for pair in names):
        return None
    made = np.full((*shape, len(axes), len(axes)), np.nan)
    for pair in names:
        a, b = axes.index(pair[0]), axes.index(pair[1])
        of_points = made[..., a, b], made[..., b, a]  # views
        for part in of_points:
            part[at] = _numbers(path, table, f"cov_{pair}")
    return made if np.isfinite(made).any() else None


def _times(
    path: Path, table: pd.DataFrame, number: np.ndarray
) -> Float[np.ndarray, " T"] | None:
    """Return the clock of a table; None unless it says the time of every frame."""
    if "time_s" not in table:
        return None
    times = np.full(int(number.max()) + 1, np.nan)
    times[number] = _numbers(path, table, "time_s")
    return times if np.isfinite(times).all() else None


def _length(path: Path, number: np.ndarray) -> int:
    count = int(number.max()) + 1
    if count > _MOST * len(number) + 100_000:
        raise InputError(
            f"{path} has {len(number)} rows but a frame {count - 1}; check its frame numbers"
        )
    return count


def _whole(path: Path, column: pd.Series, name: str) -> np.ndarray:
    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    bad = np.flatnonzero(~np.isfinite(values) | (values != np.round(values)))
    if len(bad):
        raise InputError(
            f"{path}: row {bad[0] + 2} has {name} {column.iloc[bad[0]]}, which is no whole "
            "number"
        )
    return values.astype(np.int64)


def _numbers(path: Path, table: pd.DataFrame, name: str) -> np.ndarray:
    values = pd.to_numeric(table[name], errors="coerce")
    bad = np.flatnonzero((values.isna() & table[name].notna()).to_numpy())
    if len(bad):
        raise InputError(
            f"{path}: row {bad[0] + 2} has {name} {table[name].iloc[bad[0]]!r}, which is no "
            "number"
        )
    return values.to_numpy(np.float64)
