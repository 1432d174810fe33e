"""Pickles of plain containers and numeric arrays, read without running anything of theirs.

Names in the file are never imported: the few that NumPy's arrays need are answered by readers
of our own, which take a description and bytes; any other name is refused.
"""

import pickle
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from gambol.core.errors import InputError
from gambol.io import store


def read(path: Path) -> Any:
    """Read a file: dicts, lists, tuples, numbers, text and arrays."""
    with store.require_file(path).open("rb") as file:
        try:
            return _finished(_Reader(file).load())
        except (
            *(pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError),
            *(AttributeError, OverflowError, MemoryError, RecursionError, ImportError),
        ) as error:
            raise InputError(
                f"{path} cannot be read without running code of its own ({error}); "
                "save its arrays as .npz"
            ) from error


class _Dtype:
    """A description of numbers, such as f8 or <f8."""

    def __init__(self, text: Any, *_: Any) -> None:
        self.text, self.order = str(text), ""

    def __setstate__(self, state: Any) -> None:
        self.order = str(state[1]).replace("|", "")

    def numpy(self) -> np.dtype[Any]:
        """Return the dtype, of numbers only."""
        if not re.fullmatch(r"[<>|=]?([biuf][1248]|c8|c16)", self.text):
            raise pickle.UnpicklingError(f"it holds an array of {self.text}")
        return np.dtype(self.order + self.text.lstrip("<>|=") if self.order else self.text)


class _Array:
    """An array before its bytes are known."""

    values: np.ndarray = np.zeros(0)

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, raw = state
        self.values = _of_bytes(raw, kind, shape, "F" if fortran else "C")


def _of_bytes(raw: Any, kind: Any, shape: Any, order: str) -> np.ndarray:
    if not isinstance(kind, _Dtype) or not isinstance(raw, bytes | bytearray):
        raise pickle.UnpicklingError("it holds an array of objects")
    flat = np.frombuffer(bytes(raw), kind.numpy())
    return flat.reshape(shape, order="F" if order == "F" else "C").copy()


def _rebuilt(*_: Any) -> _Array:
    return _Array()


def _framed(raw: Any, kind: Any, shape: Any, order: str = "C") -> _Array:
    made = _Array()
    made.values = _of_bytes(raw, kind, shape, order)
    return made


def _scalar(kind: Any, raw: Any = b"") -> Any:
    return _of_bytes(raw, kind, (1,), "C")[0]


def _encoded(text: Any, coding: str = "latin1") -> bytes:
    if coding not in ("latin1", "latin-1", "utf-8"):
        raise pickle.UnpicklingError(f"it holds text in {coding}")
    return str(text).encode(coding)


_ANSWERS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encoded,
    ("__builtin__", "bytes"): bytes,  # of nothing, as Python 2 wrote it
    ("collections", "OrderedDict"): OrderedDict,
}
for _room in ("numpy.core", "numpy._core"):
    _ANSWERS[f"{_room}.multiarray", "_reconstruct"] = _rebuilt
    _ANSWERS[f"{_room}.multiarray", "scalar"] = _scalar
    _ANSWERS[f"{_room}.numeric", "_frombuffer"] = _framed


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Answer the names of arrays, refuse all others."""
        if (module, name) not in _ANSWERS:
            raise pickle.UnpicklingError(f"it wants {module}.{name}")
        return _ANSWERS[module, name]


def _finished(value: Any) -> Any:
    """Put arrays where descriptions of them are."""
    if isinstance(value, _Array):
        return value.values
    if isinstance(value, dict):
        return {_finished(k): _finished(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_finished(one) for one in value)
    return value
