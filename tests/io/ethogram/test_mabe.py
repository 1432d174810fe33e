import pytest

from gambol.core.errors import InputError
from gambol.io import ethogram

TEXT = "agent_id,target_id,action,start_frame,stop_frame\n1,2,sniff,10,20\n1,3,sniff,15,30\n"


def test_whether_stop_frames_are_inside_has_to_be_said(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text(TEXT, encoding="utf-8")
    with pytest.raises(InputError, match="say inclusive"):
        ethogram.read(path)
    for inclusive, stops in ((True, [21, 31]), (False, [20, 30])):
        found = ethogram.read(path, inclusive=inclusive).ethogram
        assert found.bouts["stop_frame"].tolist() == stops
        assert found.bouts["target"].tolist() == ["2", "3"]
        again = tmp_path / "again.csv"
        ethogram.write(found, again, "mabe", inclusive=inclusive, beside=False)
        assert again.read_text(encoding="utf-8") == TEXT
    with pytest.raises(InputError, match="say inclusive"):
        ethogram.write(found, again, "mabe")


def test_bouts_that_overlap_are_joined_with_repair(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text(TEXT.replace("1,3,", "1,2,"), encoding="utf-8")
    with pytest.raises(InputError, match="overlap"):
        ethogram.read(path, inclusive=True)
    found = ethogram.read(path, inclusive=True, repair=True)
    assert found.ethogram.bouts[["start_frame", "stop_frame"]].values.tolist() == [[10, 31]]
    assert "joined" in found.notes[0]
