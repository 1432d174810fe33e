import pytest
from desked import animal, by, change, edit, studio_of
from labelled import MOUSE, film
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gambol.app.web import behavior, edits, people, project
from gambol.app.web.answers import HANDLERS
from gambol.app.web.guard import Access
from gambol.app.web.models import Person
from gambol.app.web.tokens import Tokens
from gambol.core.errors import InputError
from gambol.io import project_log
from gambol.io.project import Project

NEAR, FAR = "127.0.0.1", "10.0.0.7"


@pytest.fixture
def studio(tmp_path):
    with Project.create(tmp_path / "p", MOUSE) as one:
        one.add_video(film(tmp_path / "p" / "videos" / "clip.mp4"))
    studio = studio_of(tmp_path / "p")
    yield studio
    studio.desk.close()


@pytest.fixture
def ask(studio):
    """A function that asks as a browser at an address."""
    modules = (people, edits, project, behavior)
    routes = [r for module in modules for r in module.routes(studio)]
    app = Starlette(routes=routes, exception_handlers=HANDLERS)

    def send(browser, method, path, host=NEAR, user="", **more):
        client = TestClient(app, client=(host, 5))
        head = {"X-Gambol-Browser": browser, **by(user)}
        return client.request(method, path, headers=head, **more)

    return send


def place(ask, browser, frame, user):
    body = {"edits": [edit(change("instances", (1, frame, -1), None, animal()))]}
    assert ask(browser, "POST", "/api/edits", user=user, json=body).status_code == 200


def told(ask, browser, host=NEAR):
    said = ask(browser, "GET", "/api/project", host).json()
    return said["user"], said["guest"]


def test_who_has_no_name_is_the_servers_user_or_a_guest(ask):
    one, two, far = "1" * 16, "2" * 16, "3" * 16
    assert told(ask, far, FAR) == ("guest 2", True)
    assert told(ask, one) == ("ann", False)
    assert told(ask, two) == ("guest 3", True)
    assert told(ask, one) == ("ann", False)
    assert told(ask, "") == ("ann", False) == told(ask, "../x")  # a script


def test_a_guests_undo_takes_back_nothing_of_another_guest_and_a_name_takes_all_along(ask):
    far, two = "3" * 16, "2" * 16
    assert [told(ask, one, FAR)[0] for one in (far, two)] == ["guest 2", "guest 3"]
    place(ask, far, 1, "guest 2")
    place(ask, two, 2, "guest 3")
    named = ask(far, "POST", "/api/name", FAR, "guest 2", json={"name": " Mei "})
    assert named.json() == {"name": "Mei", "edits": 1}
    steps = {"id": "s" * 8, "n": 5, "force": False}
    done = ask(far, "POST", "/api/undo", FAR, "Mei", json=steps).json()
    assert len(done["actions"]) == 1 and done["frame"] == 1
    assert [line["by"] for line in ask(far, "GET", "/api/history").json()[1:3]] == [
        "guest 3",
        "Mei",
    ]


def test_the_servers_user_names_nobody_elses_edits(ask):
    one = "1" * 16
    assert told(ask, one) == ("ann", False)
    place(ask, one, 1, "ann")
    assert ask(one, "POST", "/api/name", json={"name": "Mei"}).json()["edits"] == 0


def undone(ask, browser, user, n=9):
    steps = {"id": f"{user:x<8}"[:8] + str(n), "n": n, "force": False}
    return ask(browser, "POST", "/api/undo", FAR, user, json=steps).json()["actions"]


def authors(ask, browser):
    return [line["by"] for line in ask(browser, "GET", "/api/history").json()][::-1][-2:]


def test_nobody_takes_a_name_with_edits_by_accident_nor_mixes_two_logs(ask):
    ann, far = "1" * 16, "3" * 16
    assert told(ask, ann) == ("ann", False) and told(ask, far, FAR) == ("guest 2", True)
    place(ask, "", 1, "Mei")
    place(ask, far, 2, "guest 2")
    for name in ("Mei", "ann"):
        refused = ask(far, "POST", "/api/name", FAR, "guest 2", json={"name": name})
        assert (refused.status_code, refused.json()["code"]) == (409, "taken")
        assert name in refused.json()["message"] and name in refused.json()["hint"]
        assert authors(ask, far) == ["Mei", "guest 2"]
    sure = {"name": "Mei", "sure": True}
    taken = ask(far, "POST", "/api/name", FAR, "guest 2", json=sure)
    assert taken.json() == {"name": "Mei", "edits": 0}
    assert authors(ask, far) == ["Mei", "guest 2"]  # of two persons as before
    assert len(undone(ask, far, "guest 2")) == 1 and len(undone(ask, far, "Mei")) == 1


