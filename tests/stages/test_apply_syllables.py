import weakref

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from syllable_worlds import FIT, world

from gambol.behavior import clean
from gambol.core import tracks as core_tracks
from gambol.core.errors import InputError
from gambol.io import poses as io_poses
from gambol.io import store, syllable_runs
from gambol.stages import apply_syllables, fit_syllables, syllable_inputs, syllable_models
from gambol.stages.apply_syllables import ApplyConfig
from gambol.stages.fit_syllables import CLEAN

CFG = ApplyConfig(write=dict(labels="path"))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    world(folder / "made")
    cfg = fit_syllables.FitConfig(**FIT)
    fit_syllables.run(cfg, [folder / "made/poses"], folder / "run", threads=1)
    return folder


@pytest.fixture(scope="module")
def applied(fitted):
    out = fitted / "applied"
    return out, apply_syllables.run(
        CFG, fitted / "run", [fitted / "made/poses"], out, threads=1
    )


def test_recordings_of_the_fit_get_the_labels_of_the_fit(fitted, applied):
    out, told = applied
    assert told.recordings == 3 and told.frames == 1500
    for path in (fitted / "run/syllables").glob("*.nc"):
        one, two = syllable_runs.read(path), syllable_runs.read(out / "syllables" / path.name)
        for name in ("syllable", "probability", "latent", "heading", "centroid"):
            xr.testing.assert_equal(one[name], two[name])
        assert (two["syllable_sample"] == -1).all()


@pytest.mark.parametrize("model", ["run", "run/model.nc"])
def test_a_recording_is_labelled_alike_alone_and_together(fitted, applied, tmp_path, model):
    path = fitted / "made/poses/recording_001.nc"
    apply_syllables.run(CFG, fitted / model, [path], tmp_path / "out", threads=2)
    xr.testing.assert_equal(
        syllable_runs.read(tmp_path / "out/syllables/recording_001.nc"),
        syllable_runs.read(applied[0] / "syllables/recording_001.nc"),
    )
    one = pd.read_csv(tmp_path / "out/scores.csv")
    every = pd.read_csv(applied[0] / "scores.csv")
    assert one.iloc[0].to_dict() == every.iloc[1].to_dict()


def test_recordings_are_read_one_at_a_time_with_the_results_of_all_at_once(
    fitted, applied, tmp_path, monkeypatch
):
    real, held = syllable_inputs._track, []

    def spy(*args):
        assert not any(one() is not None for one in held)
        track = real(*args)
        held.append(weakref.ref(track.xy))
        return track

    monkeypatch.setattr(syllable_inputs, "_track", spy)
    poses = sorted((fitted / "made/poses").glob("*.nc"))
    apply_syllables.run(CFG, fitted / "run", poses, tmp_path / "out", threads=1)
    assert len(held) == 2 * len(poses)  # to score, and to label
    every = [
        track._replace(name=path.stem)
        for path in poses
        for track in core_tracks.tracks(
            clean.clean(io_poses.read(path), settings=CLEAN).poses, ""
        )
    ]
    model, _ = syllable_models.read_model(fitted / "run")
    for name, found in model.predict(every).items():
        course = syllable_runs.read(tmp_path / f"out/syllables/{name}.nc")
        np.testing.assert_array_equal(course["syllable"], found["syllable"])
    table = pd.read_csv(tmp_path / "out/scores.csv")
    scored = model.score(every).to_dataframe().reset_index()
    pd.testing.assert_frame_equal(table, scored, rtol=1e-9, check_dtype=False)
    assert (tmp_path / "out/scores.csv").read_bytes() == (
        applied[0] / "scores.csv"
    ).read_bytes()


def test_planted_syllables_foretell_more_than_a_gaussian_or_one_linear_step(fitted, tmp_path):
    world(fitted / "new", recordings=1, frames=600, seed=0, absent=0.0)  # of the same law
    out = tmp_path / "out"
    told = apply_syllables.run(CFG, fitted / "run", [fitted / "new/poses"], out)
    table = pd.read_csv(out / "scores.csv").iloc[0]
    for name in ("per_frame", "held_out"):
        assert table[name] > table[f"{name}_gaussian"]
    assert table["per_frame"] > table["per_frame_first_order"]
    assert all("nats" in text for text in told.scores)


def test_averaged_labels_are_the_most_probable_of_each_frame(fitted, tmp_path):
    path = fitted / "made/poses/recording_000.nc"
    cfg = ApplyConfig(score=False)
    told = apply_syllables.run(cfg, fitted / "run", [path], tmp_path / "out")
    assert told.scores == () and not (tmp_path / "out/scores.csv").exists()
    course = syllable_runs.read(tmp_path / "out/syllables/recording_000.nc")
    chance, label = course["probability"].values, course["syllable"].values
    seen = label >= 0
    np.testing.assert_allclose(chance[seen].sum(1), 1, atol=5e-3)
    own = chance[seen, label[seen]]
    np.testing.assert_allclose(own, chance[seen].max(1), atol=2e-3)  # kept as float16
    other = tmp_path / "again"
    apply_syllables.run(cfg, fitted / "run", [path], other, threads=2)
    xr.testing.assert_equal(
        course.drop_attrs(),
        syllable_runs.read(other / "syllables/recording_000.nc").drop_attrs(),
    )


def test_a_run_that_was_killed_goes_on(fitted, applied, tmp_path):
    class Killed(Exception):
        pass

    def kill(step):
        if step.done == 2:
            raise Killed

    args = (CFG, fitted / "run", [fitted / "made/poses"], tmp_path / "out")
    with pytest.raises(Killed):
        apply_syllables.run(*args, threads=1, progress=kill)
    apply_syllables.run(*args, threads=1)
    for name in ("syllables.csv", "scores.csv", "usage.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (applied[0] / name).read_bytes()
    before = (tmp_path / "out/syllables.csv").stat().st_mtime_ns
    apply_syllables.run(*args, threads=1)
    assert (tmp_path / "out/syllables.csv").stat().st_mtime_ns == before


def test_what_is_no_model_and_what_does_not_fit_it_is_refused(fitted, tmp_path):
    poses = fitted / "made/poses/recording_000.nc"
    with pytest.raises(InputError, match="holds no model of syllables"):
        apply_syllables.run(CFG, poses, [poses], tmp_path / "out")
    held = store.read_dataset(poses)
    names = ["a", *held["keypoints"].values[1:]]
    bad = held.assign_coords(keypoints=names)
    bad.attrs.pop("skeleton")
    store.write_dataset(bad, tmp_path / "bad.nc")
    with pytest.raises(InputError, match="the model was made for"):
        apply_syllables.run(CFG, fitted / "run", [tmp_path / "bad.nc"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
