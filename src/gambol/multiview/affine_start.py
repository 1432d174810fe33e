"""Where long-lens cameras look from, by factorising what they saw.

With hardly any perspective, centred points of V cameras are a 2V x N matrix of rank 3. Its
factors are cameras and points up to one 3 x 3 matrix, which the equal length and right angle of
every camera's two rows determine, up to a mirror image of the world.
Source: Tomasi & Kanade (1992), IJCV 9(2):137-154; gaps by alternating least squares.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from gambol.core.cameras import Camera, Rig
from gambol.core.errors import InputError
from gambol.kernels import rotation

ROUNDS = 500
LEAST_VIEWS = 3  # two affine cameras fit any angle between them


def starts(rig: Rig, xy: Float[np.ndarray, "N V 2"]) -> list[Rig]:
    """Return the two rigs, mirror images, that fit alike without perspective.

    Args:
        rig: intrinsics; poses are not looked at. World units make the distance of the first
            pinhole camera 1.
        xy: px; NaN where not seen.
    """
    if len(rig) < LEAST_VIEWS:
        raise InputError(
            f"cameras {', '.join(rig)} are {len(rig)}; without perspective {LEAST_VIEWS} are "
            "needed, so start from a template"
        )
    there = np.isfinite(xy).all(-1)
    usable = there.sum(1) >= LEAST_VIEWS
    if usable.sum() < 10 or (there[usable].sum(0) < 10).any():
        few = list(rig)[int(there[usable].sum(0).argmin())]
        raise InputError(
            f"camera {few} shares fewer than 10 points with two others at once; start from a "
            "template"
        )
    linear, middle = _factorised(_square(rig, xy)[usable], there[usable])
    upgraded = _metric(linear)
    flipped = upgraded @ np.diag([1.0, 1.0, -1.0])
    return [_rig(rig, rows, middle) for rows in (upgraded, flipped)]


def _square(rig: Rig, xy: Float[np.ndarray, "N V 2"]) -> Float[np.ndarray, "N V 2"]:
    """Return pixels made square (f_y = f_x, no skew), from the principal point."""
    out = np.empty_like(xy)
    for view, camera in enumerate(rig.cameras):
        shape, origin = _shape(camera)
        out[:, view] = (xy[:, view] - origin) @ np.linalg.inv(shape / shape[0, 0]).T
    return out


def _shape(camera: Camera) -> tuple[Float[np.ndarray, "2 2"], Float[np.ndarray, " 2"]]:
    if camera.kind == "affine":
        return np.eye(2), np.zeros(2)
    return camera.matrix[:2, :2], camera.matrix[:2, 2]


def _factorised(
    xy: Float[np.ndarray, "N V 2"], there: np.ndarray
) -> tuple[Float[np.ndarray, "V 2 3"], Float[np.ndarray, "V 2"]]:
    """Return the linear part of every camera, up to a 3 x 3 matrix, and the middle's image."""
    n_points, views = there.shape
    filled = np.where(there[..., None], xy, np.nanmean(xy, axis=0))
    rows = filled.reshape(n_points, 2 * views)
    known = np.repeat(there, 2, axis=1)
    before = np.inf
    for _ in range(ROUNDS):  # fill gaps by the rank-3 fit, until they settle
        middle = rows.mean(0)
        u, s, vt = np.linalg.svd(rows - middle, full_matrices=False)
        fit = middle + (u[:, :3] * s[:3]) @ vt[:3]
        rows = np.where(known, rows, fit)
        error = float(((rows - fit)[known] ** 2).mean())
        if abs(before - error) <= 1e-9 * error:
            break
        before = error
    linear = (vt[:3].T * s[:3] / np.sqrt(n_points)).reshape(views, 2, 3)
    return linear, middle.reshape(views, 2)


def _metric(linear: Float[np.ndarray, "V 2 3"]) -> Float[np.ndarray, "V 2 3"]:
    """Return the cameras of the world in which their two rows are alike and at right angles."""
    i, j = linear[:, 0], linear[:, 1]
    rows = np.concatenate([_products(i, j), _products(i, i) - _products(j, j)])
    size = np.linalg.norm(linear, axis=(1, 2))
    rows /= np.tile(size, 2)[:, None] ** 2
    a, b, c, d, e, f = np.linalg.svd(rows)[2][-1]
    gram = np.array([[a, b, c], [b, d, e], [c, e, f]])
    gram *= np.sign(np.trace(gram))
    values, vectors = np.linalg.eigh(gram)
    # noise can leave the smallest below 0; a thin world is a better start than none
    return linear @ (vectors * np.sqrt(np.maximum(values, 0.01 * values[-1])))


def _products(
    a: Float[np.ndarray, "V 3"], b: Float[np.ndarray, "V 3"]
) -> Float[np.ndarray, "V 6"]:
    """Return the coefficients of a Q b in the six numbers of a symmetric Q."""
    mixed = [a[:, i] * b[:, j] + a[:, j] * b[:, i] for i, j in ((0, 1), (0, 2), (1, 2))]
    own = [a[:, k] * b[:, k] for k in range(3)]
    return np.stack([own[0], mixed[0], mixed[1], own[1], mixed[2], own[2]], 1)


def _rig(rig: Rig, rows: Float[np.ndarray, "V 2 3"], middle: Float[np.ndarray, "V 2"]) -> Rig:
    """Return cameras whose scale and direction are those of the rows."""
    across = np.cross(rows[:, 0], rows[:, 1])
    scale = np.sqrt(np.linalg.norm(across, axis=1))  # px a world unit
    third = across / np.linalg.norm(across, axis=1, keepdims=True)
    turns = rotation.nearest(
        np.stack([*np.moveaxis(rows / scale[:, None, None], 1, 0), third], 1)
    )
    pinholes = [k for k, camera in enumerate(rig.cameras) if camera.kind != "affine"]
    unit = 1.0
    if pinholes:
        unit = rig.cameras[pinholes[0]].matrix[0, 0] / scale[pinholes[0]]
    cameras = []
    for camera, turn, own, image in zip(rig.cameras, turns, scale * unit, middle, strict=True):
        if camera.kind == "affine":
            linear = np.zeros((3, 3))
            linear[:2] = own * turn[:2]
            cameras.append(replace(camera, matrix=linear, translation=np.append(image, 0.0)))
            continue
        depth = camera.matrix[0, 0] / own
        shift = np.append(image / own, depth)
        cameras.append(replace(camera, rotation=rotation.log(turn), translation=shift))
    return replace(rig, cameras=tuple(cameras))
