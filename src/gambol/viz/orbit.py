"""An eye that goes round a scene: where points of the world come to in a picture of it.

Shared by the film of skeletons, the picture of a rig and the interactive page. Lines of the
world are arrays (M, 2, 3): both ends of each.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from gambol.core.cameras import Camera, Rig
from gambol.kernels import projection
from gambol.viz.colours import from_oklab, individual_colours, to_oklab

FIELD = 32.0  # degrees that the eye sees across: near enough for depth, far from distortion
NEAR = 0.02  # of the scene's radius: what is nearer to the eye is not drawn
TAIL = 0.5  # % of points on either side that the extent leaves out: outliers make no scene
_WIDE = (0.09, 1.5)  # tangents between which a pyramid's half angle is drawn
_DARK = 0.66  # Oklab lightness of lines that show on white and on black
_STEPS = (1.0, 2.0, 5.0, 10.0)


class Scene(NamedTuple):
    """A ball of the world that holds what there is to see, and the floor below it."""

    centre: Float[np.ndarray, " 3"]
    radius: float  # world units
    floor: float  # height along up
    axes: Float[np.ndarray, "3 3"]  # rows: two along the floor, then up; right-handed


class Eye(NamedTuple):
    """Where one looks from; x right, y down, z forward."""

    turn: Float[np.ndarray, "3 3"]  # from the world's axes
    at: Float[np.ndarray, " 3"]
    focal: float  # px
    middle: Float[np.ndarray, " 2"]  # px
    near: float  # world units


def axes(up: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "3 3"]:
    """Return a right-handed frame whose third row is `up`, the first nearest to the world's x.

    >>> axes(np.array([0.0, 0.0, 2.0])).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    third = np.asarray(up, float) / np.linalg.norm(up)
    aside = np.eye(3)[0 if abs(third[0]) < 0.9 else 1]
    first = aside - third * (aside @ third)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(third, first), third])


def scene(points: Float[np.ndarray, "*n 3"], up: Float[np.ndarray, " 3"]) -> Scene:
    """Return the scene of points; NaN is left out, and so are the farthest on every side."""
    frame = axes(up)
    known = points[np.isfinite(points).all(axis=-1)]
    if not len(known):
        return Scene(np.zeros(3), 1.0, 0.0, frame)
    low, high = np.percentile(known @ frame.T, [TAIL, 100 - TAIL], axis=0)
    radius = float(np.linalg.norm(high - low)) / 2
    return Scene((low + high) / 2 @ frame, radius if radius > 0 else 1.0, float(low[2]), frame)


def eye(
    seen: Scene,
    azimuth: float,
    elevation: float,
    size: tuple[int, int],
    zoom: float = 1.0,
) -> Eye:
    """Return the eye that looks at the middle of a scene and holds all of it.

    Args:
        seen: what it looks at.
        azimuth: of the eye as seen from the middle, degrees about up.
        elevation: above the floor, degrees.
        size: width and height of the picture, px.
        zoom: 2 shows everything twice as large.
    """
    a, e = np.radians(azimuth), np.radians(elevation)
    first, second, up = seen.axes
    towards = np.cos(a) * first + np.sin(a) * second
    right = np.cos(a) * second - np.sin(a) * first
    forward = -(np.cos(e) * towards + np.sin(e) * up)
    turn = np.stack([right, np.cross(forward, right), forward])
    half = np.radians(FIELD / 2)
    far = seen.radius / np.sin(half)
    focal = zoom * min(size) / 2 / np.tan(half)
    middle = np.array([(size[0] - 1) / 2, (size[1] - 1) / 2])
    return Eye(turn, seen.centre - far * forward, focal, middle, NEAR * seen.radius)


def look(
    eye: Eye, points: Float[np.ndarray, "*n 3"]
) -> tuple[Float[np.ndarray, "*n 2"], Float[np.ndarray, "*n"]]:
    """Return px and the depth (world units) of points; NaN what is unknown or behind."""
    there = (points - eye.at) @ eye.turn.T
    depth = np.where(there[..., 2] > eye.near, there[..., 2], np.nan)
    return eye.focal * there[..., :2] / depth[..., None] + eye.middle, depth


def step(length: float) -> float:
    """Return the roundest length of 1, 2 or 5 times a power of ten that is not above.

    >>> step(37.0), step(0.2), step(999.0)
    (20.0, 0.2, 500.0)
    """
    power = 10.0 ** np.floor(np.log10(length))
    fits = [s * power for s in _STEPS if s * power <= length * (1 + 1e-9)]
    return float(fits[-1])


def floor(seen: Scene, lines: int = 10) -> tuple[Float[np.ndarray, "M 2 3"], float]:
    """Return the lines of a grid on the floor below a scene, and how far apart they are."""
    apart = step(2 * seen.radius / lines * 1.6)
    middle = seen.centre @ seen.axes.T
    found = []
    for along in (0, 1):
        across = 1 - along
        low, high = np.array([-1.0, 1.0]) * seen.radius + middle[across]
        for value in np.arange(np.ceil(low / apart), np.floor(high / apart) + 1) * apart:
            half = np.sqrt(max(seen.radius**2 - (value - middle[across]) ** 2, 0.0))
            ends = np.zeros((2, 3))
            ends[:, across], ends[:, 2] = value, seen.floor
            ends[:, along] = middle[along] + np.array([-half, half])
            found.append(ends)
    return np.array(found).reshape(-1, 2, 3) @ seen.axes, apart


