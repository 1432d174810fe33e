"""What a label looks like: the median of its most typical instances, in the body's frame.

An instance is the keypoints around an onset, seen from where the animal was and headed at the
onset. Typical is an instance whose k-th nearest neighbour among the instances of the label is
near, so that the median is of one movement and not of the mean of several.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int64
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from gambol.behavior.align import Aligned, Placed, plane, rotate
from gambol.behavior.sequences import Bouts, bouts
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.sequences import Sequences, lengths
from gambol.kernels import streams

Posed = Aligned | Placed
HELD_BYTES = 128e6  # of windows at a time; for more labels, recordings are read again


class TrajectorySettings(Config):
    """Which instances of a label are looked at, and for how long."""

    before_s: NonNegativeFloat = 0.2  # shown before the onset
    after_s: PositiveFloat = 0.5  # shown after it, also where the bout is over by then
    instances: PositiveInt = 50  # of highest density, of which the median is taken
    neighbours: PositiveInt = 10  # density is that of the nearest so many instances
    most: PositiveInt = 1000  # instances of a label that are compared; more are sampled
    min_usage: float = Field(default=0.005, ge=0, lt=1)  # share of frames a label needs
    min_instances: PositiveInt = 4  # a label with fewer has no picture
    absent: float = Field(default=0.3, ge=0, lt=1)  # share of keypoints missing that is borne


class Trajectories(NamedTuple):
    """The median movement of K labels, W frames each; x ahead, y to the left of the onset."""

    labels: Int64[np.ndarray, " K"]
    median: Float[np.ndarray, "K W J d"]  # in `unit`; NaN where no instance has the keypoint
    lag_s: Float[np.ndarray, " W"]  # s from the onset
    onsets: Int64[np.ndarray, " K"]  # with a whole window
    used: Int64[np.ndarray, " K"]  # instances behind the median
    chosen: pd.DataFrame  # these: label, recording, frame, most typical first
    unit: str
    repeat: Float[np.ndarray, " K"]  # distance of the medians of two halves of the instances


def trajectories(
    sequences: Sequences,
    animals: Iterable[Posed],
    settings: TrajectorySettings | None = None,
    *,
    random_state: int = 0,
) -> Trajectories:
    """Return the median movement of every label that is used enough.

    Args:
        sequences: labels, after the label map.
        animals: the poses of all recordings, with centroids and headings, in any order. One
            at a time is held; what is no iterator may be walked through several times.
        settings: windows and instances.
        random_state: seed of the sample where a label has very many instances.
    """
    settings = settings or TrajectorySettings()
    posed = _Recordings(sequences, animals)
    lags = posed.lags(settings)
    found = bouts(sequences)
    kept = found.label[~found.left_censored]
    frames = np.bincount(found.label, found.stop - found.start, minlength=sequences.size)
    share = frames / max(1.0, float(frames.sum()))
    labels = [k for k in np.unique(kept).tolist() if share[k] >= settings.min_usage]
    at = {
        k: _onsets(found, k, lags, lengths(sequences), settings, random_state) for k in labels
    }
    made, rows = [], []
    for k, windows, whole in posed.windows(at, lags, settings.absent):
        if len(windows) < settings.min_instances:
            continue
        own = typical(windows, settings.instances, settings.neighbours)
        halves = [_median(windows[own[part::2]]) for part in (0, 1)]
        parted = distance(*halves)
        made.append((k, _median(windows[own]), len(windows), len(own), parted))
        rows += [(k, sequences.names[r], int(t)) for r, t in at[k][whole][own]]
    median = np.stack([part[1] for part in made]) if made else posed.none(lags)
    counts = [np.array([part[c] for part in made], np.int64) for c in (0, 2, 3)]
    chosen = pd.DataFrame(rows, columns=["label", "recording", "frame"])
    repeat = np.array([part[4] for part in made], np.float64)
    return Trajectories(
        counts[0], median, lags / sequences.fps, counts[1], counts[2], chosen, posed.unit,
        repeat,
    )  # fmt: skip


def only(found: Trajectories, labels: Sequence[int]) -> Trajectories:
    """Return the trajectories of some labels, in their order; of those that have one."""
    index = {label: i for i, label in enumerate(found.labels.tolist())}
    rows = np.array([index[k] for k in labels if k in index], np.int64)
    return found._replace(
        labels=found.labels[rows], median=found.median[rows], onsets=found.onsets[rows],
        used=found.used[rows], repeat=found.repeat[rows],
        chosen=found.chosen[found.chosen["label"].isin(found.labels[rows])],
    )  # fmt: skip


def distance(one: Float[np.ndarray, "W J d"], other: Float[np.ndarray, "W J d"]) -> float:
    """Return the root mean square of the distances of keypoints, over frames and keypoints."""
    square = ((one - other) ** 2).sum(axis=-1)
    known = np.isfinite(square)
    return float(np.sqrt(square[known].mean())) if known.any() else float("nan")


class _Recordings:
    """Poses of recordings, of which one at a time is held, and windows of few labels."""

    def __init__(self, sequences: Sequences, animals: Iterable[Posed]) -> None:
        if not sequences.names:
            raise InputError("there are no recordings; give some")
        # what can be walked through once only has to be kept
        self.animals = list(animals) if isinstance(animals, Iterator) else animals
        self.place = {name: r for r, name in enumerate(sequences.names)}
        self.frames, self.fps = lengths(sequences), sequences.fps
        self.shape: tuple[int, int] | None = None  # keypoints, coordinates
        self.unit = ""

    def lags(self, settings: TrajectorySettings) -> Int64[np.ndarray, " W"]:
        """Return the frames of a window, 0 at the onset."""
        before = round(settings.before_s * self.fps)
        return np.arange(-before, max(1, round(settings.after_s * self.fps)) + 1)

    def none(self, lags: Int64[np.ndarray, " W"]) -> Float[np.ndarray, "0 W J d"]:
        """Return the medians of no label."""
        assert self.shape is not None
        return np.zeros((0, len(lags), *self.shape))

    def windows(
        self,
        at: dict[int, Int64[np.ndarray, "N 2"]],
        lags: Int64[np.ndarray, " W"],
        absent: float,
    ) -> Iterator[tuple[int, Float[np.ndarray, "M W J d"], np.ndarray]]:
        """Yield labels with their windows that have enough keypoints, and which those are."""
        todo, first = list(at), True
        while todo or first:
            held: dict[int, np.ndarray] = {}
            for own in self._each():
                if not held:  # as many labels as memory allows, in one walk through the files
                    now = self._group(todo, at, len(lags))
                    assert self.shape is not None
                    held = {k: np.zeros((len(at[k]), len(lags), *self.shape)) for k in now}
                r = self.place[own.track.name]
                for k, kept in held.items():
                    mine = at[k][:, 0] == r
                    if mine.any():
                        kept[mine] = _seen(own, at[k][mine, 1], lags)
            for k in list(held):
                windows = held.pop(k)
                whole = np.isnan(windows).any(axis=3).mean(axis=(1, 2)) <= absent
                yield k, windows[whole], whole
                todo.remove(k)
            first = False

    def _each(self) -> Iterator[Posed]:
        """Yield the recordings that have labels, after a look at whether they fit."""
        seen: set[str] = set()
        for own in self.animals:
            name = own.track.name
            if name in self.place and name not in seen:
                self._check(own)
                seen.add(name)
                yield own
        if lacking := [name for name in self.place if name not in seen]:
            told = ", ".join(sorted(seen)[:5]) or "none"
            raise InputError(
                f"recording {lacking[0]!r} has no poses; there are those of {told}"
            )

    def _check(self, own: Posed) -> None:
        name, frames = own.track.name, int(self.frames[self.place[own.track.name]])
        if len(own.heading) != frames:
            raise InputError(
                f"recording {name!r} has {frames} labels but {len(own.heading)} "
                "frames of poses; give the poses that the labels were made of"
            )
        joints, space = own.track.xy.shape[1:]
        if self.shape is None:
            self.shape, self.unit = (joints, space), own.track.unit
        if self.shape != (joints, space):
            raise InputError(
                f"recording {name!r} has {joints} keypoints in {space}D, others have "
                f"{self.shape[0]} in {self.shape[1]}D; give recordings of one kind of poses"
            )

    def _group(self, todo: list[int], at: dict[int, np.ndarray], width: int) -> list[int]:
        """Return the next labels whose windows fit into memory, one at least."""
        assert self.shape is not None
        sizes = np.cumsum(
            [len(at[k]) * width * self.shape[0] * self.shape[1] * 8 for k in todo]
        )
        return todo[: max(1, int((sizes <= HELD_BYTES).sum()))]


def typical(
    windows: Float[np.ndarray, "N W J d"], instances: int, neighbours: int
) -> Int64[np.ndarray, " M"]:
    """Return the instances of highest density, the densest first.

    Args:
        windows: keypoints; what is absent counts as the median of those that have it.
        instances: number wanted.
        neighbours: k; density is high where the k-th nearest instance is near.
    """
    count = len(windows)
    flat = windows.reshape(count, -1)
    middle = _median(windows).reshape(-1)
    flat = np.nan_to_num(np.where(np.isnan(flat), middle, flat) - middle)
    square = (flat**2).sum(axis=1)
    apart = square[:, None] + square - 2 * flat @ flat.T  # (N, N), squared distances
    np.fill_diagonal(apart, -1.0)  # each is its own nearest, before rounding
    k = min(neighbours, count - 1)
    far = np.partition(apart, k, axis=1)[:, k]
    return np.argsort(far, kind="stable")[:instances]


def _onsets(
    found: Bouts,
    label: int,
    lags: Int64[np.ndarray, " W"],
    frames: Int64[np.ndarray, " R"],
    settings: TrajectorySettings,
    seed: int,
) -> Int64[np.ndarray, "N 2"]:
    """Return recording and frame of onsets with a whole window, a sample if very many."""
    own = (found.label == label) & ~found.left_censored
    own &= found.start + lags[0] >= 0
    own &= found.start + lags[-1] < frames[found.recording]
    at = np.stack([found.recording[own], found.start[own]], axis=1)
    if len(at) > settings.most:
        rng = streams.generator(seed, "trajectories", label)
        at = at[np.sort(rng.choice(len(at), settings.most, replace=False))]
    return at


def _seen(
    own: Posed, frames: Int64[np.ndarray, " n"], lags: Int64[np.ndarray, " W"]
) -> Float[np.ndarray, "n W J d"]:
    """Return the windows around some onsets of a recording, seen from each onset."""
    axes = plane(own.track.xy.shape[2], own.up)
    near = (frames[:, None] + lags).ravel()  # (n W)
    world = own.track.xy[near].astype(np.float64)
    if isinstance(own, Aligned):
        world = rotate(world, own.heading[near], axes) + own.centroid[near][:, None]
    n, (joints, space) = len(frames), world.shape[1:]
    centred = world.reshape(n, -1, space) - own.centroid[frames][:, None]
    turned = rotate(centred, -own.heading[frames], axes)
    return turned.reshape(n, len(lags), joints, space)


def _median(windows: Float[np.ndarray, "N W J d"]) -> Float[np.ndarray, "W J d"]:
    """Return the median of what is there; NaN where nothing is."""
    seen = ~np.isnan(windows)
    ordered = np.sort(windows, axis=0)  # NaN last
    count = seen.sum(axis=0)
    low, high = (
        np.take_along_axis(ordered, np.maximum(nth, 0)[None], axis=0)[0]
        for nth in ((count - 1) // 2, count // 2)
    )
    return np.where(count > 0, (low + high) / 2, np.nan)
