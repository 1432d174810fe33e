"""What a recording says about its animals before any is tracked: size, arena, how they move.

Links between successive frames that have no rival (each the nearest of the other, and the next
one twice as far) show how far animals go in a step; all that tracking needs is fitted to them.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int

from gambol.core.instances import Detections, body_length
from gambol.kernels import kalman, logistic
from gambol.kernels.scores import auroc
from gambol.tracking.costs import JUMPS, Steps
from gambol.tracking.features import FAR, Animals, Feature
from gambol.tracking.motion import FLOOR, Motion

BLOCKS, FRAMES = 8, 500  # a long recording is known from this many stretches of it
SURE = 10  # steps; fewer say nothing, and the defaults hold
GAP = 3.5  # usual steps; over longer ones no link is sure
LINKS = 4000  # more say nothing new
PRIOR = 30.0  # steps that the prior is worth
USUAL = 0.3  # body lengths per step, the default


class Scale(NamedTuple):
    """The units of a recording. Multiply positions by a and times by b, and they follow."""

    length: float  # body length L, px
    arena: float  # area where a new animal may appear, px²
    step: float  # usual time between frames, s
    motion: kalman.Dynamics  # of body centres
    steps: Steps  # how far poses are from where they are expected
    looks: tuple[float, float]  # log-odds(same animal) = a + b · cosine; 0, 0: no evidence


def calibrate(
    found: Detections,
    times: Float[np.ndarray, " T"],
    feature: Feature,
    motion: Motion,
    length: float | None = None,
) -> Scale:
    """Measure a recording, or the stretches that stand for a long one.

    Args:
        found: all detections of the recording.
        times: s, of each frame, increasing.
        feature: whose distances are to be judged.
        motion: that says where animals are expected.
        length: body length in px, where it is known better than from the keypoints.
    """
    some = _stretches(found)
    length = length or _length(some)
    weight = weights(some)
    seconds = times[some.frame]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    before = _links(starts(some.frame), some.xy, weight, length, seconds, GAP * step)
    centres = _follow(before, some.xy, weight)
    linked = np.flatnonzero(before >= 0)
    arena = _arena(some.xy, length)
    looks = _looks(some, before, seconds)
    if len(linked) < SURE:
        speed = USUAL * length / step
        dynamics = kalman.Dynamics(speed * np.sqrt(2 / step), speed, step)
        room = float(kalman.wander(np.array([step]), dynamics)[0])
        steps = Steps(USUAL, USUAL, 1 - 2 * JUMPS, room)
    else:
        chains = _some(_chains(before))
        noise = centre_noise(some.cov, weight, length)
        parts = [(centres[rows], seconds[rows], noise[rows]) for rows in chains]
        dynamics = kalman.fit(parts)
        known = _Links(some.xy, weight, before, feature, length)
        steps = _steps(chains, parts, dynamics, known, motion)
    return Scale(length, arena, step, dynamics, steps, looks)


def weights(found: Detections) -> Float[np.ndarray, "D J"]:
    """Trust in every keypoint: its probability, 0 where it is missing."""
    seen = np.isfinite(found.xy).all(axis=-1)
    return np.where(seen, np.maximum(found.confidence, 1e-3), 0.0)


def centre_noise(
    cov: Float[np.ndarray, "D J 2 2"], weight: Float[np.ndarray, "D J"], length: float
) -> Float[np.ndarray, "D 2 2"]:
    """Covariance of the weighted mean keypoint, px², with room for the body's bending."""
    share = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
    known = np.where(np.isfinite(cov), cov, 0.0)
    return (share[..., None, None] ** 2 * known).sum(axis=1) + (FLOOR * length) ** 2 * np.eye(2)


def starts(frame: Int[np.ndarray, " D"]) -> Int[np.ndarray, " F"]:
    """First row of every frame that has rows, and the number of rows."""
    edges = np.flatnonzero(np.diff(frame, prepend=frame[:1] - 1))
    return np.append(edges, len(frame)).astype(np.int64)


def _stretches(found: Detections) -> Detections:
    """Evenly spaced stretches of a long recording, or all of a short one."""
    if not len(found.frame):
        return found
    first, last = int(found.frame[0]), int(found.frame[-1])
    if last - first < BLOCKS * FRAMES:
        return found
    begin = np.linspace(first, last - FRAMES, BLOCKS)[:, None]
    inside = (found.frame >= begin) & (found.frame < begin + FRAMES)
    return found.select(np.flatnonzero(inside.any(axis=0)))


