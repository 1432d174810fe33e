"""How well Markov chains have mixed: effective sample size and split R̂.

Chains are cut in halves, so that a drift within one counts as disagreement between two.
Source: Gelman et al. (2013), Bayesian Data Analysis, 11.4-11.5; Geyer (1992) for the pairs of
autocorrelations at which the sum ends.
"""

import numpy as np
from jaxtyping import Float

FEW = 8  # draws of a chain, from fewer of which nothing is told


def split_rhat(draws: Float[np.ndarray, "C N"]) -> float:
    """Return split R̂ of C chains of N draws; 1 where they agree.

    NaN where nothing moves or draws are few.
    """
    if draws.shape[1] < FEW:
        return float("nan")
    halves = _halves(draws)
    within, between = _variances(halves)
    n = halves.shape[1]
    return float(np.sqrt((n - 1) / n + between / within)) if within > 0 else float("nan")


def effective_size(draws: Float[np.ndarray, "C N"]) -> float:
    """Return how many independent draws tell as much of the mean.

    NaN where nothing moves or draws are few.

    >>> rng = np.random.default_rng(0)
    >>> 1500 < effective_size(rng.standard_normal((2, 1000))) < 2500
    True
    """
    if draws.shape[1] < FEW:
        return float("nan")
    halves = _halves(draws)
    chains, n = halves.shape
    within, between = _variances(halves)
    if not within > 0:
        return float("nan")
    pooled = (n - 1) / n * within + between
    centred = halves - halves.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(centred, 2 * n)) ** 2
    covariance = np.fft.irfft(power, 2 * n)[:, :n].mean(axis=0) / n
    correlation = 1 - (within * (n - 1) / n - covariance) / pooled
    correlation[0] = 1.0
    even = n - n % 2
    pairs = correlation[:even].reshape(-1, 2).sum(axis=1)
    stop = int(np.argmax(pairs < 0)) if (pairs < 0).any() else len(pairs)
    falling = np.minimum.accumulate(pairs[:stop]).sum()
    return float(chains * n / max(2 * falling - 1, 1 / np.log10(max(chains * n, 11))))


def _halves(draws: Float[np.ndarray, "C N"]) -> Float[np.ndarray, "D M"]:
    middle = draws.shape[1] // 2
    return np.concatenate([draws[:, :middle], draws[:, middle : 2 * middle]])


def _variances(halves: Float[np.ndarray, "D M"]) -> tuple[float, float]:
    """Return the mean variance within chains, and the variance of their means."""
    return float(halves.var(axis=1, ddof=1).mean()), float(halves.mean(axis=1).var(ddof=1))
