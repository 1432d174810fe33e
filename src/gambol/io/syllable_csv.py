"""Labels and centroids from text tables: the columns asked for, and nothing else, is parsed."""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gambol.core.errors import InputError, did_you_mean
from gambol.core.sequences import MISSING, MOST_LABELS
from gambol.io import store

CENTROIDS = (("x", "y"), ("centroid x", "centroid y"), ("centroid_x", "centroid_y"))
_SEPARATORS = (",", ";", "\t", "|")
_HEAD = 1 << 16  # bytes that are looked at for separator and decimal sign


class Layout(NamedTuple):
    """How a text table is written."""

    names: tuple[str, ...]  # of the columns
    separator: str
    decimal: str  # sign between the whole and the fraction
    shift: int  # 1 where rows begin with a number or name that the header leaves out


def read_labels(path: Path, label: str) -> np.ndarray:
    """Return the label of each row (T,) as int16 or int32, -1 where there is none.

    Args:
        path: table with a header; separators , ; tab | and blanks are told apart.
        label: name of the column; upper and lower case are alike.
    """
    layout = look(path, label)
    k = find(layout.names, label)
    if k is None:
        raise no_column(path, label, layout.names)
    try:
        with np.errstate(invalid="ignore"):  # what int32 cannot hold is looked at below
            values = _column(path, layout, k, np.int32)
    except (ValueError, TypeError, OverflowError):  # blanks, 31.0 or something worse
        values = _numbers(path, layout, k)
    if not len(values):
        raise InputError(f"{path} has a header but no rows; export it again")
    return as_labels(values, lambda t: f"{path}: row {t + 2} has {layout.names[k]}")


def read_centroid(path: Path) -> np.ndarray | None:
    """Return x and y of each row, (T, 2) float32; None where the table has no such columns."""
    for pair in CENTROIDS:
        layout = look(path, pair[0])
        k = [find(layout.names, name) for name in pair]
        if None not in k:
            both = [_numbers(path, layout, column) for column in k if column is not None]
            return np.stack(both, axis=1).astype(np.float32)
    return None


def read_numbers(path: Path, name: str) -> np.ndarray | None:
    """Return a column as (T,) float64, NaN where it is blank; None where there is no such."""
    layout = look(path, name)
    k = find(layout.names, name)
    return None if k is None else _numbers(path, layout, k)


def as_labels(values: np.ndarray, place: Callable[[int], str]) -> np.ndarray:
    """Return whole numbers from 0 on, and -1 for -1 and NaN, as int16 or int32.

    Args:
        values: (T,) numbers of any type.
        place: what to say of value t where it is none of these; the value follows.
    """
    if values.dtype.kind not in "iu":
        values = np.where(np.isnan(values), MISSING, values)
    bad = (values < MISSING) | (values >= MOST_LABELS)
    if values.dtype.kind == "f":
        bad |= values != np.floor(values)
    if bad.any():
        t = int(bad.argmax())
        raise InputError(
            f"{place(t)} {values[t]:.12g}; labels are whole numbers from 0 to "
            f"{MOST_LABELS - 1}, and -1 or nothing where a frame has none"
        )
    kind = np.int16 if values.max(initial=0) <= np.iinfo(np.int16).max else np.int32
    return values.astype(kind)


def look(path: Path, label: str) -> Layout:
    """Find out how a table is written, from its beginning."""
    with store.require_file(path).open("rb") as file:
        head = file.read(_HEAD)
    if b"\0" in head:
        raise InputError(f"{path} is not text in UTF-8; save it as UTF-8")
    text = head[: head.rfind(b"\n") + 1 or None].decode("utf-8-sig", errors="replace")
    header, *rows = text.splitlines() or [""]
    split = [(separator, _cells(header, separator)) for separator in _SEPARATORS]
    split.append((r"\s+", header.split()))
    # the separator that brings the label out; else the one that makes the most of the header
    separator, names = max(
        split[:-1], key=lambda pair: (find(pair[1], label) is not None, len(pair[1]))
    )
    if find(names, label) is None and find(split[-1][1], label) is not None:
        separator, names = split[-1]
    first = _cells(rows[0], separator) if rows else []
    shift = int(len(first) == len(names) + 1 and first[-1] != "")
    comma = separator != "," and "," in text and not re.search(r"\d\.\d", text)
    return Layout(tuple(names), separator, "," if comma else ".", shift)


def find(names: tuple[str, ...] | list[str], wanted: str) -> int | None:
    """Return the place of a column's name."""
    folded = [name.strip().casefold() for name in names]
    wanted = wanted.strip().casefold()
    return folded.index(wanted) if wanted in folded else None


def no_column(path: Path, label: str, names: tuple[str, ...]) -> InputError:
    """Say that a table lacks the column of labels, and what it has."""
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    guess = did_you_mean(label, names)
    return InputError(
        f"{path} has no column {label!r}; it has {shown}; name the column of labels{guess}"
    )


def _cells(line: str, separator: str) -> list[str]:
    if separator == r"\s+":
        return line.split()
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]


def _column(path: Path, layout: Layout, k: int, kind: type) -> np.ndarray:
    """Parse one column; ValueError where it holds something else than `kind`."""
    options: dict[str, Any] = {"dtype": {k + layout.shift: kind}}
    try:
        table = pd.read_csv(
            path,
            sep=layout.separator,
            decimal=layout.decimal,
            header=None,
            skiprows=1,
            usecols=[k + layout.shift],
            skipinitialspace=True,
            skip_blank_lines=len(layout.names) > 1,  # in a lone column they are missing frames
            encoding_errors="replace",  # of columns that are not used
            **options,
        )
    except pd.errors.EmptyDataError:
        return np.zeros(0, kind)
    except pd.errors.ParserError as error:
        reason = str(error).rpartition("C error:")[2].strip().rstrip(".")
        raise InputError(f"{path} is no regular table ({reason}); export it again") from error
    return table[k + layout.shift].to_numpy()


def _numbers(path: Path, layout: Layout, k: int) -> np.ndarray:
    """Parse one column as float64, NaN where it is blank; else name the row."""
    try:
        return _column(path, layout, k, np.float64)
    except InputError:
        raise
    except ValueError as error:
        words = pd.Series(_column(path, layout, k, str))
        plain = words.str.replace(layout.decimal, ".", regex=False)
        wrong = (pd.to_numeric(plain, errors="coerce").isna() & words.notna()).to_numpy()
        t = int(wrong.argmax())
        raise InputError(
            f"{path}: row {t + 2} has {layout.names[k]} {words[t]!r}, which is no number; "
            "leave it blank or write -1 where a frame has none"
        ) from error
