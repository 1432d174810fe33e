"""From the shape of a peak to an honest uncertainty, learned from errors on held-out labels.

Three things are learned: the covariance of a position, Σ = α Σ_raw + β I; the probability that
it is correct (within a radius); and the probability that the keypoint is in the picture at all.
Conformal quantiles q then say how large a region holds the truth as often as promised, whatever
the distribution of errors: {x: eᵀ Σ⁻¹ e <= q²} with e = x - x̂. Little data moves little: with
few errors all keypoints share their numbers, with none `prior` answers, saying so.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from gambol.core.errors import InputError
from gambol.core.labels import Visibility

LEVELS = (0.5, 0.8, 0.9, 0.95)
DOF = 5.0  # of the Student-t of errors: tails as heavy as swaps and slips need
OWN_COVARIANCE = 50  # errors from which a keypoint has its own α and β
OWN_QUANTILE = 100  # errors from which a keypoint has its own quantiles
OWN_LOGISTIC = 200  # points that three weights need; fewer fit slope and offset alone
_FOLDS = 5  # so that no error judges a covariance that it was fitted to
_TAIL = 74.0  # 99.9 % of squared distances under the Student-t: farther ones count as this
_DOUBT = 20  # errors that the Student-t's own ratio of covariance to scale is worth
_BODY = 20.0  # body lengths per radius, the radius being 5 % of the body


class Calibration(NamedTuple):
    """What was learned, for each of J keypoints."""

    covariance: Float[np.ndarray, "J 2"]  # α, β (px²)
    correct: Float[np.ndarray, "J 3"]  # weights of (1, logit peak, log(tr Σ / radius²))
    presence: Float[np.ndarray, "J 3"]  # the same for "visible or occluded"
    levels: Float[np.ndarray, " L"]
    quantiles: Float[np.ndarray, "J L"]  # q of the region that holds this share of errors
    n_errors: Int[np.ndarray, " J"]
    radius: float  # px; an error up to this counts as correct
    calibrated: bool  # False: the prior, because there were no errors to learn from

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and lists, for JSON."""
        values = self._asdict()
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in values.items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Calibration":
        """Undo `to_dict`."""
        if missing := [name for name in cls._fields if name not in values]:
            raise InputError(f"a calibration lacks {', '.join(missing)}; calibrate again")
        known: dict[str, Any] = {name: values[name] for name in cls._fields}
        arrays = {k: np.array(v) for k, v in known.items() if isinstance(v, list)}
        return cls(**(known | arrays))


class Calibrated(NamedTuple):
    """What a prediction is worth."""

    confidence: Float[np.ndarray, "*rows J"]  # P(error <= radius); 0 without a prediction
    covariance: Float[np.ndarray, "*rows J 2 2"]  # px²; NaN without a prediction
    presence: Float[np.ndarray, "*rows J"]  # P(visible or occluded); 0 without a prediction


class _Errors(NamedTuple):
    """M errors along the axes of their raw covariance, in order of their rows."""

    along: Float[np.ndarray, "M 2"]  # px
    variance: Float[np.ndarray, "M 2"]  # raw, px²
    keypoint: Int[np.ndarray, " M"]


def prior(keypoints: int, radius: float) -> Calibration:
    """Return what to believe without errors: peaks as they are, ± half a radius, heavy tails.

    Σ = Σ_raw + (radius / 2)² I; P(correct) and P(presence) are the height of the peak.
    """
    if not radius > 0:
        raise InputError(f"radius {radius} px for a correct keypoint; give 5 % of the body")
    levels = np.array(LEVELS)
    return Calibration(
        np.tile([1.0, (radius / 2) ** 2], (keypoints, 1)),
        np.tile([0.0, 1.0, 0.0], (keypoints, 1)),
        np.tile([0.0, 1.0, 0.0], (keypoints, 1)),
        levels,
        np.tile(_student_quantile(levels), (keypoints, 1)),
        np.zeros(keypoints, np.int64),
        float(radius),
        False,
    )


