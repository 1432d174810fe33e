"""Pixel maps: the one convention for where a pixel is, as 2x3 matrices that compose.

Integer coordinates are pixel centres; an image of width W and height H covers
[-0.5, W-0.5] x [-0.5, H-0.5]. This is the only file with that 0.5. Every geometric operation
is an affine map x' = A x + b, kept as the 2x3 matrix [A | b] in float64.
"""

import numpy as np
from jaxtyping import Float

Number = int | float  # to the shape checker, unlike to mypy, an int is no float


def identity() -> Float[np.ndarray, "2 3"]:
    """Return the map that moves nothing."""
    return np.eye(2, 3)


def resize(factor: Number, factor_y: Number | None = None) -> Float[np.ndarray, "2 3"]:
    """Resize by a factor (per axis where two are given): x' = (x + 0.5) f - 0.5.

    >>> apply(resize(0.5), np.array([[0.5, 1.0]])).tolist()
    [[0.0, 0.25]]
    """
    f = np.array([factor, factor if factor_y is None else factor_y])
    return np.column_stack([np.diag(f), (f - 1) / 2])


def from_corner() -> Float[np.ndarray, "2 3"]:
    """Map to coordinates that count from the corner of the first pixel, as masks in COCO do."""
    return crop(-0.5, -0.5)


def crop(x0: Number, y0: Number) -> Float[np.ndarray, "2 3"]:
    """Cut so that pixel (x0, y0) becomes (0, 0); padding left by a is `crop(-a, 0)`."""
    return np.array([[1.0, 0.0, -x0], [0.0, 1.0, -y0]])


def flip(width: int) -> Float[np.ndarray, "2 3"]:
    """Mirror an image of this width left to right: x' = W - 1 - x."""
    return np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0]])


def centre(width: Number, height: Number) -> Float[np.ndarray, " 2"]:
    """Return the point that rotations of an image leave in place."""
    return np.array([(width - 1) / 2, (height - 1) / 2])


def about(
    point: Float[np.ndarray, " 2"], linear: Float[np.ndarray, "2 2"]
) -> Float[np.ndarray, "2 3"]:
    """Apply a linear map about a point: x' = A (x - c) + c."""
    return np.column_stack([linear, point - linear @ point])


def rotation(angle: Number) -> Float[np.ndarray, "2 2"]:
    """Rotate by an angle in radians, from the x axis towards the y axis (down the image)."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]])


def cells(stride: int) -> Float[np.ndarray, "2 3"]:
    """Map the cells of a grid of this stride to pixels: cell i has its centre at s i + (s-1)/2.

    >>> apply(cells(4), np.array([[0.0, 1.0]])).tolist()
    [[1.5, 5.5]]
    """
    return resize(stride)


def compose(*maps: Float[np.ndarray, "*#batch 2 3"]) -> Float[np.ndarray, "*batch 2 3"]:
    """Join maps into one: `compose(first, second, third)` applies `first` first."""
    total = maps[0]
    for step in maps[1:]:
        linear = step[..., :2] @ total[..., :2]
        shift = step[..., :2] @ total[..., 2:] + step[..., 2:]
        total = np.concatenate([linear, shift], axis=-1)
    return total


def invert(matrix: Float[np.ndarray, "*batch 2 3"]) -> Float[np.ndarray, "*batch 2 3"]:
    """Return the map that undoes this one."""
    linear = np.linalg.inv(matrix[..., :2])
    return np.concatenate([linear, -linear @ matrix[..., 2:]], axis=-1)


def apply(
    matrix: Float[np.ndarray, "2 3"], xy: Float[np.ndarray, "*shape 2"]
) -> Float[np.ndarray, "*shape 2"]:
    """Move points; NaN stays NaN."""
    return xy @ matrix[:, :2].T + matrix[:, 2]


def apply_covariance(
    matrix: Float[np.ndarray, "2 3"], cov: Float[np.ndarray, "*shape 2 2"]
) -> Float[np.ndarray, "*shape 2 2"]:
    """Carry covariances through a map: A C Aᵀ, in the squared units of its result."""
    linear = matrix[:, :2]
    return linear @ cov @ linear.T


def inside(xy: Float[np.ndarray, "*shape 2"], width: Number, height: Number) -> np.ndarray:
    """Tell which points lie within the area that an image covers; NaN does not."""
    low = (xy >= -0.5).all(axis=-1)
    return np.asarray(low & (xy[..., 0] <= width - 0.5) & (xy[..., 1] <= height - 0.5))


def normalised(width: int, height: int) -> Float[np.ndarray, "2 3"]:
    """Map pixels to the [-1, 1] grid of torch's `grid_sample(align_corners=False)`."""
    return np.array(
        [[2.0 / width, 0.0, 1.0 / width - 1], [0.0, 2.0 / height, 1.0 / height - 1]]
    )
