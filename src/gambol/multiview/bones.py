"""Bones: how far a keypoint lies from the one it hangs on.

With Δ = x_j - x_π(j), r = ‖Δ‖ and unit vector n = Δ/r there are two priors, which differ:
    direction   x_j ~ N(x_π + ρu, σ²I), u uniform on the sphere and integrated out:
                -log p = (r² + ρ²)/2σ² - log(sinh κ/κ) + const, κ = ρr/σ²; smooth at r = 0
    radius      p ∝ exp(-(r - ρ)²/2σ²), mode at r = ρ, a cusp at r = 0
Slopes point along n. Curvatures along and across n are, with A = coth κ - 1/κ,
    direction   1/σ² - (ρ²/σ⁴) A'(κ)   and   (1 - ρA/r)/σ²     both below 1/σ² (the majoriser)
    radius      1/σ²                   and   (1 - ρ/r)/σ²
and where one is negative, descent takes it to be flat; covariances take it as it is.
Pairs of keypoints beyond the tree may be held at a distance in the same way (`Edges`).
"""

from typing import Literal, NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.kernels import vmf

Form = Literal["direction", "radius"]
ENOUGH = 10  # frames, with fewer of which a bone's length cannot be learned
LEAST = 1e-4  # σ²/ρ² of the most rigid bone, seen by a detector: 1 % of its length
BLURRED = 0.5  # sd of a noisy difference over its length, above which it tells nothing
FAR = 5.0  # sd of lengths from their median, beyond which one is an outlier's
ROUNDS, CLOSE = 100, 1e-3  # of EM: at most, and the relative change of σ² that ends it
MAD = 1.4826  # sd of a normal distribution over its median absolute deviation


class Edges(NamedTuple):
    """Pairs of keypoints that keep their distance."""

    ends: Int[np.ndarray, "E 2"]
    length: Float[np.ndarray, " E"]  # ρ, world units
    variance: Float[np.ndarray, " E"]  # σ², squared world units


class Bones(NamedTuple):
    """One bone a keypoint, to its parent, and other pairs that keep their distance."""

    parent: Int[np.ndarray, " J"]  # -1: none
    length: Float[np.ndarray, " J"]  # ρ, world units; 0 where no parent
    variance: Float[np.ndarray, " J"]  # σ², squared world units; 1 where no parent
    edges: Edges | None = None  # beyond the tree; GIMBAL knows none

    def all(self) -> Edges:
        """Return bones and other edges together."""
        hung = np.flatnonzero(np.asarray(self.parent) >= 0)
        own = Edges(
            np.stack([hung, np.asarray(self.parent)[hung]], axis=1).astype(np.int64),
            np.asarray(self.length, float)[hung],
            np.asarray(self.variance, float)[hung],
        )
        if self.edges is None:
            return own
        return Edges(*(np.concatenate(both) for both in zip(own, self.edges, strict=True)))


class Bent(NamedTuple):
    """The prior of all bones around T poses of J points, B = 3J."""

    energy: Float[np.ndarray, " T"]  # -log p
    gradient: Float[np.ndarray, "T B"]
    curvature: Float[np.ndarray, "T B B"]  # positive semidefinite
    observed: Float[np.ndarray, "T B B"]  # exact; empty unless asked for


def bend(x: Float[np.ndarray, "T J 3"], bones: Bones, form: Form, exact: bool = False) -> Bent:
    """Return the energy of the bones of poses, and its derivatives.

    Args:
        x: world units, finite.
        bones: of the keypoints.
        form: which prior.
        exact: also the true second derivative.
    """
    return Bent(*_bend(x, *bones.all(), form == "radius", exact))


def learn(
    x: Float[np.ndarray, "T J 3"],
    covariance: Float[np.ndarray, "T J 3 3"],
    sure: Bool[np.ndarray, "T J"],
    parent: tuple[int, ...],
    form: Form,
) -> Bones:
    """Learn bones from points that were triangulated each by itself.

    The noise of Δ is taken to be the same in all directions, s² = tr(Cov)/3 of its two ends.
    Lengths far from the median are left out, and so is a bone that too few frames show. What
    noise hides of σ² is allowed for: its standard error is added.

    Args:
        x: world units.
        covariance: of each.
        sure: where a point's place is well known.
        parent: of each keypoint, -1 for none.
        form: which prior.
    """
    made = Bones(np.full(len(parent), -1), np.zeros(len(parent)), np.ones(len(parent)))
    noise = np.trace(covariance, axis1=-2, axis2=-1) / 3
    for j, p in enumerate(parent):
        if p < 0:
            continue
        both = sure[:, j] & sure[:, p]
        r = np.linalg.norm(x[both, j] - x[both, p], axis=1)
        s2 = noise[both, j] + noise[both, p]
        usual = float(np.median(r)) if len(r) else 0.0
        spread = MAD * float(np.median(np.abs(r - usual))) if len(r) else 0.0
        keep = (s2 < (usual * BLURRED) ** 2) & (np.abs(r - usual) <= FAR * spread)
        if keep.sum() >= ENOUGH:
            fit = _radius if form == "radius" else _direction
            rho, var = fit(r[keep], s2[keep], usual)
            doubt = np.sqrt(2 / (1 / (var + s2[keep]) ** 2).sum())  # standard error of σ²
            made.parent[j], made.length[j] = p, rho
            made.variance[j] = max(var + doubt, LEAST * rho**2)
    return made


