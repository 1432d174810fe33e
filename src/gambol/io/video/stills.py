"""What videos made of single images have in common: a given rate, one size, grey or colour."""

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Float, Shaped


class Stills(ABC):
    """Base of image folders, stacks and images in HDF5 files."""

    _grey: bool
    _fps: float
    _size: tuple[int, int]

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of frames."""

    @abstractmethod
    def native(self, index: int) -> Shaped[np.ndarray, "H W C"]:
        """Return a frame as it is stored: uint8 or uint16, one or three channels."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the first image in pixels."""
        return self._size

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return 1 if self._grey else 3

    @property
    def fps(self) -> float:
        """Frames a second, as given."""
        return self._fps

    @property
    def times(self) -> Float[np.ndarray, " T"]:
        """Seconds since the first frame."""
        return np.arange(len(self)) / self._fps
