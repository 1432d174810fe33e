"""Files that others made, compared with what pandas and h5py say of them."""

import warnings

import h5py
import numpy as np
import pandas as pd
import pytest
from labelled import canonical

from gambol.core.errors import InputError
from gambol.core.labels import Origin, Visibility
from gambol.io import labels as io_labels
from gambol.io.video import open_video

SLEAP = [
    "flies_tracks/single_fly.slp",
    "flies_tracks/two_flies.slp",
    "flies_tracks/three_flies.slp",
    "flies_tracks/two_flies_noisy_detections.slp",
    "flies_courtship/predictions.slp",
    "flies_pair/slp/centered_pair_predictions.clean.slp",
]


def test_mouse_openfield_equals_pandas(data):
    labels = io_labels.load(data / "mouse_openfield")
    table = pd.read_hdf(data / "mouse_openfield/labeled-data/m4s1/CollectedData_Pranav.h5")
    np.testing.assert_array_equal(labels.xy.reshape(92, 8), table.to_numpy())
    assert labels.skeleton.keypoints == ("snout", "leftear", "rightear", "tailbase")
    assert labels.skeleton.swap == (-1, 2, 1, -1)
    assert (labels.visibility == Visibility.VISIBLE).all()
    names = [p.name for p in sorted((data / "mouse_openfield/labeled-data/m4s1").glob("*.png"))]
    assert [names[f] for f in labels.frame] == [row.rsplit("/", 1)[1] for row in table.index]
    assert open_video(labels.videos[0]).size == (640, 480)


def test_mouse_openfield_csv_says_the_same(data):
    csv = data / "mouse_openfield/labeled-data/m4s1/CollectedData_Pranav.csv"
    assert canonical(io_labels.load(csv)) == canonical(io_labels.load(csv.with_suffix(".h5")))


def test_published_predictions_equal_pandas(data):
    name = "m3v1mp4DLC_resnet50_openfieldOct30shuffle1_100000.h5"
    path = data / "mouse_openfield/reference_primer" / name
    labels = io_labels.load(path)
    table = pd.read_hdf(path).to_numpy().reshape(2330, 4, 3)
    np.testing.assert_array_equal(labels.xy, table[..., :2])
    assert (labels.origin == Origin.MODEL).all()
    assert labels.videos[0].endswith("videos/m3v1mp4.mp4")


def test_mouse_mirror_equals_pandas_and_masks_what_is_missing(data):
    path = data / "mouse_mirror/CollectedData.csv"
    labels = io_labels.load(path)
    table = pd.read_csv(path, header=[0, 1, 2], index_col=0)
    np.testing.assert_array_equal(labels.xy.reshape(len(table), -1), table.to_numpy())
    missing = labels.visibility == Visibility.UNLABELLED
    assert missing.mean() == pytest.approx(0.09, abs=0.01)
    folder = sorted((data / "mouse_mirror/labeled-data").iterdir())
    assert [f"labeled-data/{folder[f].name}" for f in labels.frame] == list(table.index)
    absent = io_labels.read(path, nan_means=Visibility.ABSENT)
    np.testing.assert_array_equal(absent.visibility == Visibility.ABSENT, missing)


def test_fly_crops_is_refused_and_repaired(data):
    path = data / "fly_crops/example_annotation_set.h5"
    with pytest.raises(InputError, match=r"midlegL2.*midlegR3-midlegL3.*--repair-swap"):
        io_labels.load(path)
    labels = io_labels.read(path, repair_swap=True)
    with h5py.File(path) as file:
        np.testing.assert_array_equal(labels.xy, file["annotations"][()])
        np.testing.assert_array_equal(labels.skeleton.parent, file["skeleton"][:, 0])
        frame = open_video(labels.videos[0]).read([3])[0, ..., 0]
        np.testing.assert_array_equal(frame, file["images"][3, ..., 0])
    names = labels.skeleton.keypoints
    assert names[labels.skeleton.swap[names.index("midlegR3")]] == "midlegL3"
    assert labels.skeleton.flippable


