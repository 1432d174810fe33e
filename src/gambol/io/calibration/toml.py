"""TOML, read by the standard library and written so that every number comes back as it was."""

import datetime as dt
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gambol.core.errors import InputError
from gambol.io import store


def read(path: Path) -> dict[str, Any]:
    """Read a file."""
    return parse(store.read_text(path), path)


def parse(said: str, path: Path) -> dict[str, Any]:
    """Read the text of a file."""
    try:
        return tomllib.loads(said)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is no TOML: {error}; write it again") from error


def text(values: Mapping[str, Any]) -> str:
    """Write tables, in their order; tables within them stand on one line.

    >>> print(text({"cam_0": {"name": "top", "size": [4, 3], "k": 0.1}}), end="")
    [cam_0]
    name = "top"
    size = [ 4, 3,]
    k = 0.1
    """
    plain = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    blocks = ["".join(f"{_key(k)} = {_value(v)}\n" for k, v in plain.items())] if plain else []
    for name, table in values.items():
        if isinstance(table, Mapping):
            lines = [f"{_key(key)} = {_value(value)}\n" for key, value in table.items()]
            blocks.append(f"[{_key(name)}]\n" + "".join(lines))
    return "\n".join(blocks)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _string(name)


def _string(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)  # the shortest text that is this number; inf and nan are TOML's too
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[ " + "".join(f"{_value(one)}, " for one in value).rstrip() + "]"
    raise InputError(f"TOML has no place for {value!r}; give numbers, text, lists or tables")
