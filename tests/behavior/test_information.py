"""Mutual information of chains of which it is known, and of recordings of mice."""

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from gambol.behavior import information
from gambol.core import sequences
from gambol.core.errors import InputError
from gambol.simulate.sequences import hierarchical


def chains(recordings, frames, *, syllables=20, dwell=48.0, seed=0):
    """Markov chains of one law, and that law."""
    made = hierarchical(
        recordings, frames, syllables=syllables, states=1, dwell_frames=dwell, random_state=seed
    )
    return made.sequences, made.theta[0]


def known(step, lag):
    """The information of a stationary chain, from the power of its transitions."""
    values, vectors = np.linalg.eig(step.T)
    usage = vectors[:, values.real.argmax()].real
    usage /= usage.sum()
    power = np.linalg.matrix_power(step, lag)
    return float((usage[:, None] * power * np.log(power / (usage @ power))).sum())


def masked(packed, rng, gaps=40, longest=300):
    """The same recordings with gaps, in which nonsense stands."""
    valid, values = packed.valid.copy(), packed.values.copy()
    for start in rng.integers(0, len(valid), gaps * len(packed.names)):
        valid[start : start + rng.integers(1, longest)] = False
    values[~valid] = rng.integers(0, 256, (~valid).sum())
    return packed._replace(values=values, valid=valid)


@pytest.fixture(scope="module")
def mice():
    """Twelve recordings with states, gaps and unequal lengths."""
    frames = [9000 + 700 * r for r in range(12)]
    made = hierarchical(
        12, frames, syllables=12, states=3, dwell_frames=15.0, fps=30.0, state_s=8.0
    )
    return masked(made.sequences, np.random.default_rng(1))


@pytest.mark.parametrize(
    ("frames", "seconds", "excess"),
    [(36_000, 5, 0.2227), (144_000, 1, 0.0547), (432_000, 1, 0.0175), (432_000, 30, 0.0190)],
)
def test_surrogates_take_the_bias_off_and_counting_frames_does_not(frames, seconds, excess):
    """The table of the specification: 21 chains of 20 labels that last 48 frames."""
    size, lag = 20, 120 * seconds
    step = np.full((size, size), 1 / 48 / (size - 1))
    np.fill_diagonal(step, 1 - 1 / 48)
    same = 1 / size + (1 - 1 / size) * (1 - size / (size - 1) / 48) ** lag  # p(label as before)
    truth = same * np.log(size * same)
    truth += (1 - same) * np.log(size * (1 - same) / (size - 1))
    made = hierarchical(21, frames, theta=step[None])
    found = information.curve(made.sequences, np.array([lag]))
    plug_in, corrected = float(found.plug_in[0]), float(found.corrected[0])
    assert plug_in - truth == pytest.approx(excess, rel=0.1)
    miller_madow = plug_in - (size - 1) ** 2 / (2 * (frames - lag))
    assert miller_madow - truth > 0.9 * excess
    assert abs(corrected - truth) < 3 * float(found.corrected_se[0])


def test_beyond_mixing_nothing_is_left():
    packed, step = chains(12, 60_000)
    lags = np.array([20, 40, 80]) * 120
    assert known(step, 20 * 120) < 1e-6
    found = information.curve(packed, lags)
    assert (np.abs(found.corrected) < 3 * found.corrected_se).all()
    assert (found.plug_in > 0.08).all()


def test_simulated_chains_agree_with_the_exact_curve():
    packed, step = chains(10, 300_000, syllables=12)
    found = information.lagged(packed, [0.1, 0.5, 1, 2, 5, 30])
    exact = [known(step, int(lag)) for lag in found.lag_frames]
    np.testing.assert_allclose(found.markov_analytic, exact, rtol=0.05, atol=1e-3)
    apart = np.abs(found.markov_corrected - found.markov_analytic)
    assert (apart < 3 * found.markov_corrected_se + 0.02 * found.markov_analytic).all()
    apart = np.abs(found.corrected - found.markov_corrected)  # the data are Markov
    assert (apart < 3 * np.hypot(found.corrected_se, found.markov_corrected_se)).all()


def test_gaps_change_the_noise_and_not_the_value():
    packed, step = chains(12, 60_000)
    found = information.curve(masked(packed, np.random.default_rng(0)), np.array([60, 4800]))
    truth = np.array([known(step, 60), known(step, 4800)])
    assert (np.abs(found.corrected - truth) < 3 * found.corrected_se + 0.02 * truth).all()
    assert (found.pairs < 12 * (60_000 - np.array([60, 4800]))).all()


