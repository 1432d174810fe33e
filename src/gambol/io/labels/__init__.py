"""Labels in the formats of other tools, read into ours and written out of it."""

from gambol.io.labels.formats import READABLE, SUFFIX, detect, losses, read, write
from gambol.io.labels.loading import found_only, load, sought

__all__ = [
    "READABLE",
    "SUFFIX",
    "detect",
    "found_only",
    "load",
    "losses",
    "read",
    "sought",
    "write",
]
