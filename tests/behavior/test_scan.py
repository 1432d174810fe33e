import numpy as np
import pandas as pd
import pytest

from gambol.behavior import scan
from gambol.behavior.state_settings import StateSettings
from gambol.behavior.states import StateModel
from gambol.core.errors import InputError
from gambol.core.sequences import pack, select
from gambol.simulate import sequences as simulated


def table(*rows):
    """Fits of (trans_kappa, n_states, random_state, log_probability, median_s, converged)."""
    names = [
        "trans_kappa", "n_states", "random_state", "log_probability", "median_s", "converged"
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=names).assign(held_out=np.nan)


def sticky(medians, peak=1):
    """Three values of kappa, of three seeds each."""
    rows = []
    for k, seconds in enumerate(medians):
        for seed in range(3):
            height = -100.0 - 10 * abs(k - peak) - seed
            rows.append((10.0 ** (k + 2), 5, seed, height, seconds + seed / 10, True))
    return table(*rows)


def test_the_peak_is_chosen_where_states_last_as_memory_says():
    found = scan.choose_kappa(sticky([1.0, 4.0, 16.0]), 3.0, 10.0)
    assert found.value == 1000.0 and "within 3 to 10 s" in found.why


def test_else_the_nearest_value_whose_states_do():
    found = scan.choose_kappa(sticky([4.0, 1.0, 16.0]), 3.0, 10.0)
    assert found.value == 100.0 and "nearest value inside is 100" in found.why
    found = scan.choose_kappa(sticky([5.0, 6.0, 1.0], peak=2), 3.0, 10.0)
    assert found.value == 1000.0  # of two inside, the nearer to the peak


def test_without_a_range_or_a_value_inside_the_peak_stands_and_this_is_said():
    assert "no range of times" in scan.choose_kappa(sticky([1, 4, 9]), np.nan, 10.0).why
    assert "no range of times" in scan.choose_kappa(sticky([1, 4, 9]), 11.0, 10.0).why
    found = scan.choose_kappa(sticky([1.0, 4.0, 16.0]), 5.0, 10.0)
    assert found.value == 1000.0 and "no other value lies inside" in found.why
    found = scan.choose_kappa(sticky([np.nan] * 3), 5.0, 10.0)
    assert found.value == 1000.0 and "no state was seen to end" in found.why


def test_the_held_out_score_is_a_second_opinion():
    fits = sticky([1.0, 4.0, 16.0])
    fits["held_out"] = -fits["trans_kappa"]
    found = scan.choose_kappa(fits, 3.0, 10.0)
    assert found.value == 1000.0 and "the held-out score peaks at 100" in found.why


def alike(value, seeds=3):
    return np.where(np.eye(seeds) > 0, 1.0, value)


def test_the_number_of_states_is_where_seeds_agree():
    found = scan.choose_states({3: alike(0.7), 5: alike(0.9), 8: alike(0.4)})
    assert found.value == 5 and "3: 0.70, 5: 0.90, 8: 0.40" in found.why
    assert scan.choose_states({3: alike(0.7), 5: alike(0.7)}).value == 3


def test_one_state_agrees_with_itself_which_says_nothing():
    assert scan.choose_states({1: alike(1.0), 3: alike(0.5)}).value == 3
    assert scan.choose_states({1: alike(1.0)}).value == 1


def test_one_seed_tells_nothing_of_agreement():
    found = scan.choose_states({3: np.eye(1), 5: np.eye(1)})
    assert found.value is None and "one seed" in found.why


def test_the_most_probable_fit_that_converged_is_chosen_and_the_medoid_named():
    fits = table(
        (1e3, 5, 0, -90.0, 4.0, False), (1e3, 5, 1, -100.0, 4.0, True),
        (1e3, 5, 2, -110.0, 4.0, True),
    ).set_index(np.array([7, 8, 9]))  # fmt: skip
    found = scan.choose_run(fits)
    assert found.value == 8 and found.why == "the most probable fit that converged"
    near = np.array([[1.0, 0.2, 0.9], [0.2, 1.0, 0.8], [0.9, 0.8, 1.0]])
    assert "is seed 2" in scan.choose_run(fits, near).why
    none = scan.choose_run(fits.assign(converged=False))
    assert none.value == 7 and "none converged" in none.why


def test_a_grid_has_every_combination_once():
    made = scan.grid(StateSettings(iterations=7), [1.0, 2.0], [3, 4], range(5))
    assert len({settings.fingerprint() for settings in made}) == 20
    assert {settings.iterations for settings in made} == {7}
    with pytest.raises(InputError, match="the scan has no fits"):
        scan.grid(StateSettings(), [], [3], [0])


def test_recordings_are_held_out_by_name_and_not_by_order():
    whole = pack([np.arange(3)] * 10, [f"r{k}" for k in range(10)], 25.0)
    made = scan.halves(whole, 0.3, seed=1)
    assert len(made.held_out.names) == 3
    assert not set(made.held_out.names) & set(made.fit.names)
    turned = scan.halves(select(whole, whole.names[::-1]), 0.3, seed=1)
    assert set(turned.held_out.names) == set(made.held_out.names)
    assert set(scan.halves(whole, 0.3, seed=2).held_out.names) != set(made.held_out.names)
    assert scan.halves(whole, 0.0).held_out is None
    assert scan.halves(select(whole, whole.names[:4]), 0.3).held_out is None  # too few


def test_a_scan_in_memory_finds_the_planted_stickiness_and_number_of_states():
    world = simulated.hierarchical(
        6, 2500, syllables=9, states=3, dwell_frames=10, state_s=8, fps=20, random_state=2
    )
    fits, models = scan.scan(
        StateModel(init_window_s=3.0, keep_every=2), world.sequences, iterations=15,
        trans_kappa=[5.0, 500.0], n_states=[3, 5], random_state=range(2), held_out=0.34,
    )  # fmt: skip
    assert tuple(fits.columns) == scan.COLUMNS and len(models) == len(fits) == 8
    assert np.isfinite(fits["held_out"]).all()
    kappa = scan.choose_kappa(fits, 2.0, 30.0)
    assert kappa.value == 500.0
    own = scan.halves(world.sequences, 0.34).fit
    labels = [scan.states_of(model, own) for model in models]
    near = scan.agreement_by_states(fits, labels, kappa.value)
    assert set(near) == {3, 5} and near[3].shape == (2, 2)
    assert scan.choose_states(near).value == 3
