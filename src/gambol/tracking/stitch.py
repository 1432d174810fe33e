"""Tracklets to the paths of a known number of animals, by minimum-cost flow.

A link costs -log of how much likelier the later tracklet is to be the same animal than an
animal that begins anywhere in the arena; free of units, so motion, pose and looks add up.
"""

import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.core.instances import Detections
from gambol.kernels import flow, kalman
from gambol.tracking import looks as appearance
from gambol.tracking.looks import Looks
from gambol.tracking.tracklets import Tracklets, centres, chunks, courses, shifts

LONGEST = 10.0  # s: a longer absence is a return, whatever the place
BIRTH = 10.0  # nats for coming or going away from the ends of the recording and from doors
EDGE = 0.5  # s: so near to an end of the recording, coming and going is free
TURN = 0.27  # s: unseen so long, an animal has given up its course with P = 1 - 1/e; fitted
TAILS = ((0.1, 0.15), (0.02, 1.0))  # share and sd, L, of links with a bad pose, or a leap
MISSED = 0.02  # share of frames in which an animal that is there is not found
MEMORY = 40  # rows of a tracklet that tell position and velocity at its end
NEXT = 100  # tracklets that are tried as the next one
SAMPLE = 20_000  # poses that tell how much a pose changes
AT_ONCE = 50_000  # links whose densities are in memory together
MOST_POSE = 4.0  # nats: keypoints near a contact are not worth more
HEARD = 0.5  # of what online tracking knew of a link; the rest is known here as well
TENTH = 4.605  # 90th percentile of |x|² in the plane whose coordinates have variance 1


class Motion(NamedTuple):
    """How these animals move, robustly; standard deviations of each coordinate."""

    noise: float  # px: of the body centre in a frame
    q: float  # px/s^1.5: random walk of velocity
    speed: float  # px/s
    stray: float  # px/√s: of where it goes once it has given up its course
    pose: tuple[float, float, float]  # mean pose distance: after 1 s, exponent, of strangers


class Stitched(NamedTuple):
    """Which tracklets are animals and how they follow each other."""

    path: Int[np.ndarray, " M"]  # 0 … n_animals - 1, or flow.UNUSED for no animal
    pieces: flow.Pieces  # all tracklets; links cost motion and pose, without looks
    cost: float  # nats, looks included


def stitch(
    detections: Detections,
    tracklets: Tracklets,
    times: Float[np.ndarray, " T"],
    n_animals: int,
    area: float,
    body: float,
    looks: Looks | None = None,
    doors: Float[np.ndarray, "K 2"] | None = None,
) -> Stitched:
    """Give tracklets to exactly n animals; what does not fit is no animal.

    Args:
        detections: in the tracklets.
        tracklets: conservative; see `tracklets.cut`.
        times: of the frames, s.
        n_animals: known; any number of tracklets has a solution.
        area: of the arena, px².
        body: body length L, px.
        looks: measured; without them, only motion and pose link.
        doors: points where animals come and go for free, within one body length.
    """
    motion = scales(detections, tracklets, times, body)
    tail, head, cost = links(detections, tracklets, times, motion, area, body)
    p = np.clip(detections.score, 0.01, 0.99)
    rows = tracklets.of >= 0
    worth = np.log(p / (1 - p)) + np.log((1 - MISSED) / MISSED)  # left out, it was missed
    gain = np.bincount(tracklets.of[rows], worth[rows], minlength=len(tracklets.first))
    enter = np.where(tracklets.start <= times[0] + EDGE, 0.0, BIRTH)
    leave = np.where(tracklets.end >= times[-1] - EDGE, 0.0, BIRTH)
    if doors is not None:
        for free, rows in ((enter, tracklets.first), (leave, tracklets.last)):
            free[_near(centres(detections.select(rows).xy), doors, body)] = 0.0
    pieces = flow.Pieces(tracklets.start, tracklets.end, gain, enter, leave, tail, head, cost)
    odds = appearance.log_odds_same(looks, tail, head) if looks is not None else 0.0
    found = flow.solve(pieces._replace(cost=cost - odds), n_animals)
    return Stitched(found.path, pieces, found.cost)


