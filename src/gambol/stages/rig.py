"""Stage `rig`: look at a calibration, or write it in the format of another tool.

reads   calibration   any format of `io.calibration`
writes  out           the same cameras in another format (`convert`)
"""

from pathlib import Path
from typing import Any

from gambol.core.cameras import Rig
from gambol.core.errors import InputError
from gambol.io import calibration
from gambol.multiview import rig_check


def check(path: Path) -> dict[str, Any]:
    """Return the cameras and everything about them that cannot be right."""
    read = calibration.load(path)
    found = rig_check.check(read.rig)
    return {
        "calibration": str(path),
        "format": calibration.detect(path),
        **told(read.rig),
        "findings": [one._asdict() for one in found],
        "remarks": list(read.remarks),
    }


def convert(path: Path, out: Path, to: str | None = None) -> dict[str, Any]:
    """Write the cameras of a calibration in another format, and say what it cannot hold."""
    if path.resolve() == out.resolve():
        raise InputError(f"{out} is the calibration itself; choose another name")
    format = to or _format(out)
    read = calibration.load(path)
    written = calibration.write(read.rig, out, format)
    return {
        "written": [str(file) for file in written],
        "format": format,
        **told(read.rig),
        "remarks": [*read.remarks, *calibration.losses(read.rig, format)],
    }


def told(rig: Rig) -> dict[str, Any]:
    """Return the cameras as plain values."""
    return {
        "units": rig.units,
        "up": list(rig.up),
        "cameras": [
            {
                "name": camera.name,
                "kind": camera.kind,
                "size": list(camera.size) if camera.size else None,
                "focal px": None if camera.kind == "affine" else camera.matrix[0, 0],
                "centre": camera.centre.tolist(),
            }
            for camera in rig.cameras
        ],
    }


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what the cameras are and what is wrong with them."""
    rows = [f"written: {path}" for path in values.get("written", [])]
    rows.append(
        f"{len(values['cameras'])} cameras ({values['format']}), lengths in {values['units']}"
        if values["units"] != "unknown"
        else f"{len(values['cameras'])} cameras ({values['format']}); the unit is not known"
    )
    for camera in values["cameras"]:
        size = "×".join(str(n) for n in camera["size"]) if camera["size"] else "size unknown"
        focal = (
            "" if camera["focal px"] is None else f", focal length {camera['focal px']:.1f} px"
        )
        centre = ", ".join(f"{x:.1f}" for x in camera["centre"])
        where = "" if camera["kind"] == "affine" else f", at ({centre})"
        rows.append(f"  {camera['name']}: {camera['kind']}, {size}{focal}{where}")
    if "findings" in values:
        rows += [f"flagged: {one['sentence']}" for one in values["findings"]]
        rows += [] if values["findings"] else ["nothing is flagged"]
    return "\n".join(rows + [f"note: {remark}" for remark in values["remarks"]])


def _format(out: Path) -> str:
    """The format that a name means."""
    suffix = out.suffix.lower()
    fits = [name for name, ends in calibration.SUFFIX.items() if ends == suffix]
    if len(fits) != 1:
        there = ", ".join(calibration.SUFFIX)
        raise InputError(f"{out} does not tell the format; say --to one of {there}")
    return fits[0]
