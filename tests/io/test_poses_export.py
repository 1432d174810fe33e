import h5py
import numpy as np
import pandas as pd
import pytest
from labelled import MOUSE, film

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED, from_positions
from gambol.io import labels as io_labels
from gambol.io import poses_export, tracks


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


@pytest.fixture
def tracked(series, tmp_path):
    """Tracks of two animals that miss frames, the last ones too, and three that are nobody."""
    xy = poses.xy(series).copy()
    xy[25:] = np.nan
    sure = np.where(np.isfinite(xy).all(-1).any(-1), 0.75, 0.0)
    known = series.assign(
        position=(series.position.dims, np.moveaxis(xy, (1, 2, 3), (3, 2, 1))),
        identity_confidence=(("time", "individuals"), sure),
        instance_score=(("time", "individuals"), sure / 3),
    )
    where = np.random.default_rng(1).uniform(0, 60, (3, 4, 2))
    where[1, 2:] = np.nan
    return known, from_positions(np.array([4, 4, 27]), where)


def test_csv_of_tracks_has_lines_of_nobody(tracked, tmp_path):
    series, untracked = tracked
    (path,) = poses_export.write(series, tmp_path / "p.csv", "csv", untracked)
    table = pd.read_csv(path)
    assert tuple(table.columns) == poses_export.TRACK_COLUMNS
    nobody = table[table.individual.isna()]
    np.testing.assert_array_equal(nobody[["x", "y"]], untracked.xy.reshape(-1, 2))
    assert nobody.frame.tolist() == [4] * 8 + [27] * 4
    assert nobody.untracked.tolist() == [1] * 4 + [2] * 4 + [1] * 4
    assert table.individual.notna().sum() == 30 * 2 * 4
    assert table[table.individual == "bob"].identity_confidence.iloc[0] == 0.75


def test_analysis_of_tracks_keeps_missing_frames_and_nobody(tracked, tmp_path):
    series, untracked = tracked
    (path,) = poses_export.write(series, tmp_path / "p.h5", "analysis", untracked)
    with h5py.File(path) as file:
        assert file["tracks"].shape == (2, 2, 4, 30)
        assert file["track_occupancy"][25:].sum() == 0
        np.testing.assert_array_equal(
            file["tracking_scores"][()].T, series.identity_confidence.values
        )
        np.testing.assert_array_equal(
            file["instance_scores"][()].T, series.instance_score.values
        )
        np.testing.assert_array_equal(file["untracked_points"][()], untracked.xy)
        assert file["untracked_frames"][()].tolist() == [4, 4, 27]
    back = tracks.load(path)
    assert (back.names, back.frames, back.skeleton.keypoints) == (
        ("ann", "bob"), 30, MOUSE.keypoints,
    )  # fmt: skip


def test_dlc_of_tracks_has_a_table_of_nobody_beside(tracked, tmp_path):
    series, untracked = tracked
    written = poses_export.write(series, tmp_path / "clipDLC.h5", "dlc", untracked)
    assert [p.name for p in written] == ["clipDLC.csv", "clipDLC.h5", "clipDLC_untracked.csv"]
    assert len(pd.read_hdf(written[1])) == 30
    nobody = pd.read_csv(written[2])
    np.testing.assert_array_equal(nobody[["x", "y"]], untracked.xy.reshape(-1, 2))
    for path in written[:2]:
        back = tracks.load(path)
        want = poses.xy(series)[back.found.frame, back.id]
        np.testing.assert_array_equal(back.found.xy, want)
        assert (back.names, back.frames) == (("ann", "bob"), 30)


def test_slp_of_tracks_keeps_nobody_and_empty_frames(tracked, tmp_path):
    import sleap_io

    series, untracked = tracked
    (path,) = poses_export.write(series, tmp_path / "p.slp", "slp", untracked)
    theirs = sleap_io.load_slp(str(path), open_videos=False)
    assert sorted(f.frame_idx for f in theirs.labeled_frames) == list(range(30))
    assert theirs.numpy().shape == (30, 2, 4, 2)
    back = tracks.load(path)
    assert (back.names, back.frames) == (("ann", "bob"), 30)
    nobody = back.found.select(back.id == UNTRACKED)
    np.testing.assert_array_equal(nobody.frame, untracked.frame)
    np.testing.assert_array_equal(nobody.xy, untracked.xy)
    mine = back.found.select(back.id != UNTRACKED)
    who = back.id[back.id != UNTRACKED]
    np.testing.assert_array_equal(mine.xy, poses.xy(series)[mine.frame, who])
    np.testing.assert_array_equal(mine.score, series.instance_score.values[mine.frame, who])
    assert len(back.id) == np.isfinite(poses.xy(series)).all(-1).any(-1).sum() + 3


def test_nwb_of_tracks_is_written(tracked, tmp_path):
    pytest.importorskip("pynwb", reason="the extra nwb is not installed")
    (path,) = poses_export.write(tracked[0], tmp_path / "p.nwb", "nwb", tracked[1])
    found = []
    with h5py.File(path) as file:
        file.visititems(lambda name, _: found.append(name) if name.endswith("nose") else None)
    assert {name.split("track=")[-1].split("/")[0] for name in found} == {
        "ann", "bob", "unknown 1", "unknown 2",
    }  # fmt: skip


def test_what_sleap_predicted_goes_out_as_sleap_exported_it(data, tmp_path):
    """From its .slp through our tracks to the analysis file that SLEAP wrote beside it."""
    said = tracks.load(data / "flies_courtship" / "predictions.slp")
    part = tracks.Piece(0, np.ones(said.frames, bool), said.found, said.id, said.confidence)
    tracks.write(
        tmp_path / "t.nc", [part], np.arange(said.frames) / 25, said.skeleton, said.names,
        fps=25.0, attrs={"source_file": said.video},
    )  # fmt: skip
    series, untracked = tracks.read(tmp_path / "t.nc")
    poses_export.write(series, tmp_path / "t.h5", "analysis", untracked)
    with (
        h5py.File(tmp_path / "t.h5") as ours,
        h5py.File(data / "flies_courtship" / "predictions.analysis.h5") as theirs,
    ):
        for name in ("track_names", "node_names", "track_occupancy"):
            np.testing.assert_array_equal(ours[name][()], theirs[name][()])
        have, want = ours["tracks"][()], theirs["tracks"][()]
    assert have.shape == want.shape == (2, 2, 13, 2300)
    np.testing.assert_array_equal(have, want.astype(np.float32))
