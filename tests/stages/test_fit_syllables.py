import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sklearn.metrics import adjusted_rand_score
from syllable_worlds import FIT, world

from gambol.behavior import clean
from gambol.behavior.slds import KeypointSLDS
from gambol.core.errors import InputError
from gambol.io import poses as io_poses
from gambol.io import state_courses, store, syllable_runs, syllables
from gambol.stages import fit_syllables
from gambol.stages.fit_syllables import FitConfig

TOLD = dict(threads=1)


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world") / "made"
    world(folder)
    return folder


@pytest.fixture(scope="module")
def fitted(made, tmp_path_factory):
    out = tmp_path_factory.mktemp("fitted") / "run"
    return out, fit_syllables.run(FitConfig(**FIT), [made / "poses"], out, **TOLD)


def same(one: Path, two: Path):
    """Every number of two runs is the same, bit for bit."""
    for name in ("model.nc", "chain.nc"):
        a, b = (store.read_dataset(p / name) for p in (one, two))
        xr.testing.assert_equal(a, b)
    for path in sorted((one / "syllables").glob("*.nc")):
        xr.testing.assert_equal(
            syllable_runs.read(path), syllable_runs.read(two / "syllables" / path.name)
        )
    for name in ("curves.csv", "syllables.csv", "bouts.csv", "usage.csv"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_a_run_holds_model_syllables_tables_and_a_page(fitted):
    out, told = fitted
    assert told.recordings == 3 and told.frames == 1500 and 2 <= told.syllables_used <= 6
    course = syllable_runs.read(out / "syllables/recording_001.nc")
    assert course["probability"].shape == (500, 6) and course["latent"].shape == (500, 3)
    assert course["syllable"].values[0] == -1 and course.attrs["fps"] == 30.0
    np.testing.assert_allclose(course["probability"].values[1:].sum(1), 1, atol=3e-3)
    assert course.attrs["recording"] == "recording_001"
    table = pd.read_csv(out / "syllables.csv")
    assert len(table) == 1500 and set(table["recording"]) == {
        f"recording_00{k}" for k in range(3)
    }
    own = table[table["recording"] == "recording_001"]
    np.testing.assert_array_equal(own["syllable"], course["syllable"])
    np.testing.assert_allclose(own["centroid_y"], course["centroid"].values[:, 1], atol=1e-4)
    curves = pd.read_csv(out / "curves.csv")
    assert curves["sweep"].tolist() == list(range(1, len(curves) + 1))
    assert curves["phase"].iloc[-1] == "run of the whole"
    page = (out / "report.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "") and page.count("<svg") >= 5
    assert not (out / "begun.json").exists()


def test_the_syllables_are_those_that_were_planted(fitted, made):
    out, _ = fitted
    truth = syllables.read(made / "truth", fps=30.0).sequences
    found = syllables.read(out / "syllables").sequences
    assert found.names == truth.names
    seen = found.valid
    assert adjusted_rand_score(truth.values[seen], found.values[seen]) > 0.6


def test_the_library_finds_the_same(fitted, made):
    out, _ = fitted
    names = [f"recording_00{k}" for k in range(3)]
    poses = {name: io_poses.read(made / f"poses/{name}.nc") for name in names}
    strict = fit_syllables.CLEAN  # what a notebook would do before the fit
    poses = {name: clean.clean(one, name, strict).poses for name, one in poses.items()}
    inner = {k: v for k, v in FIT.items() if k != "write"}
    model = KeypointSLDS(**inner).fit(poses)
    held = store.read_dataset(out / "model.nc")
    np.testing.assert_array_equal(model.parameters_.trans, held["trans_probs"])
    label = model.predict(poses)["recording_002"]["syllable"].values
    np.testing.assert_array_equal(
        label, syllable_runs.read(out / "syllables/recording_002.nc")["syllable"]
    )


def test_other_programs_and_models_of_states_read_a_run(fitted):
    out, _ = fitted
    whole = syllables.read(out).sequences  # the folder of a run stands for its recordings
    exchange = syllables.read(out / "results.h5").sequences
    assert whole.names == exchange.names and whole.fps == exchange.fps == 30.0
    np.testing.assert_array_equal(whole.values, exchange.values)
    with h5py.File(out / "results.h5") as file:
        group = file["recording_000"]
        assert set(group) == {"syllable", "latent_state", "centroid", "heading"}
        assert group["latent_state"].shape == (500, 3)


def test_a_finished_run_is_not_done_again(fitted, made):
    out, told = fitted
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
    again = fit_syllables.run(FitConfig(**FIT), [made / "poses"], out, threads=2)
    assert again == told and before == {p: p.stat().st_mtime_ns for p in out.rglob("*")}


def ends_the_same(one, two):
    a, b = (store.read_dataset(p / "chain.nc") for p in (one, two))
    xr.testing.assert_equal(a, b)
    assert (one / "syllables.csv").read_bytes() == (two / "syllables.csv").read_bytes()
    assert not list(two.rglob("*.partial*"))


@pytest.mark.slow
def test_a_run_that_was_killed_at_twenty_moments_ends_the_same(fitted, made, tmp_path):
    """After each of the first twenty sweeps: in searches, runs and between them."""
    out, cfg = tmp_path / "run", FitConfig(**FIT, checkpoint_s=1e-9)
    for sweep in range(1, 21):

        def kill(step, last=sweep + 1):
            if step.stage == "fit-syllables" and step.done == last:
                raise Killed

        with pytest.raises(Killed):
            fit_syllables.run(cfg, [made / "poses"], out, threads=1, progress=kill)
        held = store.read_dataset(out / "chain.nc")
        assert held.attrs["sweeps"] == sweep and not (out / "provenance.json").exists()
    assert held.attrs["phase"] >= 3  # every kind of stretch was cut
    fit_syllables.run(cfg, [made / "poses"], out, threads=2)
    ends_the_same(fitted[0], out)


CHILD = """
import sys, time
from pathlib import Path
from gambol.stages import fit_syllables
cfg = fit_syllables.FitConfig.model_validate_json(sys.argv[1])
slow = lambda step: time.sleep(0.1)
fit_syllables.run(cfg, [Path(sys.argv[2])], Path(sys.argv[3]), threads=1, progress=slow)
"""


@pytest.mark.slow
def test_a_process_that_was_killed_outright_goes_on_and_ends_the_same(fitted, made, tmp_path):
    out, cfg = tmp_path / "run", FitConfig(**FIT, checkpoint_s=1e-9)
    args = [sys.executable, "-c", CHILD, cfg.model_dump_json(), str(made / "poses"), str(out)]
    with subprocess.Popen(args) as child:
        until = time.monotonic() + 120
        while not (out / "chain.nc").exists() and time.monotonic() < until:
            assert child.poll() is None
            time.sleep(0.01)
        time.sleep(0.35)  # some sweeps later, wherever that is
        child.kill()
    assert child.returncode == -signal.SIGKILL and not (out / "provenance.json").exists()
    fit_syllables.run(cfg, [made / "poses"], out, threads=1)
    ends_the_same(fitted[0], out)


def test_recordings_without_anything_in_them_are_left_out_or_refused(made, tmp_path):
    whole = io_poses.read(made / "poses/recording_000.nc")
    nobody = whole.copy(deep=True)
    nobody["position"].values[:] = np.nan
    (tmp_path / "poses").mkdir()
    store.write_dataset(whole, tmp_path / "poses/seen.nc")
    store.write_dataset(nobody, tmp_path / "poses/nobody.nc")
    store.write_dataset(whole.isel(time=slice(0, 0)), tmp_path / "empty.nc")
    store.write_dataset(whole.isel(keypoints=slice(0, 4)), tmp_path / "fewer.nc")
    out = tmp_path / "run"
    for name, said in (
        ("poses/nobody.nc", "no recording has a keypoint"), ("empty.nc", "has no frames"),
        ("fewer.nc", "its skeleton"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            fit_syllables.run(FitConfig(**FIT), [tmp_path / name], out, **TOLD)
        assert not out.exists()
    told = fit_syllables.run(FitConfig(**FIT), [tmp_path / "poses"], out, **TOLD)
    assert told.recordings == 1
    assert any("nobody: no keypoint in any frame" in text for text in told.remarks)


@pytest.mark.parametrize("stage", ["syllables", "page"])
def test_a_run_that_was_killed_while_it_wrote_goes_on(
    fitted, made, tmp_path, stage, monkeypatch
):
    def kill(step):
        if step.stage == stage and step.done == 2:
            raise Killed

    def refuse(*args, **kwargs):
        raise Killed

    out = tmp_path / "run"
    with monkeypatch.context() as patch, pytest.raises(Killed):
        if stage == "page":
            patch.setattr(fit_syllables.syllables_report, "write", refuse)
        fit_syllables.run(FitConfig(**FIT), [made / "poses"], out, progress=kill, **TOLD)
    assert not (out / "provenance.json").exists()
    fit_syllables.run(FitConfig(**FIT), [made / "poses"], out, **TOLD)
    same(fitted[0], out)


def test_the_order_of_files_and_what_else_lies_there_changes_nothing(fitted, made, tmp_path):
    files = sorted((made / "poses").glob("*.nc"))[::-1]
    told = fit_syllables.run(FitConfig(**FIT), files, tmp_path / "run", threads=2)
    assert told._replace(run=fitted[0]) == fitted[1]
    same(fitted[0], tmp_path / "run")


def test_what_cleaning_bridged_is_absent_again_and_outliers_are_taken_out(made, tmp_path):
    from gambol.stages import syllable_inputs

    poses = io_poses.read(made / "poses/recording_000.nc")
    poses["position"][100, :, 2] = 1e4  # no animal reaches that far
    filled = xr.zeros_like(poses["confidence"]).astype(np.int8)
    filled[200, 3] = 1
    store.write_dataset(poses.assign(filled=filled), tmp_path / "a.nc")
    seen = syllable_inputs.read_poses([tmp_path / "a.nc"], fit_syllables.CLEAN).tracks["a"]
    assert np.isnan(seen.xy[100, 2]).all() and np.isnan(seen.xy[200, 3]).all()
    raw = syllable_inputs.read_poses([tmp_path / "a.nc"], None).tracks["a"]
    assert raw.xy[100, 2, 0] == 1e4 and np.isnan(raw.xy[200, 3]).all()
    kept = ~np.isnan(seen.xy)
    np.testing.assert_array_equal(seen.xy[kept], raw.xy[kept])  # nothing is smoothed


def test_low_confidence_is_weighed_and_not_dropped(made, tmp_path):
    from gambol.stages import syllable_inputs

    poses = io_poses.read(made / "poses/recording_000.nc")
    poses["confidence"][:] = 0.05
    store.write_dataset(poses, tmp_path / "a.nc")
    seen = syllable_inputs.read_poses([tmp_path / "a.nc"], fit_syllables.CLEAN).tracks["a"]
    assert np.isfinite(seen.xy).mean() > 0.9


def test_series_that_are_given_have_the_dynamics_alone(fitted, tmp_path):
    out, _ = fitted
    cfg = FitConfig(
        model="arhmm", n_states=6, lags=1, target_duration_s=0.35, ar_iterations=15,
        search_sweeps=2, search_tries=3,
    )  # fmt: skip
    told = fit_syllables.run(cfg, [out / "syllables"], tmp_path / "nc", **TOLD)
    assert told.recordings == 3 and told.frames == 1500
    course = syllable_runs.read(tmp_path / "nc/syllables/recording_000.nc")
    before = syllable_runs.read(out / "syllables/recording_000.nc")
    np.testing.assert_allclose(course["latent"], before["latent"])
    assert adjusted_rand_score(course["syllable"], before["syllable"]) > 0.5
    again = fit_syllables.run(cfg, [out / "results.h5"], tmp_path / "h5", **TOLD)
    assert again.log_joint == told.log_joint
    table = pd.DataFrame(before["latent"].values, columns=["pc_0", "pc_1", "pc_2"])
    table.insert(0, "frame", np.arange(len(table)))
    table.to_csv(tmp_path / "scores.csv", index=False)
    csv = cfg.override(["fps=30", "series=pc"])
    alone = fit_syllables.run(csv, [tmp_path / "scores.csv"], tmp_path / "csv", **TOLD)
    assert alone.frames == 500
    with pytest.raises(InputError, match="give fps"):
        fit_syllables.run(cfg, [tmp_path / "scores.csv"], tmp_path / "x", **TOLD)


def test_labels_calibrate_the_noise(made, tmp_path):
    from gambol.core.labels import Labels
    from gambol.io import labels as io_labels

    rng = np.random.default_rng(0)
    source = io_poses.read(made / "poses/recording_000.nc").drop_vars("covariance")
    frames = np.arange(0, 480, 6)
    skeleton = io_poses.core_poses.skeleton(source)
    truth = source["position"].values[..., 0].transpose(0, 2, 1)
    sd = 4.0
    noisy = truth + sd * rng.standard_normal(truth.shape)
    confidence = np.full(truth.shape[:2], 0.9)
    poses = source.assign(
        position=(source["position"].dims, noisy.transpose(0, 2, 1)[..., None]),
        confidence=(source["confidence"].dims, confidence[..., None]),
    )
    video = tmp_path / "film.mp4"
    store.write_dataset(poses.assign_attrs(source_file=str(video)), tmp_path / "film.nc")
    xy = truth[frames]
    labels = Labels(
        skeleton, (str(video),), np.zeros(len(frames), int), frames,
        np.zeros(len(frames), int), xy,
        np.where(np.isnan(xy[..., 0]), 255, 2).astype(np.uint8),
        np.zeros(len(frames), np.uint8),
    )  # fmt: skip
    io_labels.write(labels, tmp_path / "labels.csv", "csv")
    out = tmp_path / "run"
    cfg = FitConfig(**{**FIT, "iterations": 2, "ar_iterations": 2, "clean": None})
    fit_syllables.run(cfg, [tmp_path / "film.nc"], out, labels=tmp_path / "labels.csv", **TOLD)
    model = KeypointSLDS.from_dataset(store.read_dataset(out / "model.nc"))
    slope, level = model.model_.calibration
    foretold = 10 ** (slope * np.log10(0.9) + level)
    # s⁰ is the scale of a law with heavy tails (ν = 5), a little below the variance
    assert 0.75 * sd < foretold < 1.1 * sd
    table = pd.read_csv(out / "noise.csv")
    middle = table[(table["quantile"] == 0.5) & (table["points"] > 0)]
    np.testing.assert_allclose(middle["seen"], middle["foretold"], rtol=0.2)
    assert "Is the noise right?" in (out / "report.html").read_text()


def test_unknown_settings_and_those_without_effect_are_refused(made, tmp_path):
    with pytest.raises(InputError, match="n_state"):
        FitConfig.from_values({"n_state": 3}, "fit.yaml")
    for values, words in (
        ({"clean": {"gap_s": 0.2}}, "clean.gap_s has no effect"),
        ({"model": "arhmm", "iterations": 5}, "iterations has no effect with model: arhmm"),
        ({"fps": 30.0}, "fps has no effect with model: keypoints"),
    ):
        with pytest.raises(InputError, match=words):
            FitConfig.from_values(values, "fit.yaml")
    path = tmp_path / "fit.yaml"
    FitConfig(**FIT).to_yaml(path)
    assert FitConfig.from_yaml(path) == FitConfig(**FIT)


def test_ends_are_guessed_from_names_and_asked_for_where_these_tell_nothing(made, tmp_path):
    bare = FitConfig(**{k: v for k, v in FIT.items() if k not in ("anterior", "posterior")})
    named, found = fit_syllables.read(bare, [made / "poses"])
    assert named.anterior and named.posterior
    assert any("was taken for the front" in remark for remark in found.remarks)
    half, _ = fit_syllables.read(bare.override(["anterior=[tail]"]), [made / "poses"])
    assert half.anterior == ("tail",) and half.posterior == named.posterior
    poses = io_poses.read(made / "poses/recording_000.nc")
    letters = [chr(ord("a") + k) for k in range(poses.sizes["keypoints"])]
    skeleton = json.loads(poses.attrs["skeleton"]) | {"keypoints": letters}
    poses = poses.assign_coords(keypoints=letters)
    poses.attrs["skeleton"] = json.dumps(skeleton)
    store.write_dataset(poses, tmp_path / "letters.nc")
    with pytest.raises(InputError, match="none of the keypoints a, b"):
        fit_syllables.run(bare, [tmp_path / "letters.nc"], tmp_path / "run", **TOLD)
    assert not (tmp_path / "run").exists()


def test_other_settings_are_not_written_over_and_names_come_once(fitted, made, tmp_path):
    other = FitConfig(**{**FIT, "n_states": 5})
    with pytest.raises(InputError, match="choose another --out"):
        fit_syllables.run(other, [made / "poses"], fitted[0], **TOLD)
    (tmp_path / "more").mkdir()
    shutil.copy(made / "poses/recording_000.nc", tmp_path / "more")
    with pytest.raises(InputError, match="both hold a recording 'recording_000'"):
        fit_syllables.run(other, [made / "poses", tmp_path / "more"], tmp_path / "run", **TOLD)
    with pytest.raises(InputError, match="no recordings were given"):
        fit_syllables.run(other, [], tmp_path / "run", **TOLD)


def test_a_model_says_what_it_was_made_of(fitted, made):
    held = store.read_dataset(fitted[0] / "model.nc").attrs
    path = made / "poses/recording_000.nc"
    assert json.loads(held["inputs"])[str(path)] == store.file_hash(path)
    assert json.loads(held["settings"])["n_states"] == 6
    bouts = state_courses.read_bouts(fitted[0] / "bouts.csv")
    assert set(bouts["recording"]) == {f"recording_00{k}" for k in range(3)}


def test_several_animals_of_a_file_are_recordings_of_their_own(made, tmp_path):
    one = io_poses.read(made / "poses/recording_000.nc").assign_coords(individuals=["ann"])
    two = io_poses.read(made / "poses/recording_001.nc").assign_coords(individuals=["ben"])
    both = xr.concat([one, two], "individuals", combine_attrs="override")
    store.write_dataset(both, tmp_path / "pair.nc")
    cfg = FitConfig(**{**FIT, "iterations": 2, "ar_iterations": 2})
    told = fit_syllables.run(cfg, [tmp_path / "pair.nc"], tmp_path / "run", **TOLD)
    assert told.recordings == 2
    course = syllable_runs.read(tmp_path / "run/syllables/pair.ben.nc")
    assert course.attrs["individual"] == "ben" and course.attrs["recording"] == "pair"
