import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gambol.behavior.group_repeats import repeated_test
from gambol.core.errors import InputError


def design(animals, conditions, split):
    """A row a recording of every animal in every condition."""
    rows = [(f"r{a}.{c}", f"m{a}", c, "u" if a < split else "v")
            for a in range(animals) for c in conditions]  # fmt: skip
    return pd.DataFrame(rows, columns=["recording", "animal", "dose", "genotype"])


def test_null_data_reject_at_their_level_between_within_and_in_interaction():
    rng = np.random.default_rng(0)
    table = design(9, "xyz", 4)
    own = rng.normal(0, 1, (9, 1, 1000))  # animals differ
    main = np.arange(3)[None, :, None] * (np.arange(1000) % 2)  # and so do some conditions
    values = (own + rng.normal(size=(9, 3, 1000)) + main).reshape(27, 1000)
    values = pd.DataFrame(values, index=table["recording"])
    found = repeated_test(values, table, "dose", "genotype", permutations=499).table
    p = found["p"].unstack()
    assert 0.03 <= (p["between"] <= 0.05).mean() <= 0.07
    assert 0.03 <= (p["interaction"] <= 0.05).mean() <= 0.07
    null = np.arange(1000) % 2 == 0
    assert 0.03 <= (p["within"][null] <= 0.05).mean() <= 0.07
    assert (p["within"][~null] <= 0.05).mean() > 0.5
    assert (found["p"] > 0).all()


def test_a_planted_interaction_is_found_and_main_effects_do_not_make_one():
    rng = np.random.default_rng(1)
    table = design(16, "xy", 8)
    group, dose = np.arange(16)[:, None] >= 8, np.arange(2)[None]
    noise = rng.normal(0, 0.5, (16, 2, 2))
    values = noise + np.stack([2.0 * group * dose, 2.0 * group + 2.0 * dose], axis=2)
    values = pd.DataFrame(values.reshape(32, 2), index=table["recording"])
    p = repeated_test(values, table, "dose", "genotype", permutations=999).table["p"].unstack()
    assert p["interaction"][0] <= 0.01 < 0.05 < p["interaction"][1]
    assert p["between"][1] <= 0.01 and p["within"][1] <= 0.01


def test_the_statistic_within_animals_is_friedmans_and_sessions_are_averaged():
    rng = np.random.default_rng(2)
    table = design(6, "xyz", 6)
    values = rng.integers(4, size=(18, 5)).astype(float)
    twice = pd.concat([table, table.assign(recording=table["recording"] + "b")])
    both = np.vstack([values + 0.25, values - 0.25])
    frame = pd.DataFrame(both, index=twice["recording"])
    found = repeated_test(frame, twice, "dose", permutations=50).table.xs("within", level=1)
    for s in range(5):
        parts = values.reshape(6, 3, 5)[:, :, s].T
        assert found["statistic"].iloc[s] == pytest.approx(
            stats.friedmanchisquare(*parts).statistic
        )


def test_animals_that_lack_a_condition_are_left_out_and_named():
    table = design(5, "xy", 2)
    values = pd.DataFrame({"s": np.arange(10.0)}, index=table["recording"])
    found = repeated_test(values[1:], table, "dose", "genotype")
    assert found.left_out == ("m0",) and found.animals == 4
    with pytest.raises(InputError, match="fewer than two animals"):
        repeated_test(values[:3], table, "dose")
    with pytest.raises(InputError, match="that is a condition"):
        repeated_test(values, table.assign(genotype=table["dose"]), "dose", "genotype")
