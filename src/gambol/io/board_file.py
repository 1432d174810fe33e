"""Board files: ours in YAML, and what the anipose family says of a board in TOML.

kind: charuco           # or checkerboard
columns: 8              # squares across, of both kinds
rows: 11
square: 24.0
marker: 18.75           # ChArUco only, like the two lines below
dictionary: 4X4_1000
legacy: false           # printed with the pattern of OpenCV before 4.6
units: mm
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml

from gambol.core.board import DICTIONARIES, Board, Kind
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.io import store


class BoardFile(Config):
    """What a file of ours may say."""

    kind: Kind
    columns: int
    rows: int
    square: float
    marker: float = 0.0
    dictionary: str = ""
    legacy: bool = False
    units: Literal["mm", "um", "cm", "m", "unknown"] = "unknown"


class ForeignFile(Config):
    """The keys of a `board.toml`; without markers it is a checkerboard."""

    board_x: int
    board_y: int
    square_length: float
    marker_length: float | None = None
    marker_bits: int | None = None
    dict_size: int | None = None


# the same said in the [calibration] block of an anipose `config.toml`
SAID_AS = {
    "board_square_side_length": "square_length",
    "board_marker_length": "marker_length",
    "board_marker_bits": "marker_bits",
    "board_marker_dict_number": "dict_size",
}


def read_board(path: Path) -> Board:
    """Read a board: ours, a `board.toml`, or the `config.toml` of an anipose project.

    The anipose family counts squares on a ChArUco board and inner corners on a checkerboard;
    we count squares on both, so a checkerboard gains one column and one row. Its files state no
    unit.
    """
    store.require_file(path)
    return parse_board(_values(path), str(path))


def parse_board(values: Any, source: str) -> Board:
    """Turn the values of a file or of a block of settings into a board."""
    if isinstance(values, Mapping) and isinstance(values.get("calibration"), Mapping):
        values = _of_project(values["calibration"], source)
    try:
        if isinstance(values, Mapping) and "board_x" in values:
            return _of_foreign(ForeignFile.from_values(dict(values), source))
        said = BoardFile.from_values(values, source)
        name = said.dictionary.removeprefix("DICT_")
        return Board(**(said.model_dump() | {"dictionary": name}))
    except InputError as error:
        known = str(error)
        raise InputError(known if known.startswith(source) else f"{source}: {known}") from error


def board_text(board: Board) -> str:
    """Return our YAML of a board; what a checkerboard has not is left out."""
    values = BoardFile(**vars(board)).model_dump()
    if board.kind == "checkerboard":
        values = {
            k: v for k, v in values.items() if k not in ("marker", "dictionary", "legacy")
        }
    return yaml.safe_dump(values, sort_keys=False)


def write_board(board: Board, path: Path) -> None:
    """Write our YAML of a board."""
    store.write_text(board_text(board), path)


def _values(path: Path) -> Any:
    """What a YAML or TOML file says, by its suffix."""
    text = store.read_text(path)
    toml = path.suffix.lower() == ".toml"
    try:
        return tomllib.loads(text) if toml else yaml.safe_load(text)
    except (yaml.YAMLError, tomllib.TOMLDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is not {'TOML' if toml else 'YAML'}: {reason}") from error


def _of_project(block: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The keys of a `board.toml` from those of a project; what is not about boards is left."""
    size = block.get("board_size")
    if not (isinstance(size, list) and len(size) == 2):
        raise InputError(f"{source}: calibration.board_size is {size!r}, not two numbers")
    kind = block.get("board_type", "charuco")
    if kind not in ("charuco", "checkerboard"):
        raise InputError(
            f"{source}: calibration.board_type is {kind!r}; there are charuco, checkerboard"
        )
    values = {"board_x": size[0], "board_y": size[1]}
    values |= {ours: block[theirs] for theirs, ours in SAID_AS.items() if theirs in block}
    if kind == "checkerboard":
        values = {k: values[k] for k in ("board_x", "board_y", "square_length") if k in values}
    return values


def _of_foreign(said: ForeignFile) -> Board:
    markers = (said.marker_length, said.marker_bits, said.dict_size)
    if all(value is None for value in markers):
        return Board("checkerboard", said.board_x + 1, said.board_y + 1, said.square_length)
    if said.marker_length is None or said.marker_bits is None or said.dict_size is None:
        raise InputError(
            "markers need marker_length, marker_bits and dict_size; add what is missing"
        )
    name = f"{said.marker_bits}X{said.marker_bits}_{said.dict_size}"
    if name not in DICTIONARIES:
        raise InputError(
            f"no dictionary of marker_bits {said.marker_bits} and dict_size {said.dict_size}; "
            "bits are 4 to 7, sizes 50, 100, 250, 1000"
        )
    return Board(
        "charuco", said.board_x, said.board_y, said.square_length, said.marker_length, name
    )
