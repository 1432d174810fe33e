import h5py
import numpy as np
import pandas as pd
import pytest
from labelled import MOUSE, film

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.io import labels as io_labels
from gambol.io import poses_export


@pytest.fixture
def series(tmp_path):
    rng = np.random.default_rng(0)
    xy = rng.uniform(0, 60, (30, 2, 4, 2))
    xy[3:6, 0] = np.nan
    xy[:, 1, 2] = np.nan
    confidence = rng.uniform(0, 1, xy.shape[:3])
    cov = np.broadcast_to(np.array([[2.0, 0.5], [0.5, 1.0]]), (*xy.shape, 2))
    return poses.build(
        xy, confidence, cov, np.arange(30) / 30, MOUSE, fps=30.0, individuals=("ann", "bob"),
        attrs={"source_file": str(film(tmp_path / "clip.mp4"))},
    )  # fmt: skip


def test_csv_equals_the_arrays(series, tmp_path):
    (path,) = poses_export.write(series, tmp_path / "p.csv", "csv")
    table = pd.read_csv(path)
    assert tuple(table.columns) == poses_export.CSV_COLUMNS
    want = poses.xy(series).reshape(-1, 2)
    np.testing.assert_array_equal(table[["x", "y"]].to_numpy(), want)
    np.testing.assert_array_equal(table["cov_xy"], 0.5)
    row = table[(table.frame == 7) & (table.individual == "bob") & (table.keypoint == "tail")]
    assert row.confidence.item() == poses.points(series, "confidence")[7, 1, 3]
    assert row.time_s.item() == 7 / 30


def test_analysis_equals_the_arrays(series, tmp_path):
    (path,) = poses_export.write(series, tmp_path / "p.h5", "analysis")
    with h5py.File(path) as file:
        np.testing.assert_array_equal(
            file["tracks"][()].transpose(3, 0, 2, 1), poses.xy(series)
        )
        assert file["track_occupancy"][3].tolist() == [0, 1]
        scores = poses.points(series, "confidence").transpose(1, 2, 0)
        np.testing.assert_array_equal(file["point_scores"][()], scores)


def test_dlc_equals_the_arrays_in_pandas(series, tmp_path):
    csv, h5 = poses_export.write(series, tmp_path / "pDLC_gambol.h5", "dlc")
    table = pd.read_hdf(h5)
    assert table.columns.names == ["scorer", "individuals", "bodyparts", "coords"]
    x = table["gambol"]["ann"]["nose"]["x"].to_numpy()
    np.testing.assert_array_equal(x, poses.xy(series)[:, 0, 0, 0])
    assert list(table["gambol"]["bob"]["tail"].columns) == ["x", "y", "likelihood"]
    back = io_labels.read(h5)
    assert len(back) == 30 + 27
    np.testing.assert_array_equal(io_labels.read(csv).xy, back.xy)


def test_slp_has_scores_and_comes_back(series, tmp_path):
    (path,) = poses_export.write(series, tmp_path / "p.slp", "slp")
    back = io_labels.load(path)
    frame, who = back.frame, back.individual
    np.testing.assert_array_equal(back.xy, poses.xy(series)[frame, who])
    with h5py.File(path) as file:
        scores = file["pred_points"]["score"].reshape(-1, 4)
    np.testing.assert_array_equal(scores, poses.points(series, "confidence")[frame, who])


def test_nwb_is_written(series, tmp_path):
    pytest.importorskip("pynwb", reason="the extra nwb is not installed")
    (path,) = poses_export.write(series, tmp_path / "p.nwb", "nwb")
    found = []
    with h5py.File(path) as file:
        file.visititems(lambda name, _: found.append(name) if name.endswith("nose") else None)
    assert found


def test_what_cannot_be_written_is_said(series, tmp_path):
    with pytest.raises(InputError, match="no format 'slq' for poses; did you mean 'slp'"):
        poses_export.write(series, tmp_path / "p", "slq")
    with pytest.raises(InputError, match="there are no poses"):
        poses_export.write(series.isel(time=slice(0, 0)), tmp_path / "p", "csv")
    assert not (tmp_path / "p").exists()
