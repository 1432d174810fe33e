"""Pose series against `movement`, whose schema they follow, and a round trip through a file."""

import json
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton

FLY = Skeleton(("head", "wingL", "wingR"), (-1, 0, 0), (-1, 2, 1), ((1, 2),), "fly")


def arrays(n_frames=7, n_animals=2, space=2, seed=0):
    rng = np.random.default_rng(seed)
    lead = (n_frames, n_animals, len(FLY))
    xy = rng.uniform(0, 500, (*lead, space))
    root = rng.normal(size=(*lead, space, space))
    xy[0, 0, 1] = np.nan
    return xy, rng.uniform(size=lead), root @ np.swapaxes(root, -1, -2)


def series(n_frames=7, n_animals=2, space=2, **more):
    xy, confidence, cov = arrays(n_frames, n_animals, space)
    names = tuple(f"fly{n}" for n in range(n_animals))
    times = 0.5 + np.arange(n_frames) / 25
    return poses.build(xy, confidence, cov, times, FLY, fps=25.0, individuals=names, **more)


@given(st.integers(1, 5), st.integers(1, 3), st.sampled_from([2, 3]))
def test_what_goes_in_by_axis_comes_out_by_name(n_frames, n_animals, space):
    xy, confidence, cov = arrays(n_frames, n_animals, space)
    ds = series(n_frames, n_animals, space, extra={"peak": confidence / 2})
    np.testing.assert_array_equal(poses.xy(ds), xy)
    np.testing.assert_array_equal(poses.points(ds, "confidence"), confidence)
    np.testing.assert_array_equal(poses.points(ds, "peak"), confidence / 2)
    np.testing.assert_array_equal(poses.covariance(ds), cov)
    assert poses.skeleton(ds) == FLY


def test_one_value_is_where_its_names_say():
    xy, confidence, cov = arrays()
    ds = series()
    here = {"keypoints": "wingR", "individuals": "fly1"}
    assert float(ds.position.sel(space="y", **here)[3]) == xy[3, 1, 2, 1]
    assert float(ds.confidence.sel(**here)[3]) == confidence[3, 1, 2]
    assert float(ds["covariance"].sel(space="x", space_b="y", **here)[3]) == cov[3, 1, 2, 0, 1]
    assert float(ds.time[3]) == 0.5 + 3 / 25


@pytest.fixture(scope="module")
def movement():
    with warnings.catch_warnings():  # of what it imports; ours stay errors
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        movement = pytest.importorskip("movement")
        from movement import kinematics
        from movement.validators import datasets
    return SimpleNamespace(
        version=movement.__version__, kinematics=kinematics, **vars(datasets)
    )


@pytest.mark.parametrize("space", [2, 3])
def test_movement_accepts_the_series_fresh_and_from_a_file(movement, tmp_path, space):
    ds = series(space=space)
    movement.ValidPosesInputs.validate(ds)
    assert set(movement.ValidPosesInputs.DIM_NAMES) == set(ds.position.dims)
    ds.to_netcdf(tmp_path / "poses.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "poses.nc", engine="h5netcdf") as loaded:
        movement.ValidPosesInputs.validate(loaded)
        speed = movement.kinematics.compute_velocity(loaded.position)
    here = {"keypoints": "head", "individuals": "fly0", "space": "y"}
    expected = np.gradient(poses.xy(ds)[:, 0, 0, 1], 1 / 25)
    np.testing.assert_allclose(speed.sel(**here), expected)


def test_a_file_gives_back_the_series(tmp_path):
    ds = series(attrs={"decoder": "gaussian", "settings": {"sigma": 5.0}, "ema": True})
    path = tmp_path / "poses.nc"
    ds.to_netcdf(path, engine="h5netcdf")
    with xr.open_dataset(path, engine="h5netcdf") as file:
        loaded = file.load()
    xr.testing.assert_equal(loaded, ds)
    assert poses.skeleton(loaded) == FLY
    assert loaded.attrs["fps"] == 25.0 and loaded.attrs["time_unit"] == "seconds"
    assert json.loads(loaded.attrs["ema"]) is True
    assert json.loads(loaded.attrs["settings"]) == {"sigma": 5.0}


@pytest.mark.parametrize("fps", [30.0, 59.94, 30000 / 1001])
def test_the_rate_of_a_clock_is_the_one_it_was_made_with(fps):
    times = np.arange(240) / fps
    assert poses.rate(times) == pytest.approx(fps, rel=1e-11)
    assert poses.rate(np.arange(240) / 30) == 30.0 and poses.rate(times[:1]) == 1.0


def test_units_follow_the_space():
    assert series(space=2).attrs["space_unit"] == "pixels"
    assert series(space=3).attrs["space_unit"] == "world"
    assert series(space=3, attrs={"space_unit": "mm"}).attrs["space_unit"] == "mm"
    assert series(space=3)["space"].values.tolist() == ["x", "y", "z"]


def test_a_series_of_another_tool_has_names_at_least():
    ds = series()
    del ds.attrs["skeleton"]
    assert poses.skeleton(ds) == Skeleton(FLY.keypoints)


def test_what_is_no_pose_series_is_said_to_lack_something():
    ds = series()
    assert poses.validate(ds, "a.nc") is ds
    with pytest.raises(InputError, match="b.nc is no pose file: it lacks confidence"):
        poses.validate(ds.drop_vars("confidence"), "b.nc")
    with pytest.raises(InputError, match="lacks position and confidence"):
        poses.validate(xr.Dataset(), "c.nc")
    with pytest.raises(InputError, match="position lacks individuals"):
        poses.validate(ds.isel(individuals=0), "d.nc")
