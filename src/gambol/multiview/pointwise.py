"""What the tiers share that triangulate every point by itself: weights, noise, covariance."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from gambol.kernels import refinement, triangulation
from gambol.multiview.tiers.base import Learner, Problem, Solved, Tier

FLOOR = 0.01  # px², below which no detector's noise is believed to lie
FEW = 20  # observations, with fewer of which a view is given the noise of all
MEDIAN = 2 * np.log(2)  # of the squared length of a normal vector in the plane


class Placed(NamedTuple):
    """Where points are."""

    points: Float[np.ndarray, "N 3"]  # world units; NaN: nowhere
    used: Bool[np.ndarray, "N V"]  # observations that took part


# from positions (N, V, 2), weights (N, V) and cameras (V, 24)
Method = Callable[[np.ndarray, np.ndarray, np.ndarray], Placed]


def tier(method: Method, covariant: bool = True) -> Learner:
    """Return the tier of a method; it learns how much weight views have, and their noise.

    Args:
        method: of triangulation.
        covariant: the noise tells the covariance of a point.
    """

    def made(problem: Problem, placed: Placed, width: Float[np.ndarray, " V"]) -> Solved:
        if covariant:
            return solved(problem, placed.points, placed.used, width)
        unknown = np.full((len(placed.points), 3, 3), np.nan)
        return assembled(problem, placed.points, unknown, placed.used, width)

    def learn(problem: Problem) -> Tier:
        usual = usual_variance(problem)
        width = noise(problem, *method(*observations(problem, usual), problem.params))

        def known(part: Problem) -> Solved:
            return made(part, method(*observations(part, usual), part.params), width)

        return known

    def solve(problem: Problem) -> Solved:
        placed = method(*observations(problem), problem.params)
        return made(problem, placed, noise(problem, *placed))

    return Learner(solve, learn)


def observations(
    problem: Problem, usual: float | None = None
) -> tuple[Float[np.ndarray, "N V 2"], Float[np.ndarray, "N V"]]:
    """Return positions of N = T · J points in V views, and weights: confidence / variance.

    Args:
        problem: what was seen.
        usual: variance of observations that do not tell it, px²; None: the median of the
            others. Weights are relative to it.
    """
    xy = problem.xy.transpose(0, 2, 1, 3).reshape(-1, len(problem.params), 2)
    variance = by_point(problem.variance)
    known = np.isfinite(variance) & (variance > 0)
    usual = usual_variance(problem) if usual is None else usual
    weight = np.nan_to_num(by_point(problem.confidence))
    return xy, weight * usual / np.where(known, variance, usual)


def usual_variance(problem: Problem) -> float:
    """Return the median of the variances that are known, px²; 1 if none is."""
    known = np.isfinite(problem.variance) & (problem.variance > 0)
    return float(np.median(problem.variance[known])) if known.any() else 1.0


def by_point(values: Float[np.ndarray, "T V J"]) -> Float[np.ndarray, "N V"]:
    """Return (T · J, V) of what is known for each observation."""
    return np.ascontiguousarray(values.transpose(0, 2, 1).reshape(-1, values.shape[1]))


def by_frame(values: Float[np.ndarray, "N V"], like: Problem) -> Float[np.ndarray, "T V J"]:
    """Undo `by_point`."""
    frames, views, joints = like.confidence.shape
    return np.ascontiguousarray(values.reshape(frames, joints, views).transpose(0, 2, 1))


def noise(
    problem: Problem, points: Float[np.ndarray, "N 3"], used: Bool[np.ndarray, "N V"]
) -> Float[np.ndarray, " V"]:
    """Return the variance (px², each coordinate) of each view's observations, if surely seen.

    From the median of confidence times squared error; of a point's 2n coordinates in n views
    2n - 3 degrees of freedom are left in the errors.

    Args:
        problem: of N = T · J points.
        points: where they are.
        used: which observations took part.
    """
    xy, _ = observations(problem)
    squares = triangulation.squared_errors(points, xy, problem.params)
    sure = np.nan_to_num(by_point(problem.confidence))
    used = used & np.isfinite(squares) & (sure > 0)
    count = used.sum(1, keepdims=True)
    freed = np.where(used, sure * squares * 2 * count / np.maximum(2 * count - 3, 1), np.nan)
    usual = _median(freed[used], MEDIAN)
    return np.maximum([_median(column, usual) / MEDIAN for column in freed.T], FLOOR)


def _median(values: Float[np.ndarray, " N"], usual: float) -> float:
    there = values[np.isfinite(values)]
    return float(np.median(there)) if len(there) >= FEW else usual


def variances(problem: Problem, noise: Float[np.ndarray, " V"]) -> Float[np.ndarray, "N V"]:
    """Return the variance of every observation, px²; infinite where nothing was seen.

    The detector's own where it said one, else the view's noise over the confidence.
    """
    sure = np.nan_to_num(by_point(problem.confidence))
    told = by_point(problem.variance)
    known = np.isfinite(told) & (told > 0)
    learned = np.where(sure > 0, noise / np.where(sure > 0, sure, 1.0), np.inf)
    chosen = np.where(known & (sure > 0), np.maximum(np.nan_to_num(told), FLOOR), learned)
    seen = by_point(np.isfinite(problem.xy).all(-1).astype(float)) > 0
    return np.where(seen, chosen, np.inf)


def solved(
    problem: Problem,
    points: Float[np.ndarray, "N 3"],
    used: Bool[np.ndarray, "N V"],
    width: Float[np.ndarray, " V"],
) -> Solved:
    """Return points with the covariance that their images' noise gives them.

    Args:
        problem: of N = T · J points.
        points: world units.
        used: which observations took part; the others that are there are called outliers.
        width: variance of each view's observations, px².
    """
    precision = np.where(used, 1 / variances(problem, width), 0.0)
    covariance = refinement.covariances(points, precision, problem.params)
    return assembled(problem, points, covariance, used, width)


def assembled(
    problem: Problem,
    points: Float[np.ndarray, "N 3"],
    covariance: Float[np.ndarray, "N 3 3"],
    used: Bool[np.ndarray, "N V"],
    noise: Float[np.ndarray, " V"],
) -> Solved:
    """Return what a tier returns, from arrays by point."""
    frames, _, joints = problem.confidence.shape
    seen = np.isfinite(problem.xy).all(-1)
    return Solved(
        points.reshape(frames, joints, 3),
        covariance.reshape(frames, joints, 3, 3),
        np.where(seen, by_frame(1.0 - used, problem), np.nan),
        learned={"noise_px": np.sqrt(noise).round(3).tolist()},
    )
