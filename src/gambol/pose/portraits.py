"""Portraits: animals cut out of their frames, all laid and scaled alike.

Poses are laid on a template, the mean pose of the recording, which says where an animal is and
how it lies even where keypoints are missing. What is off the body is blanked, so that nobody is
known by the ground that they stand on. The scale is that of the recording: size is a look.
"""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from gambol.core import pixels
from gambol.nn.augment import FILL, warp
from gambol.pose import upright

REACH = 0.12  # body lengths: what is farther from every bone is no animal
BODY = (
    4.3  # sides of the square are so many root-mean-square radii; a line of length 1 has 0.29
)


class Template(NamedTuple):
    """The mean pose, its longest axis along x, and what a portrait shows of it."""

    shape: upright.Shape
    bones: tuple[tuple[int, int], ...]
    side: float  # of the square that a portrait shows, px
    reach: float  # px from a bone within which an animal is


def template(
    xy: Float[np.ndarray, "D J 2"], bones: tuple[tuple[int, int], ...], body: float
) -> Template:
    """Average poses, each laid on the average so far.

    Args:
        xy: video pixels; NaN where a keypoint was not found.
        bones: pairs of keypoints; none: every keypoint with the next.
        body: body length L, px.
    """
    mean = upright.mean_pose(xy)
    joined = bones or tuple((j, j + 1) for j in range(xy.shape[1] - 1))
    if not mean.xy.any():  # nobody has two keypoints
        return Template(mean, joined, body, body / 2)
    radius = float(np.sqrt(np.nanmean((mean.xy**2).sum(axis=1))))
    return Template(mean, joined, max(BODY * radius, body / 2), REACH * body)


def portrait(
    frame: UInt8[np.ndarray, "h w C"],
    xy: Float[np.ndarray, "J 2"],
    middle: Float[np.ndarray, " 2"],
    angle: float,
    model: Template,
    size: int,
) -> UInt8[np.ndarray, "S S C"]:
    """Cut out one animal.

    Args:
        frame: the picture.
        xy: its keypoints, px; missing ones are taken from the template.
        middle: as placed, px.
        angle: as placed, rad.
        model: the template.
        size: S, sides of the portrait in its own pixels.
    """
    fine = max(1, int(model.side / size))  # of these, means are taken: no aliasing
    large = fine * size
    scale = large / model.side
    linear = scale * pixels.rotation(float(angle))
    centre = pixels.centre(large, large)
    matrix = np.column_stack([linear, centre - linear @ middle])
    shown = warp(frame, matrix, (large, large))
    body = _body(pixels.apply(matrix, xy), centre + scale * model.shape.xy, model, scale, large)
    shown = np.where(body[:, :, None], shown, np.uint8(FILL))
    if fine > 1:
        shown = cv2.resize(shown, (size, size), interpolation=cv2.INTER_AREA)
    return shown.reshape(size, size, frame.shape[2])


def _body(
    xy: Float[np.ndarray, "J 2"],
    expected: Float[np.ndarray, "J 2"],
    model: Template,
    scale: float,
    side: int,
) -> Bool[np.ndarray, "S S"]:
    """Pixels within reach of a bone."""
    points = np.where(np.isfinite(xy), xy, expected)
    drawn = np.zeros((side, side), np.uint8)
    wide = max(1, int(np.rint(2 * scale * model.reach)))
    known = np.asarray(np.isfinite(points).all(axis=1))
    whole = np.rint(np.clip(np.nan_to_num(points), -4 * side, 5 * side)).astype(int).tolist()
    pairs = [*model.bones, *((j, j) for j in range(len(points)))]
    for a, b in pairs:
        if known[a] and known[b]:
            cv2.line(drawn, whole[a], whole[b], 1, wide)
    return drawn.astype(bool)
