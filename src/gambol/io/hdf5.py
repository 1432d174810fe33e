"""HDF5 files of strangers: what they hold must lie inside of them.

A link or a data set may name another file, which the library would open without a word: the
file of a guest could show what only the host may read.
"""

from pathlib import Path
from typing import Any

from gambol.core.errors import InputError


def require_closed(file: Any, path: Path) -> None:
    """Raise unless all that an open `h5py.File` holds lies inside of it; follows no link."""
    import h5py

    def look(name: str, link: Any) -> str | None:  # raising in here confuses h5py
        outside = isinstance(link, h5py.ExternalLink)
        if isinstance(link, h5py.HardLink) and isinstance(held := file[name], h5py.Dataset):
            sources = held.virtual_sources() if held.is_virtual else []
            outside = bool(held.external) or any(s.file_name != "." for s in sources)
        return name if outside else None

    if (found := file.visititems_links(look)) is not None:
        raise InputError(
            f"{path}: {found} lies in another file, which is not opened; "
            "export it again as one file"
        )