def _length(found: Detections) -> float:
    """Body length; of animals of one keypoint, a third of the usual gap between them."""
    if (np.isfinite(found.xy).all(axis=-1).sum(axis=1) >= 2).any():
        return body_length(found.xy)
    points = found.xy[np.isfinite(found.xy).all(axis=(1, 2)), 0]
    if len(points) < 2:
        return 1.0
    frame = found.frame[np.isfinite(found.xy).all(axis=(1, 2))]
    gap = np.linalg.norm(np.diff(points, axis=0), axis=1)[np.diff(frame) == 0]
    side = float(np.linalg.norm(np.ptp(points, axis=0))) / 10
    return float(np.median(gap)) / 3 if len(gap) and np.median(gap) > 0 else side or 1.0


def _arena(xy: np.ndarray, length: float) -> float:
    """Area of the box of all keypoints, px², at least of a few bodies."""
    seen = np.isfinite(xy).all(axis=-1)
    sides = np.ptp(xy[seen], axis=0) if seen.any() else np.zeros(2)
    return float(np.maximum(sides, 2 * length).prod())


def _chains(before: np.ndarray) -> list[np.ndarray]:
    """Rows of every tracklet of sure links, in order, in pairs at least."""
    after = np.full(len(before), -1)
    linked = np.flatnonzero(before >= 0)
    after[before[linked]] = linked
    chains = []
    for first in np.flatnonzero((before < 0) & (after >= 0)):
        rows = [int(first)]
        while after[rows[-1]] >= 0:
            rows.append(int(after[rows[-1]]))
        chains.append(np.array(rows))
    return chains


