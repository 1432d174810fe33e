import pytest

from gambol.core.errors import InputError
from gambol.io import ethogram

HEAD = """Bento annotation file
Movie file(s):  film.seq

Stimulus name: none
Annotation start frame: {start}
Annotation stop frame: 300
Annotation framerate: 30.000000

List of channels:
Ch1
Ch2

List of annotations:
attack
mount
never

"""
ROWS = """Ch1----------
>attack
Start\t Stop\t Duration
0.1\t0.2\t0.133333333333
1\t1\t0.0333333333333

>mount
Start\t Stop\t Duration
2\t3\t1.03333333333


Ch2----------
>attack
Start\t Stop\t Duration
0.1\t0.3\t0.233333333333

"""


def file(tmp_path, rows=ROWS, start=1):
    path = tmp_path / "day.annot"
    path.write_text(HEAD.format(start=start) + rows, encoding="utf-8")
    return path


def test_the_last_frame_is_inside_and_frames_count_from_1(tmp_path):
    found = ethogram.read(file(tmp_path)).ethogram
    told = found.bouts[["subject", "label", "start_frame", "stop_frame"]]
    assert told.values.tolist() == [
        ["Ch1", "attack", 2, 6], ["Ch2", "attack", 2, 9], ["Ch1", "attack", 29, 30],
        ["Ch1", "mount", 59, 90],
    ]  # fmt: skip
    assert found.bouts["start_s"].tolist() == [0.1, 0.1, 1, 2]
    length = found.bouts["stop_s"] - found.bouts["start_s"]
    assert length.tolist() == pytest.approx([4 / 30, 7 / 30, 1 / 30, 31 / 30])
    assert found.scheme["label"].tolist() == ["attack", "mount", "never"]
    assert found.recordings[["fps", "frames"]].values.tolist() == [[30, 300]]


def test_frames_count_from_0_and_parts_of_films_where_the_header_says_so(tmp_path):
    found = ethogram.read(file(tmp_path, start=0)).ethogram
    assert found.bouts["start_frame"].iloc[0] == 3
    found = ethogram.read(file(tmp_path, start=3)).ethogram
    assert found.observed[["start_frame", "stop_frame"]].values.tolist() == [[2, 300]]


def test_rows_in_frames_show_in_their_durations(tmp_path):
    rows = "Ch1----------\n>attack\nStart\tStop\tDuration\n3\t6\t4\n30\t30\t1\n\n"
    found = ethogram.read(file(tmp_path, rows)).ethogram
    told = found.bouts[["start_frame", "stop_frame"]].values.tolist()
    assert told == [[2, 6], [29, 30]]


def test_faults_are_named_with_their_line(tmp_path):
    rows = "Ch1----------\n>attack\nStart\tStop\tDuration\n3.5\t1.5\t-1\n\n"
    with pytest.raises(InputError, match="line 21: 'attack' stops before"):
        ethogram.read(file(tmp_path, rows))
    assert len(ethogram.read(file(tmp_path, rows), repair=True).notes) == 1
    with pytest.raises(InputError, match="line 21 has 'x'"):
        ethogram.read(file(tmp_path, rows.replace("3.5", "x")))
