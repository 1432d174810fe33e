"""The verb that serves the studio."""

import json

import pytest

from gambol.app.web import assets, server


@pytest.fixture
def served(monkeypatch):
    """What the verb asks of the server, which says that it started."""
    asked = []

    def serve(options, told, say):
        asked.append(options)
        told(server.Started("http://127.0.0.1:1/", "http://127.0.0.1:1/?key=k", False))

    monkeypatch.setattr(server, "serve", serve)
    return asked


def test_options_reach_the_server(gambol, served, tmp_path):
    told = gambol(
        "studio", tmp_path, "--port", 9, "--no-browser", "--root", tmp_path, "--read-only"
    )
    assert told.status == 0 and "?key=k" in told.out
    (options,) = served
    assert (options.folder, options.port, options.roots) == (tmp_path, 9, (tmp_path,))
    assert options.read_only and not options.browser
    assert options.host == "127.0.0.1"


def test_json_says_where_the_page_is(gambol, served, tmp_path):
    said = json.loads(gambol("studio", tmp_path, "--json").out)
    assert said["link"] == "http://127.0.0.1:1/?key=k" and said["running"] is False


def test_building_ends_without_a_server(gambol, served, monkeypatch):
    monkeypatch.setattr(assets, "build", lambda: False)
    assert "built: False" in gambol("studio", "--build").out
    assert not served


def test_without_the_page_it_says_how_to_get_it(gambol, monkeypatch, tmp_path):
    monkeypatch.setattr(assets, "built", lambda: False)
    told = gambol("studio", tmp_path / "mice", "--no-browser")
    assert told.status == 2 and "gambol studio --build" in told.err
