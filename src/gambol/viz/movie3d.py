"""Films of 3D skeletons: fast pictures with perspective, a floor, shadows and trails.

Bones are drawn from the farthest to the nearest, paler with distance, each set off from what
is behind it by a rim; shadows and the grid on the floor show where an animal stands. One
picture takes about ten milliseconds, so recordings of any length can be drawn.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from gambol.core import pixels
from gambol.core.skeleton import Skeleton
from gambol.viz import orbit, overlay
from gambol.viz.colours import individual_colours, keypoint_colours
from gambol.viz.frames import resize
from gambol.viz.views import label

THICK = 0.019  # width of a bone over the animal's size
FOG = 0.55  # share of the background in what is farthest
UNSURE = 0.25  # opacity of a keypoint of confidence 0
_LIGHT, _NIGHT = (250, 250, 248), (24, 27, 31)
_CONTRAST = {False: (216, 220, 226), True: (54, 60, 68)}  # grid
_SHADOW = {False: (206, 209, 214), True: (14, 16, 18)}


class Look(NamedTuple):
    """From where, how large and in which light."""

    size: tuple[int, int] = (720, 720)  # px
    azimuth: float = -60.0  # degrees about up
    elevation: float = 22.0  # degrees above the floor
    turn: float = 0.0  # degrees per second: a slow orbit is 10
    zoom: float = 1.15
    trail: float = 2.0  # s of the root's path behind it
    follow: float = 0.0  # s over which the eye follows the animals; 0: it sees the whole arena
    dark: bool = False
    words: bool = True  # whether time and scale are written into the picture


class Film(NamedTuple):
    """What `picture` draws, prepared once for all frames."""

    xyz: Float[np.ndarray, "T N J 3"]
    times: Float[np.ndarray, " T"]  # s
    opacity: Float[np.ndarray, "T N J"]
    skeleton: Skeleton
    colours: UInt8[np.ndarray, "N J 3"]
    scene: orbit.Scene
    centre: Float[np.ndarray, "T 3"]  # where the eye looks
    root: Float[np.ndarray, "T N 3"]
    size: float  # of an animal, world units
    units: str
    names: tuple[str, ...]  # of the individuals
    look: Look


def prepare(
    xyz: Float[np.ndarray, "T N J 3"],
    times: Float[np.ndarray, " T"],
    skeleton: Skeleton,
    *,
    up: Float[np.ndarray, " 3"],
    units: str = "unknown",
    names: Sequence[str] = (),
    confidence: Float[np.ndarray, "T N J"] | None = None,
    look: Look | None = None,
) -> Film:
    """Collect what all pictures share.

    Args:
        xyz: world units; NaN where unknown.
        times: s, increasing.
        skeleton: of the animals.
        up: the world's axis that points up.
        units: of the world, for the scale.
        names: of the individuals.
        confidence: 0 to 1; becomes opacity. Certain where not given.
        look: from where.
    """
    look = look or Look()
    count, joints = xyz.shape[1:3]
    scene = orbit.scene(xyz, np.asarray(up, float))
    size = animal_size(xyz)
    roots = list(skeleton.roots)
    centre = np.broadcast_to(scene.centre, (len(xyz), 3))
    if look.follow > 0:
        centre = _followed(xyz, times, look.follow, scene)
        scene = scene._replace(radius=_reach(xyz, centre, size))
    sure = np.ones(xyz.shape[:3]) if confidence is None else np.nan_to_num(confidence)
    own = np.repeat(individual_colours(count)[:, None], joints, axis=1)
    alone = np.repeat(keypoint_colours(skeleton)[None], count, axis=0)
    return Film(
        np.asarray(xyz, float), np.asarray(times, float), UNSURE + (1 - UNSURE) * sure,
        skeleton, own if count > 1 else alone, scene, centre, _mean(xyz[:, :, roots], 2),
        size, units, tuple(names), look,
    )  # fmt: skip


def picture(film: Film, t: int) -> UInt8[np.ndarray, "H W 3"]:
    """Return the picture of frame t."""
    look = film.look
    scene = film.scene._replace(centre=film.centre[t])
    turned = look.azimuth + look.turn * float(film.times[t] - film.times[0])
    eye = orbit.eye(scene, turned, look.elevation, look.size, look.zoom)
    width, height = look.size
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = _NIGHT if look.dark else _LIGHT
    apart = _floor(canvas, scene, eye, look.dark)
    uv, depth = orbit.look(eye, film.xyz[t])
    _shadows(canvas, film, t, scene, eye)
    _trail(canvas, film, t, eye)
    _bodies(canvas, film, t, uv, depth, eye)
    unit = "units" if film.units == "unknown" else film.units
    if look.words:
        _write(canvas, f"{film.times[t]:.2f} s", 0, look.dark)
        _write(canvas, f"1 square = {apart:g} {unit}", 1, look.dark)
    if len(film.names) > 1:
        _names(canvas, film, uv)
    return canvas


def pictures(film: Film, frames: Sequence[int] | None = None) -> Iterator[np.ndarray]:
    """Yield the pictures (H, W, 3) of some frames, or of all in turn."""
    for t in range(len(film.xyz)) if frames is None else frames:
        yield picture(film, int(t))


def beside(
    left: UInt8[np.ndarray, "h w 3"], right: UInt8[np.ndarray, "H W 3"], name: str = ""
) -> UInt8[np.ndarray, "H W2 3"]:
    """Put a camera's view to the left of a picture, as high as it; even width and height.

    Args:
        left: of a camera, with or without a skeleton drawn.
        right: of `picture`.
        name: of the camera, written into its view.
    """
    high = right.shape[0] // 2 * 2
    scale = high / left.shape[0]
    wide = max(round(left.shape[1] * scale), 1)
    wide += (wide + right.shape[1]) % 2
    fitted = resize(left, pixels.resize(wide / left.shape[1], scale), (wide, high))
    fitted = np.array(fitted)
    if name:
        label(fitted, name)
    return np.concatenate([fitted, right[:high]], axis=1)


def animal_size(xyz: Float[np.ndarray, "T N J 3"]) -> float:
    """Return the median diagonal of the boxes around the animals, world units; 1 if unknown."""
    known = np.isfinite(xyz).all(axis=-1, keepdims=True)
    some = known.sum(axis=(2, 3)) > 1
    if not some.any():
        return 1.0
    low = np.where(known, xyz, np.inf).min(axis=2)[some]
    high = np.where(known, xyz, -np.inf).max(axis=2)[some]
    return float(np.median(np.linalg.norm(high - low, axis=-1))) or 1.0


def _mean(points: Float[np.ndarray, "*n 3"], axis: int | tuple[int, ...]) -> np.ndarray:
    """Mean of the known points; NaN where there is none."""
    known = np.isfinite(points).all(axis=-1, keepdims=True)
    count = known.sum(axis=axis)
    total = np.where(known, points, 0.0).sum(axis=axis)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _followed(
    xyz: Float[np.ndarray, "T N J 3"],
    times: Float[np.ndarray, " T"],
    seconds: float,
    scene: orbit.Scene,
) -> Float[np.ndarray, "T 3"]:
    """The middle of all animals, smoothed with a Gaussian of this sd; gaps are bridged."""
    from scipy.ndimage import gaussian_filter1d

    path = _mean(xyz, (1, 2))
    known = np.isfinite(path).all(axis=1)
    if not known.any():
        return np.broadcast_to(scene.centre, path.shape)
    filled = [np.interp(times, times[known], path[known, k]) for k in range(3)]
    apart = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    return gaussian_filter1d(np.stack(filled, 1), seconds / apart, axis=0, mode="nearest")


def _reach(
    xyz: Float[np.ndarray, "T N J 3"], centre: Float[np.ndarray, "T 3"], size: float
) -> float:
    """How far around the eye's aim the animals reach, most of the time."""
    far = np.linalg.norm(xyz - centre[:, None, None], axis=-1)
    known = far[np.isfinite(far)]
    return max(float(np.percentile(known, 99)), 0.6 * size) if len(known) else size


