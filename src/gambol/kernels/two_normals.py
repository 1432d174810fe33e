"""Two Gaussians under one histogram, and the valley between them: is a quantity bimodal?"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class TwoNormals(NamedTuple):
    """A mixture, the lower component first."""

    weight: Float[np.ndarray, " 2"]
    mean: Float[np.ndarray, " 2"]
    sd: Float[np.ndarray, " 2"]


class Valley(NamedTuple):
    """The lowest place of a mixture's density between its means."""

    place: float
    depth: float  # density there over that at the lower of the two peaks; 1: no valley


def fit(
    values: Float[np.ndarray, " B"], counts: Float[np.ndarray, " B"], rounds: int = 500
) -> TwoNormals:
    """Fit by expectation-maximisation, from the two halves about the mean.

    Args:
        values: centres of the bins, increasing.
        counts: of each.
        rounds: at most; it ends where weights move by less than 1e-9.
    """
    width = (values[-1] - values[0]) / max(1, len(values) - 1)
    share = counts / counts.sum()
    middle = (share * values).sum()
    low = (values < middle).astype(float)
    resp = np.stack([low, 1.0 - low])
    before = np.zeros(2)
    for _ in range(rounds):
        mass = resp * share
        weight = np.maximum(mass.sum(axis=1), 1e-12)
        mean = (mass @ values) / weight
        var = (mass * (values - mean[:, None]) ** 2).sum(axis=1) / weight
        sd = np.sqrt(np.maximum(var, width**2 / 12))  # no narrower than a bin
        joint = _densities(values, TwoNormals(weight, mean, sd))
        resp = joint / np.maximum(joint.sum(axis=0), 1e-300)
        if np.abs(weight - before).max() < 1e-9:
            break
        before = weight
    order = np.argsort(mean)
    return TwoNormals(weight[order], mean[order], sd[order])


def posterior(x: Float[np.ndarray, "*N"], fitted: TwoNormals) -> Float[np.ndarray, "*N"]:
    """Return the probability of the lower component, beyond both means that of the nearer."""
    inner = np.clip(x, *fitted.mean)
    joint = _densities(inner.ravel(), fitted)
    return (joint[0] / joint.sum(axis=0)).reshape(x.shape)


def valley(fitted: TwoNormals) -> Valley:
    """Return the lowest place between the means."""
    places = np.linspace(fitted.mean[0], fitted.mean[1], 1001)
    density = _densities(places, fitted).sum(axis=0)
    lowest = int(density.argmin())
    left, right = density[: lowest + 1].max(), density[lowest:].max()
    return Valley(float(places[lowest]), float(density[lowest] / min(left, right)))


def _densities(x: Float[np.ndarray, " N"], fitted: TwoNormals) -> Float[np.ndarray, "2 N"]:
    z = (x - fitted.mean[:, None]) / fitted.sd[:, None]
    return (fitted.weight / fitted.sd)[:, None] * np.exp(-0.5 * z**2)
