"""The von Mises-Fisher distribution of directions in space, and its Gaussian cousin.

vMF(u; ν, κ) = C(κ) exp(κ ν·u) with C(κ) = κ / (4π sinh κ), u and ν of length 1. The mean of u
is A(κ) ν with A(κ) = coth κ - 1/κ, its covariance A'(κ) ννᵀ + A(κ)/κ (I - ννᵀ).
Everything holds from κ = 0 (uniform) to where only e^-κ underflows.
Source: Mardia and Jupp (2000), Directional Statistics, 9.3; Wood (1994) for drawing.
"""

from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float

SMALL = 0.02  # κ below which series are more exact than differences
LOG_4PI = float(np.log(4 * np.pi))
LARGEST = 1e6  # κ of directions that are all the same


@numba.njit(cache=True, nogil=True)
@no_type_check
def log_normalizer(kappa):
    """Return log C(κ) of one κ >= 0.

    >>> round(float(np.exp(log_normalizer(0.0)) * 4 * np.pi), 12)
    1.0
    """
    if kappa < SMALL:
        k2 = kappa * kappa
        return -LOG_4PI - k2 / 6 + k2 * k2 / 180
    return np.log(2 * kappa) - LOG_4PI - kappa - np.log1p(-np.exp(-2 * kappa))


@numba.njit(cache=True, nogil=True)
@no_type_check
def mean_length(kappa):
    """Return A(κ), the length of the mean of u, of one κ >= 0.

    >>> round(float(mean_length(25.0)), 6)
    0.96
    """
    if kappa < SMALL:
        k2 = kappa * kappa
        return kappa * (1 / 3 - k2 / 45 + 2 * k2 * k2 / 945)
    return 1 / np.tanh(kappa) - 1 / kappa


@numba.njit(cache=True, nogil=True)
@no_type_check
def spread(kappa):
    """Return the variances of u along ν, A'(κ), and across it, A(κ)/κ, of one κ >= 0."""
    k2 = kappa * kappa
    if kappa < SMALL:
        return 1 / 3 - k2 / 15 + 2 * k2 * k2 / 189, 1 / 3 - k2 / 45 + 2 * k2 * k2 / 945
    far = np.exp(-2 * kappa)
    return 1 / k2 - 4 * far / (1 - far) ** 2, mean_length(kappa) / kappa


def concentration(length: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Return κ with A(κ) = length, for lengths from 0 to 1.

    The start r (3 - r²) / (1 - r²) is within a few percent; three Newton steps on it are exact
    to 1e-6 up to κ = 1000.

    >>> concentration(np.array([0.0, 0.96])).round(6).tolist()
    [0.0, 25.0]
    """
    r = np.clip(np.asarray(length, float), 0.0, 1 - 1 / LARGEST)
    kappa = r * (3 - r**2) / (1 - r**2)
    for _ in range(3):
        off, slope = _newton(kappa.ravel(), r.ravel())
        kappa = np.maximum(kappa - (off / slope).reshape(kappa.shape), 0.0)
    return kappa


def draw(
    rng: np.random.Generator, mean: Float[np.ndarray, "*N 3"], kappa: Float[np.ndarray, "*N"]
) -> Float[np.ndarray, "*N 3"]:
    """Draw one direction around each mean direction (of length 1).

    The part along ν has the distribution function (e^κw - e^-κ) / (e^κ - e^-κ), inverted; the
    part across is uniform on a circle.
    """
    share, angle = rng.random(kappa.shape), rng.uniform(0, 2 * np.pi, kappa.shape)
    safe = np.maximum(kappa, 1e-12)
    w = 1 + np.log(share + (1 - share) * np.exp(-2 * safe)) / safe
    w = np.clip(np.where(kappa < 1e-6, 2 * share - 1, w), -1.0, 1.0)
    first, second = across(mean)
    turned = np.cos(angle)[..., None] * first + np.sin(angle)[..., None] * second
    return w[..., None] * mean + np.sqrt(1 - w**2)[..., None] * turned


def across(
    mean: Float[np.ndarray, "*N 3"],
) -> tuple[Float[np.ndarray, "*N 3"], Float[np.ndarray, "*N 3"]]:
    """Return two directions that are at right angles to each mean and to each other."""
    helper = np.zeros_like(mean)
    np.put_along_axis(helper, np.abs(mean).argmin(axis=-1)[..., None], 1.0, axis=-1)
    first = np.cross(mean, helper)
    first /= np.linalg.norm(first, axis=-1, keepdims=True)
    return first, np.cross(mean, first)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _newton(kappa, length):
    off, slope = np.empty_like(kappa), np.empty_like(kappa)
    for i in range(len(kappa)):
        off[i] = mean_length(kappa[i]) - length[i]
        slope[i] = spread(kappa[i])[0]
    return off, slope
