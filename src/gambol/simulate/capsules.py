"""Bodies made of tapered capsules, and what a camera straight above sees of them.

A capsule is a sphere whose centre and radius run linearly from one end to the other. Seen
from above, every point of the plane meets the highest surface first. Integer coordinates are
pixel centres.
"""

from collections.abc import Sequence
from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Float32, Int


class Capsules(NamedTuple):
    """S capsules, for one pose or, with leading axes, for many."""

    start: Float[np.ndarray, "*T S 4"]  # x, y, height and radius at one end, px
    stop: Float[np.ndarray, "*T S 4"]  # and at the other
    flatness: Float[np.ndarray, " S"]  # height of the surface above the axis, in radii
    along: Float[np.ndarray, "S 2"]  # coordinate of the two ends on the body, mm
    part: Int[np.ndarray, " S"]
    material: Int[np.ndarray, " S"]
    scale: float  # px per mm

    def pose(self, *index: int) -> "Capsules":
        """Return the capsules of one pose."""
        return self._replace(start=self.start[index], stop=self.stop[index])

    def of(self, materials: frozenset[int]) -> "Capsules":
        """Return the capsules made of some materials."""
        rows = np.flatnonzero(np.isin(self.material, list(materials)))
        return Capsules(
            self.start.take(rows, axis=-2),
            self.stop.take(rows, axis=-2),
            self.flatness[rows],
            self.along[rows],
            self.part[rows],
            self.material[rows],
            self.scale,
        )


class Window(NamedTuple):
    """A rectangle of whole pixels."""

    x: int
    y: int
    width: int
    height: int


class Paint(NamedTuple):
    """How surfaces look."""

    colour: Float32[np.ndarray, "P 3"]  # by material, reflectance in [0, 1]
    rim: Float32[np.ndarray, " P"]  # brightness of the outline relative to the middle
    gloss: Float32[np.ndarray, " P"]
    hair: Float32[np.ndarray, " P"]  # contrast of the fur by material
    fur: Float32[np.ndarray, "U V"]  # tile, mean 0; rows run along the body
    texel: float  # mm per texel
    light: Float32[np.ndarray, " 3"]  # unit vector to the lamp


class Picture(NamedTuple):
    """What was painted in a window."""

    colour: Float32[np.ndarray, "h w 3"]  # times coverage
    coverage: Float32[np.ndarray, "h w"]


def first_part(bodies: Capsules, points: Float[np.ndarray, "T J 2"]) -> Int[np.ndarray, "T J"]:
    """Tell which part a vertical ray through each point meets first, -1 for the floor."""
    return _first_part(bodies.start, bodies.stop, bodies.flatness, bodies.part, points)


def join(
    bodies: Sequence[Capsules], animals: Sequence[int], counts: tuple[int, int]
) -> Capsules:
    """Put bodies of one kind together, in as many poses each.

    Args:
        bodies: one of each animal.
        animals: their numbers; part p of animal n becomes n `counts[0]` + p, and its fur lies
            elsewhere on the tile.
        counts: parts and materials of one body.
    """
    number = [np.full(len(body.part), n) for body, n in zip(bodies, animals, strict=True)]
    owner = np.concatenate(number)
    return Capsules(
        np.concatenate([body.start for body in bodies], axis=-2),
        np.concatenate([body.stop for body in bodies], axis=-2),
        np.concatenate([body.flatness for body in bodies]),
        np.concatenate([body.along for body in bodies]) + 37.0 * owner[:, None],
        np.concatenate([body.part for body in bodies]) + counts[0] * owner,
        np.concatenate([body.material for body in bodies]) + counts[1] * owner,
        bodies[0].scale,
    )


def bounds(body: Capsules, size: tuple[int, int], margin: float) -> Window:
    """Return the pixels of an image of size (width, height) within `margin` of the body."""
    ends = np.concatenate([body.start, body.stop]).reshape(-1, 4)
    reach = ends[:, 3:] + margin
    low = np.floor((ends[:, :2] - reach).min(axis=0)).astype(int).clip(0, size)
    high = (np.ceil((ends[:, :2] + reach).max(axis=0)).astype(int) + 1).clip(low, size)
    return Window(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))


def paint(body: Capsules, window: Window, look: Paint, subsamples: int) -> Picture:
    """Draw one pose with `subsamples` squared rays a pixel, spread evenly about its centre."""
    shape = window.height, window.width
    heights = np.full((subsamples * shape[0], subsamples * shape[1]), -np.inf, np.float32)
    hits = np.full(heights.shape, -1, np.int32)
    origin = np.array([window.x, window.y], np.float64)
    _scan(body.start, body.stop, body.flatness, origin, subsamples, heights, hits)
    colour, coverage = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
    paints = look.colour, look.rim, look.gloss, look.hair, look.fur, look.light
    shape_of = body.start, body.stop, body.flatness, body.along, body.material
    rates = 1.0 / body.scale, 1.0 / look.texel
    _shade(*shape_of, *rates, origin, subsamples, hits, *paints, colour, coverage)
    return Picture(colour, coverage)


@numba.njit(cache=True, inline="always")
@no_type_check
def _axis(a, b):
    """Which sphere of a capsule is highest above (x, y): the rule as (gx, gy, g0).

    From 0 at one end to 1 at the other it is gx (x - ax) + gy (y - ay) + g0, cut to [0, 1]:
    on a level axis, u the distance along it and k the growth of the radius, the height
    sqrt((ra + k t)^2 - (u - t)^2 - v^2) is greatest at t = (u + k ra) / (1 - k^2).
    """
    ex, ey = b[0] - a[0], b[1] - a[1]
    length = np.sqrt(ex * ex + ey * ey)
    if length < 1e-6:
        return 0.0, 0.0, 1.0 if b[2] > a[2] else 0.0
    k = (b[3] - a[3]) / length
    if abs(k) > 0.98:  # one end swallows the other
        return 0.0, 0.0, 1.0 if k > 0.0 else 0.0
    g = 1.0 / ((1.0 - k * k) * length)
    return g * ex / length, g * ey / length, g * k * a[3]


