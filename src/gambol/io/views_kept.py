"""2D poses of a long recording, made ready and kept on disk until its 3D poses are written.

Each animal has a file of its own, frame after frame, from which any frames are read without the
others, and one that says how many cameras saw each keypoint. What is half written counts for
nothing: the file that names what there is comes last.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from gambol.core.skeleton import Skeleton
from gambol.core.views import Views
from gambol.io import store

_HEAD, _TIMES = "views.json", "times.f8"
_NUMBERS = 4  # of an observation: x, y, confidence, variance; and 3 of every candidate


class Kept(NamedTuple):
    """2D poses on disk."""

    folder: Path
    names: tuple[str, ...]  # of the animals
    cameras: tuple[str, ...]
    skeleton: Skeleton
    times: Float[np.ndarray, " T"]  # seconds
    remarks: tuple[str, ...]
    candidates: int = 0  # peaks of an observation, where several are known

    def views(self, animal: int, stretches: Sequence[tuple[int, int]]) -> Views:
        """Return what was seen of an animal, by its number, in frames first <= t < last."""
        count = self.candidates
        shape = (len(self.cameras), len(self.skeleton), _NUMBERS + 3 * count)
        path = _file(self.folder, animal)
        parts = [_rows(path, np.dtype(np.float64), shape, *one) for one in stretches]
        part = np.concatenate(parts) if len(parts) != 1 else parts[0]
        times = np.concatenate([self.times[first:last] for first, last in stretches])
        return Views(
            self.cameras,
            np.ascontiguousarray(part[..., :2]),
            np.ascontiguousarray(part[..., 2]),
            np.ascontiguousarray(part[..., 3]),
            times,
            self.skeleton,
            part[..., 4 : 4 + 2 * count].reshape(*part.shape[:3], count, 2) if count else None,
            np.ascontiguousarray(part[..., 4 + 2 * count :]) if count else None,
        )

    def seen(
        self, animal: int, first: int, last: int, cameras: int = 2
    ) -> Bool[np.ndarray, "F J"]:
        """Tell which keypoints so many cameras saw."""
        path, shape = _counts(self.folder, animal), (len(self.skeleton),)
        return _rows(path, np.dtype(np.uint8), shape, first, last) >= cameras


class Keeper:
    """What is being kept: `add` all frames, then `finish`."""

    def __init__(self, folder: Path, animals: int) -> None:
        self.folder, self._animals = folder, animals
        with store.writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        # of this process alone: others may keep the same beside it
        self._own = Path(tempfile.mkdtemp(prefix="keeping-", dir=folder))

    def add(self, animals: Sequence[Views]) -> None:
        """Append frames of every animal."""
        for n, views in enumerate(animals):
            numbers = [views.xy, views.confidence[..., None], views.variance[..., None]]
            if views.candidates is not None and views.candidate_score is not None:
                flat = views.candidates.reshape(*views.confidence.shape, -1)
                numbers += [flat, views.candidate_score]
            count = np.isfinite(views.xy).all(axis=-1).sum(axis=1)
            _append(np.concatenate(numbers, axis=-1), _file(self._own, n))
            _append(count.astype(np.uint8), _counts(self._own, n))

    def finish(
        self,
        names: tuple[str, ...],
        like: Views,
        times: Float[np.ndarray, " T"],
        remarks: tuple[str, ...],
    ) -> Kept:
        """Say what was kept.

        Args:
            names: of the animals, in the order of `add`.
            like: views of any of them, for cameras and skeleton.
            times: of all frames, seconds.
            remarks: what a person should know.
        """
        for n in range(self._animals):
            for path in (_file(self._own, n), _counts(self._own, n)):
                with path.open("rb+") as file:
                    os.fsync(file.fileno())
                path.replace(self.folder / path.name)
        self._own.rmdir()
        store.write_bytes(np.asarray(times, np.float64).tobytes(), self.folder / _TIMES)
        head = {
            "names": names,
            "cameras": like.cameras,
            "skeleton": like.skeleton.to_dict(),
            "remarks": remarks,
            "candidates": 0 if like.candidates is None else like.candidates.shape[3],
        }
        store.write_json(head, self.folder / _HEAD)
        kept = opened(self.folder)
        assert kept is not None
        return kept


def opened(folder: Path) -> Kept | None:
    """Return what was kept in a folder; None if it was not finished."""
    if not (folder / _HEAD).exists():
        return None
    head = store.read_json(folder / _HEAD)
    names, cameras = tuple(head["names"]), tuple(head["cameras"])
    skeleton = Skeleton.from_dict(head["skeleton"])
    times = np.fromfile(folder / _TIMES, np.float64)
    numbers = _NUMBERS + 3 * head["candidates"]
    size = len(times) * len(cameras) * len(skeleton) * numbers * 8
    for n in range(len(names)):
        path = _file(folder, n)
        if not path.exists() or path.stat().st_size != size:
            return None
    told = tuple(head["remarks"])
    return Kept(folder, names, cameras, skeleton, times, told, head["candidates"])


def _file(folder: Path, animal: int) -> Path:
    return folder / f"views-{animal:03d}.f8"


def _counts(folder: Path, animal: int) -> Path:
    return folder / f"views-{animal:03d}.u1"


def _append(values: np.ndarray, path: Path) -> None:
    with store.writing(path), path.open("ab") as file:
        file.write(values.tobytes())


def _rows(
    path: Path, kind: np.dtype, shape: tuple[int, ...], first: int, last: int
) -> np.ndarray:
    """Read some rows of a file of them."""
    size = int(np.prod(shape))
    with path.open("rb") as file:
        file.seek(first * size * kind.itemsize)
        return np.fromfile(file, kind, max(last - first, 0) * size).reshape(-1, *shape)
