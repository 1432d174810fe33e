"""Anipose's constrained optimisation: half the sum of squares of what is wrong with a film.

Wrong are, of a film of T frames, V views and J keypoints,
(i) the images: 2 τ (√(1 + |e| / τ) - 1) for the error e of every coordinate, px, times score;
(ii) the motion: s_smooth · (n-th difference of x in time), of every coordinate;
(iii) the lengths: s_length · 100 (ℓ - ℓ̂) / ℓ̂ of every bone, with an unknown ℓ̂ for each.
Minimised by Levenberg-Marquardt. The normal matrix of the positions has a band of 3 J n
numbers and is factored as such; the lengths ℓ̂ are taken out by their Schur complement. (i) is
majorised: a weight of 2 τ (s - 1) / (s |e|), s = √(1 + |e| / τ), touches it from above.

Source: Karashchuk et al. (2021), Cell Reports 36:109730, as aniposelib 0.8 computes it.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import LinAlgError, cho_solve_banded, cholesky_banded
from scipy.ndimage import median_filter

from gambol.kernels.projection import project_point

CALM = 7  # frames of the median, of which the usual step is taken
PERCENT = 100.0
ITERATIONS = 60
DAMPING = 1e-4, 1e8  # at first, and where the search is given up


class Film(NamedTuple):
    """What is known of the positions."""

    xy: Float[np.ndarray, "T V J 2"]  # px
    score: Float[np.ndarray, "T V J"]  # of every observation; 0 where there is none
    params: Float[np.ndarray, "V 24"]
    bones: Int[np.ndarray, "K 2"]  # keypoints


class Scales(NamedTuple):
    """How much everything counts."""

    smooth: float  # 1 / world unit
    length: Float[np.ndarray, " K"]  # of every bone
    threshold: float  # τ, px
    order: int  # n


class Normal(NamedTuple):
    """First and second derivatives of the objective, majorised."""

    band: Float[np.ndarray, "D W"]  # D = 3TJ; row i: the matrix from its element (i, i) down
    gradient: Float[np.ndarray, " D"]
    across: Float[np.ndarray, "D K"]  # by position and length
    ends: Float[np.ndarray, " K"]  # by length twice
    end_gradient: Float[np.ndarray, " K"]


class Optimised(NamedTuple):
    """The least sum of squares that was found."""

    xyz: Float[np.ndarray, "T J 3"]
    lengths: Float[np.ndarray, " K"]
    value: float  # of the objective
    iterations: int


def objective(
    xyz: Float[np.ndarray, "T J 3"],
    lengths: Float[np.ndarray, " K"],
    film: Film,
    scales: Scales,
) -> float:
    """Return half the sum of squares; infinite where a point that was seen has no image."""
    images = _images(xyz, film.xy, film.score, film.params, scales.threshold)
    moved = (
        np.diff(xyz, n=scales.order, axis=0) * scales.smooth if scales.order else np.zeros(1)
    )
    long = np.linalg.norm(xyz[:, film.bones[:, 0]] - xyz[:, film.bones[:, 1]], axis=-1)
    wrong = PERCENT * scales.length * (long / lengths - 1)
    return float(images + ((moved**2).sum() + (wrong**2).sum()) / 2)


def usual_step(xyz: Float[np.ndarray, "T J 3"]) -> float:
    """Return the mean absolute step of a coordinate from frame to frame, after a median."""
    if len(xyz) < 2:
        return 1.0
    calm = median_filter(xyz, size=(CALM, 1, 1), mode="mirror")
    return float(np.abs(np.diff(calm, axis=0)).mean()) or 1.0


def usual_lengths(
    xyz: Float[np.ndarray, "T J 3"], bones: Int[np.ndarray, "K 2"]
) -> Float[np.ndarray, " K"]:
    """Return the median length of every bone; the median of all for one of length 0 or far off.

    Far off is above the median of all by more than five times their median deviation from it.
    """
    if not len(bones):
        return np.zeros(0)
    each = np.median(np.linalg.norm(xyz[:, bones[:, 0]] - xyz[:, bones[:, 1]], axis=-1), axis=0)
    middle = float(np.median(each)) or 1e-3
    apart = float(np.median(np.abs(each - middle)))
    return np.where((each == 0) | (each > middle + 5 * apart), middle, each)


def filled(xyz: Float[np.ndarray, "T J 3"]) -> Float[np.ndarray, "T J 3"]:
    """Return positions with gaps bridged by straight lines and ends held; 0 if never seen."""
    out = np.zeros_like(xyz)
    frames = np.arange(len(xyz))
    for j in range(xyz.shape[1]):
        seen = np.isfinite(xyz[:, j]).all(-1)
        for c in range(3 * bool(seen.any())):
            out[:, j, c] = np.interp(frames, frames[seen], xyz[seen, j, c])
    return out


def optimise(
    start: Float[np.ndarray, "T J 3"], film: Film, scales: Scales, tolerance: float
) -> Optimised:
    """Find the least sum of squares near a start.

    Observations that the start cannot explain at all, behind a camera, are left out.

    Args:
        start: finite positions, `filled`.
        film: what was seen.
        scales: how much everything counts; `order` below T.
        tolerance: relative fall of the objective, less than which ends the search.
    """
    film = film._replace(score=_explicable(start, film))
    x, lengths = start.copy(), usual_lengths(start, film.bones)
    value, damping, rounds = objective(x, lengths, film, scales), DAMPING[0], 0
    while rounds < ITERATIONS:
        rounds += 1
        normal = Normal(*_normal(x, lengths, *film, *scales))
        before = value
        while damping < DAMPING[1]:
            stepped = _solve(normal, damping)
            if stepped is not None:
                trial = x - stepped[0].reshape(x.shape), lengths - stepped[1]
                now = objective(*trial, film, scales) if (trial[1] > 0).all() else np.inf
                if now <= value:
                    (x, lengths), value = trial, now
                    damping = max(damping / 10, 1e-12)
                    break
            damping *= 10
        if before - value <= tolerance * before:
            break
    return Optimised(x, lengths, value, rounds)


def _explicable(x: Float[np.ndarray, "T J 3"], film: Film) -> Float[np.ndarray, "T V J"]:
    """Scores, 0 where nothing was seen or the point has no image."""
    there = np.isfinite(film.xy).all(-1)
    score = np.where(there, np.nan_to_num(film.score), 0.0)
    return score * _has_image(x, film.params)


def _solve(normal: Normal, damping: float) -> tuple[np.ndarray, np.ndarray] | None:
    """Steps of positions (D,) and of lengths (K,); None if the matrix is not positive.

    Args:
        normal: its matrix is factored with its diagonal enlarged.
        damping: by how much, relative.
    """
    damped = normal.band.copy()
    damped[:, 0] *= 1 + damping
    try:
        factor = cholesky_banded(damped.T, overwrite_ab=True, lower=True, check_finite=False)
        right = np.column_stack([normal.across, normal.gradient])
        solved = cho_solve_banded((factor, True), right, check_finite=False)
        inner, plain = solved[:, :-1], solved[:, -1]
        schur = np.diag(normal.ends * (1 + damping)) - normal.across.T @ inner
        of_lengths = np.linalg.solve(schur, normal.end_gradient - normal.across.T @ plain)
    except LinAlgError:
        return None
    return plain - inner @ of_lengths, of_lengths


@numba.njit(cache=True)
@no_type_check
def _has_image(x, params):
    out = np.zeros((len(x), len(params), x.shape[1]), np.bool_)
    for t in range(len(x)):
        for v in range(len(params)):
            for j in range(x.shape[1]):
                out[t, v, j] = project_point(params[v], x[t, j, 0], x[t, j, 1], x[t, j, 2])[8]
    return out


@numba.njit(cache=True)
@no_type_check
def _images(x, xy, score, params, threshold):
    """Half the sum of squares of (i)."""
    total = 0.0
    for t in range(xy.shape[0]):
        for v in range(xy.shape[1]):
            for j in range(xy.shape[2]):
                s = score[t, v, j]
                if not (s > 0 and np.isfinite(xy[t, v, j, 0] + xy[t, v, j, 1])):
                    continue
                got = project_point(params[v], x[t, j, 0], x[t, j, 1], x[t, j, 2])
                if not got[8]:
                    return np.inf
                for e in (got[0] - xy[t, v, j, 0], got[1] - xy[t, v, j, 1]):
                    g = 2 * threshold * (np.sqrt(1 + abs(s * e) / threshold) - 1)
                    total += g * g / 2
    return total


@numba.njit(cache=True)
@no_type_check
def _normal(x, lengths, xy, score, params, bones, smooth, length, threshold, order):
    """Band, gradient, mixed derivatives, those of the lengths and their gradient."""
    frames, joints = x.shape[:2]
    size = 3 * joints
    band = np.zeros((frames * size, size * max(order, 1) + 1))
    gradient, across = np.zeros(frames * size), np.zeros((frames * size, len(bones)))
    ends, end_gradient = np.zeros(len(bones)), np.zeros(len(bones))
    for t in range(frames):
        for j in range(joints):
            at = t * size + 3 * j
            for v in range(len(params)):
                if score[t, v, j] > 0:
                    _add_image(
                        x[t, j], xy[t, v, j], score[t, v, j], params[v], threshold,
                        band[at : at + 3], gradient[at : at + 3],
                    )  # fmt: skip
        for k in range(len(bones)):
            c = 100.0 * length[k] / lengths[k]
            _add_bone(
                x[t], bones[k], c, lengths[k], t * size, band, gradient, across[:, k],
                ends[k : k + 1], end_gradient[k : k + 1],
            )  # fmt: skip
    _add_motion(x, smooth, order, band, gradient)
    return band, gradient, across, ends, end_gradient


@numba.njit(cache=True)
@no_type_check
def _add_image(x, uv, score, p, threshold, band, gradient):
    got = project_point(p, x[0], x[1], x[2])
    jac = np.array([[got[2], got[3], got[4]], [got[5], got[6], got[7]]])
    for k in range(2):
        e = score * ((got[0] if k == 0 else got[1]) - uv[k])
        root = np.sqrt(1 + abs(e) / threshold)
        # g g' / |e| with root - 1 = |e| / threshold / (root + 1), which e = 0 does not trouble
        w = score * 2 / (root * (root + 1))
        for a in range(3):
            gradient[a] += w * e * jac[k, a]
            for b in range(a, 3):
                band[a, b - a] += w * score * jac[k, a] * jac[k, b]


@numba.njit(cache=True)
@no_type_check
def _add_bone(x, bone, c, expected, start, band, gradient, across, ends, end_gradient):
    i, j = min(bone[0], bone[1]), max(bone[0], bone[1])
    along = x[j] - x[i]
    long = np.sqrt((along * along).sum())
    wrong = c * (long - expected)
    by_length = -c * long / expected
    ends[0] += by_length * by_length
    end_gradient[0] += by_length * wrong
    if not long > 0:
        return
    along /= long
    a, b = start + 3 * i, start + 3 * j
    for k in range(3):
        pull = c * along[k]
        gradient[b + k] += pull * wrong
        gradient[a + k] -= pull * wrong
        across[b + k] += pull * by_length
        across[a + k] -= pull * by_length
        for m in range(3):
            both = c * c * along[k] * along[m]
            band[a + k, b + m - a - k] -= both
            if m >= k:
                band[a + k, m - k] += both
                band[b + k, m - k] += both


@numba.njit(cache=True)
@no_type_check
def _add_motion(x, smooth, order, band, gradient):
    """Squares of n-th differences: sign and size of their terms are binomial."""
    if order == 0:
        return
    size = 3 * x.shape[1]
    flat = x.reshape(-1)
    terms = np.zeros(order + 1)
    terms[0] = 1.0
    for n in range(order):
        for k in range(n + 1, 0, -1):
            terms[k] -= terms[k - 1]
    for t in range(len(x) - order):
        for i in range(size):
            at, moved = t * size + i, 0.0
            for k in range(order + 1):
                moved += terms[k] * flat[at + k * size]
            for k in range(order + 1):
                gradient[at + k * size] += smooth * smooth * terms[k] * moved
                for m in range(k, order + 1):
                    band[at + k * size, (m - k) * size] += smooth * smooth * terms[k] * terms[m]
