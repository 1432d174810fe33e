import pytest
from films import film, small

from gambol.stages import train


@pytest.fixture(scope="session")
def recording(tmp_path_factory):
    return film(tmp_path_factory.mktemp("film"))


@pytest.fixture(scope="session")
def trained(recording, tmp_path_factory):
    """A run that knows roughly where the mouse is."""
    out = tmp_path_factory.mktemp("runs") / "run"
    return train.run(small(240), recording.labels, out, threads=1)
