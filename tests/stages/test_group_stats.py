import numpy as np
import pandas as pd
import pytest

from gambol.core.errors import InputError
from gambol.stages import group_stats
from gambol.stages.group_stats import GroupConfig


def planted(folder, shift):
    """Twelve animals; those of the second group use label 1 more by `shift`."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    rows = []
    for k in range(12):
        own = 0.3 + shift * (k >= 6) + rng.normal(0, 0.03)
        labels = (np.repeat(rng.random(400), 5) < own).astype(int)
        (folder / f"r{k:02d}.csv").write_text("state\n" + "\n".join(map(str, labels)) + "\n")
        rows.append((f"r{k:02d}", f"m{k}", "mutant" if k >= 6 else "wild"))
    table = folder.parent / "animals.csv"
    pd.DataFrame(rows, columns=["recording", "animal", "genotype"]).to_csv(table, index=False)
    return table


@pytest.mark.parametrize(("shift", "found"), [(0.3, True), (0.0, False)])
def test_a_planted_difference_is_found_and_none_where_there_is_none(tmp_path, shift, found):
    animals = planted(tmp_path / "states", shift)
    cfg = GroupConfig(factor="genotype", fps=20.0, permutations=2000)
    told = group_stats.run(cfg, tmp_path / "states", animals, tmp_path / "out")
    assert told.animals == {"mutant": 6, "wild": 6} and bool(told.different) == found
    table = pd.read_csv(tmp_path / "out" / "tests.csv")
    pairs = pd.read_csv(tmp_path / "out" / "pairs.csv")
    assert (table["p"] > 0).all() and (len(pairs) > 0) == found
    if found:
        assert set(told.different) <= {str(x) for x in table.iloc[:, 0]}


@pytest.mark.parametrize("what", ["durations", "transitions"])
def test_durations_and_transitions_have_their_tests(tmp_path, what):
    animals = planted(tmp_path / "states", 0.3)
    cfg = GroupConfig(factor="genotype", fps=20.0, permutations=500, what=what)
    told = group_stats.run(cfg, tmp_path / "states", animals, tmp_path / "out")
    assert told.measures >= 2 and told.smallest_p < 0.01


def test_frames_are_no_animals(tmp_path):
    animals = planted(tmp_path / "states", 0.0)
    pd.read_csv(animals).drop(columns="animal").to_csv(animals, index=False)
    with pytest.raises(InputError, match="no column 'animal'.*not frames"):
        group_stats.run(GroupConfig(fps=20.0), tmp_path / "states", animals, tmp_path / "out")
    animals = planted(tmp_path / "others", 0.0)
    with pytest.raises(InputError, match="no column 'group'"):
        group_stats.run(GroupConfig(fps=20.0), tmp_path / "states", animals, tmp_path / "out")


def test_conditions_are_compared_within_animals(tmp_path):
    animals = planted(tmp_path / "states", 0.3)
    table = pd.read_csv(animals)
    table["animal"] = [f"m{k % 6}" for k in range(12)]  # each once as wild, once as mutant
    table.to_csv(animals, index=False)
    cfg = GroupConfig(factor="genotype", fps=20.0)
    with pytest.raises(InputError, match="in several groups .*--set within=COLUMN"):
        group_stats.run(cfg, tmp_path / "states", animals, tmp_path / "out")
    cfg = GroupConfig(within="genotype", fps=20.0)
    told = group_stats.run(cfg, tmp_path / "states", animals, tmp_path / "out")
    assert told.different == ("0 (within)", "1 (within)") and told.animals == {"all": 6}
    assert told.smallest_p == 2 / 2**6
    found = pd.read_csv(tmp_path / "out" / "tests.csv")
    assert found["p"].tolist() == [2 / 2**6] * 2 and set(found["effect"]) == {"within"}
    with pytest.raises(InputError, match="no column 'line'"):
        group_stats.run(
            GroupConfig(within="genotype", factor="line", fps=20.0), tmp_path / "states",
            animals, tmp_path / "out",
        )  # fmt: skip
