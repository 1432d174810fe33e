import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gambol.core.errors import InputError
from gambol.io import store, syllable_runs, syllables

T = 30


def course(seed=0, poses=True):
    rng = np.random.default_rng(seed)
    label = np.where(np.arange(T) < 3, -1, rng.integers(4, size=T))
    parts = {
        "syllable": ("time", label),
        "latent": (("time", "latent"), rng.normal(size=(T, 2))),
    }
    if poses:
        parts["centroid"] = (("time", "space"), rng.normal(size=(T, 2)))
        parts["heading"] = ("time", rng.normal(size=T))
    coords = {"time": np.arange(T) / 25, **({"space": ["x", "y"]} if poses else {})}
    found = xr.Dataset(parts, coords, {"fps": 25.0})
    chance = rng.dirichlet(np.ones(4), T)
    chance[:3] = np.nan
    return syllable_runs.build(found, chance, None, {"recording": "a"})


def test_what_was_written_is_read_bit_for_bit(tmp_path):
    made = course()
    syllable_runs.write(made, tmp_path / "a.nc")
    xr.testing.assert_identical(syllable_runs.read(tmp_path / "a.nc"), made)
    assert syllables.read(tmp_path / "a.nc").sequences.fps == 25.0
    store.write_dataset(made.drop_vars("latent"), tmp_path / "b.nc")
    with pytest.raises(InputError, match="holds no syllables: it lacks latent"):
        syllable_runs.read(tmp_path / "b.nc")


def test_a_table_has_a_row_a_frame_and_the_probability_of_the_label(tmp_path):
    one, two = course(1), course(2)
    syllable_runs.write_table([("a", one), ("b", two)], tmp_path / "all.csv")
    table = pd.read_csv(tmp_path / "all.csv")
    assert list(table) == [
        "recording", "frame", "time_s", "syllable", "probability", "centroid_x", "centroid_y",
        "heading", "latent_0", "latent_1",
    ]  # fmt: skip
    assert len(table) == 2 * T and table["probability"][:3].isna().all()
    row = table[(table["recording"] == "b") & (table["frame"] == 7)].iloc[0]
    label = int(two["syllable"][7])
    assert row["syllable"] == label
    assert row["probability"] == pytest.approx(float(two["probability"][7, label]), abs=1e-4)
    assert row["latent_1"] == pytest.approx(float(two["latent"][7, 1]), abs=1e-5)
    bare = syllable_runs.frame_table("c", course(poses=False))
    assert "heading" not in bare


def test_other_programs_find_groups_by_recording(tmp_path):
    one = course(1)
    syllable_runs.write_exchange([("a", one)], 25.0, tmp_path / "r.h5")
    with h5py.File(tmp_path / "r.h5") as file:
        assert set(file["a"]) == {"syllable", "latent_state", "centroid", "heading"}
        np.testing.assert_array_equal(file["a/syllable"][:], one["syllable"])
    assert syllables.read(tmp_path / "r.h5").sequences.names == ("a",)


def test_the_folder_of_a_run_stands_for_its_recordings(tmp_path):
    (tmp_path / "run/syllables").mkdir(parents=True)
    syllable_runs.write(course(), tmp_path / "run/syllables/a.nc")
    (tmp_path / "run/usage.csv").write_text("label,by_frame\n0,1\n")
    assert syllables.expand(tmp_path / "run") == [tmp_path / "run/syllables/a.nc"]
