import pytest

from gambol.core.errors import InputError
from gambol.io import ethogram

OLD = (
    "Time,Media file path,Total length,FPS,Subject,Behavior,Behavioral category,Comment,Status"
)


def old(tmp_path, *rows, variables=2, players=1, offset="0.0"):
    """A table as BORIS wrote it up to version 7, with a preamble of any length."""
    head = ["Observation id,first day", "", "Media file(s)", ""]
    head += [f"Player #{i + 1},film{i}.mp4" for i in range(players)]
    head += ["", "Observation date,2016-11-27 01:57:26", "", "Description,", ""]
    head += [f"Time offset (s),{offset}", "", "independent variables", "variable,value"]
    head += [f"v{i},{i}" for i in range(variables)] + [""]
    path = tmp_path / "old.csv"
    path.write_text("\n".join([*head, OLD, *rows]) + "\n", encoding="utf-8")
    return path, len(head) + 2


def row(time, status, behavior="rear", subject="m1", comment="", media="film0.mp4", length=60):
    return f"{time},{media},{length},25.0,{subject},{behavior},,{comment},{status}"


@pytest.mark.parametrize(("variables", "players"), [(0, 1), (2, 1), (9, 1), (3, 4)])
def test_the_header_is_found_after_a_preamble_of_any_length(tmp_path, variables, players):
    rows = [row("3.300", "START"), row("7.750", "STOP"), row("9.000", "POINT", "peep")]
    path, _ = old(tmp_path, *rows, variables=variables, players=players)
    assert ethogram.detect(path) == "boris-old"
    found = ethogram.read(path).ethogram
    told = found.bouts[["recording", "label", "kind", "start_s", "stop_s", "start_frame"]]
    assert told.values.tolist() == [
        ["first day", "rear", "state", 3.3, 7.75, 82],
        ["first day", "peep", "point", 9.0, 9.0, 225],
    ]


def test_seconds_stay_and_frames_count_from_the_time_offset(tmp_path):
    path, _ = old(tmp_path, row("103", "START"), row("104", "STOP"), offset="100.0")
    bout = ethogram.read(path).ethogram.bouts.iloc[0]
    assert (bout["start_s"], bout["start_frame"], bout["stop_frame"]) == (103.0, 75, 100)


def test_an_empty_subject_and_its_name_in_boris_are_nobody(tmp_path):
    path, _ = old(tmp_path, row(1, "START", subject="No focal subject"),
                  row(2, "STOP", subject="No focal subject"))  # fmt: skip
    assert ethogram.read(path).ethogram.bouts["subject"].tolist() == [""]


def test_what_runs_stops_before_it_starts_again_at_one_time(tmp_path):
    rows = [row(1, "START"), row(2, "START"), row(2, "STOP"), row(3, "STOP")]
    path, _ = old(tmp_path, *rows)
    bouts = ethogram.read(path).ethogram.bouts
    assert bouts[["start_s", "stop_s"]].values.tolist() == [[1, 2], [2, 3]]


@pytest.mark.parametrize(
    ("rows", "said", "mended"),
    [
        ([(1, "START"), (2, "STOP"), (3, "START")], "never stops", [[1, 2], [3, 60]]),
        ([(1, "STOP"), (2, "START"), (3, "STOP")], "never started", [[2, 3]]),
        ([(1, "START"), (2, "START"), (3, "STOP")], "while it runs", [[1, 2], [2, 3]]),
        ([(1, "START"), (2, "STOP"), (3, "BEGIN")], "not known", [[1, 2]]),
        ([(1, "START"), (61, "STOP")], "beyond the media", [[1, 60]]),
        ([(1, "START"), (1, "STOP"), (2, "START"), (3, "STOP")], "no time", [[2, 3]]),
    ],
)
def test_what_does_not_pair_is_an_error_with_its_line_or_mended_and_listed(
    tmp_path, rows, said, mended
):
    path, first = old(tmp_path, *(row(*pair) for pair in rows))
    with pytest.raises(InputError, match=said) as error:
        ethogram.read(path)
    line = int(str(error.value).split("line ")[1].split(":")[0])
    assert first <= line < first + len(rows)
    found = ethogram.read(path, repair=True)
    assert found.ethogram.bouts[["start_s", "stop_s"]].values.tolist() == mended
    assert len(found.notes) == 1 and said in found.notes[0]


NEW = (
    "Observation id,Observation date,Description,Observation type,Source,Time offset (s),"
    "Coding duration,Media duration (s),FPS,Subject,Behavior,Behavioral category,Modifier #1,"
    "Modifier #2,Behavior type,Time,Media file name,Image index,Image file path,Comment"
)


def new(tmp_path, *rows):
    path = tmp_path / "new.tsv"
    lines = [NEW, *rows]
    path.write_text("\n".join(line.replace(",", "\t") for line in lines) + "\n", "utf-8")
    return path


def event(time, status, name="o1", modifiers=","):
    return (
        f"{name},2024-01-01,,Media file,player #1:a.mp4,0,10,60,30,m1,groom,care,{modifiers},"
        f"{status},{time},a.mp4,NA,,said"
    )


def test_the_new_table_holds_several_observations_and_modifiers_that_nest(tmp_path):
    path = new(
        tmp_path,
        event(1, "START", modifiers="left,"), event(2, "START", modifiers="right,hard"),
        event(3, "STOP", modifiers="left,"), event(4, "STOP", modifiers="right,hard"),
        event(5, "POINT", name="o2"),
    )  # fmt: skip
    assert ethogram.detect(path) == "boris-csv"
    found = ethogram.read(path).ethogram
    told = found.bouts[["recording", "start_s", "stop_s", "modifiers", "category"]]
    assert told.values.tolist() == [
        ["o1", 1, 3, "left", "care"], ["o1", 2, 4, "right|hard", "care"],
        ["o2", 5, 5, "", "care"],
    ]  # fmt: skip
    assert found.recordings["fps"].tolist() == [30, 30]


def test_the_aggregated_table_is_paired_already(tmp_path):
    path = tmp_path / "agg.csv"
    path.write_text(
        "Observation id,Media file,Total length,FPS,Subject,Behavior,Behavioral category,"
        "Modifiers,Behavior type,Start (s),Stop (s),Duration (s),Comment start,Comment stop\n"
        "o,a.mp4,60,29.97,No focal subject,rear,,,STATE,1.0,2.5,1.5,,\n"
        "o,a.mp4,60,29.97,No focal subject,peep,,,POINT,3.0,3.0,0,,\n",
        encoding="utf-8",
    )
    bouts = ethogram.read(path).ethogram.bouts
    assert bouts[["label", "kind", "stop_s"]].values.tolist() == [
        ["rear", "state", 2.5], ["peep", "point", 3.0],
    ]  # fmt: skip


def test_a_number_that_is_none_is_named_with_its_line(tmp_path):
    path, first = old(tmp_path, row("soon", "START"))
    with pytest.raises(InputError, match=f"line {first}, column Time, has 'soon'"):
        ethogram.read(path)
