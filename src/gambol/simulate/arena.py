"""The empty arena from above: floor, bedding, dirt and walls under uneven light."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Float32
from scipy.ndimage import gaussian_filter

_SHIFT = 4  # OpenCV draws in sixteenths of a pixel


class Arena(NamedTuple):
    """What the camera sees before an animal is let in."""

    floor: Float[np.ndarray, "2 2"]  # corners [[left, top], [right, bottom]], px
    reflectance: Float32[np.ndarray, "H W 3"]  # in [0, 1]
    light: Float32[np.ndarray, "H W 1"]  # relative illumination, about 1
    shadow: bool = True  # whether bodies shade the floor


def furnish(
    rng: np.random.Generator, size: tuple[int, int], scale: float, unevenness: float
) -> Arena:
    """Build an arena that fills a picture of size (width, height).

    Args:
        rng: draws the texture; the same state gives the same arena.
        size: picture, px.
        scale: px per mm, so that bedding has its size beside the animal.
        unevenness: sd of the light over the floor, as a share of its mean.
    """
    corners = floor(size)
    picture = _litter(rng, _plastic(rng, size, scale), corners, scale)
    picture = _walls(picture, corners, size)
    return Arena(corners, picture.clip(0.0, 1.0), _light(rng, size, unevenness))


def floor(size: tuple[int, int]) -> Float[np.ndarray, "2 2"]:
    """Return the corners of the floor in a picture of size (width, height), px."""
    wall = 0.06 * min(size)
    return np.array([[wall, wall], [size[0] - 1 - wall, size[1] - 1 - wall]])


def _plastic(rng: np.random.Generator, size: tuple[int, int], scale: float) -> np.ndarray:
    """Matt plastic: blotches, grain and wiping marks."""
    blotches = _noise(rng, size, 22.0 * scale)
    grain = _noise(rng, size, 0.7 * scale)
    wiped = _noise(rng, size, 0.8 * scale, 26.0 * scale)
    tone = 0.66 + 0.020 * blotches + 0.010 * grain + 0.007 * wiped
    tint = np.array([1.0, 0.975, 0.93])
    return (tone[..., None] * tint).astype(np.float32)


def _litter(
    rng: np.random.Generator, picture: np.ndarray, corners: np.ndarray, scale: float
) -> np.ndarray:
    """Wood chips, droppings, urine marks and scratches; more of them towards the walls."""
    span = corners[1] - corners[0]
    for _ in range(rng.integers(5, 9)):  # dried drops
        at = corners[0] + span * rng.random(2)
        stain = np.zeros(picture.shape[:2], np.float32)
        axes = scale * rng.uniform(2.0, 8.0, 2)
        _ellipse(stain, at, axes, rng.uniform(0, 180), (1.0,))
        stain = gaussian_filter(stain, 0.8 * scale)[..., None]
        picture = picture * (1.0 - rng.uniform(0.04, 0.10) * stain * [0.6, 0.8, 1.3])
    # OpenCV smooths edges in eight bits only
    canvas = np.rint(255.0 * picture).clip(0, 255).astype(np.uint8)
    area = float(np.prod(span)) / scale**2
    for _ in range(rng.poisson(area / 1500.0)):  # chips
        at = corners[0] + span * rng.beta(0.55, 0.55, 2)
        tone = rng.uniform(115.0, 220.0)
        axes = scale * np.array([rng.uniform(1.2, 3.2), rng.uniform(0.4, 1.0)])
        turn = rng.uniform(0, 180)
        _ellipse(canvas, at + 0.6 * scale, axes, turn, (107.0, 102.0, 94.0))
        _ellipse(canvas, at, axes, turn, (tone, 0.88 * tone, 0.68 * tone))
    for _ in range(rng.integers(4, 9)):  # droppings
        at = corners[0] + span * rng.beta(0.5, 0.5, 2)
        _ellipse(
            canvas, at, scale * np.array([2.4, 0.9]), rng.uniform(0, 180), (51.0, 43.0, 36.0)
        )
    for _ in range(5):  # scratches
        start = corners[0] + span * rng.random(2)
        stop = start + scale * rng.normal(0.0, 60.0, 2)
        ends = [_fixed(np.clip(end, corners[0], corners[1])) for end in (start, stop)]
        scratched = canvas.copy()
        cv2.line(scratched, ends[0], ends[1], (204.0, 201.0, 196.0), 1, cv2.LINE_AA, _SHIFT)
        canvas[:] = cv2.addWeighted(canvas, 0.65, scratched, 0.35, 0.0)
    return (canvas / 255.0).astype(np.float32)


def _walls(picture: np.ndarray, corners: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Walls that rise towards the camera, each lit differently, and their shaded foot."""
    width, height = size
    x, y = np.arange(width)[None, :], np.arange(height)[:, None]
    gaps = np.broadcast_arrays(
        x - corners[0, 0], y - corners[0, 1], corners[1, 0] - x, corners[1, 1] - y
    )
    inside = np.stack(gaps)
    side = inside.argmin(axis=0)
    depth = inside.min(axis=0)  # px inside the floor; negative on a wall
    thickness = corners[0, 0]
    face = np.array([0.40, 0.33, 0.47, 0.52])[side]
    face = face * (1.0 - 0.25 * np.clip(-depth / thickness, 0.0, 1.0))
    rim = np.clip((-depth - 0.80 * thickness) / 1.5, 0.0, 1.0)
    face = face + 0.22 * rim
    foot = 1.0 - 0.30 * np.exp(-np.maximum(depth, 0.0) / (0.22 * thickness))
    on_floor = np.clip(depth + 0.5, 0.0, 1.0)[..., None]
    wall = face[..., None] * np.array([0.98, 1.0, 1.02])
    return (on_floor * picture * foot[..., None] + (1.0 - on_floor) * wall).astype(np.float32)


def _light(rng: np.random.Generator, size: tuple[int, int], unevenness: float) -> np.ndarray:
    """Two soft lamps and a fall-off towards the corners."""
    width, height = size
    x = np.linspace(-1.0, 1.0, width)[None, :]
    y = np.linspace(-1.0, 1.0, height)[:, None]
    lamps = sum(
        rng.uniform(0.6, 1.0) * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 0.9)
        for at in rng.uniform(-0.8, 0.8, (2, 2))
    )
    field = lamps - 0.35 * (x * x + y * y)
    field = (field - field.mean()) / field.std()
    return (1.0 + unevenness * field)[..., None].clip(0.2, None).astype(np.float32)


def _noise(
    rng: np.random.Generator, size: tuple[int, int], down: float, across: float | None = None
) -> np.ndarray:
    """Smooth noise (H, W) of unit variance with correlation lengths in px."""
    smooth = gaussian_filter(
        rng.standard_normal(size[::-1], np.float32), (down, down if across is None else across)
    )
    return (smooth - smooth.mean()) / smooth.std()


def _ellipse(
    canvas: np.ndarray, at: np.ndarray, axes: np.ndarray, turn: float, colour: tuple[float, ...]
) -> None:
    half = np.maximum(_fixed(axes), 8)
    size = int(half[0]), int(half[1])
    cv2.ellipse(canvas, _fixed(at), size, turn, 0, 360, colour, -1, cv2.LINE_AA, _SHIFT)


def _fixed(xy: np.ndarray) -> tuple[int, int]:
    return round(float(xy[0]) * 2**_SHIFT), round(float(xy[1]) * 2**_SHIFT)
