"""How far the 2D points of a detector lie from the truth, and which are of something else.

An observation of keypoint j in view v is an outlier with probability
    β = σ(logit prior_vj + slope (middle - confidence)), kept within [0.001, 1 - 1e-6],
and lies around the projected point with variance outlier_vj, else with inlier_vj plus the
variance that the detector itself says it has. Where `prior` is 0 nothing is an outlier (plain
Gaussian noise), and where `dof` is above 0 noise is a Student-t of scale inlier_vj instead.
Learning is EM: squared residuals get the uncertainty of the point as the image shows it,
E‖r‖² = ‖r‖² + tr(J Σ Jᵀ), without which noise is thought too small.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import expit, logit

from gambol.kernels import candidates, observation
from gambol.kernels.observation import Linear, Tracks

LEAST, MOST = 1e-3, 1 - 1e-6  # outlier probability
FLOOR = 0.01  # px², below which no noise is believed to lie
USUAL, FEW = 25.0, 10.0  # px² of a detector, as if seen in so many of all observations
WEIGHT = 4.0  # observations of the noise of all, that every view and keypoint is taken to have
FAR = 15.0  # px, a residual of an outlier when nothing else is known
WIDE = 16.0  # outliers vary at least so many times more than inliers
RARE, TRIED = 0.5, 10.0  # outliers among observations that every view is taken to have had
SLOPE, MIDDLE = 20.0, 0.3  # of confidence, before it was compared with residuals
SAME = 0.02  # sd of confidences, below which they tell nothing
MEDIAN = 2 * np.log(2)  # of the squared length of a normal vector in the plane


class Observations(NamedTuple):
    """What V views saw of J keypoints in T frames, as arrays."""

    xy: Float[np.ndarray, "T V J 2"]  # px; NaN: not seen
    confidence: Float[np.ndarray, "T V J"]  # 0 to 1
    variance: Float[np.ndarray, "T V J"]  # px² of each coordinate; NaN: not known
    params: Float[np.ndarray, "V 24"]  # `kernels.projection`
    times: Float[np.ndarray, " T"]  # seconds, increasing
    candidates: Float[np.ndarray, "T V J C 2"] | None = None  # px; further peaks; xy first
    score: Float[np.ndarray, "T V J C"] | None = None  # of the peaks, 0 to 1

    def of_keypoints(self, chosen: Int[np.ndarray, " G"]) -> "Observations":
        """Return what was seen of some keypoints."""
        return self._replace(
            xy=self.xy[:, :, chosen],
            confidence=self.confidence[:, :, chosen],
            variance=self.variance[:, :, chosen],
            candidates=None if self.candidates is None else self.candidates[:, :, chosen],
            score=None if self.score is None else self.score[:, :, chosen],
        )

    def of_frames(
        self, chosen: slice | Int[np.ndarray, " F"] | Bool[np.ndarray, " T"]
    ) -> "Observations":
        """Return some frames; steps between them take the time they took."""
        return self._replace(
            xy=self.xy[chosen],
            confidence=self.confidence[chosen],
            variance=self.variance[chosen],
            times=self.times[chosen],
            candidates=None if self.candidates is None else self.candidates[chosen],
            score=None if self.score is None else self.score[chosen],
        )


class Noise(NamedTuple):
    """Of V views and J keypoints."""

    inlier: Float[np.ndarray, "V J"]  # ω₀², px² of each coordinate
    outlier: Float[np.ndarray, "V J"]  # ω₁², px²
    prior: Float[np.ndarray, "V J"]  # β at the confidence `middle`
    slope: float = 0.0  # a, of logit β over confidence, downwards; 0: confidence tells nothing
    middle: float = MIDDLE  # c₀
    dof: float = 0.0  # ν of a Student-t; 0: the mixture


class Emission(NamedTuple):
    """The noise of every observation, and the observations."""

    xy: Float[np.ndarray, "T V J 2"]  # px; NaN where not seen
    params: Float[np.ndarray, "V 24"]
    inlier: Float[np.ndarray, "T V J"]  # px²
    outlier: Float[np.ndarray, "V J"]  # px²
    prior: Float[np.ndarray, "T V J"]
    dof: float
    peaks: Float[np.ndarray, "T V J C 2"] | None = None  # px, xy first: of which one is right
    share: Float[np.ndarray, "T V J C"] | None = None  # π of the peaks

    def at(self, x: Float[np.ndarray, "T J 3"]) -> Linear:
        """Linearise around points."""
        if self.dof > 0:
            return observation.linearise_student(x, self.xy, self.params, self.inlier, self.dof)
        if self.peaks is not None:
            return candidates.linearise(x, self._several())
        return observation.linearise(
            x, self.xy, self.params, self.inlier, self.outlier, self.prior
        )

    def tracks(self) -> Tracks | candidates.Seen:
        """Return the same by keypoint, to be looked at from many points."""
        if self.peaks is not None:
            return self._several()
        return observation.tracks(
            self.xy, self.params, self.inlier, self.outlier, self.prior, self.dof
        )

    def of_frames(self, chosen: Int[np.ndarray, " F"]) -> "Emission":
        """Return the noise of some frames."""
        return self._replace(
            xy=self.xy[chosen],
            inlier=self.inlier[chosen],
            prior=self.prior[chosen],
            peaks=None if self.peaks is None else self.peaks[chosen],
            share=None if self.share is None else self.share[chosen],
        )

    def meant(self, x: Float[np.ndarray, "T J 3"]) -> Int[np.ndarray, "T V J"] | None:
        """Return the number of the peak that is most likely the point's; None: there is one."""
        if self.peaks is None:
            return None
        return candidates.responsibilities(x, self._several()).argmax(-1)

    def _several(self) -> candidates.Seen:
        assert self.peaks is not None and self.share is not None
        return candidates.seen(
            self.peaks, self.share, self.params, self.inlier, self.outlier, self.prior
        )


