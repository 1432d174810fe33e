"""What the labels say about good settings: scale, depth, window, view; each with its reason."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from gambol.core.skeleton import Skeleton
from gambol.nn.backbones.hourglass import HourglassSpec
from gambol.nn.backbones.unet import UNetSpec

Usual = HourglassSpec | UNetSpec

# of rising depth; see docs/networks.md, "Measured"
ALONE = tuple(HourglassSpec(filters=64, stacks=1, depth=depth) for depth in (3, 4))
CROWD = tuple(UNetSpec(rate=1.5, depth=depth) for depth in (2, 3, 4, 5))
SCALES = (1.0, 0.75, 0.5, 0.375, 0.25, 0.1875, 0.125)
BODY = 64.0  # network pixels that an animal's box should measure across, at least
APART = 6.5  # network pixels between neighbouring keypoints, at least
OVERVIEW = 192.0  # network pixels of a frame's longer side, at least


class Choice(NamedTuple):
    """Settings and why, one sentence each."""

    scale: float  # network pixels per video pixel
    backbone: Usual  # for those who ask for no other
    window: tuple[int, int]  # training window, width and height in network pixels
    whole: bool  # the window is the whole frame
    rotation: float  # ± degrees of augmentation
    flip: float  # probability of a mirror image
    channels: int  # 1 grey, 3 colour
    reasons: tuple[str, ...]


class Animal(NamedTuple):
    """Sizes in video pixels."""

    diagonal: float  # p95 of the bounding box of the labelled keypoints
    apart: float  # median distance of a keypoint to its nearest neighbour


def measure(xy: Float[np.ndarray, "N J 2"]) -> Animal:
    """Measure the animals; NaN keypoints do not count."""
    diagonals, nearest = [], []
    for points in xy:
        known = points[np.isfinite(points).all(axis=-1)]
        if len(known) < 2:
            continue
        diagonals.append(np.linalg.norm(known.max(axis=0) - known.min(axis=0)))
        gaps = np.linalg.norm(known[:, None] - known[None], axis=-1)
        np.fill_diagonal(gaps, np.inf)
        nearest.append(gaps.min(axis=1))
    if not diagonals:  # single keypoints say nothing about size
        return Animal(BODY, BODY)
    apart = max(float(np.median(np.concatenate(nearest))), 1e-6)
    return Animal(max(float(np.percentile(diagonals, 95)), 1.0), apart)


def choose(
    xy: Float[np.ndarray, "N J 2"],
    skeleton: Skeleton,
    size: tuple[int, int],
    images: list[UInt8[np.ndarray, "H W C"]],
    *,
    scale: float | None = None,
    multiple: int | None = None,
    nets: Sequence[Usual] = ALONE,
) -> Choice:
    """Choose settings for labels in frames of (width, height) `size`.

    `scale`, where given, is taken as it is and the rest follows from it. `multiple` is what the
    sides of windows are multiples of for a network of another kind than `nets`, of which the
    one of the right depth is chosen.
    """
    animal = measure(xy)
    reasons = []
    if scale is None:
        scale, reason = _scale(animal, max(size))
        reasons.append(reason)
    body = animal.diagonal * scale
    backbone, reason = _depth(body, nets)
    reasons += [reason] if multiple is None else []
    window, whole, reason = _window(body, scale, size, multiple or backbone.multiple)
    reasons.append(reason)
    rotation, flip, reason = _view(xy, skeleton)
    reasons.append(reason)
    channels, reason = _channels(images)
    reasons.append(reason)
    return Choice(scale, backbone, window, whole, rotation, flip, channels, tuple(reasons))


def _scale(animal: Animal, side: int) -> tuple[float, str]:
    need = max(BODY / animal.diagonal, APART / animal.apart, min(OVERVIEW / side, 1.0))
    fitting = [s for s in SCALES if s >= min(need, 1.0) * 0.93]
    scale = min(fitting)
    return scale, (
        f"scale {scale:g}: the animal measures {animal.diagonal:.0f} px and its keypoints lie "
        f"{animal.apart:.0f} px apart, so {scale:.0%} of the resolution is enough"
    )


def _depth(body: float, nets: Sequence[Usual]) -> tuple[Usual, str]:
    """Least depth whose middle block sees 1.5 bodies, or the greatest."""
    net = next((net for net in nets if net.middle_field >= 1.5 * body), nets[-1])
    return net, (
        f"{net.kind} of depth {net.depth}: it sees {net.field} px around a point, its "
        f"smallest grid {net.middle_field} px; the animal measures {body:.0f} px at this scale"
    )


def _window(
    body: float, scale: float, size: tuple[int, int], multiple: int
) -> tuple[tuple[int, int], bool, str]:
    """A window of twice the animal, unless that is most of the frame."""
    frame = tuple(_up(round(side * scale), multiple) for side in size)
    side = _up(1.9 * body, max(multiple, 32))
    if side * side > 0.6 * frame[0] * frame[1]:
        return (frame[0], frame[1]), True, "windows: whole frames, the animal fills them"
    cut = min(side, frame[0]), min(side, frame[1])
    return cut, False, f"windows: {cut[0]}×{cut[1]} px cut around the animal and elsewhere"


def _view(xy: Float[np.ndarray, "N J 2"], skeleton: Skeleton) -> tuple[float, float, str]:
    """From above, animals point everywhere; from the side, they do not."""
    # few labels of a free animal may point much the same way; a side camera's all do
    free = float(np.mean(_concentration(xy))) < 0.95
    flip = 0.5 if free and skeleton.flippable else 0.0
    seen = "in all directions: any rotation" if free else "one way: rotations up to 15°"
    mirrored = "mirrored too" if flip else "never mirrored"
    return (180.0 if free else 15.0), flip, f"augmentation: animals point {seen}, {mirrored}"


def _concentration(xy: Float[np.ndarray, "N J 2"]) -> Float[np.ndarray, " P"]:
    """Mean resultant length of the direction between far keypoints: 1 = always the same."""
    pairs = [(i, j) for j in range(xy.shape[1]) for i in range(j)]
    lengths, results = [0.0], [0.0]
    for i, j in pairs:
        arrow = xy[:, j] - xy[:, i]
        arrow = arrow[np.isfinite(arrow).all(axis=-1)]
        length = np.linalg.norm(arrow, axis=-1)
        if len(arrow) < 3 or length.min() == 0:
            continue
        lengths.append(float(np.median(length)))
        results.append(float(np.linalg.norm((arrow / length[:, None]).mean(axis=0))))
    far = np.array(lengths) >= 0.7 * max(lengths)
    return np.array(results)[far]


def _channels(images: list[UInt8[np.ndarray, "H W C"]]) -> tuple[int, str]:
    """Colour only where the frames have any."""
    spread = [float(np.ptp(image, axis=-1).mean()) for image in images if image.shape[-1] == 3]
    coloured = bool(spread) and float(np.mean(spread)) > 12.0  # grey levels of 255
    if coloured:
        return 3, "colour: the frames have it"
    return 1, "grey: the frames have next to no colour, and grey decodes three times faster"


def _up(value: float | int, multiple: int) -> int:
    return max(-(-round(value) // multiple), 1) * multiple