def _direction(
    r: Float[np.ndarray, " T"], s2: Float[np.ndarray, " T"], usual: float
) -> tuple[float, float]:
    """ρ and σ² by EM, u the hidden variable.

    A noisy Δ is N(ρu, τI) with τ = σ² + s², so that with A = A(ρr/τ)
        ρ ← Σ rA/τ / Σ 1/τ,  σ² ← Σ ((r² - 2ρrA + ρ²)/3 - s²)/τ² / Σ 1/τ²,
    the latter the zero of the expected score at the present weights.
    """
    rho = usual
    var = max(float(np.var(r)) - float(s2.mean()), LEAST * rho**2)
    for _ in range(ROUNDS):
        before, tau = var, var + s2
        product = r * _mean_lengths(rho * r / tau)
        rho = float((product / tau).sum() / (1 / tau).sum())
        left = (r**2 - 2 * rho * product + rho**2) / 3 - s2
        var = max(float((left / tau**2).sum() / (1 / tau**2).sum()), LEAST * rho**2)
        if abs(np.log(var / before)) < CLOSE:
            break
    return rho, var


def _radius(
    r: Float[np.ndarray, " T"], s2: Float[np.ndarray, " T"], usual: float
) -> tuple[float, float]:
    """ρ and σ² of the density ∝ r² N(r; ρ, σ²) that has the first two moments of r.

    Noise adds 3s² to the mean of r² and about s²/r to that of r. The moments of the density
    are those of N times r²; r < 0 is neglected.
    """
    mean = float((r - s2 / r).mean())
    wanted = max(float((r**2 - 3 * s2).mean()) - mean**2, LEAST * mean**2)
    rho, var = mean, wanted
    for _ in range(ROUNDS):
        norm = rho**2 + var
        has_mean = rho * (rho**2 + 3 * var) / norm
        has_var = (rho**4 + 6 * rho**2 * var + 3 * var**2) / norm - has_mean**2
        rho = max(rho + mean - has_mean, usual / 10)
        var *= wanted / has_var
    return rho, var


@numba.njit(cache=True, nogil=True)
@no_type_check
def _mean_lengths(kappa):
    out = np.empty_like(kappa)
    for i in range(len(kappa)):
        out[i] = vmf.mean_length(kappa[i])
    return out


@numba.njit(cache=True, nogil=True)
@no_type_check
def _bone(r, rho, var, radius):
    """-log p, its slope along n, and its curvatures along and across n."""
    constant = 1.5 * np.log(2 * np.pi * var)
    if radius:
        return (
            constant + (r - rho) ** 2 / (2 * var),
            (r - rho) / var,
            1 / var,
            1 / var * (1 - rho / r),
        )
    kappa = rho * r / var
    mean = vmf.mean_length(kappa)
    along, _ = vmf.spread(kappa)
    bulk = -np.log(4 * np.pi) - vmf.log_normalizer(kappa)  # log(sinh κ / κ)
    energy = constant + (r * r + rho * rho) / (2 * var) - bulk
    return (
        energy,
        (r - rho * mean) / var,
        (1 - rho * rho / var * along) / var,
        (1 - rho * mean / r) / var,
    )


@numba.njit(cache=True, nogil=True)
@no_type_check
def _bend(x, ends, length, variance, radius, exact):
    frames, points = x.shape[0], x.shape[1]
    size = 3 * points
    energy, gradient = np.zeros(frames), np.zeros((frames, size))
    curvature = np.zeros((frames, size, size))
    observed = np.zeros((frames if exact else 0, size, size))
    n = np.empty(3)
    for t in range(frames):
        for b in range(len(ends)):
            j, p = ends[b, 0], ends[b, 1]
            r = 0.0
            for k in range(3):
                n[k] = x[t, j, k] - x[t, p, k]
                r += n[k] * n[k]
            r = max(np.sqrt(r), 1e-6 * length[b])
            n /= r
            e, slope, along, across = _bone(r, length[b], variance[b], radius)
            energy[t] += e
            for k in range(3):
                gradient[t, 3 * j + k] += slope * n[k]
                gradient[t, 3 * p + k] -= slope * n[k]
            _add(curvature[t], j, p, n, max(along, 0.0), max(across, 0.0))
            if exact:
                _add(observed[t], j, p, n, along, across)
    return energy, gradient, curvature, observed


@numba.njit(cache=True, nogil=True)
@no_type_check
def _add(matrix, j, p, n, along, across):
    """Add the curvature of a bone to the four blocks of its ends."""
    for k in range(3):
        for m in range(3):
            value = (along - across) * n[k] * n[m] + (across if k == m else 0.0)
            matrix[3 * j + k, 3 * j + m] += value
            matrix[3 * p + k, 3 * p + m] += value
            matrix[3 * j + k, 3 * p + m] -= value
            matrix[3 * p + k, 3 * j + m] -= value
