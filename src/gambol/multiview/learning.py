"""What a trajectory's model learns from the recording itself: noise, steps and bones.

All is learned on a sample of frames by EM: trajectories are solved with the model at hand, then
the model is fitted to them with their covariances. How far points move in a step is measured
from frame differences, which noise inflates and smoothness of the posterior does not tell; one
common scale of it is chosen by how well views are predicted that were held out.
"""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.kernels import observation
from gambol.multiview import bones as skeletal
from gambol.multiview import noise as noises
from gambol.multiview import smooth, windows
from gambol.multiview.bones import Bones, Form
from gambol.multiview.noise import Noise, Observations
from gambol.multiview.smooth import Anchor, Model, Smoothed

Kind = Literal["gaussian", "mixture", "student"]
FRAMES, BLOCK = 1000, 100  # learned from, in blocks of neighbours
HELD_OUT = 300  # frames on which scales are compared
VIEWS = 4  # held out, at most
SCALES = (1 / 4, 1 / 2, 1.0, 2.0, 4.0)
ROUNDS = 12  # of EM
CLOSE = 0.05  # relative change of noise, below which EM has settled: 100 frames tell it to 10 %
MOST = 0.9  # of views and keypoints; those torn between two answers are not waited for
BRIEF, ROUGH = 3, 1e-3  # rounds and last step (extents) of a descent that EM follows
APART = 10  # rounds of a descent without a view, which has to forget what that view said
MEDIAN = 2.366  # of the squared length of a normal vector in space
SURE = 1.9  # views that agree on a keypoint whose place is called well known


class Sample(NamedTuple):
    """Frames to learn from, and where points are in them."""

    data: Observations
    x: Float[np.ndarray, "F J 3"]
    held: Anchor


def sample(data: Observations, how: smooth.Start, most: int = FRAMES) -> Sample:
    """Triangulate up to `most` frames, in blocks spread evenly over the recording."""
    part = data.of_frames(spread(len(data.xy), most))
    x = smooth.start(part, how)
    return Sample(part, x, smooth.anchor(x, data.params))