def _floor(canvas: np.ndarray, scene: orbit.Scene, eye: orbit.Eye, dark: bool) -> float:
    """Draw the grid and return how far its lines are apart."""
    lines, apart = orbit.floor(scene)
    uv, _ = orbit.look(eye, lines)
    for a, b in _fixed(uv[np.isfinite(uv).all(axis=(1, 2))]).tolist():
        cv2.line(canvas, a, b, _CONTRAST[dark], 1, cv2.LINE_AA, overlay.SHIFT)
    return apart


def _shadows(
    canvas: np.ndarray, film: Film, t: int, scene: orbit.Scene, eye: orbit.Eye
) -> None:
    """Draw what the bones throw onto the floor, straight down."""
    up = scene.axes[2]
    down = film.xyz[t] - (film.xyz[t] @ up - scene.floor)[..., None] * up
    uv, depth = orbit.look(eye, down)
    wide = 1.3 * THICK * film.size * eye.focal
    for animal, far in zip(uv, depth, strict=True):
        known, at = np.isfinite(far), _fixed(animal).tolist()
        for a, b in film.skeleton.drawn:
            if known[a] and known[b]:
                thick = max(1, round(2 * wide / (far[a] + far[b])))
                ink = _SHADOW[film.look.dark]
                cv2.line(canvas, at[a], at[b], ink, thick, cv2.LINE_AA, overlay.SHIFT)


