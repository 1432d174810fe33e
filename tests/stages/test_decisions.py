"""Decisions about labels count wherever labels are read."""

import json

import label_worlds
import numpy as np
import pandas as pd
import pytest

from gambol.core.errors import InputError
from gambol.io import ethogram as io_ethogram
from gambol.io import store
from gambol.stages import (
    decisions,
    ethogram_convert,
    fit_states,
    group_stats,
    label_map,
    syllable_files,
)
from gambol.stages.ethogram_convert import ConvertConfig
from gambol.stages.group_stats import GroupConfig
from gambol.stages.label_map import LabelMapConfig


@pytest.fixture
def run(tmp_path):
    """A run in which rest is 0 and 5, made one label again, 1 called walk, 4 left out."""
    made = label_worlds.write(tmp_path)
    for words in (["merge", "0", "5"], ["rename", "1", "walk"], ["exclude", "4"]):
        label_map.run(LabelMapConfig(), made, words[0], words[1:])
    return made


def test_labels_are_read_as_decided(run):
    plain = label_worlds.write(run.parent / "plain")
    was = syllable_files.read([plain], None, "syllable").sequences
    now = syllable_files.read([run], None, "syllable").sequences
    one_by_one = sorted((run / "syllables").glob("*.nc"))
    assert np.array_equal(
        now.values, syllable_files.read(one_by_one, None, "syllable").sequences.values
    )
    want = np.where(was.values == 5, 0, was.values)
    assert np.array_equal(now.valid, was.valid & (was.values != 4))
    assert np.array_equal(now.values[now.valid], want[now.valid])


def test_every_stage_that_reads_labels_has_them(run):
    ethogram_convert.run(ConvertConfig(to="bouts"), run, run.parent / "bouts.csv")
    bouts = io_ethogram.read(run.parent / "bouts.csv").ethogram.bouts
    assert set(bouts["label"]) == {"0", "walk", "2", "3"}
    table = pd.DataFrame(
        {
            "recording": [f"day{r}" for r in range(3)], "animal": list("abc"),
            "group": ["one", "one", "other"],
        }
    )  # fmt: skip
    table.to_csv(run.parent / "animals.csv", index=False)
    group_stats.run(
        GroupConfig(label="syllable", permutations=10), run, run.parent / "animals.csv",
        run.parent / "groups",
    )  # fmt: skip
    tested = pd.read_csv(run.parent / "groups" / "tests.csv", dtype=str).iloc[:, 0]
    assert set(tested) == {"0", "walk", "2", "3", "6", "7"}  # two that nobody shows


def test_a_decision_makes_a_result_of_the_same_labels_another(run):
    cfg = fit_states.FitConfig(n_states=2, iterations=2, trans_kappa=100.0)
    fit_states.run(cfg, [run], run.parent / "fit")
    before = syllable_files.hashes([run])
    label_map.run(LabelMapConfig(), run, "merge", ["2", "3"])
    assert syllable_files.hashes([run]) != before
    with pytest.raises(InputError, match="other settings or recordings"):
        fit_states.run(cfg, [run], run.parent / "fit")


def test_decisions_about_another_model_and_of_two_runs_are_refused(run, tmp_path):
    other = label_worlds.write(tmp_path / "two")
    label_map.run(LabelMapConfig(), other, "rename", ["1", "run"])
    with pytest.raises(InputError, match="one run at a time"):
        decisions.about([run, other])
    assert decisions.about([run, run / "syllables" / "day0.nc"])[0] == run / "label_map.json"
    note = json.loads((run / "provenance.json").read_text())
    store.write_json({**note, "made_from": "fit-syllables 2"}, run / "provenance.json")
    with pytest.raises(InputError, match="about another model"):
        decisions.about([run])


def test_without_decisions_there_are_none(tmp_path):
    assert decisions.about([label_worlds.write(tmp_path)]) is None
