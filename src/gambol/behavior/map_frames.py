"""What a behaviour map is made of: recordings as spectrograms, one at a time.

Poses aligned to their animal, features and spectrograms come in; out come distributions over
part and frequency, and which frames cannot have one.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, cast, no_type_check

import numba
import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from gambol.behavior import align, columns, wavelets
from gambol.behavior.align import Aligned
from gambol.behavior.columns import Columns
from gambol.behavior.wavelets import Spectrogram, Wavelets
from gambol.core.errors import InputError
from gambol.core.tracks import frame_rate

Recording = xr.DataArray | xr.Dataset | Aligned | Spectrogram
Recordings = Recording | Sequence[Recording] | Mapping[str, Recording]


class Channels(NamedTuple):
    """What the K columns of a spectrogram are."""

    names: tuple[str, ...]
    units: tuple[str, ...]
    parts: tuple[str, ...]  # of the body
    frequencies: Float[np.ndarray, " K"]  # Hz


class Spectra(NamedTuple):
    """A recording of T frames."""

    amplitude: Float[np.ndarray, "T K"]  # NaN where masked
    times: Float[np.ndarray, " T"]  # s
    channels: Channels


class Totals(NamedTuple):
    """How much of everything there is in a frame."""

    total: Float[np.ndarray, " T"]  # sum of amplitudes, NaN where masked
    known: Bool[np.ndarray, " T"]  # no amplitude is masked


def named(recordings: Recordings, names: Sequence[str] | None = None) -> dict[str, Recording]:
    """Return recordings by name, one for every animal, sorted: their order is of no effect.

    Args:
        recordings: one, several, or several by name. Each is poses that `align.egocentric`
            has aligned, features (time, feature), or a spectrogram.
        names: of the recordings, where they do not come by name; else that of the array.
    """
    if isinstance(recordings, Mapping) and not isinstance(recordings, xr.Dataset):
        pairs = [(str(name), one) for name, one in recordings.items()]
    else:
        several = _several(recordings)
        if names is not None and len(names) != len(several):
            raise InputError(
                f"{len(names)} names for {len(several)} recordings; give one for each"
            )
        pairs = [
            (str(names[n]) if names is not None else _name(one, n), one)
            for n, one in enumerate(several)
        ]
    found: dict[str, Recording] = {}
    for name, recording in pairs:
        for own, animal in _animals(name, recording):
            if own in found:
                raise InputError(
                    f"two recordings are called {own}; give each a name of its own"
                )
            found[own] = animal
    if not found:
        raise InputError("there are no recordings; give at least one")
    return {name: found[name] for name in sorted(found)}


def spectra(
    name: str, recording: Recording, settings: Wavelets, *, threads: int = 1
) -> Spectra:
    """Return the spectrogram of a recording, computed where it is not one already.

    Args:
        name: of the recording, for errors.
        recording: one of those of `named`.
        settings: of the wavelets.
        threads: channels side by side; the result is the same.
    """
    if isinstance(recording, Aligned):
        track = recording.track
        made = wavelets.of_poses(recording, settings, threads=threads)
        return _of_spectrogram(made, track.times, track.unit)
    if isinstance(recording, Spectrogram):
        return _of_spectrogram(recording, np.arange(len(recording.amplitude)) * 1.0, "")
    if isinstance(recording, xr.Dataset):
        raise InputError(f"{name} holds poses that are not aligned; align them first")
    table = columns.from_array(recording)
    times = np.asarray(recording["time"].values, np.float64)
    swings = np.isfinite(table.frequencies)
    if swings.any():
        return _of_columns(table, swings, times)
    fps = frame_rate(recording.attrs, times, name)
    made = wavelets.spectrogram(
        table.values.astype(np.float64), times, fps, table.names, settings, threads=threads
    )
    found = _of_spectrogram(made, times, "")
    each = len(made.frequencies)
    units = tuple(unit for unit in table.units for _ in range(each))
    parts = tuple(part for part in table.parts for _ in range(each))
    return found._replace(channels=found.channels._replace(units=units, parts=parts))


def totals(found: Spectra) -> Totals:
    """Return how much there is in each frame."""
    total = np.concatenate(
        [
            found.amplitude[part].astype(np.float64).sum(axis=1)
            for part in blocks(len(found.amplitude))
        ]
        or [np.zeros(0)]
    )
    return Totals(total, np.isfinite(total))


def distributions(
    amplitude: Float[np.ndarray, "T K"], epsilon: float
) -> Float[np.ndarray, "T K"]:
    """Return p, rows that are not known NaN; every share is above 0.

    The same as `wavelets.shares`, many times faster.
    """
    p = np.empty(amplitude.shape)
    _shares(np.ascontiguousarray(amplitude), epsilon, p)
    return p


def blocks(n_frames: int, size: int = 4096) -> Iterator[slice]:
    """Cut frames into pieces: fixed ones, so that bits do not depend on threads."""
    return (slice(first, min(first + size, n_frames)) for first in range(0, n_frames, size))


def fingerprint(found: Totals) -> str:
    """Return a short hash of a recording as the map saw it."""
    return hashlib.blake2b(found.total.tobytes(), digest_size=8).hexdigest()


def check(name: str, found: Channels, known: Channels) -> None:
    """Refuse a recording whose columns are not those of the map."""
    if len(found.names) != len(known.names):
        raise InputError(
            f"{name} has {len(found.names)} columns of amplitudes, the map {len(known.names)}; "
            "give the same keypoints and frequencies"
        )
    for own, asked in zip(found.names, known.names, strict=True):
        if own != asked:
            raise InputError(
                f"{name} has {own!r} where the map has {asked!r}; give the same keypoints and "
                "frequencies in the same order"
            )


def even(n: int, frames: Int[np.ndarray, " A"], rng: np.random.Generator) -> np.ndarray:
    """Return n evenly spaced ones of some frames, from a random first; all if they are fewer.

    Each is chosen with probability n / A.
    """
    if len(frames) <= n:
        return frames
    place = (np.arange(n) + rng.random()) * (len(frames) / n)
    return frames[np.minimum(place.astype(np.int64), len(frames) - 1)]


def quotas(
    total: int, wanted: Float[np.ndarray, " G"], most: Int[np.ndarray, " G"]
) -> Int[np.ndarray, " G"]:
    """Share a total among groups in proportion; what some cannot give, the others do.

    Args:
        total: to be given out.
        wanted: proportions, above 0 where a group has anything.
        most: that each can give.

    >>> quotas(10, np.array([1.0, 1.0, 2.0]), np.array([1, 9, 9])).tolist()
    [1, 3, 6]
    """
    left = min(total, int(most.sum()))
    full = most == 0
    share = np.zeros(len(most))
    while not full.all():
        share = (left - most[full].sum()) * wanted / wanted[~full].sum()
        over = ~full & (share >= most)
        if not over.any():
            break
        full |= over
    exact = np.where(full, most, share)
    given = np.floor(exact).astype(np.int64)
    # what rounding has left goes to the largest remainders
    more = np.argsort(given - exact, kind="stable")[: left - int(given.sum())]
    given[more] += 1
    return given


def _several(recordings: Recordings) -> list[Recording]:
    """Return a list, also of one recording."""
    if isinstance(recordings, xr.DataArray | xr.Dataset | Aligned | Spectrogram):
        return [recordings]
    return list(cast(Sequence[Recording], recordings))


def _name(recording: Recording, number: int) -> str:
    """Return the name that a recording has itself, else its number."""
    if isinstance(recording, Aligned):
        return recording.track.name
    if isinstance(recording, xr.DataArray) and recording.name is not None:
        return str(recording.name)
    return f"recording {number + 1}"


def _animals(name: str, recording: Recording) -> list[tuple[str, Recording]]:
    """Return the animals of a dataset, each with its name; anything else is one."""
    if not isinstance(recording, xr.DataArray | xr.Dataset | Aligned | Spectrogram):
        raise InputError(
            f"{name} is a {type(recording).__name__}; give aligned poses, features or a "
            "spectrogram"
        )
    if isinstance(recording, xr.Dataset):
        return [(animal.track.name, animal) for animal in align.aligned(recording, name)]
    return [(name, recording)]


def _of_spectrogram(made: Spectrogram, times: Float[np.ndarray, " T"], unit: str) -> Spectra:
    amplitude = made.amplitude.reshape(len(made.amplitude), -1)
    pairs = [(part, f) for part in made.parts for f in made.frequencies]
    channels = Channels(
        tuple(f"{part} at {f:.3g} Hz" for part, f in pairs),
        (unit,) * len(pairs),
        tuple(part for part, _ in pairs),
        np.array([f for _, f in pairs]),
    )
    return Spectra(amplitude, times, channels)


def _of_columns(
    table: Columns, swings: Bool[np.ndarray, " F"], times: Float[np.ndarray, " T"]
) -> Spectra:
    """Return the columns that have a frequency."""
    kept = np.flatnonzero(swings)
    channels = Channels(
        tuple(table.names[k] for k in kept),
        tuple(table.units[k] for k in kept),
        tuple(table.parts[k] for k in kept),
        table.frequencies[kept].astype(np.float64),
    )
    return Spectra(table.values[:, kept], times, channels)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _shares(amplitude, epsilon, p):
    """Divide each row by its sum, after `epsilon` is added."""
    for t in range(len(p)):
        total = 0.0
        for k in range(p.shape[1]):
            p[t, k] = amplitude[t, k] + epsilon
            total += p[t, k]
        scale = 1.0 / total if total > 0.0 else np.nan
        for k in range(p.shape[1]):
            p[t, k] *= scale
