"""Nobody comes in who should not."""

import re
import socket

import pytest
from labelled import MOUSE
from rings import ring
from served import LOOK, OWN, TOKENS, Server, client_of, studio_of
from starlette.testclient import WebSocketDenialResponse

from gambol.app.web import space_files
from gambol.app.web.guard import FAILURES, HEADERS, LOOPBACK, MAY_READ, Access, hostname
from gambol.io import calibration
from gambol.io.project import Project

MAKE = {"keypoints": ["nose", "tail"]}


@pytest.fixture
def client(tmp_path):
    with client_of(studio_of(tmp_path), {}) as client:
        yield client


def test_without_a_token_nothing_answers(client):
    for path in ("/", "/assets/x.js", "/api/project", "/api/files", "/nothing"):
        assert client.get(path).status_code == 401
    assert client.post("/api/project", json=MAKE, headers={"X-Gambol": "1"}).status_code == 401


@pytest.mark.parametrize(
    "headers", [{"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKENS.edit}"}]
)
def test_a_wrong_token_is_refused(client, headers):
    assert client.get("/api/project", headers=headers).status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "a@127.0.0.1", ""])
def test_a_name_that_is_not_ours_is_refused(client, host):
    assert client.get("/api/project", headers=OWN | {"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:9000", "[::1]:80", "127.0.0.1"])
def test_the_ports_of_tunnels_are_known(client, host):
    assert client.get("/api/project", headers=OWN | {"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "file://"]
)
def test_a_foreign_page_writes_nothing_and_hears_nothing(client, origin, tmp_path):
    headers = OWN | {"Origin": origin}
    assert client.post("/api/project", json=MAKE, headers=headers).status_code == 403
    assert not (tmp_path / "project.db").exists()
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        client.websocket_connect("/api/feed?since=0", headers=headers),
    ):
        pass
    assert refused.value.status_code == 403


def test_the_page_itself_writes_and_hears(client):
    headers = OWN | {"Origin": "http://127.0.0.1:8765"}
    assert client.post("/api/project", json=MAKE, headers=headers).status_code == 201
    headers["Host"] = "127.0.0.1:8765"
    with client.websocket_connect("/api/feed?since=0", headers=headers) as socket:
        assert socket.receive_json()["type"] == "edit"


def test_a_request_whose_end_is_in_doubt_is_refused_and_nothing_behind_it(tmp_path):
    server = Server(tmp_path / "mice", tmp_path)
    try:
        host = f"Host: 127.0.0.1:{server.port}\r\n"
        twice = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"
        rest = f"0\r\n\r\nGET /api/project HTTP/1.1\r\n{host}\r\n"
        with socket.create_connection(("127.0.0.1", server.port), 10) as line:
            line.sendall(f"POST /api/edits HTTP/1.1\r\n{host}{twice}\r\n{rest}".encode())
            told = b"".join(iter(lambda: line.recv(4096), b""))  # the server hangs up
        assert told.startswith(b"HTTP/1.1 400") and told.count(b"HTTP/1.1") == 1
    finally:
        server.end()


def test_a_form_cannot_write(client):
    bare = {"Authorization": OWN["Authorization"]}
    assert client.post("/api/project", json=MAKE, headers=bare).status_code == 403


def test_a_link_lets_in_once_and_leaves_no_key_in_the_address(tmp_path):
    studio = studio_of(tmp_path)
    with client_of(studio, {}) as client:
        query = studio.access.link()
        answer = client.get(f"/{query}")
        assert (answer.status_code, answer.headers["location"]) == (303, "./")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie
        assert TOKENS.edit not in cookie
        assert client.get("/api/project").json()["role"] == "edit"
        client.cookies.clear()
        assert client.get(f"/{query}").status_code == 401


def test_a_link_that_nobody_followed_grows_old():
    now = [0.0]
    access = Access(TOKENS, clock=lambda: now[0])
    key = access.link("read").removeprefix("?key=")
    late = access.link("read").removeprefix("?key=")
    assert access.follow(key) == "read"
    now[0] = 3600.0
    assert access.follow(late) is None


def test_who_looks_changes_nothing(client):
    assert client.get("/api/project", headers=LOOK).json()["role"] == "read"
    assert client.post("/api/project", json=MAKE, headers=LOOK).status_code == 423
    assert client.post("/api/links", json={"role": "edit"}, headers=LOOK).status_code == 423
    assert client.post("/api/links", json={"role": "read"}, headers=LOOK).status_code == 201


def test_a_server_for_looking_lets_nobody_write(tmp_path):
    with client_of(studio_of(tmp_path, read_only=True)) as client:
        assert client.get("/api/project").json()["role"] == "read"
        assert client.post("/api/project", json=MAKE).status_code == 423


