"""Judging several animals on labelled frames: who is who, how far off, what a find is worth.

The same matching scores a network while it trains, calibrates it, and says which finds are
real animals.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8

from gambol.core.instances import Detections
from gambol.kernels.assignment import assign
from gambol.nn.engine import Engine, TorchEngine
from gambol.nn.model import PoseNet
from gambol.nn.outputs.base import Positions
from gambol.nn.outputs.classes import Classes
from gambol.nn.outputs.fields import Fields
from gambol.pose import calibrate, crops, identify
from gambol.pose.dataset import Frames
from gambol.pose.find import APART, BottomUp, Found, TopDown, candidates, centroids, find
from gambol.pose.group import TAU, Links, score_pairs, true_links
from gambol.pose.predict import Net
from gambol.pose.train import Judge
from gambol.pose.unjudged import Polygons, unjudged

THRESHOLD = 0.2  # height from which a centroid counts before validation chose better
KNOWN = 20  # animals from which the error of centroids can be told
LOWEST = 0.05  # height of a centroid that is looked at at all
WRONG = 0.05  # body lengths: what chooses weights counts a keypoint farther off as just wrong
FEW = 8  # finds of the rarer kind from which the weights of P(real animal) are learned
PRIOR = (-2.0, 4.0, 0.5, 2.0)  # weights of P(real animal) before any evidence


class Match(NamedTuple):
    """Which find is which labelled animal of one frame."""

    found: Int[np.ndarray, " I"]  # index of the find of every labelled animal; -1 for none
    error: Float[np.ndarray, "I J"]  # px; NaN where there is no label or no find


class Judged(NamedTuple):
    """What finds are worth."""

    calibration: calibrate.Calibration  # of keypoints
    real: Float[np.ndarray, " 4"]  # weights of P(real animal), see `features`
    temperature: float = 1.0  # of the looks of named individuals


class Worth(NamedTuple):
    """One frame's animals with calibrated uncertainty."""

    confidence: Float[np.ndarray, "I J"]  # P(error <= radius); 0 where nothing was found
    covariance: Float[np.ndarray, "I J 2 2"]
    presence: Float[np.ndarray, "I J"]  # P(visible or occluded)
    score: Float[np.ndarray, " I"]  # P(this is a real animal)
    identity: Float[np.ndarray, "I A"]  # log P(this is animal a); A = 0 without classes


def match(
    xy: Float[np.ndarray, "F J 2"], truth: Float[np.ndarray, "I J 2"], body: float
) -> Match:
    """Match finds to labelled animals one to one, so that they lie nearest on the whole.

    The cost of a pair is the mean over labelled keypoints of min(distance / body, 1), a
    keypoint that was not found counting 1; beyond 0.5 the two are strangers.

    Args:
        xy: finds, px; NaN where a keypoint was not found.
        truth: labelled animals; NaN where there is no label.
        body: length of an animal, px.
    """
    distance = np.linalg.norm(xy[None] - truth[:, None], axis=-1)  # (I, F, J)
    labelled = np.isfinite(truth).all(axis=-1)
    part = np.where(np.isfinite(distance), np.minimum(distance / body, 1), 1.0)
    count = np.maximum(labelled.sum(axis=1), 1)[:, None]
    cost = (part * labelled[:, None]).sum(axis=-1) / count
    cost = np.where(labelled.any(axis=1)[:, None], cost, np.inf)
    half = np.full(len(truth), 1 / 2)
    who = assign(cost, half).column if len(xy) else np.full(len(truth), -1)
    mine = np.where(who >= 0, who, 0)
    error = np.full(labelled.shape, np.nan)
    if len(xy):
        error = np.where((who >= 0)[:, None], distance[np.arange(len(truth)), mine], np.nan)
    return Match(who, error)


def match_all(
    xy: Float[np.ndarray, "D J 2"],
    place: Int[np.ndarray, "D 2"],
    truth: Float[np.ndarray, "N J 2"],
    at: Int[np.ndarray, "N 2"],
    body: float,
) -> Int[np.ndarray, " N"]:
    """Return the find that shows each labelled animal, -1 for none, frame by frame as `match`.

    Args:
        xy: finds, px.
        place: (video, frame) of every find.
        truth: labelled animals.
        at: (video, frame) of each.
        body: length of an animal, px.
    """
    who = np.full(len(truth), -1)
    for frame in np.unique(at, axis=0):
        mine = np.flatnonzero((at == frame).all(axis=1))
        rows = np.flatnonzero((place == frame).all(axis=1))
        found = match(xy[rows], truth[mine], body).found
        who[mine] = np.append(rows, -1)[found]
    return who


