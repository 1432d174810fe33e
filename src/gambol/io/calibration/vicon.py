"""Calibrations of Vicon (.xcp, XML), read only.

A KeyFrame holds FOCAL_LENGTH and PRINCIPAL_POINT in px, POSITION in mm and ORIENTATION, a
quaternion x y z w from the world's axes to the camera's, which are x right, y down, z forward.
VICON_RADIAL (k1 k2, about the principal point) or VICON_RADIAL2 (Vicon3Parameter, centre, k1 k2
k3) goes from the picture to the ideal one: ideal = c + (seen - c)(1 + k1 r² + k2 r⁴ + k3 r⁶),
r in px. OpenCV's goes the other way, so that K and k1 k2 p1 p2 k3 are fitted over the picture.

Source: Vicon's description of XCP files, and public readers, which agree on the pose. One uses
the distortion the other way round; this way other cameras' rings of light were seen in the
pictures where the file places them.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.cameras import Camera
from gambol.core.errors import InputError
from gambol.io.calibration import markup
from gambol.io.calibration.common import Read, Said, assemble, naming, numbers, size_of
from gambol.io.calibration.markup import Element
from gambol.kernels import projection

ROOT = "Cameras"
CLOSE = 0.05  # px: nobody sees how far the fit is off below
_MODEL = "Vicon3Parameter"
_SQUARE = 1e-3  # of pixels that are as wide as high
_STEEP = 10.0  # times by which no lens stretches or squeezes a part of the picture
_GRID = 25  # points along each side of the picture that the lens is fitted to


class Lens(NamedTuple):
    """K and distortion, OpenCV's."""

    matrix: Float[np.ndarray, "3 3"]
    distortion: Float[np.ndarray, " 5"]
    worst: float  # px, of the fit over the picture; inf: some of it cannot be fitted


class _Radial(NamedTuple):
    """Distortion as the file has it, in px."""

    centre: Float[np.ndarray, " 2"]
    terms: Float[np.ndarray, " 3"]  # k1 k2 k3


def read(path: Path) -> Read:
    """Read a file; cameras that were not calibrated are left out, with a remark."""
    said: list[Said] = []
    remarks: list[str] = []
    with naming(path):
        for camera in markup.read(path).findall("Camera"):
            name = camera.get("DEVICEID") or "without a DEVICEID"
            frames = camera.findall("KeyFrames/KeyFrame")
            if not frames or "POSITION" not in frames[0].attrib:
                remarks.append(
                    f"{path}: camera {name} was not calibrated there and is left out"
                )
                continue
            if len({(one.get("POSITION"), one.get("ORIENTATION")) for one in frames}) > 1:
                remarks.append(f"{path}: camera {name} moved; only where it was first is read")
            one, notes = _said(name, camera, frames[0])
            said.append(one)
            remarks += [f"{path}: camera {name}: {note}" for note in notes]
        if not said:
            raise InputError("no camera of it was calibrated; calibrate and export again")
    return assemble(path, said, units="mm", origin="the axes of Vicon", remarks=remarks)


def fit(
    matrix: Float[np.ndarray, "3 3"],
    centre: Float[np.ndarray, " 2"],
    terms: Float[np.ndarray, " 3"],
    size: tuple[int, int],
) -> Lens:
    """Fit OpenCV's lens to one that goes from the picture to the ideal one.

    Args:
        matrix: K, of the ideal picture.
        centre: of the distortion, px.
        terms: k1 k2 k3, in px to the -2, -4 and -6.
        size: width and height of the picture, px.
    """
    from scipy.optimize import least_squares

    if not np.any(terms):
        return Lens(matrix, np.zeros(5), 0.0)
    across, down = (np.linspace(0, n - 1, _GRID) for n in size)
    seen = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)
    rays = np.column_stack([_ideal(seen, centre, terms), np.ones(len(seen))])
    rays = rays @ np.linalg.inv(matrix).T
    a, b = rays[:, :2].T
    focal = matrix[0, 0]
    start = np.zeros(9)
    start[4] = -terms[0] * focal**2  # the first term of the inverse series

    def residuals(lens: Float[np.ndarray, " 9"]) -> Float[np.ndarray, " R"]:
        x, y = _distorted(a, b, lens[4:])
        u = focal * (1 + lens[0]) * x + matrix[0, 2] + focal * lens[2]
        v = focal * (1 + lens[1]) * y + matrix[1, 2] + focal * lens[3]
        return np.asarray(np.concatenate([u - seen[:, 0], v - seen[:, 1]]))

    found = least_squares(residuals, start, method="lm", xtol=1e-15, ftol=1e-15, gtol=1e-15).x
    fitted = matrix.copy()
    fitted[0, 0] = focal * (1 + found[0])
    fitted[1, 1] = focal * (1 + found[1])
    fitted[:2, 2] += focal * found[2:4]
    camera = Camera("fit", fitted, np.zeros(3), np.zeros(3), found[4:])
    shown = projection.project(rays, camera.params()[None])
    miss = np.linalg.norm(shown.uv[0] - seen, axis=1)
    worst = float(miss.max()) if shown.valid.all() else float("inf")
    return Lens(fitted, found[4:], worst)


