import numpy as np
import pandas as pd
import pytest
import xarray as xr
from map_worlds import FIT, dataset, world

from gambol.core.errors import InputError
from gambol.core.shares import Share
from gambol.io import store
from gambol.stages import apply_map, fit_map
from gambol.stages.apply_map import ApplyConfig
from gambol.stages.fit_map import FitConfig

CFG = ApplyConfig.from_values({"tables": FIT["tables"]}, "here")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    truth = world(folder / "poses")
    cfg = FitConfig(**{**FIT, "stability": dict(splits=0)})
    fit_map.run(cfg, [folder / "poses"], folder / "run", threads=1)
    return folder, truth


def test_recordings_of_the_map_get_the_places_they_have(fitted, tmp_path):
    folder, _ = fitted
    told = apply_map.run(CFG, folder / "run", [folder / "poses/day1.nc"], tmp_path / "out")
    one, two = (
        store.read_dataset(path / "places/day1.nc").drop_attrs()
        for path in (folder / "run", tmp_path / "out")
    )
    xr.testing.assert_equal(one, two)  # alone or with others
    assert told.recordings == 1 and told.sure > 0.97
    assert "made of other recordings" in (tmp_path / "out/report.html").read_text()
    assert len(pd.read_csv(tmp_path / "out/regions.csv")) == told.regions
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*")}
    again = apply_map.run(
        CFG, folder / "run/model.nc", [folder / "poses/day1.nc"], tmp_path / "out", threads=2
    )
    assert again == told
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*")}


def test_shares_place_what_one_process_places(fitted, tmp_path):
    folder, _ = fitted
    run, poses = folder / "run", [folder / "poses"]
    for k in range(2):
        placed = apply_map.place(CFG, run, poses, tmp_path / "two", Share(k, 2))
        assert placed == [f"day{k}"]
    files = sorted((tmp_path / "two").glob("places/*.nc"))
    assert [path.stem for path in files] == ["day0", "day1"]
    told = [apply_map.run(CFG, run, poses, tmp_path / name) for name in ("one", "two")]
    assert told[0] == told[1]._replace(out=tmp_path / "one")
    for file in files:
        other = tmp_path / "one/places" / file.name
        xr.testing.assert_identical(store.read_dataset(file), store.read_dataset(other))
    assert apply_map.place(CFG, run, poses, tmp_path / "two", Share(0, 2)) == []


def test_new_recordings_of_another_rate_find_the_same_movements(fitted, tmp_path):
    folder, truth = fitted
    new = world(tmp_path / "fast", recordings=1, bouts=8, fps=80.0, prefix="new", seed=9)
    told = apply_map.run(CFG, folder / "run", [tmp_path / "fast"], tmp_path / "out")
    assert told.sure > 0.9

    def common(run, name, label, inner):
        region = store.read_dataset(run / f"places/{name}.nc")["region"].values
        own = inner & (region > 0)
        return pd.crosstab(region[own], label[own])

    old, now = (
        common(folder / "run", "day0", *truth["day0"]),
        common(tmp_path / "out", "new0", *new["new0"]),
    )
    assert (old.idxmax(axis=0) == now.idxmax(axis=0)).all()
    assert now.max(axis=1).sum() / now.to_numpy().sum() >= 0.9


def test_what_does_not_fit_the_map_is_refused_in_a_sentence(fitted, tmp_path):
    folder, _ = fitted
    run, out = folder / "run", tmp_path / "out"
    world(tmp_path / "slow", recordings=1, bouts=4, fps=30.0, prefix="slow")
    with pytest.raises(InputError, match="30 frames/s, which show at most 15 Hz.*up to 16 Hz"):
        apply_map.run(CFG, run, [tmp_path / "slow"], out)
    xy = np.random.default_rng(0).normal(size=(300, 3, 2))
    names = ("nose", "paw_L", "tail_base")
    store.write_dataset(dataset(xy, 50.0, names), tmp_path / "few.nc")
    with pytest.raises(InputError, match="27 columns of amplitudes, the map 54"):
        apply_map.run(CFG, run, [tmp_path / "few.nc"], out)
    with pytest.raises(InputError, match="no behaviour map; give a run of gambol fit-map"):
        apply_map.run(CFG, folder / "poses/day0.nc", [folder / "poses"], tmp_path / "no")
