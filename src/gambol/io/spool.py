"""Pictures put aside on disk until it is their turn: written once, read once, then gone."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from jaxtyping import UInt8

from gambol.io import store

# nothing that an eye could see is lost, in a tenth of the room of the bare numbers
_JPEG = (
    cv2.IMWRITE_JPEG_QUALITY, 95,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
)  # fmt: skip


class Spool:
    """Pictures in the order in which they came, inside a `with` block.

    The file has no name that stays: nothing is left of it, whatever ends the process.
    """

    def __init__(self, folder: Path) -> None:
        """Prepare to keep pictures in a folder that exists."""
        self._folder = folder
        self._ends = [0]

    def __enter__(self) -> Self:
        with store.writing(self._folder):
            self._file = tempfile.TemporaryFile(dir=self._folder, prefix=".gambol-")
        return self

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, picture: UInt8[np.ndarray, "H W 3"]) -> None:
        """Put a picture behind those that are there."""
        _, code = cv2.imencode(".jpg", picture, _JPEG)
        with store.writing(self._folder):
            self._file.seek(self._ends[-1])
            self._file.write(code.tobytes())
        self._ends.append(self._ends[-1] + len(code))

    def __iter__(self) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
        for start, end in zip(self._ends[:-1], self._ends[1:], strict=True):
            self._file.seek(start)
            code = np.frombuffer(self._file.read(end - start), np.uint8)
            yield np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)

    def __exit__(self, *error: object) -> None:
        self._file.close()
