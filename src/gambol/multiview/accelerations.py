"""How much velocities change: η² of `glide`, learned keypoint by keypoint from the recording.

Second differences of points are mostly noise, so that η² is not measured from them but chosen
where the evidence of what was seen is largest, trajectories summed out around the most probable
one (Laplace): of a keypoint with curvature H there, and up to a constant,
    log p(y | η²) = -E(x) - ½ log det H - 3 (T - 1) log η².
All keypoints search at once, along a parabola of log η². Errors of a detector that last some
frames pass for motion; one common scale is therefore chosen by views that were held out.
Source: MacKay (1992), Neural Computation 4:415 (evidence); Brent (1973), ch. 5 (parabolas).
"""

import numpy as np
from jaxtyping import Float

from gambol.kernels import observation
from gambol.multiview import descent, glide, learning, smooth, windows
from gambol.multiview import noise as noises
from gambol.multiview.learning import Sample
from gambol.multiview.noise import Noise
from gambol.multiview.smooth import Model, Smoothed

STRIDE = np.log(16.0)  # of log η², which makes a trajectory half as smooth
TRIES = 12  # values of η², at most
CLOSE = 0.1  # of log η², below which it is found
SCALES = (1 / 256, 1 / 16, 1.0, 16.0, 256.0)
ROUNDS, SAME = 6, 0.05  # of EM of the noise, and the relative change that ends it
BRIEF, ROUGH = 6, 1e-4  # rounds of a descent while learning, its last step in extents


def learn(
    taken: Sample, walked: Model, found: Smoothed, eta2: Float[np.ndarray, " J"] | None = None
) -> tuple[Model, Smoothed]:
    """Learn a model of velocities that walk.

    Args:
        taken: the sample.
        walked: what was learned of positions that walk: its noise is where this one's begins.
        found: the sample's trajectory under it.
        eta2: η², squared world units per cubed second; None: learned.
    """
    given = eta2 is not None
    first = first_guess(taken, found) if eta2 is None else eta2
    model = walked._replace(eta2=first, dynamics="velocity")
    if not given:
        model = model._replace(eta2=most_evident(taken, model, found.xyz))
    model, found = _settled(taken, model, _smoothed(taken, model, found.xyz))
    if not given:
        model = model._replace(eta2=most_evident(taken, model, found.xyz))
        model = model._replace(eta2=best_scale(taken, model, found.xyz) * model.eta2)
        found = _smoothed(taken, model, found.xyz)
    return model, found


def first_guess(taken: Sample, found: Smoothed) -> Float[np.ndarray, " J"]:
    """Return η² as smoothed trajectories have it; where there are none, that of a still animal.

    Velocities between frames Δ₁ and Δ₂ apart differ with variance η²(Δ₁ + Δ₂)/3.
    """
    seconds = np.maximum(np.diff(taken.data.times), 1e-9)
    least = _least(taken)
    if len(seconds) < 2:
        return np.full(found.xyz.shape[1], 1e4 * least)
    velocity = np.diff(found.xyz, axis=0) / seconds[:, None, None]
    square = (np.diff(velocity, axis=0) ** 2).sum(-1)
    square /= (seconds[1:] + seconds[:-1])[:, None] / 3
    return np.maximum(np.median(square, axis=0) / learning.MEDIAN, least)


def most_evident(
    taken: Sample, model: Model, x: Float[np.ndarray, "F J 3"]
) -> Float[np.ndarray, " J"]:
    """Return the η² of each keypoint that what was seen speaks for most."""
    middle = np.log(model.eta2)
    if len(x) < 3:
        return model.eta2
    still = np.log(
        _least(taken)
    )  # a velocity that never changes is not told from a steadier one
    tried = [np.maximum(middle + k * STRIDE, still + (k - 1) * CLOSE) for k in (-1, 0, 1)]
    told = [_evidence(taken, model._replace(eta2=np.exp(at)), x) for at in tried]
    for _ in range(TRIES - 3):
        logs, scores = np.array(tried), np.array(told)  # (N, J)
        best = np.take_along_axis(logs, scores.argmax(0)[None], 0)[0]
        new = np.array([_next(logs[:, j], scores[:, j]) for j in range(len(best))])
        new = np.maximum(new, still)
        if np.abs(new - best).max() < CLOSE:
            return np.exp(new)
        tried.append(new)
        told.append(_evidence(taken, model._replace(eta2=np.exp(new)), x))
    scores = np.array(told)
    return np.exp(np.take_along_axis(np.array(tried), scores.argmax(0)[None], 0)[0])


