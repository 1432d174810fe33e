"""A long recording: a look at all of it costs its pixels, within the times of the spec."""

import time

import numpy as np
import pytest
import xarray as xr

from gambol.app.web.behavior_book import NONE, Book
from gambol.app.web.behavior_runs import Finder
from gambol.io import store

T = 1_000_000


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("long")
    rng = np.random.default_rng(0)
    stay = np.repeat(rng.integers(0, 12, T // 10), 10).astype(np.int16)
    made = xr.Dataset(
        {"y": (("time", "axis"), rng.normal(size=(T, 2)).astype(np.float32)),
         "stay": ("time", stay), "region": ("time", stay), "syllable": ("time", stay),
         "centroid": (("time", "space"), np.zeros((T, 2), np.float32))},
        attrs={"fps": 30.0},
    )  # fmt: skip
    store.write_dataset(made, folder / "places" / "long.nc")
    return Book(Finder(folder).runs()[0])


def test_a_million_points_are_read_within_the_time_of_the_spec(book):
    start = time.perf_counter()
    found = book.embedding()
    assert time.perf_counter() - start < 5
    assert len(found.xy) == T
    assert (found.region == NONE).mean() == pytest.approx(1 / 12, abs=0.01)


def test_a_raster_of_everything_is_one_stretch_a_pixel_at_most(book):
    book.course(0)
    book.raster(0, 0, T - 1, 800)
    start = time.perf_counter()
    raster = book.raster(0, 0, T - 1, 800)
    assert time.perf_counter() - start < 0.2
    assert len(raster.runs) <= 800 and not raster.exact
    assert len(raster.speed) == 800 and set(raster.speed) == {0.0}
    near = book.raster(0, 5000, 5099, 800)
    assert near.exact and len(near.speed) == 100


def test_the_matrix_is_of_bouts_one_after_the_other(book):
    table = book.table("ann")
    assert len(table.order) == 11 and 0 not in table.order  # the way between is no label
    assert np.sum(table.next, axis=1) == pytest.approx(1, abs=1e-3)
    assert np.trace(table.next) == 0
    assert all(row.median_s is not None for row in table.labels)
