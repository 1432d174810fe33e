import pandas as pd
import pytest

from gambol.core.errors import InputError
from gambol.core.ethogram import build
from gambol.io import ethogram as io_ethogram
from gambol.stages import agreement
from gambol.stages.agreement import AgreementConfig


def rater(path, spans, recordings=("r",)):
    """A file of bouts of one label in recordings of 100 frames at 10 frames/s."""
    bouts = pd.DataFrame(
        [(name, "rear", a, b) for name in recordings for a, b in spans],
        columns=["recording", "label", "start_frame", "stop_frame"],
    )
    clock = pd.DataFrame({"recording": recordings, "fps": 10.0, "frames": 100})
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


def test_recordings_that_not_all_rated_have_no_consensus_and_are_named(tmp_path):
    one = rater(tmp_path / "anna.csv", [(10, 30)], ["r", "s", "t"])
    two = rater(tmp_path / "ben.csv", [(10, 30)], ["s", "t"])
    three = rater(tmp_path / "carla.csv", [(10, 30), (40, 50)], ["s"])
    told = agreement.run(AgreementConfig(), [one, two, three], tmp_path / "out")
    assert told.alone == ("r", "t") and told.bouts == 1
    pairs = pd.read_csv(tmp_path / "out" / "pairs.csv")
    assert pairs["frames"].tolist() == [200, 100, 100]  # of a pair count what both rated
    assert "not all rated them: r, t" in agreement.describe(told._asdict())
    other = rater(tmp_path / "dora.csv", [(10, 30)], ["r"])
    with pytest.raises(InputError, match=r"no recording in common|rated by all 3 raters"):
        agreement.run(AgreementConfig(), [one, two, other], tmp_path / "none")
    assert not (tmp_path / "none").exists()
