"""Spectrograms show planted movements at their part and frequency; masks and shares."""

import itertools

import numpy as np
import pytest

from gambol.behavior import wavelets
from gambol.behavior.align import AlignSettings, align
from gambol.behavior.wavelets import Spectrogram, Wavelets
from gambol.core.errors import InputError
from gambol.core.tracks import tracks
from gambol.kernels import wavelet
from gambol.simulate import behaviors, faults
from gambol.simulate.faults import Faults


def swing(n_frames=2000, fps=50.0, f=4.0):
    times = np.arange(n_frames) / fps
    return np.cos(2 * np.pi * f * times)[:, None], times


def test_each_planted_movement_is_loudest_at_its_part_and_frequency():
    rng = np.random.default_rng(0)
    made = behaviors.perform(rng, 12000, bout_s=3.0)
    seen = faults.track(rng, made, Faults(absent=0.0, outlier=0.0, spike=0.0))
    settings = AlignSettings(anterior=("chest",), posterior=("hips",), body=("back", "hips"))
    aligned = align(tracks(seen.poses, "a")[0], settings)
    found = wavelets.of_poses(aligned)
    rest = np.nanmedian(found.amplitude[made.label == 0], axis=0)
    tips = {"sweep": "nose", "wag": "tail_tip", "wave": "left_forepaw"}
    tips["scratch"] = "right_hindpaw"
    for number, movement in enumerate(behaviors.MOUSE):
        if movement.part:
            here = np.nanmedian(found.amplitude[made.label == number], axis=0) - rest
            part, f = np.unravel_index(here.argmax(), here.shape)
            assert found.parts[part] == tips[movement.name]
            assert found.frequencies[f] == pytest.approx(movement.hertz, rel=0.07)


def test_frames_near_the_ends_are_masked_by_frequency():
    x, times = swing()
    made = wavelets.spectrogram(x, times, 50.0, ["x"])
    for f, reach in enumerate(np.sqrt(2) * 5 / (2 * np.pi * made.frequencies)):
        masked = np.isnan(made.amplitude[:, 0, f])
        near = np.minimum(times - times[0], times[-1] - times) < reach - 1e-9
        np.testing.assert_array_equal(masked, near)


def test_long_gaps_are_masked_and_short_ones_are_not():
    x, times = swing()
    x[500:505], x[1000:1050] = np.nan, np.nan
    made = wavelets.spectrogram(x, times, 50.0, ["x"], Wavelets(f_min=2.0, f_max=10.0, n=5))
    reach = wavelet.reach(made.frequencies, 5.0)
    for f in range(5):
        inner = np.isnan(made.amplitude[100:-100, 0, f])
        near = (times > times[999] - reach[f] + 1e-9) & (times < times[1050] + reach[f] - 1e-9)
        np.testing.assert_array_equal(inner, near[100:-100])
    assert np.isnan(made.amplitude[1000:1050]).all()
    quiet = np.full((200, 1), np.nan)
    empty = wavelets.spectrogram(quiet, times[:200], 50.0, ["x"])
    assert np.isnan(empty.amplitude).all()


def test_an_uneven_clock_is_read_off_on_an_even_one():
    x, times = swing(2000, 50.0, 3.0)
    keep = np.delete(np.arange(2000), np.random.default_rng(0).choice(1800, 100) + 100)
    whole = wavelets.spectrogram(x, times, 50.0, ["x"]).amplitude[keep]
    holed = wavelets.spectrogram(x[keep], times[keep], 50.0, ["x"])
    assert holed.amplitude.shape == whole.shape
    np.testing.assert_allclose(holed.amplitude[300:-300], whole[300:-300], atol=0.05)


def test_axes_of_a_keypoint_are_joined_as_a_vector():
    rng = np.random.default_rng(0)
    spectra = Spectrogram(rng.random((7, 4, 3)), np.arange(1.0, 4.0), ("a", "b", "a", "b"))
    joined = wavelets.by_part(spectra)
    assert joined.parts == ("a", "b")
    np.testing.assert_allclose(
        joined.amplitude[:, 1], np.hypot(spectra.amplitude[:, 1], spectra.amplitude[:, 3])
    )
    assert wavelets.by_part(joined) is joined


