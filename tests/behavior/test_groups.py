import time

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gambol.behavior import ethogram, group_values, groups
from gambol.core.errors import InputError
from gambol.core.sequences import pack


def told(names, animals, levels):
    return pd.DataFrame({"recording": names, "animal": animals, "genotype": levels})


def simulated(rng, levels, sessions, *, frames=300, shift=0.0, spread=0.5, size=3):
    """Sticky chains; animals differ, the first label is used more in the second group."""
    made, rows = [], []
    for a, level in enumerate(levels):
        logit = rng.normal(0, spread, size)
        logit[0] += shift * (level == "ko")
        p = np.exp(logit) / np.exp(logit).sum()
        for s in range(sessions):
            changes = rng.random(frames) < 0.1
            changes[0] = True
            drawn = rng.choice(size, p=p, size=frames)
            made.append(drawn[np.maximum.accumulate(np.where(changes, np.arange(frames), 0))])
            rows.append((f"r{a}.{s}", f"m{a}", level))
    return pack(made, [row[0] for row in rows], 25.0, size), told(*zip(*rows, strict=True))


def test_null_data_reject_at_their_level_with_correlated_frames_and_repeated_sessions():
    """Also with groups of unequal size; a test of frames rejects nearly always."""
    rng = np.random.default_rng(0)
    levels = ["wt"] * 5 + ["ko"] * 9
    animals = told(
        [f"r{a}.{s}" for a in range(14) for s in range(2)],
        [f"m{a}" for a in range(14) for _ in range(2)],
        [level for level in levels for _ in range(2)],
    )
    columns, naive = [], 0
    for _ in range(1000):
        p = 1 / (1 + np.exp(-rng.normal(0, 0.5, 14)))
        # frames of two sessions of an animal: runs of ten frames with its own share
        seen = rng.binomial(60, np.repeat(p, 2)) / 60
        columns.append(seen)
        mean = [seen[np.repeat(levels, 2) == g].mean() for g in ("wt", "ko")]
        pooled = seen.mean()
        n = np.array([10, 18]) * 600
        z = (mean[0] - mean[1]) / np.sqrt(pooled * (1 - pooled) * (1 / n).sum())
        naive += abs(z) > 1.96
    values = pd.DataFrame(np.array(columns).T, index=animals["recording"])
    found = groups.value_test(values, animals, "genotype", permutations=999, resamples=0)
    p = found.table["p"].to_numpy()
    assert not found.exact and (p > 0).all()
    assert 0.03 <= (p <= 0.05).mean() <= 0.07
    assert naive / 1000 > 0.5


def test_a_planted_effect_is_found_and_pairs_say_between_whom():
    rng = np.random.default_rng(1)
    seq, animals = simulated(rng, ["wt"] * 8 + ["ko"] * 8, 2, shift=2.5, spread=0.3)
    found = groups.usage_test(seq, animals, "genotype", permutations=2000)
    assert found.table.loc["0", "significant"]
    pair = found.pairs.loc["0"]
    assert (pair["group"], pair["other"]) == ("ko", "wt")
    assert pair["delta"] > 0.8 and pair["delta_low"] > 0.3 and pair["delta_high"] <= 1
    assert pair["ratio_low"] > 1
    assert found.animals == {"ko": 8, "wt": 8}
    assert "different: 0" in str(found)


def test_h_and_z_are_those_of_scipy_and_of_hand_on_the_means_of_animals():
    rng = np.random.default_rng(2)
    animals = told([f"r{i}" for i in range(20)], [f"m{i // 2}" for i in range(20)],
                   np.repeat(["a", "b", "c"], [6, 6, 8]))  # fmt: skip
    values = pd.DataFrame(rng.normal(size=(20, 2)), index=animals["recording"])
    values.iloc[14:, 0] += 9  # three of four animals of c
    found = groups.value_test(values, animals, "genotype", permutations=500, alpha=1.0)
    mean = values.to_numpy().reshape(10, 2, 2).mean(axis=1)
    parts = [mean[:3], mean[3:6], mean[6:]]
    for s in range(2):
        h = stats.kruskal(*(part[:, s] for part in parts)).statistic
        assert found.table["H"].iloc[s] == pytest.approx(h)
    rank = stats.rankdata(mean[:, 0])
    z = (rank[:3].mean() - rank[6:].mean()) / np.sqrt(10 * 11 / 12 * (1 / 3 + 1 / 4))
    pairs = found.pairs[(found.pairs["group"] == "a") & (found.pairs["other"] == "c")]
    assert pairs["z"].iloc[0] == pytest.approx(z)
    won = np.sign(parts[0][:, None, 0] - parts[2][None, :, 0]).mean()
    assert pairs["delta"].iloc[0] == pytest.approx(won)