def rig_scene(rig: Rig, points: Float[np.ndarray, "*n 3"] | None = None) -> Scene:
    """Return the scene that holds all cameras and the points that they look at.

    An affine camera, infinitely far, is shown where the others are far, or at 3 units of the
    points' extent.
    """
    target = aim(rig)
    given = [] if points is None else [points.reshape(-1, 3)]
    given = [p[np.isfinite(p).all(axis=-1)] for p in given]
    centres = np.array([c.centre for c in rig.values()])
    known = [centres[np.isfinite(centres).all(axis=-1)], target[None], *given]
    ends = np.concatenate(known)
    frame = axes(np.array(rig.up, float))
    seen = ends @ frame.T
    radius = float(np.linalg.norm(ends - target, axis=1).max())
    low, high = seen.min(axis=0), seen.max(axis=0)
    floor = float((given[0] @ frame.T)[:, 2].min()) if given and len(given[0]) else low[2]
    half = float(np.linalg.norm(high - low)) / 2
    middle = (low + high) / 2 @ frame
    return Scene(middle, 1.1 * half if half > 0 else max(radius, 1.0), float(floor), frame)


def letter(axis: Float[np.ndarray, " 3"]) -> str:
    """Name an axis of the world, "" where it is none of them."""
    k = int(np.abs(axis).argmax())
    if abs(axis[k]) < 0.999:
        return ""
    return ("" if axis[k] > 0 else "-") + "xyz"[k]


def camera_colours(count: int) -> UInt8[np.ndarray, "count 3"]:
    """Return colours of cameras: those of individuals, dark enough for thin lines."""
    lab = to_oklab(individual_colours(count))
    lab[:, 0] = np.minimum(lab[:, 0], _DARK)
    return from_oklab(lab)


def aim(rig: Rig) -> Float[np.ndarray, " 3"]:
    """Return the point nearest to where all cameras look (least squares over their axes)."""
    matrix, right = np.zeros((3, 3)), np.zeros(3)
    for camera in rig.values():
        forward = camera.forward
        if camera.kind == "affine":
            middle = np.array([0.0, 0.0]) if camera.size is None else np.array(camera.size) / 2
            at = projection.rays(middle[None], camera.params())[0][0]
        else:
            at = camera.centre
        across = np.eye(3) - np.outer(forward, forward)
        matrix, right = matrix + across, right + across @ at
    return np.linalg.lstsq(matrix, right, rcond=1e-9)[0]


def outline(
    camera: Camera, length: float, target: Float[np.ndarray, " 3"]
) -> tuple[Float[np.ndarray, "M 2 3"], Float[np.ndarray, " 3"]]:
    """Return the lines of a camera's pyramid, and where its name goes.

    A pinhole camera is its centre and the image `length` in front, with a mark at the upper
    edge; an affine one is a box that stands away from the target.
    """
    corners, directions = _corners(camera)
    if camera.kind == "affine":
        back = corners + directions * ((target - corners) * directions).sum(1)[:, None]
        size = float(np.linalg.norm(back - back.mean(axis=0), axis=1).max())
        shrink = back.mean(axis=0) + (back - back.mean(axis=0)) * min(length / size, 1.0)
        back = shrink - 4 * length * directions
        front = back + length * directions
    else:
        back = corners
        front = corners + directions * (length / (directions @ camera.forward))[:, None]
    middle = back.mean(axis=0)
    high = front[0] + front[1]
    mark = high / 2 + 0.35 * (high / 2 - front.mean(axis=0))
    lines = [(front[k], front[(k + 1) % 4]) for k in range(4)]
    lines += [(back[k], front[k]) for k in range(4)]
    lines += [(front[0], mark), (mark, front[1])]
    if camera.kind == "affine":
        lines += [(back[k], back[(k + 1) % 4]) for k in range(4)]
    return np.array(lines), middle


def _corners(camera: Camera) -> tuple[Float[np.ndarray, "4 3"], Float[np.ndarray, "4 3"]]:
    """Where the rays of the image's corners start, and their directions; without lens."""
    if camera.kind == "affine":
        width, height = camera.size or (640, 480)
        uv = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
        return projection.rays(uv, camera.params())
    focal, middle = camera.matrix[[0, 1], [0, 1]], camera.matrix[[0, 1], [2, 2]]
    width, height = camera.size or (2 * middle[0], 2 * middle[1])
    uv = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    there = np.column_stack([(uv - middle) / focal, np.ones(4)])
    wide = float(np.abs(there[:, :2]).max())
    there[:, :2] *= np.clip(wide, *_WIDE) / wide  # a needle or a plane is no pyramid to see
    along = there @ camera.turn
    start = np.broadcast_to(camera.centre, along.shape).copy()
    return start, along / np.linalg.norm(along, axis=1, keepdims=True)