def test_who_has_a_name_is_asked_for_another_one_too(ask):
    far = "3" * 16
    told(ask, far, FAR)
    place(ask, "", 1, "Mei")
    place(ask, far, 2, "Zoe")
    refused = ask(far, "POST", "/api/name", FAR, "Zoe", json={"name": "Mei"})
    assert refused.json()["code"] == "taken"
    free = ask(far, "POST", "/api/name", FAR, "Zoe", json={"name": "Eve"})
    assert free.json() == {"name": "Eve", "edits": 0}
    assert authors(ask, far) == ["Mei", "Zoe"]


def test_a_name_of_somebody_who_is_here_is_taken(ask, studio, monkeypatch):
    here = [Person(name="Mei", colour="#fff")]
    monkeypatch.setattr(studio.hub, "people", lambda listener=None: here)
    refused = ask("3" * 16, "POST", "/api/name", FAR, json={"name": "Mei"})
    assert refused.status_code == 409 and "is here now" in refused.json()["message"]


BOUT = {"do": "add", "recording": "r", "label": "groom", "first": 3, "last": 9,
        "frames": 100, "fps": 30.0}  # fmt: skip


def test_bouts_come_along_with_a_name(ask):
    far = "3" * 16
    assert told(ask, far, FAR)[0] == "guest 2"
    ask(far, "POST", "/api/bouts", FAR, "guest 2", json=BOUT)
    place(ask, far, 2, "guest 2")
    ask(far, "POST", "/api/name", FAR, "guest 2", json={"name": "Mei"})
    seen = ask(far, "GET", "/api/bouts", FAR, "Mei").json()
    assert (seen["authors"], seen["undo"]) == (["Mei"], 1)
    assert ask(far, "POST", "/api/name", FAR, "Zoe", json={"name": "Mei"}).status_code == 409


def test_a_naming_that_broke_off_goes_on_when_it_is_said_again(ask, studio, monkeypatch):
    far = "3" * 16
    told(ask, far, FAR)
    ask(far, "POST", "/api/bouts", FAR, "guest 2", json=BOUT)
    place(ask, far, 2, "guest 2")

    def full(old, new):
        raise InputError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(studio.rolls[0], "rename", full)
        said = ask(far, "POST", "/api/name", FAR, "guest 2", json={"name": "Mei"})
        assert said.status_code == 422
    other = ask("4" * 16, "POST", "/api/name", FAR, "", json={"name": "Mei"})
    assert other.status_code == 409  # of somebody else it still is
    place(ask, far, 3, "guest 2")
    again = ask(far, "POST", "/api/name", FAR, "guest 2", json={"name": "Mei"})
    assert again.json() == {"name": "Mei", "edits": 1}
    assert authors(ask, far) == ["Mei", "Mei"]
    assert ask(far, "GET", "/api/bouts", FAR, "Mei").json()["undo"] == 1


def test_a_name_before_there_is_a_project(tmp_path):
    studio = studio_of(tmp_path)
    app = Starlette(routes=people.routes(studio), exception_handlers=HANDLERS)
    head = {"X-Gambol-Browser": "3" * 16}
    answer = TestClient(app, client=(FAR, 5)).post(
        "/api/name", headers=head, json={"name": "Mei"}
    )
    studio.desk.close()
    assert answer.json() == {"name": "Mei", "edits": 0}


@pytest.mark.parametrize("how", [{"base": "/mei/"}, {"origins": frozenset(["https://hub"])}])
def test_behind_a_proxy_nobody_is_taken_for_who_runs_the_server(ask, studio, how):
    studio.access = Access(Tokens("e" * 43, "r" * 43), **how)
    assert told(ask, "1" * 16) == ("guest 2", True)
    studio.access = Access(Tokens("e" * 43, "r" * 43))
    assert told(ask, "2" * 16) == ("ann", False)


def test_the_log_knows_who_edited(studio):
    with Project.open(studio.folder) as one:
        known = {author for (author,) in one.connection.execute("SELECT author FROM edits")}
        assert known and all(project_log.has_author(one.connection, who) for who in known)
        assert not project_log.has_author(one.connection, "nobody")


@pytest.mark.parametrize("name", ["", "   ", "guest 2", "reader", "x" * 41])
def test_what_is_no_name_is_refused(ask, name):
    answer = ask("1" * 16, "POST", "/api/name", FAR, json={"name": name})
    assert answer.status_code == 422 and answer.json()["message"]
