"""Local maxima of maps that show several animals: all peaks, the highest first.

A cell is a maximum when none of its eight neighbours is higher. Equal cells that touch are one
plateau, which counts once or, where it touches a higher cell, not at all. Every maximum is
refined by the local Gaussian fit of `kernels.peaks`.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int

from gambol.kernels.peaks import fit, shape, top_of


class Maxima(NamedTuple):
    """Up to P peaks per map, by falling height; NaN beyond the last."""

    n: Int[np.ndarray, "*maps"]  # of peaks
    xy: Float[np.ndarray, "*maps P 2"]  # in cells; x first
    height: Float[np.ndarray, "*maps P"]  # of the map at its cell, not clipped
    cov: Float[np.ndarray, "*maps P 2 2"]  # cells², of the fit and of the shape together


def maxima(
    maps: Float[np.ndarray, "*maps h w"],
    sigma: float,
    threshold: float,
    limit: int,
    apart: float = 0.0,
) -> Maxima:
    """Find the local maxima of every map.

    Args:
        maps: any leading axes.
        sigma: standard deviation of the Gaussian that the maps were trained on, in cells.
        threshold: least height of a maximum.
        limit: most maxima per map; the highest stay.
        apart: cells; a maximum nearer to a higher one that stays is a ripple on its side.

    >>> x, y = np.meshgrid(np.arange(30.0), np.arange(20.0))
    >>> spots = [np.exp(-((x - a) ** 2 + (y - 9.4) ** 2) / 8) for a in (6.3, 21.7)]
    >>> found = maxima(spots[0] + 0.8 * spots[1], sigma=2.0, threshold=0.1, limit=4)
    >>> int(found.n), found.xy[:2].round(1).tolist()
    (2, [[6.3, 9.4], [21.7, 9.4]])
    """
    lead, (h, w) = maps.shape[:-2], maps.shape[-2:]
    flat = np.ascontiguousarray(maps, dtype=np.float32).reshape(-1, h, w)
    found = _maxima(flat, float(sigma), float(threshold), int(limit), float(apart))
    count, xy, height, cov = found
    return Maxima(
        count.reshape(lead),
        xy.reshape(*lead, limit, 2),
        height.reshape(*lead, limit),
        cov.reshape(*lead, limit, 2, 2),
    )


def climb(
    maps: Float[np.ndarray, "*maps h w"], xy: Float[np.ndarray, "*maps P 2"], sigma: float
) -> Float[np.ndarray, "*maps P 2"]:
    """Return the tops of the hills that places lie on, 2σ away along x and y at most.

    From its cell each place goes to the highest neighbour until none is higher; there a
    Gaussian is fitted. NaN stays NaN.

    Args:
        maps: any leading axes.
        xy: places in every map, in cells.
        sigma: standard deviation of the Gaussian that the maps were trained on, in cells.
    """
    h, w = maps.shape[-2:]
    flat = np.ascontiguousarray(maps, dtype=np.float32).reshape(-1, h, w)
    start = np.ascontiguousarray(xy, dtype=np.float64).reshape(len(flat), -1, 2)
    return np.asarray(_climb(flat, start, float(sigma))).reshape(xy.shape)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _climb(maps, xy, sigma):
    n, h, w = maps.shape
    found = np.full(xy.shape, np.nan)
    reach = int(np.ceil(2 * sigma))
    for i in range(n):
        for k in range(xy.shape[1]):
            if not np.isfinite(xy[i, k]).all():
                continue
            from_col = min(max(int(round(xy[i, k, 0])), 0), w - 1)
            from_row = min(max(int(round(xy[i, k, 1])), 0), h - 1)
            row, col, going = from_row, from_col, True
            while going:
                going = False
                at_row, at_col = row, col
                for r in range(max(at_row - 1, 0), min(at_row + 2, h)):
                    for c in range(max(at_col - 1, 0), min(at_col + 2, w)):
                        near = abs(r - from_row) <= reach and abs(c - from_col) <= reach
                        if near and maps[i, r, c] > maps[i, row, col]:
                            row, col, going = r, c, True
            found[i, k, 0], found[i, k, 1], _ = fit(maps[i], row, col, sigma)
    return found


@numba.njit(cache=True, nogil=True)
@no_type_check
def _maxima(maps, sigma, threshold, limit, apart):
    n = len(maps)
    count = np.zeros(n, np.int64)
    xy, height = np.full((n, limit, 2), np.nan), np.full((n, limit), np.nan)
    cov = np.full((n, limit, 2, 2), np.nan)
    for i in range(n):
        rows, cols, tall = _cells(maps[i], threshold)
        order = _separate(rows, cols, np.argsort(-tall, kind="mergesort"), limit, apart)
        count[i] = len(order)
        for k in range(len(order)):
            row, col = rows[order[k]], cols[order[k]]
            x, y, fit_cov = fit(maps[i], row, col, sigma)
            xy[i, k, 0], xy[i, k, 1], height[i, k] = x, y, tall[order[k]]
            cov[i, k] = fit_cov + shape(maps[i], row, col, sigma)
    return count, xy, height, cov


@numba.njit(cache=True, nogil=True)
@no_type_check
def _separate(rows, cols, order, limit, apart):
    """The first so many of an order of cells that are not too near to one before."""
    if apart <= 0:
        return order[:limit]
    kept, n = np.empty(limit, np.int64), 0
    for i in order:
        if n == limit:
            break
        alone = True
        for k in kept[:n]:
            gap = (rows[i] - rows[k]) ** 2 + (cols[i] - cols[k]) ** 2
            alone = alone and gap >= apart * apart
        if alone:
            kept[n] = i
            n += 1
    return kept[:n]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _cells(image, threshold):
    """Row, column and height of every local maximum."""
    h, w = image.shape
    rows, cols, tall = [0][:0], [0][:0], [0.0][:0]
    seen = np.zeros((0, 0), np.bool_)  # of plateaus; most maps have none
    for r in range(h):
        if not top_of(image[r]) >= threshold:
            continue
        for c in range(w):
            here = image[r, c]
            if not here >= threshold:
                continue
            higher, equal = _around(image, r, c)
            if higher:
                continue
            row, col, top = r, c, True
            if equal:
                if len(seen) == 0:
                    seen = np.zeros((h, w), np.bool_)
                if seen[r, c]:
                    continue
                row, col, top = _plateau(image, r, c, seen)
            if top:
                rows.append(row)
                cols.append(col)
                tall.append(float(here))
    return np.array(rows), np.array(cols), np.array(tall)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _around(image, row, col):
    """Whether a neighbour is higher, and whether one is equal."""
    h, w = image.shape
    here, equal = image[row, col], False
    for r in range(max(row - 1, 0), min(row + 2, h)):
        for c in range(max(col - 1, 0), min(col + 2, w)):
            if image[r, c] > here:
                return True, equal
            equal |= image[r, c] == here and (r != row or c != col)
    return False, equal


@numba.njit(cache=True, nogil=True)
@no_type_check
def _plateau(image, row, col, seen):
    """Fill the plateau; return its cell nearest to its middle, and whether it is a maximum."""
    h, w = image.shape
    here, top = image[row, col], True
    members, done = [(row, col)], 0
    seen[row, col] = True
    total_r, total_c = 0.0, 0.0
    while done < len(members):
        r, c = members[done]
        done += 1
        total_r, total_c = total_r + r, total_c + c
        for a in range(max(r - 1, 0), min(r + 2, h)):
            for b in range(max(c - 1, 0), min(c + 2, w)):
                if image[a, b] > here:
                    top = False
                elif image[a, b] == here and not seen[a, b]:
                    seen[a, b] = True
                    members.append((a, b))
    at_r, at_c, best = row, col, np.inf
    for r, c in members:
        gap = (r - total_r / done) ** 2 + (c - total_c / done) ** 2
        if gap < best:
            at_r, at_c, best = r, c, gap
    return at_r, at_c, top
