"""What the labels of several animals say: top-down or bottom-up, crops, centroids, and why."""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.instances import body_length
from gambol.nn.backbones.unet import UNetSpec
from gambol.pose import crops, upright
from gambol.pose.choose import SCALES

SMALL = 0.2  # of the frame's shorter side: animals below it are cut out one by one
OVERVIEW = 32.0  # network pixels of a body that are enough to find it
WORTH = 0.7  # scatter of keypoints, turned over as filmed, from which turning crops pays
KNOWN = 0.9  # share of animals of which it must be known how they lie
P95 = 2.45  # standard deviations within which 95 % of a Gaussian in the plane lie
SMALLEST = 64  # network pixels of a crop's side, at least

Approach = Literal["single", "top-down", "bottom-up"]


class Crops(NamedTuple):
    """How animals are cut out."""

    side: int  # network pixels, a multiple of the network's
    jitter: float  # network pixels, sd of training centres around the labels
    cut_off: float  # share of labelled keypoints that lie outside their crop
    reason: str


class Alignment(NamedTuple):
    """Whether crops are turned by how animals lie."""

    shape: upright.Shape | None  # of the animals; None: crops are not turned
    reason: str


class Centroids(NamedTuple):
    """How animals are found before they are cut out."""

    scale: float  # network pixels per pixel of the frames that come in
    sigma: float  # network pixels
    depth: int  # of the U-Net
    reason: str


def approach(
    xy: Float[np.ndarray, "N J 2"], most: int, size: tuple[int, int], joined: bool = True
) -> tuple[Approach, str]:
    """Choose how animals are found in frames of (width, height) `size`.

    Args:
        xy: labelled animals, video pixels.
        most: animals in a frame, at most.
        size: of the frames.
        joined: bones join all keypoints, as fields between them need.
    """
    if most <= 1:
        return "single", "one animal a frame: its keypoints are the highest peaks"
    share = body_length(xy) / min(size)
    if share < SMALL:
        return "top-down", (
            f"top-down: up to {most} animals, each {share:.0%} of the frame's side, are found "
            "first and then looked at one by one"
        )
    if not joined:
        return "top-down", (
            f"top-down: up to {most} animals are looked at one by one, since no bones join all "
            "their keypoints"
        )
    return "bottom-up", (
        f"bottom-up: up to {most} animals, each {share:.0%} of the frame's side, are seen "
        "together and their keypoints joined"
    )


def alignment(
    xy: Float[np.ndarray, "N J 2"], swap: tuple[int, ...], wanted: bool | None = None
) -> Alignment:
    """Choose whether crops are turned so that every animal's head is up.

    It pays where the keypoints are scattered less once the poses are laid on each other.

    Args:
        xy: labelled animals, px.
        swap: mirror partner of every keypoint, -1 for none.
        wanted: the settings' word, if they have one.
    """
    shape = upright.mean_pose(xy, swap)
    free, laid = upright.scatter(xy, shape)
    some = np.isfinite(xy).all(axis=-1).any(axis=-1)
    known = float(upright.lay(shape, xy[some]).lying.mean()) if some.any() else 0.0
    told = (
        f"turned by how they lie, their keypoints scatter {laid / max(free, 1e-9):.0%} as far"
    )
    if wanted is False or (wanted is None and (laid > WORTH * free or known < KNOWN)):
        return Alignment(None, f"crops: as filmed; {told}")
    return Alignment(shape, f"crops: turned so that heads are up; {told}")


def crop_size(
    xy: Float[np.ndarray, "N J 2"],
    aim: crops.Aim,
    sigma: float,
    multiple: int,
    error: float | None = None,
) -> Crops:
    """Choose crops that hold an animal, the error of its centroid and its peaks.

    side = ⌈2 (q + δ + 3σ) / 2^d⌉ 2^d, with q the p99 over animals of the largest offset of a
    keypoint from the centroid and δ the p95 error of centroids, at most q / 2.

    Args:
        xy: labelled animals, network pixels.
        aim: what is in the middle of a crop.
        sigma: of the confidence maps, network pixels.
        multiple: of the network's input.
        error: δ, network pixels; None where it is not known: 0.1 q.
    """
    reach = np.abs(crops.offsets(xy, aim)).max(axis=-1)  # (N, J)
    known = np.isfinite(reach).any(axis=1)
    q = float(np.percentile(np.nanmax(reach[known], axis=1), 99))
    delta = 0.1 * q if error is None else min(error, 0.5 * q)
    side = max(-(-2 * (q + delta + 3 * sigma) // multiple), -(-SMALLEST // multiple)) * multiple
    cut_off = float((reach[np.isfinite(reach)] > side / 2).mean())
    return Crops(
        int(side),
        delta / P95,
        cut_off,
        f"crops: {int(side)} px at the network's scale hold the animal, whose centroid is "
        f"found to {delta:.1f} px ({cut_off:.1%} of labels are cut off)",
    )


def centroids(body: float, scale: float | None = None) -> Centroids:
    """Choose the network that finds animals of `body` pixels in the frames that come in.

    A `scale` that is given is taken as it is, and the rest follows from it.
    """
    if scale is None:
        scale = min((s for s in SCALES if s * body >= OVERVIEW), default=1.0)
    small = body * scale
    enough = (d for d in (2, 3, 4) if UNetSpec(depth=d).middle_field >= 1.5 * small)
    depth = next(enough, 5)
    # the paper's 5 px suits bodies of 100 px; a blob must not be larger than its animal
    sigma = min(max(2.5, 0.05 * small), 5.0)
    return Centroids(
        scale, sigma, depth,
        f"centroids: animals of {small:.0f} px are enough to find them, depth {depth}",
    )  # fmt: skip