def _ideal(
    seen: Float[np.ndarray, "N 2"],
    centre: Float[np.ndarray, " 2"],
    terms: Float[np.ndarray, " 3"],
) -> Float[np.ndarray, "N 2"]:
    """Return where points of the picture lie in the ideal one."""
    off = seen - centre
    square = (off**2).sum(axis=1, keepdims=True)
    k1, k2, k3 = terms
    with np.errstate(over="ignore", invalid="ignore"):
        slope = 1 + square * (3 * k1 + square * (5 * k2 + square * 7 * k3))
    if not ((slope > 1 / _STEEP) & (slope < _STEEP)).all():
        raise InputError("its distortion folds or tears the picture; calibrate it again")
    return np.asarray(centre + off * (1 + square * (k1 + square * (k2 + square * k3))))


def _distorted(
    a: Float[np.ndarray, " N"], b: Float[np.ndarray, " N"], terms: Float[np.ndarray, " 5"]
) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    k1, k2, p1, p2, k3 = terms
    q = a * a + b * b
    d = 1 + q * (k1 + q * (k2 + q * k3))
    x = a * d + 2 * p1 * a * b + p2 * (q + 2 * a * a)
    y = b * d + p1 * (q + 2 * b * b) + 2 * p2 * a * b
    return x, y


def _said(name: str, camera: Element, frame: Element) -> tuple[Said, list[str]]:
    what = f"camera {name}"
    notes = _pixels(camera, frame, what)
    size = size_of(markup.row(camera, "SENSOR_SIZE", what, 2), f"{what}: its size")
    if size is None:
        raise InputError(f"{what}: its SENSOR_SIZE is 0; calibrate it again")
    focal = markup.value(frame, "FOCAL_LENGTH", what)
    cx, cy = markup.row(frame, "PRINCIPAL_POINT", what, 2)
    matrix = np.array([[focal, 0, cx], [0, focal, cy], [0, 0, 1.0]])
    if not focal > 0:
        raise InputError(f"{what}: its FOCAL_LENGTH is {focal:g}; calibrate it again")
    radial = _radial(frame, matrix, what)
    try:
        lens = fit(matrix, radial.centre, radial.terms, size)
    except InputError as error:
        raise InputError(f"{what}: {error}") from error
    if not lens.worst <= CLOSE:
        off = "folds back" if np.isinf(lens.worst) else f"is up to {lens.worst:.2g} px off"
        notes.append(f"its distortion, written as OpenCV's, {off}")
    turn = _turn(frame, what)
    centre = markup.row(frame, "POSITION", what, 3)
    extra: dict[str, Any] = {}
    if radial.terms.any():
        extra["vicon_radial"] = [*radial.centre.tolist(), *radial.terms.tolist()]
    return Said(
        name, lens.matrix, turn, -turn @ centre, lens.distortion, size, extra=extra
    ), notes


def _pixels(camera: Element, frame: Element, what: str) -> list[str]:
    """Refuse pixels that are not square or skewed: public readers do not agree on them."""
    skew = markup.value(camera, "SKEW", what, 0)
    aspects = (
        markup.value(camera, "PIXEL_ASPECT_RATIO", what, 1),
        markup.value(frame, "PIXEL_ASPECT_RATIO_CORRECTION", what, 1),
    )
    off = max(abs(aspect - 1) for aspect in aspects)
    if skew != 0 or off > _SQUARE:
        raise InputError(
            f"{what}: its pixels are {aspects[0] * aspects[1]:g} times as wide as high with a "
            f"skew of {skew:g}, whose meaning is not public; calibrate it with square pixels"
        )
    if off > 0:
        return [f"its pixels are taken to be square; the file says so but for {off:.1g}"]
    return []


def _radial(frame: Element, matrix: Float[np.ndarray, "3 3"], what: str) -> _Radial:
    words = frame.get("VICON_RADIAL2", "").split()
    if words:
        if words[0] != _MODEL:
            raise InputError(
                f"{what}: its lens model {words[0]!r} is not public; only {_MODEL} is read"
            )
        given = numbers(words[1:], f"{what}: VICON_RADIAL2", 5)
        return _Radial(given[:2], given[2:])
    if "VICON_RADIAL" not in frame.attrib:
        return _Radial(matrix[:2, 2].copy(), np.zeros(3))
    return _Radial(
        matrix[:2, 2].copy(), np.append(markup.row(frame, "VICON_RADIAL", what, 2), 0.0)
    )


def _turn(frame: Element, what: str) -> Float[np.ndarray, "3 3"]:
    from scipy.spatial.transform import Rotation

    quaternion = markup.row(frame, "ORIENTATION", what, 4)
    if abs(np.linalg.norm(quaternion) - 1) > 1e-3:
        raise InputError(f"{what}: its ORIENTATION is not of length 1; calibrate it again")
    return Rotation.from_quat(quaternion).as_matrix()
