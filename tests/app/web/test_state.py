import pytest
from desked import studio_of
from labelled import MOUSE
from starlette.requests import HTTPConnection

from gambol.app.web.answers import Fail
from gambol.app.web.state import role
from gambol.io.project import Project


def test_the_role_is_what_the_guard_noted():
    assert role(HTTPConnection({"type": "http"})) == "edit"
    assert role(HTTPConnection({"type": "http", "gambol.role": "read"})) == "read"


def test_a_studio_tells_the_hub_of_edits_and_knows_no_files_of_its_own(tmp_path, monkeypatch):
    Project.create(tmp_path / "p", MOUSE).close()
    studio = studio_of(tmp_path / "p")
    heard = []
    monkeypatch.setattr(studio.hub, "send", heard.append)
    studio.desk.ask_now(lambda p: p.set_track_log(p.folder / "a", "{}", ["x"], "tracks"))
    assert [(m.type, m.seq, m.action) for m in heard] == [
        ("edit", 2, "begin tracks"), ("edit", 3, "tracks"),
    ]  # fmt: skip
    assert studio.predictions.at(1, 2) is None
    with pytest.raises(Fail, match="there is no file 'x'"):
        studio.place("x")
    studio.desk.close()
