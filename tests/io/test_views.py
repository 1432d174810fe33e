from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from gambol.core import poses
from gambol.core.cameras import Camera, Rig
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import calibration, store, views
from gambol.io.labels import analysis

MOUSE = Skeleton(("nose", "ear", "tail"), (-1, 0, 0))


def rig_of(*names):
    eye = np.diag([100.0, 100, 1])
    return Rig(tuple(Camera(name, eye, np.zeros(3), np.zeros(3)) for name in names))


def ours(path, frames=5, seed=0, skeleton=MOUSE, individuals=("animal",), fps=30.0):
    """Write a pose file; return its positions, confidences and covariances."""
    rng = np.random.default_rng(seed)
    shape = (frames, len(individuals), len(skeleton))
    xy, sure = rng.uniform(1, 90, (*shape, 2)), rng.uniform(0.1, 1, shape)
    half = rng.normal(size=(*shape, 2, 2))
    cov = half @ np.swapaxes(half, -1, -2)
    xy[1, 0, 1], cov[1, 0, 1] = np.nan, np.nan
    times = 10 + np.arange(frames) / fps
    series = poses.build(xy, sure, cov, times, skeleton, fps=fps, individuals=individuals)
    store.write_dataset(series, path)
    return xy, sure, cov


def theirs(path, xy, skeleton=MOUSE, names=("track_0",)):
    """Write (T, N, J, 2) as an analysis file of SLEAP."""
    score = np.where(np.isfinite(xy[..., 0]), 0.8, np.nan)
    analysis.write_tracks(path, xy, score, skeleton, names)


def test_files_of_the_mouse_session_find_their_cameras(data):
    rig = rig_of("back", "mid", "side", "top")
    paths = sorted((data / "mouse_4cam").glob("*/*.analysis.h5"), reverse=True)
    seen = views.read_views(paths, rig, fps=60)
    ((name, got),) = seen.animals
    assert (name, got.cameras) == ("track_0", ("back", "mid", "side", "top"))
    assert got.xy.shape == (60, 4, 15, 2)
    with h5py.File(data / "mouse_4cam" / "side" / "minimal_side_proofread.analysis.h5") as file:
        want = file["tracks"][0].transpose(2, 1, 0)
        score = file["point_scores"][0].T
    np.testing.assert_array_equal(got.xy[:, 2], want)
    there = np.isfinite(want[..., 0])
    np.testing.assert_allclose(got.confidence[:, 2][there], score[there])
    assert not got.confidence[:, 2][~there].any()
    assert np.isnan(got.variance).all()  # the files say nothing of it
    assert seen.remarks == ()
    folders = [path.with_name(path.name.replace("analysis.h5", "slp")) for path in paths]
    again = views.read_views(folders, rig, fps=60).animals[0][1]
    np.testing.assert_array_equal(again.xy, got.xy)


def test_tables_of_the_fly_are_matched_to_its_calibration(data):
    rig = calibration.read(data / "fly_3cam" / "calibration.toml")
    paths = sorted((data / "fly_3cam").glob("*rng=1.csv"))
    got = views.read_views(paths, rig, fps=300).animals[0][1]
    assert got.cameras == ("Cam-A", "Cam-B", "Cam-C")
    assert got.xy.shape == (500, 3, 12, 2)
    row = paths[1].read_text(encoding="utf-8").split("\n")[3 + 17].split(",")
    assert got.xy[17, 1, 2].tolist() == [float(row[7]), float(row[8])]
    assert got.confidence[17, 1, 2] == float(row[9])
    assert got.times[2] == 2 / 300


def test_our_files_carry_their_uncertainty(tmp_path):
    paths = [tmp_path / "cam_10.nc", tmp_path / "cam_2.nc"]
    parts = [ours(path, seed=k) for k, path in enumerate(paths)]
    seen = views.read_views([tmp_path], rig_of("cam_2", "cam_10", "cam_1"))
    ((name, got),) = seen.animals
    assert got.cameras == ("cam_2", "cam_10")
    assert got.skeleton == MOUSE
    assert got.times.tolist() == (10 + np.arange(5) / 30).tolist()
    for v, (xy, sure, cov) in enumerate(reversed(parts)):
        there = np.isfinite(xy[:, 0, :, 0])
        np.testing.assert_allclose(got.xy[:, v], xy[:, 0])
        np.testing.assert_allclose(got.confidence[:, v], np.where(there, sure[:, 0], 0))
        half = (cov[:, 0, :, 0, 0] + cov[:, 0, :, 1, 1]) / 2
        np.testing.assert_allclose(got.variance[:, v], half)
    assert seen.remarks == ("camera cam_1 has no file and is left out",)


