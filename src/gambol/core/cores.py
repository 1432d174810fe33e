"""How many cores there are for us."""

import os


def usable_cores(asked: int = 0) -> int:
    """Number of cores to use: those asked for, or all, of those that this process may use.

    A cluster often limits them, and Windows and macOS do not say by how much.
    """
    if hasattr(os, "sched_getaffinity"):
        there = len(os.sched_getaffinity(0))
    else:
        there = os.cpu_count() or 1
    return min(asked, there) if asked else there


def share_of_cores(parts: int) -> int:
    """Number of cores for each of so many who work side by side; one at least."""
    return max(usable_cores() // parts, 1)
