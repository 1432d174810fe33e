"""Tracks of several views joined to animals: evidence is summed over the time tracks share.

The two tracks, or groups of tracks, that most speak for being one animal are joined first, and
so on until nothing speaks for more; never two that one view shows at the same time. A track
that ends in one view is carried on by those of the other views. Where all views lose an animal
at once nothing says who it is when it comes back: it counts as another one.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.core.skeleton import Skeleton
from gambol.kernels import crowds
from gambol.kernels.crowds import Geometry, Moment
from gambol.multiview.associate import (
    BLOCK,
    NOBODY,
    Associate,
    Associated,
    cameras_of,
    fit,
    moments,
)


class Joined(NamedTuple):
    """P tracks, and who each is."""

    view: Int[np.ndarray, " P"]
    track: Int[np.ndarray, " P"]  # its number in the view
    frames: Int[np.ndarray, " P"]
    individual: Int[np.ndarray, " P"]  # NOBODY where no other view confirms it
    margin: Float[np.ndarray, " P"]  # noise variances a frame to the runner-up; inf: none
    instances: Associated  # the same, instance by instance


def by_track(
    xy: Float[np.ndarray, "T V I J 2"],
    track: Int[np.ndarray, "T V I"],
    params: Float[np.ndarray, "V 24"],
    skeleton: Skeleton,
    cfg: Associate | None = None,
) -> Joined:
    """Join tracks.

    Args:
        xy: px; NaN where a keypoint, or a whole instance, is missing.
        track: number of every instance's track in its view, below 0 for none.
        params: cameras, `kernels.projection`.
        skeleton: which keypoints mirror which.
        cfg: settings; expectations about movement and numbers do not count here.
    """
    cfg = cfg or Associate()
    cameras = cameras_of(params, skeleton)
    node, view, number = _nodes(track)
    score, together = _evidence(xy, node, len(view), params, cameras, cfg)
    apart = together & (view[:, None] == view)
    individual, margin = _named(_grouped(score, apart), view, score, apart)
    frames = np.bincount(node[node >= 0], minlength=len(view))
    margin = margin / np.maximum(frames, 1)
    who = np.where(node >= 0, np.r_[individual, NOBODY][node], NOBODY)
    count = int(individual.max(initial=NOBODY)) + 1
    sure = np.where(who >= 0, np.r_[margin, np.inf][node], np.inf)
    swapped = _exchanged(xy, who, params, cameras, count, cfg)
    return Joined(
        view, number, frames, individual, margin, Associated(who, swapped, sure, count)
    )


def _nodes(track: Int[np.ndarray, "T V I"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number all tracks through: (T, V, I) with NOBODY; their views; their own numbers."""
    t, v, i = np.nonzero(track >= 0)
    keys = np.stack([v, track[t, v, i]], axis=1).reshape(-1, 2)
    named, index = np.unique(keys, axis=0, return_inverse=True)
    node = np.full(track.shape, NOBODY)
    node[t, v, i] = index.ravel()
    return node, named[:, 0], named[:, 1]


def _evidence(
    xy: Float[np.ndarray, "T V I J 2"],
    node: Int[np.ndarray, "T V I"],
    count: int,
    params: Float[np.ndarray, "V 24"],
    cameras: Geometry,
    cfg: Associate,
) -> tuple[Float[np.ndarray, "P P"], Bool[np.ndarray, "P P"]]:
    """What speaks for two tracks being one animal, in noise variances; who is seen together."""
    score, shared = np.zeros((count, count)), np.zeros((count, count), bool)
    for first in range(0, len(xy), BLOCK):
        for t, moment in enumerate(moments(xy[first : first + BLOCK], params), start=first):
            cost = crowds.pair_costs(moment, cameras, cfg.noise**2, cfg.cap, cfg.exchange)
            here = node[t].ravel()
            rows = np.flatnonzero(here >= 0)
            pairs = cost.reshape(len(here), len(here))[np.ix_(rows, rows)]
            nodes = np.ix_(here[rows], here[rows])
            score[nodes] += np.where(np.isfinite(pairs), cfg.gate - pairs, 0.0)
            shared[nodes] = True
    return score, shared & ~np.eye(count, dtype=bool)


def _grouped(
    score: Float[np.ndarray, "P P"], apart: Bool[np.ndarray, "P P"]
) -> Int[np.ndarray, " P"]:
    """Join the best pair of groups while anything speaks for it; `apart` never."""
    group = np.arange(len(score))
    score = np.where(apart, -np.inf, score)
    np.fill_diagonal(score, -np.inf)
    while len(score):
        a, b = np.unravel_index(score.argmax(), score.shape)
        if not score[a, b] > 0:
            break
        group[group == group[b]] = group[a]
        # minus infinity on either side forbids
        score[a] += score[b]
        score[:, a] = score[a]
        score[a, a] = -np.inf
        score[b], score[:, b] = -np.inf, -np.inf
    return group


def _named(
    group: Int[np.ndarray, " P"],
    view: Int[np.ndarray, " P"],
    score: Float[np.ndarray, "P P"],
    apart: Bool[np.ndarray, "P P"],
) -> tuple[Int[np.ndarray, " P"], Float[np.ndarray, " P"]]:
    """Number groups that several views confirm; how much worse the next-best group is."""
    individual, margin = np.full(len(group), NOBODY), np.full(len(group), np.inf)
    confirmed = [g for g in np.unique(group) if len(np.unique(view[group == g])) > 1]
    for k, g in enumerate(confirmed):
        individual[group == g] = k
    for p in np.flatnonzero(individual >= 0):
        own = score[p, (individual == individual[p]) & (np.arange(len(group)) != p)].sum()
        for k in range(len(confirmed)):
            members = individual == k
            if k != individual[p] and not apart[p, members].any():
                margin[p] = min(margin[p], own - score[p, members].sum())
    return individual, margin


def _exchanged(
    xy: Float[np.ndarray, "T V I J 2"],
    individual: Int[np.ndarray, "T V I"],
    params: Float[np.ndarray, "V 24"],
    cameras: Geometry,
    count: int,
    cfg: Associate,
) -> Bool[np.ndarray, "T V I"]:
    """Whose left and right fit the other views better exchanged."""
    swapped = np.zeros(individual.shape, bool)
    for first in range(0, len(xy), BLOCK):
        for t, moment in enumerate(moments(xy[first : first + BLOCK], params), start=first):
            who = np.full((count, xy.shape[1]), NOBODY)
            v, i = np.nonzero(individual[t] >= 0)
            who[individual[t, v, i], v] = i
            for k in range(count):
                views = np.flatnonzero(_flips(moment, who[k], cameras, cfg))
                swapped[t, views, who[k, views]] = True
    return swapped


def _flips(
    moment: Moment, who: Int[np.ndarray, " V"], cameras: Geometry, cfg: Associate
) -> Bool[np.ndarray, " V"]:
    """Exchange sides of one animal's views until each agrees with the others."""
    flip = np.zeros(len(who), bool)
    seen = np.flatnonzero(who >= 0)
    for _ in range(3 if len(seen) > 2 else 0):
        before = flip.copy()
        for v in seen:
            others = who.copy()
            others[v] = NOBODY
            xyz = crowds.pose(moment, others, flip, cameras.swap)
            flip[v] = fit(xyz, moment, cameras, int(v), cfg.noise, cfg)[1][who[v]]
        if np.array_equal(before, flip):
            break
    return flip
