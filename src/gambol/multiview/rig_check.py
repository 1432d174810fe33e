"""Is this rig plausible? Checks of cameras alone, and of what they saw where that is given."""

from itertools import combinations

import numpy as np
from jaxtyping import Float

from gambol.core.cameras import Camera, Rig
from gambol.kernels import projection, rotation
from gambol.multiview import rig_evidence
from gambol.multiview.findings import Finding, Limits
from gambol.multiview.rig_evidence import Evidence

EDGE = 9  # points along each edge of the image that distortion must reach


def check(
    rig: Rig,
    evidence: Evidence | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> list[Finding]:
    """Return what is wrong with a rig, in the order of the checks; empty if nothing is.

    Args:
        rig: any rig.
        evidence: what its cameras saw; None: only what the rig itself tells is checked.
        limits: where each check draws its line.
    """
    found = [*_repeated(rig, limits), *_copied(rig)]
    for camera in rig.cameras:
        found += _transposed(camera)
        found += _focal_length(camera, rig, limits)
        found += _middle(camera, limits)
        found += _fold(camera)
    found += _looks_away(rig)
    if evidence is not None:
        found += rig_evidence.check(rig, evidence, limits)
    return found


def _repeated(rig: Rig, limits: Limits) -> list[Finding]:
    """Two views with the same pose."""
    centres = np.array([c.centre for c in rig.cameras if c.kind != "affine"])
    extent = 0.0
    if len(centres):
        extent = float(np.linalg.norm(np.ptp(centres, axis=0)))
    found = []
    for a, b in combinations(rig.cameras, 2):
        if a.kind != b.kind or a.flip != b.flip:
            continue
        if a.kind == "affine":
            size = np.abs(a.matrix).max()
            same = np.abs(a.matrix - b.matrix).max() < 1e-3 * size
            value = 0.0
        else:
            value = float(rotation.degrees(a.turn, b.turn))
            apart = float(np.linalg.norm(a.centre - b.centre))
            same = value < limits.same_degrees and apart <= limits.same_share * extent
        if same:
            found.append(
                Finding(
                    "repeated camera",
                    (a.name, b.name),
                    value,
                    limits.same_degrees,
                    f"Cameras {a.name} and {b.name} stand at one place and look the same way "
                    f"({value:.2g} degrees apart): one was copied over the other; calibrate "
                    "again or restore its entry.",
                )
            )
    return found


def _copied(rig: Rig) -> list[Finding]:
    """Bitwise equal intrinsics, which no two lenses have; mirrored views share theirs."""
    alike: dict[bytes, list[Camera]] = {}
    for camera in rig.cameras:
        if camera.kind != "affine":
            same = camera.matrix.tobytes() + camera.distortion.tobytes()
            alike.setdefault(same + bytes(camera.flip), []).append(camera)
    found = []
    for group in alike.values():
        names = tuple(camera.name for camera in group)
        if len(names) > 1:
            found.append(
                Finding(
                    "equal intrinsics",
                    names,
                    0.0,
                    0.0,
                    f"Cameras {', '.join(names)} have intrinsics equal to the last bit: "
                    "nominal values or a copy, since no two lenses are alike; calibrate each.",
                )
            )
    return found


def _transposed(camera: Camera) -> list[Finding]:
    """Intrinsics with the principal point in the last row."""
    if camera.kind == "affine":
        return []
    below = float(np.abs(camera.matrix[[1, 2, 2], [0, 0, 1]]).max())
    if below == 0:
        return []
    return [
        Finding(
            "transposed matrix",
            (camera.name,),
            below,
            0.0,
            f"Camera {camera.name}: the matrix K has {below:g} below its diagonal, so it is "
            "transposed or damaged; the principal point belongs in the last column.",
        )
    ]


def _width(camera: Camera) -> float:
    """Return the image's width, px; guessed from the principal point where unknown."""
    if camera.size is not None:
        return float(camera.size[0])
    return 2 * float(camera.matrix[0, 2]) + 1


def _focal_length(camera: Camera, rig: Rig, limits: Limits) -> list[Finding]:
    """Focal lengths that no lens of such an image has, or no other camera of the rig."""
    if camera.kind == "affine":
        return []
    found, name = [], camera.name
    fx, fy = float(camera.matrix[0, 0]), float(camera.matrix[1, 1])
    width = _width(camera)
    if width > 1:
        ratio = fx / width
        said = f"Camera {name}: f is {fx:.0f} px, {ratio:.3g} times the image's width"
        if ratio < limits.f_least:
            found.append(
                Finding(
                    "focal length",
                    (name,),
                    ratio,
                    limits.f_least,
                    f"{said}, less than any pinhole lens; check K, or calibrate as `fisheye`.",
                )  # fmt: skip
            )
        if ratio > limits.f_most:
            found.append(
                Finding(
                    "focal length",
                    (name,),
                    ratio,
                    limits.f_most,
                    f"{said}; if the lens is that long, use `kind: affine`, else calibrate "
                    "again with tilted boards.",
                )  # fmt: skip
            )
    others = [c.matrix[0, 0] for c in rig.cameras if c is not camera and c.kind == camera.kind]
    if len(others) > 1:
        times = fx / float(np.median(others))
        if not 1 / limits.f_ratio < times < limits.f_ratio:
            found.append(
                Finding(
                    "focal length of the others",
                    (name,),
                    times,
                    limits.f_ratio,
                    f"Camera {name}: f is {fx:.0f} px, {times:.3g} times the median of the "
                    "other cameras; check its entry, or calibrate it again.",
                )  # fmt: skip
            )
    if abs(fx / fy - 1) > limits.aspect:
        found.append(
            Finding(
                "aspect",
                (name,),
                abs(fx / fy - 1),
                limits.aspect,
                f"Camera {name}: f_x and f_y differ by {100 * abs(fx / fy - 1):.1f} %, so its "
                "pixels are not square; check the size of the images, or hold f_x = f_y.",
            )  # fmt: skip
        )
    return found


def _middle(camera: Camera, limits: Limits) -> list[Finding]:
    """A principal point far from the middle of the image."""
    if camera.kind == "affine" or camera.size is None:
        return []
    middle = (np.array(camera.size, float) - 1) / 2
    off = float(np.linalg.norm(camera.matrix[:2, 2] - middle)) / camera.size[0]
    if off <= limits.centre_share:
        return []
    return [
        Finding(
            "principal point",
            (camera.name,),
            off,
            limits.centre_share,
            f"Camera {camera.name}: the principal point is {100 * off:.0f} % of the image's "
            "width off the middle; was the video cropped, or is K transposed?",
        )
    ]


def _fold(camera: Camera) -> list[Finding]:
    """Distortion that folds the image back before its corners."""
    if camera.kind == "affine" or camera.size is None or not np.isfinite(camera.fold()):
        return []
    x, y = (np.linspace(0, n - 1, EDGE) for n in camera.size)
    right, bottom = np.full(EDGE, x[-1]), np.full(EDGE, y[-1])
    edge: Float[np.ndarray, "N 2"] = np.concatenate(
        [np.column_stack(pair) for pair in ((x, 0 * x), (x, bottom), (0 * y, y), (right, y))]
    )
    lost = float(np.isnan(projection.undistort(edge, camera.params())).any(1).mean())
    if lost == 0:
        return []
    return [
        Finding(
            "fold-over",
            (camera.name,),
            lost,
            0.0,
            f"Camera {camera.name}: distortion folds back inside the image ({100 * lost:.0f} % "
            "of its border is out of reach); show the board there, points there are left out.",
        )
    ]


def _looks_away(rig: Rig) -> list[Finding]:
    """Return the cameras that have behind them what the others look at."""
    cameras = [c for c in rig.cameras if c.kind != "affine"]
    if len(cameras) < 3:
        return []
    found = []
    for camera in cameras:
        others = [c for c in cameras if c is not camera]
        meeting = _meeting(others)
        if meeting is None or not all(_depth(c, meeting) > 0 for c in others):
            continue
        depth = _depth(camera, meeting)
        if depth <= 0:
            found.append(
                Finding(
                    "looks away",
                    (camera.name,),
                    depth,
                    0.0,
                    f"Camera {camera.name} has behind it what all others look at: its "
                    "translation may have the wrong sign or be its centre; check its entry.",
                )
            )
    return found


def _depth(camera: Camera, point: Float[np.ndarray, " 3"]) -> float:
    return float(camera.forward @ (point - camera.centre))


def _meeting(cameras: list[Camera]) -> Float[np.ndarray, " 3"] | None:
    """Return the point nearest to all lines of view; None if they are nearly parallel."""
    across = [np.eye(3) - np.outer(c.forward, c.forward) for c in cameras]
    matrix = np.sum(across, axis=0)
    if np.linalg.cond(matrix) > 1e4:
        return None
    right = np.sum([p @ c.centre for p, c in zip(across, cameras, strict=True)], axis=0)
    return np.linalg.solve(matrix, right)
