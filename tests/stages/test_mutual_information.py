import numpy as np
import pandas as pd
import pytest
from state_worlds import FIT, world

from gambol.core.errors import InputError
from gambol.io import store
from gambol.stages import mutual_information
from gambol.stages.mutual_information import InformationConfig

CFG = InformationConfig(fps=20.0, **FIT["lags"])


def test_states_are_remembered_longer_than_chains_can(tmp_path):
    made = world(tmp_path / "made", frames=6000)
    told = mutual_information.run(CFG, [made / "syllables"], tmp_path / "out", threads=1)
    assert told.recordings == 3 and told.chance_lag_s > told.markov_chance_lag_s
    held = store.read_dataset(tmp_path / "out/mutual_information.nc")
    table = pd.read_csv(tmp_path / "out/mutual_information.csv")
    np.testing.assert_allclose(table["corrected"], held["corrected"])
    assert "<svg" in (tmp_path / "out/report.html").read_text()
    again = mutual_information.run(CFG, [made / "syllables"], tmp_path / "out")
    assert again == told
    other = CFG.model_copy(update={"surrogates": 3})
    with pytest.raises(InputError, match="choose another --out"):
        mutual_information.run(other, [made / "syllables"], tmp_path / "out")


def test_nothing_given_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="holds no recordings"):
        mutual_information.run(CFG, [tmp_path], tmp_path / "out")


def test_a_rate_that_was_forgotten_is_given_the_next_time(tmp_path):
    made, out = world(tmp_path / "made"), tmp_path / "out"
    with pytest.raises(InputError, match="give fps"):
        mutual_information.run(CFG.model_copy(update={"fps": None}), [made / "syllables"], out)
    assert mutual_information.run(CFG, [made / "syllables"], out).recordings == 3
