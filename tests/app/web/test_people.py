import pytest
from desked import animal, by, change, edit, studio_of
from labelled import MOUSE, film
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gambol.app.web import edits, people, project
from gambol.app.web.answers import HANDLERS
from gambol.io.project import Project

NEAR, FAR = "127.0.0.1", "10.0.0.7"


@pytest.fixture
def ask(tmp_path):
    """A function that asks as a browser at an address."""
    with Project.create(tmp_path / "p", MOUSE) as one:
        one.add_video(film(tmp_path / "p" / "videos" / "clip.mp4"))
    studio = studio_of(tmp_path / "p")
    routes = [r for module in (people, edits, project) for r in module.routes(studio)]
    app = Starlette(routes=routes, exception_handlers=HANDLERS)

    def send(browser, method, path, host=NEAR, user="", **more):
        client = TestClient(app, client=(host, 5))
        head = {"X-Gambol-Browser": browser, **by(user)}
        return client.request(method, path, headers=head, **more)

    yield send
    studio.desk.close()


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


@pytest.mark.parametrize("name", ["", "   ", "guest 2", "x" * 41])
def test_what_is_no_name_is_refused(ask, name):
    answer = ask("1" * 16, "POST", "/api/name", FAR, json={"name": name})
    assert answer.status_code == 422 and answer.json()["message"]
