import pytest

from gambol.app.web import guests
from gambol.app.web.guests import Guests

A, B, C = "a" * 16, "b" * 16, "c" * 16


def test_the_first_browser_near_is_who_runs_the_server_and_others_are_numbered(tmp_path):
    one = Guests(tmp_path / "state" / "x.guests")
    assert one.of(A, near=False) == "guest 2"
    assert one.of(B, near=True) == ""
    assert one.of(C, near=True) == "guest 3"
    again = Guests(tmp_path / "state" / "x.guests")  # the next day
    assert [again.of(who, near=True) for who in (A, B, C)] == ["guest 2", "", "guest 3"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"guests": 3}', '{"guests": {"a": "x"}}'])
def test_a_damaged_list_begins_anew(tmp_path, text):
    (tmp_path / "x").write_text(text)
    one = Guests(tmp_path / "x")
    assert one.of(A, near=True) == ""
    assert Guests(tmp_path / "x").of(B, near=True) == "guest 2"


def test_without_a_place_to_write_guests_are_told_apart_all_the_same(tmp_path):
    (tmp_path / "file").write_text("")
    for one in (Guests(), Guests(tmp_path / "file" / "x")):
        assert [one.of(who, near=False) for who in (A, B, A)] == [
            "guest 2",
            "guest 3",
            "guest 2",
        ]


def test_who_only_looks_takes_no_number_and_keeps_one_that_is_there(tmp_path):
    one = Guests(tmp_path / "x")
    assert one.of(A, near=False) == "guest 2"
    looking = [one.of(f"{k:016x}", near=False, edits=False) for k in range(50)]
    assert set(looking) == {guests.READER}
    assert [one.of(who, near=False, edits=who == B) for who in (A, B)] == ["guest 2", "guest 3"]


def test_a_naming_that_broke_off_is_known_the_next_day(tmp_path):
    one = Guests(tmp_path / "x")
    one.note("guest 2", "Mei")
    again = Guests(tmp_path / "x")
    assert (again.naming("guest 2"), again.naming("guest 3")) == ("Mei", "")
    again.note("guest 2", "")
    assert Guests(tmp_path / "x").naming("guest 2") == ""


def test_many_browsers_fill_no_memory(monkeypatch):
    monkeypatch.setattr(guests, "_MOST", 3)
    one = Guests()
    names = [one.of(f"{k:016x}", near=False) for k in range(9)]
    assert names[3:] == ["guest 5"] * 6 and len(set(names[:4])) == 4
