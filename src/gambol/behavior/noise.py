"""How confidence foretells the noise of keypoints, from frames whose truth is known.

The model sees an error e in d coordinates with variance s · I and s scaled-inverse-χ²(ν, s⁰),
so ‖e‖² / (d s⁰) ~ F(d, ν). With log10 √s⁰ = slope · log10(confidence) + level, both numbers
are found by maximum likelihood of that law, which large errors do not mislead as they do a
regression of log ‖e‖.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import stats
from scipy.optimize import minimize

from gambol.behavior.slds_start import Calibration, foretold
from gambol.core.errors import InputError

FEWEST = 50  # labelled frames
LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)  # of the quantiles that are compared


class Report(NamedTuple):
    """Errors by confidence: those of the calibrated law beside those seen."""

    calibration: Calibration
    edges: Float[np.ndarray, " B1"]  # of confidence, of bins of equal size
    size: Int[np.ndarray, " B"]  # points in each
    seen: Float[np.ndarray, "B Q"]  # quantiles of ‖e‖ at `LEVELS`, in units of the poses
    predicted: Float[np.ndarray, "B Q"]


def calibrate(
    error: Float[np.ndarray, "F J d"],
    confidence: Float[np.ndarray, "F J"],
    dof: float = 5.0,
    bins: int = 5,
) -> Report:
    """Fit slope and level to labelled frames.

    Args:
        error: predicted minus true position; NaN where there is no label or no prediction.
        confidence: 0 to 1.
        dof: ν, as the model has it.
        bins: of confidence, in the report.
    """
    known = ~np.isnan(error).any(axis=-1) & ~np.isnan(confidence)
    frames, d = int(known.any(axis=1).sum()), error.shape[-1]
    if frames < FEWEST:
        raise InputError(
            f"{frames} labelled frames; give at least {FEWEST} to calibrate the noise"
        )
    square, sure = (error**2).sum(axis=-1)[known], confidence[known]

    def loss(told: Float[np.ndarray, " 2"]) -> float:
        variance = foretold(sure, Calibration(*told))
        density = stats.f.logpdf(np.maximum(square, 1e-12) / (d * variance), d, dof)
        return float(np.log(variance).mean() - density.mean())

    first = np.array([-0.5, np.log10(np.sqrt(np.median(square) / d) + 1e-9)])
    best = minimize(loss, first, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-10})
    return _report(Calibration(float(best.x[0]), float(best.x[1])), square, sure, d, dof, bins)


def _report(
    told: Calibration,
    square: Float[np.ndarray, " M"],
    sure: Float[np.ndarray, " M"],
    d: int,
    dof: float,
    bins: int,
) -> Report:
    edges = np.quantile(sure, np.linspace(0, 1, bins + 1))
    which = np.clip(np.searchsorted(edges, sure, side="right") - 1, 0, bins - 1)
    count = np.bincount(which, minlength=bins)
    seen, predicted = np.full((2, bins, len(LEVELS)), np.nan)
    # the law of a bin is a mixture over its confidences: quantiles of fixed draws from it
    draws = stats.f.ppf((np.arange(1000) + 0.5) / 1000, d, dof)
    for b in np.flatnonzero(count):
        seen[b] = np.quantile(np.sqrt(square[which == b]), LEVELS)
        own = foretold(sure[which == b], told)
        some = own[:: max(1, len(own) // 200)]
        predicted[b] = np.quantile(np.sqrt(d * some[:, None] * draws), LEVELS)
    return Report(told, edges, count, seen, predicted)
