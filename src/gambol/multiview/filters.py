"""Filters before and after triangulation: medians, a best path over peaks, an ensemble as one.

They are what the field is used to; the tiers that know time and outliers need none of them but
`ensemble`, whose variances they use. Windows are in frames, odd and centred.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.interpolate import PchipInterpolator

from gambol.core.errors import InputError
from gambol.core.views import Views

ABSENT = -1  # the number of no peak


def median_2d(
    views: Views, window: int = 13, max_gap: int = 10, threshold: float = 25.0
) -> Views:
    """Drop what is far from the running median, then bridge short gaps by a spline.

    A bridged point is as sure as the less sure, and as wide as the wider, of the two that the
    bridge stands on.

    Args:
        views: what was seen.
        window: of the median, which leaves out what was not seen.
        max_gap: longest gap that is bridged, frames; gaps at the ends stay.
        threshold: distance from the median, px, beyond which a point is dropped.
    """
    xy, confidence, variance = views.xy.copy(), views.confidence.copy(), views.variance.copy()
    for v in range(xy.shape[1]):
        for j in range(xy.shape[2]):
            track = xy[:, v, j]
            far = np.linalg.norm(track - running_median(track, window), axis=-1) > threshold
            track[far] = np.nan
            bridged = _bridge(track, views.times, max_gap)
            if bridged.any():
                left, right = _piers(np.isfinite(track[:, 0]) & ~bridged, bridged)
                sure, wide = confidence[:, v, j], variance[:, v, j]
                sure[bridged] = np.minimum(sure[left], sure[right])
                wide[bridged] = np.maximum(wide[left], wide[right])
    return views._replace(
        xy=xy, confidence=confidence, variance=variance, candidates=None, candidate_score=None
    )


def of_kind(kind: str | None, window: int | None) -> Callable[[Views], Views] | None:
    """Return the filter of 2D points of that name, `median` or `viterbi`; None for none."""
    if kind == "median":
        return median_2d if window is None else partial(median_2d, window=window)
    return viterbi_2d if kind == "viterbi" else None


def median_3d(
    xyz: Float[np.ndarray, "T J 3"],
    error: Float[np.ndarray, "T J"],
    window: int = 17,
    threshold: float = 15.0,
) -> Float[np.ndarray, "T J 3"]:
    """Drop points that the images contradict, then take the running median of the others.

    Args:
        xyz: positions; those that are missing stay missing.
        error: mean reprojection error, px.
        window: of the median.
        threshold: error, px, beyond which a point is dropped.
    """
    kept = np.where((error > threshold)[..., None], np.nan, xyz)
    smooth = running_median(kept.reshape(len(xyz), -1), window).reshape(xyz.shape)
    return np.where(np.isfinite(kept), smooth, np.nan)


def running_median(x: Float[np.ndarray, "T D"], window: int) -> Float[np.ndarray, "T D"]:
    """Return the median of every column over a centred window, of what is there.

    >>> running_median(np.array([[0.0], [9.0], [1.0], [np.nan]]), 3).ravel().tolist()
    [4.5, 1.0, 5.0, 1.0]
    """
    if window < 1 or window % 2 == 0:
        raise InputError(f"window is {window} frames; a centred window needs an odd number")
    return _running_median(np.ascontiguousarray(x), window // 2)


def best_path(
    peaks: Float[np.ndarray, "T P 2"],
    scores: Float[np.ndarray, "T P"],
    step: float = 30.0,
    absent: float = 3.0,
) -> Int[np.ndarray, " T"]:
    """Choose one of several peaks in every frame, or none, so that the sum of costs is least.

    A peak costs -log score and the step to it from the peak of the frame before
    ‖step‖² / 2 sd²; to and from nothing there is no step. Source: Viterbi (1967).

    Args:
        peaks: px; NaN where there are fewer.
        scores: 0 to 1.
        step: sd of the step of a coordinate, px.
        absent: cost of no peak; 3 is that of a peak of score 0.05.

    >>> jump = np.array([[[0.0, 0], [90, 0]], [[99.0, 0], [1, 0]], [[2.0, 0], [80, 0]]])
    >>> best_path(jump, np.array([[0.9, 0.2], [0.8, 0.3], [0.9, 0.2]])).tolist()
    [0, 1, 0]
    """
    there = np.isfinite(peaks).all(-1) & (scores > 0)
    costs = np.where(there, -np.log(np.where(there, scores, 1.0)), np.inf)
    places = np.where(there[..., None], peaks, 0.0)
    return _best_path(places, costs, 1 / (2 * step**2), float(absent))


def chosen(
    peaks: Float[np.ndarray, "T V J P 2"],
    scores: Float[np.ndarray, "T V J P"],
    step: float = 30.0,
    absent: float = 3.0,
) -> tuple[Float[np.ndarray, "T V J 2"], Float[np.ndarray, "T V J"]]:
    """Return the points (NaN: absent) and scores (0) of the best path of every keypoint."""
    xy, confidence = np.full((*peaks.shape[:3], 2), np.nan), np.zeros(peaks.shape[:3])
    frames = np.arange(len(peaks))
    for v in range(peaks.shape[1]):
        for j in range(peaks.shape[2]):
            path = best_path(peaks[:, v, j], scores[:, v, j], step, absent)
            seen = frames[path != ABSENT]
            xy[seen, v, j] = peaks[seen, v, j, path[seen]]
            confidence[seen, v, j] = scores[seen, v, j, path[seen]]
    return xy, confidence


def viterbi_2d(views: Views, step: float = 30.0, absent: float = 3.0) -> Views:
    """Take the peaks of the best path of every keypoint in every view: see `best_path`.

    Without candidates, the one peak or none of it. A frame that is left out is not seen.

    Args:
        views: what was seen.
        step: sd of the step of a coordinate, px.
        absent: cost of no peak.
    """
    peaks, scores = views.candidates, views.candidate_score
    if peaks is None or scores is None:
        peaks, scores = views.xy[..., None, :], views.confidence[..., None]
    xy, confidence = chosen(peaks, np.nan_to_num(scores), step, absent)
    variance = np.where(np.isfinite(xy).all(-1), views.variance, np.nan)
    return views._replace(
        xy=xy, confidence=confidence, variance=variance, candidates=None, candidate_score=None
    )


def ensemble(members: Sequence[Views]) -> Views:
    """Return the mean of several networks' points and their variance across networks.

    Variance is of each coordinate, unbiased, the mean of that of x and y; NaN where only one
    network saw a point. Confidence is the mean over all networks, 0 of those that saw nothing.

    Source: Biderman et al. (2024), Nature Methods 21:1316-1328 (ensemble Kalman smoother).
    """
    first = members[0]
    for other in members[1:]:
        if (other.cameras, other.skeleton, other.xy.shape) != (
            first.cameras, first.skeleton, first.xy.shape
        ):  # fmt: skip
            raise InputError(
                "the networks of an ensemble saw different cameras, keypoints or frames; run "
                "all of them on the same videos"
            )
    every = np.stack([one.xy for one in members])
    there = np.isfinite(every).all(-1)
    count = there.sum(0)
    known = np.where(there[..., None], every, 0.0)
    mean = known.sum(0) / np.maximum(count, 1)[..., None]
    apart = np.where(there, ((known - mean) ** 2).sum(-1) / 2, 0.0).sum(0)
    sure = np.where(there, np.stack([np.nan_to_num(one.confidence) for one in members]), 0.0)
    return first._replace(
        xy=np.where(count[..., None] > 0, mean, np.nan),
        confidence=sure.mean(0),
        variance=np.where(count > 1, apart / np.maximum(count - 1, 1), np.nan),
        candidates=None,
        candidate_score=None,
    )


def _bridge(
    track: Float[np.ndarray, "T 2"], times: Float[np.ndarray, " T"], max_gap: int
) -> Bool[np.ndarray, " T"]:
    """Fill short gaps of a track in place; return which frames were filled."""
    seen = np.flatnonzero(np.isfinite(track[:, 0]))
    filled = np.zeros(len(track), bool)
    for before, after in zip(seen[:-1], seen[1:], strict=True):
        if 1 < after - before <= max_gap + 1:
            filled[before + 1 : after] = True
    if filled.any():
        track[filled] = PchipInterpolator(times[seen], track[seen])(times[filled])
    return filled


def _piers(
    real: Bool[np.ndarray, " T"], bridged: Bool[np.ndarray, " T"]
) -> tuple[Int[np.ndarray, " B"], Int[np.ndarray, " B"]]:
    """The nearest real frames before and after every bridged one."""
    frames = np.flatnonzero(real)
    after = np.searchsorted(frames, np.flatnonzero(bridged))
    return frames[after - 1], frames[after]


@numba.njit(cache=True)
@no_type_check
def _running_median(x, half):
    frames, columns = x.shape
    out, part = np.full(x.shape, np.nan), np.empty(2 * half + 1)
    for d in range(columns):
        for t in range(frames):
            n = 0
            for s in range(max(t - half, 0), min(t + half + 1, frames)):
                if np.isfinite(x[s, d]):
                    part[n] = x[s, d]
                    n += 1
            if n > 0:
                out[t, d] = np.median(part[:n])
    return out


@numba.njit(cache=True)
@no_type_check
def _best_path(places, costs, stiffness, absent):
    """Dynamic programming over peaks and, last of the states, nothing."""
    frames, peaks = costs.shape
    total = np.append(costs[0], absent) if frames else np.zeros(1)
    origin = np.zeros((frames, peaks + 1), np.int64)
    for t in range(1, frames):
        now = np.full(peaks + 1, np.inf)
        for b in range(peaks + 1):
            for a in range(peaks + 1):
                cost = total[a]
                if a < peaks and b < peaks:
                    dx = places[t, b, 0] - places[t - 1, a, 0]
                    dy = places[t, b, 1] - places[t - 1, a, 1]
                    cost += stiffness * (dx * dx + dy * dy)
                if cost < now[b]:
                    now[b] = cost
                    origin[t, b] = a
            now[b] += absent if b == peaks else costs[t, b]
        total = now
    path = np.full(frames, ABSENT, np.int64)
    state = np.argmin(total)
    for t in range(frames - 1, -1, -1):
        path[t] = state if state < peaks else ABSENT
        state = origin[t, state]
    return path
