"""Calibrations of Qualisys Track Manager (.qca.txt, XML), read only.

Of a camera, `transform` holds where it is, in mm, and r11 to r33, row by row, from the world's
axes to its own, which are x right, y up, z backwards. On two published rigs, of six cameras and
of four, this reading alone has all of them look at one place, within 5°. Programs that export
such files themselves are described to hold t of R x + t instead: where only that brings the
cameras together it is taken, with a remark.

`intrinsic` counts in 1/64 px from the corner of the sensor; its distortion is OpenCV's, without
a unit. `fov_video` is the part of the sensor that was filmed, `video_resolution` the lines that
were kept of it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.errors import InputError
from gambol.io.calibration import markup, orientation
from gambol.io.calibration.common import Read, Said, assemble, naming
from gambol.io.calibration.markup import Element

ROOT = "calibration"
WRAPPED = "QTM_Parameters"  # begins the name of the outer element of what a server sends
_ORIGIN = "the axes of Qualisys"
_FLIP = np.diag([1.0, -1.0, -1.0])  # y up and z backwards to y down and z forward
_FINE = 64  # steps of a pixel
_COARSE = 16384  # px, wider than any sensor: a larger number counts steps
_BINS = (1.0, 1.5, 2.0, 3.0, 4.0)  # lines of the sensor to lines of the film
_TURN = tuple(f"r{row}{column}" for row in (1, 2, 3) for column in (1, 2, 3))
_LENS = (
    *("focalLengthU", "focalLengthV", "centerPointU", "centerPointV", "skew"),
    *("radialDistortion1", "radialDistortion2"),
    *("tangentalDistortion1", "tangentalDistortion2", "radialDistortion3"),
)


class _Seen(NamedTuple):
    """One camera, its pose as the file has it."""

    said: Said
    turn: Float[np.ndarray, "3 3"]
    place: Float[np.ndarray, " 3"]


class _View(NamedTuple):
    """The part of the sensor that is filmed, in px of the sensor."""

    left: float
    top: float
    width: float
    height: float


def read(path: Path) -> Read:
    """Read a file; cameras that were not calibrated are left out, with a remark."""
    seen: list[_Seen] = []
    remarks: list[str] = []
    with naming(path):
        root = markup.read(path)
        outer = root if root.tag == ROOT else markup.inner(root, ROOT, "the file")
        for camera in markup.inner(outer, "cameras", "the calibration").findall("camera"):
            name = camera.get("serial") or "without a serial number"
            if why := _left_out(camera):
                remarks.append(f"{path}: camera {name} {why} there and is left out")
                continue
            one, notes = _camera(name, camera)
            seen.append(one)
            remarks += [f"{path}: {note}" for note in notes]
        if not seen:
            raise InputError("no camera of it was calibrated; calibrate and export again")
    return _posed(path, seen, remarks)


def _posed(path: Path, seen: list[_Seen], remarks: list[str]) -> Read:
    """Read the poses as Track Manager writes them, unless only another way makes sense."""
    readings: dict[str, Callable[[_Seen], Said]] = {
        "": lambda one: _placed(one, _FLIP @ one.turn, -_FLIP @ one.turn @ one.place),
        "z forward": lambda one: _placed(one, one.turn, one.place),
        "z backwards": lambda one: _placed(one, _FLIP @ one.turn, _FLIP @ one.place),
    }
    for how, pose in readings.items():
        with_it = [pose(one) for one in seen]
        made = assemble(
            path, with_it, units="mm", origin="the axes of Qualisys", remarks=remarks
        )
        if not how:
            usual = made
        if orientation.together(made.rig):
            break
    else:
        return usual
    if not how:
        return made
    note = (
        f"{path}: x, y, z are read as t of R x + t, {how}, as only so the cameras look at one "
        "place; Qualisys itself writes where they are"
    )
    return Read(made.rig, (*made.remarks, note))


def _placed(one: _Seen, turn: Float[np.ndarray, "3 3"], shift: Float[np.ndarray, " 3"]) -> Said:
    return one.said._replace(rotation=turn, translation=shift)


def _left_out(camera: Element) -> str:
    if camera.get("active") == "0":
        return "was not used"
    if camera.get("calibrated", "true").lower() != "true":
        return "was not calibrated"
    lacking = [word for word in ("transform", "intrinsic") if camera.find(word) is None]
    return f"has no {' and '.join(lacking)}" if lacking else ""


def _camera(name: str, camera: Element) -> tuple[_Seen, list[str]]:
    what = f"camera {name}"
    lens = markup.inner(camera, "intrinsic", what)
    notes = []
    step, note = _steps(camera, lens, what)
    notes += [note] if note else []
    view = _view(camera, lens, step, what)
    bins, note = _bins(camera, view, what)
    notes += [note] if note else []
    fu, fv, cu, cv, skew, *distortion = markup.values(lens, _LENS, what)
    scale = 1 / step / bins
    matrix = np.array(
        [
            [fu * scale, skew * scale, (cu / step - view.left) / bins],
            [0.0, fv * scale, (cv / step - view.top) / bins],
            [0.0, 0.0, 1.0],
        ]
    )
    notes += _turned(name, camera)
    pose = markup.inner(camera, "transform", what)
    size = (round(view.width / bins), round(view.height / bins))
    said = Said(name, matrix, np.zeros(3), np.zeros(3), distortion, size)
    turn = markup.values(pose, _TURN, what).reshape(3, 3)
    return _Seen(said, turn, markup.values(pose, ("x", "y", "z"), what)), notes


def _steps(camera: Element, lens: Element, what: str) -> tuple[float, str]:
    """Return how many steps a pixel has: told by the size of the sensor, counted both ways."""
    low, high = markup.values(lens, ("sensorMinU", "sensorMaxU"), what)
    whole = camera.find("fov_video_max")
    if whole is None:
        step = float(_FINE if high - low > _COARSE else 1)
    else:
        left, right = markup.values(whole, ("left", "right"), what)
        ratio = (high - low + 1) / max(right - left + 1, 1)
        near = [k for k in (_FINE, 1) if abs(ratio / k - 1) < 0.01]
        if not near:
            raise InputError(
                f"{what}: its sensor is {high - low + 1:g} steps and {right - left + 1:g} px "
                f"wide, which is not {_FINE} steps a pixel; export the calibration again"
            )
        step = float(near[0])
    note = "" if step == _FINE else f"{what}: its lens is given in whole pixels, not in 1/64 px"
    return step, note


def _view(camera: Element, lens: Element, step: float, what: str) -> _View:
    part = camera.find("fov_video")
    if part is None:
        u0, u1, v0, v1 = markup.values(
            lens, ("sensorMinU", "sensorMaxU", "sensorMinV", "sensorMaxV"), what
        )
        return _View(0.0, 0.0, float(u1 - u0 + 1) / step, float(v1 - v0 + 1) / step)
    left, top, right, bottom = markup.values(part, ("left", "top", "right", "bottom"), what)
    if right <= left or bottom <= top:
        raise InputError(f"{what}: its fov_video is empty; set it and calibrate again")
    return _View(left, top, right - left + 1, bottom - top + 1)


def _bins(camera: Element, view: _View, what: str) -> tuple[float, str]:
    """Return how many lines of the sensor a line of the film is made of."""
    said = camera.get("video_resolution", "")
    if not (said[:-1].isdigit() and said.endswith("p") and int(said[:-1]) > 0):
        return 1.0, ""
    whole = camera.find("fov_video_max")
    lines = view.height
    if whole is not None:
        top, bottom = markup.values(whole, ("top", "bottom"), what)
        left, right = markup.values(whole, ("left", "right"), what)
        lines = min(bottom - top, right - left) + 1  # of a file turned upright, too
    ratio = lines / int(said[:-1])
    near = [bins for bins in _BINS if abs(ratio / bins - 1) < 0.02]
    if not near:
        raise InputError(
            f"{what}: it filmed at {said} with {lines:g} lines of its sensor, and how they "
            "were reduced is not public; film at full resolution"
        )
    if near[0] == 1:
        return 1.0, ""
    return near[0], f"{what}: its film is taken to be {near[0]:g} times smaller than its sensor"


def _turned(name: str, camera: Element) -> list[str]:
    angle = markup.value(camera, "viewrotation", f"camera {name}", 0)
    if angle == 0:
        return []
    return [
        f"camera {name} is shown turned by {angle:g}° in Track Manager; points have to be "
        "those of the video as the sensor recorded it"
    ]
