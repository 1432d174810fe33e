"""What a syllable model has to beat: a Gaussian, and one linear step for all frames.

Both are dynamics of a single state, learned from the same series by least squares, so they are
scored by whatever scores syllables. A model that foretells new recordings no better than these
has found no syllables, however well its states look.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float

from gambol.behavior.syllables import Parameters
from gambol.kernels import arhmm_paths
from gambol.kernels.arhmm import Dynamics, lay

NAMES = ("gaussian", "first_order")
_RIDGE = 1e-9  # of the mean variance: what never moves has some


class Baselines(NamedTuple):
    """Dynamics of one state each, over as many lags as the model has."""

    gaussian: Dynamics  # x_t ~ N(mean, covariance)
    first_order: Dynamics  # x_t ~ N(A x_{t-1} + b, Q)


def learn(series: Sequence[Float[np.ndarray, "_ D"]], lags: int) -> Baselines:
    """Learn both from series.

    Args:
        series: of a fit.
        lags: L, of the model that they stand beside.
    """
    now = np.concatenate([x[lags:] for x in series])
    before = np.concatenate([x[lags - 1 : -1] for x in series])
    ones = np.ones((len(now), 1))
    return Baselines(
        _regressed(now, ones, lags), _regressed(now, np.hstack([before, ones]), lags)
    )


def alone(dynamics: Dynamics) -> Parameters:
    """Return the parameters of a model with these dynamics and one state."""
    return Parameters(np.ones(1), np.ones((1, 1)), dynamics)


def evidence(x: Float[np.ndarray, "T D"], known: Dynamics) -> float:
    """Return log p(x_{L+1:T} | x_{1:L}), in nats.

    >>> still = learn([np.random.default_rng(0).standard_normal((500, 1))], 1).gaussian
    >>> round(evidence(np.zeros((11, 1)), still) / 10, 1)  # -log √(2π) of each frame
    -0.9
    """
    return arhmm_paths.evidence(x, lay(known), np.ones((1, 1)))


def tables(known: Baselines) -> dict[str, Any]:
    """Return the variables that hold baselines."""
    held: dict[str, Any] = {}
    for name, (ab, q) in zip(NAMES, known, strict=True):
        held[f"{name}_coefficients"] = (("one", "latent", "column"), ab)
        held[f"{name}_covariance"] = (("one", "latent", "latent_b"), q)
    return held


def from_tables(held: xr.Dataset) -> Baselines:
    """Return what `tables` wrote."""
    return Baselines(
        *(
            Dynamics(held[f"{name}_coefficients"].values, held[f"{name}_covariance"].values)
            for name in NAMES
        )
    )


def _regressed(
    now: Float[np.ndarray, "M D"], before: Float[np.ndarray, "M P"], lags: int
) -> Dynamics:
    """Return the least-squares step from the last columns of φ, and what it leaves."""
    d, used = now.shape[1], before.shape[1]
    ab = np.zeros((d, lags * d + 1))
    ab[:, -used:] = np.linalg.lstsq(before, now, rcond=None)[0].T
    rest = now - before @ ab[:, -used:].T
    q = rest.T @ rest / max(1, len(rest))
    q += _RIDGE * max(float(np.trace(q)) / d, _RIDGE) * np.eye(d)
    return Dynamics(ab[None], q[None])
