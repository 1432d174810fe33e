"""Printed boards filmed by cameras that are known: what calibration is tested on."""

from functools import lru_cache

import cv2
import numpy as np

from gambol.core.board import Board
from gambol.core.cameras import Camera, Rig
from gambol.kernels import projection, rotation

CHARUCO = Board("charuco", 8, 6, 30.0, 22.5, "4X4_50", units="mm")
CHECKERBOARD = Board("checkerboard", 9, 6, 30.0, units="mm")
SIDE = 40  # pixels a square of the texture
ROOM = SIDE // 2  # white around it


def texture(board):
    """The printed page, black and white; drawn by OpenCV or, a checkerboard, here."""
    size = (board.columns * SIDE + 2 * ROOM, board.rows * SIDE + 2 * ROOM)
    if board.kind == "charuco":
        return board.opencv().generateImage(size, marginSize=ROOM)
    y, x = np.indices((board.rows, board.columns))
    squares = np.where((x + y) % 2, 255, 0).astype(np.uint8)
    return np.pad(np.kron(squares, np.ones((SIDE, SIDE), np.uint8)), ROOM, constant_values=255)


@lru_cache
def lines(camera):
    """The line that every pixel sees."""
    width, height = camera.size
    v, u = np.mgrid[:height, :width]
    return projection.rays(
        np.column_stack([u.ravel(), v.ravel()]).astype(float), camera.params()
    )


def film(board, camera, turn, shift, rng=None):
    """What the camera sees of the board at x_world = turn · x + shift, ray by ray."""
    width, height = camera.size
    origin, along = lines(camera)
    origin, along = (origin - shift) @ turn, along @ turn  # in the board's axes
    with np.errstate(all="ignore"):
        depth = -origin[:, 2] / along[:, 2]
        on = origin + depth[:, None] * along
    on[~(depth > 0)] = -1e4
    at = ((on[:, :2] / board.square) * SIDE + ROOM - 0.5).reshape(height, width, 2)
    page = cv2.GaussianBlur(texture(board), (0, 0), 0.5)
    seen = cv2.remap(
        page, np.nan_to_num(at, nan=-1e4).astype(np.float32), None, cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT, borderValue=170,
    )  # fmt: skip
    seen = cv2.GaussianBlur(seen, (0, 0), 0.7)
    if rng is not None:
        seen = (seen + rng.normal(0, 2, seen.shape)).clip(0, 255).astype(np.uint8)
    return seen


def around(n=3, size=(640, 480), focal=700.0, distortion=(-0.25, 0.08)):
    """Cameras on an arc, 500 mm from the middle of the scene, which is at the origin."""
    cameras = []
    for k in range(n):
        angle = (k - (n - 1) / 2) * 0.45
        turn = rotation.exp(np.array([0.1 * k, -angle, 0.03 * k]))
        matrix = np.array(
            [[focal + 15 * k, 0, 322.0 - k], [0, focal + 15 * k, 238.0], [0, 0, 1]]
        )
        cameras.append(
            Camera(
                f"view {k}", matrix, rotation.log(turn), np.array([0, 0, 500.0 + 15 * k]),
                np.array([*distortion, 0, 0, 0]), size=size,
            )
        )  # fmt: skip
    return Rig(tuple(cameras), units="mm")


def moves(board, n, rng, tilt=0.35):
    """Poses of a board held in the middle of the scene, its middle within 40 mm of it."""
    middle = board.corners().mean(axis=0)
    turns = np.array([rotation.exp(rng.normal(0, tilt, 3) * [1, 1, 0.5]) for _ in range(n)])
    places = rng.uniform(-40, 40, (n, 3))
    return turns, places - turns @ middle


def sightings(rig, board, turns, shifts, rng, noise=0.1):
    """Corners without images: projected, with noise, where they lie in the image."""
    from gambol.multiview.boards import Sightings

    rows = []
    for f, (turn, shift) in enumerate(zip(turns, shifts, strict=True)):
        uv = projection.project(board.corners() @ turn.T + shift, rig.params()).uv
        for v, camera in enumerate(rig.cameras):
            inside = ((uv[v] >= 0) & (uv[v] <= np.array(camera.size) - 1)).all(axis=1)
            ids = np.flatnonzero(inside)
            seen = uv[v, ids] + rng.normal(0, noise, (len(ids), 2))
            rows.append((np.full(len(ids), v), np.full(len(ids), f), ids, seen))
    return Sightings(*(np.concatenate(column) for column in zip(*rows, strict=True)))
