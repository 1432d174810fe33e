"""Morlet amplitudes: how strongly a series swings at each frequency, frame by frame.

In the Fourier domain the wavelet at f is a Gaussian about f, so a cosine of amplitude A at f
gives A at every f. Frequencies are in Hz, times in seconds, ω in rad/s. Sources: Goupillaud,
Grossmann & Morlet (1984), Geoexploration 23:85, of the transform; Berman et al. (2014), J. R.
Soc. Interface 11:20140672, supplement, of the published normalisation.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Complex, Float
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
    n_frames, n_channels = series.shape
    out = np.empty((n_frames, n_channels, len(at)), dtype)
    if not out.size:
        return out
    short = [method == "overlap" and _is_short(f, fps, omega0, n_frames) for f in at]
    long = np.flatnonzero(~np.array(short))
    groups = _groups(fps, at, np.flatnonzero(short), omega0, convention, dtype)

    def work(channel: int) -> None:
        half, size = _spectrum(series[:, channel])
        made = np.empty((len(at), n_frames), dtype)
        if groups:
            _in_blocks(_analytic(half, size), groups, made)
        omega = 2 * np.pi * fps / size * np.arange(len(half))
        for row in long:
            product = np.zeros(size, complex)
            product[: len(half)] = half * response(omega, at[row], omega0, convention)
            _store(fft.ifft(product, overwrite_x=True)[None], 0, made[row])
        out[:, channel] = made.T

    with ThreadPoolExecutor(max(1, threads)) as pool:
        list(pool.map(work, range(n_channels)))
    return out


class _Group(NamedTuple):
    """Frequencies whose margins fit one size of block, which share its forward transform."""

    size: int  # frames of a block
    margin: int  # frames on either side of it that are thrown away
    rows: np.ndarray  # of the frequencies
    gains: Float[np.ndarray, "G N"]  # what each multiplies the circle of frequencies with


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


def _analytic(half: Complex[np.ndarray, " K"], size: int) -> Complex[np.ndarray, " L"]:
    """Return the series that has only the positive frequencies.

    What no wavelet may see is gone, so that the smooth Gaussian, which is short in time, does
    the rest. It is half of x + i H(x), and both halves are transforms of real series.
    """
    signal = np.empty(size, complex)
    twice = half.copy()
    if size % 2 == 0:
        twice[-1] *= 2.0
    signal.real = 0.5 * fft.irfft(twice, size)
    signal.imag = 0.5 * fft.irfft(-1j * half, size)
    return signal


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
    signal: Complex[np.ndarray, " L"], groups: list[_Group], out: Float[np.ndarray, "F T"]
) -> None:
    """Fill the rows of the groups by overlapping blocks of a signal that is a circle.

    Forward transforms are in double precision, which slow drifts need; backward ones, of what
    is left in the band, in that of the result.
    """
    kind = np.result_type(out.dtype, np.complex64)
    for size, margin, rows, gains in groups:
        hop = size - 2 * margin
        n_blocks = -(-out.shape[1] // hop)
        frames = np.arange(-margin, n_blocks * hop + margin)
        around = np.take(signal, frames, mode="wrap")
        blocks = np.lib.stride_tricks.sliding_window_view(around, size)[::hop]
        ahead = fft.fft(blocks, axis=1).astype(kind, copy=False)
        product = np.empty_like(ahead)
        for row, gain in zip(rows, gains, strict=True):
            np.multiply(ahead, gain, out=product)
            _store(fft.ifft(product, axis=1, overwrite_x=True), margin, out[row])


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