def _trail(canvas: np.ndarray, film: Film, t: int, eye: orbit.Eye) -> None:
    """Draw the path of every root, the older the fainter."""
    first = int(np.searchsorted(film.times, film.times[t] - film.look.trail))
    if film.look.trail <= 0 or t - first < 1:
        return
    stride = max((t - first) // 120, 1)  # a longer line than the eye can resolve is thinned
    past = np.arange(t, first - 1, -stride)[::-1]
    uv, _ = orbit.look(eye, film.root[past])  # (L, N, 2)
    paper = np.array(_NIGHT if film.look.dark else _LIGHT, float)
    for n in range(uv.shape[1]):
        known, at = np.isfinite(uv[:, n]).all(axis=1), _fixed(uv[:, n]).tolist()
        colour = film.colours[n].mean(axis=0) if len(film.names) < 2 else film.colours[n, 0]
        for k in np.flatnonzero(known[1:] & known[:-1]).tolist():
            new = 0.75 * (k + 1) / len(past)
            ink = _blend(colour, paper, new)
            cv2.line(canvas, at[k], at[k + 1], ink, 2, cv2.LINE_AA, overlay.SHIFT)


def _bodies(
    canvas: np.ndarray,
    film: Film,
    t: int,
    uv: Float[np.ndarray, "N J 2"],
    depth: Float[np.ndarray, "N J"],
    eye: orbit.Eye,
) -> None:
    """Draw bones and keypoints of all animals from the farthest to the nearest."""
    paper = np.array(_NIGHT if film.look.dark else _LIGHT, float)
    at, known, opacity = _fixed(uv).tolist(), np.isfinite(depth), film.opacity[t]
    middle = np.linalg.norm(film.scene.centre - eye.at) if film.look.follow <= 0 else (
        np.linalg.norm(film.centre[t] - eye.at)
    )  # fmt: skip
    nearest, deep = middle - film.scene.radius, 2 * film.scene.radius
    things: list[tuple[float, int, int, int]] = []
    for n in range(len(uv)):
        for a, b in film.skeleton.drawn:
            if known[n, a] and known[n, b]:
                far = float(max(depth[n, a], depth[n, b]))  # before both of its ends
                things.append((far * (1 + 1e-9), n, a, b))
        things += [(float(depth[n, j]), n, j, -1) for j in np.flatnonzero(known[n]).tolist()]
    wide = THICK * film.size * eye.focal
    for far, n, a, b in sorted(things, reverse=True):
        fog = FOG * float(np.clip((far - nearest) / deep, 0, 1))
        joint = b if b >= 0 else a
        sure = float(opacity[n, a] if b < 0 else min(opacity[n, a], opacity[n, b]))
        ink = _blend(film.colours[n, joint], paper, (1 - fog) * sure)
        if b < 0:
            radius = max(wide / far * 0.95, 1.6)
            for extra, colour in ((1.2, _blend(paper, paper, 1)), (0.0, ink)):
                fixed = round((radius + extra) * (1 << overlay.SHIFT))
                cv2.circle(canvas, at[n][a], fixed, colour, -1, cv2.LINE_AA, overlay.SHIFT)
            continue
        thick = max(1, round(wide / far))
        rim = _blend(paper, paper, 1)
        for width, colour in ((thick + 2, rim), (thick, ink)):
            cv2.line(canvas, at[n][a], at[n][b], colour, width, cv2.LINE_AA, overlay.SHIFT)


def _names(canvas: np.ndarray, film: Film, uv: Float[np.ndarray, "N J 2"]) -> None:
    """Write the name of every animal above it."""
    scale = _font(canvas)
    for n, name in enumerate(film.names):
        known = uv[n][np.isfinite(uv[n]).all(axis=1)]
        if not len(known):
            continue
        plain = name.encode("ascii", "replace").decode()
        (wide, _), _ = cv2.getTextSize(plain, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
        x = int(np.clip(known[:, 0].mean() - wide / 2, 2, canvas.shape[1] - wide - 2))
        y = int(np.clip(known[:, 1].min() - 10, 14, canvas.shape[0] - 4))
        colour = tuple(int(v) for v in film.colours[n, 0])
        cv2.putText(
            canvas, plain, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA
        )


def _write(canvas: np.ndarray, text: str, line: int, dark: bool) -> None:
    """Write a line into the lower left corner, 0 being the upper one of two."""
    scale = _font(canvas)
    ink = (176, 183, 192) if dark else (92, 98, 107)
    y = canvas.shape[0] - 10 - (1 - line) * round(42 * scale)
    cv2.putText(canvas, text, (10, y), cv2.FONT_HERSHEY_SIMPLEX, scale, ink, 1, cv2.LINE_AA)


def _font(canvas: np.ndarray) -> float:
    return float(np.clip(canvas.shape[0] / 1200, 0.4, 0.9))


def _blend(colour: np.ndarray, paper: np.ndarray, opacity: float) -> tuple[int, int, int]:
    """A colour laid over the paper."""
    red, green, blue = (opacity * np.asarray(colour, float) + (1 - opacity) * paper).round()
    return int(red), int(green), int(blue)


def _fixed(points: Float[np.ndarray, "*n 2"]) -> Int[np.ndarray, "*n 2"]:
    """Points as OpenCV takes them; 0 for those that are not known, which nobody draws."""
    near = np.clip(np.nan_to_num(points), -overlay.BOUND, overlay.BOUND)
    return np.asarray(np.rint(near * (1 << overlay.SHIFT)), np.int32)
