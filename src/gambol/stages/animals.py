"""Whose recordings are: the table of animals that statistics of animals need."""

from pathlib import Path

import pandas as pd

from gambol.core.errors import InputError, did_you_mean
from gambol.io import store

COLUMNS = ("recording", "animal")


def read(path: Path, *more: str) -> pd.DataFrame:
    """Read a table with a row a recording: its name, its animal, and more columns.

    An empty cell is missing; every other word is one.

    Args:
        path: CSV, its columns separated by any of the usual signs.
        more: columns that it must have besides.
    """
    table = pd.read_csv(
        store.require_file(path), sep=None, engine="python", dtype=str,
        keep_default_na=False, na_values=[""],  # a group may be called NA or null
    )  # fmt: skip
    for name in (*COLUMNS, *more):
        if name not in table:
            hint = did_you_mean(name, list(map(str, table.columns)))
            raise InputError(
                f"{path} has no column {name!r}{hint or ''}; give one row a recording with its "
                "animal, so that animals are compared and not frames"
            )
    return table
