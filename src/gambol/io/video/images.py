"""A folder of images as a video: files in natural order, one frame each."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Shaped, UInt8

from gambol.core.errors import InputError
from gambol.io.video.arrays import as_frame, as_stored, decode_picture, read_bytes
from gambol.io.video.damage import DamagedFrame
from gambol.io.video.indices import checked
from gambol.io.video.stills import Stills

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})


class ImageVideo(Stills):
    """Images as frames. Sizes may differ between files; then use `read_one`."""

    def __init__(self, files: Sequence[Path], grey: bool = False, fps: float = 30.0) -> None:
        """Take image files, in the order of the frames."""
        if not files:
            raise InputError("an image video needs at least one image; give a folder with some")
        self.files = list(files)
        self._grey = grey
        self._fps = fps
        height, width, _ = self.read_one(0).shape
        self._size = (width, height)

    @classmethod
    def from_folder(cls, folder: Path, grey: bool = False, fps: float = 30.0) -> "ImageVideo":
        """Take all images of a folder in natural order: img2 before img10."""
        return cls(images_in(folder), grey, fps)

    def __len__(self) -> int:
        return len(self.files)

    @property
    def names(self) -> list[str]:
        """File names, one a frame."""
        return [file.name for file in self.files]

    def read(self, indices: Sequence[int]) -> UInt8[np.ndarray, "B H W C"]:
        """Return frames by index, in the order asked for; all must have one size."""
        wanted = checked(indices, len(self), str(self.files[0].parent))
        width, height = self._size
        out = np.empty((len(wanted), height, width, self.channels), dtype=np.uint8)
        for place, index in enumerate(wanted):
            frame = self.read_one(index)
            if frame.shape != out.shape[1:]:
                raise InputError(
                    f"{self.files[index]} is {frame.shape[1]} x {frame.shape[0]} pixels, the "
                    f"first image {width} x {height}; keep images of one size in a folder"
                )
            out[place] = frame
        return out

    def read_one(self, index: int) -> UInt8[np.ndarray, "H W C"]:
        """Return one frame in its own size."""
        return as_frame(self._picture(index), self._grey, str(self.files[index]))

    def native(self, index: int) -> Shaped[np.ndarray, "H W C"]:
        """Return a frame as it is stored: uint8 or uint16, one or three channels."""
        return as_stored(self._picture(index), str(self.files[index]))

    def _picture(self, index: int) -> np.ndarray:
        (index,) = checked([index], len(self), str(self.files[0].parent))
        picture = decode_picture(read_bytes(self.files[index]))
        if picture is None:
            raise DamagedFrame(str(self.files[index]), index)
        return picture

    def close(self) -> None:
        """Do nothing: no file stays open."""


def images_in(folder: Path) -> list[Path]:
    """Return the images of a folder in natural order; at least one."""
    files = [f for f in folder.iterdir() if is_image(f)]
    if not files:
        kinds = ", ".join(sorted(SUFFIXES))
        raise InputError(f"{folder} holds no images; it needs files ending in {kinds}")
    return sorted(files, key=lambda file: natural_key(file.name))


def is_image(path: Path) -> bool:
    """Tell by its name whether a file is an image; hidden files are not."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def natural_key(name: str) -> tuple[list[tuple[int, str]], str]:
    """Order names as people do, numbers by value.

    >>> sorted(["img10.png", "img2.png", "IMG3.png"], key=natural_key)
    ['img2.png', 'IMG3.png', 'img10.png']
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(int(p), "") if p.isdecimal() else (-1, p.casefold()) for p in parts], name
