"""Ethograms in the formats of other tools, read into ours and written out of it."""

from gambol.io.ethogram.formats import FORMATS, detect, losses, read, write
from gambol.io.ethogram.reading import Found

__all__ = ["FORMATS", "Found", "detect", "losses", "read", "write"]