def test_small_groups_say_the_smallest_p_they_can_give():
    values = pd.DataFrame({"x": [1.0, 2, 3, 10, 11, 12]}, index=list("abcdef"))
    animals = told(list("abcdef"), list("abcdef"), ["u"] * 3 + ["v"] * 3)
    found = groups.value_test(values, animals, "genotype")
    assert found.exact and found.arrangements == 20 and found.smallest_p == 0.1
    assert found.table["p"].iloc[0] == 0.1
    assert "below 0.1" in str(found)
    alone = groups.value_test(values[:4], animals[:4], "genotype", alpha=1.0)
    assert np.isnan(alone.pairs["delta_low"]).all()  # one animal has no interval
    assert "no interval" in str(alone)


def test_the_order_of_recordings_and_the_seed_decide_nothing_else():
    rng = np.random.default_rng(3)
    seq, animals = simulated(rng, ["wt"] * 6 + ["ko"] * 7, 1)
    values = pd.DataFrame(rng.normal(size=(13, 4)), index=animals["recording"])
    one = groups.value_test(values, animals, "genotype", permutations=200)
    other = groups.value_test(values[::-1], animals[::-1], "genotype", permutations=200)
    pd.testing.assert_frame_equal(one.table, other.table)


def test_tables_without_animals_are_refused():
    values = pd.DataFrame({"x": [1.0, 2]}, index=["a", "b"])
    table = pd.DataFrame({"recording": ["a", "b"], "genotype": ["u", "v"]})
    with pytest.raises(InputError, match="no column 'animal'"):
        groups.value_test(values, table, "genotype")
    with pytest.raises(InputError, match="several groups"):
        groups.value_test(values, table.assign(animal="m"), "genotype")
    with pytest.raises(InputError, match="'b' is not in the table"):
        groups.value_test(values, table[:1].assign(animal="m"), "genotype")
    with pytest.raises(InputError, match="did you mean 'genotype'"):
        groups.value_test(values, table.assign(animal=["m", "n"]), "genotyp")


def test_transitions_are_compared_edge_by_edge():
    rng = np.random.default_rng(4)
    made = []
    for a in range(16):
        # 0 is followed by 1 (wt) or by 2 (ko), both by 0 again
        first = 0.9 if a < 8 else 0.1
        other = np.where(rng.random(200) < first, 1, 2)
        made.append(np.stack([np.zeros(200, int), other], axis=1).ravel())
    seq = pack(made, [f"r{a}" for a in range(16)], 25.0)
    animals = told(seq.names, seq.names, ["wt"] * 8 + ["ko"] * 8)
    found = groups.transition_test(seq, animals, "genotype", permutations=1000)
    assert found.table.loc[("0", "1"), "significant"]
    assert found.table.loc[("0", "1"), "mean wt"] == pytest.approx(0.9, abs=0.05)
    assert np.isnan(found.table.loc[("1", "0"), "p"])  # always so: nothing to test


def test_durations_are_compared_by_whole_animals():
    rng = np.random.default_rng(5)
    made = []
    for a in range(14):
        long = 8 if a < 7 else 16
        lengths = rng.poisson([long, 5], (60, 2)) + 1
        made.append(np.repeat(np.tile([0, 1], 60), lengths.ravel()))
    seq = pack(made, [f"r{a}" for a in range(14)], 25.0)
    animals = told(seq.names, seq.names, ["wt"] * 7 + ["ko"] * 7)
    for source in (seq, ethogram.bouts(seq)):
        found = groups.duration_test(source, animals, "genotype", permutations=1000)
        assert found.table["significant"].tolist() == [True, False]
        assert found.pairs["ratio"].iloc[0] == pytest.approx(17 / 9, abs=0.2)
    # expected and seen events are as many in all: the statistic of equal groups is small
    assert found.table["chi2"].iloc[1] < found.table["chi2"].iloc[0] / 10


