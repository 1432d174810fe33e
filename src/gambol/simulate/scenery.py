"""An arena in space and what a camera sees of it: floor, far walls, the table around, light.

The walls between a camera and the floor are of glass. The floor's texture is that of the arena
from above; every pixel is the mean over rays that go through the lens.
"""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Float32

from gambol.core.cameras import Camera
from gambol.kernels import projection
from gambol.simulate import arena, chamber
from gambol.simulate.body3d import Animal

_DETAIL = {"mouse": 2.0, "fly": 40.0}  # px of the floor's texture per mm
_WALL = {"mouse": 70.0, "fly": 1.6}  # mm
_FACES = {  # reflectance of the walls at the least x and y, then at the greatest
    "mouse": (0.40, 0.33, 0.47, 0.52),
    "bright": (0.16, 0.14, 0.18, 0.17),
    "dark": (0.05, 0.04, 0.06, 0.05),
}
_TABLE = {"mouse": 0.20, "bright": 0.10, "dark": 0.03}
_CORNERS = 0.14  # by which a lens dims the image's corners
_NOWHERE = -1e6


class Scenery(NamedTuple):
    """What stands still."""

    floor: Float[np.ndarray, "2 2"]  # corners, least x and y first, mm
    detail: float  # px of the texture per mm
    texture: Float32[np.ndarray, "H W 3"]  # of the floor; its first row has the greatest y
    light: Float32[np.ndarray, "H W 1"]  # on the floor, about 1
    wall: float  # mm
    faces: tuple[float, float, float, float]
    table: float  # reflectance of what is around
    shadow: bool  # whether bodies shade the floor


class Backdrop(NamedTuple):
    """What a camera sees while no animal is there."""

    scene: Float32[np.ndarray, "H W 3"]  # lit
    light: Float32[np.ndarray, "H W 1"]  # on what is at a pixel, and through the lens
    floor: Float32[np.ndarray, "H W 2"]  # px of the floor's texture; far outside elsewhere


def furnish(
    rng: np.random.Generator,
    animal: Animal,
    floor: Float[np.ndarray, "2 2"],
    *,
    ground: chamber.Ground = "bright",
    unevenness: float = 0.13,
) -> Scenery:
    """Build an arena.

    Args:
        rng: draws the texture; the same state gives the same arena.
        animal: mouse or fly.
        floor: corners, mm.
        ground: of flies: lit from below, or black.
        unevenness: sd of the light over the floor, as a share of its mean.
    """
    detail = _DETAIL[animal]
    width, height = np.ceil(detail * (floor[1] - floor[0])).astype(int) + 1
    share = 0.06 if animal == "mouse" else 0.05  # of the smaller side is wall, on each side
    wall = int(np.ceil(share * min(width, height) / (1 - 2 * share))) + 1
    size = int(width + 2 * wall), int(height + 2 * wall)
    above = (
        arena.furnish(rng, size, detail, unevenness)
        if animal == "mouse"
        else chamber.furnish(rng, size, detail, unevenness, ground)
    )
    inside = slice(wall, wall + height), slice(wall, wall + width)
    kind = "mouse" if animal == "mouse" else ground
    return Scenery(
        floor, detail, above.reflectance[inside], above.light[inside], _WALL[animal],
        _FACES[kind], _TABLE[kind], above.shadow,
    )  # fmt: skip


def backdrop(scenery: Scenery, camera: Camera, rays: int = 2) -> Backdrop:
    """Draw the empty arena, with `rays` squared rays a pixel."""
    if camera.size is None:
        raise ValueError(f"camera {camera.name} has no image size")
    width, height = camera.size
    x, y = np.meshgrid(np.arange(width, dtype=float), np.arange(height, dtype=float))
    centre = np.stack([x, y], axis=-1)
    scene = np.zeros((height, width, 3), np.float32)
    for row in range(rays):
        for column in range(rays):
            shift = (np.array([column, row]) - (rays - 1) / 2) / rays
            scene += _look(scenery, camera, centre + shift)[0] / rays**2
    _, light, floor = _look(scenery, camera, centre)
    lens = _lens(camera.size)
    return Backdrop(scene * lens, light * lens, floor)