def _near(
    place: Float[np.ndarray, "M 2"], doors: Float[np.ndarray, "K 2"], body: float
) -> np.ndarray:
    return (np.linalg.norm(place[:, None] - doors[None], axis=-1) < body).any(axis=1)


def scales(
    detections: Detections, tracklets: Tracklets, times: Float[np.ndarray, " T"], body: float
) -> Motion:
    """Measure motion on the tracklets, which are confident; defaults where they are too short.

    Second differences at lag h have variance 6 R + 2/3 q² h³ per axis, so two lags tell noise
    and q. The 90th percentile stands for the scale, as animals move in bouts.
    """
    order, of, place = courses(detections, tracklets)
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    lag = max(2, round(0.2 / step))
    near, far = _turn(place, of, 1), _turn(place, of, lag)
    if near is None or far is None:
        return Motion(0.02 * body, 4.0 * body, 2.0 * body, 2.0 * body, (1.0, 0.0, 1.0))
    cubes = np.array([[6.0, 2 / 3 * step**3], [6.0, 2 / 3 * (lag * step) ** 3]])
    noise2, q2 = np.linalg.solve(cubes, [near, far])
    moved = [_turn(place, of, h, first=True) for h in (lag, round(1 / step))]
    speed2 = (moved[0] or 0.0) / (lag * step) ** 2
    stray2 = moved[1] or speed2
    del place  # large in a long recording
    return Motion(
        np.sqrt(max(noise2, (0.005 * body) ** 2)),
        np.sqrt(max(q2, (0.2 * body) ** 2)),
        np.sqrt(max(speed2, (0.1 * body) ** 2)),
        np.sqrt(max(stray2, (0.1 * body) ** 2)),
        _pose_scale(detections, order, of, step, lag, body),
    )


def _turn(
    place: Float[np.ndarray, "R 2"], of: Int[np.ndarray, " R"], lag: int, first: bool = False
) -> float | None:
    """Variance per axis of second (or first) differences within tracklets; None without any."""
    reach = lag if first else 2 * lag
    if len(of) <= reach:
        return None
    same = of[reach:] == of[:-reach]
    if same.sum() < 10:
        return None
    squared, n = np.empty(int(same.sum())), 0
    for rows in chunks(len(same)):
        some = place[rows.start : rows.stop + reach]
        change = some[reach:] - some[:-reach]
        if not first:
            change = some[reach:] - 2 * some[lag:-lag] + some[:-reach]
        part = (change[same[rows]] ** 2).sum(axis=1)
        squared[n : n + len(part)] = part
        n += len(part)
    return float(np.quantile(squared, 0.9, overwrite_input=True) / TENTH)


