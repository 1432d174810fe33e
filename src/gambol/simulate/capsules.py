"""Bodies made of tapered capsules, and what a camera sees of them.

A capsule is a sphere, or a flattened one, whose centre and radius run linearly from one end to
the other. Each is looked at by a parallel projection of its own (`Sight`): from straight above,
or along the ray of a camera that meets it. Every point of the picture meets the nearest surface
first. Integer coordinates are pixel centres.
"""

from collections.abc import Sequence
from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Float32, Int


class Sight(NamedTuple):
    """How each of S flattened spheres is looked at: maps that make it round and face the eye.

    Its own frame is one in which it is a ball of its radius: there z points to the eye, and x
    and y come from the picture by `flat`.
    """

    flat: Float[np.ndarray, "*T S 2 2"]  # from px of the picture to its own frame
    lean: Float[np.ndarray, "*T S 2"]  # how a plane that faces its eye recedes, per px
    gain: Float[np.ndarray, "*T S"]  # nearness in the picture per unit of its own frame
    reach: Float[np.ndarray, "*T S 2"]  # half the width and height of it, px per unit of radius
    turn: Float[np.ndarray, "*T S 3 3"]  # of directions of the world, as normals turn, by gain
    up: Float[np.ndarray, "*T S 3"]  # the direction in which it is flattened, in its own frame
    stretch: Float[np.ndarray, "*T S"]  # by how much a normal along that is longer, by gain²

    def take(self, rows: Int[np.ndarray, " K"]) -> "Sight":
        """Return the sight of some capsules."""
        ends = (2, 1, 0, 1, 2, 1, 0)
        return Sight(*(a.take(rows, axis=-1 - n) for a, n in zip(self, ends, strict=True)))


def from_above(flatness: Float[np.ndarray, " S"]) -> Sight:
    """Look at bodies from straight above; they are flattened by a share of their height."""
    n, one = len(flatness), np.ones(len(flatness))
    turn = np.stack([flatness, flatness, one], axis=-1)[:, None] * np.eye(3)
    return Sight(
        np.tile(np.eye(2), (n, 1, 1)), np.zeros((n, 2)), flatness, np.ones((n, 2)), turn,
        np.tile([0.0, 0.0, 1.0], (n, 1)), 1.0 - flatness**2,
    )  # fmt: skip


class Capsules(NamedTuple):
    """S capsules, for one pose or, with leading axes, for many."""

    start: Float[np.ndarray, "*T S 4"]  # x, y px, nearness to the eye and radius at one end
    stop: Float[np.ndarray, "*T S 4"]  # and at the other
    flatness: Float[np.ndarray, " S"]  # height of the surface above the axis, in radii
    along: Float[np.ndarray, "S 2"]  # coordinate of the two ends on the body, mm
    part: Int[np.ndarray, " S"]
    material: Int[np.ndarray, " S"]
    scale: float  # units of radius and nearness per mm
    sight: Sight | None = None  # None: from straight above, in px

    def pose(self, *index: int) -> "Capsules":
        """Return the capsules of one pose."""
        seen = self.sight and Sight(*(a[index] for a in self.sight))
        return self._replace(start=self.start[index], stop=self.stop[index], sight=seen)

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
            self.sight and self.sight.take(rows),
        )

    def looked_at(self) -> Sight:
        """Return how they are looked at."""
        return self.sight or from_above(self.flatness)


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
    """Tell which part the ray through each point of the picture meets first, -1 for none."""
    many = (
        np.broadcast_to(a, (len(points), *a.shape)) if bodies.sight is None else a
        for a in bodies.looked_at()
    )
    flat, lean, gain, *_ = many
    return _first_part(bodies.start, bodies.stop, flat, lean, gain, bodies.part, points)


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
        _joined([body.sight for body in bodies]),
    )


def _joined(sights: Sequence[Sight | None]) -> Sight | None:
    known = [sight for sight in sights if sight is not None]
    if not known:
        return None
    ends = (2, 1, 0, 1, 2, 1, 0)
    columns = zip(*known, strict=True)
    return Sight(*(np.concatenate(c, axis=-1 - n) for c, n in zip(columns, ends, strict=True)))


