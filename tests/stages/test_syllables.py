import numpy as np
import pandas as pd
import pytest
import xarray as xr
from syllable_worlds import FIT, world

from gambol.core.errors import InputError
from gambol.core.shares import Share
from gambol.io import store, syllable_runs, syllables
from gambol.stages import syllables as stage
from gambol.stages.syllables import SyllablesConfig

ALL = {
    **FIT, "seeds": 2, "iterations": 6, "ar_iterations": 4,
    "learning": dict(shares=(0.5, 1.0), iterations=3),
}  # fmt: skip


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world") / "made"
    world(folder, recordings=4, frames=300)
    return folder


@pytest.fixture(scope="module")
def done(made, tmp_path_factory):
    out = tmp_path_factory.mktemp("done") / "run"
    return out, stage.run(SyllablesConfig(**ALL), [made / "poses"], out, threads=1)


def test_poses_become_a_run_that_everything_reads(done):
    out, told = done
    assert told.recordings == 4 and told.frames == 1200 and told.best in ("seed-0", "seed-1")
    names = {path.name for path in out.iterdir()}
    assert names >= {
        "model.nc", "curves.csv", "syllables", "syllables.csv", "results.h5", "bouts.csv",
        "usage.csv", "durations.csv", "report.html", "settings.yaml", "provenance.json",
        "fits", "choice", "learning",
    }  # fmt: skip
    assert "begun.json" not in names
    chosen = store.read_dataset(out / "fits" / told.best / "model.nc")
    xr.testing.assert_equal(store.read_dataset(out / "model.nc"), chosen)
    seq = syllables.read(out).sequences
    assert seq.names == tuple(f"recording_00{k}" for k in range(4)) and seq.fps == 30.0
    page = (out / "report.html").read_text()
    assert "Do seeds agree?" in page and "Was it enough data?" in page
    assert (
        syllable_runs.read(out / "syllables/recording_000.nc")["syllable_sample"] > -2
    ).all()


def test_more_minutes_are_a_row_each_and_baselines_stand_beside(done):
    table = pd.read_csv(done[0] / "learning/learning.csv")
    assert table["share"].tolist() == [0.5, 1.0]
    np.testing.assert_allclose(table["minutes"], [0.25, 0.5])  # 3 of 4 recordings of 10 s
    assert {"held_out", "held_out_gaussian", "held_out_first_order"} <= set(table)
    assert not list((done[0] / "learning").glob("*.nc"))


def test_seeds_fitted_in_shares_are_chosen_among_alike(done, made, tmp_path):
    args = (SyllablesConfig(**ALL), [made / "poses"], tmp_path / "run")
    did = [stage.fit(*args, Share(number, 3), threads=1) for number in (2, 1, 0)]
    assert [[run.name for run in runs] for runs in did] == [[], ["seed-1"], ["seed-0"]]
    assert not (tmp_path / "run/choice").exists()
    assert stage.run(*args, threads=1).best == done[1].best
    for path in ("syllables.csv", "learning/learning.csv", "curves.csv"):
        assert (done[0] / path).read_bytes() == (tmp_path / "run" / path).read_bytes()
    assert stage.fit(*args, Share(0, 3)) == []  # it is finished


AT = [("fit-syllables", 9, 2), ("select-syllables", 1, 1), ("syllables", 3, 1),
      ("fit-syllables", 4, 4)]  # fmt: skip
SLOW = [pytest.param(at, marks=pytest.mark.slow) for at in AT]


@pytest.mark.parametrize("at", SLOW, ids=str)
def test_a_run_that_was_killed_goes_on_and_ends_the_same(done, made, tmp_path, at):
    name, step_number, time = at
    seen = []

    def kill(step):
        if step.stage == name and step.done == step_number:
            seen.append(step)
            if len(seen) == time:
                raise Killed

    cfg = SyllablesConfig(**ALL, checkpoint_s=1e-9)
    args = (cfg, [made / "poses"], tmp_path / "run")
    with pytest.raises(Killed):
        stage.run(*args, threads=1, progress=kill)
    assert not (tmp_path / "run/provenance.json").exists()
    told = stage.run(*args, threads=2)
    for path in ("syllables.csv", "choice/overlap.csv", "learning/learning.csv", "curves.csv"):
        if path == "choice/overlap.csv":  # it names the runs by their place
            a, b = (
                pd.read_csv(p / path).drop(columns="run") for p in (done[0], tmp_path / "run")
            )
            pd.testing.assert_frame_equal(a, b)
        else:
            assert (done[0] / path).read_bytes() == (tmp_path / "run" / path).read_bytes()
    assert told._replace(run=done[0]) == done[1]


@pytest.mark.slow
def test_one_seed_is_no_choice_and_nothing_has_to_be_learned_of(made, tmp_path):
    few = {**ALL, "seeds": 1, "learning": dict(shares=())}
    told = stage.run(SyllablesConfig(**few), [made / "poses"], tmp_path / "run", threads=1)
    assert told.best == "seed-0" and np.isnan(told.agreement)
    assert not (tmp_path / "run/choice").exists() and not (tmp_path / "run/learning").exists()
    assert "Do seeds agree?" not in (tmp_path / "run/report.html").read_text()
    again = stage.run(SyllablesConfig(**few), [made / "poses"], tmp_path / "run", threads=1)
    assert np.isnan(again.agreement) and again._replace(agreement=0) == told._replace(
        agreement=0
    )


def test_settings_are_known_and_settings_round_trip(tmp_path):
    with pytest.raises(InputError, match="seedz"):
        SyllablesConfig.from_values({"seedz": 3}, "all.yaml")
    with pytest.raises(InputError, match="learning.share"):
        SyllablesConfig.from_values({"learning": {"share": 3}}, "all.yaml")
    cfg = SyllablesConfig(**ALL)
    cfg.to_yaml(tmp_path / "all.yaml")
    assert SyllablesConfig.from_yaml(tmp_path / "all.yaml") == cfg
