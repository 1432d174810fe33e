import pytest
from labelled import MOUSE, film

from gambol.io.project import Project


@pytest.fixture
def clip(tmp_path):
    return film(tmp_path / "p" / "videos" / "clip.mp4")


@pytest.fixture
def project(tmp_path, clip):
    with Project.create(tmp_path / "p", MOUSE) as one:
        one.add_video(clip)
        yield one
