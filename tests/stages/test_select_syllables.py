import shutil

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from syllable_worlds import FIT, world

from gambol.behavior import syllable_choice
from gambol.behavior.slds import KeypointSLDS
from gambol.core.errors import InputError
from gambol.io import store
from gambol.stages import fit_syllables, select_syllables, syllable_models
from gambol.stages.select_syllables import SelectConfig

CFG = SelectConfig()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    world(folder / "made", recordings=2, frames=400)
    for seed in range(3):
        cfg = fit_syllables.FitConfig(**{**FIT, "random_state": seed, "label": False})
        fit_syllables.run(cfg, [folder / "made/poses"], folder / f"seed-{seed}", threads=1)
    return [folder / f"seed-{seed}" for seed in range(3)]


def test_the_best_model_is_kept_with_what_others_say_of_it(runs, tmp_path):
    told = select_syllables.run(CFG, runs, tmp_path / "out", threads=1)
    table = pd.read_csv(tmp_path / "out/choice.csv")
    assert table["eml"].idxmax() == table["chosen"].idxmax() and table["chosen"].sum() == 1
    assert str(told.best) == table.loc[table["chosen"].idxmax(), "run"]
    chains = [syllable_models.read_chain(run / "chain.nc") for run in runs]
    choice = syllable_choice.choose(chains)
    np.testing.assert_allclose(table["eml"], choice.eml)
    np.testing.assert_allclose(table["agreement"], choice.agreement)
    held, own = (store.read_dataset(p / "model.nc") for p in (tmp_path / "out", told.best))
    xr.testing.assert_equal(held.drop_vars("overlap"), own)
    model = KeypointSLDS.from_dataset(held)
    overlap = pd.read_csv(tmp_path / "out/overlap.csv")
    mine = overlap[overlap["run"] == str(told.best)].set_index("syllable")["overlap"]
    for state, near in enumerate(held["overlap"].values):
        if np.isfinite(near):
            assert mine[model.rank_[state]] == pytest.approx(near)


def test_a_run_without_labels_holds_its_model_alone(runs):
    names = {path.name for path in runs[0].iterdir()}
    assert names == {"model.nc", "chain.nc", "curves.csv", "settings.yaml", "provenance.json"}


def test_the_order_of_runs_is_of_no_effect_and_a_choice_is_made_once(runs, tmp_path):
    one = select_syllables.run(CFG, runs, tmp_path / "out", threads=1)
    before = (tmp_path / "out/choice.csv").stat().st_mtime_ns
    assert select_syllables.run(CFG, runs[::-1], tmp_path / "out", threads=2) == one
    assert (tmp_path / "out/choice.csv").stat().st_mtime_ns == before


def test_fits_that_differ_in_more_than_their_seed_are_no_choice(runs, tmp_path):
    cfg = fit_syllables.FitConfig(**{**FIT, "n_states": 5, "label": False})
    fit_syllables.run(cfg, [runs[0].parent / "made/poses"], tmp_path / "other", threads=1)
    with pytest.raises(InputError, match="differ in their seed alone"):
        select_syllables.run(CFG, [runs[0], tmp_path / "other"], tmp_path / "out")
    with pytest.raises(InputError, match="1 runs"):
        select_syllables.run(CFG, runs[:1], tmp_path / "out")
    with pytest.raises(InputError, match="no run of fit-syllables"):
        select_syllables.run(CFG, [runs[0], tmp_path], tmp_path / "out")
    shutil.copytree(runs[0], tmp_path / "copy")
    with pytest.raises(InputError, match="the same seed 0"):
        select_syllables.run(CFG, [runs[0], tmp_path / "copy"], tmp_path / "out")
    (tmp_path / "copy/model.nc").unlink()
    with pytest.raises(InputError, match="no finished run"):
        select_syllables.run(CFG, [tmp_path / "copy", runs[1]], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_how_many_seeds_and_how_far_apart_they_are_is_said(runs, tmp_path):
    told = select_syllables.run(CFG, runs, tmp_path / "out", threads=1)
    table = pd.read_csv(tmp_path / "out/choice.csv")
    assert told.fits == 3
    np.testing.assert_allclose(told.eml_range, [table["eml"].min(), table["eml"].max()])
    ends = [table["agreement"].min(), table["agreement"].max()]
    np.testing.assert_allclose(told.agreement_range, ends)
    text = select_syllables.describe(told._asdict())
    assert "of 3 seeds; 5 or more are better" in text and f"of {told.used} syllables" in text
