"""Leave one view out: fit without it, predict it. The only accuracy that needs no truth."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.kernels import projection
from gambol.multiview.tiers import base

ASTRAY = 0.05  # share of observations that are none of the point, in the score
WILD = 50.0  # px, sd of those
FRAMES = 300  # looked at, unless told otherwise


class LeftOut(NamedTuple):
    """How well each view is told by the others."""

    px: Float[np.ndarray, "T V J"]  # distance; NaN where not seen or not predicted
    log_score: Float[np.ndarray, " V"]  # mean log density of the observations, nats
    predicted: Float[np.ndarray, " V"]  # share of its observations that got a prediction


def leave_one_out(
    problem: base.Problem, tier: base.Tier, noise: float | None = None
) -> LeftOut:
    """Fit without each view in turn and predict it.

    Args:
        problem: of one animal; cut it with `sample` first if it is long.
        tier: fitted anew V times.
        noise: sd of an observation, px; None: of the residuals, robustly.
    """
    far = np.full(problem.xy.shape[:-1], np.nan)
    spread = np.full((*far.shape, 2, 2), np.nan)
    off = np.full((*far.shape, 2), np.nan)
    for view in range(problem.xy.shape[1]):
        kept = np.arange(problem.xy.shape[1]) != view
        if np.isfinite(problem.xy[:, kept]).all(-1).any(0).any(-1).sum() < 2:
            continue
        solved = tier(problem.of_views(kept))
        shape = problem.xy[:, view].shape
        seen = projection.project(solved.xyz.reshape(-1, 3), problem.params[view : view + 1])
        off[:, view] = problem.xy[:, view] - seen.uv[0].reshape(shape)
        far[:, view] = np.linalg.norm(off[:, view], axis=-1)
        jac = seen.jac[0].reshape(*shape[:-1], 2, 3)
        spread[:, view] = jac @ solved.covariance @ np.swapaxes(jac, -1, -2)
    score = np.full(far.shape, np.nan)
    known = np.isfinite(far)
    own = noise if noise is not None else width(far)
    score[known] = _log_density(off[known], spread[known], own)
    there = np.isfinite(problem.xy).all(-1)
    got = there & known
    share = got.sum((0, 2)) / np.maximum(there.sum((0, 2)), 1)
    lowest = np.log(ASTRAY) - np.log(2 * np.pi * (20 * WILD) ** 2)  # told nothing
    each = np.where(got, score, lowest)
    mean = np.where(there, each, 0).sum((0, 2)) / np.maximum(there.sum((0, 2)), 1)
    return LeftOut(far, mean, share)


def sample(problem: base.Problem, frames: int = FRAMES) -> base.Problem:
    """Return a stretch from the middle that is not longer than so many frames."""
    total = len(problem.xy)
    if total <= frames:
        return problem
    start = (total - frames) // 2
    part = slice(start, start + frames)
    return problem.of_frames(part)


def width(far: Float[np.ndarray, "T V J"]) -> float:
    """Return the sd of a coordinate, px, if most distances are Gaussian.

    Their median is 1.1774 sd.
    """
    known = far[np.isfinite(far)]
    return max(float(np.median(known)) / 1.1774, 0.1) if len(known) else 1.0


def _log_density(
    off: Float[np.ndarray, "N 2"], spread: Float[np.ndarray, "N 2 2"], noise: float
) -> Float[np.ndarray, " N"]:
    """Log of the observation's density: near the prediction, or astray."""
    total = np.nan_to_num(spread) + noise**2 * np.eye(2)
    det = total[..., 0, 0] * total[..., 1, 1] - total[..., 0, 1] ** 2
    form = (
        total[..., 1, 1] * off[..., 0] ** 2
        - 2 * total[..., 0, 1] * off[..., 0] * off[..., 1]
        + total[..., 0, 0] * off[..., 1] ** 2
    ) / det
    near = np.log1p(-ASTRAY) - np.log(2 * np.pi) - np.log(det) / 2 - form / 2
    wide = WILD**2
    wild = np.log(ASTRAY) - np.log(2 * np.pi * wide) - (off**2).sum(-1) / (2 * wide)
    return np.logaddexp(near, wild)
