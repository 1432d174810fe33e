import pandas as pd
import pytest

from gambol.core.errors import InputError
from gambol.core.ethogram import build
from gambol.io import ethogram as io_ethogram
from gambol.stages import agreement
from gambol.stages.agreement import AgreementConfig


def rater(path, spans):
    """A file of bouts of one label in one recording of 100 frames at 10 frames/s."""
    bouts = pd.DataFrame(
        [("r", "rear", a, b) for a, b in spans],
        columns=["recording", "label", "start_frame", "stop_frame"],
    )
    clock = pd.DataFrame({"recording": ["r"], "fps": [10.0], "frames": [100]})
    io_ethogram.write(build(bouts, recordings=clock), path, "bouts")
    return path


def test_two_raters_are_compared_frame_by_frame(tmp_path):
    one = rater(tmp_path / "anna.csv", [(10, 30), (50, 60)])
    two = rater(tmp_path / "ben.csv", [(10, 30), (70, 80)])
    told = agreement.run(AgreementConfig(), [one, two], tmp_path / "out")
    assert told.raters == ("anna", "ben")
    assert told.f1["rear"] == pytest.approx(2 * 20 / 60)  # 20 frames in common, 30 each
    assert told.bouts == 1  # the one that both saw
    assert len(pd.read_csv(tmp_path / "out" / "pairs.csv")) == 1


def test_one_rater_cannot_agree(tmp_path):
    one = rater(tmp_path / "anna.csv", [(10, 30)])
    with pytest.raises(InputError, match="only anna rated; agreement takes two"):
        agreement.run(AgreementConfig(), [one], tmp_path / "out")


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    paths = []
    for who, spans in (("anna", [(10, 30)]), ("ben", [(10, 30), (50, 60)])):
        (tmp_path / who).mkdir()
        paths.append(rater(tmp_path / who / "r.csv", spans))
    told = agreement.run(AgreementConfig(), paths, tmp_path / "out")
    assert told.raters == ("anna", "ben") and told.f1["rear"] == pytest.approx(40 / 50)