def penalised(
    found: list[Float[np.ndarray, "_ J 2"]],
    truth: list[Float[np.ndarray, "_ J 2"]],
    body: float,
    complete: Bool[np.ndarray, " frames"],
    ignored: Sequence[Polygons] | None = None,
) -> Float[np.ndarray, " M"]:
    """Errors of all labelled keypoints; each miss and each false animal is one body length.

    Args:
        found: finds of every frame, px.
        truth: labelled animals of the same frames, px.
        body: length of an animal, px; no error counts for more.
        complete: every animal of the frame is labelled.
        ignored: polygons without score of every frame, px; none by default.
    """
    parts = []
    none: Sequence[Polygons] = [()] * len(found)
    for xy, animals, whole, hidden in zip(
        found, truth, complete.tolist(), ignored or none, strict=True
    ):
        matched = match(xy, animals, body)
        labelled = np.isfinite(animals).all(axis=-1)
        error = np.where(np.isfinite(matched.error), np.minimum(matched.error, body), body)
        false = ~np.isin(np.arange(len(xy)), matched.found)
        false &= ~unjudged(xy, animals, body, whole, hidden)
        parts += [error[labelled], np.full(int(false.sum()), body)]
    return np.concatenate(parts) if parts else np.zeros(0)


def fit(
    found: list[Found],
    truth: list[Float[np.ndarray, "_ J 2"]],
    visibility: list[UInt8[np.ndarray, "_ J"]],
    body: float,
    radius: float,
    complete: Bool[np.ndarray, " frames"],
    who: list[Int[np.ndarray, " _"]] | None = None,
    ignored: Sequence[Polygons] | None = None,
) -> Judged:
    """Learn what finds are worth from frames that did not train the network.

    Args:
        found: of every frame, video pixels.
        truth: labelled animals of the same frames, video pixels.
        visibility: codes of `core.labels.Visibility`.
        body: length of an animal, px.
        radius: px up to which a keypoint counts as right.
        complete: every animal of the frame is labelled.
        who: class of each labelled animal, -1 where unknown; unknown of all by default.
        ignored: polygons without score of every frame, video pixels; none by default.
    """
    matches = [match(f.xy, t, body) for f, t in zip(found, truth, strict=True)]
    rows = [
        (t[i], v[i], f.xy[k], f.cov[k], f.height[k])
        for f, t, v, m in zip(found, truth, visibility, matches, strict=True)
        for i, k in enumerate(m.found)
        if k >= 0
    ]
    keypoints = truth[0].shape[1]
    if not rows:
        return Judged(calibrate.prior(keypoints, radius), np.array(PRIOR))
    labels, states, xy, cov, height = (np.stack(part) for part in zip(*rows, strict=True))
    calibration = calibrate.fit(labels, states, xy, cov, height, radius)
    seen = [features(f, _confidence(f, calibration)) for f in found]
    real = [np.isin(np.arange(len(f.xy)), m.found) for f, m in zip(found, matches, strict=True)]
    none: Sequence[Polygons] = [()] * len(found)
    clear = [
        r | ~unjudged(f.xy, t, body, whole, hidden)
        for f, t, r, whole, hidden in zip(
            found, truth, real, complete.tolist(), ignored or none, strict=True
        )
    ]
    known = np.concatenate(clear)
    weights = _real(np.concatenate(seen)[known], np.concatenate(real)[known])
    warmth = 1.0 if who is None else _temperature(found, matches, who)
    return Judged(calibration, weights, warmth)


def value(found: Found, judged: Judged) -> Worth:
    """Say what the animals of a frame are worth; video pixels."""
    sure = calibrate.apply(judged.calibration, found.height, found.cov)
    seen = features(found, sure.confidence)
    score = 1 / (1 + np.exp(-(seen @ judged.real)))
    identity = identify.soften(found.looks, judged.temperature)
    return Worth(sure.confidence, sure.covariance, sure.presence, score, identity)


