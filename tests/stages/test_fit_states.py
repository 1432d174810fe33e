import json
import shutil

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from state_worlds import FIT, world

from gambol.core.errors import InputError
from gambol.io import state_courses, store
from gambol.stages import apply_states, fit_states
from gambol.stages.fit_states import FitConfig


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    return world(tmp_path_factory.mktemp("world") / "made")


@pytest.fixture(scope="module")
def fitted(recordings, tmp_path_factory):
    out = tmp_path_factory.mktemp("fitted") / "run"
    told = fit_states.run(FitConfig(**FIT), [recordings / "syllables"], out, threads=1)
    return out, told


def test_a_run_holds_the_model_the_states_the_tables_and_a_page(fitted, recordings):
    out, told = fitted
    assert told.recordings == 3 and told.frames == 6000 and told.states_used == 3
    model = store.read_dataset(out / "model.nc")
    assert model["trace"].shape == (12, 4) and len(model["kept_sweep"]) == 12
    assert json.loads(model.attrs["settings"])["trans_kappa"] == 300.0
    assert model.attrs["kappa_per_frame"] == pytest.approx(300 / 6000)
    course = state_courses.read(out / "states" / "recording_001.nc")
    assert course["probability"].shape == (2000, 3)
    np.testing.assert_allclose(course["probability"].values.sum(1), 1, atol=3e-3)
    bouts = state_courses.read_bouts(out / "bouts.csv")
    inside = bouts[bouts["recording"] == "recording_001"]
    assert (inside["stop"] - inside["start"]).sum() == 2000
    assert {p.name for p in out.iterdir()} >= {
        "usage.csv", "durations.csv", "usage_by_recording.csv", "report.html",
        "settings.yaml", "provenance.json", "mutual_information.nc",
    }  # fmt: skip
    assert not (out / "checkpoint.nc").exists() and not (out / "begun.json").exists()
    page = (out / "report.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "") and page.count("<svg") > 8


def test_the_states_are_those_that_were_planted(fitted, recordings, tmp_path):
    from gambol.stages import compare_states

    cfg = compare_states.CompareConfig(fps=20.0)
    told = compare_states.run(cfg, fitted[0], recordings / "truth", tmp_path / "out")
    assert told.adjusted_rand > 0.6 and told.above_chance and told.frames == 6000


def test_a_finished_run_is_not_done_again(fitted, recordings):
    out, told = fitted
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
    again = fit_states.run(FitConfig(**FIT), [recordings / "syllables"], out, threads=2)
    assert again == told and before == {p: p.stat().st_mtime_ns for p in out.rglob("*")}


@pytest.mark.parametrize("sweep", [1, 5, 11])
def test_a_run_that_was_killed_goes_on_and_ends_the_same(fitted, recordings, tmp_path, sweep):
    def kill(step):
        if step.stage == "fit-states" and step.done == sweep + 1:
            raise Killed

    cfg = FitConfig(**FIT, checkpoint_s=1e-9)
    out = tmp_path / "run"
    with pytest.raises(Killed):
        fit_states.run(cfg, [recordings / "syllables"], out, threads=1, progress=kill)
    held = store.read_dataset(out / "checkpoint.nc")
    assert held.attrs["sweeps"] == sweep
    fit_states.run(cfg, [recordings / "syllables"], out, threads=2)
    whole, other = (store.read_dataset(p / "model.nc") for p in (fitted[0], out))
    for name in whole.data_vars:
        np.testing.assert_array_equal(whole[name], other[name])
    for name in ("recording_000", "recording_002"):
        a, b = (state_courses.read(p / "states" / f"{name}.nc") for p in (fitted[0], out))
        xr.testing.assert_equal(a, b)


def test_a_run_that_was_killed_while_states_were_written_goes_on(fitted, recordings, tmp_path):
    def kill(step):
        if step.stage == "states" and step.done == 2:
            raise Killed

    out = tmp_path / "run"
    with pytest.raises(Killed):
        fit_states.run(FitConfig(**FIT), [recordings / "syllables"], out, progress=kill)
    fit_states.run(FitConfig(**FIT), [recordings / "syllables"], out)
    assert len(list((out / "states").iterdir())) == 3
    assert (out / "provenance.json").exists()


def test_other_settings_are_not_written_over(fitted, recordings):
    other = FitConfig(**{**FIT, "n_states": 4})
    with pytest.raises(InputError, match="other settings or recordings.*choose another --out"):
        fit_states.run(other, [recordings / "syllables"], fitted[0])


def test_a_folder_of_others_is_left_alone(recordings, tmp_path):
    (tmp_path / "letter.txt").write_text("dear diary")
    with pytest.raises(InputError, match="holds other files"):
        fit_states.run(FitConfig(**FIT), [recordings / "syllables"], tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


def test_input_that_is_wrong_takes_no_folder(recordings, tmp_path):
    wrong = [
        ({"fps": None}, "give fps"), ({"label": "syllabe"}, "no column"),
        ({"n_syllables": 2}, "there are 2 labels"), ({"history": "x"}, "no recording 'x'"),
        ({"lags": {"shortest_s": 400.0, "longest_s": 500.0}}, "give smaller lags"),
    ]  # fmt: skip
    for change, words in wrong:
        cfg = FitConfig.from_values({**FIT, **change}, "fit.yaml")
        with pytest.raises(InputError, match=words):
            fit_states.run(cfg, [recordings / "syllables"], tmp_path / "run")
        assert not (tmp_path / "run").exists()


def test_a_run_that_made_nothing_yet_is_no_obstacle(recordings, tmp_path):
    def kill(step):
        raise Killed

    out, few = tmp_path / "run", {**FIT, "iterations": 1}
    with pytest.raises(Killed):
        fit_states.run(FitConfig(**FIT), [recordings / "syllables"], out, progress=kill)
    assert {p.name for p in out.iterdir()} == {"begun.json", "settings.yaml"}
    told = fit_states.run(FitConfig(**few), [recordings / "syllables"], out)
    assert told.frames == 6000 and "iterations: 1\n" in (out / "settings.yaml").read_text()


def test_what_cannot_be_said_is_null_and_no_reason_to_fail(recordings, tmp_path):
    """With one state no bout was seen to begin, so there is no median."""
    one = {**FIT, "n_states": 1, "iterations": 1}
    told = fit_states.run(FitConfig(**one), [recordings / "syllables"], tmp_path / "run")
    assert np.isnan(
        told.median_s
    ) and "no state was seen to last and end" in fit_states.describe(told._asdict())
    note = json.loads((tmp_path / "run/provenance.json").read_text())
    assert note["median_s"] is None and note["states_used"] == 1
    again = apply_states.run(
        apply_states.ApplyConfig(fps=20.0, csv=True), tmp_path / "run",
        [recordings / "syllables"], tmp_path / "applied",
    )  # fmt: skip
    assert np.isnan(again.median_s)
    table = pd.read_csv(tmp_path / "applied/frames/recording_001.csv")
    assert len(table) == 2000 and (table["probability"] == 1).all()


def test_the_model_says_what_it_was_made_of(fitted, recordings):
    held = store.read_dataset(fitted[0] / "model.nc").attrs
    assert json.loads(held["versions"])["numpy"] == np.__version__
    path = recordings / "syllables" / "recording_000.csv"
    assert json.loads(held["inputs"])[str(path)] == store.file_hash(path)


@pytest.mark.slow
def test_frames_are_written_as_tables_if_asked_for(fitted, recordings, tmp_path):
    cfg = FitConfig(**FIT, csv=True)
    fit_states.run(cfg, [recordings / "syllables"], tmp_path / "run")
    table = pd.read_csv(tmp_path / "run/frames/recording_002.csv")
    course = state_courses.read(fitted[0] / "states/recording_002.nc")
    for name in ("state", "state_sample", "syllable"):
        np.testing.assert_array_equal(table[name], course[name])
    assert not (fitted[0] / "frames").exists()


def test_given_states_begin_a_fit(recordings, tmp_path):
    cfg = FitConfig(**{**FIT, "init": "given", "iterations": 2})
    told = fit_states.run(
        cfg, [recordings / "syllables"], tmp_path / "run", given=[recordings / "truth"]
    )
    free = fit_states.run(
        FitConfig(**{**FIT, "init": "uniform", "iterations": 2}),
        [recordings / "syllables"], tmp_path / "free",
    )  # fmt: skip
    assert told.log_probability > free.log_probability
    fewer = tmp_path / "fewer"
    shutil.copytree(recordings / "truth", fewer)
    (fewer / "recording_001.csv").unlink()
    with pytest.raises(InputError, match="no given states for the recording 'recording_001'"):
        fit_states.run(cfg, [recordings / "syllables"], tmp_path / "x", given=[fewer])


@pytest.mark.parametrize("do", ["mask", "reassign"])
def test_rare_states_are_dropped_aloud_and_the_model_stays(fitted, recordings, tmp_path, do):
    usage = store.read_dataset(fitted[0] / "model.nc").sizes["state"]
    cfg = FitConfig(**FIT, rare=dict(do=do, below=0.3))
    told = fit_states.run(cfg, [recordings / "syllables"], tmp_path / "run")
    assert len(told.remarks) == 1 and "rare labels dropped" in told.remarks[0]
    whole, other = (store.read_dataset(p / "model.nc") for p in (fitted[0], tmp_path / "run"))
    np.testing.assert_array_equal(whole["trans_probs"], other["trans_probs"])
    states = np.concatenate(
        [state_courses.read(p)["state"] for p in sorted((tmp_path / "run/states").iterdir())]
    )
    assert (states == -1).any() == (do == "mask")
    assert len(np.unique(states[states >= 0])) < usage


def test_unknown_settings_and_columns_are_named(recordings, tmp_path):
    with pytest.raises(InputError, match="n_state"):
        FitConfig.from_values({"n_state": 3}, "fit.yaml")
    cfg = FitConfig(**{**FIT, "label": "syllabe"})
    with pytest.raises(InputError, match="no column 'syllabe'"):
        fit_states.run(cfg, [recordings / "syllables"], tmp_path / "run")
    with pytest.raises(InputError, match="give fps"):
        fit_states.run(
            FitConfig(**{**FIT, "fps": None}), [recordings / "syllables"], tmp_path / "other"
        )
