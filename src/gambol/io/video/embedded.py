"""Images inside HDF5 files as a video: `file.h5::images`, `file.pkg.slp::video0`.

DeepPoseKit keeps an array `images` (N, H, W, C); SLEAP packages keep one PNG or JPEG file a row
in `videoK/video`, and in `videoK/frame_numbers` which frames of the original video they are.
"""

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Float, Int64, Shaped, UInt8

from gambol.core.errors import InputError
from gambol.io.hdf5 import require_closed
from gambol.io.video.arrays import as_frame, as_stored, decode_picture
from gambol.io.video.damage import DamagedFrame, unreadable
from gambol.io.video.indices import checked
from gambol.io.video.stills import Stills

_FIRST_WITH_ORDER = 1.4  # SLEAP files older than this store red and blue exchanged


class EmbeddedVideo(Stills):
    """The N stored frames, counted from 0; `frame_numbers` tells what they were."""

    def __init__(
        self, path: Path, dataset: str | None = None, grey: bool = False, fps: float = 30.0
    ) -> None:
        """Open images of an HDF5 file.

        Args:
            path: the file.
            dataset: `images`, `video0` or `video0/video`; may be None where there is only one.
            grey: one channel instead of three.
            fps: rate of the original video.
        """
        self.path = path
        self._grey = grey
        self._fps = fps
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise unreadable(str(path), "it is no HDF5 file or damaged") from error
        try:
            require_closed(self._file, path)
        except InputError:
            self._file.close()
            raise
        self._data = self._find(dataset)
        self.frame_numbers = self._frame_numbers()
        self._encoded = self._data.ndim < 4
        self._swapped = self._encoded and _is_swapped(self._file, self._data)
        if not len(self._data):
            raise InputError(f"{path}::{self._data.name} holds no images; export it again")
        height, width, _ = self._picture(0).shape
        self._size = (width, height)

    def __len__(self) -> int:
        return len(self._data)

    @property
    def times(self) -> Float[np.ndarray, " T"]:
        """Seconds in the original video."""
        return self.frame_numbers / self._fps

    def read(self, indices: Sequence[int]) -> UInt8[np.ndarray, "B H W C"]:
        """Return stored frames by place, in the order asked for."""
        wanted = checked(indices, len(self), f"{self.path}::{self._data.name}")
        width, height = self._size
        out = np.empty((len(wanted), height, width, self.channels), dtype=np.uint8)
        for place, index in enumerate(wanted):
            frame = self._picture(index)
            if frame.shape != out.shape[1:]:
                raise InputError(
                    f"{self.path}::{self._data.name}: image {index} is {frame.shape[1]} x "
                    f"{frame.shape[0]} pixels and the first {width} x {height}; use `read_one`"
                )
            out[place] = frame
        return out

    def read_one(self, index: int) -> UInt8[np.ndarray, "H W C"]:
        """Return one stored frame in its own size."""
        (index,) = checked([index], len(self), f"{self.path}::{self._data.name}")
        return self._picture(index)

    def native(self, index: int) -> Shaped[np.ndarray, "H W C"]:
        """Return a frame as it is stored: uint8 or uint16, one or three channels."""
        (index,) = checked([index], len(self), f"{self.path}::{self._data.name}")
        return as_stored(self._row(index), f"{self.path}::{self._data.name}")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _picture(self, index: int) -> UInt8[np.ndarray, "H W C"]:
        return as_frame(self._row(index), self._grey, f"{self.path}::{self._data.name}")

    def _row(self, index: int) -> np.ndarray:
        name = f"{self.path}::{self._data.name}"
        try:
            row = self._data[index]
        except OSError as error:
            raise DamagedFrame(name, index) from error
        if self._encoded:
            data = row if isinstance(row, bytes) else np.asarray(row).tobytes()
            row = decode_picture(data, self._swapped)
        if row is None:
            raise DamagedFrame(name, index)
        return np.asarray(row)

    def _find(self, dataset: str | None) -> h5py.Dataset:
        there = image_datasets(self._file)
        if dataset is None and len(there) == 1:
            dataset = there[0]
        asked = (dataset or "").strip("/")
        for name in there:
            if asked in (name, name.removesuffix("/video")):
                return self._file[name]
        self._file.close()
        if not there:
            raise InputError(f"{self.path} holds no images; give the video it belongs to")
        what = f"has no images {dataset!r}" if dataset else "holds several videos"
        choices = ", ".join(f"{self.path.name}::{n.removesuffix('/video')}" for n in there)
        raise InputError(f"{self.path} {what}; choose from {choices}")

    def _frame_numbers(self) -> Int64[np.ndarray, " N"]:
        parent = self._data.parent
        if self._data.name.endswith("/video") and "frame_numbers" in parent:
            numbers = np.asarray(parent["frame_numbers"][:], dtype=np.int64)
            if len(numbers) == len(self._data):
                return numbers
        return np.arange(len(self._data), dtype=np.int64)


def image_datasets(file: h5py.File) -> list[str]:
    """Return the names of the data sets of a file that hold images."""
    found: list[str] = []

    def look(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        encoded = name.split("/")[-1] == "video" and item.ndim in (1, 2)
        array = item.ndim == 4 and item.dtype in (np.uint8, np.uint16) and item.shape[3] <= 4
        if encoded or array:
            found.append(name)

    file.visititems(look)
    return found


def _is_swapped(file: h5py.File, data: h5py.Dataset) -> bool:
    """Tell whether a SLEAP package wrote red in the place of blue."""
    order = data.attrs.get("channel_order")
    if order is not None:
        return (order.decode() if isinstance(order, bytes) else str(order)) == "BGR"
    version = file["metadata"].attrs.get("format_id") if "metadata" in file else None
    return version is not None and float(version) < _FIRST_WITH_ORDER
