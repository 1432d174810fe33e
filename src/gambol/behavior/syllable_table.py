"""The table of labels: usage, duration, onsets, speed, turning, by recording, animal, group.

Values are of recordings first; an animal has the mean of its recordings, a group the mean and
the standard deviation over animals.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from gambol.behavior import group_values, kinematics, sequences
from gambol.behavior.align import Aligned, Placed, plane, rotate
from gambol.core.errors import InputError
from gambol.core.sequences import Sequences, recording
from gambol.core.tracks import PIECE
from gambol.kernels.runs import all_runs

WINDOW_S = 0.1  # of the polynomials behind speed and turning
Scalars = Mapping[str, Float[np.ndarray, " T"]]  # name with unit -> value of each frame
COUNTED = ("usage", "onsets", "per_min", "duration_s")  # of every table


class Tables(NamedTuple):
    """What labels are like. Columns: `COUNTED`, then the mean of each scalar."""

    pooled: pd.DataFrame  # a row a label: also median_s (Kaplan & Meier) and share of bouts
    recordings: pd.DataFrame  # a row a recording and label
    animals: pd.DataFrame | None  # a row an animal and label, with its group; None if not told
    groups: pd.DataFrame | None  # a row a group and label: mean and sd over animals, their n


def scalars(aligned: Aligned | Placed, window_s: float = WINDOW_S) -> dict[str, np.ndarray]:
    """Return speed, turning, length (and, in 3D, height) of an animal, frame by frame.

    Length is the extent of the keypoints along the heading, height that of their mean along
    `up`. Turning is positive to the left where y points up, to the right in video pixels.
    """
    track = aligned.track
    moved = kinematics.motion(aligned, window_s)
    axes = plane(track.xy.shape[2], aligned.up)
    firsts = range(0, max(len(track.xy), 1), PIECE)
    length = np.concatenate([_extent(aligned, slice(n, n + PIECE), axes) for n in firsts])
    unit = "px" if track.unit == "pixels" else track.unit
    found = {
        f"speed, {unit}/s": moved.speed,
        "turning, rad/s": moved.turning,
        f"length, {unit}": length,
    }
    if track.xy.shape[2] == 3:
        found[f"height, {unit}"] = aligned.centroid[:, "xyz".index(aligned.up)]
    return found


def _extent(
    animal: Aligned | Placed, where: slice, axes: Sequence[int]
) -> Float[np.ndarray, " T"]:
    """Return the extent of the keypoints along the heading; NaN where one is absent."""
    xy = animal.track.xy[where]
    if isinstance(animal, Placed):
        own = xy.astype(np.float64) - animal.centroid[where][:, None]
        xy = rotate(own, -animal.heading[where], axes)
    ahead = xy[:, :, axes[0]]
    seen = np.isfinite(ahead)
    most = np.where(seen, ahead, -np.inf).max(axis=1)
    least = np.where(seen, ahead, np.inf).min(axis=1)
    return np.where(seen.all(axis=1), most - least, np.nan)


def tables(
    labels: Sequences,
    of_frames: Mapping[str, Scalars] | None = None,
    names: Sequence[str] | None = None,
    animals: pd.DataFrame | None = None,
    factor: str | None = None,
) -> Tables:
    """Return what each label is like.

    Args:
        labels: of frames, after the label map.
        of_frames: scalars of each recording, by its name (`scalars`); none if not given.
        names: of the labels.
        animals: a row a recording: `recording`, `animal` and the factor.
        factor: column that tells groups apart; without it animals have none.
    """
    words = [str(k) for k in range(labels.size)] if names is None else list(names)
    each = _recordings(labels, of_frames or {}, words)
    by_animal, by_group = None, None
    if animals is not None:
        by_animal = _animals(each, animals, factor)
    if by_animal is not None and factor is not None:
        by_group = _groups(by_animal)
    return Tables(_pooled(labels, each, words), each, by_animal, by_group)


def _recordings(
    labels: Sequences, of_frames: Mapping[str, Scalars], words: list[str]
) -> pd.DataFrame:
    """A row a recording and label."""
    found, first = all_runs(labels.values, labels.valid, labels.offsets)
    parts = []
    for r, name in enumerate(labels.names):
        values, valid = recording(labels, r)
        own = slice(first[r], first[r + 1])
        label, begin, end = (column[own] for column in found)
        begun = np.append(False, label[:-1] >= 0)[: len(label)]  # not cut off at the left
        seen = label >= 0
        frames = np.bincount(values[valid], minlength=labels.size)
        bouts = np.bincount(label[seen], minlength=labels.size)
        total = max(1, int(frames.sum()))
        table = pd.DataFrame({"recording": name, "id": range(labels.size), "label": words})
        table["usage"] = frames / total
        table["onsets"] = np.bincount(label[seen & begun], minlength=labels.size)
        table["per_min"] = table["onsets"] / (total / labels.fps / 60)
        length = (end - begin)[seen]
        mean = np.bincount(label[seen], length, labels.size) / np.maximum(bouts, 1)
        table["duration_s"] = np.where(bouts > 0, mean / labels.fps, np.nan)
        for key, series in of_frames.get(name, {}).items():
            table[key] = _mean_by(values, valid, series, labels.size, name, key)
        table["frames"] = frames
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _mean_by(
    values: np.ndarray, valid: np.ndarray, series: np.ndarray, size: int, name: str, key: str
) -> Float[np.ndarray, " S"]:
    """Mean of a scalar over the frames of each label."""
    if len(series) != len(values):
        raise InputError(
            f"recording {name!r}: {key} has {len(series)} frames, labels have {len(values)}"
        )
    known = valid & np.isfinite(series)
    count = np.bincount(values[known], minlength=size)
    total = np.bincount(values[known], series[known], minlength=size)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _pooled(labels: Sequences, each: pd.DataFrame, words: list[str]) -> pd.DataFrame:
    """All recordings together: frames weigh the same."""
    usage = sequences.usage(labels, "frame")
    by_bout = sequences.usage(labels, "bout", resamples=0)
    middle = [sequences.median(sequences.durations(labels, k)) for k in range(labels.size)]
    table = pd.DataFrame({"id": range(labels.size), "label": words, "usage": usage.pooled})
    table["usage_low"], table["usage_high"] = usage.interval
    table["of_bouts"] = by_bout.pooled
    table["onsets"] = each.groupby("id")["onsets"].sum().to_numpy()
    seconds = float(each["frames"].sum()) / labels.fps
    table["per_min"] = table["onsets"] / max(seconds / 60, 1e-12)
    bouts = by_bout.counts.sum(axis=0)
    frames = each.groupby("id")["frames"].sum().to_numpy()
    table["duration_s"] = np.where(bouts > 0, frames / np.maximum(bouts, 1), np.nan)
    table["duration_s"] /= labels.fps
    table["median_s"] = middle
    for key in measured(each):
        total = (each[key] * each["frames"]).groupby(each["id"]).sum()
        known = each["frames"].where(each[key].notna(), 0).groupby(each["id"]).sum()
        table[key] = (total / known.where(known > 0)).to_numpy()
    return table


def measured(each: pd.DataFrame) -> list[str]:
    """Return the names of the scalars of a table."""
    counted = {"recording", "animal", "group", "id", "label", "frames", *COUNTED}
    return [str(key) for key in each.columns if key not in counted]


def _animals(each: pd.DataFrame, animals: pd.DataFrame, factor: str | None) -> pd.DataFrame:
    """Mean over the recordings of an animal."""
    columns = () if factor is None else (factor,)
    names = list(dict.fromkeys(each["recording"]))
    told = group_values.animals_of(names, animals, *columns)
    place = pd.Index(names).get_indexer(pd.Index(each["recording"]))
    both = each.assign(animal=told["animal"].to_numpy()[place], group="")
    if factor is not None:
        both["group"] = told[factor].to_numpy()[place]
    keys = ["group", "animal", "id", "label"]
    columns_of = [*COUNTED, *measured(each)]
    return both.groupby(keys, sort=True)[columns_of].mean().reset_index()


def _groups(each: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation over the animals of a group."""
    keys = ["group", "id", "label"]
    columns = [*COUNTED, *measured(each)]
    grouped = each.groupby(keys, sort=True)[columns]
    mean, spread = grouped.mean(), grouped.std()
    wide = {f"{key}": mean[key] for key in columns}
    wide |= {f"{key} (sd)": spread[key] for key in columns}
    wide["animals"] = each.groupby(keys)["animal"].nunique()
    return pd.DataFrame(wide).reset_index()


def all_scalars(animals: Iterable[Aligned | Placed]) -> dict[str, dict[str, np.ndarray]]:
    """Return the scalars of recordings, by name."""
    return {aligned.track.name: scalars(aligned) for aligned in animals}
