import pytest
from films import film, small
from rigged import film as film_views

from gambol.stages import calibrate, train, triangulate


@pytest.fixture(scope="session")
def recording(tmp_path_factory):
    return film(tmp_path_factory.mktemp("film"))


@pytest.fixture(scope="session")
def trained(recording, tmp_path_factory):
    """A run that knows roughly where the mouse is."""
    out = tmp_path_factory.mktemp("runs") / "run"
    return train.run(small(240), recording.labels, out, threads=1)


@pytest.fixture(scope="session")
def views(tmp_path_factory):
    """A board and a mouse in three simulated cameras."""
    return film_views(tmp_path_factory.mktemp("views") / "sim")


@pytest.fixture(scope="session")
def calibrated(views, tmp_path_factory):
    """The calibration of these cameras, from pictures of the board."""
    out = tmp_path_factory.mktemp("calibrated") / "rig.toml"
    return calibrate.run(
        calibrate.CalibrateConfig(floor=0), [views.pictures], out, board=views.board
    )


@pytest.fixture(scope="session")
def poses_3d(views, calibrated, tmp_path_factory):
    """The mouse in space."""
    cfg = triangulate.TriangulateConfig.from_values({"tier": {"kind": "robust"}}, "here")
    out = tmp_path_factory.mktemp("poses3d") / "mouse.nc"
    return triangulate.run(cfg, [views.views], calibrated.calibration, out)
