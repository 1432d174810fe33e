"""The arena: how far an animal is from walls and corners, and in which zones it is."""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field

from gambol.behavior.align import Aligned, plane
from gambol.behavior.columns import Column
from gambol.core.config import Config

Polygon = Annotated[tuple[tuple[float, float], ...], Field(min_length=3)]


class Arena(Config):
    """Outlines in the unit of the poses, corner by corner, in the plane of the floor."""

    wall: Polygon
    zones: dict[str, Polygon] = {}


def arena(aligned: Aligned, settings: Arena) -> Iterator[Column]:
    """Yield the features of one animal, by its centroid."""
    unit = aligned.track.unit
    xy = aligned.centroid[:, plane(aligned.centroid.shape[1], aligned.up)]
    wall = np.array(settings.wall)
    sign = np.where(inside(xy, wall), 1.0, -1.0)
    yield Column("distance to wall", sign * to_outline(xy, wall), unit)
    corners = np.linalg.norm(xy[:, None] - wall, axis=2)
    yield Column("distance to corner", corners.min(axis=1), unit)
    for name, outline in settings.zones.items():
        zone = np.array(outline)
        here = inside(xy, zone)
        known = np.where(np.isnan(xy).any(axis=1), np.nan, here * 1.0)
        yield Column(f"in {name}", known, "0/1")
        yield Column(f"distance to {name}", np.where(here, 0.0, to_outline(xy, zone)), unit)


def to_outline(
    xy: Float[np.ndarray, "T 2"], outline: Float[np.ndarray, "K 2"]
) -> Float[np.ndarray, " T"]:
    """Return the distance to the nearest point of a polygon's sides."""
    best = np.full(len(xy), np.inf)
    for a, b in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        side = b - a
        share = np.clip((xy - a) @ side / max(float(side @ side), 1e-300), 0.0, 1.0)
        best = np.minimum(best, np.linalg.norm(xy - a - share[:, None] * side, axis=1))
    return best


def inside(
    xy: Float[np.ndarray, "T 2"], outline: Float[np.ndarray, "K 2"]
) -> Bool[np.ndarray, " T"]:
    """Return whether points are in a polygon: a ray to the right crosses its sides oddly.

    >>> triangle = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 3.0]])
    >>> inside(np.array([[0.5, 1.0], [3.0, 1.0]]), triangle).tolist()
    [True, False]
    """
    odd = np.zeros(len(xy), bool)
    x, y = xy.T
    for a, b in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        spans = (a[1] > y) != (b[1] > y)
        rise = b[1] - a[1] if b[1] != a[1] else 1.0
        odd ^= spans & (x < a[0] + (y - a[1]) * (b[0] - a[0]) / rise)
    return odd
