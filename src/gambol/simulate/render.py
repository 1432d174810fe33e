"""From poses to pictures: animals on the arena, their shadow, the shutter, the sensor.

A frame depends on the bodies and on its own random generator alone, so frames can be drawn
in any order. Only the surroundings of an animal are redrawn.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from scipy.ndimage import gaussian_filter

from gambol.core.errors import InputError
from gambol.simulate.arena import Arena
from gambol.simulate.capsules import Capsules, Paint, Picture, Window, bounds, paint

# reflectance of fur, ear, skin and tail; with the eyes, the order of mouse.MATERIALS
COATS = {
    "black": [(0.13, 0.12, 0.12), (0.46, 0.37, 0.36), (0.66, 0.50, 0.48), (0.40, 0.34, 0.33)],
    "agouti": [(0.36, 0.28, 0.20), (0.55, 0.42, 0.38), (0.70, 0.53, 0.50), (0.50, 0.42, 0.39)],
    "albino": [(0.93, 0.91, 0.87), (0.88, 0.68, 0.66), (0.92, 0.70, 0.68), (0.85, 0.68, 0.65)],
}
_EYES = {"black": (0.02, 0.02, 0.02), "agouti": (0.03, 0.02, 0.02), "albino": (0.5, 0.1, 0.1)}
_HAIR = {"black": 0.24, "agouti": 0.20, "albino": 0.07}
_TONES = {"black": (0.75, 1.7), "agouti": (0.78, 1.3), "albino": (0.80, 1.04)}
_LAMP = np.array([-0.42, -0.50, 0.757], np.float32)


class Sensor(NamedTuple):
    """What stands between the scene and the file."""

    channels: int  # 1 grey, 3 red green blue
    noise: float  # sd, grey levels
    jpeg_quality: int  # of a round trip; 0 leaves it out
    subsamples: int  # rays a pixel and axis, per pose


def coat(rng: np.random.Generator, name: str) -> Paint:
    """Return the look of a coat, with a tile of fur combed along the body."""
    hairs, patches = (
        gaussian_filter(rng.standard_normal((256, 128), np.float32), width, mode="wrap")
        for width in ((3.6, 0.9), 9.0)
    )
    return Paint(
        colour=np.array([*COATS[name], _EYES[name]], np.float32),
        rim=np.array([0.62, 1.25, 0.75, 0.7, 0.8], np.float32),
        gloss=np.array([0.030, 0.0, 0.02, 0.03, 0.45], np.float32),
        hair=np.array([_HAIR[name], 0.0, 0.0, 0.0, 0.0], np.float32),
        fur=(0.9 * hairs / hairs.std() + 0.45 * patches / patches.std()).astype(np.float32),
        texel=0.5,
        light=_LAMP,
    )


def coats(
    rng: np.random.Generator, name: str, n_animals: int, *, identical: bool = False
) -> Paint:
    """Return the looks of N animals with one coat, materials one animal after the other.

    Unless identical, furs differ in brightness, in even steps in random order; the coat of a
    lone animal is as it is.
    """
    look = coat(rng, name)
    tones = np.ones(n_animals)
    if n_animals > 1 and not identical:
        tones = rng.permutation(np.geomspace(*_TONES[name], n_animals))
    tints = np.ones((n_animals, len(look.colour), 1), np.float32)
    tints[:, 0, 0] = tones
    tints[:, 1, 0] = np.sqrt(tones)  # ears vary less
    return look._replace(
        colour=(tints * look.colour).reshape(-1, 3),
        rim=np.tile(look.rim, n_animals),
        gloss=np.tile(look.gloss, n_animals),
        hair=np.tile(look.hair, n_animals),
    )


def frames(
    draw: Callable[[int], UInt8[np.ndarray, "H W C"]],
    indices: Sequence[int],
    n_frames: int,
    shape: tuple[int, int, int],
) -> UInt8[np.ndarray, "B H W C"]:
    """Draw frames by index, in the order asked for; of a film of `n_frames`."""
    drawn = np.empty((len(indices), *shape), np.uint8)
    for slot, index in enumerate(indices):
        if not 0 <= index < n_frames:
            raise InputError(f"frame {index} is not simulated; there are 0 to {n_frames - 1}")
        drawn[slot] = draw(int(index))
    return drawn


class Layer(NamedTuple):
    """Surfaces that hide each other by height, and everything drawn before them."""

    poses: Sequence[Capsules]  # those that the shutter lets through
    opacity: float = 1.0


def develop(
    arena: Arena,
    look: Paint,
    layers: Sequence[Layer],
    sensor: Sensor,
    rng: np.random.Generator,
) -> UInt8[np.ndarray, "H W C"]:
    """Draw one frame: layers upon the arena, each the mean over its poses."""
    scene = arena.reflectance * arena.light
    for layer in layers:
        lay(scene, arena, look, layer, sensor.subsamples)
    return _sense(scene, sensor, rng)


def lay(
    scene: Float32[np.ndarray, "H W 3"], arena: Arena, look: Paint, layer: Layer, rays: int
) -> None:
    """Draw a layer, and its shadow if the arena has shadows, into a lit scene."""
    height, width = scene.shape[:2]
    scale = layer.poses[0].scale
    margin = 16.0 * scale if arena.shadow else 1.0
    window = union([bounds(pose, (width, height), margin) for pose in layer.poses])
    if window.width == 0 or window.height == 0:
        return
    picture = _expose([paint(pose, window, look, rays) for pose in layer.poses])
    rows = slice(window.y, window.y + window.height)
    columns = slice(window.x, window.x + window.width)
    shade = shadow(picture.coverage, scale)[..., None] if arena.shadow else 1.0
    share = layer.opacity
    under = scene[rows, columns] * shade * (1.0 - share * picture.coverage[..., None])
    scene[rows, columns] = under + share * picture.colour * arena.light[rows, columns]


def clusters(windows: Sequence[Window]) -> list[list[int]]:
    """Put windows that overlap, directly or through others, together."""
    groups: list[tuple[list[int], Window]] = []
    for n, window in enumerate(windows):
        members, span = [n], window
        apart = []
        for group in groups:
            if _overlap(group[1], span):
                members, span = group[0] + members, union([group[1], span])
            else:
                apart.append(group)
        groups = [*apart, (members, span)]
    return [sorted(members) for members, _ in groups]


def _overlap(a: Window, b: Window) -> bool:
    beside = a.x >= b.x + b.width or b.x >= a.x + a.width
    return not (beside or a.y >= b.y + b.height or b.y >= a.y + a.height)


def union(windows: Sequence[Window]) -> Window:
    """Return the smallest window that holds all."""
    x, y = min(w.x for w in windows), min(w.y for w in windows)
    right, low = max(w.x + w.width for w in windows), max(w.y + w.height for w in windows)
    return Window(x, y, right - x, low - y)


def _expose(pictures: list[Picture]) -> Picture:
    if len(pictures) == 1:
        return pictures[0]
    colour, coverage = (np.mean(parts, axis=0) for parts in zip(*pictures, strict=True))
    return Picture(colour, coverage)


def shadow(coverage: Float32[np.ndarray, "h w"], scale: float) -> Float32[np.ndarray, "h w"]:
    """Light that is left on the floor: less beside the body, least away from the lamp."""
    contact = cv2.GaussianBlur(coverage, (0, 0), 2.2 * scale)
    away = np.eye(2, 3, dtype=np.float32)
    away[:, 2] = -9.0 * scale * _LAMP[:2]
    cast = cv2.warpAffine(coverage, away, coverage.shape[::-1])
    cast = cv2.GaussianBlur(cast, (0, 0), 4.0 * scale)
    light: np.ndarray = (1.0 - 0.32 * contact) * (1.0 - 0.42 * cast)
    return light


def _sense(
    scene: Float32[np.ndarray, "H W 3"], sensor: Sensor, rng: np.random.Generator
) -> UInt8[np.ndarray, "H W C"]:
    """Grey levels 0 to 255: noise, quantisation, compression."""
    signal = scene
    if sensor.channels == 1:
        signal = cv2.cvtColor(scene, cv2.COLOR_RGB2GRAY)[..., None]
    noise = np.zeros_like(signal)
    if sensor.noise > 0.0:
        rng.standard_normal(out=noise, dtype=np.float32)
    # scales, adds, rounds and cuts to 0 to 255 in one pass
    frame = cv2.addWeighted(signal, 255.0, noise, sensor.noise, 0.0, dtype=cv2.CV_8U)
    frame = frame.reshape(signal.shape)
    return through_jpeg(frame, sensor.jpeg_quality) if sensor.jpeg_quality else frame


def through_jpeg(frame: UInt8[np.ndarray, "H W C"], quality: int) -> UInt8[np.ndarray, "H W C"]:
    """Compress a frame and read it back."""
    colour = frame.shape[2] == 3
    order = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR) if colour else frame
    _, data = cv2.imencode(".jpg", order, [cv2.IMWRITE_JPEG_QUALITY, quality])
    kind = cv2.IMREAD_COLOR if colour else cv2.IMREAD_GRAYSCALE
    read = np.asarray(cv2.imdecode(data, kind))
    return cv2.cvtColor(read, cv2.COLOR_BGR2RGB) if colour else read[..., None]
