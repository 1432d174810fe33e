"""Frame numbers that come from outside, checked once."""

from collections.abc import Sequence

from gambol.core.errors import InputError


def checked(indices: Sequence[int], n_frames: int, name: str) -> list[int]:
    """Return the indices as plain integers, or name the first that is no frame.

    >>> checked([0, 2], 3, "a.mp4")
    [0, 2]
    """
    wanted = [int(i) for i in indices]
    for index in wanted:
        if not 0 <= index < n_frames:
            raise InputError(f"{name} has no frame {index}; it has {n_frames}, counted from 0")
    return wanted