def per_observation(
    noise: Noise,
    variance: Float[np.ndarray, "T V J"],
    confidence: Float[np.ndarray, "T V J"],
) -> tuple[Float[np.ndarray, "T V J"], Float[np.ndarray, "T V J"]]:
    """Return ω₀² and β of every observation.

    Args:
        noise: of the views and keypoints.
        variance: what the detector says, px² of each coordinate; NaN or 0: nothing.
        confidence: 0 to 1.
    """
    inlier = np.maximum(noise.inlier + _told(variance), FLOOR)
    if noise.slope == 0:
        return inlier, np.broadcast_to(noise.prior, inlier.shape).copy()
    doubt = logit(np.clip(noise.prior, 1e-9, 1 - 1e-9))
    doubt = doubt + noise.slope * (noise.middle - np.nan_to_num(confidence))
    prior = np.clip(expit(doubt), LEAST, MOST)
    return inlier, np.where(noise.prior > 0, prior, 0.0)


def emission(data: Observations, noise: Noise) -> Emission:
    """Return the observations of a data with their noise."""
    inlier, prior = per_observation(noise, data.variance, data.confidence)
    xy = np.ascontiguousarray(data.xy)
    made = Emission(xy, data.params, inlier, noise.outlier, prior, float(noise.dof))
    if data.candidates is None or noise.dof > 0 or not (noise.prior > 0).any():
        return made  # without outliers there is no choice either: the detector's counts
    several, share = peaks(data)
    return made._replace(peaks=several, share=share)


def peaks(
    data: Observations,
) -> tuple[Float[np.ndarray, "T V J C 2"], Float[np.ndarray, "T V J C"]]:
    """Return the peaks of all observations and their shares, in proportion to their scores.

    The first is the observation itself; where that is not seen, none is.
    """
    assert data.candidates is not None and data.score is not None
    seen = np.isfinite(data.xy).all(-1)
    several = np.where(seen[..., None, None], data.candidates, np.nan)
    several[..., 0, :] = data.xy
    there = np.isfinite(several).all(-1)
    score = np.where(there, np.nan_to_num(data.score), 0.0)
    score[..., 0] = np.where(seen, np.nan_to_num(data.confidence), 0.0)
    total = score.sum(-1, keepdims=True)
    count = np.maximum(there.sum(-1, keepdims=True), 1)
    return several, np.where(total > 0, score / np.where(total > 0, total, 1.0), there / count)


