import pytest

from gambol.core.errors import InputError
from gambol.io import ethogram

TEXT = """Caltech Behavior Annotator - Annotation File

Configuration file:
other\to
base\tb
social\ts
bite\ti

S1:\tstart\tend\ttype
-----------------------------
   \t1\t943\tbase
   \t944\t1142\tother
   \t1143\t1233\tsocial

S2:\tstart\tend\ttype
-----------------------------
   \t1\t1200\tother
   \t1201\t1233\tbite
"""


def file(tmp_path, text=TEXT):
    path = tmp_path / "day.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_frames_count_from_1_with_their_ends_inside(tmp_path):
    found = ethogram.read(file(tmp_path), fps=25).ethogram
    told = found.bouts[["subject", "label", "start_frame", "stop_frame"]]
    assert told.values.tolist() == [
        ["S1", "base", 0, 943], ["S1", "social", 1142, 1233], ["S2", "bite", 1200, 1233],
    ]  # fmt: skip
    assert found.scheme[["label", "code"]].values.tolist() == [
        ["other", "o"], ["base", "b"], ["social", "s"], ["bite", "i"],
    ]  # fmt: skip
    assert found.recordings["frames"].tolist() == [1233]


def test_an_interval_that_passes_the_end_is_cut_with_a_note(tmp_path):
    found = ethogram.read(file(tmp_path), frames=1230)
    assert found.ethogram.bouts["stop_frame"].tolist() == [943, 1230, 1230]
    assert found.notes == (
        "line 13: 'social' passes the end by 3 frames; cut",
        "line 18: 'bite' passes the end by 3 frames; cut",
    )


def test_frames_after_the_last_interval_were_not_observed(tmp_path):
    found = ethogram.read(file(tmp_path), frames=1300).ethogram
    assert found.observed[["start_frame", "stop_frame"]].values.tolist() == [[0, 1233]]


def test_labels_that_overlap_get_streams_of_their_own(tmp_path):
    made = ethogram.read(file(tmp_path)).ethogram
    both = made._replace(bouts=made.bouts.assign(subject="m"))
    path = tmp_path / "both.txt"
    ethogram.write(both, path, beside=False)
    again = ethogram.read(path).ethogram.bouts
    assert sorted(set(again["subject"])) == ["S1", "S2"]
    assert sorted(again["label"]) == sorted(made.bouts["label"])


def test_faults_are_named_with_their_line(tmp_path):
    with pytest.raises(InputError, match="line 12: 'other' goes from frame 944 to 942"):
        ethogram.read(file(tmp_path, TEXT.replace("1142", "942")))
    with pytest.raises(InputError, match="line 12 is no start, end and type"):
        ethogram.read(file(tmp_path, TEXT.replace("\tother\n   \t1143", "\n   \t1143")))
    with pytest.raises(InputError, match="no intervals"):
        ethogram.read(file(tmp_path, TEXT[: TEXT.index("S1")]))
