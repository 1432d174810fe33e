"""Augmentation: one composed affine map per sample, one sampling of the image, then light.

The same 2x3 matrix moves pixels and keypoints. The border is filled with one constant, never
mirrored: a mirrored leg would be an unlabelled leg.
"""

from typing import Annotated, NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from pydantic import AfterValidator, Field, NonNegativeFloat, PositiveFloat

from gambol.core import pixels
from gambol.core.config import Config
from gambol.core.labels import Visibility

FILL = 128  # networks read 128 as zero, the same as the padding of a convolution


def _rising(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError("the smaller number comes first")
    return ends


Range = Annotated[tuple[PositiveFloat, PositiveFloat], AfterValidator(_rising)]


class AugmentConfig(Config):
    """How far samples may differ from what was filmed; angles in degrees.

    `rotation` and `flip` depend on the camera: null has training choose them from the labels.
    """

    rotation: NonNegativeFloat | None = None  # ±; 180 from above, 15 from the side
    scale: Range = (0.8, 1.25)  # log-uniform between the two
    shear: float = Field(default=5.0, ge=0.0, le=60.0)  # ±
    flip: float | None = Field(default=None, ge=0.0, le=1.0)  # probability, if sides pair up
    brightness: NonNegativeFloat = 0.2  # ± share of full range
    contrast: NonNegativeFloat = 0.2  # ± share
    gamma: Range = (0.8, 1.25)
    noise: NonNegativeFloat = 0.03  # largest sd, share of full range
    blur: float = Field(default=0.2, ge=0.0, le=1.0)  # probability; σ up to 1.5 px
    motion: float = Field(default=0.1, ge=0.0, le=1.0)  # probability; length up to 9 px
    erase: float = Field(default=0.2, ge=0.0, le=1.0)  # probability; 1-3 boxes, side ≤ 20 %
    jpeg: float = Field(default=0.2, ge=0.0, le=1.0)  # probability; quality 30-90
    clahe: float = Field(default=0.0, ge=0.0, le=1.0)
    # probability that contrast is evened out place by place, for light that differs in a film


class Sample(NamedTuple):
    """One training example, in pixels of the window."""

    image: UInt8[np.ndarray, "H W C"]
    xy: Float[np.ndarray, "I J 2"]  # NaN where absent or unlabelled
    visibility: UInt8[np.ndarray, "I J"]  # codes of core.labels.Visibility
    to_source: Float[np.ndarray, "2 3"]  # window pixels to source pixels


def random_map(
    cfg: AugmentConfig, rng: np.random.Generator, pivot: Float[np.ndarray, " 2"], flip: bool
) -> Float[np.ndarray, "2 3"]:
    """Draw a rotation, scale, shear and mirror image about a point."""
    widest = 180.0 if cfg.rotation is None else cfg.rotation
    turn = pixels.rotation(np.radians(rng.uniform(-widest, widest)))
    grow = np.exp(rng.uniform(*np.log(cfg.scale)))
    lean = np.tan(np.radians(rng.uniform(-cfg.shear, cfg.shear)))
    mirror = np.diag([-1.0 if flip else 1.0, 1.0])
    return pixels.about(pivot, grow * turn @ np.array([[1.0, lean], [0.0, 1.0]]) @ mirror)


def warp(
    image: UInt8[np.ndarray, "H W C"], matrix: Float[np.ndarray, "2 3"], size: tuple[int, int]
) -> UInt8[np.ndarray, "h w C"]:
    """Sample the image once through a map to a window of this width and height."""
    out = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(FILL,) * 4)
    return out.reshape(size[1], size[0], -1)


def geometric(
    image: UInt8[np.ndarray, "H W C"],
    xy: Float[np.ndarray, "I J 2"],
    visibility: UInt8[np.ndarray, "I J"],
    matrix: Float[np.ndarray, "2 3"],
    size: tuple[int, int],
    swap: tuple[int, ...] | None,
) -> Sample:
    """Move image and keypoints by one map; `swap` relabels the sides of a mirrored sample."""
    if swap is not None:
        order = [j if k < 0 else k for j, k in enumerate(swap)]
        xy, visibility = xy[:, order], visibility[:, order]
    moved = pixels.apply(matrix, xy)
    return Sample(warp(image, matrix, size), moved, visibility.copy(), pixels.invert(matrix))