def first(data: Observations, x: Float[np.ndarray, "T J 3"], kind: str, dof: float) -> Noise:
    """Guess the noise from where points are by triangulation.

    Args:
        data: the observations.
        x: points, all finite.
        kind: `gaussian`, `mixture` or `student`.
        dof: of the Student-t.
    """
    shape = data.confidence.shape
    one = np.ones(shape)
    flat = observation.linearise(x, data.xy, data.params, one, one[0], 0 * one)
    seen = np.isfinite(flat.outlier)
    square = np.where(seen, (flat.residual**2).sum(-1), np.nan)
    square[seen & (flat.outlier == 1)] = observation.FAR**2
    count = seen.sum(0)
    middle = np.full(shape[1:], USUAL)
    for v, j in zip(*np.nonzero(count), strict=True):
        middle[v, j] = np.nanmedian(square[:, v, j]) / MEDIAN
    shared = _shared(middle, count)
    inlier = np.maximum((count * middle + WEIGHT * shared) / (count + WEIGHT), FLOOR)
    share = ((square > FAR**2).sum(0) + RARE) / (count + TRIED)
    outlier = np.maximum(100.0**2, WIDE * inlier)
    if kind != "mixture":
        none = np.zeros_like(inlier)
        return Noise(inlier, outlier, none, dof=dof if kind == "student" else 0.0)
    if not _telling(data.confidence, seen):
        return Noise(inlier, outlier, np.clip(share, LEAST, MOST))
    return Noise(inlier, outlier, np.full_like(share, 1 / 2), SLOPE, MIDDLE)


def learn(
    noise: Noise,
    data: Observations,
    linear: Linear,
    spread: Float[np.ndarray, "T V J"],
) -> Noise:
    """Take one step of EM.

    Args:
        noise: before.
        data: the observations.
        linear: the observation model around the most probable points.
        spread: tr(J Σ Jᵀ), px².
    """
    inlier, _ = per_observation(noise, data.variance, data.confidence)
    seen = np.isfinite(linear.outlier)
    valid = seen & ((linear.residual != 0).any(-1) | (linear.outlier < 1))
    shared = _shared(noise.inlier, seen.sum(0))
    square = np.where(valid, (linear.residual**2).sum(-1) + spread, 0.0)
    if noise.dof > 0:
        weight = np.where(valid, (noise.dof + 2) / (noise.dof + square / inlier), 0.0)
        near = (weight * square).sum(0) / 2 + WEIGHT * shared
        return noise._replace(inlier=np.maximum(near / (valid.sum(0) + WEIGHT), FLOOR))
    bad = np.where(seen, np.nan_to_num(linear.outlier), 0.0)
    # with a told variance s, inlier is the zero of the expected score of ω₀² = inlier + s
    close = square if linear.square is None else np.where(valid, linear.square + spread, 0.0)
    sure = np.where(valid, 1 - bad, 0.0) / inlier**2
    usual = WEIGHT / np.maximum(noise.inlier, FLOOR) ** 2
    near = (sure * (close / 2 - _told(data.variance))).sum(0) + usual * shared
    tight = np.maximum(near / (sure.sum(0) + usual), FLOOR)
    if not (noise.prior > 0).any():
        return noise._replace(inlier=tight)
    far = np.where(valid, bad, 0.0)
    wide = ((far * square).sum(0) / 2 + 50.0**2) / (far.sum(0) + 1)
    noise = noise._replace(inlier=tight, outlier=np.maximum(wide, WIDE * tight))
    if noise.slope == 0:
        share = (bad.sum(0) + RARE) / (seen.sum(0) + TRIED)
        return noise._replace(prior=np.clip(share, LEAST, MOST))
    return _regressed(noise, bad, seen, np.nan_to_num(data.confidence))


def log_score(
    emission: Emission,
    x: Float[np.ndarray, "T J 3"],
    covariance: Float[np.ndarray, "T J 3 3"],
) -> Float[np.ndarray, "T V J"]:
    """Return log p of every observation given uncertain points, nats; NaN where not seen.

    A Gaussian point adds J Σ Jᵀ to the noise of both components; under a Student-t, to its
    scale.
    """
    linear = emission.at(x)
    seen = np.isfinite(linear.outlier)
    valid = seen & ((linear.residual != 0).any(-1) | (linear.outlier < 1))
    cov = observation.spread(x, covariance, emission.params)
    r = np.where(valid[..., None], linear.residual, [observation.FAR, 0.0])
    near, size = _mahalanobis(r, cov, emission.inlier)
    if emission.peaks is not None and emission.share is not None:
        good = _of_peaks(emission, r, cov)
    else:
        good = -np.log(2 * np.pi) - (near + size) / 2
    if emission.dof > 0:
        nu = emission.dof
        score = -np.log(2 * np.pi) - size / 2 - (nu + 2) / 2 * np.log1p(near / nu)
        return np.where(seen, score, np.nan)
    far, size = _mahalanobis(r, cov, np.maximum(emission.outlier, FLOOR))
    bad = -np.log(2 * np.pi) - (far + size) / 2
    with np.errstate(divide="ignore"):  # log 0: no outliers, or nothing else
        score = np.logaddexp(good + np.log1p(-emission.prior), bad + np.log(emission.prior))
    return np.where(seen, score, np.nan)


