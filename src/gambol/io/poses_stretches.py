"""Stretches of pose files of one animal, in any order: only those that are asked for are read.

Files of other programs cannot be cut and are held in memory.
"""

from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import xarray as xr
from jaxtyping import Float

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import poses as io_poses
from gambol.io import store


class Stretch(NamedTuple):
    """What a file says of consecutive frames."""

    xy: Float[np.ndarray, "T J 2"]  # px; NaN where nothing was found
    covariance: Float[np.ndarray, "T J 2 2"]  # px²; NaN where not known
    confidence: Float[np.ndarray, "T J"]


class Stretches:
    """An open file."""

    def __init__(self, path: Path, fps: float | None = None) -> None:
        """Open a file; `fps` where one of another program does not say it.

        Raises:
            InputError: it is missing, damaged, of several animals, or holds no poses in px.
        """
        self.path = path
        self._set = _open(path, fps)
        sizes = self._set.sizes
        if sizes["space"] != 2:
            raise InputError(f"{path} holds poses in 3D; give the 2D poses of one camera")
        if sizes["individuals"] != 1:
            raise InputError(
                f"{path} holds {sizes['individuals']} animals; give poses of a single animal"
            )
        self.frames = int(sizes["time"])
        self.times: Float[np.ndarray, " T"] = self._set["time"].values.astype(np.float64)
        self.skeleton: Skeleton = core_poses.skeleton(self._set)
        self.attrs: dict[str, Any] = dict(self._set.attrs)
        self._columns = [str(name) for name in self._set["keypoints"].values]

    def read(self, first: int, stop: int, keypoints: tuple[str, ...]) -> Stretch:
        """Return frames first … stop - 1, the keypoints in an order of one's own."""
        part = self._set.isel(time=slice(first, stop))
        order = [self._columns.index(name) for name in keypoints]
        xy = core_poses.xy(part)[:, 0, order].astype(np.float64)
        covariance = np.full((*xy.shape, 2), np.nan)
        if "covariance" in part:
            covariance = core_poses.covariance(part)[:, 0, order].astype(np.float64)
        sure = core_poses.points(part, "confidence")[:, 0, order].astype(np.float64)
        return Stretch(xy, covariance, np.nan_to_num(sure))

    def close(self) -> None:
        """Close the file."""
        self._set.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _open(path: Path, fps: float | None) -> xr.Dataset:
    store.require_file(path)
    if path.suffix != ".nc":
        return io_poses.read(path, fps)
    try:
        found = xr.open_dataset(path, engine="h5netcdf", cache=False)
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path} is no complete netCDF4 file; make it again") from error
    try:
        return core_poses.validate(found, str(path))
    except InputError:
        found.close()
        raise