def best_scale(taken: Sample, model: Model, x: Float[np.ndarray, "F J 3"]) -> float:
    """Return the scale of η² with the best score of views that were held out.

    The search walks from 1 as long as the score rises. With two views nothing can be held out,
    and the scale stays 1.
    """
    views = taken.data.confidence.shape[1]
    if views < 3:
        return 1.0
    chosen = learning.spread(len(x), learning.HELD_OUT)
    part, there = taken.data.of_frames(chosen), x[chosen]
    out = np.unique(np.linspace(0, views - 1, min(views, learning.VIEWS)).round().astype(int))

    def score(at: int) -> float:
        scaled = model._replace(eta2=SCALES[at] * model.eta2)

        def one(view: int) -> float:
            return learning.held_out(part, scaled, there, taken.held, view)

        return sum(windows.side_by_side(one, [int(view) for view in out]))

    at = SCALES.index(1.0)
    here, more, less = score(at), score(at + 1), score(at - 1)
    way = 1 if more > less else -1
    ahead = max(more, less)
    while ahead > here:
        at, here = at + way, ahead
        ahead = score(at + way) if 0 <= at + way < len(SCALES) else -np.inf
    return SCALES[at]


def _least(taken: Sample) -> float:
    """η² of an animal at rest: in a usual frame it strays 1/10,000 of the extent."""
    seconds = np.maximum(np.diff(taken.data.times), 1e-9)
    usual = float(np.median(seconds)) if len(seconds) else 1.0
    return 1e-8 * taken.held.extent**2 / usual**3


def _next(logs: Float[np.ndarray, " N"], scores: Float[np.ndarray, " N"]) -> float:
    """The top of the parabola through the best value and those beside it, or one stride on."""
    order = np.argsort(logs)
    logs, scores = logs[order], scores[order]
    k = int(scores.argmax())
    if k in (0, len(logs) - 1):
        return float(logs[k] + (STRIDE if k else -STRIDE))
    (a, b, c), (fa, fb, fc) = logs[k - 1 : k + 2], scores[k - 1 : k + 2]
    below = (b - a) * (fb - fc) + (c - b) * (fb - fa)
    if below <= 0:  # flat
        return float(b)
    top = b + ((b - a) ** 2 * (fc - fb) + (c - b) ** 2 * (fb - fa)) / (2 * below)
    return float(np.clip(top, a + (b - a) / 10, c - (c - b) / 10))


def _evidence(
    taken: Sample, model: Model, x: Float[np.ndarray, "F J 3"]
) -> Float[np.ndarray, " J"]:
    """Log evidence of each keypoint, nats, up to a constant."""
    data, held = taken.data, taken.held
    emission = noises.emission(data, model.noise)
    joined = smooth.glides(data.times, model.eta2, held)
    begin = np.ascontiguousarray(x.transpose(1, 0, 2))
    field = smooth.Points(emission.tracks(), held)
    found = glide.descend(field, joined, begin, ROUGH * held.extent, BRIEF)
    xyz = np.ascontiguousarray(found.x.transpose(1, 0, 2))
    information = smooth.observed(emission.at(xyz), held).transpose(1, 0, 2, 3)
    size = glide.spread(information, joined).log_determinant
    return -found.energy - size / 2 - 3 * (len(x) - 1) * np.log(model.eta2)


def _smoothed(taken: Sample, model: Model, x: Float[np.ndarray, "F J 3"]) -> Smoothed:
    return smooth.smooth(taken.data, model, x, taken.held, descent.ROUNDS, ROUGH)


def _settled(taken: Sample, model: Model, found: Smoothed) -> tuple[Model, Smoothed]:
    """EM of the noise."""
    for _ in range(ROUNDS):
        before = model.noise
        model = model._replace(noise=_noise_of(taken, before, found))
        found = _smoothed(taken, model, found.xyz)
        if np.quantile(np.abs(np.log(model.noise.inlier / before.inlier)), 0.9) < SAME:
            break
    return model, found


def _noise_of(taken: Sample, noise: Noise, found: Smoothed) -> Noise:
    linear = noises.emission(taken.data, noise).at(found.xyz)
    cov = observation.spread(found.xyz, found.covariance, taken.data.params)
    return noises.learn(noise, taken.data, linear, np.trace(cov, axis1=-2, axis2=-1))
