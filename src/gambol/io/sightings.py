"""What was found of a board in one camera's frames, kept while a calibration is under way."""

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gambol.io import store


class Found(NamedTuple):
    """Corners of one camera, frame after frame; rows of a frame follow one another."""

    frames: np.ndarray  # (F,) that were looked at
    frame: np.ndarray  # (N,) place in `frames`
    ids: np.ndarray  # (N,) corner
    xy: np.ndarray  # (N, 2) px
    sharpness: np.ndarray  # (F,)
    size: np.ndarray  # (2,) width, height


class Kept:
    """A folder beside the calibration that holds what is found already."""

    def __init__(self, target: Path) -> None:
        self.folder = target.with_name(f".{target.stem}.sightings")

    def read(self, key: str) -> Found | None:
        """Return what was found under this key; None if it is missing, damaged or other."""
        try:
            with np.load(self._path(key), allow_pickle=False) as file:
                return Found(**{name: file[name] for name in Found._fields})
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def write(self, key: str, found: Found) -> None:
        """Keep what was found, whole or not at all."""
        path = self._path(key)
        with store.atomic(path) as partial, partial.open("wb") as file:
            np.savez(file, **found._asdict())

    def remove(self) -> None:
        """Delete all, once the calibration is written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npz"


def join(
    frames: Sequence[int], corners: Sequence[tuple[np.ndarray, np.ndarray, float]],
    size: tuple[int, int],
) -> Found:  # fmt: skip
    """Put the corners (ids, xy, sharpness) of frames together."""
    counts = [len(ids) for ids, _, _ in corners]
    return Found(
        np.asarray(frames, np.int64),
        np.repeat(np.arange(len(corners)), counts),
        np.concatenate([np.zeros(0, np.int64), *(ids for ids, _, _ in corners)]),
        np.concatenate([np.zeros((0, 2)), *(xy for _, xy, _ in corners)]),
        np.array([sharp for _, _, sharp in corners], float),
        np.array(size, np.int64),
    )
