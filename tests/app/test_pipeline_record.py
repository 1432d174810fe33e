import json
import os

import pytest

from gambol.app import pipeline_record as records
from gambol.app.pipeline_record import Done, Key, Record

WORDS = ("clean", "in/a.nc", "--out", "out", "--set", "fps=30")
KEY = Key("clean", "a")


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def do(folder, record, words=WORDS, key=KEY, made=("out/a.nc",), trouble=None, ended=None):
    """Pretend that a command ran: it reads, writes what it makes, and is written down."""
    read = records.read_by(words, folder)
    for name in made:
        put(folder / name, f"made of {read}")
    stamps = records.made_by({"files": [{"poses": name} for name in made]}, words, folder)
    assert set(stamps) == set(made)
    stamp = records.key_of(words, read, [set(stamps)])
    record.add(Done(*key, stamp, stamps, 1.0, ended or records.now(), trouble))


@pytest.fixture
def folder(tmp_path):
    put(tmp_path / "in" / "a.nc", "poses")
    return tmp_path


def current(folder, words=WORDS, key=KEY):
    """As another process sees it."""
    return Record(folder / ".run").is_current(key, words, folder)


def test_what_was_done_is_current_until_something_it_read_or_made_is_another(folder):
    assert not current(folder)
    do(folder, Record(folder / ".run"))
    assert current(folder)
    assert not current(folder, key=Key("clean", "b"))
    assert not current(folder, words=(*WORDS[:-1], "fps=25"))
    put(folder / "in" / "a.nc", "other poses")
    assert not current(folder)
    do(folder, Record(folder / ".run"))
    assert current(folder)
    (folder / "out" / "a.nc").unlink()
    assert not current(folder)


def test_what_ended_badly_is_not_current_even_if_it_went_well_before(folder):
    record = Record(folder / ".run")
    do(folder, record)
    do(folder, record, trouble="the disk is full")
    assert not current(folder) and Record(folder / ".run").last(KEY).trouble
    do(folder, record)
    assert current(folder)


def test_folders_are_read_with_all_that_is_in_them_but_what_the_command_makes(folder):
    words = ("triangulate", "in", "--view=left=films/l.mp4", "--out", "in/map")
    put(folder / "films" / "l.mp4", "film")
    do(folder, Record(folder / ".run"), words, made=("in/map/model.json", "in/told.txt"))
    assert current(folder, words)
    put(folder / "in" / "map" / "other.txt", "page")  # below --out
    put(folder / "in" / ".hidden" / "x", "cache")
    assert current(folder, words)
    put(folder / "in" / "deep" / "b.nc", "more poses")
    assert not current(folder, words)


def test_options_name_files_too(folder):
    words = ("triangulate", "in", "--view", "left=films/l.mp4", "--out", "m.nc")
    film = put(folder / "films" / "l.mp4", "film")
    do(folder, Record(folder / ".run"), words, made=("m.nc",))
    assert current(folder, words)
    os.utime(film, ns=(1, 1))
    assert not current(folder, words)


def test_what_a_command_writes_to_is_not_read_wherever_its_words_say_it(folder):
    for words in (
        ("export", "in/a.nc", "a.csv", "--to", "csv"),
        ("export", "--to", "csv", "in/a.nc", "a.csv"),
        ("clean", "--out=a.csv", "in/a.nc"),
        ("import", "in/a.nc", "a.csv"),
    ):
        do(folder, Record(folder / ".run"), words, made=("a.csv",))
        assert current(folder, words)
        do(folder, Record(folder / ".run"), words, made=("a.csv",))
        put(folder / "in" / "a.nc", f"poses for {words}")
        assert not current(folder, words)


def test_a_page_that_recordings_share_is_as_any_of_them_left_it(folder):
    put(folder / "in" / "b.nc", "poses")
    first, second = Record(folder / ".run"), Record(folder / ".run")
    second._own = second._own.with_name("done-elsewhere-1.jsonl")
    do(folder, first, made=("out/a.nc", "out/page.html"))
    other = ("clean", "in/b.nc", "--out", "out")
    do(folder, second, other, Key("clean", "b"), made=("out/b.nc", "out/page.html"))
    assert current(folder) and current(folder, other, Key("clean", "b"))
    put(folder / "out" / "page.html", "mended by hand")
    assert not current(folder)


def test_what_a_later_step_writes_into_what_it_reads_does_not_count(folder):
    words = ("predict", "in", "--out", "poses")
    do(folder, Record(folder / ".run"), words, Key("poses", "a"), made=("poses/a.nc",))
    page = ("report", "in")
    do(folder, Record(folder / ".run"), page, Key("page", "a"), made=("in/report.html",))
    record = Record(folder / ".run")
    assert record.is_current(Key("poses", "a"), words, folder, ["poses", "page"])
    assert not record.is_current(Key("poses", "a"), words, folder)
    put(folder / "in" / "weights", "other weights")
    assert not record.is_current(Key("poses", "a"), words, folder, ["poses", "page"])


def test_a_torn_line_is_no_line(folder):
    record = Record(folder / ".run")
    do(folder, record)
    do(folder, record, key=Key("clean", "b"), made=("out/b.nc",))
    (file,) = (folder / ".run").glob("done-*.jsonl")
    file.write_bytes(file.read_bytes()[:-40] + b"\n[1]\nnull\n")
    again = Record(folder / ".run")
    assert again.last(KEY) and not again.last(Key("clean", "b"))
    assert current(folder)


def test_a_line_is_plain_json(folder):
    do(folder, Record(folder / ".run"))
    (file,) = (folder / ".run").glob("done-*.jsonl")
    told = json.loads(file.read_text())
    assert (told["step"], told["recording"], list(told["made"])) == ("clean", "a", ["out/a.nc"])