@pytest.mark.parametrize(
    ("file", "camera"),
    [
        ("a/session_top_01.nc", "top"),
        ("top/clip.nc", "top"),
        ("top/clip-side.nc", "side"),
        ("a/TOP.analysis.h5", "top"),
        ("a/stop.nc", None),
        ("a/cam_10.nc", "cam_10"),
        ("a/cam_1-x.nc", "cam_1"),
        ("a/x cam-1 y.csv", "cam-1"),
        ("a/top.side.nc", "top or side"),
        ("top side/x.nc", "top or side"),
        ("a/cam.nc", "cam"),
    ],
)
def test_a_camera_is_a_word_of_the_file_or_of_its_folder(file, camera):
    rig = rig_of("top", "side", "cam", "cam_1", "cam_10", "cam-1")
    if camera is None or " or " in camera:
        why = "names no camera" if camera is None else f"could be of camera {camera}"
        with pytest.raises(InputError, match=why):
            views.camera_of(Path(file), rig)
    else:
        assert views.camera_of(Path(file), rig) == camera


def test_two_files_of_a_camera_are_refused(tmp_path):
    with pytest.raises(InputError, match="are both of camera a; give one"):
        views.read_views([tmp_path / "a_1.nc", tmp_path / "a_2.nc"], rig_of("a", "b"))


def test_files_can_be_assigned(tmp_path):
    ours(tmp_path / "x.nc")
    ours(tmp_path / "y.nc", seed=1)
    assign = {"b": tmp_path / "x.nc", "a": tmp_path / "y.nc"}
    seen = views.read_views([], rig_of("a", "b"), assign)
    assert seen.animals[0][1].cameras == ("a", "b")
    with pytest.raises(InputError, match="the rig has no camera 'c'"):
        views.read_views([], rig_of("a"), {"c": tmp_path / "x.nc"})
    with pytest.raises(InputError, match="no file of 2D poses"):
        views.read_views([], rig_of("a"))


def test_shorter_recordings_end_unseen(tmp_path):
    ours(tmp_path / "a.nc", frames=3)
    ours(tmp_path / "b.nc", frames=6)
    seen = views.read_views([tmp_path], rig_of("a", "b"))
    got = seen.animals[0][1]
    assert len(got.times) == 6
    assert np.isnan(got.xy[3:, 0]).all() and not got.confidence[3:, 0].any()
    assert np.isfinite(got.xy[3:, 1]).all()
    assert "3 frames of 6" in seen.remarks[0]


def test_the_clock_of_a_shorter_file_goes_on(tmp_path):
    ours(tmp_path / "a.nc", frames=3)
    theirs(tmp_path / "b.analysis.h5", np.ones((5, 1, 3, 2)) * 7)
    paths = [tmp_path / "a.nc", tmp_path / "b.analysis.h5"]
    got = views.read_views(paths, rig_of("a", "b")).animals[0][1]
    np.testing.assert_allclose(got.times, 10 + np.arange(5) / 30)


def test_frame_rates_that_differ_are_refused(tmp_path):
    ours(tmp_path / "a.nc")
    ours(tmp_path / "b.nc", fps=60.0)
    with pytest.raises(InputError, match="30 frames a second and .*b.nc 60"):
        views.read_views([tmp_path], rig_of("a", "b"))
    assert views.read_views([tmp_path], rig_of("a", "b"), fps=30).animals


def test_keypoints_are_matched_by_name(tmp_path):
    xy, _, _ = ours(tmp_path / "a.nc")
    other = Skeleton(("tail", "paw", "nose"))
    moved, _, _ = ours(tmp_path / "b.nc", seed=1, skeleton=other)
    seen = views.read_views([tmp_path], rig_of("a", "b"))
    got = seen.animals[0][1]
    assert got.skeleton.keypoints == ("nose", "ear", "tail", "paw")
    np.testing.assert_allclose(got.xy[:, 0, :3], xy[:, 0])
    np.testing.assert_allclose(got.xy[:, 1, [2, 3, 0]], moved[:, 0])
    assert np.isnan(got.xy[:, 1, 1]).all() and np.isnan(got.xy[:, 0, 3]).all()
    assert seen.remarks == ("camera a has no keypoint paw", "camera b has no keypoint ear")


def test_individuals_are_matched_by_name(tmp_path):
    one, _, _ = ours(tmp_path / "a.nc", individuals=("ann", "bob"))
    two, _, _ = ours(tmp_path / "b.nc", seed=1, individuals=("bob", "cid"))
    seen = views.read_views([tmp_path], rig_of("a", "b"))
    found = dict(seen.animals)
    assert list(found) == ["ann", "bob", "cid"]
    np.testing.assert_allclose(found["bob"].xy[:, 0], one[:, 1])
    np.testing.assert_allclose(found["bob"].xy[:, 1], two[:, 0])
    assert np.isnan(found["cid"].xy[:, 0]).all()
    assert "camera a does not know the animal cid" in seen.remarks


def test_one_animal_is_the_same_whatever_it_is_called(tmp_path):
    ours(tmp_path / "a.nc", individuals=("ann",))
    theirs(tmp_path / "b.analysis.h5", np.ones((5, 1, 3, 2)) * 7)
    paths = [tmp_path / "a.nc", tmp_path / "b.analysis.h5"]
    ((name, got),) = views.read_views(paths, rig_of("a", "b")).animals
    assert name == "ann"
    assert np.isfinite(got.xy[:, 1]).all()


