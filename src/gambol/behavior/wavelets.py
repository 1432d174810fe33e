"""Spectrograms of behaviour: how strongly each part of the body swings at each frequency.

Series → Morlet amplitudes (`kernels.wavelet`), NaN where an end or a long gap is too near for
the frequency; then shares of the whole power, for maps. Where the clock is uneven, the series
is read off on an even one first.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from gambol.behavior.align import Aligned
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.kernels import two_normals, wavelet
from gambol.kernels.wavelet import Ready

FASTEST = 20.0  # Hz: faster movements of rodents and flies are rarely seen in pose series
_ROUNDING = 1e-12  # share of the largest value
_PAUSE = 256  # frames of the even clock between two frames that are worth stepping over


class Wavelets(Config):
    """Which frequencies, and how they are scaled."""

    f_min: PositiveFloat = 1.0  # Hz
    f_max: PositiveFloat | None = None  # Hz; null: 20, or the frame rate / 2.5 if that is less
    n: PositiveInt = 25  # frequencies, equally spaced on a logarithmic scale
    omega0: PositiveFloat = 5.0  # swings under the envelope
    convention: Literal["amplitude", "published"] = "amplitude"
    # amplitude: a cosine of amplitude A gives A; published: the factor of Berman et al. (2014)
    method: Literal["overlap", "whole"] = "overlap"  # equal to 1e-6; overlap is faster
    gap_s: NonNegativeFloat = 0.25  # longer gaps mask what lies near them


class Spectrogram(NamedTuple):
    """Amplitudes of C channels at F frequencies; NaN where they cannot be known."""

    amplitude: Float[np.ndarray, "T C F"]  # unit of the channel
    frequencies: Float[np.ndarray, " F"]  # Hz
    parts: tuple[str, ...]  # C names of channels, or of parts of the body


class Stream(NamedTuple):
    """A recording of which the spectrogram comes in pieces."""

    ready: Ready
    times: Float[np.ndarray, " T"]  # s
    back: Int[np.ndarray, " T"] | None  # place of each frame on an even clock, if it is another
    gaps: tuple[Float[np.ndarray, "_ 2"], ...]  # of each channel, s
    far: Float[np.ndarray, " F"]  # s that gaps reach at each frequency
    frequencies: Float[np.ndarray, " F"]  # Hz
    parts: tuple[str, ...]  # names of the channels


class Shares(NamedTuple):
    """Spectrograms of single frames as distributions."""

    p: Float[np.ndarray, "T K"]  # K = C F, part by part; every known row sums to 1
    total: Float[np.ndarray, " T"]  # a: sum of all amplitudes
    known: Bool[np.ndarray, " T"]  # frames in which no amplitude is masked


class Still(NamedTuple):
    """Frames in which nothing moves, by the sum of amplitudes."""

    label: Bool[np.ndarray, " T"]  # still; none where the histogram has one peak
    bimodal: bool
    threshold: float  # of log10 a, between the two modes; NaN where there is one
    counts: Int[np.ndarray, " B"]  # histogram of log10 a, to be shown always
    edges: Float[np.ndarray, " B1"]


def frequencies(settings: Wavelets, fps: float) -> Float[np.ndarray, " F"]:
    """Return the frequencies for a frame rate, Hz."""
    f_max = settings.f_max or min(FASTEST, fps / 2.5)
    if f_max > fps / 2:
        raise InputError(
            f"f_max is {f_max:g} Hz, but {fps:g} frames a second show at most {fps / 2:g} Hz; "
            "give a lower one"
        )
    if not settings.f_min <= f_max:
        raise InputError(f"f_min is {settings.f_min:g} Hz, above f_max {f_max:g} Hz; lower it")
    return wavelet.frequencies(settings.f_min, f_max, settings.n)


def spectrogram(
    series: Float[np.ndarray, "T C"],
    times: Float[np.ndarray, " T"],
    fps: float,
    parts: Sequence[str],
    settings: Wavelets | None = None,
    *,
    threads: int = 1,
) -> Spectrogram:
    """Return the amplitudes of the channels of a recording, in float32.

    Args:
        series: NaN where there is no value.
        times: s, increasing.
        fps: frames a second.
        parts: names of the channels.
        settings: which frequencies.
        threads: channels side by side; the result is the same.
    """
    made = stream(series, times, fps, parts, settings, threads=threads)
    return piece(made, 0, len(times), threads=threads)


def stream(
    series: Float[np.ndarray, "T C"],
    times: Float[np.ndarray, " T"],
    fps: float,
    parts: Sequence[str],
    settings: Wavelets | None = None,
    *,
    threads: int = 1,
) -> Stream:
    """Prepare a recording, so that its spectrogram can be had piece by piece (`piece`).

    Args: those of `spectrogram`.
    """
    settings = settings or Wavelets()
    at = frequencies(settings, fps)
    grid, back = _clock(times, fps) if len(times) else (times, None)
    known = ~np.isnan(series)

    def channel(c: int) -> Float[np.ndarray, " G"]:
        own = known[:, c]
        values = series[own, c]
        # what stands still but for rounding has no amplitude, and not a map of its rounding
        if not len(values) or np.ptp(values) <= _ROUNDING * np.abs(values).max():
            return np.zeros(len(grid))
        return np.interp(grid, times[own], values)

    ready = wavelet.ready(
        channel, (len(grid), len(parts)), fps, at, omega0=settings.omega0,
        convention=settings.convention, method=settings.method, threads=threads,
    )  # fmt: skip
    longest = settings.gap_s + 1.0 / fps
    gaps = tuple(_gaps(times, known[:, c], longest) for c in range(len(parts)))
    far = np.broadcast_to(wavelet.reach(at, settings.omega0), at.shape)
    return Stream(ready, times, back, gaps, far, at, tuple(parts))


def piece(made: Stream, start: int, stop: int, *, threads: int = 1) -> Spectrogram:
    """Return the spectrogram of frames [start, stop); of all of them where there are fewer."""
    stop = min(stop, len(made.times))
    if made.back is None:
        out = wavelet.piece(made.ready, start, stop, threads=threads)
    else:  # pauses of an uneven clock are stepped over
        back = made.back[start:stop]
        cuts = np.flatnonzero(np.diff(back) > _PAUSE) + 1
        runs = [run for run in np.split(back, cuts) if len(run)]
        out = np.concatenate(
            [
                wavelet.piece(made.ready, int(run[0]), int(run[-1]) + 1, threads=threads)[
                    run - run[0]
                ]
                for run in runs
            ]
            or [wavelet.piece(made.ready, 0, 0)]
        )
    for c, gaps in enumerate(made.gaps):
        _mask(out[:, c], made.times[start:stop], gaps, made.far)
    return Spectrogram(out, made.frequencies, made.parts)


def of_poses(
    aligned: Aligned, settings: Wavelets | None = None, *, threads: int = 1
) -> Spectrogram:
    """Return the amplitudes of each keypoint in the frame of its animal, all axes together."""
    made = stream_of_poses(aligned, settings, threads=threads)
    return by_part(piece(made, 0, len(made.times), threads=threads))


def stream_of_poses(
    aligned: Aligned, settings: Wavelets | None = None, *, threads: int = 1
) -> Stream:
    """Prepare poses: `by_part` of a piece is that piece of what `of_poses` returns."""
    track = aligned.track
    parts = [name for name in track.skeleton.keypoints for _ in range(track.xy.shape[2])]
    flat = track.xy.reshape(len(track.xy), len(parts))
    return stream(flat, track.times, track.fps, parts, settings, threads=threads)


def by_part(spectra: Spectrogram) -> Spectrogram:
    """Join channels of equal names: the root of their summed squares, as of a vector."""
    names = tuple(dict.fromkeys(spectra.parts))
    if len(names) == len(spectra.parts):
        return spectra
    place = np.array([names.index(part) for part in spectra.parts])
    joined = np.zeros(
        (len(spectra.amplitude), len(names), len(spectra.frequencies)), spectra.amplitude.dtype
    )
    _join(spectra.amplitude, place, joined)
    return Spectrogram(joined, spectra.frequencies, names)


def shares(spectra: Spectrogram, epsilon: float | None = None) -> Shares:
    """Return the share of each part and frequency in the sum of a frame.

    Args:
        spectra: of a recording.
        epsilon: added to every amplitude; 1e-9 of the median sum if not given. For several
            recordings on one map give one number for all.
    """
    flat = spectra.amplitude.reshape(len(spectra.amplitude), -1).astype(np.float64)
    total = flat.sum(axis=1)
    known = ~np.isnan(total)
    if epsilon is None:
        epsilon = 1e-9 * float(np.median(total[known])) if known.any() else 0.0
    flat += epsilon
    with np.errstate(invalid="ignore"):
        p = flat / flat.sum(axis=1, keepdims=True)
    return Shares(p, total, known)


def still(total: Float[np.ndarray, " T"], bins: int = 100) -> Still:
    """Find frames in which nothing moves, if log a has two modes.

    Two Gaussians are fitted to its histogram; they count as two modes where their sum falls
    between the means to less than 0.8 of the lower peak, and the smaller holds 2 % or more.

    Args:
        total: sum of amplitudes; NaN where not known.
        bins: of the histogram.
    """
    known = np.isfinite(total) & (total > 0)
    none = np.zeros(len(total), bool)
    if known.sum() < 10:
        return Still(none, False, np.nan, np.zeros(1, int), np.array([0.0, 1.0]))
    logs = np.log10(total[known])
    counts, edges = np.histogram(logs, bins)
    fitted = two_normals.fit((edges[1:] + edges[:-1]) / 2, counts.astype(float))
    valley = two_normals.valley(fitted)
    bimodal = bool(valley.depth < 0.8 and fitted.weight.min() >= 0.02)
    if not bimodal:
        return Still(none, False, np.nan, counts, edges)
    none[known] = logs < valley.place
    return Still(none, True, valley.place, counts, edges)


def _clock(
    times: Float[np.ndarray, " T"], fps: float
) -> tuple[Float[np.ndarray, " G"], Int[np.ndarray, " T"] | None]:
    """Return an even clock and, where it is another than the given one, the way back."""
    count = round((times[-1] - times[0]) * fps) + 1
    even = times[0] + np.arange(len(times)) / fps
    if np.abs(times - even).max() * fps <= 0.1:
        return times, None
    grid = times[0] + np.arange(count) / fps
    back = np.clip(np.rint((times - times[0]) * fps).astype(np.int64), 0, count - 1)
    return grid, back


def _gaps(
    times: Float[np.ndarray, " T"], known: Bool[np.ndarray, " T"], longest: float
) -> Float[np.ndarray, "G 2"]:
    """Return where long gaps begin and end, s; they are measured from value to value."""
    at = times[known]
    if not len(at):
        return np.array([[-np.inf, np.inf]])
    gaps = np.flatnonzero(np.diff(at) > longest * (1 + 1e-6))
    # before the first value, after the last, and between those that are far apart
    starts, stops = np.r_[-np.inf, at[gaps], at[-1]], np.r_[at[0], at[gaps + 1], np.inf]
    return np.stack([starts, stops], axis=1)


def _mask(
    amplitude: Float[np.ndarray, "T F"],
    times: Float[np.ndarray, " T"],
    gaps: Float[np.ndarray, "G 2"],
    far: Float[np.ndarray, " F"],
) -> None:
    """Write NaN in gaps and `far` s on both sides of them."""
    starts, stops = gaps.T
    for f, reach in enumerate(far):
        first = np.searchsorted(times, starts - reach + 1e-9, side="left")
        last = np.searchsorted(times, stops + reach - 1e-9, side="right")
        met = first < last  # most gaps of a long recording are not in a piece of it
        for a, b in zip(first[met], last[met], strict=True):
            amplitude[a:b, f] = np.nan


@numba.njit(cache=True, nogil=True)
@no_type_check
def _join(amplitude, place, out):
    """Root of the summed squares of the channels of each place."""
    for t in range(len(out)):
        for c in range(len(place)):
            for f in range(out.shape[2]):
                out[t, place[c], f] += amplitude[t, c, f] ** 2
        for p in range(out.shape[1]):
            for f in range(out.shape[2]):
                out[t, p, f] = np.sqrt(out[t, p, f])
