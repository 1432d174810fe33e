"""Labelled frames as training windows and as whole frames for validation, in network pixels.

Frames enter once, already shrunk to the network's scale (`shrink`), and stay in memory. All
randomness of a sample comes from (seed, step, place in the batch), so results depend neither
on the number of workers nor on where a run was interrupted.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from gambol.core import pixels
from gambol.core.labels import Visibility
from gambol.core.skeleton import Skeleton
from gambol.nn import augment
from gambol.nn.targets import Scene, boxes
from gambol.pose import crops, upright
from gambol.pose.crops import Aim


class Frames(NamedTuple):
    """N labelled frames of up to I animals each, in network pixels."""

    images: list[UInt8[np.ndarray, "_ _ C"]]  # sizes may differ
    xy: Float[np.ndarray, "N I J 2"]  # network pixels
    visibility: UInt8[np.ndarray, "N I J"]  # absent in the rows beyond the last animal
    to_video: Float[np.ndarray, "N 2 3"]  # network pixels to video pixels
    identity: Int[np.ndarray, "N I"]  # class of each animal; -1 where unknown
    complete: Bool[np.ndarray, " N"]  # every animal is labelled, so the rest is background
    # polygons without loss, network pixels; NaN beyond the last corner
    ignored: Float[np.ndarray, "N P K 2"]

    def select(self, rows: Int[np.ndarray, " n"]) -> "Frames":
        """Return some of the frames."""
        return Frames([self.images[int(i)] for i in rows], *(part[rows] for part in self[1:]))

    def polygons(self, row: int) -> list[Float[np.ndarray, "_ 2"]]:
        """Return the polygons without loss of a frame, network pixels."""
        corners = [padded[np.isfinite(padded[:, 0])] for padded in self.ignored[row]]
        return [polygon for polygon in corners if len(polygon)]


class Batch(NamedTuple):
    """What one training step sees."""

    image: UInt8[Tensor, "B C H W"]
    scene: Scene  # in pixels of the window


def shrink(image: UInt8[np.ndarray, "H W C"], scale: float) -> UInt8[np.ndarray, "h w C"]:
    """Resize a video frame to network scale, with antialiasing where it gets smaller."""
    if scale == 1.0:
        return image
    size = network_size(image.shape[1], image.shape[0], scale)
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(image, size, interpolation=kind).reshape(size[1], size[0], -1)


def network_size(width: int, height: int, scale: float) -> tuple[int, int]:
    """Width and height of a video frame at network scale."""
    return max(round(width * scale), 1), max(round(height * scale), 1)


def from_video_map(width: int, height: int, scale: float) -> Float[np.ndarray, "2 3"]:
    """Map video pixels of a frame of this size to network pixels, exactly as `shrink` does."""
    w, h = network_size(width, height, scale)
    return pixels.resize(w / width, h / height)


def make_frames(
    images: list[UInt8[np.ndarray, "_ _ C"]],
    xy: Float[np.ndarray, "N I J 2"],
    visibility: UInt8[np.ndarray, "N I J"],
    scale: float,
    identity: Int[np.ndarray, "N I"] | None = None,
    complete: Bool[np.ndarray, " N"] | None = None,
    ignored: Sequence[list[Float[np.ndarray, "_ 2"]]] | None = None,
) -> Frames:
    """Shrink video frames and their labels to network scale.

    Args:
        images: video frames.
        xy: video pixels.
        visibility: codes of `core.labels.Visibility`.
        scale: network pixels per video pixel.
        identity: class of each animal; unknown by default.
        complete: whether every animal of a frame is labelled; true by default.
        ignored: polygons without loss of every frame, video pixels; none by default.
    """
    maps = [from_video_map(i.shape[1], i.shape[0], scale) for i in images]
    small = [shrink(image, scale) for image in images]
    return Frames(
        small,
        _moved(xy, maps),
        visibility,
        np.stack([pixels.invert(m) for m in maps]),
        np.full(xy.shape[:2], -1) if identity is None else identity,
        np.ones(len(xy), bool) if complete is None else complete,
        _padded(ignored or [[]] * len(maps), maps),
    )


def _padded(
    polygons: Sequence[list[Float[np.ndarray, "_ 2"]]], maps: list[Float[np.ndarray, "2 3"]]
) -> Float[np.ndarray, "N P K 2"]:
    """Put the polygons of all frames, moved by their maps, into one array."""
    most = max(map(len, polygons), default=0)
    corners = max((len(polygon) for some in polygons for polygon in some), default=0)
    padded = np.full((len(polygons), most, corners, 2), np.nan)
    for i, some in enumerate(polygons):
        for k, polygon in enumerate(some):
            padded[i, k, : len(polygon)] = pixels.apply(maps[i], polygon)
    return padded


def _moved(
    points: Float[np.ndarray, "*some 2"], maps: list[Float[np.ndarray, "2 3"]]
) -> Float[np.ndarray, "*some 2"]:
    """Move the points of each frame by its map."""
    return np.stack([pixels.apply(m, p) for m, p in zip(maps, points, strict=True)])


def one_by_one(frames: Frames) -> Frames:
    """Return a row per animal, who comes first in it, followed by its neighbours."""
    rows, firsts = np.nonzero(np.isfinite(frames.xy).all(axis=-1).any(axis=-1))
    order = np.argsort(
        np.arange(frames.xy.shape[1])[None] != firsts[:, None], axis=1, kind="stable"
    )
    some = frames.select(rows)
    return some._replace(
        xy=np.take_along_axis(some.xy, order[..., None, None], axis=1),
        visibility=np.take_along_axis(some.visibility, order[..., None], axis=1),
        identity=np.take_along_axis(some.identity, order, axis=1),
    )


def focus(frames: Frames) -> Frames:
    """Keep the first animal of each row; its neighbours become background."""
    return frames._replace(
        xy=frames.xy[:, :1],
        visibility=frames.visibility[:, :1],
        identity=frames.identity[:, :1],
    )


def only_centroids(frames: Frames, aim: Aim, scale: float, ahead: float = 0.0) -> Frames:
    """Return the frames smaller still, every animal being one keypoint: its centroid.

    Args:
        frames: labelled animals.
        aim: what a centroid is; where crops are turned, a second keypoint is ahead of it.
        scale: pixels of the result per pixel of `frames`.
        ahead: px of `frames` from the first to the second keypoint.
    """
    middles = crops.centroid(frames.xy, aim.anchor)[:, :, None]
    if aim.shape is not None:
        turn = upright.turns(aim.shape, frames.xy)
        heading = np.stack([-np.sin(turn), -np.cos(turn)], axis=-1)  # up, turned back
        middles = np.concatenate([middles, middles + ahead * heading[:, :, None]], axis=2)
    images = [shrink(image, scale) for image in frames.images]
    maps = [from_video_map(i.shape[1], i.shape[0], scale) for i in frames.images]
    back = [
        pixels.compose(pixels.invert(m), t) for m, t in zip(maps, frames.to_video, strict=True)
    ]
    there = np.isfinite(middles).all(axis=-1)
    unknown = there[..., :1] & ~there  # an animal that may lie anyhow
    state = np.where(there, Visibility.VISIBLE, Visibility.ABSENT)
    return frames._replace(
        images=images,
        xy=_moved(middles, maps),
        visibility=np.where(unknown, Visibility.UNLABELLED, state).astype(np.uint8),
        to_video=np.stack(back),
        ignored=_moved(frames.ignored, maps),
    )


def cut_out(frames: Frames, aim: Aim, side: int) -> Frames:
    """Return the first animal of each row in a crop around it, as prediction would see it."""
    own = frames.xy[:, 0]
    places = zip(crops.centroid(own, aim.anchor), crops.turns(own, aim), strict=True)
    cuts = [crops.crop(i, m, side, a) for i, (m, a) in zip(frames.images, places, strict=True)]
    maps = [matrix for _, matrix in cuts]
    return focus(frames)._replace(
        images=[image for image, _ in cuts],
        xy=_moved(frames.xy[:, :1], maps),
        to_video=np.stack(
            [
                pixels.compose(pixels.invert(m), t)
                for m, t in zip(maps, frames.to_video, strict=True)
            ]
        ),
        ignored=_moved(frames.ignored, maps),
    )


class Windows(NamedTuple):
    """How training windows are cut."""

    size: tuple[int, int]  # width and height, network pixels
    away: float  # share of windows anywhere in the frame instead of around an animal
    whole: bool = False  # the window is as large as the frame and stays in place
    aim: Aim = Aim()  # at a focal animal
    jitter: float | None = None  # px; None: no focal animal, else sd around the first one's


def batch(
    frames: Frames,
    rows: Int[np.ndarray, " B"],
    windows: Windows,
    cfg: augment.AugmentConfig,
    skeleton: Skeleton,
    key: tuple[int, int],
    places: Int[np.ndarray, " b"] | None = None,
) -> Batch:
    """Cut, move and light the windows of one step.

    Args:
        frames: where windows are cut from.
        rows: frames of the step.
        windows: how windows are cut.
        cfg: how far samples may differ from what was filmed.
        skeleton: names the keypoints and their mirror partners.
        key: (seed, step).
        places: which of the step's samples to make; all by default.
    """
    places = np.arange(len(rows)) if places is None else places
    samples = []
    for place in places:
        rng = np.random.default_rng([*key, int(place)])
        samples.append(_sample(frames, int(rows[place]), windows, cfg, skeleton, rng))
    return _collate(samples, frames, rows[places])


def _sample(
    frames: Frames,
    row: int,
    windows: Windows,
    cfg: augment.AugmentConfig,
    skeleton: Skeleton,
    rng: np.random.Generator,
) -> augment.Sample:
    image, xy = frames.images[row], frames.xy[row]
    pivot = _focal(xy[0], windows, rng)
    if pivot is None:
        pivot = _pivot(image, xy, windows, rng)
    chance = 0.5 if cfg.flip is None else cfg.flip
    flip = skeleton.flippable and rng.random() < chance
    matrix = augment.random_map(cfg, rng, pivot, flip)
    if windows.aim.shape is not None:
        turn = float(upright.turns(windows.aim.shape, xy[0]))
        up = pixels.rotation(rng.uniform(-np.pi, np.pi) if np.isnan(turn) else turn)
        matrix = pixels.compose(pixels.about(pivot, up), matrix)
    w, h = windows.size
    stays = windows.whole  # as prediction pads frames: right and below
    middle = pixels.centre(image.shape[1], image.shape[0]) if stays else pixels.centre(w, h)
    to_window = middle - pivot
    matrix = pixels.compose(matrix, pixels.crop(-to_window[0], -to_window[1]))
    swap = skeleton.swap if flip else None
    sample = augment.geometric(image, xy, frames.visibility[row], matrix, windows.size, swap)
    return augment.photometric(cfg, rng, sample)


def _focal(
    xy: Float[np.ndarray, "J 2"], windows: Windows, rng: np.random.Generator
) -> Float[np.ndarray, " 2"] | None:
    """About the middle of the animal that the window is for, if it is for one."""
    if windows.jitter is None:
        return None
    return crops.centroid(xy, windows.aim.anchor) + rng.normal(0, windows.jitter, 2)


def _pivot(
    image: UInt8[np.ndarray, "H W C"],
    xy: Float[np.ndarray, "I J 2"],
    windows: Windows,
    rng: np.random.Generator,
) -> Float[np.ndarray, " 2"]:
    """The point of the frame that comes to lie in the middle of the window."""
    h, w = image.shape[:2]
    if windows.whole:
        spread = 0.05 * np.array([w, h])
        return pixels.centre(w, h) + rng.uniform(-spread, spread)
    middles = crops.centroid(xy, None)
    middles = middles[np.isfinite(middles).all(axis=-1)]
    if not len(middles) or rng.random() < windows.away:
        return rng.uniform((0, 0), (w - 1, h - 1))
    middle = middles[rng.integers(len(middles)) if len(middles) > 1 else 0]
    jitter = np.array(windows.size) / 4  # the animal may be anywhere but is mostly inside
    aim: Float[np.ndarray, " 2"] = middle + rng.uniform(-jitter, jitter)
    return aim


def _collate(
    samples: list[augment.Sample], frames: Frames, rows: Int[np.ndarray, " B"]
) -> Batch:
    images = np.stack([s.image for s in samples]).transpose(0, 3, 1, 2)
    visibility = np.stack([s.visibility for s in samples])
    valid = [_valid(s, frames, int(row)) for s, row in zip(samples, rows, strict=True)]
    scene = Scene(
        torch.from_numpy(np.stack([s.xy for s in samples]).astype(np.float32)),
        torch.from_numpy((visibility != Visibility.UNLABELLED).astype(np.float32)),
        torch.from_numpy(np.stack(valid)),
        torch.from_numpy(frames.identity[rows]),
    )
    return Batch(torch.from_numpy(np.ascontiguousarray(images)), scene)


def _valid(sample: augment.Sample, frames: Frames, row: int) -> Float[np.ndarray, "H W"]:
    """1 where the window shows what somebody looked at; 0 on the border and in regions.

    Of a frame with unlabelled animals, that is the surroundings of the labelled ones.
    """
    inside = np.ones(frames.images[row].shape[:2], np.uint8)
    size = sample.image.shape[1], sample.image.shape[0]
    matrix = pixels.invert(sample.to_source)
    shown = cv2.warpAffine(inside, matrix, size, flags=cv2.INTER_NEAREST)
    for polygon in frames.polygons(row):
        _blot(shown, pixels.apply(matrix, polygon))
    shown = shown.astype(np.float32)
    if frames.complete[row]:
        return shown
    near = boxes(torch.from_numpy(sample.xy.astype(np.float32))[None], size, 1)[0].amax(0)
    known: Float[np.ndarray, "H W"] = shown * near.numpy()
    return known


def _blot(mask: UInt8[np.ndarray, "H W"], polygon: Float[np.ndarray, "_ 2"]) -> None:
    """Set the pixels to 0 whose centres lie in a polygon, and those that its edges touch."""
    fine = 8  # bits of a pixel's fraction
    far = 2**15  # px, where corners still fit the drawing's integers
    corners = np.rint(np.clip(polygon, -far, far) * 2**fine).astype(np.int32)
    cv2.fillPoly(mask, [corners], 0, shift=fine)


def letterbox(
    image: UInt8[np.ndarray, "H W C"], multiple: int, size: tuple[int, int] | None = None
) -> UInt8[np.ndarray, "h w C"]:
    """Pad right and below with the neutral constant to the network's multiple."""
    h, w = image.shape[:2]
    width, height = size or (w, h)
    width, height = -(-width // multiple) * multiple, -(-height // multiple) * multiple
    out = np.full((height, width, image.shape[2]), augment.FILL, np.uint8)
    out[:h, :w] = image
    return out
