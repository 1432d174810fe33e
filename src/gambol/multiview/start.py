"""A first rig from boards: poses per image, pairs of views by consensus, chained over a tree.

Every image of a plane allows two poses, a true one and one tilted the other way (Collins &
Bartoli 2014, IJCV 109:252-286); both are kept until the other views have spoken.
"""

from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Int
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from gambol.core.board import Board
from gambol.core.cameras import Camera, Rig
from gambol.kernels import projection, rotation
from gambol.multiview.boards import FEWEST, Sightings

REACH = 0.2  # radians, and of the board's distance: pose differences beyond are all as bad
SURE = 4.0  # a second pose with so many times the error of the first is not kept


class Edge(NamedTuple):
    """Two views that see the board together."""

    views: tuple[str, str]
    frames: int  # that agree on how the views lie to each other
    loop_error: float  # degrees between the edge and the way over the tree; 0 in the tree
    in_tree: bool


class Start(NamedTuple):
    """A rig and the board in every frame: x_world = turn · corner + shift."""

    rig: Rig  # the first camera's axes are the world's
    turns: Float[np.ndarray, "F 3 3"]  # NaN where no view gave a pose
    shifts: Float[np.ndarray, "F 3"]  # world units
    sightings: Sightings  # corners of a symmetric board named alike by all views
    edges: list[Edge]


class _Poses(NamedTuple):
    """Up to K poses of the board in each view and frame; NaN where there are fewer."""

    turn: Float[np.ndarray, "V F K 3 3"]
    shift: Float[np.ndarray, "V F K 3"]
    error: Float[np.ndarray, "V F K"]  # px, root mean square
    size: Int[np.ndarray, "V F"]  # corners seen


class _Pair(NamedTuple):
    """How view b lies to view a: x_b = turn x_a + shift."""

    turn: Float[np.ndarray, "3 3"]
    shift: Float[np.ndarray, " 3"]
    frames: int
    quality: float


def start(sightings: Sightings, board: Board, cameras: list[Camera]) -> Start:
    """Place cameras whose lenses are known, and the board in all frames.

    Args:
        sightings: of views that are connected (`coverage.require_connected`).
        board: what was seen.
        cameras: one a view, in their order, wherever they are.
    """
    corners = board.corners()
    poses = _poses(sightings, board, cameras)
    pairs = _pairs(poses)
    rig, edges = _chained(cameras, pairs, board.units)
    turns, shifts, named = _placed(sightings, corners, poses, rig, board.symmetric)
    return Start(rig, turns, shifts, named, edges)


def _poses(sightings: Sightings, board: Board, cameras: list[Camera]) -> _Poses:
    """Both planar poses of every image; twice as many of a board with two names a corner."""
    corners, n_frames = board.corners(), int(sightings.frame.max(initial=-1)) + 1
    shape = (len(cameras), n_frames, 4 if board.symmetric else 2)
    found = _Poses(
        np.full((*shape, 3, 3), np.nan),
        np.full((*shape, 3), np.nan),
        np.full(shape, np.nan),
        np.zeros(shape[:2], int),
    )
    half = _half_turn(corners)
    for v, camera in enumerate(cameras):
        params = camera.params()
        for f in np.unique(sightings.frame[sightings.view == v]):
            rows = (sightings.view == v) & (sightings.frame == f)
            ab = projection.undistort(sightings.uv[rows], params)
            good = np.isfinite(ab).all(axis=1)
            if good.sum() < FEWEST:
                continue
            got = _both(corners[sightings.corner[rows][good]], ab[good])
            found.size[v, f] = good.sum()
            for k, (turn, shift, error) in enumerate(got):
                found.turn[v, f, k], found.shift[v, f, k] = turn, shift
                found.error[v, f, k] = error * camera.matrix[0, 0]
                if board.symmetric:
                    found.turn[v, f, k + 2] = turn @ half[0]
                    found.shift[v, f, k + 2] = turn @ half[1] + shift
                    found.error[v, f, k + 2] = found.error[v, f, k]
    return found


def _half_turn(corners: Float[np.ndarray, "C 3"]) -> tuple[np.ndarray, np.ndarray]:
    """The motion of the board that takes corner c to corner C - 1 - c."""
    turn = np.diag([-1.0, -1.0, 1.0])
    return turn, corners[0] + corners[-1]


