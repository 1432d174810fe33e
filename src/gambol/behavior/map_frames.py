"""What a behaviour map is made of: recordings as spectrograms, one at a time, in pieces.

Poses aligned to their animal, features and spectrograms come in; out come distributions over
part and frequency, and which frames cannot have one. A spectrogram is many times larger than
what it is made of, so never more than a piece of one is in memory.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, cast, no_type_check

import numba
import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from gambol.behavior import align, columns, wavelets
from gambol.behavior.align import Aligned
from gambol.behavior.wavelets import Spectrogram, Stream, Wavelets
from gambol.core.errors import InputError
from gambol.core.tracks import frame_rate

PIECE = 8192  # frames of a spectrogram in memory: fixed, so that bits are the same everywhere

Held = xr.DataArray | xr.Dataset | Aligned | Spectrogram
Recording = Held | Callable[[], Held]  # or what returns it, called whenever it is needed
Recordings = Recording | Sequence[Recording] | Mapping[str, Recording]


class Channels(NamedTuple):
    """What the K columns of a spectrogram are."""

    names: tuple[str, ...]
    units: tuple[str, ...]
    parts: tuple[str, ...]  # of the body
    frequencies: Float[np.ndarray, " K"]  # Hz


class Spectra(NamedTuple):
    """The spectrogram of a recording of T frames, which is computed piece by piece."""

    read: Callable[[slice], np.ndarray]  # amplitudes (n, K) of some frames, NaN where masked
    times: Float[np.ndarray, " T"]  # s
    channels: Channels

    def pieces(self) -> Iterator[tuple[slice, Float[np.ndarray, "n K"]]]:
        """Yield the amplitudes of all frames, and which frames they are of."""
        for part in blocks(len(self.times), PIECE):
            yield part, self.read(part)


class Totals(NamedTuple):
    """How much of everything there is in a frame."""

    total: Float[np.ndarray, " T"]  # sum of amplitudes, NaN where masked
    known: Bool[np.ndarray, " T"]  # no amplitude is masked


def named(recordings: Recordings, names: Sequence[str] | None = None) -> dict[str, Recording]:
    """Return recordings by name, one for every animal, sorted: their order is of no effect.

    Args:
        recordings: one, several, or several by name. Each is poses that `align.egocentric`
            has aligned, features (time, feature), or a spectrogram; by name also functions
            that return one, so that not all have to be in memory.
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
    if not isinstance(recording, xr.DataArray | xr.Dataset | Aligned | Spectrogram):
        recording = recording()
    if isinstance(recording, Aligned):
        made = wavelets.stream_of_poses(recording, settings, threads=threads)
        return _streamed(made, recording.track.unit, threads)
    if isinstance(recording, Spectrogram):
        flat = recording.amplitude.reshape(len(recording.amplitude), -1)
        known = _channels(recording.parts, recording.frequencies, "")
        return Spectra(flat.__getitem__, np.arange(len(flat)) * 1.0, known)
    if isinstance(recording, xr.Dataset):
        raise InputError(f"{name} holds poses that are not aligned; align them first")
    times = np.asarray(recording["time"].values, np.float64)
    if np.isfinite(recording["frequency"].values).any():
        return _of_columns(recording, times)
    table = columns.from_array(recording)
    fps = frame_rate(recording.attrs, times, name)
    made = wavelets.stream(
        table.values.astype(np.float64), times, fps, table.names, settings, threads=threads
    )
    found = _streamed(made, "", threads)
    each = len(made.frequencies)
    units = tuple(unit for unit in table.units for _ in range(each))
    parts = tuple(part for part in table.parts for _ in range(each))
    return found._replace(channels=found.channels._replace(units=units, parts=parts))


def totals(found: Spectra) -> Totals:
    """Return how much there is in each frame."""
    total = np.empty(len(found.times))
    for part, amplitude in found.pieces():
        total[part] = sums(amplitude)
    return Totals(total, np.isfinite(total))


def sums(amplitude: Float[np.ndarray, "n K"]) -> Float[np.ndarray, " n"]:
    """Return the sum of amplitudes of each frame, NaN where one is masked."""
    total = np.empty(len(amplitude))
    for part in blocks(len(amplitude), 1024):  # no copy of all in double precision
        total[part] = amplitude[part].astype(np.float64).sum(axis=1)
    return total


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
    if isinstance(recording, xr.Dataset) and recording.attrs.get("recording"):
        return str(recording.attrs["recording"])
    return f"recording {number + 1}"


def _animals(name: str, recording: Recording) -> list[tuple[str, Recording]]:
    """Return the animals of a dataset, each with its name; anything else is one."""
    if callable(recording):
        return [(name, recording)]
    if not isinstance(recording, xr.DataArray | xr.Dataset | Aligned | Spectrogram):
        raise InputError(
            f"{name} is a {type(recording).__name__}; give aligned poses, features or a "
            "spectrogram"
        )
    if isinstance(recording, xr.Dataset):
        return [(animal.track.name, animal) for animal in align.aligned(recording, name)]
    return [(name, recording)]


def _streamed(made: Stream, unit: str, threads: int) -> Spectra:
    """Return the spectrogram of a stream, axes of a keypoint together."""

    def read(part: slice) -> np.ndarray:
        found = wavelets.piece(made, part.start, part.stop, threads=threads)
        amplitude = wavelets.by_part(found).amplitude
        return amplitude.reshape(len(amplitude), -1)

    parts = tuple(dict.fromkeys(made.parts))
    return Spectra(read, made.times, _channels(parts, made.frequencies, unit))


def _channels(
    parts: tuple[str, ...], frequencies: Float[np.ndarray, " F"], unit: str
) -> Channels:
    pairs = [(part, f) for part in parts for f in frequencies]
    return Channels(
        tuple(f"{part} at {f:.3g} Hz" for part, f in pairs),
        (unit,) * len(pairs),
        tuple(part for part, _ in pairs),
        np.array([f for _, f in pairs]),
    )


def _of_columns(recording: xr.DataArray, times: Float[np.ndarray, " T"]) -> Spectra:
    """Return the columns that have a frequency; of a file, only what is asked for is read."""
    made = recording.transpose("time", "feature")
    swings = np.flatnonzero(np.isfinite(made["frequency"].values))
    kept = made.isel(feature=swings)
    names, units, parts = (
        tuple(str(text) for text in kept[key].values) for key in ("feature", "unit", "part")
    )
    channels = Channels(names, units, parts, kept["frequency"].values.astype(np.float64))
    return Spectra(lambda part: kept.isel(time=part).values, times, channels)


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
