"""Portraits: animals cut out of their frames, all laid and scaled alike.

Poses are laid on a template, the mean pose of the recording, which says where an animal is and
how it lies even where keypoints are missing. What is off the body is blanked, so that nobody is
known by the ground that they stand on. The scale is that of the recording: size is a look.
"""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Complex, Float, UInt8

from gambol.core import pixels
from gambol.nn.augment import FILL, warp

REACH = 0.12  # body lengths: what is farther from every bone is no animal
BODY = (
    4.3  # sides of the square are so many root-mean-square radii; a line of length 1 has 0.29
)
LYING = 0.5  # agreement with the template from which a pose says how an animal lies
MOST = 2000  # poses that make the template
ROUNDS = 5


class Template(NamedTuple):
    """The mean pose, its longest axis along x, around its own middle."""

    xy: Float[np.ndarray, "J 2"]  # px; NaN for keypoints that are never found
    bones: tuple[tuple[int, int], ...]
    side: float  # of the square that a portrait shows, px
    reach: float  # px from a bone within which an animal is


class Placed(NamedTuple):
    """Where D animals are; NaN where no keypoint was found."""

    middle: Float[np.ndarray, "D 2"]  # of the template, laid on the animal, px
    angle: Float[np.ndarray, " D"]  # rad, which turns the animal as the template lies
    lying: Bool[np.ndarray, " D"]  # False: how it lies is unknown, and its angle 0


def template(
    xy: Float[np.ndarray, "D J 2"], bones: tuple[tuple[int, int], ...], body: float
) -> Template:
    """Average poses, each laid on the average so far.

    Args:
        xy: video pixels; NaN where a keypoint was not found.
        bones: pairs of keypoints; none: every keypoint with the next.
        body: body length L, px.
    """
    z, found = _plane(xy)
    n = found.sum(axis=1)
    full = np.flatnonzero(n == n.max(initial=0))
    some = np.flatnonzero(n >= 2)
    n_keypoints = xy.shape[1]
    joined = bones or tuple((j, j + 1) for j in range(n_keypoints - 1))
    if not len(some):
        return Template(np.zeros((n_keypoints, 2)), joined, body, body / 2)
    spread = _spread(z[full], found[full])
    first = full[np.argsort(spread)[len(full) // 2]]  # of median size, hence no freak
    mean = np.where(found[first], z[first], np.nan)
    some = some[:: -(-len(some) // MOST)]
    for _ in range(ROUNDS):
        turn, here, there, agree = _fit(z[some], found[some], mean)
        laid = (z[some] - here[:, None]) * turn[:, None] + there[:, None]
        good = found[some] & (agree >= LYING)[:, None]
        count = good.sum(axis=0)
        total = np.where(good, laid, 0).sum(axis=0)
        mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        mean = mean - np.nanmean(mean)
    mean = mean * _upright(mean)
    radius = float(np.sqrt(np.nanmean(np.abs(mean) ** 2)))
    points = np.stack([mean.real, mean.imag], axis=1)
    return Template(points, joined, max(BODY * radius, body / 2), REACH * body)


def place(model: Template, xy: Float[np.ndarray, "D J 2"]) -> Placed:
    """Lay the template on poses: least squares over the keypoints that were found."""
    z, found = _plane(xy)
    mean = model.xy[:, 0] + 1j * model.xy[:, 1]
    turn, here, there, agree = _fit(z, found, mean)
    lying = agree >= LYING
    turn = np.where(lying, turn, 1.0)
    middle = here - np.where(lying, there, 0) * turn.conj()
    xy_middle = np.stack([middle.real, middle.imag], axis=1)
    return Placed(xy_middle, np.where(np.isfinite(here), np.angle(turn), np.nan), lying)


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
    body = _body(pixels.apply(matrix, xy), centre + scale * model.xy, model, scale, large)
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


def _plane(
    xy: Float[np.ndarray, "D J 2"],
) -> tuple[Complex[np.ndarray, "D J"], Bool[np.ndarray, "D J"]]:
    """Positions as complex numbers, in which a turn is a product; 0 where missing."""
    found = np.isfinite(xy).all(axis=-1)
    return np.where(found, xy[..., 0] + 1j * xy[..., 1], 0), found


def _fit(
    z: Complex[np.ndarray, "D J"], found: Bool[np.ndarray, "D J"], mean: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Turn, middle of the keypoints, the same in the template, and agreement from 0 to 1."""
    both = found & np.isfinite(mean)
    n = both.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        here = np.where(both, z, 0).sum(axis=1) / n
        there = np.where(both, mean, 0).sum(axis=1) / n
        a = np.where(both, z - here[:, None], 0)
        b = np.where(both, mean - there[:, None], 0)
        s = (a.conj() * b).sum(axis=1)
        size = np.sqrt((np.abs(a) ** 2).sum(axis=1) * (np.abs(b) ** 2).sum(axis=1))
        agree = np.where((n >= 2) & (size > 0), np.abs(s) / size, 0.0)
        turn = np.where(np.abs(s) > 0, s / np.abs(s), 1.0)
    return turn, here, there, agree


def _spread(
    z: Complex[np.ndarray, "D J"], found: Bool[np.ndarray, "D J"]
) -> Float[np.ndarray, " D"]:
    n = np.maximum(found.sum(axis=1, keepdims=True), 1)
    off = np.where(found, z - z.sum(axis=1, keepdims=True) / n, 0)
    return np.asarray(np.sqrt((np.abs(off) ** 2).sum(axis=1)))


def _upright(mean: Complex[np.ndarray, " J"]) -> complex:
    """Turn that lays the longest axis along x, the first keypoint ahead of the last."""
    known = mean[np.isfinite(mean)]
    axis = np.sqrt((known**2).sum())  # its angle is that of the longest axis
    turn = axis.conjugate() / abs(axis) if abs(axis) > 0 else 1.0
    ahead = ((known[0] - known[-1]) * turn).real
    return complex(-turn if ahead < 0 else turn)
