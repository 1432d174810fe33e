"""What a region of a behaviour map means: its movements, speeds, users, bouts and examples."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Float64, Int64

from gambol.behavior import sequences as statistics
from gambol.core.errors import InputError
from gambol.core.sequences import Sequences


class Spectra(NamedTuple):
    """Mean spectrograms of R regions over C parts of the body and F frequencies."""

    mean: Float64[np.ndarray, "R C F"]  # amplitude, unit of the channel; NaN without a frame
    z: Float64[np.ndarray, "R C F"]  # (mean - that of all frames) / sd over all frames
    everywhere: Float64[np.ndarray, "C F"]  # mean over all frames
    frames: Int64[np.ndarray, " R"]  # with a known spectrogram


class Moments(NamedTuple):
    """Sums that spectra are made of; recordings add up, so none is held longer than needed."""

    frames: Int64[np.ndarray, " R1"]  # of outside (0) and each region
    total: Float64[np.ndarray, "R1 C F"]
    square: Float64[np.ndarray, "C F"]  # about `shift`
    shift: Float64[np.ndarray, "C F"]


def moments(
    amplitude: Float[np.ndarray, "T C F"],
    region: Int64[np.ndarray, " T"],
    regions: int,
    before: Moments | None = None,
) -> Moments:
    """Add a recording to the sums.

    Args:
        amplitude: spectrogram; frames with any unknown value (NaN) are left out.
        region: of each frame, 1 … R; what is 0 or less counts as outside.
        regions: R.
        before: sums of the recordings before.
    """
    known = np.isfinite(amplitude).all(axis=(1, 2))
    seen, place = amplitude[known].astype(np.float64), np.maximum(region[known], 0)
    if before is None:
        shape = amplitude.shape[1:]
        shift = seen.mean(axis=0) if len(seen) else np.zeros(shape)
        blank = np.zeros(regions + 1, np.int64)
        before = Moments(blank, np.zeros((regions + 1, *shape)), np.zeros(shape), shift)
    away = seen - before.shift  # small, so that squares keep their digits
    total = before.total.copy()
    order = np.argsort(place, kind="stable")
    labels, first = np.unique(place[order], return_index=True)
    if len(labels):
        total[labels] += np.add.reduceat(away[order], first, axis=0)
    frames = before.frames + np.bincount(place, minlength=regions + 1)
    return Moments(frames, total, before.square + (away**2).sum(axis=0), before.shift)


def spectra(sums: Moments) -> Spectra:
    """Return mean spectrograms, and how far they are from that of all frames."""
    every = max(1, int(sums.frames.sum()))
    mean_away = sums.total.sum(axis=0) / every
    sd = np.sqrt(np.maximum(sums.square / every - mean_away**2, 0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        away = sums.total[1:] / sums.frames[1:, None, None]
        z = np.where(sd > 0, (away - mean_away) / sd, 0.0)
    z[sums.frames[1:] == 0] = np.nan
    return Spectra(away + sums.shift, z, mean_away + sums.shift, sums.frames[1:])


def peak_frequencies(
    found: Spectra, frequencies: Float[np.ndarray, " F"]
) -> Float64[np.ndarray, "R C"]:
    """Return the frequency at which each part swings most in each region, Hz; NaN unused."""
    best = np.nan_to_num(found.mean, nan=-np.inf).argmax(axis=2)
    return np.where(np.isnan(found.mean).any(axis=2), np.nan, frequencies[best])


def contrasts(found: Spectra, pairs: Int64[np.ndarray, "P 2"]) -> Float64[np.ndarray, "R P"]:
    """Return (left - right) / (left + right) of the summed amplitude of pairs of parts.

    Args:
        found: mean spectrograms.
        pairs: indices of the left and the right part.
    """
    power = found.mean.sum(axis=2)
    left, right = power[:, pairs[:, 0]], power[:, pairs[:, 1]]
    with np.errstate(invalid="ignore", divide="ignore"):
        return (left - right) / (left + right)


def speed_quantiles(
    values: Sequence[Float[np.ndarray, " _"]],
    region: Sequence[Int64[np.ndarray, " _"]],
    regions: int,
    levels: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95),
) -> Float64[np.ndarray, "R Q"]:
    """Return quantiles of a speed (or any value of frames) in each region; NaN if unused.

    Args:
        values: of the frames of each recording; NaN where there is none.
        region: of the frames, 1 … R.
        regions: R.
        levels: of the quantiles.
    """
    pooled, place = np.concatenate(list(values)), np.concatenate(list(region))
    known = np.isfinite(pooled)
    out = np.full((regions, len(levels)), np.nan)
    for r in range(regions):
        own = pooled[known & (place == r + 1)]
        if len(own):
            out[r] = np.quantile(own, levels)
    return out


def usage(
    region: Sequence[Int64[np.ndarray, " _"]], animals: Sequence[str], regions: int
) -> pd.DataFrame:
    """Return the share of each animal's frames in each region.

    Rows are animals in alphabetical order, columns 0 (outside, in transit) … R. All frames of
    an animal's recordings count alike; those without a place do not count.
    """
    if len(animals) != len(region):
        raise InputError(f"{len(region)} recordings but {len(animals)} animals; give one each")
    names = sorted(set(animals))
    counts = np.zeros((len(names), regions + 1))
    for one, animal in zip(region, animals, strict=True):
        counts[names.index(animal)] += np.bincount(one[one >= 0], minlength=regions + 1)
    total = counts.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        shares = np.where(total > 0, counts / total, np.nan)
    index = pd.Index(names, name="animal")
    return pd.DataFrame(shares, index, pd.RangeIndex(regions + 1, name="region"))


def clips(
    stays: Sequences,
    places: Sequence[Float[np.ndarray, "_ 2"]],
    peaks: Float[np.ndarray, "R 2"],
    count: int = 8,
) -> pd.DataFrame:
    """Return stretches that show each region: the longest stays, and those nearest its peak.

    Args:
        stays: labels of recordings as `dwell.sequences` returns them.
        places: on the map, of the frames of each recording.
        peaks: highest place of each region.
        count: of clips of either kind; a stay may be both.

    Returns:
        A row a clip: region, why (longest or nearest), rank, recording, start and stop (frames,
        exclusive), distance of its nearest frame from the peak, in map units.
    """
    found = statistics.bouts(stays)
    distance = _nearest(found, places, peaks)
    length = found.stop - found.start
    rows: list[tuple[object, ...]] = []
    for region in range(1, len(peaks) + 1):
        own = np.flatnonzero(found.label == region)
        for why, values in (("longest", -length), ("nearest", distance)):
            order = own[np.argsort(values[own], kind="stable")][:count]
            rows += [
                (region, why, rank, stays.names[found.recording[n]], int(found.start[n]),
                 int(found.stop[n]), float(distance[n]))
                for rank, n in enumerate(order)
            ]  # fmt: skip
    columns = ["region", "why", "rank", "recording", "start", "stop", "distance"]
    return pd.DataFrame(rows, columns=columns)


def table(
    stays: Sequences, found: Spectra, parts: Sequence[str], frequencies: Float[np.ndarray, " F"]
) -> pd.DataFrame:
    """Return a row a region: share of the frames, stays and their quartiles, what moves most.

    Args:
        stays: labels of recordings as `dwell.sequences` returns them.
        found: mean spectrograms.
        parts: names of the parts of the body.
        frequencies: Hz.
    """
    lasting = statistics.duration_table(stays).iloc[1:].rename(columns={"label": "region"})
    share = statistics.usage(stays, resamples=0).pooled[1:]
    most = np.nan_to_num(found.z, nan=-np.inf).reshape(len(found.z), -1).argmax(axis=1)
    part, frequency = np.divmod(most, len(frequencies))
    used = found.frames > 0
    highest = found.z.reshape(len(found.z), -1)[np.arange(len(most)), most]
    moves = {
        "part": np.where(used, np.array(parts, object)[part], ""),
        "frequency_hz": np.where(used, frequencies[frequency], np.nan),
        "z": np.where(used, highest, np.nan),
    }
    lasting.insert(1, "share", share)
    return lasting.assign(**moves).reset_index(drop=True)


def _nearest(
    found: statistics.Bouts,
    places: Sequence[Float[np.ndarray, "_ 2"]],
    peaks: Float[np.ndarray, "R 2"],
) -> Float64[np.ndarray, " N"]:
    """Return how near each stay comes to the peak of its region; infinite in transit."""
    out = np.full(len(found.label), np.inf)
    for n in np.flatnonzero(found.label > 0):
        path = places[found.recording[n]][found.start[n] : found.stop[n]]
        out[n] = np.linalg.norm(path - peaks[found.label[n] - 1], axis=1).min()
    return out
