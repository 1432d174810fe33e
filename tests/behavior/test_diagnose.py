import numpy as np
import pytest

from gambol.behavior import diagnose


def test_a_climb_is_no_plateau_and_noise_is_one():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=100)
    assert not diagnose.plateau(np.arange(100) + noise).reached
    inside = [diagnose.plateau(rng.normal(size=20)).reached for _ in range(400)]
    assert 0.90 < np.mean(inside) < 0.97  # two standard errors with 18 degrees of freedom
    assert not diagnose.plateau(np.zeros(3)).reached  # too few to say


def test_slope_and_error_are_those_of_a_regression():
    from scipy.stats import linregress

    y = np.random.default_rng(1).normal(size=20)
    told, plain = diagnose.plateau(y), linregress(np.arange(20), y)
    assert (told.slope, told.error) == pytest.approx((plain.slope, plain.stderr))


def test_rhat_tells_chains_apart_that_lie_apart():
    rng = np.random.default_rng(2)
    same = [rng.normal(size=400) for _ in range(4)]
    assert diagnose.split_rhat(same) == pytest.approx(1, abs=0.03)
    assert diagnose.split_rhat([*same[:3], same[3] + 5]) > 1.5
    drifting = [chain + np.linspace(0, 8, 400) for chain in same]
    assert diagnose.split_rhat(drifting) > 1.3  # a slope that all share is seen too
    assert np.isnan(diagnose.split_rhat(same[:1]))


def test_usage_below_two_per_cent_is_no_state():
    states = np.repeat([0, 1, 2], [97, 2, 1])
    shares = diagnose.shares(states, 4)
    assert shares.tolist() == [0.97, 0.02, 0.01, 0.0]
    assert diagnose.effective_states(shares) == 2
