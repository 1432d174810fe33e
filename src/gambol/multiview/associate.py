"""Several animals in several views: which instance of one view is which of another.

Frame by frame (`by_frame`): animals known from the frame before claim the instances where they
are expected, what is left is seeded by the pair of instances that the other views support best,
and every view is then assigned anew to what the other views say. Where there are 2D tracks, see
`associate_tracks`.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import Field, PositiveFloat, PositiveInt

from gambol.core.config import Config
from gambol.core.skeleton import Skeleton
from gambol.kernels import assignment, crowds, epipolar, projection
from gambol.kernels.crowds import Geometry, Moment

NOBODY = -1


class Associate(Config):
    """How instances of several views are brought together."""

    noise: PositiveFloat = 3.0  # px, sd of a detection
    cap: PositiveFloat = 64.0  # noise variances at which a keypoint is simply wrong
    gate: PositiveFloat = 16.0  # the same, of an instance: beyond it is another animal's
    exchange: PositiveFloat = 4.0  # noise variances by which exchanged sides must fit better
    pace: PositiveFloat = 10.0  # px that an animal moves from frame to frame
    patience: PositiveInt = 15  # frames for which an unseen animal is expected where it was
    individuals: int | None = Field(None, ge=1)  # none: as many as a view has instances


class Associated(NamedTuple):
    """Who every instance is."""

    individual: Int[np.ndarray, "T V I"]  # NOBODY where no view confirms it
    swapped: Bool[np.ndarray, "T V I"]  # its left and right are exchanged
    margin: Float[np.ndarray, "T V I"]  # by which the runner-up is worse; inf: there is none
    individuals: int


def by_frame(
    xy: Float[np.ndarray, "T V I J 2"],
    params: Float[np.ndarray, "V 24"],
    skeleton: Skeleton,
    cfg: Associate | None = None,
) -> Associated:
    """Associate the instances of every frame, in any order of slots.

    Args:
        xy: px; NaN where a keypoint, or a whole instance, is missing.
        params: cameras, `kernels.projection`.
        skeleton: which keypoints mirror which.
        cfg: settings.
    """
    (found,) = by_parts([xy], params, skeleton, cfg)
    return found


def by_parts(
    parts: Iterable[Float[np.ndarray, "T V I J 2"]],
    params: Float[np.ndarray, "V 24"],
    skeleton: Skeleton,
    cfg: Associate | None = None,
) -> Iterator[Associated]:
    """Associate a recording part after part, as `by_frame` does the whole.

    Args:
        parts: frames after frames.
        params: cameras, `kernels.projection`.
        skeleton: which keypoints mirror which.
        cfg: settings.
    """
    cfg = cfg or Associate()
    cameras = cameras_of(params, skeleton)
    known: _Known | None = None
    for xy in parts:
        shape = xy.shape[:3]
        count = cfg.individuals or shape[2]
        individual, margin = np.full(shape, NOBODY), np.full(shape, np.inf)
        swapped = np.zeros(shape, bool)
        if known is None:
            known = _Known(np.full((count, xy.shape[3], 3), np.nan), np.full(count, _NEVER))
        for first in range(0, shape[0], BLOCK):
            some = moments(xy[first : first + BLOCK], params)
            for t, moment in enumerate(some, start=first):
                found, known = _one_frame(moment, cameras, known, cfg)
                k, v = np.nonzero(found.who >= 0)
                slot = found.who[k, v]
                individual[t, v, slot] = k
                swapped[t, v, slot], margin[t, v, slot] = found.flip[k, v], found.margin[k, v]
        yield Associated(individual, swapped, margin, count)


def gather(
    xy: Float[np.ndarray, "T V I J 2"], found: Associated, skeleton: Skeleton
) -> Float[np.ndarray, "T N V J 2"]:
    """Return the points of every individual in every view, sides put right; NaN: not seen."""
    swap = mirror(skeleton)
    out = np.full((xy.shape[0], found.individuals, xy.shape[1], *xy.shape[3:]), np.nan)
    t, v, i = np.nonzero(found.individual >= 0)
    points = xy[t, v, i]
    points = np.where(found.swapped[t, v, i][:, None, None], points[:, swap], points)
    out[t, found.individual[t, v, i], v] = points
    return out


def mirror(skeleton: Skeleton) -> Int[np.ndarray, " J"]:
    """Return the keypoint that each becomes in a mirror; itself where it has no other side."""
    swap = np.array(skeleton.swap)
    return np.where(swap < 0, np.arange(len(swap)), swap)


# ---- one frame -------------------------------------------------------------------------------

BLOCK = 256  # frames made ready at a time
_NEVER = 10**6  # frames since an animal that was not seen yet
_ROUNDS = 4  # of assigning every view anew


class _Known(NamedTuple):
    """Where animals were last."""

    xyz: Float[np.ndarray, "N J 3"]
    age: Int[np.ndarray, " N"]  # frames since


class _Found(NamedTuple):
    """Slots of N animals in V views."""

    who: Int[np.ndarray, "N V"]
    flip: Bool[np.ndarray, "N V"]
    margin: Float[np.ndarray, "N V"]


def cameras_of(params: Float[np.ndarray, "V 24"], skeleton: Skeleton) -> Geometry:
    """Return what the cameras and the skeleton are to the kernels."""
    pairs = [[epipolar.fundamental(a, b) for b in params] for a in params]
    return Geometry(params, np.array(pairs), mirror(skeleton))


def moments(
    xy: Float[np.ndarray, "T V I J 2"], params: Float[np.ndarray, "V 24"]
) -> list[Moment]:
    """Return what the views saw, frame by frame."""
    straight, slope = np.empty(xy.shape), np.empty((*xy.shape, 2))
    origin, along = np.empty((2, *xy.shape[:-1], 3))
    for v, camera in enumerate(params):
        straight[:, v], slope[:, v] = epipolar.straighten(xy[:, v], camera)
        starts, ways = projection.rays(xy[:, v].reshape(-1, 2), camera)
        origin[:, v], along[:, v] = (p.reshape(*xy[:, v].shape[:-1], 3) for p in (starts, ways))
    along[~np.isfinite(xy[..., 0])] = np.nan
    return [Moment(*parts) for parts in zip(xy, straight, slope, origin, along, strict=True)]


def _one_frame(
    moment: Moment, geometry: Geometry, known: _Known, cfg: Associate
) -> tuple[_Found, _Known]:
    views, slots = moment.uv.shape[:2]
    count = len(known.xyz)
    square = cfg.noise**2
    pairs = crowds.pair_costs(moment, geometry, square, cfg.cap, cfg.exchange)
    found = _Found(
        np.full((count, views), NOBODY),
        np.zeros((count, views), bool),
        np.full((count, views), np.inf),
    )
    _expect(moment, geometry, known, found, cfg)
    _confirm(pairs, found, cfg)
    _seed(moment, geometry, pairs, known, found, cfg)
    for _ in range(_ROUNDS):
        if not _revise(moment, geometry, pairs, known, found, cfg):
            break
    xyz, age = known.xyz.copy(), known.age + 1
    for k in range(count):
        if (found.who[k] >= 0).sum() >= 2:
            seen = crowds.pose(moment, found.who[k], found.flip[k], geometry.swap)
            new = np.isfinite(seen[:, 0])
            if new.sum() >= crowds.LEAST:
                # a keypoint unseen for long would only mislead
                xyz[k], age[k] = np.where(new[:, None] | (known.age[k] > 3), seen, xyz[k]), 1
    return found, _Known(xyz, age)


def _expect(
    moment: Moment, geometry: Geometry, known: _Known, found: _Found, cfg: Associate
) -> None:
    """Give animals the instances that lie where they were."""
    fresh = known.age <= cfg.patience
    for v in range(len(geometry.params)) if fresh.any() else ():
        cost = np.full((len(fresh), moment.uv.shape[1]), np.nan)
        for k in np.flatnonzero(fresh):
            cost[k] = fit(known.xyz[k], moment, geometry, v, _spread(known, k, cfg), cfg)[0]
        found.who[:, v] = assignment.assign(cost, np.full(len(fresh), cfg.gate)).column


def _confirm(pairs: Float[np.ndarray, "V I V I"], found: _Found, cfg: Associate) -> None:
    """Let go of instances that contradict most others of their animal."""
    for who in found.who:
        while True:
            seen = np.flatnonzero(who >= 0)
            if not len(seen):
                break
            against = (pairs[seen, who[seen]][:, seen, who[seen]] > cfg.gate).sum(axis=1)
            if 2 * against.max() < len(seen):
                break
            who[seen[against.argmax()]] = NOBODY


def _seed(
    moment: Moment,
    geometry: Geometry,
    pairs: Float[np.ndarray, "V I V I"],
    known: _Known,
    found: _Found,
    cfg: Associate,
) -> None:
    """Make animals of what is left: the pair first that the other views support best."""
    views, slots = moment.uv.shape[:2]
    free = np.isfinite(moment.uv[..., 0]).sum(axis=2) >= crowds.LEAST
    for v in range(views):
        free[v, found.who[found.who[:, v] >= 0, v]] = False
    lost = [k for k in range(len(found.who)) if not (found.who[k] >= 0).any()]
    while lost and free.any(axis=1).sum() >= 2:
        best, chosen, place = np.inf, np.full(views, NOBODY), np.zeros(0)
        for v, i, w, k in np.argwhere(pairs < cfg.gate):
            if v > w or not (free[v, i] and free[w, k]):
                continue
            who = np.full(views, NOBODY)
            who[v], who[w] = i, k
            xyz = crowds.pose(moment, who, np.zeros(views, bool), geometry.swap)
            total = pairs[v, i, w, k]
            for other in set(range(views)) - {v, w}:
                cost = fit(xyz, moment, geometry, other, cfg.noise, cfg)[0]
                cost = np.where(free[other] & np.isfinite(cost), cost, cfg.gate)
                total += min(cost.min(), cfg.gate)
                if cost.min() < cfg.gate:
                    who[other] = cost.argmin()
            if total < best:
                best, chosen, place = total, who, xyz
        if not np.isfinite(best):
            break
        animal = _nearest(lost, place, known)
        found.who[animal] = chosen
        lost.remove(animal)
        for view in np.flatnonzero(chosen >= 0):
            free[view, chosen[view]] = False


def _nearest(lost: list[int], place: Float[np.ndarray, "J 3"], known: _Known) -> int:
    """The lost animal that was nearest; one never seen if there is no other."""
    seen = [k for k in lost if known.age[k] < _NEVER]
    if not seen:
        return lost[0]
    far = np.linalg.norm(known.xyz[seen] - place, axis=-1)
    far = np.where(np.isfinite(far), far, np.inf)
    return seen[int(np.median(far, axis=1).argmin())]


def _revise(
    moment: Moment,
    geometry: Geometry,
    pairs: Float[np.ndarray, "V I V I"],
    known: _Known,
    found: _Found,
    cfg: Associate,
) -> bool:
    """Assign every view anew to what the others say; tell whether anything changed."""
    before = found.who.copy(), found.flip.copy()
    count = len(found.who)
    for v in range(len(geometry.params)):
        cost = np.full((count, moment.uv.shape[1]), np.nan)
        flips = np.zeros(cost.shape, bool)
        for k in range(count):
            cost[k], flips[k] = _told(k, v, moment, geometry, pairs, known, found, cfg)
        alone = np.full(count, cfg.gate)
        column = assignment.assign(cost, alone).column
        found.who[:, v] = column
        found.margin[:, v] = assignment.margins(cost, alone, column)
        found.flip[:, v] = (column >= 0) & flips[np.arange(count), column]
    same = np.array_equal(before[0], found.who) and np.array_equal(before[1], found.flip)
    return not same


def _told(
    k: int,
    v: int,
    moment: Moment,
    geometry: Geometry,
    pairs: Float[np.ndarray, "V I V I"],
    known: _Known,
    found: _Found,
    cfg: Associate,
) -> tuple[Float[np.ndarray, " I"], Bool[np.ndarray, " I"]]:
    """Cost of every instance of a view for an animal, by what is known without that view."""
    others = found.who[k].copy()
    others[v] = NOBODY
    if (others >= 0).sum() >= 2:
        xyz = crowds.pose(moment, others, found.flip[k], geometry.swap)
        return fit(xyz, moment, geometry, v, cfg.noise, cfg)
    if known.age[k] <= cfg.patience:
        spread = _spread(known, k, cfg)
        expected, flips = fit(known.xyz[k], moment, geometry, v, spread, cfg)
    else:
        expected, flips = np.full((2, moment.uv.shape[1]), np.nan)
        flips = np.zeros(len(expected), bool)
    if not (others >= 0).any():
        return expected, flips
    w = int(others.argmax())
    pair = pairs[v, :, w, others[w]]
    if not np.isfinite(expected).any():
        return pair, flips
    return np.maximum(pair, expected), flips


def fit(
    xyz: Float[np.ndarray, "J 3"],
    moment: Moment,
    geometry: Geometry,
    v: int,
    spread: float,
    cfg: Associate,
) -> tuple[Float[np.ndarray, " I"], Bool[np.ndarray, " I"]]:
    """Return every instance's cost for a pose, and whether its sides are exchanged."""
    camera, uv = geometry.params[v], moment.uv[v]
    both = crowds.misfits(xyz, uv, camera, geometry.swap, spread**2, cfg.cap)
    flips = np.zeros(len(uv), bool)
    for i in np.flatnonzero(np.nanmin(both, axis=0, initial=np.inf) < cfg.gate):
        named, other = crowds.sides(xyz, uv[i], camera, geometry.swap, spread**2, cfg.cap)
        flips[i] = other + cfg.exchange < named
    return np.where(flips, both[1], both[0]), flips


def _spread(known: _Known, k: int | np.integer, cfg: Associate) -> float:
    """Px by which the last known pose of an animal may be off by now."""
    return float(np.hypot(cfg.noise, cfg.pace * np.sqrt(known.age[k])))