def test_shares_are_the_formula():
    amplitude = np.random.default_rng(0).random((50, 3, 4))
    amplitude[7, 0, 0] = np.nan
    found = wavelets.shares(Spectrogram(amplitude, np.ones(4), ("a", "b", "c")))
    total = amplitude.sum(axis=(1, 2))
    epsilon = 1e-9 * np.median(np.delete(total, 7))
    expected = (amplitude + epsilon) / (amplitude + epsilon).sum(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(found.p, expected.reshape(50, -1), rtol=1e-12)
    assert not found.known[7] and found.known.sum() == 49
    np.testing.assert_allclose(found.p[found.known].sum(axis=1), 1.0)


def test_still_frames_are_found_only_where_there_are_two_modes():
    rng = np.random.default_rng(0)
    moves = rng.random(20_000) < 0.7
    total = 10 ** (np.where(moves, 2.0, 0.5) + 0.2 * rng.normal(size=20_000))
    total[:5] = np.nan
    found = wavelets.still(total)
    assert found.bimodal and 0.9 < found.threshold < 1.6
    assert (found.label[5:] == ~moves[5:]).mean() > 0.99 and not found.label[:5].any()
    one = wavelets.still(total[moves])
    assert not one.bimodal and not one.label.any()
    assert one.counts.sum() == np.isfinite(total[moves]).sum()


def test_the_default_range_follows_the_frame_rate():
    at = wavelets.frequencies(Wavelets(), 30.0)
    assert (at[0], at[-1]) == (pytest.approx(1.0), pytest.approx(12.0))
    np.testing.assert_allclose(np.diff(np.log(at)), np.log(12.0) / 24)
    assert wavelets.frequencies(Wavelets(), 100.0)[-1] == pytest.approx(20.0)


def test_a_frequency_that_frames_cannot_show_is_refused():
    x, times = swing()
    with pytest.raises(
        InputError, match=r"f_max is 30 Hz, but 50 frames a second show at most"
    ):
        wavelets.spectrogram(x, times, 50.0, ["x"], Wavelets(f_max=30.0))
    with pytest.raises(InputError, match="f_min is 9 Hz, above f_max 8 Hz"):
        wavelets.spectrogram(x, times, 50.0, ["x"], Wavelets(f_min=9.0, f_max=8.0))


@pytest.mark.parametrize("n_frames", [0, 1, 5])
def test_short_recordings_pass(n_frames):
    x, times = swing(n_frames)
    made = wavelets.spectrogram(x, times, 50.0, ["x"])
    assert made.amplitude.shape == (n_frames, 1, 25) and np.isnan(made.amplitude).all()


@pytest.mark.parametrize("uneven", [False, True])
def test_pieces_of_a_recording_are_those_of_the_whole(uneven):
    rng = np.random.default_rng(4)
    times = np.arange(3000) / 50.0
    if uneven:  # a pause of 40 s, and lost frames
        times = np.delete(times + 40.0 * (times > 30), rng.choice(3000, 200, replace=False))
    x = rng.normal(size=(len(times), 2)).cumsum(axis=0)
    x[700:760, 0] = np.nan
    x[1490:1500, 1] = np.nan
    whole = wavelets.spectrogram(x, times, 50.0, ["a", "b"], Wavelets(method="whole"))
    made = wavelets.stream(x, times, 50.0, ["a", "b"])
    cuts = [0, 400, 720, 1495, 1501, 3000]
    found = np.concatenate(
        [wavelets.piece(made, a, b).amplitude for a, b in itertools.pairwise(cuts)]
    )
    np.testing.assert_array_equal(np.isnan(found), np.isnan(whole.amplitude))
    assert np.isnan(found).any() and np.isfinite(found).any()
    assert np.nanmax(np.abs(found - whole.amplitude)) <= 1e-6 * np.nanmax(whole.amplitude)


def test_what_stands_still_has_no_amplitude():
    x = np.full((500, 1), 12.3) + 1e-14 * np.random.default_rng(0).normal(size=(500, 1))
    made = wavelets.spectrogram(x, np.arange(500) / 50.0, 50.0, ["x"])
    assert np.nanmax(made.amplitude) == 0.0  # and not its rounding
