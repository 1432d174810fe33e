"""One view's lens from boards: a ladder of models, climbed while unseen boards gain from it.

Source: Zhang (2000), IEEE PAMI 22(11):1330-1334, as in OpenCV; fisheye: Kannala & Brandt
(2006), IEEE PAMI 28(8):1335-1340.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from jaxtyping import Float

from gambol.core import pixels
from gambol.core.cameras import Camera
from gambol.multiview.boards import Sightings

Lens = Literal["pinhole", "fisheye"]
FOLDS = 3
GAIN = 0.02  # a step has to lower the error on unseen boards by so much
WRONG = 5.0  # medians of the boards' errors; boards beyond were not what was detected
WEAK = 0.05  # sd(f) / f above which boards do not tell the focal length
FAR = 1.25  # factor off the best focal length at which that is asked
PLAUSIBLE = (0.3, 20.0)  # focal lengths in the longer side of the image
# focal length where nothing tells it, in the longer side of the image; a fisheye's sees 180
# degrees along that side, and is where its fit starts (from longer ones it runs astray)
PRIOR = {"pinhole": 1.2, "fisheye": 1 / np.pi}
# what each step of the ladder frees besides the one before; names as in `multiview.bundle`
LADDER = {
    "pinhole": (("f", "k1"), ("k2",), ("aspect", "cx", "cy"), ("p1", "p2", "k2", "k3")),
    "fisheye": (("f", "aspect", "k1"), ("k2",), ("cx", "cy"), ("k2", "k3", "k4")),
}


class Fitted(NamedTuple):
    """The lens of one view."""

    camera: Camera  # at the world's origin
    terms: tuple[str, ...]  # what was fitted; everything else is at its prior
    rms: float  # px, of corners from where they should be, over all boards
    held_out: float  # px, median over boards that the fit had not seen; NaN with one board
    remarks: tuple[str, ...]


class _Boards(NamedTuple):
    """What one view saw: corners on the board and in the image, board by board."""

    flat: list[Float[np.ndarray, "N 3"]]
    uv: list[Float[np.ndarray, "N 2"]]

    def some(self, rows: Sequence[int]) -> "_Boards":
        return _Boards([self.flat[i] for i in rows], [self.uv[i] for i in rows])


class _Solved(NamedTuple):
    matrix: Float[np.ndarray, "3 3"]
    distortion: Float[np.ndarray, " D"]
    rms: float  # px; inf where the fit failed


def fit(
    name: str,
    seen: Sightings,
    corners: Float[np.ndarray, "C 3"],
    size: tuple[int, int],
    lens: Lens = "pinhole",
    *,
    focal: float | None = None,
) -> Fitted:
    """Fit the lens of one view.

    Args:
        name: of the camera.
        seen: what this view saw.
        corners: of the board, in its own axes.
        size: width and height of the image, px.
        lens: which model.
        focal: the focal length where it is known, px; it is then not fitted.
    """
    boards = _boards(seen, corners)
    remarks: list[str] = []
    prior = PRIOR[lens] * max(size) if focal is None else float(focal)
    held: tuple[str, ...] = () if focal is None else ("f", "aspect")
    boards, wrong = _sound(boards, size, lens, prior)
    if wrong:
        remarks.append(
            f"view {name}: {wrong} of its {wrong + len(boards.flat)} boards fit far worse than "
            "the others and are left out of its lens"
        )
    if focal is None and not _focal_told(boards, size, lens, prior):
        held = ("f", "aspect", "cx", "cy")
        remarks.append(
            f"view {name}: its boards do not tell the focal length (they lack tilt), so it "
            f"and the principal point stay at their priors, f = {prior:.0f} px; show the "
            "board tilted by 30 degrees both ways, or state the focal length"
        )
    steps = [tuple(term for term in step if term not in held) for step in LADDER[lens]]
    terms, unseen = _climb(boards, size, lens, steps, prior)
    best = _solve(boards, size, lens, terms, prior)
    if not np.isfinite(best.rms):  # too little to fit anything: the prior lens
        remarks.append(f"view {name}: its lens could not be fitted; it stays at its prior")
        terms = ()
        best = _Solved(_prior_matrix(size, prior), np.zeros(0), float("nan"))
    # OpenCV adds up in parallel, in no fixed order: what that leaves to chance is rounded off
    matrix, distortion = best.matrix.round(4), best.distortion.round(7)
    camera = Camera(name, matrix, np.zeros(3), np.zeros(3), distortion, kind=lens, size=size)
    return Fitted(camera, terms, best.rms, unseen, tuple(remarks))


def _boards(seen: Sightings, corners: Float[np.ndarray, "C 3"]) -> _Boards:
    frames = np.unique(seen.frame)
    rows = [np.flatnonzero(seen.frame == frame) for frame in frames]
    return _Boards([corners[seen.corner[r]] for r in rows], [seen.uv[r] for r in rows])


def _focal_told(boards: _Boards, size: tuple[int, int], lens: Lens, prior: float) -> bool:
    """Whether boards tell the focal length: both ways off it, or at its prior, they fit worse.

    The second is for long lenses: theirs is vague above, but any short one is plainly wrong.
    """
    terms = LADDER[lens][0]
    held = tuple(term for term in terms if term not in ("f", "aspect"))
    best = _solve(boards, size, lens, terms, prior)
    focal, n = best.matrix[0, 0], 2 * sum(map(len, boards.uv))
    low, high = (share * max(size) for share in PLAUSIBLE)
    if np.isfinite(best.rms) and low < focal < high:
        off = [_solve(boards, size, lens, held, focal * way).rms for way in (1 / FAR, FAR)]
        # n (r² - r0²) / r0² is a chi-squared; sd(f) / f = WEAK would give this much
        if n * ((min(off) / best.rms) ** 2 - 1) > (np.log(FAR) / WEAK) ** 2:
            return True
    fitted = _unseen(boards, size, lens, terms, prior)
    return fitted < (1 - GAIN) * _unseen(boards, size, lens, held, prior)


def _sound(
    boards: _Boards, size: tuple[int, int], lens: Lens, prior: float
) -> tuple[_Boards, int]:
    """Boards that one lens explains, and the number of others."""
    fitted = _solve(boards, size, lens, LADDER[lens][0], prior)
    pairs = zip(boards.flat, boards.uv, strict=True)
    errors = np.array([_board_error(flat, uv, fitted, lens) for flat, uv in pairs])
    if not np.isfinite(errors).all():
        return boards, 0
    good = np.flatnonzero(errors <= max(1.0, WRONG * float(np.median(errors))))
    return boards.some(good.tolist()), len(errors) - len(good)


def _climb(
    boards: _Boards,
    size: tuple[int, int],
    lens: Lens,
    steps: list[tuple[str, ...]],
    prior: float,
) -> tuple[tuple[str, ...], float]:
    """Return the terms worth fitting, and the error on unseen boards with them."""
    terms = steps[0]
    least = _unseen(boards, size, lens, terms, prior)
    for step in steps[1:]:
        wider = tuple(dict.fromkeys((*terms, *step)))
        error = _unseen(boards, size, lens, wider, prior)
        if wider != terms and error < (1 - GAIN) * least:
            terms, least = wider, error
    return terms, least


def _unseen(
    boards: _Boards, size: tuple[int, int], lens: Lens, terms: tuple[str, ...], prior: float
) -> float:
    """Error (px, root mean square) on boards by lenses fitted to other boards.

    Boards take equal shares; one that is wrong altogether counts no more than 3 medians.
    """
    n = len(boards.flat)
    errors = np.full(n, np.nan)
    for fold in range(min(FOLDS, n) if n > 1 else 0):
        out = [i for i in range(n) if i % FOLDS == fold]
        fitted = _solve(
            boards.some([i for i in range(n) if i not in out]), size, lens, terms, prior
        )
        for i in out:
            errors[i] = _board_error(boards.flat[i], boards.uv[i], fitted, lens)
    if not np.isfinite(errors).any():
        return float("inf") if n > 1 else float("nan")
    errors[~np.isfinite(errors)] = np.inf
    return float(np.sqrt(np.mean(np.minimum(errors, 3 * np.median(errors)) ** 2)))


def _board_error(
    flat: Float[np.ndarray, "N 3"], uv: Float[np.ndarray, "N 2"], lens: _Solved, kind: Lens
) -> float:
    """Root mean square distance (px) of a board's corners after its pose has been fitted."""
    if not np.isfinite(lens.rms):
        return float("nan")
    matrix, distortion = lens.matrix, lens.distortion
    try:
        if kind == "fisheye":
            plain = cv2.fisheye.undistortPoints(uv[:, None], matrix, distortion)
            _, turn, shift = cv2.solvePnP(flat, plain, np.eye(3), np.zeros(4))
            back, _ = cv2.fisheye.projectPoints(flat[:, None], turn, shift, matrix, distortion)
        else:
            _, turn, shift = cv2.solvePnP(flat, uv, matrix, distortion)
            back, _ = cv2.projectPoints(flat, turn, shift, matrix, distortion)
    except cv2.error:
        return float("nan")
    return float(np.sqrt(((back.reshape(-1, 2) - uv) ** 2).sum(axis=1).mean()))


