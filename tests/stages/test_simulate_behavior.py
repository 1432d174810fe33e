import numpy as np
import pandas as pd
import pytest
import xarray as xr
from syllable_worlds import world

from gambol.core.errors import InputError
from gambol.io import poses as io_poses
from gambol.io import store, syllables
from gambol.stages import simulate_behavior


def test_poses_come_with_the_syllables_that_made_them(tmp_path):
    told = world(tmp_path / "world", recordings=2, frames=300)
    assert told.recordings == 2 and told.frames == 600 and told.front == "neck"
    poses = io_poses.read(tmp_path / "world/poses/recording_001.nc")
    truth = syllables.read(tmp_path / "world/truth", fps=30.0).sequences
    assert poses.sizes["time"] == 300 and truth.offsets[-1] == 600
    assert truth.values.max() == 2
    law = store.read_dataset(tmp_path / "world/truth.nc")
    np.testing.assert_allclose(law["trans_probs"].sum("syllable_next"), 1)
    label = pd.read_csv(tmp_path / "world/truth/recording_000.csv")["syllable"].to_numpy()
    stays = (label[1:] == label[:-1]).mean()
    assert abs(stays - float(np.diag(law["trans_probs"]).mean())) < 0.06


def test_the_same_seed_gives_the_same_poses_and_more_recordings_change_none(tmp_path):
    world(tmp_path / "a", recordings=1, frames=200)
    world(tmp_path / "b", recordings=2, frames=200)
    world(tmp_path / "c", recordings=1, frames=200, seed=1)
    one, two, other = (
        io_poses.read(tmp_path / name / "poses/recording_000.nc") for name in "abc"
    )
    xr.testing.assert_equal(one, two)
    assert not one.equals(other)


def test_poses_may_be_in_space_and_without_covariance(tmp_path):
    world(tmp_path / "w", recordings=1, frames=100, space=3, covariance=False)
    poses = io_poses.read(tmp_path / "w/poses/recording_000.nc")
    assert poses.sizes["space"] == 3 and "covariance" not in poses


def test_a_folder_is_made_once(tmp_path):
    first = world(tmp_path / "w", recordings=1, frames=100)
    before = (tmp_path / "w/poses/recording_000.nc").stat().st_mtime_ns
    assert world(tmp_path / "w", recordings=1, frames=100) == first
    assert (tmp_path / "w/poses/recording_000.nc").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="choose another --out"):
        world(tmp_path / "w", recordings=2, frames=100)


def test_words_say_what_to_do_next(tmp_path):
    told = world(tmp_path / "w", recordings=1, frames=300)
    assert "gambol syllables" in simulate_behavior.describe(told._asdict())
