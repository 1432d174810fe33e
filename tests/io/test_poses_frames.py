"""Single frames against whole files read at once."""

import numpy as np
import pytest
from seen_files import SKELETON, N, detection_file, pose_file

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.instances import Detections
from gambol.io import detections, poses, tracks
from gambol.io.poses_frames import FramePoses


def test_frames_of_poses_are_those_of_the_whole_file(tmp_path):
    path = pose_file(tmp_path / "a.nc")
    dataset = poses.read(path)
    xy, sure = core_poses.xy(dataset), core_poses.points(dataset, "confidence")
    spread = core_poses.covariance(dataset)
    with FramePoses(path) as file:
        assert (file.frames, file.names, file.video) == (N, ("ann", "bob"), "/films/a.mp4")
        assert file.keypoints == SKELETON.keypoints
        for frame in [0, 1, 1023, 1024, N - 1, *np.random.default_rng(1).integers(0, N, 40)]:
            found = file.at(int(frame))
            there = np.isfinite(xy[frame]).all(-1).any(-1)
            assert found.names == tuple(np.array(["ann", "bob"])[there])
            np.testing.assert_array_equal(found.xy, xy[frame][there])
            np.testing.assert_array_equal(found.confidence, sure[frame][there])
            np.testing.assert_array_equal(found.covariance, spread[frame][there])
            np.testing.assert_allclose(found.score, sure[frame][there].mean(-1), rtol=1e-6)
        block = file.block(1000, 1100)
        np.testing.assert_array_equal(block[..., :2], xy[1000:1100])
        np.testing.assert_array_equal(block[..., 2], sure[1000:1100])


def test_frames_of_detections_are_their_rows(tmp_path):
    path = detection_file(tmp_path / "a.nc")
    _, found = detections.read(path)
    with FramePoses(path) as file:
        assert file.names == ()
        for frame in range(file.frames):
            rows = found.select(found.frame == frame)
            rows = rows.select(np.isfinite(rows.xy).all(-1).any(-1))
            here = file.at(frame)
            np.testing.assert_array_equal(here.xy, rows.xy)
            np.testing.assert_array_equal(here.score, rows.score)
            np.testing.assert_array_equal(here.covariance, rows.cov)
            assert here.names == ("",) * len(rows.frame)
        block = file.block(20, 60)
        for frame in range(20, 60):
            rows = found.select(found.frame == frame)
            n = len(rows.frame)
            np.testing.assert_array_equal(block[frame - 20, :n, :, :2], rows.xy)
            assert np.isnan(block[frame - 20, n:, :, :2]).all()
            assert not block[frame - 20, n:, :, 2].any()


def test_margins_and_peaks_of_detections_are_those_of_their_rows(tmp_path):
    path = detection_file(tmp_path / "a.nc", weighed=True)
    about, found = detections.read(path)
    rows = len(found.frame)
    margin, several = detections.margins(path, 0, rows), detections.candidates(path, 0, rows)
    with FramePoses(path) as file:
        first, stop = 20, 60
        said, (xy, score) = file.margin(first, stop), file.peaks(first, stop)
        assert said.shape == (40, 3, 3) and xy.shape == (40, 3, 3, 2, 2)
        for t in range(first, stop):
            here = slice(*about.starts[t : t + 2])
            n = here.stop - here.start
            np.testing.assert_array_equal(said[t - first, :n], margin[here])
            np.testing.assert_array_equal(xy[t - first, :n], several.xy[here])
            np.testing.assert_array_equal(score[t - first, :n], several.score[here])
            assert np.isnan(said[t - first, n:]).all() and np.isnan(xy[t - first, n:]).all()
    with FramePoses(detection_file(tmp_path / "b.nc")) as file:
        assert file.margin(0, 1) is None and file.peaks(0, 1) is None


def test_a_detection_bears_the_name_that_is_likely_and_nobody_else_does(tmp_path):
    path = detection_file(tmp_path / "a.nc", classes=("ann", "bob"))
    _, found = detections.read(path)
    named = 0
    with FramePoses(path) as file:
        for frame in range(file.frames):
            rows = found.select(found.frame == frame)
            seen = np.isfinite(rows.xy).all(-1).any(-1)
            here = file.at(frame).names
            said = [name for name in here if name]
            assert len(set(said)) == len(said)
            for name, likely in zip(here, np.exp(rows.identity[seen]), strict=True):
                if name:
                    named += 1
                    assert likely[("ann", "bob").index(name)] > 0.66
    assert named > 100


def test_the_score_of_a_track_is_that_of_its_identity(tmp_path):
    n = 40
    xy = np.full((n, 3, 2), 5.0)
    found = Detections(
        np.arange(n), xy, np.ones((n, 3, 2, 2)), np.full((n, 3), 0.25), np.full(n, 0.75),
        np.zeros((n, 0)), np.zeros((n, 0)),
    )  # fmt: skip
    sure = np.linspace(0.25, 1, n)
    part = tracks.Piece(0, np.ones(n, bool), found, np.arange(n) % 2, sure)
    path = tmp_path / "t.nc"
    tracks.write(path, [part], np.arange(n) / 30, SKELETON, ("ann", "bob"), fps=30.0, attrs={})
    with FramePoses(path) as file:
        for frame in range(n):
            here = file.at(frame)
            assert here.names == (("ann", "bob")[frame % 2],)
            assert here.score[0] == pytest.approx(sure[frame], abs=1e-6)


def test_beyond_the_end_nothing_was_found(tmp_path):
    with FramePoses(pose_file(tmp_path / "a.nc", n=10)) as file:
        assert file.at(10).names == file.at(-1).names == ()
        assert file.at(10).xy.shape == (0, 3, 2)


def test_what_holds_no_poses_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        FramePoses(tmp_path / "no.nc")
    (tmp_path / "torn.nc").write_bytes(pose_file(tmp_path / "a.nc").read_bytes()[:3000])
    with pytest.raises(InputError, match="torn.nc is no complete netCDF4 file"):
        FramePoses(tmp_path / "torn.nc")
    other = poses.read(tmp_path / "a.nc").assign_attrs(ds_type="features")
    other.to_netcdf(tmp_path / "f.nc", engine="h5netcdf")
    with pytest.raises(InputError, match="f.nc holds no poses in px: type 'features'"):
        FramePoses(tmp_path / "f.nc")
