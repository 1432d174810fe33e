"""Calibrated cameras in the formats of other tools, read into ours and written out of it."""

from gambol.io.calibration.anipose import parse, text
from gambol.io.calibration.common import Read
from gambol.io.calibration.formats import (
    READABLE,
    SUFFIX,
    detect,
    load,
    losses,
    read,
    write,
)
from gambol.io.calibration.orientation import Turned, transposed

__all__ = [
    "READABLE",
    "SUFFIX",
    "Read",
    "Turned",
    "detect",
    "load",
    "losses",
    "parse",
    "read",
    "text",
    "transposed",
    "write",
]
