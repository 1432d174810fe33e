"""Ends of curves that are drawn by hand, and what is said of them."""

import numpy as np
import pytest
import xarray as xr

from gambol.behavior import timescales

SECONDS = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
NOTHING = np.zeros(0)


def curves(real_lower, markov_lower, corrected=None, bias=None, recordings=5):
    corrected = (
        np.maximum(real_lower, 0) + 0.01 if corrected is None else np.array(corrected, float)
    )
    bias = np.full(6, 0.2) if bias is None else np.array(bias, float)
    data = {
        "real": corrected + bias, "corrected": corrected, "lower": np.array(real_lower, float),
        "markov_lower": np.array(markov_lower, float),
    }  # fmt: skip
    ends = {
        "chance_lag_s": timescales.chance_lag(SECONDS, data["lower"]),
        "markov_chance_lag_s": timescales.chance_lag(SECONDS, data["markov_lower"]),
        "half_life_s": timescales.half_life(SECONDS, corrected),
    }
    along = {name: ("lag", values) for name, values in data.items()}
    scalars = {name: ((), value) for name, value in ends.items()}
    attrs = {"recordings": recordings, "surrogates": 8, "units": "nats"}
    return xr.Dataset({**along, **scalars}, {"lags_s": ("lag", SECONDS)}, attrs)


def told(*args, left_out=NOTHING, empty=(), **more):
    return " ".join(timescales.sentences(curves(*args, **more), left_out, list(empty)))


def test_chance_begins_where_the_lower_bound_is_not_above_zero():
    lower = np.array([1, 0.5, 0.0, 0.2, -0.1, 0.1])
    assert timescales.chance_lag(SECONDS, lower) == 2
    assert np.isnan(timescales.chance_lag(SECONDS, lower + 1))
    assert np.isnan(timescales.chance_lag(SECONDS, np.full(6, np.nan)))


def test_an_exponential_has_its_half_life():
    seconds = np.geomspace(1, 100, 200)
    half = timescales.half_life(seconds, 3 * 0.5 ** ((seconds - 1) / 7))
    assert half == pytest.approx(8, rel=1e-3)


def test_half_of_nothing_takes_no_time():
    assert np.isnan(timescales.half_life(SECONDS, np.array([1, -1, 0, 0, 0, 0.0])))
    assert np.isnan(timescales.half_life(SECONDS, np.ones(6)))
    assert np.isnan(timescales.little_left(SECONDS, -np.ones(6)))


def test_little_is_left_below_a_tenth():
    assert timescales.little_left(SECONDS, np.array([0, 1, 0.5, 0.1, 0.09, 0.2])) == 8


def test_states_last_between_the_two_chance_lags():
    text = told([1, 1, 1, 1, 1, -1], [1, 1, -1, -1, -1, -1])
    assert "The recordings reach chance at 16 s." in text
    assert "Markov chains of the same transitions reach chance at 2 s." in text
    assert "States should last between 2 s and 16 s." in text


def test_a_memory_longer_than_the_lags_is_told_as_such():
    text = told([1, 1, 1, 1, 1, 1], [1, 1, -1, -1, -1, -1])
    assert "The recordings reach no chance by 16 s." in text
    assert "between 2 s and more than 16 s" in text
    assert "States should" not in told([1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1])


def test_recordings_like_their_chains_show_no_states():
    text = told([1, 1, -1, -1, -1, -1], [1, 1, -1, -1, -1, -1])
    assert "no sign of states" in text
    assert "States should" not in text


def test_one_recording_has_no_chance_lag_and_this_is_said():
    text = told(np.full(6, np.nan), np.full(6, np.nan), np.ones(6), recordings=1)
    assert "one recording only, so there is no interval and no chance lag" in text
    assert "1 recording, lags" in text


def test_a_rise_that_surrogates_share_is_bias():
    corrected, bias = [1, 1, 0.1, 0.01, 0.0, 0.0], [0.2, 0.2, 0.2, 0.2, 0.21, 0.3]
    text = told([1, 1, 1, -1, -1, -1], [1] * 6, corrected=corrected, bias=bias)
    assert "rises from 0.210 at 8 s to 0.300 at 16 s; that is bias alone" in text
    rising = [1, 1, 0.1, 0.01, 0.0, 0.2]
    assert "bias alone" not in told([1] * 6, [1] * 6, corrected=rising, bias=bias)
    assert "bias alone" not in told([1] * 6, [1] * 6, corrected=corrected)


def test_what_was_left_out_is_named():
    text = told([1] * 6, [1] * 6, left_out=np.array([250.0, 300.0]), empty=["m7", "m9"])
    assert "Lags from 250 s on are left out: recordings are too short." in text
    assert "Recordings without any label are left out: m7, m9." in text