@pytest.mark.parametrize("name", SLEAP)
def test_sleap_files_equal_h5py_and_survive(data, tmp_path, name):
    labels = io_labels.load(data / name)
    with h5py.File(data / name) as file:
        kind = "pred_points" if len(file["pred_points"]) > len(file["points"]) else "points"
        points = file[kind][()]
    seen = points[points["visible"] & np.isfinite(points["x"])]
    have = labels.xy[labels.labelled]
    np.testing.assert_array_equal(np.sort(have[:, 0]), np.sort(seen["x"]))
    np.testing.assert_array_equal(np.sort(have[:, 1]), np.sort(seen["y"]))
    assert {Origin.MODEL if kind == "pred_points" else Origin.PERSON} == set(labels.origin)
    for format in ("slp", "coco", "csv"):
        path = tmp_path / f"a{io_labels.SUFFIX[format]}"
        io_labels.write(labels, path, format, images=False)
        assert canonical(io_labels.read(path)) == canonical(labels)


def test_courtship_analysis_equals_h5py_and_the_slp_file(data, tmp_path):
    labels = io_labels.load(data / "flies_courtship/predictions.analysis.h5")
    with h5py.File(data / "flies_courtship/predictions.analysis.h5") as file:
        tracks = file["tracks"][()]
        occupancy = file["track_occupancy"][()]
    assert len(labels) == occupancy.sum()
    want = tracks[labels.individual, :, :, labels.frame].swapaxes(1, 2)
    np.testing.assert_array_equal(labels.xy, want)
    assert labels.videos[0].endswith("20190128_113421.120s.mp4")
    same = io_labels.load(data / "flies_courtship/predictions.slp")
    assert canonical(labels) == canonical(same)
    io_labels.write(labels, tmp_path / "t.h5", "analysis")
    with h5py.File(tmp_path / "t.h5") as file:
        np.testing.assert_array_equal(file["tracks"][()], tracks)
        np.testing.assert_array_equal(file["track_occupancy"][()], occupancy)


def test_identities_and_sides_of_the_flies(data):
    labels = io_labels.load(data / "flies_tracks/two_flies.slp")
    assert labels.individuals == ("F", "M")
    assert len(labels) == 2 * 88
    names = labels.skeleton.keypoints
    assert labels.skeleton.swap[names.index("wingL")] == names.index("wingR")
    assert len(labels.skeleton.bones) == 12


def test_a_third_body_without_a_track_has_no_name(data):
    labels = io_labels.load(data / "flies_tracks/two_flies_noisy_detections.slp")
    assert labels.individuals == ("F", "M")
    assert np.bincount(labels.individual + 1).tolist() == [3, 88, 88]


def test_packages_count_stored_frames(data, tmp_path):
    import sleap_io

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = sleap_io.load_slp(str(data / "flies_tracks/two_flies.slp"))
        source.labeled_frames = source.labeled_frames[10:20:3]
        source.save(str(tmp_path / "a.pkg.slp"), embed=True, verbose=False)
    labels = io_labels.load(tmp_path / "a.pkg.slp")
    assert labels.videos == (f"{tmp_path / 'a.pkg.slp'}::video0",)
    assert sorted(set(labels.frame.tolist())) == [0, 1, 2, 3]
    video = open_video(labels.videos[0])
    film = open_video(data / "flies_tracks/two_flies.mp4")
    np.testing.assert_array_equal(video.frame_numbers, [10, 13, 16, 19])
    far = np.abs(video.read([2]).mean(-1) - film.read([16]).mean(-1)).mean()
    assert far < np.abs(video.read([2]).mean(-1) - film.read([80]).mean(-1)).mean()
    whole = io_labels.load(data / "flies_tracks/two_flies.slp")
    want = whole.xy[whole.frame == 16]
    have = labels.xy[labels.frame == 2]
    np.testing.assert_array_equal(np.sort(have.ravel()), np.sort(want.ravel()))
