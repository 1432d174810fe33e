"""What tells animals apart besides motion: looks and size, as a random-effects model.

Blocks of one second of a tracklet are samples of its animal's looks with unit noise, once
whitened; animals differ with a variance that is estimated from those seen at the same time.
If they do not differ beyond chance, looks have no weight. A tracklet is compared with
prototypes made of the other tracklets, so it never votes for itself.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from gambol.core.instances import Detections
from gambol.kernels.scores import auroc
from gambol.tracking.tracklets import Tracklets, chunks

BLOCK = 1.0  # s: looks of two blocks are nearly independent
MOST = 8  # dimensions
LEAST_AUROC = 0.7  # of same against different animals; below, looks are given no weight
CHANCE = 1e-2  # or if identical animals would differ so much this often
STRONGEST = 20.0  # nats: looks of one tracklet say no more than that


class Looks(NamedTuple):
    """Looks of M tracklets in F dimensions in which a block has noise of variance 1.

    F = 0 where animals cannot be told apart.
    """

    mean: Float[np.ndarray, "M F"]
    blocks: Float[np.ndarray, " M"]  # how many independent blocks; 0 = never seen alone
    spread: Float[np.ndarray, " F"]  # variance between animals
    classes: Float[np.ndarray, "M A"]  # log P(named animal), nats; A = 0 without classes
    auroc: float  # of same against different animals, over blocks; NaN without pairs


def measure(
    detections: Detections, tracklets: Tracklets, times: Float[np.ndarray, " T"], body: float
) -> Looks:
    """Learn from the tracklets alone how animals look and how sure looks are.

    Positive pairs are blocks of one tracklet, negative pairs those of tracklets that were seen
    at the same time. Rows in contact with another animal do not count.

    Args:
        detections: with embedding, class probabilities, or sizes alone.
        tracklets: of the detections.
        times: of the frames, s.
        body: body length L, px.
    """
    m = len(tracklets.first)
    seconds = times[detections.frame]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    classes = _classes(detections, tracklets, seconds)
    nothing = Looks(np.zeros((m, 0)), np.zeros(m), np.zeros(0), classes, np.nan)
    rows = np.flatnonzero((tracklets.of >= 0) & ~tracklets.touching)
    features = _features(detections, rows, body)
    known = np.isfinite(features).all(axis=1)
    rows, features = rows[known], features[known]
    if not features.size:
        return nothing
    of = tracklets.of[rows]
    number = ((seconds[rows] - tracklets.start[of]) // BLOCK).astype(np.int64)
    most = int(number.max()) + 1
    number += of * most
    del seconds, rows, known, of  # large in a long recording
    key, block = np.unique(number, return_inverse=True)
    count = np.bincount(block)
    mean = np.stack([np.bincount(block, f) / count for f in features.T], axis=1)
    weight = np.minimum(1.0, count * step / BLOCK)
    return _model(mean, weight, key // most, tracklets, nothing)


def _features(
    detections: Detections, rows: Int[np.ndarray, " R"], body: float
) -> Float[np.ndarray, "R F"]:
    """Embedding and log size; size only if most animals show all keypoints."""
    size = np.full(len(rows), np.nan)
    for some in chunks(len(rows)):
        xy = detections.select(rows[some]).xy
        whole = np.isfinite(xy).all(axis=(1, 2))
        box = xy[whole].max(axis=1) - xy[whole].min(axis=1)
        size[some][whole] = np.log(np.linalg.norm(box, axis=1) / body + 0.01)
    parts = [detections.embedding[rows]]
    if detections.xy.shape[1] > 1 and np.isfinite(size).sum() > len(rows) / 2:
        parts.append(size[:, None])
    return np.concatenate(parts, axis=1)


def _classes(
    detections: Detections, tracklets: Tracklets, seconds: Float[np.ndarray, " D"]
) -> Float[np.ndarray, "M A"]:
    """Mean log-probability of the frames of a block, summed over blocks."""
    m, n = len(tracklets.first), detections.identity.shape[1]
    total, rows = np.zeros((m, n)), tracklets.of >= 0
    if not n or not rows.any():
        return total
    np.add.at(total, tracklets.of[rows], detections.identity[rows])
    count = np.bincount(tracklets.of[rows], minlength=m)
    blocks = 1 + (tracklets.end - tracklets.start) // BLOCK
    return total * (blocks / np.maximum(count, 1))[:, None]


def _model(
    mean: Float[np.ndarray, "B F"],
    weight: Float[np.ndarray, " B"],
    owner: Int[np.ndarray, " B"],
    tracklets: Tracklets,
    nothing: Looks,
) -> Looks:
    """Whiten blocks by their noise within tracklets and turn to where animals differ."""
    m = len(tracklets.first)
    full = weight >= 0.5
    per = np.bincount(owner[full], minlength=m)
    freedom = int(np.maximum(per - 1, 0).sum())
    pairs = _together(tracklets, np.flatnonzero(per))
    if freedom < 4 or not len(pairs) or not mean.shape[1]:
        return nothing
    mean = _principal(mean, full, min(MOST, max(1, freedom // 4)))
    mean = mean @ _whitening(mean[full], owner[full], m, freedom)
    blocks: Float[np.ndarray, " M"] = np.bincount(owner, weight, minlength=m)
    total = np.stack([np.bincount(owner, weight * x, minlength=m) for x in mean.T], axis=1)
    centre = total / np.maximum(blocks, 1e-9)[:, None]
    blocks = blocks / _slowness(mean[full], owner[full])
    a, b = pairs.T
    difference, noise = centre[a] - centre[b], 1 / blocks[a] + 1 / blocks[b]
    f = mean.shape[1]
    ratio = float(np.mean((difference**2).sum(axis=1) / noise) / f)
    chance = stats.f.sf(ratio, f * max(1, len(np.unique(pairs)) / 2), freedom)
    told = _auroc(mean[full], owner[full], pairs)
    if chance > CHANCE or not told >= LEAST_AUROC:
        return nothing._replace(auroc=told)
    between = (difference[:, :, None] * difference[:, None, :]).mean(axis=0)
    variance, axes = np.linalg.eigh((between - np.eye(f) * noise.mean()) / 2)
    kept = variance > 0
    return nothing._replace(
        mean=centre @ axes[:, kept], blocks=blocks, spread=variance[kept], auroc=told
    )


def _principal(
    mean: Float[np.ndarray, "B F"], full: np.ndarray, most: int
) -> Float[np.ndarray, "B K"]:
    """Project on the directions in which blocks vary most, in units of their spread."""
    centred = mean - mean[full].mean(axis=0)
    centred = centred / np.maximum(centred[full].std(axis=0), 1e-9)
    _, _, axes = np.linalg.svd(centred[full], full_matrices=False)
    return centred @ axes[:most].T


def _whitening(
    mean: Float[np.ndarray, "B K"], owner: Int[np.ndarray, " B"], m: int, freedom: int
) -> Float[np.ndarray, "K K"]:
    """Return what turns noise within tracklets into unit noise; a little shrunk, unbiased."""
    count = np.maximum(np.bincount(owner, minlength=m), 1)
    centre = np.stack([np.bincount(owner, f, minlength=m) / count for f in mean.T], axis=1)
    rest = mean - centre[owner]
    k = mean.shape[1]
    cov = rest.T @ rest / freedom
    cov = (freedom * cov + k * np.diag(np.diag(cov))) / (freedom + k)
    cov *= freedom / max(freedom - k - 1, 1)  # so that its inverse has the right mean
    value, axes = np.linalg.eigh(cov)
    return axes / np.sqrt(np.maximum(value, 1e-9))


def _slowness(mean: Float[np.ndarray, "B K"], owner: Int[np.ndarray, " B"]) -> float:
    """How much more the halves of long tracklets differ than independent blocks would."""
    found = []
    for tracklet in np.flatnonzero(np.bincount(owner) >= 4)[:500]:
        mine = mean[owner == tracklet]
        half = len(mine) // 2
        change = mine[:half].mean(axis=0) - mine[half:].mean(axis=0)
        found.append((change**2).mean() / (1 / half + 1 / (len(mine) - half)))
    return max(1.0, float(np.mean(found))) if len(found) >= 3 else 1.0


def _together(
    tracklets: Tracklets, which: Int[np.ndarray, " K"], most: int = 20000
) -> Int[np.ndarray, "P 2"]:
    """Pairs of these tracklets that were seen together for a block at least."""
    start, end = tracklets.start[which], tracklets.end[which]
    pairs: list[Int[np.ndarray, "K 2"]] = []
    for i in range(len(which)):
        later = np.arange(i + 1, np.searchsorted(start, end[i] - BLOCK, "right"))
        later = later[np.minimum(end[later], end[i]) - start[later] >= BLOCK]
        pairs.append(np.stack([np.full(len(later), which[i]), which[later]], axis=1))
        most -= len(later)
        if most < 0:
            break
    return np.concatenate(pairs) if pairs else np.zeros((0, 2), np.int64)


def _auroc(
    mean: Float[np.ndarray, "B K"], owner: Int[np.ndarray, " B"], pairs: np.ndarray
) -> float:
    """How well the distance of two blocks says whether they are of one tracklet."""
    after = np.flatnonzero(owner[1:] == owner[:-1])
    same = ((mean[after] - mean[after + 1]) ** 2).sum(axis=1)
    edges = np.searchsorted(owner, np.arange(owner.max() + 2))
    other = []
    for a, b in pairs[:2000]:
        n = min(edges[a + 1] - edges[a], edges[b + 1] - edges[b])
        ours, theirs = mean[edges[a] : edges[a] + n], mean[edges[b] : edges[b] + n]
        other.append(((ours - theirs) ** 2).sum(axis=1))
    different = np.concatenate(other)
    positive = np.arange(len(same) + len(different)) < len(same)
    return auroc(-np.concatenate([same, different]), positive)


def log_odds_same(
    looks: Looks, tail: Int[np.ndarray, " E"], head: Int[np.ndarray, " E"]
) -> Float[np.ndarray, " E"]:
    """Return log p(looks | one animal) - log p(looks | two animals) of pairs of tracklets."""
    known = (looks.blocks[tail] > 0) & (looks.blocks[head] > 0)
    origin = _origin(looks)
    x, y = looks.mean[tail] - origin, looks.mean[head] - origin
    b = looks.spread
    p = b + 1 / np.maximum(looks.blocks[tail], 1e-9)[:, None]
    r = b + 1 / np.maximum(looks.blocks[head], 1e-9)[:, None]
    det = p * r - b**2
    one = (r * x**2 - 2 * b * x * y + p * y**2) / det + np.log(det)
    two = x**2 / p + y**2 / r + np.log(p * r)
    odds = 0.5 * (two - one).sum(axis=1)
    return np.where(known, np.clip(odds, -STRONGEST, STRONGEST), 0.0)


def emission(looks: Looks, belief: Float[np.ndarray, "M N"]) -> Float[np.ndarray, "M N"]:
    """Return log p(looks of tracklet | it is animal a), nats, best animal 0.

    Args:
        looks: of the tracklets; looks by class count when there are N classes.
        belief: P(tracklet is animal a) so far; the other tracklets make the prototypes by it.
    """
    score = np.zeros(belief.shape)
    if looks.classes.shape[1] == belief.shape[1]:
        score += looks.classes
    if len(looks.spread):
        share = (belief * looks.blocks[:, None])[:, :, None]
        x = (looks.mean - _origin(looks))[:, None, :]
        others = share.sum(axis=0) - share  # (M, N, 1)
        total = (share * x).sum(axis=0) - share * x  # (M, N, F)
        variance = 1 / (1 / looks.spread + others)
        prototype = variance * total
        wide = variance + 1 / np.maximum(looks.blocks, 1e-9)[:, None, None]
        fit = -0.5 * ((x - prototype) ** 2 / wide + np.log(wide)).sum(axis=-1)
        score += np.where(looks.blocks[:, None] > 0, fit, 0.0)
    return np.maximum(score - score.max(axis=1, keepdims=True), -STRONGEST)


def _origin(looks: Looks) -> Float[np.ndarray, " F"]:
    """Mean looks of all animals."""
    return (looks.blocks @ looks.mean) / max(looks.blocks.sum(), 1e-9)
