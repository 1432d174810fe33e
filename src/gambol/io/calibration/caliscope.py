"""Camera arrays of caliscope: the keys of anipose in tables [cameras.PORT], read only."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gambol.io.calibration import anipose, toml
from gambol.io.calibration.common import Read, assemble, naming


def is_array(tables: Mapping[str, Any]) -> bool:
    """Tell whether the tables of a file are a camera array."""
    cameras = tables.get("cameras")
    return isinstance(cameras, Mapping) and any(map(anipose.is_camera, cameras.values()))


def read(path: Path) -> Read:
    """Read a file; cameras that were set aside or never placed are left out, with a remark."""
    tables = toml.read(path)["cameras"]
    said, remarks = [], []
    for port, table in tables.items():
        name = f"cam_{port}" if str(port).isdigit() else str(port)
        placed = all(table.get(word) for word in ("matrix", "rotation", "translation"))
        if table.get("ignore") or not placed:
            why = "is ignored" if table.get("ignore") else "has no place in the world"
            remarks.append(f"{path}: camera {name} {why} there and is left out")
            continue
        if table.get("rotation_count"):
            remarks.append(
                f"{path}: camera {name} was shown turned by {table['rotation_count']} x 90°; "
                "points have to be those of the video as it was recorded"
            )
        with naming(path):
            said.append(anipose.said_of(name, table))
    return assemble(path, said, remarks=remarks)
