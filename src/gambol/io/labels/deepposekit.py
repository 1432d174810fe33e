"""DeepPoseKit annotation sets: HDF5 with images, annotations and a skeleton of indices.

The video is the file's own `images`. Names come from `skeleton.csv` beside the file. An
annotation without a position is what `nan_means` says: DeepPoseKit marks missing parts with NaN
and trains an empty map. Rows count as a person's when all their keypoints are `annotated`; in a
set in which no row is, the flags were never used and every row counts.
"""

import csv
import io
import re
from pathlib import Path
from typing import Any

import numpy as np

from gambol.core.errors import InputError
from gambol.core.labels import Labels, Origin, Visibility, from_positions
from gambol.core.skeleton import Skeleton, guess_swap
from gambol.io import fence, store


def read(path: Path, nan_means: Visibility, repair_swap: bool = False) -> Labels:
    """Read a set; `repair_swap` takes left and right from the names instead of the file."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            positions = file["annotations"][()].astype(np.float64)  # (N, J, 2)
            table = file["skeleton"][()]  # (J, 2): parent, swap
            count = file["images"].shape[0]
            annotated = file["annotated"][()] if "annotated" in file else None
    except (OSError, KeyError) as error:
        raise InputError(f"{path} is no DeepPoseKit set ({error}); export it again") from error
    if positions.shape != (count, len(table), 2) or table.shape[1:] != (2,):
        raise InputError(
            f"{path}: annotations of shape {positions.shape} for {count} images of "
            f"{len(table)} keypoints; export it again"
        )
    done = np.ones(count, bool) if annotated is None else annotated.all(axis=1)
    origin = np.where(done | ~done.any(), Origin.PERSON, Origin.MODEL).astype(np.uint8)
    frames = np.arange(count)
    labels = from_positions(
        _skeleton(path, table, repair_swap),
        (f"{path.resolve()}::images",),
        np.zeros_like(frames),
        frames,
        positions,
        nan_means=nan_means,
    )
    return labels.__class__(**{**vars(labels), "origin": origin})


def _skeleton(path: Path, table: Any, repair_swap: bool) -> Skeleton:
    names = _names(path, len(table))
    parent = tuple(int(p) for p in table[:, 0])
    swap = guess_swap(names) if repair_swap else tuple(int(s) for s in table[:, 1])
    try:
        return Skeleton(names, parent, swap)
    except InputError as error:
        if repair_swap or not re.match("swap of ", str(error)):
            raise InputError(f"{path}: {error}") from error
        raise InputError(f"{path}: {error}; take them with --repair-swap") from error


def _names(path: Path, count: int) -> tuple[str, ...]:
    """Read names from skeleton.csv beside the file; numbers where there is none."""
    beside = path.with_name("skeleton.csv")
    if not fence.exists(beside) or not beside.is_file():
        return tuple(f"keypoint {j}" for j in range(count))
    rows = list(csv.DictReader(io.StringIO(store.read_text(beside))))
    names = tuple((row.get("name") or "").strip() for row in rows)
    if len(names) != count:
        raise InputError(
            f"{beside} names {len(names)} keypoints, {path.name} has {count}; mend skeleton.csv"
        )
    return names
