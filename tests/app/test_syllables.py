"""From simulated poses to states by commands alone (one animal, no video)."""

import json
import time

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from gambol.io import store, syllables

FEW = [
    "n_states=8", "lags=1", "ar_iterations=10", "iterations=15", "search_sweeps=4",
    "search_tries=4", "warm_sweeps=5", "write.labels=path", "learning.shares=[]",
]  # fmt: skip
STATES = [
    "scan.states=[2]", "scan.seeds=1", "scan.iterations=4", "iterations=6",
    "lags.lags=4", "lags.longest_s=10", "lags.surrogates=2", "lags.resamples=20",
]  # fmt: skip


def settings(words):
    return [part for word in words for part in ("--set", word)]


@pytest.mark.slow
def test_poses_without_video_become_states_by_commands_in_a_minute(gambol, tmp_path):
    begun = time.process_time()
    made = gambol("simulate-behavior", tmp_path / "w", "--recordings", 1, "--set",
                  "frames=2400", "--set", "syllables=4", "--set", "spread=2.5",
                  "--json")  # fmt: skip
    assert made.status == 0, made.err
    told = json.loads(made.out)
    run = tmp_path / "run"
    ends = ["--anterior", told["front"], "--posterior", told["rear"]]
    fitted = gambol("syllables", tmp_path / "w/poses", *ends, "--target", told["median_s"],
                    "--seeds", 1, "--threads", 1, "--out", run, *settings(FEW))  # fmt: skip
    assert fitted.status == 0, fitted.err
    assert "report.html" in fitted.out
    truth = syllables.read(tmp_path / "w/truth", fps=30.0).sequences
    found = syllables.read(run).sequences
    assert adjusted_rand_score(truth.values[found.valid], found.values[found.valid]) > 0.5
    applied = gambol("apply-syllables", run, tmp_path / "w/poses", "--out", tmp_path / "new",
                     "--set", "write.labels=path", "--json")  # fmt: skip
    assert applied.status == 0, applied.err
    again = syllables.read(tmp_path / "new").sequences
    np.testing.assert_array_equal(again.values, found.values)
    states = gambol("states", run, "--out", tmp_path / "states", "--threads", 1,
                    *settings(STATES))  # fmt: skip
    assert states.status == 0, states.err
    model = store.read_dataset(tmp_path / "states/fit/model.nc")
    assert model.sizes["state"] == 2
    assert time.process_time() - begun < 60


def test_bad_settings_end_with_status_2_and_one_line(gambol, tmp_path):
    told = gambol("fit-syllables", tmp_path, "--out", tmp_path / "o", "--set", "n_sates=3")
    assert told.status == 2 and "n_states" in told.err
    told = gambol("syllables", tmp_path / "none.nc", "--out", tmp_path / "o")
    assert told.status == 2 and "does not exist" in told.err and told.err.count("\n") == 1
    told = gambol("apply-syllables", tmp_path / "none", tmp_path, "--out", tmp_path / "o")
    assert told.status == 2 and not (tmp_path / "o").exists()