def test_usage_of_an_ethogram_is_that_of_its_sequences():
    rng = np.random.default_rng(6)
    seq, animals = simulated(rng, ["wt"] * 4 + ["ko"] * 4, 1)
    for by in ("frame", "bout"):
        one = groups.usage_test(seq, animals, "genotype", by=by, permutations=100)
        other = groups.usage_test(ethogram.bouts(seq), animals, "genotype", by=by,
                                  permutations=100)  # fmt: skip
        pd.testing.assert_frame_equal(one.table, other.table)


def test_ten_thousand_permutations_of_a_hundred_syllables_take_less_than_5_s():
    rng = np.random.default_rng(7)
    names = [f"r{a}" for a in range(40)]
    values = pd.DataFrame(rng.dirichlet(np.ones(100), 40), index=names)
    values.iloc[20:, :50] *= 3
    animals = told(names, names, ["wt"] * 20 + ["ko"] * 20)
    start = time.process_time()
    found = groups.value_test(values, animals, "genotype", permutations=10_000)
    assert time.process_time() - start < 5
    assert found.table["significant"].sum() > 10


def test_pairs_of_groups_that_are_too_small_for_any_difference_are_named():
    values = pd.DataFrame({"x": np.arange(9.0)}, index=list("abcdefghi"))
    animals = told(list("abcdefghi"), list("abcdefghi"), [g for g in "uvw" for _ in range(3)])
    found = groups.value_test(values, animals, "genotype")
    assert found.table["significant"].all() and found.pairs["p"].min() == pytest.approx(0.1)
    assert "u against v alone cannot give a p below 0.1;" in str(found)
    enough = groups.value_test(values, animals, "genotype", alpha=0.2)
    assert "alone cannot" not in str(enough)


def test_pairs_are_of_measures_that_differ_and_corrected_for_all_of_them_together():
    rng = np.random.default_rng(8)
    levels = [g for g in "uvw" for _ in range(6)]
    names = [f"r{k}" for k in range(18)]
    values = pd.DataFrame(rng.normal(size=(18, 4)), index=names, columns=list("abcd"))
    values["a"] += np.repeat([0.0, 1.5, 3.0], 6)
    values["b"] += np.repeat([0.0, 0.0, 4.0], 6)
    found = groups.value_test(values, told(names, names, levels), "genotype")
    assert set(found.table.index[found.table["significant"]]) == set(found.pairs.index)
    assert set(found.pairs.index) == {"a", "b"} and len(found.pairs) == 6
    for table in (found.table, found.pairs):
        expected = stats.false_discovery_control(table["p"].to_numpy())
        np.testing.assert_allclose(table["q"], expected)
        assert (table["significant"] == (table["q"] <= 0.05)).all()
    assert (found.pairs["q"] > found.pairs["p"]).any()


def test_durations_of_all_recordings_of_an_animal_count_in_the_log_rank():
    rng = np.random.default_rng(5)
    seq, animals = simulated(rng, ["wt"] * 4 + ["ko"] * 5, 3)
    found = groups.duration_test(seq, animals, "genotype", permutations=200)
    lived, recordings, _ = group_values.lives(seq)
    level = animals.set_index("recording")["genotype"].loc[list(recordings)].to_numpy()
    own = lived.label == 0
    seconds, ended, who = lived.seconds[own], lived.ended[own], level[lived.recording[own]]
    chi2 = 0.0
    for group in ("wt", "ko"):  # the definition: at every time, deaths and those at risk
        expected = sum(
            (ended & (seconds == t)).sum() / (seconds >= t).sum()
            * ((seconds >= t) & (who == group)).sum()
            for t in np.unique(seconds)
        )  # fmt: skip
        chi2 += (ended[who == group].sum() - expected) ** 2 / expected
    assert found.table["chi2"].iloc[0] == pytest.approx(chi2)