def _some(chains: list[np.ndarray]) -> list[np.ndarray]:
    """Evenly chosen chains that hold about as many links as are needed."""
    return chains[:: max(sum(map(len, chains)) // LINKS, 1)]


class _Links(NamedTuple):
    """Sure links and how to judge them."""

    xy: np.ndarray
    weight: np.ndarray
    before: np.ndarray
    feature: Feature
    length: float

    def gaps(self, rows: np.ndarray, drift: np.ndarray) -> np.ndarray:
        """Distances of rows from the ones before, when those have moved by `drift` px."""
        gaps = np.empty(len(rows))
        for n, (row, by) in enumerate(zip(rows, drift, strict=True)):
            old = self.before[row]
            there = Animals(self.xy[old : old + 1] + by, self.weight[old : old + 1])
            here = Animals(self.xy[row : row + 1], self.weight[row : row + 1])
            gaps[n] = self.feature.distance(here, there, self.length)[0, 0]
        return np.minimum(np.nan_to_num(gaps, nan=self.feature.cut), self.feature.cut)


def _steps(
    chains: list[np.ndarray],
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
    dynamics: kalman.Dynamics,
    known: _Links,
    motion: Motion,
) -> Steps:
    """Fit to sure links how often animals go on or start anew, and how far they then are."""
    rows, drift, room = [], [], []
    for chain, (centres, seconds, noise) in zip(chains, parts, strict=True):
        seen = kalman.filter(centres, seconds, noise, *dynamics)
        state = kalman.Beliefs(seen.mean[:-1], seen.cov[:-1])
        ahead = kalman.predict(state, np.diff(seconds), dynamics.q, dynamics.memory)
        rows.append(chain[1:])
        drift.append(ahead.mean[:, :2] - centres[:-1])
        room.append((ahead.cov[:, 0, 0] + ahead.cov[:, 1, 1]) / 2)
    some, way = np.concatenate(rows)[:LINKS], np.concatenate(drift)[:LINKS]
    usual = float(np.median(np.concatenate(room)))
    still = known.gaps(some, 0 * way)
    if not motion.moves:
        mean = max(float(still.mean()), FLOOR)
        return Steps(mean, mean, 1 - 2 * JUMPS, usual)
    axes = 2 if motion.weighs else 1
    return _expectation_maximisation(known.gaps(some, way), still, axes)._replace(room=usual)


def _expectation_maximisation(moved: np.ndarray, still: np.ndarray, axes: int) -> Steps:
    """Fit the mixture of `costs.pair_term`, jumps left out.

    Args:
        moved: distances from the pose that went on.
        still: distances from the pose where it was.
        axes: 2 for densities in the plane, whose mean distance is twice their scale, else 1.
    """
    going = anew = max(float(still.mean()) / axes, FLOOR)
    share = 0.5
    for _ in range(30):
        one = np.log((1 - share) / going**axes) - moved / going
        two = np.log(share / anew**axes) - still / anew
        fresh = np.exp(two - np.logaddexp(one, two))
        # as if PRIOR steps more had been seen, half of them anew, at the distances of now
        share = float((fresh.sum() + PRIOR / 2) / (len(fresh) + PRIOR))
        on = ((1 - fresh) @ moved / axes + PRIOR / 2 * going) / ((1 - fresh).sum() + PRIOR / 2)
        off = (fresh @ still / axes + PRIOR / 2 * anew) / (fresh.sum() + PRIOR / 2)
        going, anew = max(float(on), FLOOR), max(float(off), FLOOR)
    return Steps(going, anew, share * (1 - 2 * JUMPS), 0.0)


def _looks(found: Detections, before: np.ndarray, seconds: np.ndarray) -> tuple[float, float]:
    """Fit log-odds(same animal) to cosines of chains and of pairs within one frame."""
    if not found.embedding.shape[1]:
        return 0.0, 0.0
    same, other = [], []
    for rows in _chains(before):
        for row in rows:  # nearer frames look alike for reasons that are not the animal's
            later = rows[seconds[rows] >= seconds[row] + 1.0]
            if len(later):
                same.append(found.embedding[row] @ found.embedding[later[0]])
    edges = starts(found.frame)
    for first, last in zip(edges[:-1], edges[1:], strict=True):
        block = found.embedding[first:last]
        other.extend((block @ block.T)[np.triu_indices(last - first, 1)])
    cosine = np.array(same + other)
    true = np.arange(len(cosine)) < len(same)
    known = np.isfinite(cosine)
    cosine, true = cosine[known], true[known]
    if min(true.sum(), (~true).sum()) < SURE or auroc(cosine, true) < 0.7:
        return 0.0, 0.0
    even = np.where(true, 0.5 / true.sum(), 0.5 / (~true).sum())  # evidence without a prior
    problem = logistic.make_problem(cosine[:, None], true.astype(float), 1e-5, even)
    b, a = logistic.lbfgs(problem, 200).w
    return float(a), float(b)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _links(edges, xy, weight, length, seconds, longest):
    """Row of the same animal in the frame before, or -1 where that is not beyond doubt."""
    before = np.full(len(xy), -1)
    for f in range(1, len(edges) - 1):
        old, new, end = edges[f - 1], edges[f], edges[f + 1]
        if seconds[new] - seconds[old] > longest:
            continue
        gap = np.full((end - new, new - old), np.inf)
        for i in range(end - new):
            for j in range(new - old):
                gap[i, j] = _gap(
                    xy[new + i], weight[new + i], xy[old + j], weight[old + j], length
                )
        for i in range(end - new):
            j = gap[i].argmin()
            best = gap[i, j]
            sure = best < FAR - 1 and gap[:, j].argmin() == i
            for k in range(new - old):
                sure = sure and (k == j or gap[i, k] > 2 * best)
            for k in range(end - new):
                sure = sure and (k == i or gap[k, j] > 2 * best)
            if sure:
                before[new + i] = old + j
    return before


@numba.njit(cache=True, nogil=True)
@no_type_check
def _gap(xy, weight, other, trust, length):
    total, mass = 0.0, 0.0
    for k in range(len(xy)):
        w = weight[k] * trust[k]
        if w > 0:
            x, y = xy[k, 0] - other[k, 0], xy[k, 1] - other[k, 1]
            total += w * min(np.sqrt(x * x + y * y) / length, FAR)
            mass += w
    return total / mass if mass > 0 else np.inf


@numba.njit(cache=True, nogil=True)
@no_type_check
def _follow(before, xy, weight):
    """Centres (D, 2) that move as the shared keypoints do."""
    centres = np.zeros((len(xy), 2))
    for d in range(len(xy)):
        old, mass = before[d], 0.0
        for k in range(xy.shape[1]):
            w = weight[d, k] if old < 0 else weight[d, k] * weight[old, k]
            if w > 0:
                mass += w
                for a in range(2):
                    away = xy[d, k, a] if old < 0 else xy[d, k, a] - xy[old, k, a]
                    centres[d, a] += w * away
        if mass > 0:
            centres[d] /= mass
        if old >= 0:
            centres[d] += centres[old]
    return centres
