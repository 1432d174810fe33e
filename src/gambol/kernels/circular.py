"""Angles: draws from the von Mises law p(θ) ∝ exp(κ cos(θ - μ)), from uniform to almost sure.

Source: Best and Fisher (1979), Appl. Stat. 28:152 (rejection from a wrapped Cauchy law).
"""

from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float

SURE = 1e6  # κ from which on the law is normal, of variance 1/κ
VAGUE = 1e-8  # κ below which it is uniform


def draw(
    rng: np.random.Generator, mean: Float[np.ndarray, " n"], kappa: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Draw one angle for each mean and κ, in (-π, π]."""
    out = np.empty(len(mean))
    _draw(rng, mean, kappa, out)
    return out


@numba.njit(cache=True, nogil=True)
@no_type_check
def _draw(rng, mean, kappa, out):
    for t in range(len(out)):
        out[t] = von_mises(rng, mean[t], kappa[t])


@numba.njit(cache=True, nogil=True)
@no_type_check
def von_mises(rng, mean, kappa):
    """Draw one angle."""
    if not kappa > VAGUE:
        return np.pi * (1.0 - 2.0 * rng.random())
    if kappa > SURE:
        return wrap(mean + rng.standard_normal() / np.sqrt(kappa))
    if kappa < 1e-5:
        r = 1.0 / kappa + kappa  # the first terms, where differences lose all digits
    else:
        tau = 1.0 + np.sqrt(1.0 + 4.0 * kappa * kappa)
        rho = (tau - np.sqrt(2.0 * tau)) / (2.0 * kappa)
        r = (1.0 + rho * rho) / (2.0 * rho)
    while True:
        z = np.cos(np.pi * rng.random())
        f = (1.0 + r * z) / (r + z)
        c = kappa * (r - f)
        u = 1.0 - rng.random()  # never 0
        if c * (2.0 - c) - u > 0.0 or np.log(c / u) + 1.0 - c >= 0.0:
            break
    f = min(1.0, max(-1.0, f))
    turn = np.arccos(f)
    return wrap(mean + turn if rng.random() < 0.5 else mean - turn)


@numba.njit(cache=True, nogil=True)
@no_type_check
def wrap(angle):
    """Return the same direction in (-π, π]."""
    turned = angle - 2.0 * np.pi * np.round(angle / (2.0 * np.pi))
    return turned if turned > -np.pi else turned + 2.0 * np.pi