def _prior_matrix(size: tuple[int, int], focal: float) -> Float[np.ndarray, "3 3"]:
    matrix = np.diag([focal, focal, 1.0])
    matrix[:2, 2] = pixels.centre(*size)
    return matrix


def _solve(
    boards: _Boards, size: tuple[int, int], lens: Lens, terms: tuple[str, ...], prior: float
) -> _Solved:
    """Fit the terms, all others held at their priors; infinite rms where that fails."""
    solve = _fisheye if lens == "fisheye" else _pinhole
    matrix = _prior_matrix(size, prior)
    try:
        found = solve(boards, size, terms, matrix)
    except cv2.error:  # OpenCV's word for boards that determine nothing
        return _Solved(matrix, np.zeros(4), float("inf"))
    f = found.matrix[0, 0]
    sane = np.isfinite(found.matrix).all() and np.isfinite(found.distortion).all()
    if not (sane and 0.1 * max(size) < f < 1000 * max(size)):
        return found._replace(rms=float("inf"))
    return found


def _pinhole(
    boards: _Boards,
    size: tuple[int, int],
    terms: tuple[str, ...],
    matrix: Float[np.ndarray, "3 3"],
) -> _Solved:
    flags = 0
    fixed: dict[str, Any] = {
        "aspect": cv2.CALIB_FIX_ASPECT_RATIO, "cx": cv2.CALIB_FIX_PRINCIPAL_POINT,
        "p1": cv2.CALIB_ZERO_TANGENT_DIST, "k1": cv2.CALIB_FIX_K1, "k2": cv2.CALIB_FIX_K2,
        "k3": cv2.CALIB_FIX_K3,
    }  # fmt: skip
    for term, flag in fixed.items():
        flags |= 0 if term in terms else flag
    if "f" not in terms:
        flags |= cv2.CALIB_FIX_FOCAL_LENGTH | cv2.CALIB_USE_INTRINSIC_GUESS
    flat = [points.astype(np.float32) for points in boards.flat]
    uv = [points.astype(np.float32) for points in boards.uv]
    rms, found, distortion, _, _ = cv2.calibrateCamera(
        flat, uv, size, matrix.copy(), np.zeros(5), flags=flags
    )
    return _Solved(found, np.ravel(distortion)[:5], float(rms))


def _fisheye(
    boards: _Boards,
    size: tuple[int, int],
    terms: tuple[str, ...],
    matrix: Float[np.ndarray, "3 3"],
) -> _Solved:
    where = cv2.fisheye if hasattr(cv2.fisheye, "CALIB_FIX_SKEW") else cv2  # OpenCV 4, OpenCV 5
    flags = where.CALIB_RECOMPUTE_EXTRINSIC | where.CALIB_FIX_SKEW
    flags |= where.CALIB_USE_INTRINSIC_GUESS
    for term in ("k1", "k2", "k3", "k4"):
        flags |= 0 if term in terms else getattr(where, f"CALIB_FIX_{term.upper()}")
    flags |= 0 if "cx" in terms else where.CALIB_FIX_PRINCIPAL_POINT
    flags |= 0 if "f" in terms else where.CALIB_FIX_FOCAL_LENGTH
    rms, found, distortion, _, _ = cv2.fisheye.calibrate(
        [points[None] for points in boards.flat],
        [points[None] for points in boards.uv],
        size,
        matrix.copy(),
        np.zeros(4),
        flags=flags,
    )
    return _Solved(found, np.ravel(distortion), float(rms))
