from pathlib import Path

from gambol.app import pipeline_show
from gambol.app.pipeline_file import ALL, Pipeline, Recording, Step
from gambol.app.pipeline_record import Key
from gambol.app.pipeline_run import Found

KNOWN = Pipeline(
    Path("mice.yaml"), Path(), (Recording("day 1", {}), Recording("day 2", {})),
    (Step("poses", ("predict",), False), Step("map", ("map",), True)), 3, 60.0, (),
)  # fmt: skip
FOUND = [
    Found(Key("poses", "day 1"), "current"),
    Found(Key("poses", "day 2"), "failed", "no such film"),
    Found(Key("map", ALL), "waits", "poses of day 2 failed"),
]


def test_states_are_counted_and_troubles_say_where_to_read():
    told = pipeline_show.values(KNOWN, FOUND, Path("place"))
    assert told["steps"] == {"poses": {"current": 1, "failed": 1}, "map": {"waits": 1}}
    first, second = told["troubles"]
    assert (first["recording"], first["why"]) == ("day 2", "no such film")
    assert Path(first["log"]) == Path("place/logs/poses/day 2.txt")
    assert second["why"] == "poses of day 2 failed"


def test_people_see_a_table_and_the_reason():
    told = pipeline_show.values(KNOWN, FOUND, Path("place"))
    shown = pipeline_show.text(KNOWN, FOUND, told, True).splitlines()
    assert shown[0].split() == ["poses", "map"]
    assert shown[1].startswith("day 1") and shown[1].endswith("current")
    assert shown[3].startswith(ALL) and shown[3].endswith("waits")
    assert "poses  1 current, 1 failed" in shown
    assert "poses of day 2 failed: no such film" in shown
    assert not any(line.startswith("day 1") for line in
                   pipeline_show.text(KNOWN, FOUND, told, False).splitlines())  # fmt: skip


def test_many_recordings_are_only_counted():
    many = tuple(Recording(f"r{k}", {}) for k in range(pipeline_show.LISTED + 1))
    known = KNOWN._replace(recordings=many)
    found = [Found(Key("poses", one.name), "due") for one in many]
    told = pipeline_show.values(known, found, Path("place"))
    lines = pipeline_show.text(known, found, told, True).splitlines()
    assert lines == ["poses  41 due", "map    not asked for"]
