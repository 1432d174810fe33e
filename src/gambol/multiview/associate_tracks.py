"""Tracks of several views joined to animals: evidence is summed over the time tracks share.

The two tracks, or groups of tracks, that most speak for being one animal are joined first, and
so on until nothing speaks for more; never two that one view shows at the same time. A track
that ends in one view is carried on by those of the other views. Where all views lose an animal
at once nothing says who it is when it comes back: it counts as another one.
"""

from collections.abc import Iterable
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


class Tracks(NamedTuple):
    """P tracks, and who each is."""

    view: Int[np.ndarray, " P"]
    track: Int[np.ndarray, " P"]  # its number in the view
    frames: Int[np.ndarray, " P"]
    individual: Int[np.ndarray, " P"]  # NOBODY where no other view confirms it
    margin: Float[np.ndarray, " P"]  # noise variances a frame to the runner-up; inf: none


class Joined(NamedTuple):
    """The same of a recording in memory."""

    view: Int[np.ndarray, " P"]
    track: Int[np.ndarray, " P"]
    frames: Int[np.ndarray, " P"]
    individual: Int[np.ndarray, " P"]
    margin: Float[np.ndarray, " P"]
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
    tracks = joined([(xy, track)], params, skeleton, cfg)
    return Joined(*tracks, instances(tracks, xy, track, params, skeleton, cfg))


def joined(
    parts: Iterable[tuple[Float[np.ndarray, "T V I J 2"], Int[np.ndarray, "T V I"]]],
    params: Float[np.ndarray, "V 24"],
    skeleton: Skeleton,
    cfg: Associate | None = None,
) -> Tracks:
    """Join the tracks of a recording that is given part after part.

    Args:
        parts: positions and tracks as in `by_track`, frames after frames.
        params: cameras, `kernels.projection`.
        skeleton: which keypoints mirror which.
        cfg: settings.
    """
    said = _Evidence(params, cameras_of(params, skeleton), cfg or Associate())
    for xy, track in parts:
        said.add(xy, track)
    order = np.array(sorted(range(len(said.keys)), key=said.keys.__getitem__), np.int64)
    keys = np.array([said.keys[p] for p in order], np.int64).reshape(-1, 2)
    view, frames = keys[:, 0], said.frames[order]
    score, together = (some[np.ix_(order, order)] for some in (said.score, said.together))
    apart = together & (view[:, None] == view) & ~np.eye(len(view), dtype=bool)
    individual, margin = _named(_grouped(score, apart), view, score, apart)
    return Tracks(view, keys[:, 1], frames, individual, margin / np.maximum(frames, 1))


def instances(
    tracks: Tracks,
    xy: Float[np.ndarray, "T V I J 2"],
    track: Int[np.ndarray, "T V I"],
    params: Float[np.ndarray, "V 24"],
    skeleton: Skeleton,
    cfg: Associate | None = None,
) -> Associated:
    """Return who the instances of some frames are."""
    number = {
        key: p for p, key in enumerate(zip(*map(np.ndarray.tolist, tracks[:2]), strict=True))
    }
    node = np.full(track.shape, NOBODY)
    t, v, i = np.nonzero(track >= 0)
    node[t, v, i] = [number[key] for key in _keys(track)]
    who = np.where(node >= 0, np.r_[tracks.individual, NOBODY][node], NOBODY)
    count = int(tracks.individual.max(initial=NOBODY)) + 1
    sure = np.where(who >= 0, np.r_[tracks.margin, np.inf][node], np.inf)
    cfg = cfg or Associate()
    swapped = _exchanged(xy, who, params, cameras_of(params, skeleton), count, cfg)
    return Associated(who, swapped, sure, count)


class _Evidence:
    """What speaks for tracks being one animal, summed over the frames that were added."""

    def __init__(
        self, params: Float[np.ndarray, "V 24"], cameras: Geometry, cfg: Associate
    ) -> None:
        self.params, self.cameras, self.cfg = params, cameras, cfg
        self.keys: list[tuple[int, int]] = []  # view and number of every track
        self.frames = np.zeros(0, np.int64)
        self.score = np.zeros((0, 0))  # noise variances
        self.together = np.zeros((0, 0), bool)  # seen at the same time
        self._number: dict[tuple[int, int], int] = {}

    def add(self, xy: Float[np.ndarray, "T V I J 2"], track: Int[np.ndarray, "T V I"]) -> None:
        """Add frames."""
        node = self._nodes(track)
        self.frames += np.bincount(node[node >= 0], minlength=len(self.keys))
        cfg = self.cfg
        for first in range(0, len(xy), BLOCK):
            some = moments(xy[first : first + BLOCK], self.params)
            for t, moment in enumerate(some, start=first):
                cost = crowds.pair_costs(
                    moment, self.cameras, cfg.noise**2, cfg.cap, cfg.exchange
                )
                here = node[t].ravel()
                rows = np.flatnonzero(here >= 0)
                pairs = cost.reshape(len(here), len(here))[np.ix_(rows, rows)]
                nodes = np.ix_(here[rows], here[rows])
                self.score[nodes] += np.where(np.isfinite(pairs), cfg.gate - pairs, 0.0)
                self.together[nodes] = True

    def _nodes(self, track: Int[np.ndarray, "T V I"]) -> Int[np.ndarray, "T V I"]:
        """Number tracks as they come, and make room for new ones."""
        keys = _keys(track)
        for key in keys:
            if key not in self._number:
                self._number[key] = len(self.keys)
                self.keys.append(key)
        new = len(self.keys) - len(self.frames)
        self.frames = np.pad(self.frames, (0, new))
        self.score, self.together = (
            np.pad(some, ((0, new), (0, new))) for some in (self.score, self.together)
        )
        node = np.full(track.shape, NOBODY)
        node[np.nonzero(track >= 0)] = [self._number[key] for key in keys]
        return node


def _keys(track: Int[np.ndarray, "T V I"]) -> list[tuple[int, int]]:
    """View and number of the track of every instance that has one."""
    t, v, i = np.nonzero(track >= 0)
    return list(zip(v.tolist(), track[t, v, i].tolist(), strict=True))


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
