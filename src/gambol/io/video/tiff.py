"""A multi-page TIFF file as a video: one page, or one plane of an ImageJ stack, a frame."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile
from jaxtyping import Shaped, UInt8

from gambol.core.errors import InputError
from gambol.io import store
from gambol.io.video.arrays import as_frame, as_stored
from gambol.io.video.damage import DamagedFrame, unreadable
from gambol.io.video.indices import checked
from gambol.io.video.stills import Stills

_FAILURES = (tifffile.TiffFileError, OSError, ValueError, IndexError, KeyError, RuntimeError)


class TiffVideo(Stills):
    """Pages of 8 or 16 bits, grey or RGB."""

    def __init__(self, path: Path, grey: bool = False, fps: float = 30.0) -> None:
        """Open a stack; TIFF does not know a frame rate, so it is given."""
        logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # errors are raised below
        self.path = path
        self._grey = grey
        self._fps = fps
        self._bytes = store.require_file(path).open("rb")
        try:
            self._file = tifffile.TiffFile(self._bytes)
            series = self._file.series
            self._pages = series[0].pages
            if len({one.shape for one in series}) == 1 and all(
                len(s.pages) == 1 for s in series
            ):
                self._pages = self._file.pages  # pages written one by one
            self._n_frames, self._size = _layout(series[0].axes, series[0].shape, str(path))
            self._planes = None
            if len(self._pages) > 1:
                self._n_frames = len(self._pages)
            elif self._n_frames > 1:
                self._planes = self._map(series[0])
        except _FAILURES as error:
            self._bytes.close()
            if isinstance(error, InputError):
                raise
            raise unreadable(str(path), " ".join(str(error).split())) from error

    def __len__(self) -> int:
        return self._n_frames

    def read(self, indices: Sequence[int]) -> UInt8[np.ndarray, "B H W C"]:
        """Return frames by index, in the order asked for."""
        wanted = checked(indices, len(self), str(self.path))
        width, height = self._size
        out = np.empty((len(wanted), height, width, self.channels), dtype=np.uint8)
        for place, index in enumerate(wanted):
            out[place] = as_frame(self._picture(index), self._grey, str(self.path))
        return out

    def native(self, index: int) -> Shaped[np.ndarray, "H W C"]:
        """Return a frame as it is stored: uint8 or uint16, one or three channels."""
        (number,) = checked([index], len(self), str(self.path))
        return as_stored(self._picture(number), str(self.path))

    def close(self) -> None:
        """Close the file."""
        self._planes = None
        self._file.close()
        self._bytes.close()

    def _picture(self, index: int) -> np.ndarray:
        if self._planes is not None:
            return np.asarray(self._planes[index])
        try:
            page = self._pages[index]
            picture = page.asarray()
        except _FAILURES as error:
            if "imagecodecs" in str(error):
                raise InputError(
                    f"{self.path} is compressed in a way that needs the package imagecodecs; "
                    f"install it or save the stack uncompressed"
                ) from error
            raise DamagedFrame(str(self.path), index) from error
        planar = page.axes == "SYX"
        return np.moveaxis(picture, 0, -1) if planar else np.asarray(picture)

    def _map(self, series: tifffile.TiffPageSeries) -> np.ndarray:
        """View the planes of a stack that is stored as one block behind a single page."""
        width, height = self._size
        if series.dataoffset is None:
            whole: np.ndarray = series.asarray()
            return whole.reshape(self._n_frames, height, width, -1)
        plane = int(np.prod(series.shape)) // self._n_frames
        kind = series.keyframe.dtype.newbyteorder(self._file.byteorder)
        there = (self.path.stat().st_size - series.dataoffset) // (plane * kind.itemsize)
        if there < self._n_frames:
            self._n_frames = max(int(there), 0)
        if not self._n_frames:
            raise unreadable(str(self.path), "the file ends before its first picture does")
        shape = (self._n_frames, height, width, plane // (height * width))
        return np.memmap(self.path, kind, mode="r", offset=series.dataoffset, shape=shape)


def _layout(axes: str, shape: tuple[int, ...], name: str) -> tuple[int, tuple[int, int]]:
    """Return the number of frames and (width, height).

    >>> _layout("TYX", (5, 48, 64), "a.tif"), _layout("YXS", (48, 64, 3), "a.tif")
    ((5, (64, 48)), (1, (64, 48)))
    """
    extent = dict(zip(axes, shape, strict=True))
    frames = int(np.prod([n for axis, n in extent.items() if axis not in "YXS"]))
    beside = extent.get("C", frames)  # channels alone may as well be frames
    if beside not in (1, frames) or "Y" not in extent or "X" not in extent:
        raise InputError(
            f"{name} has axes {axes} of size {shape}; gambol reads grey or RGB stacks, "
            f"save the channels as RGB or one channel alone"
        )
    return frames, (extent["X"], extent["Y"])
