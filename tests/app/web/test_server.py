"""One server in a process of its own: how it starts, ends, and what it keeps to itself."""

import asyncio
import os
import re
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest
from labelled import MOUSE, film, make
from served import Server, client_of, studio_of

from gambol.app.web import server, tokens
from gambol.core.errors import InputError
from gambol.io.project import Project

TWO = {"keypoints": ["nose", "tail"]}


def test_it_survives_being_killed_and_is_back_at_once(tmp_path):
    one = Server(tmp_path / "mice", tmp_path)
    try:
        browser, port = one.browser(), one.port
        assert browser.post("api/project", json=TWO).status_code == 201
        second = Server(tmp_path / "mice", tmp_path)
        assert second.process.wait(30) == second.end() == 0 and "served already" in second.out
        assert second.port == port and "?key=" in second.link
        assert httpx.get(second.link).status_code == 303
        if os.path.exists("/proc/net/tcp"):
            assert listening(port) == {"0100007F"}  # loopback
        one.end(signal.SIGKILL)
        start = time.monotonic()
        again = Server(tmp_path / "mice", tmp_path, port=port)
        try:
            told = browser.get("api/project").json()  # the old cookie still lets in
            assert time.monotonic() - start < 20  # 5 s where nothing else runs
            assert told["skeleton"]["keypoints"] == TWO["keypoints"]
            (held,) = browser.cookies.jar
            secret = tokens.load(next((tmp_path / "gambol" / "studio").glob("*.token")))
            bearer = {"Authorization": f"Bearer {secret.edit}"}
            assert httpx.get(again.address + "api/project", headers=bearer).status_code == 200
            httpx.get(again.address + "?key=" + secret.read)
        finally:
            assert again.end() == 0
        logs = (tmp_path / "log").read_text() + again.out
        assert not [word for word in (secret.edit, secret.read, held.value) if word in logs]
        assert not list((tmp_path / "mice").glob("*-wal"))  # one file holds everything
    finally:
        one.end()


def listening(port):
    """The addresses on which a port listens, in hexadecimal."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    six = Path("/proc/net/tcp6")
    lines += six.read_text().splitlines()[1:] if six.exists() else []
    found = [line.split() for line in lines]
    local = [words[1].split(":") for words in found if words[3] == "0A"]
    return {address for address, number in local if int(number, 16) == port}


def test_a_body_of_nine_mebibytes_is_refused(tmp_path):
    with client_of(studio_of(tmp_path)) as client:
        assert client.post("/api/project", content=b"[" * (9 << 20)).status_code == 413


def test_a_server_that_runs_for_days_copies_the_database_every_day(tmp_path, monkeypatch):
    looks = []
    real = server._backup
    monkeypatch.setattr(server, "_BACKUP_LOOK_S", 0.01)
    monkeypatch.setattr(server, "_backup", lambda studio: real(studio) or looks.append(1))
    studio = studio_of(tmp_path)

    def copies():
        """Copies once the server looked twice more."""
        goal, end = len(looks) + 2, time.monotonic() + 20
        while len(looks) < goal and time.monotonic() < end:
            time.sleep(0.01)
        return sorted((tmp_path / "backups").glob("*.db"))

    with client_of(studio) as client:
        assert copies() == []  # no project yet
        assert client.post("/api/project", json=TWO).status_code == 201
        for day in range(3):
            found = copies()
            assert len(found) == day + 1 and copies() == found
            for copy in found:
                old = copy.stat().st_mtime - 25 * 3600  # the night goes by
                os.utime(copy, (old, old))
    done = len(looks)
    time.sleep(0.1)
    assert len(looks) == done  # it ends with the server


def test_parts_of_the_page_are_kept_and_the_page_is_not(tmp_path):
    with client_of(studio_of(tmp_path)) as client:
        page = client.get("/")
        assert page.headers["cache-control"] == "no-cache"
        name = next(w for w in page.text.split('"') if w.endswith(".js"))
        part = client.get(name.removeprefix("."))
        assert "immutable" in part.headers["cache-control"]
        assert part.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"host": "0.0.0.0"}, "--token-file"),
        ({"base_url": "hub.lab.org/x"}, "--base-url"),
        ({"base_url": "/../x"}, "--base-url"),
        ({"cert": Path("no.pem")}, "no.pem does not exist"),
        ({"roots": (Path("nowhere"),)}, "nowhere is no folder"),
        ({"folder": Path(__file__)}, "is a file"),
        ({"folder": Path("/nowhere/at/all"), "read_only": True}, "does not exist"),
        ({"host": "192.0.2.1", "token_file": Path("tokens")}, "cannot be used"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(said, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    options = server.Options(**{"folder": tmp_path / "mice", "browser": False} | said)
    with pytest.raises(InputError, match=message):
        server.serve(options, print, print)


def test_a_port_that_is_taken_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} .* --port"):
            server.serve(server.Options(tmp_path / "mice", port=port), print, print)


def test_what_is_written_is_sent_at_once(tmp_path):
    async def nodelay(listener):
        got = asyncio.get_running_loop().create_future()

        async def take(_, writer):
            own = writer.get_extra_info("socket")
            got.set_result(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        async with await asyncio.start_server(take, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            writer.close()
            return await got

    with server._listening(server.Options(tmp_path, port=0), tmp_path) as listener:
        assert asyncio.run(nodelay(listener)) != 0


def test_other_computers_are_warned_of_without_a_certificate(tmp_path):
    said = []
    options = server.Options(tmp_path, host="0.0.0.0", token_file=tmp_path / "t")
    reach = server._reach(options, said.append)
    assert reach.any_address and "unencrypted" in said[0]


def test_a_folder_that_cannot_be_written_is_refused_but_may_be_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match="--read-only"):
        server._folder(server.Options(tmp_path))
    assert server._folder(server.Options(tmp_path, read_only=True)) == tmp_path


def files_of(folder):
    return {p.relative_to(folder): (p.read_bytes(), p.stat().st_mtime_ns)
            for p in folder.rglob("*") if p.is_file()}  # fmt: skip


@pytest.mark.slow
def test_a_server_to_look_leaves_everything_as_it_was(tmp_path):
    folder = tmp_path / "mice"
    clip = film(folder / "videos" / "a.mp4")
    with Project.create(folder, MOUSE) as project:
        project.put_labels(make([clip]))
    one = Server(folder, tmp_path)
    browser = one.browser()
    assert browser.get("api/project").status_code == 200
    browser.close()
    one.end(signal.SIGKILL)  # its log is still there
    assert list(folder.glob("*-wal"))
    (folder / "uploads").mkdir()
    old = folder / "uploads" / f".{'0' * 32}.part"
    old.touch()
    os.utime(old, (1, 1))  # whoever edits tidies it up
    before = files_of(folder)
    two = Server(folder, tmp_path, "--read-only")
    try:
        browser = two.browser()
        told = browser.get("api/project").json()
        video = told["videos"][0]
        mark = video["fingerprint"]
        routes = [
            re.sub(r"{(\w+)}", lambda m: mark if m[1] == "fingerprint" else "1", route.path)
            for route in server._routes(studio_of(folder))
            if "GET" in (getattr(route, "methods", None) or ()) and route.path != "/api/changes"
        ]
        statuses = {path: browser.get(path).status_code for path in routes}
        assert statuses[f"/api/videos/1/{mark}/frames/1.jpg"] == 200
        assert max(statuses.values()) < 500 and len(statuses) > 40
        assert files_of(folder) == before
    finally:
        assert two.end() == 0
    assert files_of(folder) == before
