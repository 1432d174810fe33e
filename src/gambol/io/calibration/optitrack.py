"""Calibrations of OptiTrack Motive from 3.2 on (.mcal, XML in UTF-16), read only.

A camera has Attributes (ImagerPixelWidth, ImagerPixelHeight), IntrinsicStandardCameraModel
(LensCenter, HorizontalFocalLength and VerticalFocalLength in px, k1 k2 k3 and TangentialX and
TangentialY, which are OpenCV's k1 k2 k3 p1 p2) and Extrinsic: where it is, in metres, and
OrientMatrix0 to 8, row by row, from its axes to the world's. Its axes are x right, y up and z
backwards; +y is up in the world. On a published file the camera then looks at the origin with
its horizon level. The element Intrinsic holds Motive's own lens model, which is not public.
"""

from pathlib import Path

import numpy as np

from gambol.core.errors import InputError
from gambol.io.calibration import markup
from gambol.io.calibration.common import Read, Said, assemble, naming, size_of
from gambol.io.calibration.markup import Element

ROOT = "calibrationProfile"
_FLIP = np.diag([1.0, -1.0, -1.0])  # y up and z backwards to y down and z forward
_LENS = "IntrinsicStandardCameraModel"
_MATRIX = tuple(f"OrientMatrix{k}" for k in range(9))


def read(path: Path) -> Read:
    """Read a file; cameras that were not calibrated are left out, with a remark."""
    said: list[Said] = []
    remarks: list[str] = []
    with naming(path):
        cameras = markup.inner(markup.read(path), "Calibration/Cameras", "the calibration")
        for camera in cameras.findall("Camera"):
            name = camera.get("Serial") or "without a serial number"
            lacking = [word for word in (_LENS, "Extrinsic") if camera.find(word) is None]
            if lacking:
                remarks.append(
                    f"{path}: camera {name} lacks {' and '.join(lacking)} and is left out"
                )
                continue
            said.append(_said(name, camera))
            remarks += [f"{path}: {note}" for note in _turned(name, camera)]
        if not said:
            raise InputError(
                f"no camera has {_LENS} and Extrinsic; export the calibration from Motive 3.2 "
                "or newer"
            )
    return assemble(
        path, said, units="m", up=(0.0, 1.0, 0.0), origin="the axes of Motive", remarks=remarks
    )


def _said(name: str, camera: Element) -> Said:
    what = f"camera {name}"
    lens = markup.inner(camera, _LENS, what)
    fx, fy, cx, cy, k1, k2, k3, p1, p2 = markup.values(
        lens,
        (
            *("HorizontalFocalLength", "VerticalFocalLength", "LensCenterX", "LensCenterY"),
            *("k1", "k2", "k3", "TangentialX", "TangentialY"),
        ),
        what,
    )
    pose = markup.inner(camera, "Extrinsic", what)
    centre = markup.values(pose, ("X", "Y", "Z"), what)
    turn = _FLIP @ markup.values(pose, _MATRIX, what).reshape(3, 3).T
    size = markup.inner(camera, "Attributes", what)
    return Said(
        name,
        [[fx, 0, cx], [0, fy, cy], [0, 0, 1]],
        turn,
        -turn @ centre,
        (k1, k2, p1, p2, k3),
        size_of(
            markup.values(size, ("ImagerPixelWidth", "ImagerPixelHeight"), what),
            f"{what}: its size",
        ),
    )


def _turned(name: str, camera: Element) -> list[str]:
    shown = camera.find("Properties")
    angle = 0.0 if shown is None else markup.value(shown, "Orientation", f"camera {name}", 0)
    if angle == 0:
        return []
    return [
        f"camera {name} is shown turned by {angle:g}° in Motive; points have to be those of "
        "the picture as the sensor recorded it"
    ]
