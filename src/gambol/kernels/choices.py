"""Which of several peaks of each view belong together: those that one point of space explains.

The points of all pairs of peaks of two views are judged by the sum over views of
    weight · min(min_c (r_c² + toll_c), threshold²),
where a peak's toll is 2 s² (log share of the first - log share of it), s = threshold / 3 the sd
of a detection: what its score costs as a residual would. Of the best point every view takes
the peak with which it has the least of this, or its first if none is near.
Source: Torr & Zisserman (2000), MLESAC, CVIU 78:138-156 (truncated squares).
"""

from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int

from gambol.kernels.triangulation import THRESHOLD, meet, planes, squared_error, straighten

MANY = 600  # pairs of peaks tried for a point: all of 9 views with 4 peaks


def agreeing(
    peaks: Float[np.ndarray, "N V C 2"],
    share: Float[np.ndarray, "N V C"],
    weight: Float[np.ndarray, "N V"],
    params: Float[np.ndarray, "V 24"],
    threshold: float = THRESHOLD,
) -> Int[np.ndarray, "N V"]:
    """Return the peak that each view takes; 0, its first, where it sees nothing.

    Args:
        peaks: px; NaN where there are fewer.
        share: of the peaks of a view, as the detector sees it.
        weight: of the views.
        params: cameras, `kernels.projection`.
        threshold: px, beyond which a peak is none of the point.
    """
    count, views, most = share.shape
    straight = np.empty((count, views, most, 2))
    for c in range(most):
        straight[:, :, c] = straighten(peaks[:, :, c], params)
    there = np.isfinite(straight).all(-1) & (share > 0)
    first = np.maximum(share[:, :, :1], 1e-12)
    toll = np.log(first) - np.log(np.where(there, share, 1.0))
    toll = np.where(there, 2 * (threshold / 3) ** 2 * np.maximum(toll, 0.0), np.inf)
    straight = np.where(there[..., None], straight, 0.0)
    image = np.where(there[..., None], peaks, 0.0)
    return _agreeing(image, straight, toll, weight, params, float(threshold**2))


@numba.njit(cache=True, nogil=True)
@no_type_check
def _agreeing(peaks, straight, toll, weight, params, square):
    count, views, most = toll.shape
    out, best = np.zeros((count, views), np.int64), np.empty(3)
    for n in range(count):
        if not _best(peaks[n], straight[n], toll[n], weight[n], params, square, best):
            continue
        for v in range(views):
            at, _ = _nearest(best, peaks[n, v], toll[n, v], params[v], square)
            out[n, v] = max(at, 0)
    return out


@numba.njit(cache=True, nogil=True)
@no_type_check
def _best(peaks, straight, toll, weight, params, square, best):
    """Move `best` to the best point; False if no two peaks of different views meet."""
    views, most = toll.shape
    rows, two, point = np.empty((views, 2, 4)), np.zeros(views), np.empty(3)
    image = np.zeros((views, 2))
    there = np.flatnonzero(np.isfinite(toll).ravel())
    tried = len(there) * (len(there) - 1) / 2
    least, k = np.inf, 0
    for i in there:
        a, c = i // most, i % most
        for j in there:
            b, d = j // most, j % most
            if b >= a:
                break
            k += 1
            if tried > MANY and k * 0.6180339887 % 1 > MANY / tried:
                continue
            two[a] = two[b] = 1.0
            image[a], image[b] = straight[a, c], straight[b, d]
            planes(image, two, params, rows)
            if meet(rows, two, params, point):
                cost = _cost(point, peaks, toll, weight, params, square)
                if cost < least:
                    least = cost
                    best[:] = point
            two[a] = two[b] = 0.0
    return least < np.inf


@numba.njit(cache=True, nogil=True)
@no_type_check
def _nearest(x, peaks, toll, camera, square):
    """The peak of a view that costs least and what it costs; -1 where none is near."""
    at, least = -1, square
    for c in range(len(toll)):
        if toll[c] < least:
            cost = squared_error(x, peaks[c], camera) + toll[c]
            if cost < least:
                at, least = c, cost
    return at, least


@numba.njit(cache=True, nogil=True)
@no_type_check
def _cost(x, peaks, toll, weight, params, square):
    total = 0.0
    for v in range(len(weight)):
        if np.isfinite(toll[v, 0]):
            total += weight[v] * _nearest(x, peaks[v], toll[v], params[v], square)[1]
    return total