def fit(
    truth: Float[np.ndarray, "N J 2"],
    visibility: UInt8[np.ndarray, "N J"],
    xy: Float[np.ndarray, "N J 2"],
    covariance: Float[np.ndarray, "N J 2 2"],
    peak: Float[np.ndarray, "N J"],
    radius: float,
) -> Calibration:
    """Learn from predictions of frames that did not train the network.

    Args:
        truth: labels in px, NaN where absent or unlabelled.
        visibility: codes of `core.labels.Visibility`.
        xy: predictions in px; NaN, where there is none, teaches nothing.
        covariance: raw, of the fit of the peak, px².
        peak: height of the peak, 0 to 1.
        radius: px up to which a prediction is correct, 5 % of the body.
    """
    start = prior(truth.shape[1], radius)
    found = np.isfinite(xy).all(axis=-1) & np.isfinite(peak)
    labelled = found & np.isfinite(truth).all(axis=-1)
    if not labelled.any():
        return start
    error = (xy - truth)[labelled].astype(np.float64)
    variance, axes = _axes(covariance[labelled], radius)
    along = np.einsum("mij,mi->mj", axes, error)
    errors = _Errors(along, variance, np.nonzero(labelled)[1])
    scale = _covariances(errors, start)
    features = _features(peak, _scaled(covariance, scale, radius), radius)
    correct = np.linalg.norm(xy - truth, axis=-1) <= radius
    present = found & (visibility != Visibility.UNLABELLED)
    return start._replace(
        covariance=scale,
        correct=_logistics(features, correct, labelled, start.correct),
        presence=_logistics(features, visibility != Visibility.ABSENT, present, start.presence),
        quantiles=_quantiles(errors, start),
        n_errors=np.bincount(errors.keypoint, minlength=truth.shape[1]),
        calibrated=True,
    )


def apply(
    calibration: Calibration,
    peak: Float[np.ndarray, "*rows J"],
    covariance: Float[np.ndarray, "*rows J 2 2"],
) -> Calibrated:
    """Say what predictions are worth; a peak of NaN is no prediction."""
    found = np.isfinite(peak)
    scaled = _scaled(covariance, calibration.covariance, calibration.radius)
    features = _features(peak, scaled, calibration.radius)
    correct, presence = (
        np.where(found, _sigmoid((features * weights).sum(axis=-1)), 0.0)
        for weights in (calibration.correct, calibration.presence)
    )
    return Calibrated(correct, np.where(found[..., None, None], scaled, np.nan), presence)


def folds(rows: int) -> list[Int[np.ndarray, " n"]]:
    """Cut rows into stretches: what is learnt of the others tells nothing of itself."""
    return [part for part in np.array_split(np.arange(rows), _FOLDS) if len(part)]