def bounds(body: Capsules, size: tuple[int, int], margin: float) -> Window:
    """Return the pixels of an image of size (width, height) within `margin` of the body."""
    ends = np.concatenate([body.start, body.stop]).reshape(-1, 4)
    wide = np.broadcast_to(body.looked_at().reach, (*body.start.shape[:-1], 2))
    reach = np.concatenate([wide, wide]).reshape(-1, 2) * ends[:, 3:] + margin
    low = np.floor((ends[:, :2] - reach).min(axis=0)).astype(int).clip(0, size)
    high = (np.ceil((ends[:, :2] + reach).max(axis=0)).astype(int) + 1).clip(low, size)
    return Window(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))


def paint(body: Capsules, window: Window, look: Paint, subsamples: int) -> Picture:
    """Draw one pose with `subsamples` squared rays a pixel, spread evenly about its centre."""
    shape = window.height, window.width
    heights = np.full((subsamples * shape[0], subsamples * shape[1]), -np.inf, np.float32)
    hits = np.full(heights.shape, -1, np.int32)
    origin = np.array([window.x, window.y], np.float64)
    flat, lean, gain, reach, turn, up, stretch = body.looked_at()
    ends = body.start, body.stop
    _scan(*ends, flat, lean, gain, reach, origin, subsamples, heights, hits)
    colour, coverage = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
    paints = look.colour, look.rim, look.gloss, look.hair, look.fur
    normals = gain, turn @ look.light.astype(np.float64), up, stretch
    rates = 1.0 / body.scale, 1.0 / look.texel
    shape_of = *ends, flat, *normals, body.along, body.material
    _shade(*shape_of, *rates, origin, subsamples, hits, *paints, colour, coverage)
    return Picture(colour, coverage)


def cover(body: Capsules, window: Window) -> Float32[np.ndarray, "h w"]:
    """Return where one pose covers a window: 1 at pixels whose centre it hides, else 0."""
    heights = np.full((window.height, window.width), -np.inf, np.float32)
    hits = np.full(heights.shape, -1, np.int32)
    flat, lean, gain, reach, *_ = body.looked_at()
    origin = np.array([window.x, window.y], np.float64)
    _scan(body.start, body.stop, flat, lean, gain, reach, origin, 1, heights, hits)
    return (hits >= 0).astype(np.float32)


@numba.njit(cache=True, inline="always")
@no_type_check
def _axis(ex, ey, ez, ra, rb):
    """Which sphere of a capsule is nearest over (x, y): the rule as (gx, gy, g0).

    From 0 at one end to 1 at the other, which is (ex, ey, ez) away, it is gx x + gy y + g0, cut
    to [0, 1]: on a level axis, u the distance along it and k the growth of the radius, the
    height sqrt((ra + k t)^2 - (u - t)^2 - v^2) is greatest at t = (u + k ra) / (1 - k^2).
    """
    length = np.sqrt(ex * ex + ey * ey)
    if length < 1e-6:
        return 0.0, 0.0, 1.0 if ez > 0.0 else 0.0
    k = (rb - ra) / length
    if abs(k) > 0.98:  # one end swallows the other
        return 0.0, 0.0, 1.0 if k > 0.0 else 0.0
    g = 1.0 / ((1.0 - k * k) * length)
    return g * ex / length, g * ey / length, g * k * ra


@numba.njit(cache=True, inline="always")
@no_type_check
def _surface(x, y, ex, ey, ez, ra, rb, gx, gy, g0, gain):
    """Height of a capsule's surface over (x, y) of its own frame from its first end.

    In the picture's units, before it leans; -inf beside it.
    """
    t = min(1.0, max(0.0, gx * x + gy * y + g0))
    dx, dy = x - t * ex, y - t * ey
    r = ra + t * (rb - ra)
    left = r * r - dx * dx - dy * dy
    if left < 0.0:
        return -np.inf
    return t * ez + gain * np.sqrt(left)


