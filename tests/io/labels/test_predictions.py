"""Predictions of other programs against what h5py, sleap_io and pandas say of the files."""

import h5py
import numpy as np
import pandas as pd
import pytest

from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED
from gambol.io.labels import predictions


def test_the_two_files_of_the_courtship_say_the_same(data):
    one = predictions.read(data / "flies_courtship" / "predictions.slp")
    other = predictions.read(data / "flies_courtship" / "predictions.analysis.h5")
    assert (
        (one.names, one.frames) == (other.names, other.frames) == (("track_0", "track_1"), 2300)
    )
    assert one.video == other.video
    assert one.skeleton.keypoints == other.skeleton.keypoints
    a, b = (np.lexsort((p.id, p.found.frame)) for p in (one, other))
    np.testing.assert_array_equal(one.id[a], other.id[b])
    np.testing.assert_array_equal(one.found.frame[a], other.found.frame[b])
    np.testing.assert_array_equal(one.found.xy[a], other.found.xy[b])


def test_scores_are_those_of_the_file(data):
    path = data / "flies_courtship" / "predictions.slp"
    said = predictions.read(path)
    with h5py.File(path) as file:
        scores, points = file["instances"]["score"], file["pred_points"][()]
    np.testing.assert_allclose(np.sort(said.found.score), np.sort(np.clip(scores, 0, 1)))
    seen = np.isfinite(points["x"]) & points["visible"]
    have = said.found.confidence[np.isfinite(said.found.xy[..., 0])]
    np.testing.assert_allclose(np.sort(have), np.sort(np.clip(points["score"][seen], 0, 1)))
    assert (said.confidence == 1).all()


def test_tracks_of_the_pair_are_two_in_every_frame_they_are_in(data):
    said = predictions.read(data / "flies_pair/slp/centered_pair_predictions.clean.slp")
    assert len(said.names) == 2
    assert said.found.xy.shape[1:] == (24, 2)
    cells = said.found.frame * 2 + said.id
    assert len(np.unique(cells)) == len(cells)
    assert said.frames >= 800 and said.found.frame.max() == 799


def test_bodies_without_a_track_are_untracked(data):
    said = predictions.read(data / "flies_tracks/two_flies_noisy_detections.slp")
    assert said.names == ("F", "M")
    assert (said.id == UNTRACKED).sum() == 3
    assert len(said.id) == 179
    assert (said.confidence == (said.id != UNTRACKED)).all()
    assert (np.diff(said.found.frame) >= 0).all()


def test_one_animals_predictions_are_a_track(data):
    name = "m3v1mp4DLC_resnet50_openfieldOct30shuffle1_100000.h5"
    path = data / "mouse_openfield/reference_primer" / name
    said = predictions.read(path)
    table = pd.read_hdf(path).to_numpy().reshape(2330, 4, 3)
    np.testing.assert_array_equal(said.found.xy, table[..., :2])
    np.testing.assert_array_equal(said.found.confidence, table[..., 2])
    assert (said.names, said.frames) == (("animal",), 2330)
    assert said.video.endswith("videos/m3v1mp4.mp4")


HEAD = (
    "scorer" + ",net" * 9 + "\nindividuals" + ",a" * 3 + ",b" * 3 + ",single" * 3 + "\n"
    "bodyparts" + ",nose" * 6 + ",door" * 3 + "\ncoords" + ",x,y,likelihood" * 3 + "\n"
)


@pytest.mark.parametrize("suffix", [".csv", ".h5"])
def test_a_table_of_several_animals_without_what_belongs_to_none(tmp_path, suffix):
    path = tmp_path / "clipDLC_net.csv"
    path.write_text(HEAD + "0,1,2,0.5,,,,7,8,0.9\n1,,,,,,,7,8,0.9\n2,3,4,0.25,5,6,1,7,8,1\n")
    if suffix == ".h5":
        table = pd.read_csv(path, header=[0, 1, 2, 3], index_col=0)
        path = path.with_suffix(".h5")
        table.to_hdf(path, key="df_with_missing")
    said = predictions.read(path)
    assert (said.names, said.skeleton.keypoints) == (("a", "b"), ("nose",))
    assert said.found.frame.tolist() == [0, 2, 2]
    assert said.id.tolist() == [0, 0, 1]
    assert said.found.xy[:, 0].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert said.found.score.tolist() == [0.5, 0.25, 1.0]
    assert (said.frames, said.video) == (3, "clip")


def test_what_is_no_prediction_is_said(tmp_path):
    path = tmp_path / "CollectedData_me.csv"
    path.write_text("scorer,me,me\nbodyparts,nose,nose\ncoords,x,y\nimg1.png,1,2\n")
    with pytest.raises(InputError, match="names images, not frames of a video"):
        predictions.read(path)
    path = tmp_path / "a.json"
    path.write_text("{}")
    with pytest.raises(InputError, match=r"a\.json holds no predictions known here"):
        predictions.read(path)


def test_of_several_videos_one_has_to_be_chosen(tmp_path):
    import sleap_io

    skeleton = sleap_io.Skeleton(["a", "b"])
    tracks = [sleap_io.Track(name) for name in ("one", "two")]
    frames = []
    for k, track in enumerate(tracks):
        notes = {"type": "MediaVideo", "filename": f"{k}.mp4"}
        video = sleap_io.Video(f"{k}.mp4", backend_metadata=notes, open_backend=False)
        xy = np.full((2, 2), float(k))
        one = sleap_io.PredictedInstance.from_numpy(xy, skeleton=skeleton, track=track)
        frames.append(sleap_io.LabeledFrame(video, 5, [one]))
    path = tmp_path / "a.slp"
    sleap_io.save_slp(sleap_io.Labels(frames), str(path), verbose=False)
    with pytest.raises(InputError, match=r"predictions of 0\.mp4, 1\.mp4; say of which video"):
        predictions.read(path)
    with pytest.raises(InputError, match=r"no one video 2\.mp4; it holds 0\.mp4, 1\.mp4"):
        predictions.read(path, "2.mp4")
    said = predictions.read(path, "1.mp4")
    assert (said.names, said.id.tolist()) == (("two",), [0])  # numbered for this video
    assert said.found.xy[0, 0, 0] == 1.0
