"""JSON of multicam-calibration: camera names with camera_matrix, distortion_coefs, R and T.

Its writer says R and T, its reader asks for rotation and translation: we read and write both.
"""

from pathlib import Path
from typing import Any

from gambol.core.cameras import Rig
from gambol.core.errors import InputError
from gambol.io import store
from gambol.io.calibration.common import Read, Said, assemble, naming, pinholes, size_of


def is_multicam(values: Any) -> bool:
    """Tell whether the content of a JSON file is such a calibration."""
    return isinstance(values, dict) and any(
        isinstance(one, dict) and "camera_matrix" in one for one in values.values()
    )


def read(path: Path) -> Read:
    """Read a file; cameras keep its order."""
    values = store.read_json(path)
    with naming(path):
        said = [_said(name, one) for name, one in values.items()]
    ours = next(iter(values.values()))
    return assemble(
        path,
        said,
        units=str(ours.get("units", "unknown")),
        up=ours.get("up", (0.0, 0.0, 1.0)),
        origin=str(ours.get("origin", "")),
    )


def write(rig: Rig, path: Path) -> list[Path]:
    """Write a file; what JSON of this kind has no place for stands in each camera besides."""
    pinholes(rig, "multicam")
    values: dict[str, Any] = {}
    for camera in rig.cameras:
        turn, shift = camera.turn.tolist(), camera.translation
        values[camera.name] = {
            "R": turn,
            "T": shift[:, None].tolist(),
            "rotation": turn,
            "translation": shift.tolist(),
            "camera_matrix": camera.matrix.tolist(),
            "distortion_coefs": camera.distortion.tolist(),
            "rotation_vector": camera.rotation.tolist(),
            "size": None if camera.size is None else list(camera.size),
            "flip": camera.flip,
            "units": rig.units,
            "up": list(rig.up),
            "origin": rig.origin,
        }
    store.write_json(values, path)
    return [path]


def _said(name: str, one: Any) -> Said:
    if not isinstance(one, dict) or "camera_matrix" not in one:
        raise InputError(f"camera {name} has no camera_matrix; export the calibration again")
    rotation = one.get("rotation", one.get("R"))
    translation = one.get("translation", one.get("T"))
    if rotation is None or translation is None:
        raise InputError(f"camera {name} has no rotation and translation; export it again")
    return Said(
        name,
        one["camera_matrix"],
        rotation,
        translation,
        one.get("distortion_coefs", ()),
        size_of(one.get("size"), f"camera {name}: its size"),
        flip=bool(one.get("flip", False)),
        vector=one.get("rotation_vector"),
    )