def cross_fitted(
    truth: Float[np.ndarray, "N J 2"],
    visibility: UInt8[np.ndarray, "N J"],
    xy: Float[np.ndarray, "N J 2"],
    covariance: Float[np.ndarray, "N J 2 2"],
    peak: Float[np.ndarray, "N J"],
    radius: float,
) -> Calibrated:
    """Say of predictions what they are worth by what all but their own stretch taught.

    Arguments are those of `fit`; rows are in the order of time.
    """
    parts = []
    for judged in folds(len(xy)):
        rest = np.setdiff1d(np.arange(len(xy)), judged)
        known = truth[rest], visibility[rest], xy[rest], covariance[rest], peak[rest]
        parts.append(apply(fit(*known, radius), peak[judged], covariance[judged]))
    return Calibrated(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def heights(
    calibration: Calibration,
    maps: Float[np.ndarray, "J h w"],
    covariance: Float[np.ndarray, "J 2 2"],
) -> Float[np.ndarray, "J h w"]:
    """Say of every cell of maps how probably it is right, as `apply` does of a peak.

    Args:
        calibration: of peaks.
        maps: heights.
        covariance: raw, of the highest peak of each map, px²; that of all its cells.
    """
    scaled = _scaled(covariance, calibration.covariance, calibration.radius)
    cells = np.moveaxis(maps, 0, -1)  # (h, w, J)
    scaled = np.broadcast_to(scaled, (*cells.shape, 2, 2))
    features = _features(cells, scaled, calibration.radius)
    return np.moveaxis(_sigmoid((features * calibration.correct).sum(axis=-1)), -1, 0)


def scores(
    calibration: Calibration,
    peak: Float[np.ndarray, "*rows J C"],
    covariance: Float[np.ndarray, "*rows J C 2 2"],
) -> Float[np.ndarray, "*rows J C"]:
    """Say of each of several peaks what it would be worth if it were the highest.

    Not the probability that it is the right one of them: that takes the others, too. NaN where
    there is no peak.
    """
    heights, shapes = np.moveaxis(peak, -1, 0), np.moveaxis(covariance, -3, 0)
    sure = np.moveaxis(apply(calibration, heights, shapes).confidence, 0, -1)
    return np.where(np.isfinite(peak), sure, np.nan)


def region_radius(calibration: Calibration, level: float) -> Float[np.ndarray, " J"]:
    """Return q of every keypoint: {x: eᵀ Σ⁻¹ e <= q²} holds this share of the truths."""
    at = np.flatnonzero(np.isclose(calibration.levels, level))
    if not at.size:
        known = ", ".join(f"{value:g}" for value in calibration.levels)
        raise InputError(f"no region of level {level}; there are {known}")
    return calibration.quantiles[:, at[0]]


def inside(
    calibration: Calibration,
    error: Float[np.ndarray, "*rows J 2"],
    covariance: Float[np.ndarray, "*rows J 2 2"],
    level: float = 0.9,
) -> Bool[np.ndarray, "*rows J"]:
    """Return which errors lie in the region of calibrated covariances; False for NaN."""
    limit = region_radius(calibration, level) ** 2
    return np.asarray(_mahalanobis(error, covariance) <= limit)


def inside_gaussian(
    error: Float[np.ndarray, "*rows J 2"],
    covariance: Float[np.ndarray, "*rows J 2 2"],
    level: float = 0.9,
) -> Bool[np.ndarray, "*rows J"]:
    """Return which errors lie in the region that a Gaussian would promise; False for NaN."""
    limit = -2 * np.log1p(-level)  # quantile of chi² with two degrees of freedom
    return np.asarray(_mahalanobis(error, covariance) <= limit)


def _mahalanobis(
    error: Float[np.ndarray, "*rows J 2"], covariance: Float[np.ndarray, "*rows J 2 2"]
) -> Float[np.ndarray, "*rows J"]:
    """Return eᵀ Σ⁻¹ e; infinite where either is not known, or where Σ is singular."""
    known = np.isfinite(covariance).all(axis=(-2, -1)) & np.isfinite(error).all(axis=-1)
    safe = np.where(known[..., None, None], covariance.astype(np.float64), np.eye(2))
    known &= np.linalg.det(safe) > 0
    safe = np.where(known[..., None, None], safe, np.eye(2))
    step = np.linalg.solve(safe, error[..., None])[..., 0]
    squared: Float[np.ndarray, "*rows J"] = np.where(known, (error * step).sum(axis=-1), np.inf)
    return squared


def _axes(
    covariance: Float[np.ndarray, "*rows 2 2"], radius: float
) -> tuple[Float[np.ndarray, "*rows 2"], Float[np.ndarray, "*rows 2 2"]]:
    """Variances and axes (columns); none smaller or larger than a peak can mean.

    A raw covariance that is not finite comes from a map without a peak: it is a body wide.
    """
    widest = (_BODY * radius) ** 2
    known = np.isfinite(covariance).all(axis=(-2, -1), keepdims=True)
    variance, axes = np.linalg.eigh(np.where(known, covariance, widest * np.eye(2)))
    return np.clip(variance, (1e-3 * radius) ** 2, widest), axes


def _scaled(
    covariance: Float[np.ndarray, "*rows J 2 2"], scale: Float[np.ndarray, "J 2"], radius: float
) -> Float[np.ndarray, "*rows J 2 2"]:
    """α Σ + β I of every keypoint."""
    variance, axes = _axes(covariance, radius)
    variance = scale[:, :1] * variance + scale[:, 1:]
    return np.asarray(np.einsum("...ij,...j,...kj->...ik", axes, variance, axes))


def _covariances(errors: _Errors, start: Calibration) -> Float[np.ndarray, "J 2"]:
    """α and β of every keypoint with enough errors, those of all together for the others.

    Maximum likelihood under the Student-t finds their ratio and is little moved by slips; the
    level is then set by the mean squared distance, so that Σ is a covariance whether errors are
    Gaussian or heavy-tailed (the Student-t alone would be 28 % too wide for Gaussian ones).
    """
    scale = np.tile(_likeliest(errors, start), (len(start.covariance), 1))
    for j, n in enumerate(np.bincount(errors.keypoint, minlength=len(scale))):
        if n >= OWN_COVARIANCE:
            own = errors.keypoint == j
            scale[j] = _likeliest(_Errors(*(part[own] for part in errors)), start)
    squared = np.minimum(_squared(errors, scale), _TAIL)
    heavy = DOF / (DOF - 2)
    level = (squared.sum() / 2 + _DOUBT * heavy) / (len(squared) + _DOUBT)
    return scale * float(level)


def _squared(errors: _Errors, scale: Float[np.ndarray, "J 2"]) -> Float[np.ndarray, " M"]:
    """Return eᵀ Σ⁻¹ e."""
    alpha, beta = scale[errors.keypoint].T[..., None]
    return np.asarray((errors.along**2 / (alpha * errors.variance + beta)).sum(axis=1))


def _likeliest(errors: _Errors, start: Calibration) -> Float[np.ndarray, " 2"]:
    """Maximise the likelihood of errors under a Student-t with scale matrix α Σ_raw + β I.

    In log α and log β, so both stay positive; each has a prior of standard deviation 3, which
    is a factor of 20 either way.
    """
    from scipy.optimize import minimize

    centre = np.log(start.covariance[0])
    typical = (np.sum(errors.along**2) + np.exp(centre[1])) / (errors.along.size + 1)
    raw = errors.variance.mean() if len(errors.variance) else 1.0
    starts = [np.log([typical * a / raw, typical * (1 - a)]) for a in (0.02, 0.5, 0.98)]
    bounds = [(-30.0, 30.0)] * 2
    found = [
        minimize(_loss, x, (errors, centre), "L-BFGS-B", jac=True, bounds=bounds)
        for x in starts
    ]
    return np.asarray(np.exp(min(found, key=lambda result: float(result.fun)).x))


def _loss(
    logs: Float[np.ndarray, " 2"], errors: _Errors, centre: Float[np.ndarray, " 2"]
) -> tuple[float, Float[np.ndarray, " 2"]]:
    """Negative log posterior of (log α, log β), and its gradient."""
    alpha, beta = np.exp(logs)
    scale = alpha * errors.variance + beta
    ratio = errors.along**2 / scale
    squared = ratio.sum(axis=1, keepdims=True)
    nats = np.log(scale).sum() / 2 + (DOF + 2) / 2 * np.log1p(squared / DOF).sum()
    slope = 0.5 / scale - (DOF + 2) / 2 * ratio / scale / (DOF + squared)
    step = (logs - centre) / 3.0
    gradient = np.array([alpha * (slope * errors.variance).sum(), beta * slope.sum()])
    return float(nats + step @ step / 2), gradient + step / 3.0


def _quantiles(errors: _Errors, start: Calibration) -> Float[np.ndarray, "J L"]:
    """Conformal quantiles, per keypoint where it has enough errors."""
    distance = np.empty(len(errors.keypoint))
    everything = np.arange(len(distance))
    for judged in np.array_split(everything, _FOLDS):
        rest = np.setdiff1d(everything, judged)
        scale = _covariances(_Errors(*(part[rest] for part in errors)), start)
        distance[judged] = _squared(_Errors(*(part[judged] for part in errors)), scale) ** 0.5
    quantiles = np.tile(conformal(distance, start.levels), (len(start.covariance), 1))
    for j, n in enumerate(np.bincount(errors.keypoint, minlength=len(quantiles))):
        if n >= OWN_QUANTILE:
            quantiles[j] = conformal(distance[errors.keypoint == j], start.levels)
    return quantiles


def conformal(
    scores: Float[np.ndarray, " n"], levels: Float[np.ndarray, " L"]
) -> Float[np.ndarray, " L"]:
    """Return the ⌈(n + 1) level⌉-th smallest score, which a new one exceeds as rarely as said.

    Where n is too small for a level, the Student-t's quantile or the largest score, whichever
    is larger: no number is guaranteed then. Source: Vovk et al. (2005), Algorithmic Learning in
    a Random World, 2.2; Lei et al. (2018), JASA 113:1094.

    >>> conformal(np.array([4.0, 1.0, 3.0, 2.0]), np.array([0.5, 0.8])).tolist()
    [3.0, 4.0]
    """
    rank = np.ceil((len(scores) + 1) * levels - 1e-9).astype(np.int64)
    ordered = np.sort(scores)
    beyond = np.maximum(_student_quantile(levels), ordered[-1])
    within = ordered[np.minimum(rank, len(scores)) - 1]
    return np.asarray(np.where(rank > len(scores), beyond, within))


def _student_quantile(levels: Float[np.ndarray, " L"]) -> Float[np.ndarray, " L"]:
    """Quantiles of √(eᵀ Σ⁻¹ e) of a Student-t in the plane with covariance Σ."""
    return np.asarray(np.sqrt((DOF - 2) * ((1 - levels) ** (-2 / DOF) - 1)))


def _features(
    peak: Float[np.ndarray, "*rows J"],
    covariance: Float[np.ndarray, "*rows J 2 2"],
    radius: float,
) -> Float[np.ndarray, "*rows J 3"]:
    """What the probabilities are made of: 1, logit peak, log of variance per squared radius."""
    height = np.clip(np.nan_to_num(peak.astype(np.float64)), 1e-4, 1 - 1e-4)
    trace = covariance[..., 0, 0] + covariance[..., 1, 1]
    logit = np.log(height) - np.log1p(-height)
    return np.stack([np.ones_like(logit), logit, np.log(trace / radius**2)], axis=-1)


def _logistics(
    features: Float[np.ndarray, "N J 3"],
    happened: Bool[np.ndarray, "N J"],
    used: Bool[np.ndarray, "N J"],
    start: Float[np.ndarray, "J 3"],
) -> Float[np.ndarray, "J 3"]:
    """Weights for all keypoints together, then for those with enough points of their own."""
    n_features = 3 if used.sum() >= OWN_LOGISTIC else 2
    shared = start[0].copy()
    shared[:n_features] = _logistic(
        features[used][:, :n_features], happened[used], start[0, :n_features]
    )
    weights = np.tile(shared, (len(start), 1))
    for j, n in enumerate(used.sum(axis=0)):
        if n >= OWN_LOGISTIC:
            rows = used[:, j]
            weights[j] = _logistic(features[rows, j], happened[rows, j], shared)
    return weights


def _logistic(
    features: Float[np.ndarray, "M P"],
    happened: Bool[np.ndarray, " M"],
    centre: Float[np.ndarray, " P"],
) -> Float[np.ndarray, " P"]:
    """Logistic regression by Newton's method, with a Gaussian prior around `centre`.

    The prior (standard deviation 3 for the offset, 1 for slopes) keeps weights finite where all
    points happened; it is worth a handful of points.
    """
    precision = np.array([1 / 9, 1.0, 1.0])[: len(centre)]

    def loss(weights: Float[np.ndarray, " P"]) -> float:
        logit = features @ weights
        nats = np.logaddexp(0, logit).sum() - logit[happened].sum()
        return float(nats + precision @ (weights - centre) ** 2 / 2)

    weights = centre.copy()
    for _ in range(50):
        chance = _sigmoid(features @ weights)
        gradient = features.T @ (chance - happened) + precision * (weights - centre)
        curved = features * (chance * (1 - chance))[:, None]
        step = np.linalg.solve(features.T @ curved + np.diag(precision), gradient)
        size = 1.0
        while size > 1e-6 and loss(weights - size * step) > loss(weights):
            size /= 2
        weights = weights - size * step
        if np.abs(step).max() < 1e-9:
            break
    return weights


def _sigmoid(logit: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -500, 500))))
