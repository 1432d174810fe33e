"""The key is told to the browser alone, and its file does not stay."""

import html
import os
import re
import stat
import webbrowser
from pathlib import Path

import pytest
from served import Server, client_of

from gambol.app.web import opener, server, tokens
from gambol.app.web.desk import Lock

LINK = "http://127.0.0.1:8765/?key=" + "k" * 43


@pytest.fixture
def opened(monkeypatch, tmp_path):
    """What the browser was started with; state and home are of this test."""
    (tmp_path / "state").mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "state"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    told = []
    monkeypatch.setattr(webbrowser, "open", told.append)
    return told


def leads_to(url):
    """The file that an address names, and where it leads."""
    assert url.startswith("file://")
    path = Path(url.removeprefix("file://"))
    return path, html.unescape(re.search(r'url=([^"]+)"', path.read_text())[1])


@pytest.mark.parametrize(
    ("place", "looks", "there"),
    [("home/mice", False, True), ("home/mice", True, False), ("home/.mice", False, False),
     ("data/mice", False, False)],
)  # fmt: skip
def test_the_browser_is_started_without_the_key(opened, place, looks, there, tmp_path):
    project = tmp_path / place
    project.mkdir(parents=True)
    path = opener.show(LINK, project, looks=looks)
    (url,) = opened
    assert "key" not in url and "k" * 8 not in url
    assert leads_to(url) == (path, LINK)
    assert (path.parent == project) == there
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    opener.forget("other", project)
    assert path.exists()
    opener.forget("k" * 43, project)
    assert not path.exists()


def test_nothing_is_opened_where_nobody_else_can_be_kept_out(opened, tmp_path):
    (tmp_path / "state" / "gambol").write_text("no folder")
    assert opener.show(LINK, tmp_path / "data" / "mice") is None
    project = tmp_path / "home" / "mice"
    project.mkdir(parents=True)
    path = project / opener._name(project, "k" * 43)
    path.symlink_to(tmp_path / "theirs.html")  # planted by somebody
    assert opener.show(LINK, project) is None
    assert opened == [] and not (tmp_path / "theirs.html").exists()


def test_an_address_without_a_key_is_opened_as_it_is(opened, tmp_path):
    assert opener.show("http://127.0.0.1:8765/", tmp_path) is None
    assert opened == ["http://127.0.0.1:8765/"]


def test_a_server_that_was_killed_leaves_no_key_for_long(opened, tmp_path):
    project = tmp_path / "home" / "mice"
    project.mkdir(parents=True)
    path = opener.show(LINK, project)
    with opener.tidied(project):
        assert not path.exists()
        path = opener.show(LINK, project)
    assert not path.exists()


@pytest.mark.parametrize("followed", [False, True])
def test_the_file_goes_when_the_link_was_followed_and_with_the_server(
    opened, followed, tmp_path, monkeypatch
):
    folder, seen = tmp_path / "home" / "mice", []
    monkeypatch.setattr(server, "_has_browser", lambda: True)

    def run(options, studio, listener):
        path, link = leads_to(opened[-1])
        with client_of(studio, {}) as browser:
            if followed:
                assert browser.get("/?" + link.partition("?")[2]).status_code == 303
            seen.append((path, path.exists()))
            studio.desk.open()

    monkeypatch.setattr(server, "_run", run)
    server.serve(server.Options(folder, port=0), lambda started: None, print)
    ((path, there),) = seen
    assert there != followed and not path.exists()


def test_a_second_command_tells_the_key_to_nobody_else(opened, tmp_path, monkeypatch):
    folder = tmp_path / "home" / "mice"
    monkeypatch.setattr(server, "_has_browser", lambda: True)
    monkeypatch.setattr(server.links, "ask", lambda *_: LINK)
    lock = Lock(folder)
    lock.note("http://127.0.0.1:8765/")
    server.serve(server.Options(folder), lambda started: None, print)
    lock.release()
    path, link = leads_to(opened[0])
    assert link == LINK
    opener.forget("k" * 43, folder)  # as the first one does when it is followed
    assert not path.exists()
    assert tokens.usual_file(folder).exists()


def test_a_browser_comes_in_by_the_file(opened, browser, tmp_path):
    one = Server(tmp_path / "mice", tmp_path / "state")
    try:
        path = opener.show(one.link, tmp_path / "mice")
        page = browser.new_page()
        page.goto(path.as_uri())
        page.wait_for_url(one.address)
        page.wait_for_selector("#studio *")
        assert page.url == one.address and not path.exists()
        page.close()
    finally:
        one.end()
