"""Where movement changes, told from poses alone: the time scale that syllables should have.

The score of a frame is the squared difference between the step of the pose after it and the
one before it, ‖(x_{t+w} - x_t) - (x_t - x_{t-w})‖², over its mean: 1 is as usual, and it peaks
where one movement gives way to another. It knows no syllables, so it can judge them: at their
onsets it should be higher. Its autocorrelation says for how long movements go on, which differs
between species.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Integer

STEP_S = 0.1  # w
LONGEST_S = 2.0  # lag of the autocorrelation
AROUND_S = 0.5  # before and after an onset


class Scale(NamedTuple):
    """How the score goes with itself, later."""

    lag_s: Float[np.ndarray, " K"]
    autocorrelation: Float[np.ndarray, " K"]  # pooled over series
    half_s: float  # first lag at which it is at most a half


class Around(NamedTuple):
    """The score near onsets of syllables, and near as many frames that were not chosen."""

    time_s: Float[np.ndarray, " M"]
    onset: Float[np.ndarray, " M"]
    chance: Float[np.ndarray, " M"]


def score(x: Float[np.ndarray, "T D"], fps: float) -> Float[np.ndarray, " T"]:
    """Return the score of each frame; NaN where the step before or after is not known."""
    w = max(1, round(STEP_S * fps))
    out = np.full(len(x), np.nan)
    if len(x) <= 2 * w:
        return out
    out[w:-w] = ((x[2 * w :] - 2 * x[w:-w] + x[: -2 * w]) ** 2).sum(axis=1)
    mean = np.nanmean(out) if np.isfinite(out).any() else 0.0
    return out / mean if mean > 0 else out


def scale(scores: Sequence[Float[np.ndarray, " _"]], fps: float) -> Scale:
    """Return the autocorrelation of scores, each series less its own mean."""
    lags = np.arange(round(LONGEST_S * fps) + 1)
    total, count = np.zeros(len(lags)), np.zeros(len(lags))
    for own in scores:
        known = np.isfinite(own)
        if not known.any():
            continue
        left = np.where(known, own - own[known].mean(), 0.0)
        for k in lags[: len(own)]:
            stop = len(own) - k
            total[k] += left[:stop] @ left[k:]
            count[k] += (known[:stop] & known[k:]).sum()
    each = total / np.maximum(count, 1)
    curve = each / each[0] if each[0] > 0 else np.full(len(lags), np.nan)
    low = np.flatnonzero(curve <= 1 / 2)
    half = float(lags[low[0]] / fps) if len(low) else float("nan")
    return Scale(lags / fps, curve, half)


def around(
    scores: Sequence[Float[np.ndarray, " _"]],
    onsets: Sequence[Int[np.ndarray, " _"]],
    fps: float,
) -> Around:
    """Return mean scores near onsets; chance: near these, shifted by half of the series."""
    reach = np.arange(-round(AROUND_S * fps), round(AROUND_S * fps) + 1)
    sums, counts = np.zeros((2, len(reach))), np.zeros((2, len(reach)))
    for own, begun in zip(scores, onsets, strict=True):
        moved = (begun + len(own) // 2) % max(1, len(own))
        for row, frames in enumerate((begun, moved)):
            at = frames[:, None] + reach
            inside = (at >= 0) & (at < len(own))
            seen = np.where(inside, own[np.clip(at, 0, len(own) - 1)], np.nan)
            sums[row] += np.nansum(seen, axis=0)
            counts[row] += np.isfinite(seen).sum(axis=0)
    mean = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return Around(reach / fps, mean[0], mean[1])


def begun(labels: Integer[np.ndarray, " T"]) -> Int[np.ndarray, " B"]:
    """Return the frames at which a label follows another; gaps (-1) begin and end nothing.

    >>> begun(np.array([2, 2, 0, -1, 1, 1, 2])).tolist()
    [2, 6]
    """
    changed = (labels[1:] != labels[:-1]) & (labels[1:] >= 0) & (labels[:-1] >= 0)
    return (np.flatnonzero(changed) + 1).astype(np.int64)
