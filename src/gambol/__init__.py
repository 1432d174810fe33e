"""Animal-behaviour video to poses, identities, 3D and behaviour."""

from importlib.metadata import version

__version__ = version("gambol")
