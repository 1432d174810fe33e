import json

import numpy as np
import pytest
from state_worlds import world

from gambol.core.errors import InputError
from gambol.stages import compare_states
from gambol.stages.compare_states import CompareConfig


def test_labels_agree_with_themselves_and_not_with_chance(tmp_path):
    made = world(tmp_path / "made")
    cfg = CompareConfig(fps=20.0, surrogates=10)
    same = compare_states.run(cfg, made / "truth", made / "truth", tmp_path / "same")
    assert same.adjusted_rand == pytest.approx(1) and same.above_chance
    rng = np.random.default_rng(0)
    chance = tmp_path / "chance"
    chance.mkdir()
    for path in (made / "truth").iterdir():
        rows = "\n".join(str(k) for k in rng.integers(3, size=2000))
        (chance / path.name).write_text(f"state\n{rows}\n")
    other = compare_states.run(cfg, made / "truth", chance, tmp_path / "other")
    assert abs(other.adjusted_rand) < 0.01 and abs(other.nats) < 0.005
    told = json.loads((tmp_path / "other/agreement.json").read_text())
    assert told["recordings"] == 3 and len(told["surrogates"]) == 10
    assert "<svg" in (tmp_path / "other/report.html").read_text()


def test_columns_may_have_two_names(tmp_path):
    made = world(tmp_path / "made")
    cfg = CompareConfig(fps=20.0, label="state", other_label="syllable", surrogates=5)
    told = compare_states.run(cfg, made / "truth", made / "syllables", tmp_path / "out")
    assert told.nats > 0.05 and told.above_chance


def test_recordings_without_a_namesake_are_refused(tmp_path):
    made = world(tmp_path / "made")
    lone = tmp_path / "lone.csv"
    lone.write_text("state\n1\n0\n")
    with pytest.raises(InputError, match="no recording in common"):
        compare_states.run(CompareConfig(fps=20.0), made / "truth", lone, tmp_path / "out")