def test_a_partners_gaps_count():
    """Half of one recording is missing: no pair may touch that half, in surrogates neither."""
    rng = np.random.default_rng(0)
    two = [rng.integers(0, 4, 4000), rng.integers(0, 4, 4000)]
    two[1][:2000] = -1
    packed = sequences.pack(two, "ab", 30.0)
    nonsense = packed._replace(
        values=np.where(packed.valid, packed.values, 77).astype(np.uint8)
    )
    for one, other in zip(
        information.curve(packed, np.array([1, 900])),
        information.curve(nonsense, np.array([1, 900])),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_one_recording_has_a_curve_but_no_interval():
    packed, step = chains(1, 400_000)
    found = information.lagged(packed, [0.5, 1, 30, 100])
    assert found.corrected[0] == pytest.approx(known(step, 60), rel=0.1)
    assert np.abs(found.corrected[2:]).max() < 0.02
    assert (np.abs(found["real"] - found.corrected) > 0.005).all()  # surrogates do something
    for name in ("lower", "upper", "real_se", "chance_lag_s", "markov_chance_lag_s"):
        assert np.isnan(found[name]).all()
    assert "no interval" in found.attrs["sentences"]


@pytest.mark.parametrize("frames", [3000, 3001, 9000])
def test_one_recording_keeps_its_distance_from_itself(frames):
    packed = sequences.pack([np.arange(frames) % 7], ["a"], 30.0)
    partner, shift = information._partners(packed, 1000, 500, 0)
    assert (partner == 0).all()
    for lag in (0, 1, 500, 1000):
        around = (shift + lag) % frames
        assert np.minimum(around, frames - around).min() >= 1000


def test_partners_are_others_and_different_ones():
    packed = sequences.pack([np.arange(40) % 7] * 9, "abcdefghi", 30.0)
    partner, _ = information._partners(packed, 1, 8, 0)
    for r in range(9):
        assert sorted([*partner[:, r], r]) == list(range(9))


def test_unequal_lengths_and_unseen_labels_stay_finite():
    rng = np.random.default_rng(0)
    recordings = [rng.integers(3, 6, n) for n in (1, 2, 40, 900, 1200)]
    recordings += [np.full(300, 4), np.append(np.full(50, 3), 9), np.full(20, -1)]
    packed = sequences.pack(recordings, "abcdefgh", 30.0, size=30)
    found = information.lagged(packed, [0.1, 1, 10, 30, 100], bootstrap=200)
    assert found.lags_s.values.tolist() == [0.1, 1, 10, 30]
    for name in (
        "real",
        "markov",
        "surrogate",
        "corrected",
        "markov_analytic",
        "lower",
        "each",
    ):
        assert np.isfinite(found[name]).all(), name
    told = found.attrs["sentences"]
    assert "Lags from 100 s on are left out" in told
    assert "without any label are left out: h" in told


def test_chains_have_the_length_gaps_start_and_labels_of_their_recording(mice):
    made = information.markov_chains(mice)
    np.testing.assert_array_equal(made.valid, mice.valid)
    for r in range(len(mice.names)):
        values, valid = sequences.recording(mice, r)
        drawn, _ = sequences.recording(made, r)
        first = valid.argmax()
        assert drawn[first] == values[first]
        assert set(drawn[valid]) <= set(values[valid])
        assert (drawn[valid] != values[valid]).any()


def test_order_threads_and_names_of_the_work_change_no_bit(mice):
    expected = information.lagged(mice, [0.5, 2, 9], threads=1)
    shuffled = sequences.select(mice, np.random.default_rng(0).permutation(mice.names))
    for packed, threads in ((mice, 2), (mice, 4), (shuffled, 3)):
        assert expected.identical(information.lagged(packed, [0.5, 2, 9], threads=threads))
    other = information.lagged(mice, [0.5, 2, 9], random_state=1)
    assert (other.surrogate != expected.surrogate).all()
    assert (other["real"] == expected["real"]).all()


def test_states_are_remembered_longer_than_markov_chains_remember(mice):
    found = information.lagged(mice, np.geomspace(0.1, 100, 20))
    assert found.chance_lag_s > 2 * found.markov_chance_lag_s
    assert found.half_life_s > found.markov_half_life_s
    assert "States should last between" in found.attrs["sentences"]
    assert (found.lower <= found.corrected).all() and (found.corrected <= found.upper).all()
    assert (found.each.mean("recording") < found.corrected + 0.05).all()
    assert found.each.dims == ("lag", "recording")


def test_bits_are_nats_in_other_words(mice):
    nats, bits = (information.lagged(mice, [1, 3], units=u) for u in ("nats", "bits"))
    for name in (
        "real",
        "corrected",
        "upper",
        "markov_analytic",
        "markov_surrogate_se",
        "each",
    ):
        np.testing.assert_allclose(bits[name], nats[name] / np.log(2))
    assert (bits.pairs == nats.pairs).all()
    assert bits.chance_lag_s.identical(nats.chance_lag_s)


def test_lags_are_whole_frames_and_come_once(mice):
    found = information.lagged(mice, [0.001, 0.03, 0.034, 1.01], bootstrap=0)
    assert found.lag_frames.values.tolist() == [1, 30]
    assert np.isnan(found.lower).all()
    assert "No recordings were resampled" in found.attrs["sentences"]


def test_the_interval_holds_the_truth_as_often_as_it_says():
    inside = []
    for seed in range(40):
        packed, step = chains(10, 6000, syllables=5, dwell=10.0, seed=seed)
        found = information.curve(packed, np.array([20]), random_state=seed, threads=1)
        inside.append(found.lower[0] <= known(step, 20) <= found.upper[0])
    assert np.mean(inside) > 0.8


def test_two_sequences_that_say_the_same_tell_everything(mice):
    found = information.mutual_information(mice, mice)
    assert found.normalised == pytest.approx(1, abs=0.08)
    assert found.plug_in > 1 and found.lower < found.corrected < found.upper


def test_two_sequences_without_relation_tell_nothing():
    a, _ = chains(8, 30_000, seed=0)
    b, _ = chains(8, 30_000, syllables=9, seed=2)
    for within in (False, True):
        found = information.mutual_information(a, b, within=within, surrogates=16)
        assert found.lower <= 0 <= found.upper
        assert found.plug_in > 0.02


def test_plug_in_and_normalisation_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 4, 50_000)  # independent frames: next to no bias
    b = np.where(rng.random(50_000) < 0.6, a, rng.integers(0, 6, 50_000))
    one, other = (sequences.pack([x], ["r"], 30.0) for x in (a, b))
    found = information.mutual_information(one, other, units="bits")
    expected = normalized_mutual_info_score(a, b)
    assert found.normalised == pytest.approx(expected, abs=1e-3)
    assert np.isnan(found.lower)
    assert found.units == "bits"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s: information.lagged(s, [0]), "seconds above 0"),
        (lambda s: information.lagged(s, []), "seconds above 0"),
        (lambda s: information.lagged(s, [1e6]), "smaller lags"),
        (lambda s: information.lagged(s, [1], units="hartley"), "nats, bits"),
        (lambda s: information.lagged(s, [1], surrogates=0), "1 or more"),
        (lambda s: information.lagged(s, [1], threads=0), "1 or more"),
        (
            lambda s: information.lagged(s._replace(valid=np.zeros_like(s.valid)), [1]),
            "no recording has a frame with a label",
        ),
        (
            lambda s: information.curve(sequences.select(s, s.names[:1]), np.array([5000])),
            "three times the largest lag",
        ),
        (
            lambda s: information.mutual_information(s, sequences.select(s, s.names[1:])),
            "only in one of the two",
        ),
    ],
)
def test_impossible_questions_are_refused_in_words(mice, call, words):
    with pytest.raises(InputError, match=words):
        call(mice)


