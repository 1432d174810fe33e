"""What a label looks like: the median of its most typical instances, in the body's frame.

An instance is the keypoints around an onset, seen from where the animal was and headed at the
onset. Typical is an instance whose k-th nearest neighbour among the instances of the label is
near, so that the median is of one movement and not of the mean of several.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int64
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from gambol.behavior.align import Aligned, plane, rotate
from gambol.behavior.sequences import Bouts, bouts
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.sequences import Sequences, lengths
from gambol.kernels import streams


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
    animals: Iterable[Aligned],
    settings: TrajectorySettings | None = None,
    *,
    random_state: int = 0,
) -> Trajectories:
    """Return the median movement of every label that is used enough.

    Args:
        sequences: labels, after the label map.
        animals: the poses of all recordings, with centroids and headings.
        settings: windows and instances.
        random_state: seed of the sample where a label has very many instances.
    """
    settings = settings or TrajectorySettings()
    poses = by_recording(sequences, animals)
    every = list(poses.values())
    fps, track = sequences.fps, every[0].track
    before, after = round(settings.before_s * fps), max(1, round(settings.after_s * fps))
    lags = np.arange(-before, after + 1)
    found = bouts(sequences)
    kept = found.label[~found.left_censored]
    frames = np.bincount(found.label, found.stop - found.start, minlength=sequences.size)
    share = frames / max(1.0, float(frames.sum()))
    labels = [k for k in np.unique(kept).tolist() if share[k] >= settings.min_usage]
    made, rows = [], []
    for k in labels:
        at = _onsets(found, k, lags, lengths(sequences), settings, random_state)
        windows, whole = _windows(every, at, lags, settings.absent)
        if len(windows) < settings.min_instances:
            continue
        own = typical(windows, settings.instances, settings.neighbours)
        halves = [_median(windows[own[part::2]]) for part in (0, 1)]
        parted = distance(*halves)
        made.append((k, _median(windows[own]), len(windows), len(own), parted))
        rows += [(k, sequences.names[r], int(t)) for r, t in at[whole][own]]
    shape = (0, len(lags), *track.xy.shape[1:])
    median = np.stack([part[1] for part in made]) if made else np.zeros(shape)
    counts = [np.array([part[c] for part in made], np.int64) for c in (0, 2, 3)]
    chosen = pd.DataFrame(rows, columns=["label", "recording", "frame"])
    repeat = np.array([part[4] for part in made], np.float64)
    return Trajectories(
        counts[0], median, lags / fps, counts[1], counts[2], chosen, track.unit, repeat
    )


def distance(one: Float[np.ndarray, "W J d"], other: Float[np.ndarray, "W J d"]) -> float:
    """Return the root mean square of the distances of keypoints, over frames and keypoints."""
    square = ((one - other) ** 2).sum(axis=-1)
    known = np.isfinite(square)
    return float(np.sqrt(square[known].mean())) if known.any() else float("nan")


def by_recording(sequences: Sequences, animals: Iterable[Aligned]) -> dict[str, Aligned]:
    """Return the poses of every recording of labels, after a look at whether they fit."""
    known = {aligned.track.name: aligned for aligned in animals}
    for name, frames in zip(sequences.names, lengths(sequences), strict=True):
        if name not in known:
            told = ", ".join(sorted(known)[:5]) or "none"
            raise InputError(f"recording {name!r} has no poses; there are those of {told}")
        if len(known[name].heading) != frames:
            raise InputError(
                f"recording {name!r} has {frames} labels but {len(known[name].heading)} "
                "frames of poses; give the poses that the labels were made of"
            )
    if not sequences.names:
        raise InputError("there are no recordings; give some")
    return {name: known[name] for name in sequences.names}


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


def _windows(
    animals: Sequence[Aligned],
    at: Int64[np.ndarray, "N 2"],
    lags: Int64[np.ndarray, " W"],
    absent: float,
) -> tuple[Float[np.ndarray, "M W J d"], np.ndarray]:
    """Return the windows seen from the onset, and which have enough keypoints."""
    parts, whole = [], []
    for r in np.unique(at[:, 0]):
        own = animals[r]
        axes = plane(own.track.xy.shape[2], own.up)
        frames = at[at[:, 0] == r, 1]
        near = frames[:, None] + lags  # (n, W)
        world = rotate(own.track.xy[near.ravel()], own.heading[near.ravel()], axes)
        world = world + own.centroid[near.ravel()][:, None]
        n, (joints, space) = len(frames), world.shape[1:]
        centred = world.reshape(n, -1, space) - own.centroid[frames][:, None]
        turned = rotate(centred, -own.heading[frames], axes)
        windows = turned.reshape(n, len(lags), joints, space)
        lost = np.isnan(windows).any(axis=3).mean(axis=(1, 2))
        parts.append(windows)
        whole.append(lost <= absent)
    if not parts:
        joints, space = animals[0].track.xy.shape[1:]
        return np.zeros((0, len(lags), joints, space)), np.zeros(0, bool)
    kept = np.concatenate(whole)
    return np.concatenate(parts)[kept], kept


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
