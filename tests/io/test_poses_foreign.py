"""What other programs found becomes poses, whichever program it was."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gambol.behavior import clean
from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.io import poses as io_poses
from gambol.io import poses_foreign
from gambol.io.poses_foreign import Said
from gambol.simulate import behaviors, faults
from gambol.stages import export

DATA = Path(os.environ.get("GAMBOL_DATA", "../shared/data"))


@pytest.fixture
def ours(tmp_path):
    """Poses of one animal, as our file."""
    rng = np.random.default_rng(0)
    made = faults.track(rng, behaviors.perform(rng, 200, fps=30.0), faults.Faults()).poses
    path = tmp_path / "day1.nc"
    made.to_netcdf(path, engine="h5netcdf")
    return path, made


@pytest.mark.parametrize(("kind", "name"), [
    ("dlc", "day1.h5"), ("dlc", "day1.csv"), ("analysis", "a.h5"), ("slp", "a.slp"),
    ("csv", "a.csv"),
])  # fmt: skip
def test_every_format_that_we_write_comes_back(ours, tmp_path, kind, name):
    path, made = ours
    export.run(path, kind, tmp_path / "out" / name)
    found = io_poses.read(tmp_path / "out" / name, fps=30.0)
    there = core_poses.xy(found)[: len(made["time"])]
    want = core_poses.xy(made)[: len(there)]
    np.testing.assert_allclose(there, want, atol=1e-3)
    np.testing.assert_allclose(found["time"], np.arange(len(found["time"])) / 30.0)
    assert found.attrs["fps"] == 30.0
    assert ("covariance" in found) == (kind == "csv")
    clean.clean(found)  # and goes on from there


def test_a_rate_is_asked_for_and_names_end_before_those_of_networks(tmp_path, ours):
    export.run(ours[0], "dlc", tmp_path / "day1DLC_resnet50_x.h5")
    with pytest.raises(InputError, match="import-poses --fps"):
        io_poses.read(tmp_path / "day1DLC_resnet50_x.h5")
    assert list(io_poses.read_all(str(tmp_path / "*.h5"), fps=30.0)) == ["day1"]
    with pytest.raises(InputError, match="no file matches"):
        io_poses.read_all(str(tmp_path / "*.slp"))


def test_arrays_need_names_and_say_units(tmp_path):
    xyz = np.random.default_rng(0).normal(size=(9, 4, 3))
    np.savez(tmp_path / "a.npz", tracks=xyz)
    with pytest.raises(InputError, match="4 keypoints and does not name them"):
        poses_foreign.read(tmp_path / "a.npz", Said(10.0))
    said = Said(10.0, ("a", "b", "c", "d"), unit="mm")
    found = poses_foreign.read(tmp_path / "a.npz", said)
    np.testing.assert_allclose(core_poses.xy(found)[:, 0], xyz, atol=1e-6)
    assert found.attrs["space_unit"] == "mm" and (found["confidence"] == 1).all()
    with pytest.raises(InputError, match="3 names were given"):
        poses_foreign.read(tmp_path / "a.npz", said._replace(keypoints=("a", "b", "c")))


def test_what_is_no_poses_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("hello,world\n1,2\n")
    with pytest.raises(InputError, match="holds no poses known here"):
        poses_foreign.read(tmp_path / "a.csv", Said(10.0))
    with pytest.raises(InputError, match="does not exist"):
        poses_foreign.read(tmp_path / "b.h5", Said(10.0))


@pytest.mark.skipif(not DATA.exists(), reason=f"no data at {DATA}")
def test_a_table_of_deeplabcut_without_its_video_equals_what_pandas_reads():
    (path,) = (DATA / "mouse_bottomview").glob("*.h5")
    found = io_poses.read(path, fps=60.0)
    pandas_read = pd.read_hdf(path).to_numpy().reshape(7200, 6, 3)
    np.testing.assert_allclose(core_poses.xy(found)[:, 0], pandas_read[..., :2], atol=1e-3)
    sure = core_poses.points(found, "confidence")[:, 0]
    np.testing.assert_allclose(sure, pandas_read[..., 2], atol=1e-6)