def rearing(folder):
    """Clusters of 79 recordings; the files count from 1 and say NA where there is none."""
    files = sorted((folder / "mouse_rearing" / "syllables").glob("*.csv"))
    if not files:
        pytest.skip(f"no mouse_rearing in {folder}")
    labels = []
    for file in files:
        lines = file.read_text(encoding="utf-8").splitlines()[1:]
        words = [line.split(";")[1].strip('"') for line in lines]
        labels.append(np.array([-1 if word == "NA" else int(word) - 1 for word in words]))
    return sequences.pack(labels, [file.stem for file in files], 25.0)


def test_mice_remember_for_seconds(data):
    """The numbers of 79 recordings in the specification."""
    packed = rearing(data)
    found = information.lagged(packed, [1, 5, 20, 60, 150])
    plug_in = [0.773, 0.281, 0.255, 0.263, 0.307]
    np.testing.assert_allclose(found["real"], plug_in, atol=6e-4)
    corrected = np.array([0.529, 0.035, 0.005, -0.002, -0.003])
    error = np.array([0.007, 0.004, 0.003, 0.003, 0.003])
    assert (np.abs(found.corrected - corrected) < 3 * error).all()
    np.testing.assert_allclose(found.corrected_se, error, atol=1.5e-3)
    first = sequences.select(packed, packed.names[:20])
    analytic = information.lagged(first, [1, 5, 20, 60, 150], bootstrap=0).markov_analytic
    np.testing.assert_allclose(analytic, [0.325, 0.004, 0.001, 0.001, 0.000], atol=6e-4)
    told = information.lagged(packed).attrs["sentences"]
    assert "Little structure lasts beyond 4.3 s" in told
    assert "that is bias alone" in told
