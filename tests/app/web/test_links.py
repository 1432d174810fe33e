"""A link lets one browser in, once, and not for ever."""

import pytest
from served import LOOK, OWN, Server, client_of, studio_of

from gambol.app.web import guard, links, tokens


class Clock:
    """Seconds that a test sets."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def client(tmp_path, clock):
    with client_of(studio_of(tmp_path, clock=clock)) as client:
        yield client


def link(client, role="edit", headers=OWN):
    return client.post("/api/links", json={"role": role}, headers=headers)


def test_a_link_lets_in_once(tmp_path, clock):
    studio = studio_of(tmp_path, clock=clock)
    query = studio.access.link()
    with client_of(studio, headers={"X-Gambol": "1"}) as browser:
        first = browser.get("/" + query)
        assert first.status_code == 303 and first.headers["location"] == "./"
        cookie = first.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie
        assert browser.get("/api/project").status_code == 200
        browser.cookies.clear()
        second = browser.get("/" + query)
        assert second.status_code == 401 and "set-cookie" not in second.headers
        assert "followed already" in second.text


@pytest.mark.parametrize(("waited", "status"), [(-1, 303), (1, 401)])
def test_a_link_expires(tmp_path, clock, waited, status):
    studio = studio_of(tmp_path, clock=clock)
    query = studio.access.link()
    clock.now += guard.LINK_S + waited
    with client_of(studio, headers={"X-Gambol": "1"}) as browser:
        assert browser.get("/" + query).status_code == status


def test_a_link_for_looking_does_not_edit(tmp_path, clock):
    studio = studio_of(tmp_path, clock=clock)
    query = studio.access.link("read")
    with client_of(studio, headers={"X-Gambol": "1"}) as browser:
        assert browser.get("/" + query).status_code == 303
        assert browser.get("/api/project").json()["role"] == "read"
        keypoints = {"keypoints": ["a", "b"]}
        assert browser.post("/api/project", json=keypoints).status_code == 423


def test_who_looks_lets_others_look_and_not_edit(client):
    assert link(client, "read", LOOK).status_code == 201
    refused = link(client, "edit", LOOK)
    assert (refused.status_code, refused.json()["code"]) == (423, "read-only")


@pytest.mark.parametrize("role", ["owner", None, 3])
def test_there_are_two_roles(client, role):
    assert client.post("/api/links", json={"role": role}, headers=OWN).status_code == 422


@pytest.mark.slow
def test_a_second_command_line_gets_a_link_of_its_own(tmp_path):
    one = Server(tmp_path / "mice", tmp_path)
    try:
        secret = tokens.load(next((tmp_path / "gambol" / "studio").glob("*.token")))
        made = links.ask(one.address, secret, "edit")
        assert made.startswith(one.address + "?key=") and made != one.link
        assert links.ask(one.address, tokens.Tokens("x" * 43, "y" * 43), "edit") == ""
    finally:
        one.end()
    assert links.ask(one.address, secret, "edit") == ""  # nobody answers
