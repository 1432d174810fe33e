import numpy as np

from gambol.core.sequences import pack
from gambol.viz import onsets


def example():
    """State 1 begins at frames 10 and 30 of a; once after a gap, and once at the start of b."""
    a = np.zeros(60, int)
    a[10:20] = a[30:40] = 1
    a[49] = -1
    a[50:] = 1
    b = np.zeros(60, int)
    b[:5] = 1
    return pack([a, b], ["a", "b"], 10.0)


def test_onsets_after_a_gap_or_at_the_start_do_not_count():
    found = onsets.signal(example(), np.zeros(120), 1, "nothing", before_s=1, after_s=1)
    assert found.onsets == 2
    assert np.isfinite(found.each[0]).all() and np.isnan(found.each[1]).all()


def test_a_signal_is_averaged_over_the_onsets_of_a_recording():
    values = np.arange(120.0)
    found = onsets.signal(example(), values, 1, "frame", before_s=0.5, after_s=0.5)
    lags = (10 * found.lag_s).round().astype(int)
    assert lags.tolist() == list(range(-5, 6))
    assert np.allclose(found.each[0, 0], 20 + lags)  # the mean of 10 and 30


def test_values_that_are_not_known_do_not_count():
    values = np.arange(120.0)
    values[10] = np.nan
    found = onsets.signal(example(), values, 1, "frame", before_s=0.0, after_s=0.3)
    assert found.each[0, 0].tolist() == [30.0, 21.0, 22.0, 23.0]


def test_the_labels_that_rise_most_are_shown_with_their_shares():
    states = example()
    own = [np.where(x == 1, 2, np.arange(60) % 2) for x in np.split(states.values, 2)]
    syllables = pack(own, ["a", "b"], 10.0)
    found = onsets.shares(states, syllables, 1, before_s=1, after_s=0.9, top=1)
    assert found.names == ("syllable 2",)
    before = found.lag_s < -1e-9
    assert (found.each[0, 0, before] == 0).all() and (found.each[0, 0, ~before] == 1).all()


def test_long_windows_are_binned_and_one_bin_begins_at_the_onset():
    found = onsets.signal(
        example()._replace(fps=120.0), np.zeros(120), 1, "nothing", before_s=5, after_s=10
    )
    assert len(found.lag_s) <= 110
    width = np.diff(found.lag_s)[0]
    assert np.isclose(width, 18 / 120)  # 1,800 frames in a hundred bins
    assert np.isclose(found.lag_s[found.lag_s > 0][0], (18 - 1) / 2 / 120)
