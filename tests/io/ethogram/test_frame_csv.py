import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.core.ethogram_frames import Channel, dense
from gambol.io import ethogram


def table(tmp_path, text):
    path = tmp_path / "day 1.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_behaviours_may_overlap_and_the_background_is_none(tmp_path):
    path = table(tmp_path, ",background,walk,turn\n0,1,0,0\n1,0,1,0\n2,0,1,1\n3,1,0,0\n")
    found = ethogram.read(path, fps=10).ethogram
    told = found.bouts[["recording", "label", "start_frame", "stop_frame", "start_s"]]
    assert told.values.tolist() == [
        ["day 1", "walk", 1, 3, 0.1], ["day 1", "turn", 2, 3, 0.2],
    ]  # fmt: skip
    assert found.scheme["label"].tolist() == ["walk", "turn"]


def test_frames_of_minus_one_were_not_assessed(tmp_path):
    path = table(tmp_path, ",walk\n0,1\n1,-1\n2,0\n")
    found = ethogram.read(path).ethogram
    assert found.observed[["start_frame", "stop_frame"]].values.tolist() == [[0, 1], [2, 3]]


def test_targets_after_other_columns_are_told_from_them(tmp_path):
    path = table(tmp_path, ",nose_x,nose_p,walk\n0,0.5,1,1\n1,0.7,0.2,0\n")
    assert ethogram.read(path).ethogram.scheme["label"].tolist() == ["walk"]


def test_an_empty_first_row_is_a_frame_whatever_the_header(tmp_path):
    """A common reader takes it for names of the index and puts labels one frame off."""
    head = "scorer,net,net,people\nindividuals,a,a,\nbodyparts,nose,nose,\ncoords,x,y,walk\n"
    body = "0,,,0\n1,1.5,2.5,1\n2,1.5,2.5,1\n3,1.5,2.5,0\n"
    path = table(tmp_path, head + body)
    found = ethogram.read(path, frames=4).ethogram
    shown = dense(found, "day 1", [Channel("", "", "walk")])
    np.testing.assert_array_equal(shown.active[:, 0], [False, True, True, False])


def test_rows_are_checked_against_their_numbers_and_the_video(tmp_path):
    with pytest.raises(InputError, match="2 rows but the video 3 frames"):
        ethogram.read(table(tmp_path, ",walk\n0,1\n1,0\n"), frames=3)
    with pytest.raises(InputError, match="row 1 of the frames is numbered '2'"):
        ethogram.read(table(tmp_path, ",walk\n0,1\n2,0\n"))
    with pytest.raises(InputError, match="frame 1 has 3 cells"):
        ethogram.read(table(tmp_path, ",walk\n0,1\n1,0,0\n"))
    with pytest.raises(InputError, match="no label"):
        ethogram.read(table(tmp_path, ",walk\n0,0.5\n1,0\n"))
