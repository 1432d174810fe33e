"""Minutes that look alike: windows of a recording grouped by what the animal does in them.

Usage of regions in windows of 15 s or 120 s; windows whose usages correlate form a group.
After Marshall et al. (2021), Neuron 109(3):420-437, who used these two lengths.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from gambol.core.errors import InputError

SECONDS = (15.0, 120.0)
_MOST = 3000  # windows that are joined pair by pair; the others go to the nearest group


class Windows(NamedTuple):
    """W windows without overlap, grouped; groups are numbered by size from 0."""

    seconds: float  # length
    recording: Int64[np.ndarray, " W"]  # index
    start: Int64[np.ndarray, " W"]  # frame
    usage: Float64[np.ndarray, "W R"]  # share of its labelled frames in each region
    group: Int64[np.ndarray, " W"]
    centre: Float64[np.ndarray, "G R"]  # mean usage of the windows of a group


def windows(
    region: Sequence[Int64[np.ndarray, " _"]],
    fps: float,
    regions: int,
    seconds: float = SECONDS[0],
    *,
    alike: float = 0.5,
) -> Windows:
    """Cut recordings into windows and group those whose usages correlate.

    Args:
        region: of the frames of each recording: 1 … R, 0 or less elsewhere.
        fps: frames a second.
        regions: R.
        seconds: length of a window; what is left at the end of a recording is left out.
        alike: mean correlation between two groups above which they are one (average linkage).
    """
    length = max(1, round(seconds * fps))
    recording, start, usage = _cut(region, length, regions)
    if not len(usage):
        raise InputError(
            f"no recording has {seconds:g} s with at least half of the frames in regions; give "
            "shorter windows"
        )
    unit = _unit(usage)
    chosen = np.unique(np.linspace(0, len(unit) - 1, min(len(unit), _MOST)).round().astype(int))
    first = _linked(unit[chosen], alike)
    sums = np.zeros((first.max() + 1, regions))
    np.add.at(sums, first, unit[chosen])
    group = (unit @ _unit(sums).T).argmax(axis=1)
    order = np.argsort(-np.bincount(group, minlength=len(sums)), kind="stable")
    group = np.argsort(order)[group]
    size = int(group.max()) + 1
    centre = np.zeros((size, regions))
    np.add.at(centre, group, usage)
    centre /= np.bincount(group, minlength=size)[:, None]
    return Windows(length / fps, recording, start, usage, group.astype(np.int64), centre)


def _cut(
    region: Sequence[Int64[np.ndarray, " _"]], length: int, regions: int
) -> tuple[Int64[np.ndarray, " W"], Int64[np.ndarray, " W"], Float64[np.ndarray, "W R"]]:
    """Return recording, first frame and usage of windows at least half of which is known."""
    recording, start, counts = [], [], [np.zeros((0, regions))]
    for r, labels in enumerate(region):
        n = len(labels) // length
        cut = np.maximum(labels[: n * length], 0).reshape(n, length)
        cells = cut + np.arange(n)[:, None] * (regions + 1)
        table = np.bincount(cells.ravel(), minlength=n * (regions + 1))
        counts.append(table.reshape(n, regions + 1)[:, 1:].astype(np.float64))
        recording.append(np.full(n, r))
        start.append(np.arange(n) * length)
    seen = np.concatenate(counts)
    total = seen.sum(axis=1)
    kept = total >= length / 2
    names = [
        np.concatenate(one or [np.zeros(0)]).astype(np.int64) for one in (recording, start)
    ]
    return names[0][kept], names[1][kept], seen[kept] / total[kept, None]


def _unit(values: Float64[np.ndarray, "W R"]) -> Float64[np.ndarray, "W R"]:
    """Centre rows and scale them to length 1, so that products are correlations."""
    away = values - values.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(away, axis=1, keepdims=True)
    return np.where(norm > 1e-12, away / np.maximum(norm, 1e-12), 0.0)


def _linked(unit: Float64[np.ndarray, "W R"], alike: float) -> Int64[np.ndarray, " W"]:
    """Group windows by average linkage, up to a mean correlation."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(unit) == 1:
        return np.zeros(1, np.int64)
    apart = np.clip(1 - unit @ unit.T, 0.0, 2.0)
    np.fill_diagonal(apart, 0.0)
    joined = linkage(squareform(apart, checks=False), "average")
    return fcluster(joined, 1 - alike, "distance").astype(np.int64) - 1