def _pose_scale(
    detections: Detections,
    order: Int[np.ndarray, " R"],
    of: Int[np.ndarray, " R"],
    step: float,
    lag: int,
    body: float,
) -> tuple[float, float, float]:
    """Mean pose distance after one second, how it grows, and that of strangers.

    Strangers are the animals of one frame.
    """
    frame = detections.frame[order]
    used = frame % max(1, len(of) // SAMPLE) == 0

    def mean(one: np.ndarray, other: np.ndarray) -> float:
        found = _apart(detections, order[one], order[other], body)
        found = found[np.isfinite(found)]
        return float(found.mean()) if len(found) else np.nan

    def after(apart: int) -> float:
        row = np.flatnonzero((of[apart:] == of[:-apart]) & used[apart:])
        return mean(row, row + apart)

    rows = np.flatnonzero(used)
    rows = rows[np.argsort(frame[rows], kind="stable")]
    together = [
        np.stack([rows[:-k], rows[k:]])[:, frame[rows[:-k]] == frame[rows[k:]]]
        for k in range(1, int(np.bincount(frame[rows]).max(initial=1)))
    ]
    strange = mean(*np.concatenate(together, axis=1)) if together else np.nan
    soon, later = after(1), after(lag)
    if not (soon > 0 and later > 0 and strange > later):
        return 1.0, 0.0, 1.0  # says nothing: both densities are the same
    growth = float(np.clip(np.log(later / soon) / np.log(lag), 0.0, 1.0))
    return later * (1 / (lag * step)) ** growth, growth, strange


def _apart(
    detections: Detections, one: np.ndarray, other: np.ndarray, body: float
) -> Float[np.ndarray, " P"]:
    """Pose distances of pairs of rows, L."""
    parts = [
        pose_distance(detections.select(one[some]).xy, detections.select(other[some]).xy, body)
        for some in chunks(len(one))
    ]
    return np.concatenate([np.zeros(0), *parts])


def pose_distance(
    xy: Float[np.ndarray, "P J 2"], other: Float[np.ndarray, "P J 2"], body: float
) -> Float[np.ndarray, " P"]:
    """Mean distance of shared keypoints once the centres are put together, L; NaN under two."""
    shared = np.isfinite(xy).all(axis=-1) & np.isfinite(other).all(axis=-1)
    n = shared.sum(axis=1)
    apart = np.where(shared[..., None], xy - other, 0.0)
    apart = apart - (apart.sum(axis=1) / np.maximum(n, 1)[:, None])[:, None]
    far = np.minimum(np.linalg.norm(apart, axis=-1) / body, 3.0) * shared
    return np.where(n >= 2, far.sum(axis=1) / np.maximum(n, 1), np.nan)


def links(
    detections: Detections,
    tracklets: Tracklets,
    times: Float[np.ndarray, " T"],
    motion: Motion,
    area: float,
    body: float,
) -> tuple[Int[np.ndarray, " E"], Int[np.ndarray, " E"], Float[np.ndarray, " E"]]:
    """List possible continuations and what they cost by motion and pose, in nats.

    An animal unseen for Δt keeps course and pose with probability exp(-Δt/TURN): then the
    forward prediction of one tracklet and the backward prediction of the other meet half-way,
    ½m² + ½log det(2πS); else it strays from where it was, which says little after a while.
    The tails are heavier than that, as poses go wrong near contacts. A cut forgets the course
    and the keypoints of before, which online tracking knew: a part of its margin counts too.
    """
    m = len(tracklets.first)
    first = np.arange(m)
    last = np.searchsorted(tracklets.start, tracklets.end + LONGEST, "right")
    first = np.searchsorted(tracklets.start, tracklets.end, "right")
    count = np.clip(last - first, 0, NEXT)
    tail = np.repeat(np.arange(m), count)
    head = np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
    ends, starts = _states(detections, tracklets, times, motion)
    cost = np.empty(len(tail))
    for begin in range(0, len(tail), AT_ONCE):  # bounds memory
        part = slice(begin, begin + AT_ONCE)
        a, b = tail[part], head[part]
        gap = tracklets.start[b] - tracklets.end[a]
        old, new = tracklets.last[a], tracklets.first[b]
        apart = _apart(detections, new, old, body)
        pose = _pose_odds(apart, gap, motion)
        step = shifts(detections, old, new)
        cost[part] = -_meeting(ends, starts, a, b, step, gap, pose, motion, body)
        cost[part] -= HEARD * tracklets.bond[b] * (tracklets.came[b] == old)
    cost -= np.log(area)
    kept = cost < 2 * BIRTH  # otherwise it is cheaper to have gone and come
    return tail[kept], head[kept], cost[kept]


def _states(
    detections: Detections,
    tracklets: Tracklets,
    times: Float[np.ndarray, " T"],
    motion: Motion,
) -> tuple[kalman.Beliefs, kalman.Beliefs]:
    """What each tracklet says of velocity, and of position beside its last and first row."""
    course, m = courses(detections, tracklets), len(tracklets.first)
    edges = np.searchsorted(course.of, np.arange(m + 1)).tolist()
    sides = [np.zeros((m, 4)), np.zeros((m, 4, 4)), np.zeros((m, 4)), np.zeros((m, 4, 4))]
    for k, (begin, stop) in enumerate(itertools.pairwise(edges)):
        late = slice(max(begin, stop - MEMORY), stop)
        early = slice(begin, min(begin + MEMORY, stop))
        some = detections.select(course.rows[late])
        way = course.place[late] - course.place[stop - 1]
        own = _noise(some, motion)
        seen = kalman.filter(way, times[some.frame], own, motion.q, motion.speed)
        sides[0][k], sides[1][k] = seen.mean[-1], seen.cov[-1]
        some = detections.select(course.rows[early])
        way = course.place[early] - course.place[begin]
        own = _noise(some, motion)
        seen = kalman.backward(way, times[some.frame], own, motion.q, motion.speed)
        sides[2][k], sides[3][k] = seen.mean[0], seen.cov[0]
    return kalman.Beliefs(sides[0], sides[1]), kalman.Beliefs(sides[2], sides[3])


def _noise(found: Detections, motion: Motion) -> Float[np.ndarray, "R 2 2"]:
    """Covariance of the centres, px²."""
    seen = np.isfinite(found.xy).all(axis=-1)
    own = np.where(seen[..., None, None], found.cov, 0.0).sum(axis=1)
    own = np.nan_to_num(own) / np.maximum(seen.sum(axis=1), 1)[:, None, None] ** 2
    least = np.maximum(motion.noise**2 - own.trace(axis1=1, axis2=2) / 2, 0)
    return own + least[:, None, None] * np.eye(2)


def _meeting(
    ends: kalman.Beliefs,
    starts: kalman.Beliefs,
    tail: Int[np.ndarray, " E"],
    head: Int[np.ndarray, " E"],
    moved: Float[np.ndarray, "E 2"],
    gap: Float[np.ndarray, " E"],
    pose: Float[np.ndarray, " E"],
    motion: Motion,
    body: float,
) -> Float[np.ndarray, " E"]:
    """Log density (1/px²) of the later tracklet where the earlier one leads, in its pose.

    Between the last row of one and the first row of the other, it has `moved`.
    """
    half = gap / 2
    ahead, reach = _predicted(ends, tail, half, motion.q)
    back, width = _predicted(starts, head, -half, motion.q)
    course = _log_normal(ahead - back - moved, reach + width)
    step = ends.mean[tail, :2] - starts.mean[head, :2] - moved
    wide = ends.cov[tail, :2, :2] + starts.cov[head, :2, :2]
    wide = wide + (motion.stray**2 * gap)[:, None, None] * np.eye(2)
    kept = -gap / TURN
    usual = np.logaddexp(
        kept + course + pose, np.log(-np.expm1(kept)) + _log_normal(step, wide)
    )
    total = np.log1p(-sum(share for share, _ in TAILS)) + usual
    for share, sd in TAILS:
        far = _log_normal(step, wide + (sd * body) ** 2 * np.eye(2))
        total = np.logaddexp(total, np.log(share) + far)
    return total


def _predicted(
    beliefs: kalman.Beliefs, which: Int[np.ndarray, " E"], seconds: np.ndarray, q: float
) -> tuple[Float[np.ndarray, "E 2"], Float[np.ndarray, "E 2 2"]]:
    """Position after these seconds, each its own; `kalman.predict` for many times at once."""
    mean, cov = beliefs.mean[which], beliefs.cov[which]
    dt = seconds[:, None, None]
    cross = cov[:, :2, 2:]
    spread = cov[:, :2, :2] + dt * (cross + cross.transpose(0, 2, 1))
    spread = spread + dt**2 * cov[:, 2:, 2:] + q**2 * np.abs(dt) ** 3 / 3 * np.eye(2)
    return mean[:, :2] + seconds[:, None] * mean[:, 2:], spread


def _log_normal(
    x: Float[np.ndarray, "E 2"], cov: Float[np.ndarray, "E 2 2"]
) -> Float[np.ndarray, " E"]:
    """Log density of N(0, cov) in the plane."""
    a, b, d = cov[:, 0, 0], cov[:, 0, 1], cov[:, 1, 1]
    det = a * d - b * b
    m2 = (d * x[:, 0] ** 2 - 2 * b * x[:, 0] * x[:, 1] + a * x[:, 1] ** 2) / det
    return -0.5 * (m2 + np.log(det)) - np.log(2 * np.pi)


def _pose_odds(
    apart: Float[np.ndarray, " E"], gap: Float[np.ndarray, " E"], motion: Motion
) -> Float[np.ndarray, " E"]:
    """Log-odds of one animal by the change of its pose, exponential in both cases."""
    second, growth, strange = motion.pose
    scale = np.minimum(second * gap**growth, strange)
    odds = apart / strange - apart / scale + np.log(strange / scale)
    return np.clip(np.nan_to_num(odds), -MOST_POSE, MOST_POSE)