def _both(
    flat: Float[np.ndarray, "N 3"], ab: Float[np.ndarray, "N 2"]
) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Turn, shift and error of the poses that explain normalised points, best first."""
    try:
        _, turns, shifts, _ = cv2.solvePnPGeneric(
            flat, ab, np.eye(3), None, flags=cv2.SOLVEPNP_IPPE
        )
    except cv2.error:
        return []
    found = []
    for turn, shift in zip(turns, shifts, strict=True):
        turn, shift = cv2.solvePnPRefineLM(flat, ab, np.eye(3), None, turn, shift)
        turn, shift = rotation.exp(turn.ravel()), shift.ravel()
        moved = flat @ turn.T + shift
        if np.isfinite(moved).all() and (moved[:, 2] > 0).all():
            off = moved[:, :2] / moved[:, 2:] - ab
            found.append((turn, shift, float(np.sqrt((off**2).sum(axis=1).mean()))))
    found.sort(key=lambda pose: pose[2])
    return [pose for pose in found[:2] if pose[2] <= SURE * found[0][2] + 1e-12]


def _pairs(poses: _Poses) -> dict[tuple[int, int], _Pair]:
    """Every two views that both see the board in a frame."""
    seen = np.isfinite(poses.error).any(axis=2)
    found = {}
    for a in range(len(seen)):
        for b in range(a + 1, len(seen)):
            if (both := np.flatnonzero(seen[a] & seen[b])).size:
                found[a, b] = _consensus(poses, a, b, both)
    return found


def _consensus(poses: _Poses, a: int, b: int, frames: Int[np.ndarray, " n"]) -> _Pair:
    """How b lies to a: the candidate nearest to all frames, then their robust mean."""
    ta, tb = poses.turn[a, frames], poses.turn[b, frames]  # (n, K, 3, 3)
    turn = tb[:, None] @ np.swapaxes(ta, -1, -2)[:, :, None]  # (n, Ka, Kb, 3, 3)
    moved = np.einsum("nijkl,nil->nijk", turn, poses.shift[a, frames])
    shift = poses.shift[b, frames][:, None] - moved
    cost = poses.error[a, frames][:, :, None] + poses.error[b, frames][:, None]
    n, k = len(frames), turn.shape[1] * turn.shape[2]
    turn, shift, cost = turn.reshape(n, k, 3, 3), shift.reshape(n, k, 3), cost.reshape(n, k)
    scale = float(np.nanmedian(np.linalg.norm(poses.shift[a, frames], axis=-1)))
    weight = np.minimum(poses.size[a, frames], poses.size[b, frames]).astype(float)

    there = np.argwhere(np.isfinite(cost))
    gaps = np.stack([
        np.minimum(_gap(turn, shift, turn[i, j], shift[i, j], scale), REACH).min(axis=1)
        for i, j in there
    ])  # (candidates, n)  # fmt: skip
    # among equals (a single frame), the poses that fit their images best
    votes = gaps @ weight + 1e-3 * weight.mean() * cost[there[:, 0], there[:, 1]]
    i, j = there[votes.argmin()]
    mean, middle = turn[i, j], shift[i, j]
    for _ in range(3):
        gap = _gap(turn, shift, mean, middle, scale)
        best = gap.argmin(axis=1)
        near = np.flatnonzero(gap[np.arange(n), best] < REACH)
        if not near.size:
            break
        mean = _mean_turn(turn[near, best[near]], mean)
        middle = np.median(shift[near, best[near]], axis=0)
    spread = float(np.median(gap[near, best[near]])) if near.size else REACH
    quality = weight[near].sum() / (spread + 1e-2)
    return _Pair(mean, middle, len(near), float(quality))


def _gap(
    turn: Float[np.ndarray, "n k 3 3"],
    shift: Float[np.ndarray, "n k 3"],
    other: Float[np.ndarray, "3 3"],
    there: Float[np.ndarray, " 3"],
    scale: float,
) -> Float[np.ndarray, "n k"]:
    """Radians plus distance over scale between poses and one pose; inf where there is none."""
    chord = np.sqrt(((turn - other) ** 2).sum(axis=(-2, -1)))  # 2 sqrt 2 sin(angle / 2)
    angle = 2 * np.arcsin(np.minimum(1.0, chord / np.sqrt(8)))
    gap = angle + np.linalg.norm(shift - there, axis=-1) / scale
    return np.where(np.isfinite(gap), gap, np.inf)


def _mean_turn(
    turns: Float[np.ndarray, "n 3 3"], mean: Float[np.ndarray, "3 3"]
) -> Float[np.ndarray, "3 3"]:
    """Rotation of least summed chordal distance (Weiszfeld's steps)."""
    for _ in range(10):
        chord = np.sqrt(((turns - mean) ** 2).sum(axis=(1, 2)))
        weight = 1 / np.maximum(chord, 1e-6)
        mean = rotation.nearest(np.einsum("n,nij->ij", weight, turns))
    return mean


def _chained(
    cameras: list[Camera], pairs: dict[tuple[int, int], _Pair], units: str
) -> tuple[Rig, list[Edge]]:
    """Place cameras along the tree of the best pairs; the first is the world."""
    n = len(cameras)
    worth = np.zeros((n, n))
    for (a, b), pair in pairs.items():
        worth[a, b] = 1 / max(pair.quality, 1e-12)  # small is good: scipy's tree is minimal
    tree = minimum_spanning_tree(worth)
    order, parents = breadth_first_order(tree, 0, directed=False)
    turns, shifts = np.tile(np.eye(3), (n, 1, 1)), np.zeros((n, 3))
    used = set()
    for view in order[1:]:
        parent = int(parents[view])
        pair = pairs[min(parent, view), max(parent, view)]
        used.add((min(parent, int(view)), max(parent, int(view))))
        turn, shift = pair.turn, pair.shift
        if view < parent:  # the pair says how the parent lies to the view
            turn, shift = turn.T, -turn.T @ shift
        turns[view], shifts[view] = turn @ turns[parent], turn @ shifts[parent] + shift
    placed = [
        replace(camera, rotation=rotation.log(turns[v]), translation=shifts[v])
        for v, camera in enumerate(cameras)
    ]
    edges = []
    for (a, b), pair in pairs.items():
        off = float(rotation.degrees(pair.turn, turns[b] @ turns[a].T))
        names = (cameras[a].name, cameras[b].name)
        edges.append(Edge(names, pair.frames, 0.0 if (a, b) in used else off, (a, b) in used))
    # images have y down, so up is against the first camera's y until a world is chosen
    origin = f"camera {cameras[0].name}"
    return Rig(tuple(placed), units=units, up=(0.0, -1.0, 0.0), origin=origin), edges


def _placed(
    sightings: Sightings,
    corners: Float[np.ndarray, "C 3"],
    poses: _Poses,
    rig: Rig,
    symmetric: bool,
) -> tuple[Float[np.ndarray, "F 3 3"], Float[np.ndarray, "F 3"], Sightings]:
    """The board in the world, frame by frame: the candidate that all views agree with best."""
    params, n_frames = rig.params(), poses.error.shape[1]
    turns, shifts = np.full((n_frames, 3, 3), np.nan), np.full((n_frames, 3), np.nan)
    corner = sightings.corner.copy()
    last = len(corners) - 1
    for f in range(n_frames):
        rows = np.flatnonzero(sightings.frame == f)
        view, ids, uv = sightings.view[rows], sightings.corner[rows], sightings.uv[rows]
        least = np.inf
        for v, k in np.argwhere(np.isfinite(poses.error[:, f])):
            back = params[v, 12:21].reshape(3, 3).T
            turn = back @ poses.turn[v, f, k]
            shift = back @ (poses.shift[v, f, k] - params[v, 21:24])
            seen = projection.project(corners @ turn.T + shift, params).uv
            straight = _cost(seen[view, ids] - uv, view, len(params))
            turned = _cost(seen[view, last - ids] - uv, view, len(params))
            total = np.minimum(straight, turned) if symmetric else straight
            if total.sum() < least:
                least = float(total.sum())
                turns[f], shifts[f] = turn, shift
                swap = symmetric & (turned < straight)[view]
                corner[rows] = np.where(swap, last - ids, ids)
    return turns, shifts, sightings._replace(corner=corner)


def _cost(
    off: Float[np.ndarray, "n 2"], view: Int[np.ndarray, " n"], n_views: int
) -> Float[np.ndarray, " V"]:
    """Summed distances (px) of each view, each at most 100 px."""
    away = np.sqrt((off**2).sum(axis=1))
    away = np.where(np.isfinite(away), np.minimum(away, 100.0), 100.0)
    return np.bincount(view, away, n_views)