def _of_peaks(
    emission: Emission,
    r: Float[np.ndarray, "T V J 2"],
    cov: Float[np.ndarray, "T V J 2 2"],
) -> Float[np.ndarray, "T V J"]:
    """Return the log density of the peaks if one is right; r is the residual of the first."""
    assert emission.peaks is not None and emission.share is not None
    total = np.full(r.shape[:-1], -np.inf)
    for c in range(emission.share.shape[-1]):
        off = emission.peaks[..., c, :] - emission.peaks[..., 0, :]
        far = r[..., 0] == observation.FAR  # not valid: no peak is near
        off = r + np.where(far[..., None], 0.0, np.nan_to_num(off))
        near, size = _mahalanobis(off, cov, emission.inlier)
        with np.errstate(divide="ignore"):  # log 0: no such peak
            one = np.log(emission.share[..., c]) - np.log(2 * np.pi) - (near + size) / 2
        total = np.logaddexp(total, one)
    return total


def _mahalanobis(
    r: Float[np.ndarray, "T V J 2"],
    cov: Float[np.ndarray, "T V J 2 2"],
    extra: Float[np.ndarray, "*shape"],
) -> tuple[Float[np.ndarray, "T V J"], Float[np.ndarray, "T V J"]]:
    """Return rᵀ S⁻¹ r and log det S of S = cov + extra I."""
    a, d, b = cov[..., 0, 0] + extra, cov[..., 1, 1] + extra, cov[..., 0, 1]
    det = a * d - b * b
    form = d * r[..., 0] ** 2 - 2 * b * r[..., 0] * r[..., 1] + a * r[..., 1] ** 2
    return form / det, np.log(det)


def _shared(inlier: Float[np.ndarray, "V J"], count: Int[np.ndarray, "V J"]) -> float:
    """The noise of most, towards which that of rarely seen keypoints is drawn, px²."""
    total = float(count.sum())
    usual = float(np.median(inlier[count > 0])) if total else USUAL
    return (usual * total + USUAL * FEW) / (total + FEW)


def _told(variance: Float[np.ndarray, "T V J"]) -> Float[np.ndarray, "T V J"]:
    """What the detector says of its variance; 0 where it says nothing."""
    return np.where(np.isfinite(variance) & (variance > 0), variance, 0.0)


def _telling(confidence: Float[np.ndarray, "T V J"], seen: Bool[np.ndarray, "T V J"]) -> bool:
    return bool(seen.any() and np.std(confidence[seen]) > SAME)


def _regressed(
    noise: Noise,
    bad: Float[np.ndarray, "T V J"],
    seen: Bool[np.ndarray, "T V J"],
    confidence: Float[np.ndarray, "T V J"],
) -> Noise:
    """Fit logit β = b_vj + a (c₀ - confidence) to outlier probabilities.

    Newton's method; the b are drawn towards their mean and a towards its default, each with the
    weight of a few observations, so that views without outliers stay defined.
    """
    away = noise.middle - confidence
    b = logit(np.clip(noise.prior, LEAST, MOST))
    a = noise.slope
    for _ in range(3):
        p = expit(b + a * away)
        off = np.where(seen, p - bad, 0.0)
        h = np.where(seen, p * (1 - p), 0.0)
        hb, cross = h.sum(0) + 1, (h * away).sum(0)
        gb = off.sum(0) + (b - b.mean())
        ha = (h * away**2).sum() + 1e-2
        ga = (off * away).sum() + 1e-2 * (a - SLOPE)
        step = (ga - (cross * gb / hb).sum()) / max(ha - (cross**2 / hb).sum(), 1e-9)
        a = float(np.clip(a - np.clip(step, -5, 5), 1e-3, 100.0))
        b = b - np.clip((gb - cross * step) / hb, -2, 2)
    return noise._replace(prior=np.clip(expit(b), 1e-6, 1 - 1e-6), slope=a)