def photometric(cfg: AugmentConfig, rng: np.random.Generator, sample: Sample) -> Sample:
    """Change light, sharpness and noise; hide boxes, whose keypoints become occluded."""
    image = sample.image
    if cfg.clahe and rng.random() < cfg.clahe:
        image = _even(rng, image)
    image = _tone(cfg, rng, image)
    if rng.random() < cfg.motion:
        image = cv2.filter2D(image, -1, _streak(rng))
    if rng.random() < cfg.blur:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.5))
    image = image.reshape(sample.image.shape)
    visibility = sample.visibility
    if rng.random() < cfg.erase:
        image, visibility = _erase(rng, image, sample)
    image = _noise(cfg, rng, image)
    if rng.random() < cfg.jpeg:
        image = _jpeg(rng, image)
    return sample._replace(image=image.reshape(sample.image.shape), visibility=visibility)


def _even(
    rng: np.random.Generator, image: UInt8[np.ndarray, "H W C"]
) -> UInt8[np.ndarray, "H W C"]:
    """Equalise the histogram of lightness in each of 8 x 8 tiles, as far as noise allows.

    Source: Zuiderveld (1994), Graphics Gems IV, 474-485.
    """
    clahe = cv2.createCLAHE(float(rng.uniform(1.0, 4.0)))
    if image.shape[-1] == 1:
        return clahe.apply(np.ascontiguousarray(image[..., 0]))[..., None]
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = clahe.apply(np.ascontiguousarray(lab[..., 0]))
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


def _tone(
    cfg: AugmentConfig, rng: np.random.Generator, image: UInt8[np.ndarray, "H W C"]
) -> UInt8[np.ndarray, "H W C"]:
    """Gamma, contrast and brightness through one table of 256 values."""
    levels = np.linspace(0, 1, 256) ** np.exp(rng.uniform(*np.log(cfg.gamma)))
    gain = 1 + rng.uniform(-cfg.contrast, cfg.contrast)
    levels = (levels - 0.5) * gain + 0.5 + rng.uniform(-cfg.brightness, cfg.brightness)
    table = np.clip(np.rint(255 * levels), 0, 255).astype(np.uint8)
    return table[image]


def _noise(
    cfg: AugmentConfig, rng: np.random.Generator, image: UInt8[np.ndarray, "H W C"]
) -> UInt8[np.ndarray, "H W C"]:
    sd = 255 * rng.uniform(0, cfg.noise)
    grain = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(sd)
    return np.clip(image + grain + 0.5, 0, 255).astype(np.uint8)


def _streak(rng: np.random.Generator) -> Float[np.ndarray, "k k"]:
    """A line through the middle of a kernel: what a moving camera does."""
    length = int(rng.integers(3, 10))
    side = length | 1
    kernel = np.zeros((side, side))
    angle, middle = rng.uniform(0, np.pi), side // 2
    for t in np.linspace(-length / 2, length / 2, 4 * length):
        column = int(np.clip(np.rint(middle + t * np.cos(angle)), 0, side - 1))
        row = int(np.clip(np.rint(middle + t * np.sin(angle)), 0, side - 1))
        kernel[row, column] += 1
    return kernel / kernel.sum()


def _erase(
    rng: np.random.Generator, image: UInt8[np.ndarray, "H W C"], sample: Sample
) -> tuple[UInt8[np.ndarray, "H W C"], UInt8[np.ndarray, "I J"]]:
    image, visibility = image.copy(), sample.visibility.copy()
    h, w = image.shape[:2]
    column, row = np.moveaxis(np.rint(sample.xy), -1, 0)  # the pixel that each keypoint lies in
    for _ in range(rng.integers(1, 4)):
        high, wide = (int(side) for side in np.maximum(rng.uniform(0.05, 0.2, 2) * (h, w), 1))
        top, left = int(rng.integers(h - high + 1)), int(rng.integers(w - wide + 1))
        image[top : top + high, left : left + wide] = rng.integers(0, 256)
        hidden = (column >= left) & (column < left + wide) & (row >= top) & (row < top + high)
        visibility[hidden & (visibility == Visibility.VISIBLE)] = Visibility.OCCLUDED
    return image, visibility


def _jpeg(
    rng: np.random.Generator, image: UInt8[np.ndarray, "H W C"]
) -> UInt8[np.ndarray, "H W C"]:
    quality = int(rng.integers(30, 91))
    _, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(code, cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    return decoded.reshape(image.shape)
