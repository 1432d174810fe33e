"""Morlet amplitudes: of cosines at every frequency, chirps, and blocks against the whole."""

import itertools

import numpy as np
import pytest

from gambol.kernels import wavelet

FPS = 100.0


def cosine(f, n_frames=4000, amplitude=1.0, phase=0.3):
    return amplitude * np.cos(2 * np.pi * f * np.arange(n_frames) / FPS + phase)[:, None]


def middle(values):
    return values[len(values) // 4 : -len(values) // 4]


@pytest.mark.parametrize("n_frames", [4000, 4001, 3989])
@pytest.mark.parametrize("method", ["overlap", "whole"])
@pytest.mark.parametrize("f", [1.0, 2.7, 10.0, 20.0, 40.0])
def test_a_cosine_of_amplitude_a_gives_a(n_frames, method, f):
    n_frames *= 4 if f > 20 else 1  # what lies above half the frame rate is cut: slower tails
    made = wavelet.amplitudes(
        cosine(f, n_frames, 3.0), FPS, np.array([f]), method=method, dtype=np.float64
    )
    np.testing.assert_allclose(middle(made), 3.0, atol=3e-4)


@pytest.mark.parametrize("n_frames", [4000, 4001])
def test_a_cosine_at_half_the_frame_rate_is_known_too(n_frames):
    x = np.cos(np.pi * np.arange(n_frames))[:, None]
    made = wavelet.amplitudes(x, FPS, np.array([50.0]), dtype=np.float64)
    np.testing.assert_allclose(middle(made), 1.0, atol=0.05)  # half of its line is cut


def test_the_ridge_lies_at_the_frequency():
    for f in (1.5, 4.0, 12.0):
        at = f * np.linspace(0.9, 1.1, 401)
        made = wavelet.amplitudes(cosine(f), FPS, at, dtype=np.float64)[2000, 0]
        assert at[made.argmax()] == pytest.approx(f, rel=6e-4)


def test_the_published_convention_is_flat_but_small_and_high():
    for f in (1.5, 4.0, 12.0):
        at = f * np.linspace(0.9, 1.1, 401)
        made = wavelet.amplitudes(cosine(f), FPS, at, convention="published", dtype=np.float64)[
            2000, 0
        ]
        assert made[200] == pytest.approx(0.200, abs=5e-4)
        assert at[made.argmax()] / f == pytest.approx(1.0196, abs=1e-3)


def test_the_published_convention_is_the_convolution_of_the_paper_in_time():
    """Without Fourier: a sum over time of the series and the wavelet."""
    rng = np.random.default_rng(0)
    x, f, w0 = rng.normal(size=1500), 6.0, 5.0
    made = wavelet.amplitudes(
        x[:, None], FPS, np.array([f]), convention="published", dtype=np.float64
    )[:, 0, 0]
    s = (w0 + np.sqrt(2 + w0**2)) / (4 * np.pi * f)
    for t in (300, 777, 1200):
        eta = (np.arange(1500) - t) / FPS / s
        psi = np.pi**-0.25 * np.exp(1j * w0 * eta - 0.5 * eta**2)
        w = ((x - x.mean()) * psi.conj()).sum() / FPS / np.sqrt(s)
        factor = np.pi**-0.25 / np.sqrt(2 * s) * np.exp(0.25 * (w0 - np.sqrt(w0**2 + 2)) ** 2)
        # the transform of psi holds √2π, which the convention leaves out
        assert abs(w) * factor / np.sqrt(2 * np.pi) == pytest.approx(made[t], rel=1e-4)


def test_two_tones_are_told_apart_and_means_do_not_matter():
    x = cosine(2.0, amplitude=1.5) + cosine(12.0, amplitude=0.5) + 1e3
    made = wavelet.amplitudes(x, FPS, np.array([2.0, 5.0, 12.0]), dtype=np.float64)[2000, 0]
    np.testing.assert_allclose(made[[0, 2]], [1.5, 0.5], atol=2e-3)
    # what each leaks: exp(-12.5 (12/5 - 1)²) is nothing, exp(-12.5 (2/5 - 1)²) is 0.011
    assert made[1] == pytest.approx(1.5 * np.exp(-12.5 * 0.36), rel=1e-2)


def test_the_ridge_follows_a_chirp():
    t = np.arange(6000) / FPS
    x = np.cos(2 * np.pi * (2.0 * t + 0.5 * 0.2 * t**2))[:, None]  # 2 to 14 Hz
    at = wavelet.frequencies(1.0, 20.0, 200)
    made = wavelet.amplitudes(x, FPS, at)[:, 0]
    ridge = at[made.argmax(axis=1)]
    np.testing.assert_allclose(ridge[500:-500], (2.0 + 0.2 * t)[500:-500], rtol=0.03)


@pytest.mark.parametrize("fps", [25.0, 50.0, 60.0, 100.0])
@pytest.mark.parametrize("n_frames", [3000, 20001])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blocks_equal_the_whole_transform(fps, n_frames, dtype):
    rng = np.random.default_rng(1)
    x = np.stack([rng.normal(size=n_frames), np.cumsum(rng.normal(size=n_frames))], axis=1)
    at = wavelet.frequencies(0.5, fps / 2, 25)
    whole = wavelet.amplitudes(x, fps, at, method="whole", dtype=np.float64)
    blocks = wavelet.amplitudes(x, fps, at, dtype=dtype)
    assert np.abs(blocks - whole).max() <= 1e-6 * whole.max()


@pytest.mark.parametrize("n_frames", [1, 2, 7, 50])
def test_short_series_pass(n_frames):
    x = np.random.default_rng(0).normal(size=(n_frames, 2))
    made = wavelet.amplitudes(x, FPS, np.array([1.0, 30.0]))
    assert made.shape == (n_frames, 2, 2) and np.isfinite(made).all()


def test_threads_and_company_change_no_bit():
    x = np.random.default_rng(0).normal(size=(3000, 5))
    at = wavelet.frequencies(1.0, 20.0, 7)
    alone = wavelet.amplitudes(x[:, 3:4], FPS, at)
    np.testing.assert_array_equal(wavelet.amplitudes(x, FPS, at, threads=3)[:, 3:4], alone)


def test_amplitudes_are_right_beyond_the_reach_of_the_ends():
    f = 2.0
    made = wavelet.amplitudes(cosine(f), FPS, np.array([f]), dtype=np.float64)[:, 0, 0]
    reach = int(np.ceil(wavelet.reach(f, 5.0) * FPS))
    assert np.sqrt(2) * 5 / (2 * np.pi * f) * FPS <= reach
    # √2 sd from an end a Gaussian window has lost 8 % of its weight
    assert np.abs(made[reach:-reach] - 1).max() < 0.1
    assert made[0] < 0.6


@pytest.mark.parametrize("n_frames", [700, 5003])
@pytest.mark.parametrize("method", ["overlap", "whole"])
def test_pieces_equal_the_whole(n_frames, method):
    rng = np.random.default_rng(2)
    x = np.stack([rng.normal(size=n_frames), np.cumsum(rng.normal(size=n_frames))], axis=1)
    at = wavelet.frequencies(0.7, 48.0, 9)  # the slowest and the fastest are not in blocks
    whole = wavelet.amplitudes(x, FPS, at, method="whole", dtype=np.float64)
    made = wavelet.ready(lambda c: x[:, c], x.shape, FPS, at, method=method)
    cuts = [0, 1, 300, 333, n_frames - 1, n_frames]
    found = [wavelet.piece(made, a, b, threads=2) for a, b in itertools.pairwise(cuts)]
    assert np.abs(np.concatenate(found) - whole).max() <= 1e-6 * whole.max()
    assert wavelet.piece(made, 5, 5).shape == (0, 2, 9)


def test_prepared_series_are_not_much_larger_than_they_were():
    x = np.random.default_rng(0).normal(size=(20_000, 3))
    at = wavelet.frequencies(1.0, 20.0, 25)
    made = wavelet.ready(lambda c: x[:, c], x.shape, FPS, at)
    assert made.half.nbytes + made.turned.nbytes + made.whole.nbytes < 2.2 * x.nbytes