def shade(
    scene: Float32[np.ndarray, "H W 3"],
    floor: Float32[np.ndarray, "H W 2"],
    light: Float32[np.ndarray, "h w"],
    corner: tuple[int, int],
) -> None:
    """Throw a shadow on the floor of a lit scene.

    Args:
        scene: what a camera sees; darkened in place.
        floor: which px of the floor's texture each pixel shows.
        light: share of light that is left in a window of that texture.
        corner: first column and row of the window.
    """
    u, v = floor[..., 0] - corner[0], floor[..., 1] - corner[1]
    hit = (u > -1) & (v > -1) & (u < light.shape[1]) & (v < light.shape[0])
    rows, columns = np.flatnonzero(hit.any(axis=1)), np.flatnonzero(hit.any(axis=0))
    if not len(rows):
        return
    part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    left = cv2.remap(
        light, u[part], v[part], cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT, borderValue=1.0,
    )  # fmt: skip
    scene[part] *= left[..., None]


def _look(
    scenery: Scenery, camera: Camera, uv: Float[np.ndarray, "H W 2"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Follow one ray a pixel: lit colour, light, place on the floor's texture."""
    shape = uv.shape[:2]
    origin, along = projection.rays(uv.reshape(-1, 2), camera.params())
    blind = ~np.isfinite(along).all(axis=1)
    origin, along = (
        np.where(blind[:, None], 0.0, origin),
        np.where(blind[:, None], _DOWN, along),
    )
    low, high = scenery.floor
    near = np.full(len(along), np.inf)
    colour = np.full((len(along), 3), scenery.table, np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        for side, (axis, wall) in enumerate(((0, low), (1, low), (0, high), (1, high))):
            inward = 1.0 if wall is low else -1.0
            far = (wall[axis] - origin[:, axis]) / along[:, axis]
            at = origin + far[:, None] * along
            other = 1 - axis
            hit = (along[:, axis] * inward < 0) & (far > 0) & (far < near)
            hit &= (at[:, other] >= low[other]) & (at[:, other] <= high[other])
            hit &= (at[:, 2] >= 0) & (at[:, 2] <= scenery.wall)
            near[hit] = far[hit]
            colour[hit] = _wall(scenery, side, at[hit, 2])
        far = -origin[:, 2] / along[:, 2]
        ground = origin + far[:, None] * along
    place = (ground[:, :2] - [low[0], high[1]]) * [scenery.detail, -scenery.detail]
    on_floor = (far > 0) & (far < near) & (ground[:, :2] >= low).all(1)
    on_floor &= (ground[:, :2] <= high).all(1) & ~blind
    place = np.where(((far > 0) & ~blind)[:, None], place, _NOWHERE).astype(np.float32)
    place = place.reshape(*shape, 2)
    u, v = place[..., 0], place[..., 1]
    light = cv2.remap(scenery.light, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    texture = cv2.remap(scenery.texture, u, v, cv2.INTER_LINEAR,
                        borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
    there = on_floor.reshape(shape)
    colour = np.where(there[..., None], texture, colour.reshape(*shape, 3))
    colour[blind.reshape(shape)] = 0.0
    light = light[..., None]
    lit = np.isfinite(near).reshape(shape) | there  # the table has a light of its own
    place[~there] = _NOWHERE
    return np.where(lit[..., None], colour * light, colour), light, place


_DOWN = np.array([0.0, 0.0, -1.0])


def _wall(scenery: Scenery, side: int, z: Float[np.ndarray, " N"]) -> Float[np.ndarray, "N 3"]:
    """Matt plastic, darker at its foot, with a bright rim."""
    share = z / scenery.wall
    face = scenery.faces[side] * (0.72 + 0.28 * np.clip(6 * share, 0, 1)) * (1 - 0.2 * share)
    face = face + 0.2 * scenery.faces[side] * (share > 0.96)
    return np.asarray(face[:, None] * np.array([0.98, 1.0, 1.02]))


def _lens(size: tuple[int, int]) -> Float32[np.ndarray, "H W 1"]:
    """Share of light that a lens lets through to each pixel."""
    width, height = size
    x, y = np.linspace(-1, 1, width)[None, :], np.linspace(-1, 1, height)[:, None]
    away = (x * x * width**2 + y * y * height**2) / (width**2 + height**2)
    return (1.0 - _CORNERS * away)[..., None].astype(np.float32)
