import pickle

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io import calibration
from gambol.io.calibration import deepfly3d
from gambol.kernels import projection


@pytest.fixture
def path(data):
    return data / "fly_7cam" / "reference_df3d" / "df3d_result.pkl"


def test_cameras_and_points_of_the_fly_agree(path):
    rig = calibration.read(path)
    assert calibration.detect(path) == "deepfly3d"
    assert list(rig) == [f"cam_{v}" for v in range(7)]
    with path.open("rb") as file:
        truth = pickle.load(file)["points3d_wo_procrustes"]  # noqa: S301
    points = deepfly3d.read_points(path, (960, 480))
    shown = projection.project(truth.reshape(-1, 3), rig.params()).uv.reshape(7, 8, 38, 2)
    off = np.linalg.norm(np.moveaxis(points.xy, 1, 0) - shown, axis=-1)
    assert np.nanmedian(off) < 3  # px; wrong by 100 with rows and columns exchanged


def test_unseen_points_are_missing(path):
    points = deepfly3d.read_points(path, (960, 480))
    seen = np.isfinite(points.xy).all(axis=-1).sum(axis=(0, 2))
    assert points.xy.shape == (8, 7, 38, 2)
    assert seen.tolist() == [152, 152, 120, 0, 120, 152, 152]


def test_rows_come_before_columns_in_the_file(tmp_path):
    shares = np.array([[[[0.25, 0.5], [0.0, 0.0]]], [[[0.0, 1.0], [1.0, 0.1]]]])
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"points2d": shares}))
    xy = deepfly3d.read_points(tmp_path / "a.pkl", (960, 480)).xy
    np.testing.assert_array_equal(xy[0, 0], [[480, 120], [np.nan, np.nan]])
    np.testing.assert_array_equal(xy[0, 1], [[np.nan, np.nan], [96, 480]])


def test_files_without_points_are_refused(tmp_path):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"points2d": np.zeros((2, 3))}))
    with pytest.raises(InputError, match="points2d is"):
        deepfly3d.read_points(tmp_path / "a.pkl", (960, 480))
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({}))
    with pytest.raises(InputError, match="no points2d"):
        deepfly3d.read_points(tmp_path / "a.pkl", (960, 480))