def detections(frame: int, found: Found, worth: Worth) -> Detections:
    """Return the animals of one frame as rows; positions in the pixels of `found`."""
    return Detections(
        np.full(len(found.xy), frame),
        found.xy,
        worth.covariance,
        worth.confidence,
        worth.score,
        np.zeros((len(found.xy), 0)),
        worth.identity,
    )


def best_threshold(finder: TopDown, val: Frames, body: float, aim: crops.Aim) -> float:
    """Return the height from which centroids are animals: the largest F1 on validation.

    Args:
        finder: its threshold is ignored.
        val: labelled frames.
        body: length of an animal, pixels of `val`.
        aim: what a centroid is.
    """
    heights, hits, total = [], [], 0
    frames = zip(val.images, animals(val), val.complete.tolist(), polygons(val), strict=True)
    for image, xy, whole, hidden in frames:
        spots, height, _ = centroids(finder.centroid, image, LOWEST, finder.apart, finder.limit)
        who = match(spots[:, None], crops.centroid(xy, aim.anchor)[:, None], body).found
        hit = np.isin(np.arange(len(spots)), who)
        known = hit | ~unjudged(spots[:, None], xy, body, whole, hidden)
        heights.append(height[known])
        hits.append(hit[known])
        total += len(xy)
    height, hit = np.concatenate(heights), np.concatenate(hits)
    steps = np.arange(2 * LOWEST, 0.65, LOWEST)
    f1 = [2 * hit[height >= t].sum() / max((height >= t).sum() + total, 1) for t in steps]
    best = np.flatnonzero(np.array(f1) == max(f1))
    return float(steps[best[len(best) // 2]])  # the middle of equally good ones


def features(found: Found, confidence: Float[np.ndarray, "I J"]) -> Float[np.ndarray, "I 4"]:
    """Evidence for a real animal: 1, mean P(correct), logit of `whole`, share of keypoints."""
    there = np.isfinite(found.height)
    mean = (confidence * there).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    whole = np.clip(found.whole, 0.01, 0.99)
    one = np.ones(len(mean))
    return np.stack([one, mean, np.log(whole / (1 - whole)), there.mean(axis=1)], axis=1)


def to_dict(judged: Judged) -> dict[str, Any]:
    """Return plain numbers and lists, for JSON."""
    return {
        "calibration": judged.calibration.to_dict(),
        "real": judged.real.tolist(),
        "temperature": judged.temperature,
    }


def from_dict(values: dict[str, Any]) -> Judged:
    """Undo `to_dict`."""
    calibration = calibrate.Calibration.from_dict(values["calibration"])
    return Judged(calibration, np.array(values["real"], np.float64), values["temperature"])


def centroid_judge(val: Frames, body: float) -> Judge:
    """Score a network that finds animals; all pixels are those of `val`, at its scale."""
    animals = [xy[:, 0][np.isfinite(xy[:, 0]).all(axis=-1)] for xy in val.xy]

    def judge(net: PoseNet, device: torch.device) -> Float[np.ndarray, " M"]:
        finder = _net(net, device)
        found = [
            centroids(finder, image, THRESHOLD, APART * body, 2 * len(a) + 4).xy
            for image, a in zip(val.images, animals, strict=True)
        ]
        scale = float(np.linalg.norm(val.to_video[0][0, :2]))
        return scale * penalised(
            [f[:, None] for f in found], [a[:, None] for a in animals], body, val.complete,
            polygons(val),
        )  # fmt: skip

    return judge


def centroid_error(
    net: PoseNet, val: Frames, body: float, device: torch.device
) -> float | None:
    """Return the p95 distance of found from labelled centroids; None of too few animals.

    Args:
        net: finds animals.
        val: their centroids, as for `centroid_judge`; pixels of all lengths are its own.
        body: length of an animal.
        device: of torch.
    """
    finder, off = _net(net, device), [np.zeros(0)]
    for image, truth in zip(val.images, animals(val), strict=True):
        at = truth[:, :1]
        found = centroids(finder, image, THRESHOLD, APART * body, 2 * len(at) + 4).xy
        error = match(found[:, None], at, body).error
        off.append(error[np.isfinite(error)])
    errors = np.concatenate(off)
    return float(np.percentile(errors, 95)) if len(errors) >= KNOWN else None


def bottom_up_judge(val: Frames, links: Links, most: int, body: float) -> Judge:
    """Score a network of confidence maps and fields; pixels of `val`."""

    def judge(net: PoseNet, device: torch.device) -> Float[np.ndarray, " M"]:
        engine = TorchEngine(net, str(device), "float32", 0)
        finder = bottom_up(net, engine, links, most)
        found = [find(finder, image) for image in val.images]
        scale = float(np.linalg.norm(val.to_video[0][0, :2]))
        xy = [f.xy for f in found]
        return scale * penalised(xy, animals(val), body, val.complete, polygons(val))

    return judge


def animals(frames: Frames) -> list[Float[np.ndarray, "_ J 2"]]:
    """Return the labelled animals of every frame."""
    return [xy[np.isfinite(xy).all(axis=-1).any(axis=-1)] for xy in frames.xy]


def polygons(frames: Frames) -> list[list[Float[np.ndarray, "_ 2"]]]:
    """Return the polygons without score of every frame."""
    return [frames.polygons(i) for i in range(len(frames.images))]


def bottom_up(net: PoseNet, engine: Engine, links: Links, most: int) -> BottomUp:
    """Make a finder of a network that draws confidence maps and fields."""
    confidence, fields = net.outputs[:2]
    assert isinstance(confidence, Positions) and isinstance(fields, Fields)
    classes = next((one for one in net.outputs if isinstance(one, Classes)), None)
    return BottomUp(engine, confidence, fields, links, net.multiple, 4 * most + 8, classes)


class Linked(NamedTuple):
    """M pairs of peaks of which labels say whether they are of one animal."""

    edge: Int[np.ndarray, " M"]
    score: Float[np.ndarray, " M"]
    linked: Bool[np.ndarray, " M"]


def seen_links(finder: BottomUp, val: Frames, body: float) -> Linked:
    """Score all pairs of peaks in labelled frames.

    Args:
        finder: with links for all edges.
        val: labelled frames.
        body: length of an animal, pixels of `val`.
    """
    parts = []
    for image, truth in zip(val.images, animals(val), strict=True):
        found, (fields, *_) = candidates(finder, image)
        pairs = score_pairs(found, fields, finder.links, finder.fields.stride)
        linked, known = true_links(pairs, found, truth, 0.1 * body)
        parts.append((pairs.edge[known], pairs.score[known], linked[known]))
    return Linked(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def fit_links(finder: BottomUp, val: Frames, body: float) -> Links:
    """Learn on validation what a line score says about a link: log-odds per edge.

    Edges with few links of either kind share their weights.
    """
    edge, score, linked = seen_links(finder, val, body)
    slope, offset = finder.links.slope.copy(), finder.links.offset.copy()
    shared = _logistic(score, linked)
    for e in range(len(slope)):
        own = edge == e
        weights = _logistic(score[own], linked[own]) or shared
        if weights is not None:
            slope[e], offset[e] = weights
    return finder.links._replace(slope=slope, offset=offset)


def _logistic(
    score: Float[np.ndarray, " M"], linked: Bool[np.ndarray, " M"]
) -> tuple[float, float] | None:
    """Slope and offset of the log-odds; None where there are too few links or non-links."""
    if min(linked.sum(), (~linked).sum()) < FEW:
        return None
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=10.0).fit(score[:, None] - TAU, linked)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def _net(net: PoseNet, device: torch.device) -> Net:
    engine = TorchEngine(net, str(device), "float32", 0)
    return Net(engine, net.position, net.multiple, 1.0)


def _confidence(found: Found, calibration: calibrate.Calibration) -> Float[np.ndarray, "I J"]:
    return calibrate.apply(calibration, found.height, found.cov).confidence


def _temperature(
    found: list[Found], matches: list[Match], who: list[Int[np.ndarray, " _"]]
) -> float:
    """Learn how sure looks may be, from the finds of labelled animals."""
    looks = [f.looks[m.found[m.found >= 0]] for f, m in zip(found, matches, strict=True)]
    names = [w[m.found >= 0] for w, m in zip(who, matches, strict=True)]
    return identify.fit_temperature(np.concatenate(looks), np.concatenate(names))


def _real(
    seen: Float[np.ndarray, "M 4"], real: Bool[np.ndarray, " M"]
) -> Float[np.ndarray, " 4"]:
    """Fit P(real animal) where there are finds of both kinds, else keep the prior."""
    if min(real.sum(), (~real).sum()) < FEW:
        return np.array(PRIOR)
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0).fit(seen[:, 1:], real)
    return np.concatenate([model.intercept_, model.coef_[0]])