def test_guessing_ends_after_ten_tries_a_minute(tmp_path):
    now = [0.0]
    studio = studio_of(tmp_path, clock=lambda: now[0])
    with client_of(studio, {}) as client:
        inside = {"Cookie": "=".join(studio.access.cookie("edit"))}
        wrong = {"Authorization": "Bearer wrong"}
        tries = [client.get("/api/project", headers=wrong).status_code for _ in range(12)]
        assert tries == [401] * FAILURES + [429] * 2
        assert client.get("/api/project", headers=OWN).status_code == 429
        assert client.get("/api/project", headers=inside).status_code == 200
        now[0] = 61.0
        assert client.get("/api/project", headers=OWN).status_code == 200


def test_every_answer_forbids_the_browser_what_it_should(client):
    for answer in (client.get("/"), client.get("/", headers=OWN), client.get("/?key=x")):
        assert all(answer.headers[name] == value for name, value in HEADERS.items())
        assert "access-control-allow-origin" not in answer.headers


def test_a_link_from_another_site_loads_the_page_again(client):
    answer = client.get("/", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200 and 'http-equiv="refresh"' in answer.text


@pytest.mark.parametrize("path", ["/user/mei/api/project", "/api/project"])
def test_a_proxy_may_keep_or_cut_the_path(tmp_path, path):
    with client_of(studio_of(tmp_path, base="/user/mei/")) as client:
        assert client.get(path).status_code == 200


def test_names_of_hosts():
    assert hostname("[::1") == hostname("a:b") == hostname("a/b") == ""


@pytest.fixture
def rig(tmp_path):
    """A project with a calibration, and the name of it."""
    calibration.write(ring(2), tmp_path / "cameras.toml")
    with Project.create(tmp_path, MOUSE):
        pass
    return space_files.rig_name(tmp_path / "cameras.toml", tmp_path)


@pytest.mark.parametrize("read_only", [False, True])
def test_who_looks_sees_lines_and_points_of_3d(rig, read_only, tmp_path):
    with client_of(studio_of(tmp_path, read_only=read_only), LOOK) as client:
        (camera, other) = client.get(f"/api/rigs/{rig}/cameras").json()["cameras"]
        said = {"camera": camera["name"], "x": 100.0, "y": 100.0}
        assert client.post(f"/api/rigs/{rig}/epipolar", json=said).status_code == 200
        points = [{"camera": c["name"], "x": 100.0, "y": 100.0} for c in (camera, other)]
        made = client.post(f"/api/rigs/{rig}/triangulate", json={"points": points})
        assert made.status_code == 200
        for path in ("/api/rigs", f"/api/rigs/{rig}/epipolar/x", f"/api/rigs/{rig}"):
            assert client.post(path, json={}).status_code == 423


WRITES = ("POST", "PUT", "PATCH", "DELETE")


def test_every_other_write_is_refused_to_who_looks(client):
    """Every route there is, so that a new one is not forgotten."""
    refused = 0
    for route in client.app.routes:
        for method in sorted(set(getattr(route, "methods", None) or ()) & set(WRITES)):
            path = re.sub(r"{\w+}", "1", route.path)
            answer = client.request(method, path, headers=LOOK)
            if MAY_READ.fullmatch(path):
                assert answer.status_code in (404, 409, 422)
            else:
                assert (answer.status_code, answer.json()["code"]) == (423, "read-only"), path
                refused += 1
    assert refused > 25


@pytest.mark.parametrize(
    ("base", "headers", "secure"),
    [
        ("", {}, False),
        ("", {"X-Forwarded-Proto": "https"}, False),  # nobody said that there is a proxy
        ("https://hub.lab.org", {}, False),  # past the proxy, over loopback
        ("https://hub.lab.org", {"Host": "hub.lab.org"}, True),
        ("https://hub.lab.org", {"Host": "hub.lab.org:443"}, True),
        ("https://hub.lab.org", {"X-Forwarded-Proto": "https, http"}, True),
        ("https://hub.lab.org", {"X-Forwarded-Proto": "http"}, False),
        ("http://hub.lab.org", {"X-Forwarded-Proto": "https"}, False),
    ],
)
def test_a_cookie_that_came_over_tls_stays_on_tls(base, headers, secure, tmp_path):
    more = {"origins": frozenset([base]), "hosts": frozenset([*LOOPBACK, "hub.lab.org"])}
    studio = studio_of(tmp_path, **more if base else {})
    with client_of(studio, {}) as client:
        answer = client.get(f"/{studio.access.link()}", headers=headers)
        assert answer.status_code == 303
        assert ("secure" in answer.headers["set-cookie"].lower()) == secure
        if not secure:
            assert client.get("/api/project", headers=headers).status_code == 200


def test_a_file_or_a_mail_that_leads_here_goes_on_by_itself(tmp_path):
    studio = studio_of(tmp_path)
    with client_of(studio, {"Accept": "text/html"}) as browser:
        for site in ("cross-site", "same-site", None):
            sent = {"Sec-Fetch-Site": site} if site else {}
            answer = browser.get(f"/{studio.access.link()}", headers=sent)
            assert answer.status_code == 200 and "url=./" in answer.text
            assert "set-cookie" in answer.headers and "key" not in answer.text
        typed = browser.get(f"/{studio.access.link()}", headers={"Sec-Fetch-Site": "none"})
        assert typed.status_code == 303
