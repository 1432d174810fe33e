import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gambol.core.errors import InputError
from gambol.io import series, store

X = np.random.default_rng(0).standard_normal((20, 3))


def test_series_are_read_from_netcdf_hdf5_and_tables(tmp_path):
    held = xr.Dataset({"scores": (("pc", "time"), X.T)}, attrs={"fps": 25.0})
    store.write_dataset(held, tmp_path / "a.nc")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.attrs["fps"] = 30.0
        file["mouse 1/scores"] = X
        file["mouse 2/scores_state"] = X[:10]
        file["mouse 3/other"] = X
    pd.DataFrame(X, columns=["scores_0", "scores_1", "scores_2"]).assign(note="x").to_csv(
        tmp_path / "c.csv", index=False
    )
    pd.DataFrame(X, columns=list("uvw")).rename_axis("frame").to_csv(tmp_path / "d.csv")
    (one,) = series.read(tmp_path / "a.nc", "scores")
    two, three = series.read(tmp_path / "b.h5", "scores")
    (four,) = series.read(tmp_path / "c.csv", "scores")
    (five,) = series.read(tmp_path / "d.csv", "scores")
    assert (one.name, one.fps) == ("a", 25.0) and (two.name, two.fps) == ("mouse 1", 30.0)
    assert four.fps is None and len(three.values) == 10
    for found in (one, two, four, five):
        np.testing.assert_allclose(found.values, X)
        assert found.values.flags.c_contiguous


def test_what_holds_no_series_is_named(tmp_path):
    store.write_dataset(xr.Dataset({"a": ("x", X[0])}), tmp_path / "a.nc")
    with pytest.raises(InputError, match="has no variable 'latent'; it has a"):
        series.read(tmp_path / "a.nc")
    with pytest.raises(InputError, match="no dimension `time`"):
        series.read(tmp_path / "a.nc", "a")
    (tmp_path / "b.csv").write_text("name\nann\nben\n")
    with pytest.raises(InputError, match="column 'name' is no number"):
        series.read(tmp_path / "b.csv")
    (tmp_path / "c.mat").write_text("x")
    with pytest.raises(InputError, match=r"is none of .nc"):
        series.read(tmp_path / "c.mat")
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["m/other"] = X
    with pytest.raises(InputError, match="no group with a dataset 'latent'"):
        series.read(tmp_path / "d.h5")
    (tmp_path / "e.h5").write_text("nothing")
    with pytest.raises(InputError, match="no complete HDF5"):
        series.read(tmp_path / "e.h5")
