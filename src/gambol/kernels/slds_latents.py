"""Latent series between switching dynamics and noisy keypoints: one block-banded draw.

The precision of x_1 … x_T, D dimensions each, joins frames up to L apart: state z of frame t
adds VᵀV over blocks t-L … t, V = R [-A I], and the keypoints add Σ_k ω_k H_kᵀH_k. Block after
block is eliminated from a window of (L+1) D, U_tᵀU_t = its pivot, and then
    x_t = U_t⁻¹ (y_t - W_t [x_{t+1} … x_{t+L}] + noise), noise standard normal or none.
The information vector is one more column of the window. Rows [U W y] are kept for one block of
frames; of earlier blocks the first window is, and they are eliminated a second time.
Source: Rue and Held (2005), Gaussian Markov Random Fields, 2.4.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Integer

from gambol.kernels import cholesky
from gambol.kernels.arhmm import Laid
from gambol.kernels.slds_frames import Body, Course

FIRST = 10.0  # variance of each of the first L frames
BLOCK = 1 << 15  # frames of which the elimination is in memory: 126 MB at D = 10, L = 3
PAD = 8  # columns of the window come in multiples of this


class Joins(NamedTuple):
    """What each state adds to the window: precision, and information in column W."""

    table: Float[np.ndarray, "N W C"]


def joins(laid: Laid) -> Joins:
    """Return what dynamics add to precisions of L + 1 frames."""
    n, _, width = laid.rows.shape
    columns = -(-width // PAD) * PAD
    table = np.zeros((n, width - 1, columns))
    _joins(laid.rows, table)
    return Joins(table)


def draw(
    rng: np.random.Generator | None,
    z: Integer[np.ndarray, " F"],
    known: Joins,
    body: Body,
    course: Course,
    weight: Float[np.ndarray, "T J"],
    block: int = BLOCK,
) -> Float[np.ndarray, "T D"]:
    """Draw the latents of one series given all else; without a generator return their mean.

    Args:
        rng: of this series.
        z: states of frames L to T - 1.
        known: what states add.
        body: how latents become keypoints.
        course: keypoints, centroid and heading of each frame.
        weight: precision of each keypoint, 0 where absent.
        block: frames that are eliminated at once.
    """
    n_frames, d = len(weight), body.loads.shape[2]
    width, columns = known.table.shape[1:]
    lags = width // d - 1
    gram = (body.loads.transpose(0, 2, 1) @ body.loads).reshape(-1, d * d)
    windows = np.zeros((-(-n_frames // block), width, columns))
    _begin(windows[0], d, min(lags, n_frames), z, known.table)
    rows = np.empty((min(block, n_frames), d, columns))
    fixed = (z, known.table, weight, *course, body.loads, body.offset, gram)
    for b in range(len(windows)):
        window = windows[b].copy()
        own = rows[: min(block, n_frames - b * block)]
        bad = _eliminate(b * block, own, window, *fixed)
        if bad >= 0:
            raise np.linalg.LinAlgError(f"latents: not positive definite at frame {bad}")
        if b + 1 < len(windows):
            windows[b + 1] = window
    x = np.zeros((n_frames + lags, d))
    source = np.random.default_rng(0) if rng is None else rng
    for b in range(len(windows) - 1, -1, -1):
        own = rows[: min(block, n_frames - b * block)]
        if b + 1 < len(windows):
            _eliminate(b * block, own, windows[b].copy(), *fixed)
        _substitute(source, rng is not None, b * block, own, width, x)
    return x[:n_frames].copy()


@numba.njit(cache=True, nogil=True)
@no_type_check
def _joins(rows, table):
    n_dims, width = rows.shape[1], rows.shape[2] - 1
    for k in range(len(rows)):
        for d in range(n_dims):
            for i in range(width):
                c = rows[k, d, i]
                for j in range(width):
                    table[k, i, j] += c * rows[k, d, j]
                table[k, i, width] -= c * rows[k, d, width]  # its last column is -R b


@numba.njit(cache=True, nogil=True)
@no_type_check
def _begin(window, n_dims, firsts, z, table):
    """The window before the first elimination: the first frames' prior, and frame L's step."""
    for i in range(firsts * n_dims):
        window[i, i] = 1.0 / FIRST
    if len(z) > 0:
        window += table[z[0]]


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _eliminate(
    first, rows, window, z, table, weight, xy, centroid, heading, loads, offset, gram
):
    """Eliminate the frames of one block; return the first that cannot be, or -1.

    The window of the block after it is left in `window`.
    """
    n_dims, width = rows.shape[1], len(window)
    now, then, empty = window.copy(), np.zeros(window.shape), np.zeros(window.shape)
    square, vector = np.empty(gram.shape[1]), np.empty(n_dims)
    failed = -1
    for s in range(len(rows)):
        t = first + s
        _view(t, weight, xy, centroid, heading, loads, offset, gram, square, vector)
        for i in range(n_dims):
            for j in range(i, n_dims):
                now[i, j] += square[i * n_dims + j]
            now[i, width] += vector[i]
        if not _factor(now, rows[s]):
            failed = t
            break
        added = table[z[t + 1]] if t + 1 < len(z) else empty
        _move_on(now, rows[s], added, then)
        now, then = then, now
    window[:] = now
    return failed


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _view(t, weight, xy, centroid, heading, loads, offset, gram, square, vector):
    """Fill in what the keypoints of a frame tell of its latent: precision, information."""
    n_points, n_space, n_dims = loads.shape
    square[:] = 0.0
    vector[:] = 0.0
    for k in range(0, n_points - n_points % 2, 2):
        one, two = weight[t, k], weight[t, k + 1]
        for i in range(gram.shape[1]):
            square[i] += one * gram[k, i] + two * gram[k + 1, i]
    if n_points % 2:
        one = weight[t, n_points - 1]
        for i in range(gram.shape[1]):
            square[i] += one * gram[n_points - 1, i]
    cos, sin = np.cos(heading[t]), np.sin(heading[t])
    for k in range(n_points):
        w = weight[t, k]
        x, y = xy[t, k, 0] - centroid[t, 0], xy[t, k, 1] - centroid[t, 1]
        ahead, left = w * (cos * x + sin * y - offset[k, 0]), cos * y - sin * x
        left = w * (left - offset[k, 1])
        for i in range(n_dims):
            vector[i] += loads[k, 0, i] * ahead + loads[k, 1, i] * left
        if n_space == 3:
            up = w * (xy[t, k, 2] - centroid[t, 2] - offset[k, 2])
            for i in range(n_dims):
                vector[i] += loads[k, 2, i] * up


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _factor(window, panel):
    """Fill the panel by [U W y], U upper, of the first rows of the window."""
    n_dims, columns = panel.shape
    for i in range(n_dims):
        row, whole = panel[i], i - i % 4
        for j in range(columns):
            row[j] = window[i, j]
        for k in range(0, whole, 4):
            a, b, c, d = panel[k, i], panel[k + 1, i], panel[k + 2, i], panel[k + 3, i]
            for j in range(columns):
                row[j] -= (a * panel[k, j] + b * panel[k + 1, j]) + (
                    c * panel[k + 2, j] + d * panel[k + 3, j]
                )
        for k in range(whole, i):
            a = panel[k, i]
            for j in range(columns):
                row[j] -= a * panel[k, j]
        if not row[i] > 0.0:
            return False
        scale = 1.0 / np.sqrt(row[i])
        for j in range(columns):
            row[j] *= scale
    return True


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _move_on(now, panel, added, then):
    """Take the eliminated block out of the window, go on by a frame, add its dynamics."""
    width, n_dims = len(now), len(panel)
    kept = width - n_dims
    for i in range(width):
        for j in range(added.shape[1]):
            then[i, j] = added[i, j]
    for i in range(0, kept, 4):
        if i + 4 <= kept:
            _four_rows(now, panel, i, kept, then)
        else:
            for r in range(i, kept):
                _one_row(now, panel, r, kept, then)
    for i in range(kept):
        left = now[i + n_dims, width]
        for k in range(n_dims):
            left -= panel[k, i + n_dims] * panel[k, width]
        then[i, width] += left


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _four_rows(now, panel, i, kept, then):
    n_dims = len(panel)
    m = i + n_dims
    for j in range(i, kept):
        then[i, j] += now[m, j + n_dims]
        then[i + 1, j] += now[m + 1, j + n_dims]
        then[i + 2, j] += now[m + 2, j + n_dims]
        then[i + 3, j] += now[m + 3, j + n_dims]
    whole = n_dims - n_dims % 2
    for k in range(0, whole, 2):
        a0, a1, a2, a3 = panel[k, m], panel[k, m + 1], panel[k, m + 2], panel[k, m + 3]
        b0, b1 = panel[k + 1, m], panel[k + 1, m + 1]
        b2, b3 = panel[k + 1, m + 2], panel[k + 1, m + 3]
        for j in range(i, kept):
            p, q = panel[k, j + n_dims], panel[k + 1, j + n_dims]
            then[i, j] -= a0 * p + b0 * q
            then[i + 1, j] -= a1 * p + b1 * q
            then[i + 2, j] -= a2 * p + b2 * q
            then[i + 3, j] -= a3 * p + b3 * q
    for k in range(whole, n_dims):
        a0, a1, a2, a3 = panel[k, m], panel[k, m + 1], panel[k, m + 2], panel[k, m + 3]
        for j in range(i, kept):
            p = panel[k, j + n_dims]
            then[i, j] -= a0 * p
            then[i + 1, j] -= a1 * p
            then[i + 2, j] -= a2 * p
            then[i + 3, j] -= a3 * p


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _one_row(now, panel, i, kept, then):
    n_dims = len(panel)
    for j in range(i, kept):
        then[i, j] += now[i + n_dims, j + n_dims]
    for k in range(n_dims):
        a = panel[k, i + n_dims]
        for j in range(i, kept):
            then[i, j] -= a * panel[k, j + n_dims]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _substitute(rng, noisy, first, rows, width, x):
    """Fill x of one block, given the frames after it."""
    n_dims = rows.shape[1]
    flat = x.ravel()
    for s in range(len(rows) - 1, -1, -1):
        base = (first + s) * n_dims
        panel = rows[s]
        for i in range(n_dims - 1, -1, -1):
            rest = panel[i, width] + (rng.standard_normal() if noisy else 0.0)
            rest -= cholesky.dot(panel[i, i + 1 : width], flat[base + i + 1 : base + width])
            flat[base + i] = rest / panel[i, i]
