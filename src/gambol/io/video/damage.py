"""What a damaged recording says instead of showing a wrong frame."""

from gambol.core.errors import InputError


class DamagedFrame(InputError):
    """A frame of a damaged file that cannot be decoded faithfully.

    Attributes:
        index: the frame asked for.
    """

    def __init__(self, name: str, index: int) -> None:
        super().__init__(
            f"{name}: frame {index} is damaged and cannot be decoded; leave it out or "
            f"copy the file again from where it was recorded"
        )
        self.index = index


class Unreadable(InputError):
    """A file of which nothing can be shown."""


def ends_early(name: str, readable: int, missing: int) -> str:
    """Say how much of a truncated file is left.

    >>> ends_early("a.mp4", 212, 88)
    'a.mp4: 212 of 300 frames are readable; the file ends early, copy it again to get the rest'
    """
    return (
        f"{name}: {readable} of {readable + missing} frames are readable; the file ends "
        f"early, copy it again to get the rest"
    )


def has_holes(name: str, bad: int, total: int, first: int) -> str:
    """Say how many frames proved unreadable so far, and where they begin.

    >>> has_holes("a.mp4", 3, 300, 57)
    'a.mp4: 297 of 300 frames are readable as far as known; 3 are damaged, first frame 57'
    """
    are = "is" if bad == 1 else "are"
    return (
        f"{name}: {total - bad} of {total} frames are readable as far as known; {bad} {are} "
        f"damaged, first frame {first}"
    )


def unreadable(name: str, reason: str) -> Unreadable:
    """Make the error for a file of which nothing can be shown."""
    return Unreadable(
        f"{name} cannot be read as video: {reason}; check that it was copied in full and "
        f"plays elsewhere"
    )
