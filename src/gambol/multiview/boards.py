"""Board corners in images: detection, all sightings of a session, and which frames to keep."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from gambol.core.board import Board

FEWEST = 6  # corners below which a view tells nothing of the board's pose
BLURRED = 0.5  # of the median sharpness of its view; frames below are left out


class Corners(NamedTuple):
    """Corners of one board in one image."""

    ids: Int[np.ndarray, " N"]  # rows of Board.corners(), rising
    xy: Float[np.ndarray, "N 2"]  # px
    sharpness: float  # of the image around the board; comparable within one view only


class Sightings(NamedTuple):
    """Corners of one moving board in V views over F frames, N in all."""

    view: Int[np.ndarray, " N"]  # 0 to V - 1
    frame: Int[np.ndarray, " N"]  # 0 to F - 1: one pose of the board, seen by all views at once
    corner: Int[np.ndarray, " N"]  # row of Board.corners()
    uv: Float[np.ndarray, "N 2"]  # px

    def of(self, keep: Bool[np.ndarray, " N"] | Int[np.ndarray, " n"]) -> "Sightings":
        """Return some of the sightings."""
        return Sightings(self.view[keep], self.frame[keep], self.corner[keep], self.uv[keep])


class Gathered(NamedTuple):
    """Sightings of the frames in which at least one view sees the board."""

    sightings: Sightings
    frames: Int[np.ndarray, " F"]  # which frames of the recording they are
    sharpness: Float[np.ndarray, "V F"]  # NaN where the board was not seen


def grey(image: UInt8[np.ndarray, "H W *C"]) -> UInt8[np.ndarray, "H W"]:
    """Return the brightness of an RGB or grey image."""
    if image.ndim == 3 and image.shape[2] == 1:
        return np.ascontiguousarray(image[..., 0])
    if image.ndim == 3:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    return np.ascontiguousarray(image)


def detect(image: UInt8[np.ndarray, "H W *C"], board: Board) -> Corners:
    """Find the board's inner corners; no ids where it is not seen.

    A ChArUco board may be seen in part; a checkerboard has to lie in the image as a whole.
    """
    flat = grey(image)
    ids, xy = _charuco(flat, board) if board.kind == "charuco" else _checkerboard(flat, board)
    return Corners(ids, xy, _sharpness(flat, xy))


def gather(found: Sequence[Sequence[Corners | None]]) -> Gathered:
    """Join detections of V views in frames of one clock: found[view][frame].

    Views with fewer than 6 corners of a frame are taken not to see it.
    """
    rows = [
        (v, f, corners)
        for v, view in enumerate(found)
        for f, corners in enumerate(view)
        if corners is not None and len(corners.ids) >= FEWEST
    ]
    frames = np.array(sorted({f for _, f, _ in rows}), int)
    sharpness = np.full((len(found), len(frames)), np.nan)
    parts = []
    for v, f, corners in rows:
        at = int(np.searchsorted(frames, f))
        sharpness[v, at] = corners.sharpness
        n = len(corners.ids)
        parts.append((np.full(n, v), np.full(n, at), corners.ids, corners.xy))
    if not parts:
        none = np.zeros(0, int)
        return Gathered(Sightings(none, none, none, np.zeros((0, 2))), frames, sharpness)
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Gathered(Sightings(*joined), frames, sharpness)


def choose(
    gathered: Gathered,
    board: Board,
    sizes: Sequence[tuple[int, int]],
    *,
    per_view: int = 60,  # more boards change a lens by less than its own sd
    per_rig: int = 150,
) -> Gathered:
    """Keep sharp frames spread over the board's poses; all where there are few.

    Greedy k-centres: the next frame is the one farthest from those already chosen, summed over
    the views that see it, in board centre, distance and tilt; so frames that many views share
    come first. A view that has its share asks for no more.
    """
    seen = np.isfinite(gathered.sharpness)
    if not seen.size:
        return gathered
    typical = np.array([np.median(row[s]) if s.any() else 0.0 for row, s in
                        zip(gathered.sharpness, seen, strict=True)])  # fmt: skip
    seen &= gathered.sharpness >= BLURRED * typical[:, None]
    poses = _looks(gathered.sightings, board, sizes, seen.shape)
    far = np.where(seen, 1.0, 0.0)  # from the frames chosen so far; the first is worth 1
    chosen: list[int] = []
    count = np.zeros(len(seen), int)
    while len(chosen) < per_rig:
        gain = np.where(count[:, None] < per_view, far, 0.0).sum(axis=0)
        if not gain.any():
            break
        best = int(gain.argmax())
        chosen.append(best)
        count += seen[:, best]
        away = np.linalg.norm(poses - poses[:, best : best + 1], axis=2)
        nearer = seen[:, best : best + 1] & seen
        far = np.where(nearer, np.minimum(far, away), far)
        far[:, best] = 0.0
    return _kept(gathered, seen, np.array(sorted(chosen), int))


def _charuco(image: UInt8[np.ndarray, "H W"], board: Board) -> tuple[Any, Any]:
    """Return ids (N,) and pixels (N, 2) of a ChArUco board."""
    xy, ids, _, _ = cv2.aruco.CharucoDetector(board.opencv()).detectBoard(image)
    if ids is None:
        return np.zeros(0, int), np.zeros((0, 2))
    ids, xy = np.asarray(ids).ravel().astype(int), np.asarray(xy, float).reshape(-1, 2)
    order = np.argsort(ids)
    return ids[order], _refined(image, xy[order], board, ids[order])


def _refined(
    image: UInt8[np.ndarray, "H W"],
    xy: Float[np.ndarray, "N 2"],
    board: Board,
    ids: Int[np.ndarray, " N"],
) -> Float[np.ndarray, "N 2"]:
    """Move corners to where the edges cross, in windows that markers do not reach.

    Some versions of OpenCV (4.12) return ChArUco corners half a pixel off, others (5.0) do not.
    """
    across, down = board.grid
    grid = np.full((down, across, 2), np.nan)
    grid[ids // across, ids % across] = xy
    steps = [np.linalg.norm(np.diff(grid, axis=axis), axis=2) for axis in (0, 1)]
    sides = [np.median(step[np.isfinite(step)]) for step in steps if np.isfinite(step).any()]
    if not sides:
        return xy
    margin = (board.square - board.marker) / (2 * board.square)  # from a corner to a marker
    reach = int(np.clip(min(sides) * margin, 2, 10))  # px
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 40, 1e-3)
    points = np.ascontiguousarray(xy, np.float32)[:, None]
    moved = cv2.cornerSubPix(image, points.copy(), (reach, reach), (-1, -1), stop)
    found = np.asarray(moved, float).reshape(-1, 2)
    strayed = np.linalg.norm(found - xy, axis=1) > 1  # px; drawn to a marker
    return np.where(strayed[:, None], xy, found)


def _checkerboard(image: UInt8[np.ndarray, "H W"], board: Board) -> tuple[Any, Any]:
    """Return ids (N,) and pixels (N, 2) of a checkerboard: all corners or none."""
    flags = cv2.CALIB_CB_ACCURACY | cv2.CALIB_CB_NORMALIZE_IMAGE
    found, xy = cv2.findChessboardCornersSB(image, board.grid, flags=flags)
    if not found:
        return np.zeros(0, int), np.zeros((0, 2))
    across, down = board.grid
    grid = _upright(image, np.asarray(xy, float).reshape(down, across, 2), board)
    return np.arange(across * down), grid.reshape(-1, 2)


def _upright(
    image: UInt8[np.ndarray, "H W"], grid: Float[np.ndarray, "R C 2"], board: Board
) -> Float[np.ndarray, "R C 2"]:
    """Turn a grid of corners so that its first one is by the board's black top left square.

    A symmetric board is turned so that its columns run down the image.
    """
    right, down = grid[:, -1] - grid[:, 0], grid[-1] - grid[0]
    right, down = right.sum(axis=0), down.sum(axis=0)
    if right[0] * down[1] - right[1] * down[0] < 0:  # seen from behind: OpenCV began elsewhere
        grid, right = grid[:, ::-1], -right
    if board.columns == board.rows and _contrast(image, grid) < 0:
        grid = np.swapaxes(grid, 0, 1)[:, ::-1]  # a quarter turn
        down = (grid[-1] - grid[0]).sum(axis=0)
    half_turn = down[1] < 0 if board.symmetric else _contrast(image, grid) < 0
    return grid[::-1, ::-1] if half_turn else grid


def _contrast(image: UInt8[np.ndarray, "H W"], grid: Float[np.ndarray, "R C 2"]) -> float:
    """How much brighter the squares are that should be white."""
    middle = (grid[:-1, :-1] + grid[1:, :-1] + grid[:-1, 1:] + grid[1:, 1:]) / 4
    at = np.rint(middle).astype(int)
    height, width = image.shape
    shade = image[at[..., 1].clip(0, height - 1), at[..., 0].clip(0, width - 1)].astype(float)
    odd = np.indices(shade.shape).sum(axis=0) % 2 == 1  # square (1, 1) of the board is black
    return float(shade[odd].mean() - shade[~odd].mean())


def _sharpness(image: UInt8[np.ndarray, "H W"], xy: Float[np.ndarray, "N 2"]) -> float:
    """Second differences around the board relative to its contrast; 0 without a board."""
    if not len(xy):
        return 0.0
    low, high = xy.min(axis=0).astype(int).clip(0), xy.max(axis=0).astype(int) + 2
    part = image[low[1] : high[1], low[0] : high[0]]
    if part.size < 9:
        return 0.0
    edges = cv2.Laplacian(part, cv2.CV_64F)
    return float(np.std(edges) / max(1.0, float(part.std())))


def _looks(
    sightings: Sightings,
    board: Board,
    sizes: Sequence[tuple[int, int]],
    shape: tuple[int, ...],
) -> Float[np.ndarray, "V F 5"]:
    """Board centre in image widths, log of its size, and its tilt, of every view and frame."""
    plane = board.corners()[:, :2]
    middle, side = plane.mean(axis=0), float(np.ptp(plane, axis=0).max())
    looks = np.zeros((*shape, 5))
    for view, frame in np.unique(np.column_stack([sightings.view, sightings.frame]), axis=0):
        rows = (sightings.view == view) & (sightings.frame == frame)
        ids, uv = sightings.corner[rows], sightings.uv[rows]
        maps, _ = cv2.findHomography((plane[ids] - middle) / side, uv / sizes[view][0])
        if maps is None:
            continue
        # centre, how the scale changes across and down the board, and the scale itself
        area = np.linalg.det(maps[:2, :2] - np.outer(maps[:2, 2], maps[2, :2]))
        looks[view, frame] = *maps[:2, 2], *(2 * maps[2, :2]), np.log(abs(area) + 1e-12) / 2
    return looks


def _kept(
    gathered: Gathered, seen: Bool[np.ndarray, "V F"], chosen: Int[np.ndarray, " n"]
) -> Gathered:
    """The sightings of chosen frames, without the views in which they are blurred."""
    old = gathered.sightings
    place = np.full(seen.shape[1], -1)
    place[chosen] = np.arange(len(chosen))
    keep = (place[old.frame] >= 0) & seen[old.view, old.frame]
    some = old.of(keep)
    sharpness = np.where(seen, gathered.sharpness, np.nan)[:, chosen]
    return Gathered(some._replace(frame=place[some.frame]), gathered.frames[chosen], sharpness)
