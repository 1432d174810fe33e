"""Servers of small projects, each in a process of its own; one a module."""

import re

import pytest
import worlds
from acting import Desk, Studio

from gambol.app.web import assets

# nothing to export is said with 422, a frame that somebody holds with 409
QUIET = re.compile(r"/api/export$|/hold$")


@pytest.fixture
def faults():
    """Faults of the pages; not what the server rightly answers with another status."""
    seen = []
    yield seen
    bad = [one for one in seen if "the server responded" not in one or not QUIET.search(one)]
    assert not bad, "\n".join(bad)


@pytest.fixture(scope="session")
def films(tmp_path_factory):
    """A folder of coded films: 120 frames of 256², one a kind."""
    folder = tmp_path_factory.mktemp("films")
    return {
        kind: worlds.film(folder / f"{kind}.{'avi' if kind == 'mjpeg' else 'mp4'}", kind=kind)
        for kind in ("cfr", "vfr", "bframes", "hevc", "mjpeg")
        if worlds.encoder(kind)
    }


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    """A function that starts a server of a project; all end with the module."""
    assets.build()
    started = []

    def start(folder, **more):
        studio = Studio(folder, tmp_path_factory.mktemp("state"), **more)
        started.append(studio)
        return studio

    yield start
    for studio in started:
        studio.end()


@pytest.fixture(scope="module")
def studio(serve, films, tmp_path_factory):
    """A server of one film, three suggested frames, and five animals seen from frame 60 on."""
    folder = tmp_path_factory.mktemp("studio") / "mice"
    worlds.project(folder, [films["cfr"]], suggested=(3, 5, 7, 9))
    seen = worlds.truth(5, 120)
    seen[:60] = float("nan")
    worlds.saw(folder, films["cfr"], seen)
    return serve(folder)


@pytest.fixture
def desk(studio, page):
    """A person on the Label screen."""
    return Desk(studio, page)