def test_unseen_positions_are_missing_where_that_is_said(tmp_path):
    xy = np.random.default_rng(0).uniform(5, 50, (40, 1, 3, 2))
    xy[::4, 0, 0] = 0, 0
    xy[::5, 0, 1] = 0, 1
    for name in "ab":
        theirs(tmp_path / f"{name}.h5", xy)
    rig = rig_of("a", "b")
    plain = views.read_views([tmp_path], rig, fps=1)
    assert np.isfinite(plain.animals[0][1].xy).all()
    assert sum("often means not seen" in note for note in plain.remarks) == 4
    clean = views.read_views([tmp_path], rig, fps=1, unseen=[(0, 0), (0, 1)])
    got = clean.animals[0][1]
    assert np.isnan(got.xy[:, 0, 0, 0]).sum() == 10
    assert np.isnan(got.xy[:, 1, 1, 0]).sum() == 8
    assert not got.confidence[np.isnan(got.xy[..., 0])].any()
    assert clean.remarks == ()


def test_nameless_crowds_are_sent_to_the_tracker(tmp_path):
    xy = np.random.default_rng(0).uniform(5, 50, (4, 2, 3, 2))
    names, notes = ("unknown 1", "unknown 2"), {"unknown": ["unknown 1", "unknown 2"]}
    score = np.ones(xy.shape[:3])
    analysis.write_tracks(tmp_path / "a.h5", xy, score, MOUSE, names, notes=notes)
    with pytest.raises(InputError, match="several animals without names; run gambol track"):
        views.read_views([tmp_path / "a.h5"], rig_of("a"))


def test_the_fly_of_seven_cameras_has_its_unseen_points_missing(data):
    got = views.read_deepfly3d(
        data / "fly_7cam" / "reference_df3d" / "df3d_result.pkl", (960, 480)
    )
    assert np.isfinite(got.xy[..., 0]).sum((0, 2)).tolist() == [152, 152, 120, 0, 120, 152, 152]
    assert got.xy.shape == (8, 7, 38, 2)
    assert np.nanmax(got.xy[..., 0]) < 960 and np.nanmax(got.xy[..., 1]) < 480
    small = Skeleton(("a", "b"))
    with pytest.raises(InputError, match="38 keypoints, the skeleton 2"):
        views.read_deepfly3d(
            data / "fly_7cam" / "reference_df3d" / "df3d_result.pkl", (960, 480), small
        )


def test_a_camera_that_names_one_peak_beside_one_that_names_several(tmp_path):
    xy, sure, _ = ours(tmp_path / "a.nc")
    path = tmp_path / "b.nc"
    ours(path, seed=1)
    several = store.read_dataset(path)
    places = np.random.default_rng(2).uniform(1, 90, (5, 2, 3, 1, 2))
    places[..., 0] = several.position.values
    several["candidate_position"] = (poses.CANDIDATE_DIMS, places)
    several["candidate_score"] = (poses.SCORE_DIMS, np.full((5, 3, 1, 2), 0.5))
    store.write_dataset(several, path)
    got = views.read_views([tmp_path], rig_of("a", "b")).animals[0][1]
    assert got.candidates.shape == (5, 2, 3, 2, 2)
    np.testing.assert_array_equal(got.candidates[:, :, :, 0], got.xy)
    assert np.isnan(got.candidates[:, 0, :, 1]).all()
    assert not got.candidate_score[:, 0, :, 1].any()
    np.testing.assert_array_equal(got.candidates[:, 1, :, 1], places[..., 0, 1].swapaxes(1, 2))
    np.testing.assert_allclose(got.candidate_score[2, 0, :, 0], sure[2, 0])


@pytest.mark.parametrize("size", [1, 7, 100])
def test_parts_are_the_whole(size, tmp_path):
    ours(tmp_path / "a.nc", frames=23, individuals=("ann", "bob"))
    xy = np.random.default_rng(0).uniform(5, 50, (30, 1, 3, 2))
    xy[::4, 0, 0] = 0, 0
    theirs(tmp_path / "b.h5", xy, names=("ann",))
    paths, rig = [tmp_path / "a.nc", tmp_path / "b.h5"], rig_of("a", "b", "c")
    whole = views.read_views(paths, rig)
    recording = views.open_views(paths, rig, scratch=tmp_path)
    parts = list(recording.parts(size))
    assert recording.remarks() == whole.remarks and len(whole.remarks) == 4
    for name, one in whole.animals:
        for what in ("xy", "confidence", "variance", "times"):
            joined = np.concatenate([getattr(part[name], what) for part in parts])
            np.testing.assert_array_equal(joined, getattr(one, what))


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="holds no poses"):
        views.read_views([tmp_path], rig_of("a"))


def test_skeletons_are_joined_with_their_lines():
    one = replace(MOUSE, edges=((1, 2),))
    other = Skeleton(("tail", "paw"), (-1, 0))
    both = views.joint_skeleton([one, other])
    lines = {tuple(both.keypoints[k] for k in pair) for pair in both.drawn}
    assert lines == {("nose", "ear"), ("nose", "tail"), ("ear", "tail"), ("tail", "paw")}
    assert views.joint_skeleton([MOUSE, MOUSE]) == MOUSE
