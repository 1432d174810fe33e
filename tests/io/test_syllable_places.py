"""Places of animals in files of labels, written here by hand."""

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gambol.core.errors import InputError
from gambol.io import syllable_places
from gambol.io.syllables import Source


def source(path, group=""):
    return Source(path.stem, path, group, None)


def test_netcdf_has_centroid_and_heading_of_any_space(tmp_path):
    path = tmp_path / "a.nc"
    centre = np.arange(12.0).reshape(4, 3)
    xr.Dataset(
        {"centroid": (("time", "space"), centre), "heading": ("time", np.arange(4.0))},
        attrs={"recording": "day", "individual": "x", "poses": str(tmp_path / "gone.nc")},
    ).to_netcdf(path, engine="h5netcdf")
    found = syllable_places.read(source(path), 4)
    assert np.array_equal(found.centroid, centre) and found.heading.tolist() == [0, 1, 2, 3]
    assert syllable_places.read_origin(source(path)) == ("day", "x", None, None)
    with pytest.raises(InputError, match=r"a\.nc has centroid of 4 frames for 5 labels"):
        syllable_places.read(source(path), 5)


def test_a_group_of_hdf5_may_have_x_and_y(tmp_path):
    path = tmp_path / "all.h5"
    with h5py.File(path, "w") as file:
        file["b/x"], file["b/y"] = [1.0, 2.0], [3.0, 4.0]
        file["b/probability"] = np.array([[0.2, 0.8], [0.9, 0.1]], np.float16)
    found = syllable_places.read(source(path, "b"), 2)
    assert found.centroid.tolist() == [[1, 3], [2, 4]] and found.heading is None
    sure = syllable_places.typicality(source(path, "b"), [(0, 1), (0, 2)])
    assert sure == pytest.approx([0.8, 0.85], abs=1e-3)


def test_what_is_near_the_peak_of_its_region_is_typical(tmp_path):
    path = tmp_path / "m.nc"
    away = np.array([3.0, 1.0, 0.0, 0.0], np.float32)
    xr.Dataset({"peak_distance": ("time", away)}).to_netcdf(path, engine="h5netcdf")
    assert syllable_places.typicality(source(path), [(0, 2), (2, 4)]).tolist() == [-2.0, 0.0]


def test_a_table_may_have_a_column_heading(tmp_path):
    path = tmp_path / "c.csv"
    pd.DataFrame(
        {"syllable": [0, 1], "x": [1, 2], "y": [5, 6], "heading": [0.5, np.nan]}
    ).to_csv(path, index=False)
    found = syllable_places.read(source(path), 2)
    assert found.centroid.tolist() == [[1, 5], [2, 6]]
    assert found.heading[0] == 0.5 and np.isnan(found.heading[1])
    assert syllable_places.typicality(source(path), [(0, 2)]) is None
    assert syllable_places.read_origin(source(path)).poses is None


def test_files_that_say_nothing_of_places_have_none(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("syllable\n1\n2\n", encoding="utf-8")
    assert syllable_places.read(source(path), 2) == (None, None)
    other = tmp_path / "e.nc"
    xr.Dataset({"syllable": ("time", [1, 2])}).to_netcdf(other, engine="h5netcdf")
    assert syllable_places.read(source(other), 2) == (None, None)
    assert syllable_places.typicality(source(other), [(0, 1)]) is None
