import pandas as pd
import pytest
from state_worlds import world

from gambol.core.errors import InputError
from gambol.core.ethogram import build
from gambol.io import ethogram as io_ethogram
from gambol.stages import ethogram_convert
from gambol.stages.ethogram_convert import ConvertConfig


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    made = world(tmp_path_factory.mktemp("world") / "made", recordings=1)
    return made / "truth"


def test_states_become_bouts_of_other_programs_and_come_back(states, tmp_path):
    first = tmp_path / "states.csv"
    told = ethogram_convert.run(ConvertConfig(to="bouts", fps=20.0), states, first)
    assert told.recordings == 1 and told.bouts > 3
    for name, kind in (("a.boris", "boris"), ("b.csv", "boris-csv"), ("c.annot", "annot")):
        there = tmp_path / name
        other = ethogram_convert.run(ConvertConfig(to=kind), first, there)
        assert other.bouts == told.bouts and io_ethogram.detect(there) == kind
        back = ethogram_convert.run(ConvertConfig(to="bouts"), there, tmp_path / f"{kind}.csv")
        assert back.bouts == told.bouts and back.labels == told.labels
        one, two = (
            io_ethogram.read(p).ethogram.bouts for p in (first, tmp_path / f"{kind}.csv")
        )
        assert one["start_frame"].tolist() == two["start_frame"].tolist()
        assert one["stop_frame"].tolist() == two["stop_frame"].tolist()


def test_what_is_lost_without_a_sidecar_is_said(states, tmp_path):
    cfg = ConvertConfig(to="frames", fps=20.0, sidecar=False)
    told = ethogram_convert.run(cfg, states, tmp_path / "frames.csv")
    assert len(told.files) == 1 and told.lost == tuple(told.lost)


def test_unknown_formats_and_files_are_refused(states, tmp_path):
    with pytest.raises(InputError, match="no format 'borris'; there are boris"):
        ethogram_convert.run(ConvertConfig(to="borris"), states, tmp_path / "a")
    junk = tmp_path / "junk.csv"
    junk.write_text("dear diary\n")
    with pytest.raises(InputError, match="junk.csv"):
        ethogram_convert.run(ConvertConfig(to="boris"), junk, tmp_path / "b.boris")
    with pytest.raises(InputError, match="is the file that is read"):
        ethogram_convert.run(ConvertConfig(to="bouts"), junk, junk)
    assert not (tmp_path / "b.boris").exists()


def test_one_recording_of_several_is_written_where_a_format_holds_one(tmp_path):
    rows = [{"recording": f"day{n}", "label": "rear", "start_frame": 10 * n, "stop_frame": 40}
            for n in range(3)]  # fmt: skip
    clock = pd.DataFrame({"recording": ["day0", "day1", "day2"], "fps": 20.0, "frames": 100})
    run = tmp_path / "run"  # as a classifier leaves it
    run.mkdir()
    made = build(pd.DataFrame(rows), recordings=clock)
    io_ethogram.write(made, run / "bouts.csv", "bouts")
    with pytest.raises(InputError, match="holds one recording, not 3; .*recording=NAME"):
        ethogram_convert.run(ConvertConfig(), run, tmp_path / "a.annot")
    assert not (tmp_path / "a.annot").exists()
    told = ethogram_convert.run(ConvertConfig(recording="day1"), run, tmp_path / "a.annot")
    assert told.recordings == told.bouts == 1
    back = io_ethogram.read(tmp_path / "a.annot", alone=True).ethogram.bouts
    assert back[["start_frame", "stop_frame"]].to_numpy().tolist() == [[10, 40]]
    with pytest.raises(InputError, match="no 'dya1'; did you mean 'day1'"):
        ethogram_convert.run(ConvertConfig(recording="dya1"), run, tmp_path / "b.annot")


def test_labels_of_every_frame_go_by_the_name_that_is_said(tmp_path):
    folder = tmp_path / "labels"
    folder.mkdir()
    pd.DataFrame({"syllable": [4, 4, 2, 2, 2]}).to_csv(folder / "day1.csv", index=False)
    with pytest.raises(InputError, match=r"no column 'state'; it has syllable"):
        ethogram_convert.run(ConvertConfig(fps=10.0), folder, tmp_path / "a.boris")
    cfg = ConvertConfig(fps=10.0, label="syllable", to="bouts")
    told = ethogram_convert.run(cfg, folder, tmp_path / "a.csv")
    assert (told.bouts, told.labels) == (2, ("2", "4"))
    alone = ethogram_convert.run(cfg, folder / "day1.csv", tmp_path / "b.csv")
    assert (alone.bouts, alone.labels) == (2, ("2", "4"))
    ethogram_convert.run(ConvertConfig(), tmp_path / "a.csv", tmp_path / "a.boris")
    with pytest.raises(InputError, match="a.boris holds bouts and no label a frame; leave"):
        ethogram_convert.run(cfg, tmp_path / "a.boris", tmp_path / "c.csv")
