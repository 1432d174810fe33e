"""Labelled frames as training windows and as whole frames for validation, in network pixels.

Frames enter once, already shrunk to the network's scale (`shrink`), and stay in memory. All
randomness of a sample comes from (seed, step, place in the batch), so results depend neither
on the number of workers nor on where a run was interrupted.
"""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from gambol.core import pixels
from gambol.core.labels import Visibility
from gambol.core.skeleton import Skeleton
from gambol.nn import augment


class Frames(NamedTuple):
    """N labelled frames of one animal each, in network pixels."""

    images: list[UInt8[np.ndarray, "_ _ C"]]  # sizes may differ
    xy: Float[np.ndarray, "N J 2"]  # network pixels
    visibility: UInt8[np.ndarray, "N J"]
    to_video: Float[np.ndarray, "N 2 3"]  # network pixels to video pixels

    def select(self, rows: Int[np.ndarray, " n"]) -> "Frames":
        """Return some of the frames."""
        images = [self.images[int(i)] for i in rows]
        return Frames(images, self.xy[rows], self.visibility[rows], self.to_video[rows])


class Batch(NamedTuple):
    """What one training step sees."""

    image: UInt8[Tensor, "B C H W"]
    xy: Float[Tensor, "B J 2"]
    weight: Float[Tensor, "B J"]  # 0 for keypoints of which nobody said anything
    valid: Float[Tensor, "B H W"]  # 0 for pixels outside the source image


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
    xy: Float[np.ndarray, "N J 2"],
    visibility: UInt8[np.ndarray, "N J"],
    scale: float,
) -> Frames:
    """Shrink video frames and their labels to network scale."""
    maps = [from_video_map(i.shape[1], i.shape[0], scale) for i in images]
    small = [shrink(image, scale) for image in images]
    moved = np.stack([pixels.apply(m, p) for m, p in zip(maps, xy, strict=True)])
    return Frames(small, moved, visibility, np.stack([pixels.invert(m) for m in maps]))


class Windows(NamedTuple):
    """How training windows are cut."""

    size: tuple[int, int]  # width and height, network pixels
    away: float  # share of windows anywhere in the frame instead of around the animal
    whole: bool = False  # the window is as large as the frame and stays in place


def batch(
    frames: Frames,
    rows: Int[np.ndarray, " B"],
    windows: Windows,
    cfg: augment.AugmentConfig,
    skeleton: Skeleton,
    key: tuple[int, int],
) -> Batch:
    """Cut, move and light the windows of one step; `key` is (seed, step)."""
    samples = []
    for place, row in enumerate(rows):
        rng = np.random.default_rng([*key, place])
        samples.append(_sample(frames, int(row), windows, cfg, skeleton, rng))
    return _collate(samples, frames, rows)


def _sample(
    frames: Frames,
    row: int,
    windows: Windows,
    cfg: augment.AugmentConfig,
    skeleton: Skeleton,
    rng: np.random.Generator,
) -> augment.Sample:
    image, xy = frames.images[row], frames.xy[row]
    pivot = _pivot(image, xy, windows, rng)
    chance = 0.5 if cfg.flip is None else cfg.flip
    flip = skeleton.flippable and rng.random() < chance
    matrix = augment.random_map(cfg, rng, pivot, flip)
    w, h = windows.size
    to_window = pixels.centre(w, h) - pivot
    matrix = pixels.compose(matrix, pixels.crop(-to_window[0], -to_window[1]))
    swap = skeleton.swap if flip else None
    sample = augment.geometric(image, xy, frames.visibility[row], matrix, windows.size, swap)
    return augment.photometric(cfg, rng, sample)


def _pivot(
    image: UInt8[np.ndarray, "H W C"],
    xy: Float[np.ndarray, "J 2"],
    windows: Windows,
    rng: np.random.Generator,
) -> Float[np.ndarray, " 2"]:
    """The point of the frame that comes to lie in the middle of the window."""
    h, w = image.shape[:2]
    if windows.whole:
        spread = 0.05 * np.array([w, h])
        return pixels.centre(w, h) + rng.uniform(-spread, spread)
    known = xy[np.isfinite(xy).all(axis=-1)]
    if not len(known) or rng.random() < windows.away:
        return rng.uniform((0, 0), (w - 1, h - 1))
    middle = (known.min(axis=0) + known.max(axis=0)) / 2
    jitter = np.array(windows.size) / 4  # the animal may be anywhere but is mostly inside
    return middle + rng.uniform(-jitter, jitter)


def _collate(
    samples: list[augment.Sample], frames: Frames, rows: Int[np.ndarray, " B"]
) -> Batch:
    images = np.stack([s.image for s in samples]).transpose(0, 3, 1, 2)
    visibility = np.stack([s.visibility for s in samples])
    valid = [
        _valid(s, frames.images[int(row)].shape) for s, row in zip(samples, rows, strict=True)
    ]
    return Batch(
        torch.from_numpy(np.ascontiguousarray(images)),
        torch.from_numpy(np.stack([s.xy for s in samples]).astype(np.float32)),
        torch.from_numpy((visibility != Visibility.UNLABELLED).astype(np.float32)),
        torch.from_numpy(np.stack(valid)),
    )


def _valid(sample: augment.Sample, shape: tuple[int, ...]) -> Float[np.ndarray, "H W"]:
    """1 where the window shows the source image; 0 where it shows the constant border."""
    inside = np.ones(shape[:2], np.uint8)
    size = sample.image.shape[1], sample.image.shape[0]
    matrix = pixels.invert(sample.to_source)
    return cv2.warpAffine(inside, matrix, size, flags=cv2.INTER_NEAREST).astype(np.float32)


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