@numba.njit(cache=True, inline="always")
@no_type_check
def _surface(x, y, a, b, gx, gy, g0, flatness):
    """Height of a capsule's upper surface at (x, y) from its first end, -inf beside it."""
    t = min(1.0, max(0.0, gx * x + gy * y + g0))
    dx, dy = x - t * (b[0] - a[0]), y - t * (b[1] - a[1])
    r = a[3] + t * (b[3] - a[3])
    left = r * r - dx * dx - dy * dy
    if left < 0.0:
        return -np.inf
    return a[2] + t * (b[2] - a[2]) + flatness * np.sqrt(left)


@numba.njit(cache=True)
@no_type_check
def _first_part(start, stop, flatness, part, points):
    n_frames, n_points = points.shape[:2]
    met = np.full((n_frames, n_points), -1, np.int64)
    for f in range(n_frames):
        for j in range(n_points):
            best = -np.inf
            for k in range(len(part)):
                a, b = start[f, k], stop[f, k]
                gx, gy, g0 = _axis(a, b)
                x, y = points[f, j, 0] - a[0], points[f, j, 1] - a[1]
                height = _surface(x, y, a, b, gx, gy, g0, flatness[k])
                if height > best:
                    best, met[f, j] = height, part[k]
    return met


@numba.njit(cache=True)
@no_type_check
def _scan(start, stop, flatness, origin, n, heights, hits):
    """Keep, for every ray, the highest surface and whose it is."""
    rows, columns = heights.shape
    mid = (n - 1) / 2  # ray i of a pixel stands (i - mid) / n from its centre
    for k in range(len(flatness)):
        a, b = start[k], stop[k]
        gx, gy, g0 = _axis(a, b)
        reach = max(a[3], b[3])
        left = max(0, int(np.floor((min(a[0], b[0]) - reach - origin[0]) * n + mid)))
        right = min(columns, int(np.ceil((max(a[0], b[0]) + reach - origin[0]) * n + mid)) + 1)
        top = max(0, int(np.floor((min(a[1], b[1]) - reach - origin[1]) * n + mid)))
        low = min(rows, int(np.ceil((max(a[1], b[1]) + reach - origin[1]) * n + mid)) + 1)
        for row in range(top, low):
            y = origin[1] + (row - mid) / n - a[1]
            for column in range(left, right):
                x = origin[0] + (column - mid) / n - a[0]
                height = _surface(x, y, a, b, gx, gy, g0, flatness[k])
                if height > heights[row, column]:
                    heights[row, column] = height
                    hits[row, column] = k


@numba.njit(cache=True, inline="always")
@no_type_check
def _tile(tile, u, v):
    """Bilinear value of a periodic tile."""
    i, j = int(np.floor(u)), int(np.floor(v))
    p, q = u - i, v - j
    i, j = i % tile.shape[0], j % tile.shape[1]
    k, m = (i + 1) % tile.shape[0], (j + 1) % tile.shape[1]
    near = (1 - q) * tile[i, j] + q * tile[i, m]
    return (1 - p) * near + p * ((1 - q) * tile[k, j] + q * tile[k, m])


@numba.njit(cache=True, fastmath=True)
@no_type_check
def _shade(
    start, stop, flatness, along, material, mm, texels, origin, n, hits,
    tint, rim, gloss, hair, fur, light, colour, coverage,
):  # fmt: skip
    """Average over each pixel's rays: lamp on the surface, fur that rides on the body."""
    mid, share = (n - 1) / 2, 1.0 / (n * n)
    for row in range(hits.shape[0]):
        for column in range(hits.shape[1]):
            k = hits[row, column]
            if k < 0:
                continue
            a, b, m = start[k], stop[k], material[k]
            ex, ey = b[0] - a[0], b[1] - a[1]
            x, y = origin[0] + (column - mid) / n - a[0], origin[1] + (row - mid) / n - a[1]
            gx, gy, g0 = _axis(a, b)
            t = min(1.0, max(0.0, gx * x + gy * y + g0))
            dx, dy = x - t * ex, y - t * ey
            r = a[3] + t * (b[3] - a[3])
            out2 = min(1.0, (dx * dx + dy * dy) / (r * r))
            up = np.sqrt(1.0 - out2)
            slope = flatness[k]  # a flattened dome faces up
            norm = np.sqrt(slope * slope * out2 + up * up) + 1e-6
            facing = (slope * (dx * light[0] + dy * light[1]) / r + up * light[2]) / norm
            shade = (0.42 + 0.58 * max(0.0, facing)) * (1.0 + (rim[m] - 1.0) * out2)
            if hair[m] > 0.0:
                length2 = ex * ex + ey * ey + 1e-6
                side = (ey * x - ex * y) / np.sqrt(length2)
                across = np.arcsin(min(1.0, max(-1.0, side / r))) * r * mm
                # beyond its ends too, so that the fur runs on from capsule to capsule
                u = (x * ex + y * ey) / length2
                s = along[k, 0] + u * (along[k, 1] - along[k, 0])
                shade *= max(0.2, 1.0 + hair[m] * _tile(fur, s * texels, across * texels))
            shine = gloss[m] * max(0.0, facing) ** 12 if gloss[m] > 0.0 else 0.0
            for c in range(3):
                colour[row // n, column // n, c] += share * (shade * tint[m, c] + shine)
            coverage[row // n, column // n] += share