def spread(frames: int, most: int) -> Int[np.ndarray, " F"]:
    """Return the indices of at most so many frames, in blocks of neighbours.

    >>> len(spread(5000, 1000)), spread(7, 1000).tolist()
    (1000, [0, 1, 2, 3, 4, 5, 6])
    """
    if frames <= most:
        return np.arange(frames)
    count = max(most // BLOCK, 1)
    size = min(BLOCK, most)
    first = np.linspace(0, frames - size, count).round().astype(int)
    return np.unique((first[:, None] + np.arange(size)).ravel())


def walk(taken: Sample) -> Float[np.ndarray, " J"]:
    """Return η², squared world units per second, from medians of squared frame differences.

    Only frames count in which two views saw the keypoint; a keypoint with few of them takes
    the median of the others.
    """
    data, x = taken.data, taken.x
    seconds = np.diff(data.times)
    seen = np.isfinite(data.xy).all(-1).sum(1) >= 2
    joints = x.shape[1]
    out = np.full(joints, np.nan)
    if len(seconds):
        near = seconds <= 2 * np.median(seconds)
        square = (np.diff(x, axis=0) ** 2).sum(-1) / seconds[:, None]
        both = seen[1:] & seen[:-1] & near[:, None]
        for j in range(joints):
            if both[:, j].sum() >= 10:
                out[j] = np.median(square[both[:, j], j]) / MEDIAN
    usual = np.nanmedian(out) if np.isfinite(out).any() else (taken.held.extent / 20) ** 2
    least = 1e-8 * taken.held.extent**2
    return np.maximum(np.where(np.isfinite(out), out, usual), least)


def learn(
    taken: Sample,
    kind: Kind,
    *,
    dof: float = 4.0,
    noise: Noise | None = None,
    eta2: Float[np.ndarray, " J"] | None = None,
) -> tuple[Model, Smoothed]:
    """Learn noise and steps, of which those that are given are kept.

    Args:
        taken: the sample.
        kind: of noise.
        dof: of the Student-t.
        noise: of the views and keypoints; None: learned.
        eta2: η², squared world units per second; None: measured, and scaled by held-out views.
    """
    data, x, held = taken
    first = noises.first(data, x, kind, dof) if noise is None else noise
    model = Model(first, walk(taken) if eta2 is None else eta2)
    found = smooth.smooth(data, model, x, held, 2 * BRIEF, ROUGH)
    if noise is None:
        model, found = _settled(data, model, found, held)
    if eta2 is None and (scale := best_scale(data, model, found.xyz, held)) != 1:
        model = model._replace(eta2=scale * model.eta2)
        found = smooth.smooth(data, model, found.xyz, held, BRIEF, ROUGH)
        if noise is None:
            model, found = _settled(data, model, found, held)
    return model, smooth.smooth(data, model, found.xyz, held)


def best_scale(
    data: Observations, model: Model, x: Float[np.ndarray, "T J 3"], held: Anchor
) -> float:
    """Return the scale of η² with the best score of views that were held out.

    The search walks from 1 as long as the score rises. With two views nothing can be held out,
    and the scale stays 1.
    """
    views = data.confidence.shape[1]
    if views < 3:
        return 1.0
    chosen = spread(len(x), HELD_OUT)
    part, x = data.of_frames(chosen), x[chosen]
    out = np.unique(np.linspace(0, views - 1, min(views, VIEWS)).round().astype(int))
    scores: dict[int, float] = {}

    def score(at: int) -> float:
        if not 0 <= at < len(SCALES):
            return -np.inf
        if at not in scores:
            scaled = model._replace(eta2=SCALES[at] * model.eta2)

            def one(view: int) -> float:
                return held_out(part, scaled, x, held, view)

            scores[at] = sum(windows.side_by_side(one, [int(view) for view in out]))
        return scores[at]

    best = SCALES.index(1.0)
    up = score(best + 1) > score(best)
    while score(best + (1 if up else -1)) > score(best):
        best += 1 if up else -1
    return SCALES[best]


def held_out(
    data: Observations, model: Model, x: Float[np.ndarray, "T J 3"], held: Anchor, view: int
) -> float:
    """Return the log density of what a view saw, told from the others; nats."""
    hidden = data.xy.copy()
    hidden[:, view] = np.nan
    found = smooth.smooth(data._replace(xy=hidden), model, x, held, APART, ROUGH)
    emission = noises.emission(data, model.noise)
    return float(np.nansum(noises.log_score(emission, found.xyz, found.covariance)[:, view]))


def bones(
    taken: Sample, model: Model, found: Smoothed, parent: tuple[int, ...], form: Form
) -> Bones:
    """Learn bones from the points of single frames.

    Not from smooth trajectories: bones and steps would each explain what the other has
    explained already, and both be thought too tight.

    Args:
        taken: the sample.
        model: noise.
        found: the sample's trajectory without bones.
        parent: of each keypoint, -1 for none.
        form: which prior of bones.
    """
    emission = noises.emission(taken.data, model.noise)
    flat = smooth.hold(taken.held, found.xyz)[2] * np.eye(3)
    linear = emission.at(found.xyz)
    cov = np.linalg.inv(linear.blocks + flat)
    # what the observations alone say, outliers left as they are
    x = found.xyz - np.einsum("tjab,tjb->tja", cov, linear.gradient)
    return skeletal.learn(x, cov, well_known(found.outlier), parent, form)


def well_known(outlier: Float[np.ndarray, "T V J"]) -> Bool[np.ndarray, "T J"]:
    """Where two or more views agree on a keypoint."""
    return np.nansum(1 - outlier, axis=1) >= SURE


def _settled(
    data: Observations, model: Model, found: Smoothed, held: Anchor
) -> tuple[Model, Smoothed]:
    """EM of the noise."""
    for _ in range(ROUNDS):
        before = model.noise
        noise = _noise_of(data, before, found.xyz, found.covariance)
        model = model._replace(noise=noise)
        found = smooth.smooth(data, model, found.xyz, held, BRIEF, ROUGH)
        if _same(before, noise):
            break
    return model, found


def _noise_of(
    data: Observations,
    noise: Noise,
    x: Float[np.ndarray, "T J 3"],
    covariance: Float[np.ndarray, "T J 3 3"],
) -> Noise:
    linear = noises.emission(data, noise).at(x)
    cov = observation.spread(x, covariance, data.params)
    return noises.learn(noise, data, linear, np.trace(cov, axis1=-2, axis2=-1))


def _same(before: Noise, after: Noise) -> bool:
    return float(np.quantile(np.abs(np.log(after.inlier / before.inlier)), MOST)) < CLOSE
