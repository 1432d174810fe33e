"""Datasets of the `movement` package go in as they are, and what comes out is one too."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from gambol.behavior import align, clean, features
from gambol.behavior.align import AlignSettings
from gambol.behavior.clean import CleanSettings
from gambol.behavior.features import Features
from gambol.behavior.slds import KeypointSLDS
from gambol.io import poses as io_poses
from gambol.io import store
from gambol.stages import clean as clean_stage
from gambol.stages import egocentric
from gambol.stages import features as features_stage

FPS, FRAMES = 30.0, 240
NAMES = ["nose", "left", "right", "tail"]
REST = np.array([[20.0, 0], [5, 6], [5, -6], [-25, 0]])
ENDS = {"anterior": ["nose"], "posterior": ["tail"]}


@pytest.fixture(scope="module")
def movement():
    with warnings.catch_warnings():  # of what it imports; ours stay errors
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        pytest.importorskip("movement", reason="movement is not installed (python < 3.12)")
        from movement import kinematics
        from movement.io import load_poses
        from movement.validators.datasets import ValidPosesInputs
    return SimpleNamespace(
        make=load_poses.from_numpy, valid=ValidPosesInputs.validate, kinematics=kinematics
    )


@pytest.fixture(scope="module")
def theirs(movement):
    """What movement makes of the poses of two animals, no more than it asks for."""
    rng = np.random.default_rng(0)
    angle = np.arange(FRAMES)[:, None] * np.array([0.03, -0.02]) + [0.4, 2.0]
    cos, sin = np.cos(angle)[..., None], np.sin(angle)[..., None]
    shape = np.stack([cos * REST[:, 0] - sin * REST[:, 1], sin * REST[:, 0] + cos * REST[:, 1]])
    place = 300.0 + 80 * np.stack([np.sin(angle), np.cos(angle)])[..., None]
    xy = shape + place + rng.normal(0, 0.3, shape.shape)  # (2, T, N, J)
    return movement.make(
        xy.transpose(1, 0, 3, 2), confidence_array=rng.uniform(0.5, 1, (FRAMES, 4, 2)),
        individual_names=["a", "b"], keypoint_names=NAMES, fps=FPS,
        source_software="DeepLabCut",
    )  # fmt: skip


@pytest.fixture(scope="module")
def file(theirs, tmp_path_factory):
    path = tmp_path_factory.mktemp("movement") / "pair.nc"
    theirs.to_netcdf(path, engine="h5netcdf")
    return path


def test_functions_take_their_dataset_and_give_one_back(movement, theirs):
    cleaned = clean.clean(theirs, "pair").poses
    aligned = align.egocentric(cleaned, **ENDS)
    for made in (cleaned, aligned):
        movement.valid(made)
        assert made.position.dims == theirs.position.dims
        xr.testing.assert_equal(made.time, theirs.time)
    forward = movement.kinematics.compute_forward_vector(
        aligned.position, "left", "right", camera_view="bottom_up"
    )
    theirs_say = np.arctan2(forward.sel(space="y"), forward.sel(space="x"))
    off = align.wrap((aligned["heading"] - theirs_say).transpose("time", "individuals").values)
    assert np.abs(off).max() < 0.3  # by other keypoints, so not the same


def test_speeds_of_features_are_theirs(movement, theirs):
    cfg = Features.from_values(ENDS, "here")
    ours = features.features(theirs, cfg, "pair")[0].sel(feature="nose speed")
    velocity = movement.kinematics.compute_velocity(theirs.position)
    nose = velocity.sel(keypoints="nose", individuals="a")
    theirs_say = np.hypot(nose.sel(space="x"), nose.sel(space="y"))
    assert str(ours["unit"].values) == "pixels/s"
    off = (ours.values - theirs_say.values)[10:-10]  # they differentiate noise, we smooth it
    assert abs(np.mean(off)) < 1.0 and np.abs(off).max() < 30.0 < theirs_say.mean()


def test_stages_read_their_files_and_write_ours_that_it_accepts(movement, file, tmp_path):
    (cleaned,) = clean_stage.run(CleanSettings(), [file], tmp_path / "cleaned").files
    settings = AlignSettings.from_values(ENDS, "here")
    (aligned,) = egocentric.run(settings, [cleaned], tmp_path / "aligned").files
    for path in (cleaned, aligned):
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            movement.valid(opened)
            movement.kinematics.compute_velocity(opened.position)
        assert io_poses.read(path).attrs["source_software"] == "DeepLabCut"
    cfg = Features.from_values(ENDS, "here")
    (featured,) = features_stage.run(cfg, [cleaned], tmp_path / "features").files
    values = store.read_dataset(featured)["feature_values"]
    assert values.dims == ("individuals", "time", "feature")
    assert values["individuals"].values.tolist() == ["a", "b"]
    with xr.open_dataset(file, engine="h5netcdf") as opened:
        np.testing.assert_array_equal(values["time"], opened["time"])
        beside = opened.load().assign(feature_values=values)
    movement.valid(beside)
    assert beside.sizes["time"] == FRAMES and beside.sizes["individuals"] == 2


def test_frames_without_seconds_ask_for_the_frame_rate(movement, theirs):
    from gambol.core.errors import InputError

    without = movement.make(
        theirs.position.values, individual_names=["a", "b"], keypoint_names=NAMES
    )
    assert without.attrs["time_unit"] == "frames"
    with pytest.raises(InputError, match="give the frames a second"):
        align.egocentric(without, **ENDS)
    done = align.egocentric(without.assign_attrs(fps=FPS), **ENDS)
    reference = align.egocentric(theirs, **ENDS)
    np.testing.assert_array_equal(done["heading"], reference["heading"])


def test_syllables_of_their_dataset_are_named_by_its_animals_and_times(movement, theirs):
    fitted = KeypointSLDS(
        n_states=4, n_dims=3, lags=1, iterations=2, ar_iterations=2, kappa=10.0, **ENDS
    ).fit({"pair": theirs})
    found = fitted.predict({"pair": theirs})
    assert sorted(found) == ["pair/a", "pair/b"]
    for animal in "ab":
        own = found[f"pair/{animal}"]
        xr.testing.assert_equal(own.time, theirs.time)
        beside = theirs.sel(individuals=[animal]).merge(own[["syllable", "heading"]])
        movement.valid(beside)
        assert beside.position.sizes == {**theirs.position.sizes, "individuals": 1}