@numba.njit(cache=True)
@no_type_check
def _first_part(start, stop, flat, lean, gain, part, points):
    n_frames, n_points = points.shape[:2]
    met = np.full((n_frames, n_points), -1, np.int64)
    for f in range(n_frames):
        nearest = np.full(n_points, -np.inf)
        for k in range(len(part)):
            a, b, m = start[f, k], stop[f, k], flat[f, k]
            px, py = b[0] - a[0], b[1] - a[1]
            ex, ey = m[0, 0] * px + m[0, 1] * py, m[1, 0] * px + m[1, 1] * py
            ez = b[2] - a[2] + lean[f, k, 0] * px + lean[f, k, 1] * py
            gx, gy, g0 = _axis(ex, ey, ez, a[3], b[3])
            for j in range(n_points):
                px, py = points[f, j, 0] - a[0], points[f, j, 1] - a[1]
                x, y = m[0, 0] * px + m[0, 1] * py, m[1, 0] * px + m[1, 1] * py
                near = _surface(x, y, ex, ey, ez, a[3], b[3], gx, gy, g0, gain[f, k])
                near += a[2] - lean[f, k, 0] * px - lean[f, k, 1] * py
                if near > nearest[j]:
                    nearest[j], met[f, j] = near, part[k]
    return met


@numba.njit(cache=True)
@no_type_check
def _scan(start, stop, flat, lean, gain, reach, origin, n, heights, hits):
    """Keep, for every ray, the nearest surface and whose it is."""
    rows, columns = heights.shape
    mid = (n - 1) / 2  # ray i of a pixel stands (i - mid) / n from its centre
    for k in range(len(gain)):
        a, b, m = start[k], stop[k], flat[k]
        px, py = b[0] - a[0], b[1] - a[1]
        ex, ey = m[0, 0] * px + m[0, 1] * py, m[1, 0] * px + m[1, 1] * py
        ez = b[2] - a[2] + lean[k, 0] * px + lean[k, 1] * py
        gx, gy, g0 = _axis(ex, ey, ez, a[3], b[3])
        wide, high = reach[k, 0] * max(a[3], b[3]), reach[k, 1] * max(a[3], b[3])
        left = max(0, int(np.floor((min(a[0], b[0]) - wide - origin[0]) * n + mid)))
        right = min(columns, int(np.ceil((max(a[0], b[0]) + wide - origin[0]) * n + mid)) + 1)
        top = max(0, int(np.floor((min(a[1], b[1]) - high - origin[1]) * n + mid)))
        low = min(rows, int(np.ceil((max(a[1], b[1]) + high - origin[1]) * n + mid)) + 1)
        for row in range(top, low):
            py = origin[1] + (row - mid) / n - a[1]
            for column in range(left, right):
                px = origin[0] + (column - mid) / n - a[0]
                x, y = m[0, 0] * px + m[0, 1] * py, m[1, 0] * px + m[1, 1] * py
                near = _surface(x, y, ex, ey, ez, a[3], b[3], gx, gy, g0, gain[k])
                near += a[2] - lean[k, 0] * px - lean[k, 1] * py
                if near > heights[row, column]:
                    heights[row, column] = near
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
    start, stop, flat, gain, lamp, flattened, stretch, along, material, mm, texels, origin, n,
    hits, tint, rim, gloss, hair, fur, colour, coverage,
):  # fmt: skip
    """Average over each pixel's rays: lamp on the surface, fur that rides on the body."""
    mid, share = (n - 1) / 2, 1.0 / (n * n)
    for row in range(hits.shape[0]):
        for column in range(hits.shape[1]):
            k = hits[row, column]
            if k < 0:
                continue
            a, b, m = start[k], stop[k], material[k]
            px, py = b[0] - a[0], b[1] - a[1]
            ex = flat[k, 0, 0] * px + flat[k, 0, 1] * py
            ey = flat[k, 1, 0] * px + flat[k, 1, 1] * py
            px, py = origin[0] + (column - mid) / n - a[0], origin[1] + (row - mid) / n - a[1]
            x = flat[k, 0, 0] * px + flat[k, 0, 1] * py
            y = flat[k, 1, 0] * px + flat[k, 1, 1] * py
            gx, gy, g0 = _axis(ex, ey, b[2] - a[2], a[3], b[3])
            t = min(1.0, max(0.0, gx * x + gy * y + g0))
            r = a[3] + t * (b[3] - a[3])
            dx, dy = (x - t * ex) / r, (y - t * ey) / r
            out2 = min(1.0, dx * dx + dy * dy)
            up = np.sqrt(1.0 - out2)
            # a flattened dome faces up
            rise = dx * flattened[k, 0] + dy * flattened[k, 1] + up * flattened[k, 2]
            norm = np.sqrt(gain[k] * gain[k] + stretch[k] * rise * rise) + 1e-6
            facing = (dx * lamp[k, 0] + dy * lamp[k, 1] + up * lamp[k, 2]) / norm
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
