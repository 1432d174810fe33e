"""Morlet amplitudes: how strongly a series swings at each frequency, frame by frame.

In the Fourier domain the wavelet at f is a Gaussian about f, so a cosine of amplitude A at f
gives A at every f. Frequencies are in Hz, times in seconds, ω in rad/s. Sources: Goupillaud,
Grossmann & Morlet (1984), Geoexploration 23:85, of the transform; Berman et al. (2014), J. R.
Soc. Interface 11:20140672, supplement, of the published normalisation.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Complex, Float, Int
from scipy import fft

Convention = Literal["amplitude", "published"]
TRUNCATED = 6.0  # sd of the envelope; beyond lie 2e-9 of its mass
_BLOCK = 512  # frames, the least: shorter transforms are no faster a frame
_NYQUIST = 2.25  # above fps / 2.25 the image of a wavelet reaches slow drifts


def frequencies(f_min: float, f_max: float, n: int) -> Float[np.ndarray, " F"]:
    """Return n frequencies, equally spaced on a logarithmic scale.

    >>> frequencies(1.0, 16.0, 5).tolist()
    [1.0, 2.0, 4.0, 8.0, 16.0]
    """
    return np.exp2(np.linspace(np.log2(f_min), np.log2(f_max), n))


def response(
    omega: Float[np.ndarray, " K"], frequency: float, omega0: float, convention: Convention
) -> Float[np.ndarray, " K"]:
    """Return what the wavelet at a frequency multiplies each ω with, before negative ω are cut.

    Args:
        omega: rad/s.
        frequency: f, Hz.
        omega0: swings under the envelope; more are sharper in frequency, blurred in time.
        convention: amplitude: 2 exp(-ω0²/2 (ω/2πf - 1)²); published: scale and factor of the
            paper, without the √2π of its transform, so that a unit cosine gives 0.200.
    """
    if convention == "amplitude":
        return 2.0 * np.exp(-0.5 * omega0**2 * (omega / (2 * np.pi * frequency) - 1.0) ** 2)
    root = np.sqrt(omega0**2 + 2.0)
    scale = (omega0 + root) / (4 * np.pi * frequency)
    # √s of the transform and 1/√2s of the factor cancel
    factor = np.exp(0.25 * (omega0 - root) ** 2) / np.sqrt(2 * np.pi)
    return factor * np.exp(-0.5 * (scale * omega - omega0) ** 2)


def reach(
    frequency: Float[np.ndarray, " F"] | float, omega0: float
) -> Float[np.ndarray, " F"] | float:
    """Return how far from an end amplitudes are wrong, s: √2 sd of the envelope."""
    return np.sqrt(2.0) * omega0 / (2 * np.pi * frequency)


def amplitudes(
    series: Float[np.ndarray, "T C"],
    fps: float,
    at: Float[np.ndarray, " F"],
    *,
    omega0: float = 5.0,
    convention: Convention = "amplitude",
    method: Literal["overlap", "whole"] = "overlap",
    threads: int = 1,
    dtype: type[np.float32] | type[np.float64] = np.float32,
) -> Float[np.ndarray, "T C F"]:
    """Return the amplitude of each frame, channel and frequency.

    Args:
        series: finite values on an even clock; the mean of each channel is taken off.
        fps: frames a second.
        at: frequencies, Hz, at most fps / 2.
        omega0: of the wavelet.
        convention: how amplitudes are scaled, see `response`.
        method: whole: one transform of the series, padded with zeros to at least twice its
            length. overlap: the same to 1e-6, in short blocks of its analytic signal.
        threads: channels side by side; the result is the same.
        dtype: of the result; the arithmetic is in float64.
    """
    made = ready(
        lambda channel: series[:, channel], series.shape, fps, at, omega0=omega0,
        convention=convention, method=method, threads=threads, dtype=dtype,
    )  # fmt: skip
    return piece(made, 0, len(series), threads=threads)


def ready(
    channel: Callable[[int], Float[np.ndarray, " T"]],
    shape: tuple[int, ...],
    fps: float,
    at: Float[np.ndarray, " F"],
    *,
    omega0: float = 5.0,
    convention: Convention = "amplitude",
    method: Literal["overlap", "whole"] = "overlap",
    threads: int = 1,
    dtype: type[np.float32] | type[np.float64] = np.float32,
) -> "Ready":
    """Prepare a series, so that amplitudes of any of its frames can be had by themselves.

    In memory are two numbers a frame and channel, and whole amplitudes only of frequencies for
    which blocks do not do: those too slow for a short recording, those above fps / 2.25, and
    all where `method` is whole.

    Args:
        channel: returns finite values of a channel.
        shape: T frames, C channels.
        fps: frames a second.
        at: frequencies, Hz, at most fps / 2.
        omega0: of the wavelet.
        convention: see `amplitudes`, like `method`.
        method: see there.
        threads: channels side by side.
        dtype: of the amplitudes.
    """
    n_frames, n_channels = shape
    short = np.array(
        [method == "overlap" and _is_short(f, fps, omega0, n_frames) for f in at], bool
    )
    groups = _groups(fps, at, np.flatnonzero(short), omega0, convention, dtype)
    margin, long = max([group.margin for group in groups], default=0), np.flatnonzero(~short)
    made = Ready(
        np.zeros((n_channels, n_frames if groups else 0)),
        np.zeros((n_channels, n_frames + 2 * margin if groups else 0)),
        np.zeros((n_channels, len(long), n_frames), dtype),
        margin, groups, long, len(at),
    )  # fmt: skip

    def work(c: int) -> None:
        x = channel(c)
        half, size = _spectrum(x)
        if groups:
            made.half[c] = 0.5 * (x - x.mean())
            around = np.arange(-margin, n_frames + margin)
            made.turned[c] = np.take(_turned(half, size), around, mode="wrap")
        omega = 2 * np.pi * fps / size * np.arange(len(half))
        for row, f in enumerate(at[long]):
            product = np.zeros(size, complex)
            product[: len(half)] = half * response(omega, f, omega0, convention)
            _store(fft.ifft(product, overwrite_x=True)[None], 0, made.whole[c, row])

    if n_frames and len(at):
        with ThreadPoolExecutor(max(1, threads)) as pool:
            list(pool.map(work, range(n_channels)))
    return made


def piece(
    made: "Ready", start: int, stop: int, *, threads: int = 1
) -> Float[np.ndarray, "T C F"]:
    """Return the amplitudes of frames [start, stop) of a series, equal to the whole to 1e-6.

    Args:
        made: what `ready` returned.
        start: the first frame.
        stop: the one behind the last.
        threads: channels side by side; the result is the same.
    """
    out = np.empty((stop - start, len(made.whole), made.n_frequencies), made.whole.dtype)
    if not out.size:
        return out

    def work(c: int) -> None:
        rows = np.empty((made.n_frequencies, stop - start), out.dtype)
        for group in made.groups:
            _in_blocks(made, c, start, group, rows)
        rows[made.long] = made.whole[c, :, start:stop]
        out[:, c] = rows.T

    with ThreadPoolExecutor(max(1, threads)) as pool:
        list(pool.map(work, range(len(made.whole))))
    return out


class _Group(NamedTuple):
    """Frequencies whose margins fit one size of block, which share its forward transform."""

    size: int  # frames of a block
    margin: int  # frames on either side of it that are thrown away
    rows: np.ndarray  # of the frequencies
    gains: Float[np.ndarray, "G N"]  # what each multiplies the circle of frequencies with


class Ready(NamedTuple):
    """C series of T frames, of which the amplitudes of any frames can be computed.

    `half` and `turned` are what has only the positive frequencies, so that the smooth Gaussian,
    which is short in time, does the rest: half of x + i H(x), with H the Hilbert transform.
    """

    half: Float[np.ndarray, "C T"]  # of the series less its mean; 0 outside
    turned: Float[np.ndarray, "C L"]  # H(x) / 2, from `margin` frames before to as many behind
    whole: Float[np.ndarray, "C W T"]  # amplitudes at frequencies for which blocks do not do
    margin: int
    groups: list[_Group]
    long: Int[np.ndarray, " W"]  # rows of these frequencies
    n_frequencies: int


def _spectrum(x: Float[np.ndarray, " T"]) -> tuple[Complex[np.ndarray, " K"], int]:
    """Transform of a series less its mean between zeros, without ω <= 0, and its length.

    The highest frequency of an even length is half a positive and half a negative one.
    """
    size = fft.next_fast_len(2 * len(x), real=True)
    half = fft.rfft(x - x.mean(), size)
    half[0] = 0.0
    if size % 2 == 0:
        half[-1] *= 0.5
    return half, size


def _turned(half: Complex[np.ndarray, " K"], size: int) -> Float[np.ndarray, " L"]:
    """Return half of the Hilbert transform of the series that a spectrum is of."""
    return 0.5 * np.asarray(fft.irfft(-1j * half, size))


def _is_short(frequency: float, fps: float, omega0: float, n_frames: int) -> bool:
    """Whether blocks pay and are exact."""
    margin = _margin(frequency, fps, omega0)
    return bool(frequency * _NYQUIST <= fps) and 4 * margin < n_frames


def _margin(frequency: float, fps: float, omega0: float) -> int:
    """Frames on either side of a block that its amplitudes need."""
    return int(np.ceil(TRUNCATED * omega0 / (2 * np.pi * frequency) * fps)) + 1


def _groups(
    fps: float,
    at: Float[np.ndarray, " F"],
    rows: np.ndarray,
    omega0: float,
    convention: Convention,
    dtype: type[np.float32] | type[np.float64],
) -> list[_Group]:
    """Sort frequencies by the size of block that suits them."""
    margins = np.array([_margin(at[row], fps, omega0) for row in rows], dtype=int)
    sizes = np.maximum(_BLOCK, 1 << np.ceil(np.log2(np.maximum(4 * margins, 1))).astype(int))
    groups = []
    for size in np.unique(sizes).tolist():
        mine = rows[sizes == size]
        omega = 2 * np.pi * fps / size * np.arange(size)
        # on the circle of frequencies the Gaussian goes on below 0, where nothing is left
        gains = [
            response(omega, at[row], omega0, convention)
            + response(omega - 2 * np.pi * fps, at[row], omega0, convention)
            for row in mine
        ]
        margin = int(margins[sizes == size].max())
        groups.append(_Group(size, margin, mine, np.array(gains, dtype)))
    return groups


def _in_blocks(
    made: Ready, channel: int, start: int, group: _Group, out: Float[np.ndarray, "F n"]
) -> None:
    """Fill the rows of a group with the frames from `start` on, by overlapping blocks.

    Forward transforms are in double precision, which slow drifts need; backward ones, of what
    is left in the band, in that of the result.
    """
    size, margin, rows, gains = group
    kind = np.result_type(out.dtype, np.complex64)
    hop = size - 2 * margin
    n_blocks = -(-out.shape[1] // hop)
    around = np.zeros(n_blocks * hop + 2 * margin, complex)
    first = start - margin
    _lay(made.half[channel], -first, around.real)
    _lay(made.turned[channel], -made.margin - first, around.imag)
    blocks = np.lib.stride_tricks.sliding_window_view(around, size)[::hop]
    ahead = fft.fft(blocks, axis=1).astype(kind, copy=False)
    product = np.empty_like(ahead)
    for row, gain in zip(rows, gains, strict=True):
        np.multiply(ahead, gain, out=product)
        _store(fft.ifft(product, axis=1, overwrite_x=True), margin, out[row])


def _lay(values: Float[np.ndarray, " L"], place: int, out: Float[np.ndarray, " n"]) -> None:
    """Write values from a place on, as far as there is room for them."""
    low, high = max(0, place), min(len(out), place + len(values))
    if low < high:
        out[low:high] = values[low - place : high - place]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _store(blocks, margin, out):
    """Write the absolute values of the blocks without their margins one behind the other."""
    hop = blocks.shape[1] - 2 * margin
    for b in range(len(blocks)):
        start = b * hop
        for t in range(start, min(start + hop, len(out))):
            value = blocks[b, margin + t - start]
            out[t] = np.sqrt(value.real * value.real + value.imag * value.imag)
