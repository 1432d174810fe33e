"""calibration.toml of anipose, read and written without loss; also what freemocap writes.

One table a camera: name, size, matrix, distortions, rotation (Rodrigues), translation, fisheye.
We add model and flip to cameras, units, up and origin to the metadata. Cameras keep the order
of the file, so that cam_10 does not come before cam_2; keys that we do not know are kept.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from gambol.core.cameras import KINDS, Camera, Kind, Rig
from gambol.core.errors import InputError
from gambol.io import store
from gambol.io.calibration import toml
from gambol.io.calibration.common import Read, Said, assemble, naming, size_of

_OURS = ("units", "up", "origin")
_KNOWN = (
    *("name", "size", "matrix", "distortions", "rotation", "translation"),
    *("fisheye", "model", "flip"),
)


def is_camera(table: Any) -> bool:
    """Tell whether a table of a file describes a camera."""
    return isinstance(table, Mapping) and "matrix" in table


def read(path: Path) -> Read:
    """Read a file."""
    return of_tables(path, toml.read(path))


def parse(said: str, source: Path) -> Read:
    """Read the text of a file; `source` is named where it is wrong."""
    return of_tables(source, toml.parse(said, source))


def of_tables(path: Path, tables: Mapping[str, Any]) -> Read:
    """Make a rig of the tables of a file."""
    with naming(path):
        said = {key: said_of(key, table) for key, table in tables.items() if is_camera(table)}
    metadata = tables.get("metadata", {})
    if not isinstance(metadata, Mapping):
        raise InputError(f"{path}: metadata is {metadata!r}, not a table")
    other = {k: v for k, v in tables.items() if k != "metadata" and not is_camera(v)}
    extra = {
        "metadata": dict(metadata),
        "tables": {one.name: key for key, one in said.items()},
        "other": other,
    }
    return assemble(
        path,
        said.values(),
        units=str(metadata.get("units", "unknown")),
        up=metadata.get("up", (0.0, 0.0, 1.0)),
        origin=str(metadata.get("origin", "")),
        extra=extra,
    )


def said_of(key: str, table: Mapping[str, Any]) -> Said:
    """Take one table apart."""
    name = str(table.get("name", key))
    missing = [word for word in ("rotation", "translation") if word not in table]
    if missing:
        raise InputError(
            f"camera {name} lacks {' and '.join(missing)}; calibrate all cameras together"
        )
    kind = table.get("model", "fisheye" if table.get("fisheye") else "pinhole")
    if kind not in KINDS:
        raise InputError(f"camera {name}: no model {kind!r}; there are {', '.join(KINDS)}")
    return Said(
        name,
        table["matrix"],
        table["rotation"],
        table["translation"],
        table.get("distortions", ()),
        size_of(table.get("size"), f"camera {name}: its size"),
        cast(Kind, kind),
        bool(table.get("flip", False)),
        {k: v for k, v in table.items() if k not in _KNOWN},
    )


def write(rig: Rig, path: Path) -> list[Path]:
    """Write a file."""
    store.write_text(text(rig), path)
    return [path]


def text(rig: Rig) -> str:
    """Return a rig as the text of a file."""
    keys = rig.extra.get("tables", {})
    names = [str(keys.get(camera.name, f"cam_{k}")) for k, camera in enumerate(rig.cameras)]
    other = dict(rig.extra.get("other", {}))
    taken = set(other) | {"metadata"}
    if len(set(names)) < len(names) or taken & set(names):
        names = [f"cam_{k}" for k in range(len(names))]
    cameras = {key: _table(camera) for key, camera in zip(names, rig.cameras, strict=True)}
    metadata = dict(rig.extra.get("metadata", {}))
    metadata |= {"units": rig.units, "up": list(rig.up)}
    if rig.origin or "origin" in metadata:
        metadata["origin"] = rig.origin
    rest = {key: value for key, value in other.items() if key not in cameras}
    return toml.text(cameras | rest | {"metadata": metadata})


def _table(camera: Camera) -> dict[str, Any]:
    table: dict[str, Any] = {"name": camera.name}
    if camera.size is not None:
        table["size"] = list(camera.size)
    table |= {
        "matrix": _plain(camera.matrix),
        "distortions": _plain(camera.distortion),
        "rotation": _plain(camera.rotation),
        "translation": _plain(camera.translation),
    }
    if camera.kind == "fisheye":
        table["fisheye"] = True
    table["model"] = camera.kind
    if camera.flip:
        table["flip"] = True
    return table | {key: value for key, value in camera.extra.items() if key not in table}


def _plain(values: np.ndarray) -> Any:
    return values.tolist()
