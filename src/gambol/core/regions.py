"""Regions without loss and without score: what lies in them, and labels that leave it out.

An animal lies where the middle of the box of its keypoints does. What lies in a region is as
if nobody had looked: animals there are no labels, keypoints of others there are unlabelled.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.core.labels import EVERY, Labels, Region, Visibility, among

GROWN = 0.1  # of the box diagonal: so far a keypoint's surroundings may reach out of the box


class Settled(NamedTuple):
    """Labels of what lies outside all regions."""

    labels: Labels
    rows: Int[np.ndarray, " n"]  # of the labels that came in, rising


def settle(labels: Labels) -> Settled:
    """Leave out what lies in regions.

    Where an animal that is left out reaches out of its region, its box is a region of that
    frame, too. A frame all of whose animals are left out shows none, and is a negative.
    """
    if not labels.regions:
        return Settled(labels, np.arange(len(labels)))
    gone, hidden = inside(labels), keypoints_inside(labels)
    rows = np.flatnonzero(~gone)
    reaching = np.flatnonzero(gone & (labels.labelled & ~hidden).any(axis=1))
    boxes = [
        Region(int(labels.video[n]), int(labels.frame[n]), _box(labels.xy[n])) for n in reaching
    ]
    kept = np.concatenate([labels.pairs[rows], labels.incomplete])
    emptied = labels.pairs[gone & ~among(labels.pairs, kept)]
    state = np.where(hidden, Visibility.UNLABELLED, labels.visibility).astype(np.uint8)
    outside = replace(
        labels,
        video=labels.video[rows],
        frame=labels.frame[rows],
        individual=labels.individual[rows],
        xy=np.where(hidden[..., None], np.nan, labels.xy)[rows],
        visibility=state[rows],
        origin=labels.origin[rows],
        negatives=np.concatenate([labels.negatives, emptied]),
        regions=(*labels.regions, *boxes),
    )
    return Settled(outside, rows)


def inside(labels: Labels) -> Bool[np.ndarray, " N"]:
    """Tell which animals lie in a region of their frame."""
    return _found(labels, middles(labels.xy))


def keypoints_inside(labels: Labels) -> Bool[np.ndarray, "N J"]:
    """Tell which keypoints lie in a region of their frame."""
    return _found(labels, labels.xy)


def detected_inside(
    regions: Iterable[Region], pairs: Int[np.ndarray, "D 2"], xy: Float[np.ndarray, "D J 2"]
) -> Bool[np.ndarray, " D"]:
    """Tell which detections lie in a region.

    Args:
        regions: where nothing is judged.
        pairs: (video, frame) of every detection.
        xy: video pixels; NaN where a keypoint was not found.
    """
    found, middle = np.zeros(len(xy), bool), middles(xy)
    for region in regions:
        found |= _there(region, pairs) & contain([region.polygon], middle)
    return found


def at(regions: Iterable[Region], video: int, frame: int) -> list[Float[np.ndarray, "_ 2"]]:
    """Return the polygons of a frame."""
    return [r.polygon for r in regions if r.video == video and r.frame in (EVERY, frame)]


def contain(
    polygons: Iterable[Float[np.ndarray, "_ 2"]], points: Float[np.ndarray, "*some 2"]
) -> Bool[np.ndarray, "*some"]:
    """Tell which points lie in one of the polygons, by the even-odd rule; NaN does not.

    >>> square = np.array([[0.0, 0], [2, 0], [2, 2], [0, 2]])
    >>> contain([square], np.array([[1.0, 1], [3, 1]])).tolist()
    [True, False]
    """
    found = np.zeros(points.shape[:-1], bool)
    x, y = points[..., 0, None], points[..., 1, None]
    for corners in polygons:
        (ax, ay), (bx, by) = corners.T, np.roll(corners, -1, axis=0).T
        crosses = (ay > y) != (by > y)  # the edge meets the horizontal line through the point
        slope = (bx - ax) / np.where(by == ay, 1.0, by - ay)
        right = crosses & (x < ax + (y - ay) * slope)
        found |= np.asarray(right.sum(axis=-1) % 2 == 1)
    return found


def middles(xy: Float[np.ndarray, "*some J 2"]) -> Float[np.ndarray, "*some 2"]:
    """Return the middle of the box of an animal's keypoints; NaN where it has none."""
    seen = np.isfinite(xy).all(axis=-1, keepdims=True)
    low = np.where(seen, xy, np.inf).min(axis=-2)
    high = np.where(seen, xy, -np.inf).max(axis=-2)
    some = seen.any(axis=-2)
    return np.where(some, (np.where(some, low, 0) + np.where(some, high, 0)) / 2, np.nan)


def _found(labels: Labels, points: Float[np.ndarray, "*some 2"]) -> Bool[np.ndarray, "*some"]:
    found = np.zeros(points.shape[:-1], bool)
    for region in labels.regions:
        rows = np.flatnonzero(_there(region, labels.pairs))
        found[rows] |= contain([region.polygon], points[rows])
    return found


def _there(region: Region, pairs: Int[np.ndarray, "N 2"]) -> Bool[np.ndarray, " N"]:
    """Tell which (video, frame) pairs a region is in."""
    same = pairs[:, 0] == region.video
    return same if region.frame == EVERY else same & (pairs[:, 1] == region.frame)


def _box(xy: Float[np.ndarray, "J 2"]) -> Float[np.ndarray, "4 2"]:
    """Return the corners of an animal's box, grown a little."""
    low, high = np.nanmin(xy, axis=0), np.nanmax(xy, axis=0)
    grow = GROWN * float(np.linalg.norm(high - low))
    (left, top), (right, bottom) = low - grow, high + grow
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
