"""The last touches to 3D poses: a running median, and gaps and lonely points made missing."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Bool, Int

from gambol.core import poses as core_poses
from gambol.multiview import filters

ALL = slice(None)


class Touches(NamedTuple):
    """Which of them."""

    median: int | None = None  # frames; odd window of a median
    max_gap: int | None = None  # frames; what no view saw for longer becomes missing
    min_views: int = 0  # points that fewer views saw become missing

    @property
    def reach(self) -> int:
        """Return how many frames on each side the median needs."""
        return self.median // 2 if self.median else 0


class Beside(NamedTuple):
    """How many frames before and after some frames no view saw a point, without a break."""

    before: Int[np.ndarray, "N J"]
    after: Int[np.ndarray, "N J"]


def finished(
    touches: Touches, made: xr.Dataset, keep: slice = ALL, beside: Beside | None = None
) -> xr.Dataset:
    """Smooth and blank; a blanked point has no confidence.

    Args:
        touches: what is to be done.
        made: 3D poses; of a part of a recording with `touches.reach` frames more on each side.
        keep: frames of it that are returned.
        beside: gaps that go on beyond those frames; None: there are no more frames.
    """
    xyz = core_poses.xy(made).copy()
    if touches.median is not None:
        far = (
            made["reprojection_error"]
            .mean("view")
            .transpose("time", "individuals", "keypoints")
            .values
        )
        for i in range(xyz.shape[1]):
            xyz[:, i] = filters.median_3d(
                xyz[:, i], np.asarray(far[:, i], float), touches.median
            )
    xyz, made = xyz[keep], made.isel(time=keep)
    seen = core_poses.points(made, "n_views")
    lost = seen < touches.min_views
    if touches.max_gap is not None:
        lost |= _long_gaps(seen <= 0, touches.max_gap, beside)
    xyz[lost] = np.nan
    gone = ~np.isfinite(xyz).all(-1)
    made["position"] = (core_poses.DIMS, np.moveaxis(xyz, (1, 2, 3), (3, 2, 1)))
    sure = np.where(gone, 0.0, core_poses.points(made, "confidence"))
    made["confidence"] = (core_poses.POINT_DIMS, np.swapaxes(sure, 1, 2))
    return made


class Runs(NamedTuple):
    """How many frames no view saw a point at both ends of a part of a recording."""

    first: Int[np.ndarray, "N J"]  # from the first frame on
    last: Int[np.ndarray, "N J"]  # up to the last frame
    frames: int


def runs(unseen: Bool[np.ndarray, "T N J"]) -> Runs:
    """Return the gaps at the ends of some frames."""
    first, last = (np.cumprod(some, axis=0).sum(axis=0) for some in (unseen, unseen[::-1]))
    return Runs(first, last, len(unseen))


def beside(parts: Sequence[Runs]) -> list[Beside]:
    """Return the gaps beside each of the parts that make up a recording."""
    before = _carried([(part.last, part.frames) for part in parts])
    after = _carried([(part.first, part.frames) for part in reversed(parts)])
    return [Beside(*both) for both in zip(before, reversed(after), strict=True)]


def _carried(
    ends: Sequence[tuple[Int[np.ndarray, "N J"], int]],
) -> list[Int[np.ndarray, "N J"]]:
    """The gap that ends where each part begins; one that fills a part goes on through it."""
    out = [np.zeros_like(ends[0][0])]
    for gap, frames in ends[:-1]:
        out.append(np.where(gap == frames, out[-1] + frames, gap))
    return out


def _long_gaps(
    unseen: Bool[np.ndarray, "T N J"], most: int, beside: Beside | None
) -> Bool[np.ndarray, "T N J"]:
    """Tell which frames lie in runs of unseen ones that are longer than `most`."""
    out = np.zeros_like(unseen)
    frames = len(unseen)
    for place in np.ndindex(unseen.shape[1:]):
        track = np.concatenate([[False], unseen[(slice(None), *place)], [False]])
        begins, ends = (np.flatnonzero(np.diff(track.astype(int)) == way) for way in (1, -1))
        for begin, end in zip(begins, ends, strict=True):
            length = end - begin
            if beside is not None:
                length += beside.before[place] * (begin == 0) + beside.after[place] * (
                    end == frames
                )
            out[(slice(begin, end), *place)] = length > most
    return out
