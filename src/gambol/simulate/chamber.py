"""The chamber of flies and how they look in it: lit from below, or on black from all sides.

Lit from below, flies are dark on a bright ground; on black, they are bright, as in recordings
under infrared rings. The camera does not see the whole chamber: it goes on at the right.
"""

from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float, Float32
from scipy.ndimage import gaussian_filter

from gambol.simulate.arena import Arena
from gambol.simulate.capsules import Paint

Ground = Literal["bright", "dark"]

# reflectance by fly.MATERIALS: thorax, head, eye, abdomen, band, tip, leg, wing, vein
_COLOURS = {
    "bright": [
        *((0.20, 0.15, 0.10), (0.24, 0.18, 0.12), (0.22, 0.05, 0.04), (0.36, 0.27, 0.16)),
        *((0.15, 0.11, 0.07), (0.30, 0.22, 0.13), (0.20, 0.16, 0.11), (0.66, 0.64, 0.58)),
        (0.20, 0.17, 0.13),
    ],
    "dark": [
        *((0.82, 0.81, 0.80), (0.80, 0.79, 0.78), (0.88, 0.86, 0.84), (0.62, 0.61, 0.60)),
        *((0.76, 0.75, 0.74), (0.68, 0.71, 0.70), (0.40, 0.40, 0.39), (0.46, 0.46, 0.45)),
        (0.95, 0.94, 0.93),
    ],
}
_RIMS = {
    # light from below shines through thin edges; light from aside fades there
    "bright": [1.5, 1.6, 1.2, 1.9, 1.4, 1.6, 1.3, 1.0, 1.0],
    "dark": [0.72, 0.75, 0.9, 0.70, 0.75, 0.70, 0.85, 1.0, 1.0],
}
_MALE_TIP = {"bright": (0.07, 0.05, 0.04), "dark": (0.50, 0.49, 0.48)}
WING_OPACITY = 0.42


def floor(size: tuple[int, int], body: float) -> Float[np.ndarray, "2 2"]:
    """Return the corners of the floor, px; it reaches 1.1 bodies beyond the right edge."""
    wall = 0.05 * min(size)
    return np.array([[wall, wall], [size[0] - 1 + 1.1 * body, size[1] - 1 - wall]])


def furnish(
    rng: np.random.Generator,
    size: tuple[int, int],
    scale: float,
    unevenness: float,
    ground: Ground,
) -> Arena:
    """Build the chamber as the camera sees it; `scale` px per mm."""
    corners = floor(size, 2.5 * scale)
    make = _backlit if ground == "bright" else _black
    light = _backlight(size, unevenness)
    return Arena(corners, make(rng, size, scale), light, shadow=False)


def looks(rng: np.random.Generator, n_animals: int, ground: Ground, identical: bool) -> Paint:
    """Return how N flies look.

    Unless identical, they differ in tone, and every second is a male with a dark tip.
    """
    colours, rims = [], []
    for n in range(n_animals):
        table = np.array(_COLOURS[ground], np.float32)
        if not identical:
            table[5] = _MALE_TIP[ground] if n % 2 == 0 else table[5]
            table[:6] *= np.exp(0.10 * rng.standard_normal())
        colours.append(table)
        rims.append(np.array(_RIMS[ground], np.float32))
    gloss = np.array([0.02, 0.02, 0.05, 0.02, 0.02, 0.02, 0.0, 0.0, 0.0], np.float32)
    return Paint(
        colour=np.concatenate(colours),
        rim=np.concatenate(rims),
        gloss=np.tile(gloss, n_animals),
        hair=np.zeros(len(gloss) * n_animals, np.float32),
        fur=np.zeros((1, 1), np.float32),
        texel=1.0,
        light=np.array([-0.20, -0.25, 0.947], np.float32),
    )


def _backlight(size: tuple[int, int], unevenness: float) -> Float32[np.ndarray, "H W 1"]:
    """A diffuser that fades towards the corners."""
    x, y = np.linspace(-1.0, 1.0, size[0])[None, :], np.linspace(-1.0, 1.0, size[1])[:, None]
    field = -(((x - 0.08) ** 2 + (y + 0.05) ** 2) ** 1.2)
    field = (field - field.mean()) / field.std()
    return (1.0 + 0.5 * unevenness * field)[..., None].clip(0.2, None).astype(np.float32)


