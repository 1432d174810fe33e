"""Rotations of space: Rodrigues vectors, matrices and the rotation nearest to a matrix.

A Rodrigues vector is axis times angle in radians. Optimisers perturb a matrix on the left,
R <- exp(d) R.
"""

from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float

SMALL = 1e-8  # radians, below which sin x / x is 1


@numba.njit(cache=True)
@no_type_check
def exp(vector):
    """Return the matrix (3, 3) of a Rodrigues vector (3,).

    >>> exp(np.array([0.0, 0.0, np.pi / 2])).round(3).tolist()
    [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    x, y, z = vector[0], vector[1], vector[2]
    angle = np.sqrt(x * x + y * y + z * z)
    if angle < SMALL:
        a, b = 1.0, 0.5
    else:
        a, b = np.sin(angle) / angle, (1 - np.cos(angle)) / angle**2
    c = np.cos(angle)
    out = np.empty((3, 3))
    out[0, 0], out[0, 1], out[0, 2] = c + b * x * x, b * x * y - a * z, b * x * z + a * y
    out[1, 0], out[1, 1], out[1, 2] = b * x * y + a * z, c + b * y * y, b * y * z - a * x
    out[2, 0], out[2, 1], out[2, 2] = b * x * z - a * y, b * y * z + a * x, c + b * z * z
    return out


def log(matrix: Float[np.ndarray, "*batch 3 3"]) -> Float[np.ndarray, "*batch 3"]:
    """Return the Rodrigues vectors of rotation matrices, angles from 0 to pi."""
    from scipy.spatial.transform import Rotation

    flat = Rotation.from_matrix(matrix.reshape(-1, 3, 3)).as_rotvec()
    return flat.reshape(matrix.shape[:-1])


def cross(vector: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3 3"]:
    """Return the matrices that turn x into the cross product v × x."""
    x, y, z = np.moveaxis(vector, -1, 0)
    zero = np.zeros_like(x)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def nearest(matrix: Float[np.ndarray, "*batch 3 3"]) -> Float[np.ndarray, "*batch 3 3"]:
    """Return the rotation nearest to each matrix (Frobenius norm, determinant +1)."""
    u, _, vt = np.linalg.svd(matrix)
    sign = np.ones(matrix.shape[:-1])
    sign[..., 2] = np.linalg.det(u @ vt)
    return u * sign[..., None, :] @ vt


def about(axis: Float[np.ndarray, " 3"], angle: Float[np.ndarray, "*T"]) -> np.ndarray:
    """Return the rotations (T, 3, 3) by angles about one axis of length 1."""
    k = cross(axis)
    c, s = np.cos(angle)[..., None, None], np.sin(angle)[..., None, None]
    return np.eye(3) + s * k + (1 - c) * (k @ k)


def degrees(
    a: Float[np.ndarray, "*batch 3 3"], b: Float[np.ndarray, "*batch 3 3"]
) -> Float[np.ndarray, "*batch"]:
    """Return the angle between rotations, in degrees."""
    between = log(np.asarray(b @ np.swapaxes(a, -1, -2)))
    return np.asarray(np.degrees(np.linalg.norm(between, axis=-1)))
