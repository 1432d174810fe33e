"""What every video is to us, wherever its frames come from."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8


@runtime_checkable
class Video(Protocol):
    """Frames by index. Random access equals sequential access, bit for bit."""

    def __len__(self) -> int:
        """Return the number of frames, T."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as displayed."""
        ...

    @property
    def channels(self) -> int:
        """Channels of a frame: 1 (grey) or 3 (red, green, blue)."""
        ...

    @property
    def fps(self) -> float:
        """Nominal frames a second; `times` is the truth where the rate varies."""
        ...

    @property
    def times(self) -> Float[np.ndarray, " T"]:
        """Time of every frame in seconds."""
        ...

    def read(self, indices: Sequence[int]) -> UInt8[np.ndarray, "B H W C"]:
        """Return frames by index, in the order asked for."""
        ...

    def close(self) -> None:
        """Give back what the reader holds open."""
        ...