def _backlit(
    rng: np.random.Generator, size: tuple[int, int], scale: float
) -> Float32[np.ndarray, "H W 3"]:
    """A bright floor with grain, smears, dust and droppings between dark walls."""
    width, height = size
    tone = (
        0.80 + 0.006 * _noise(rng, size, 0.8 * scale) + 0.004 * _noise(rng, size, 0.05 * scale)
    )
    picture = (tone[..., None] * np.array([1.0, 0.995, 0.97])).astype(np.float32)
    canvas = np.rint(255.0 * picture).clip(0, 255).astype(np.uint8)
    area = width * height / scale**2
    for _ in range(rng.poisson(area / 14.0)):  # droppings and dust
        at = rng.uniform((0, 0), size)
        tone_of = float(rng.uniform(90.0, 190.0))
        axes = scale * rng.uniform(0.02, 0.07, 2)
        colour = (tone_of, 0.97 * tone_of, 0.90 * tone_of)
        _blob(canvas, at, axes, colour)
    for _ in range(rng.poisson(area / 60.0)):  # fibres
        _fibre(rng, canvas, size, scale, float(rng.uniform(150.0, 185.0)))
    canvas = cv2.GaussianBlur(canvas, (0, 0), 0.6)
    wall = round(0.05 * min(size))
    inner = np.zeros((height, width), np.uint8)
    radius = round(0.9 * scale)
    # a rounded rectangle that goes on beyond the right edge
    cv2.rectangle(inner, (wall + radius, wall), (width, height - 1 - wall), 255, -1)
    cv2.rectangle(inner, (wall, wall + radius), (width, height - 1 - wall - radius), 255, -1)
    for y in (wall + radius, height - 1 - wall - radius):
        cv2.circle(inner, (wall + radius, y), radius, 255, -1, cv2.LINE_AA)
    inside = cv2.GaussianBlur(inner.astype(np.float32) / 255.0, (0, 0), 1.0)[..., None]
    near = cv2.GaussianBlur(inside[..., 0], (0, 0), 0.25 * scale)[..., None]
    rim = 0.16 + 0.05 * _noise(rng, size, 0.3 * scale)[..., None] * near
    floor_ = canvas / 255.0 * (0.80 + 0.20 * np.clip(2.0 * near - 1.0, 0.0, 1.0))
    return (inside * floor_ + (1.0 - inside) * rim).clip(0.0, 1.0).astype(np.float32)


def _black(
    rng: np.random.Generator, size: tuple[int, int], scale: float
) -> Float32[np.ndarray, "H W 3"]:
    """Black acrylic with patches of meshed food, dust that shines and fibres."""
    width, height = size
    canvas = np.zeros((height, width, 3), np.uint8)
    pitch = 0.72 * scale
    for left in np.arange(0.08, 1.0, 0.33) * width:
        for top in np.arange(0.10, 1.0, 0.36) * height:
            _mesh(rng, canvas, (left, top), pitch, (0.16 * width, 0.20 * height))
    area = width * height / scale**2
    for _ in range(rng.poisson(area / 5.0)):
        tone = float(rng.uniform(40.0, 250.0) * rng.random())
        _blob(
            canvas, rng.uniform((0, 0), size), scale * rng.uniform(0.015, 0.05, 2), (tone,) * 3
        )
    for _ in range(rng.poisson(area / 35.0)):
        _fibre(rng, canvas, size, scale, float(rng.uniform(25.0, 110.0)))
    haze = 0.008 + 0.004 * np.abs(_noise(rng, size, 1.5 * scale))[..., None]
    glow = cv2.GaussianBlur(canvas, (0, 0), 0.55).astype(np.float32) / 255.0
    return (glow + haze).clip(0.0, 1.0).astype(np.float32)


def _mesh(
    rng: np.random.Generator,
    canvas: np.ndarray,
    corner: tuple[float, float],
    pitch: float,
    extent: tuple[float, float],
) -> None:
    """A grid of rounded square holes, some of which shine."""
    hole = 0.62 * pitch
    for row in range(int(extent[1] / pitch)):
        for column in range(int(extent[0] / pitch)):
            at = np.array(corner) + pitch * np.array([column, row])
            first, last = (tuple(int(v) for v in np.rint(p)) for p in (at, at + hole))
            if rng.random() < 0.04:
                cv2.rectangle(canvas, first, last, (float(rng.uniform(20, 75)),) * 3, -1)
            cv2.rectangle(canvas, first, last, (float(rng.uniform(11, 26)),) * 3, 1)


def _fibre(
    rng: np.random.Generator,
    canvas: np.ndarray,
    size: tuple[int, int],
    scale: float,
    tone: float,
) -> None:
    """A thin hair: a walk whose direction drifts."""
    n = int(rng.integers(4, 12))
    angle = rng.uniform(-np.pi, np.pi) + np.cumsum(0.35 * rng.standard_normal(n))
    steps = 0.12 * scale * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = rng.uniform((0, 0), size) + np.cumsum(steps, axis=0)
    line = np.rint(16.0 * points).astype(np.int32)
    cv2.polylines(canvas, [line], False, (tone,) * 3, 1, cv2.LINE_AA, 4)


def _blob(
    canvas: np.ndarray, at: np.ndarray, axes: np.ndarray, colour: tuple[float, ...]
) -> None:
    centre = round(16.0 * float(at[0])), round(16.0 * float(at[1]))
    if max(axes) < 3.0:  # small polygons are no ellipses
        cv2.circle(
            canvas, centre, max(9, round(16.0 * float(max(axes)))), colour, -1, cv2.LINE_AA, 4
        )
        return
    half = round(16.0 * float(axes[0])), round(16.0 * float(axes[1]))
    cv2.ellipse(canvas, centre, half, 0.0, 0, 360, colour, -1, cv2.LINE_AA, 4)


def _noise(rng: np.random.Generator, size: tuple[int, int], width: float) -> np.ndarray:
    """Smooth noise (H, W) of unit variance."""
    smooth = gaussian_filter(rng.standard_normal(size[::-1], np.float32), max(width, 0.3))
    return (smooth - smooth.mean()) / smooth.std()
