"""The command line in this process, and a small finished run."""

import sys
from typing import NamedTuple

import pytest
from four_points import labels_of
from labelled import film

from gambol.app import cli
from gambol.io import labels as io_labels
from gambol.stages import predict, train


class Told(NamedTuple):
    """How a command ended and what it said."""

    status: int
    out: str
    err: str


@pytest.fixture
def gambol(monkeypatch, capfd):
    """Run a command line; what libraries print is caught as well."""

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["gambol", *map(str, args)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main()
        return Told(int(stop.value.code or 0), *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A finished run of two steps, its labels beside it: (run folder, label file)."""
    folder = tmp_path_factory.mktemp("trained")
    table = folder / "labels.csv"
    io_labels.write(labels_of(film(folder / "film.mp4")), table, "csv")
    settings = train.TrainConfig().override(["fit.steps=2", "fit.batch=2"])
    return train.run(settings, table, folder / "run"), table


@pytest.fixture(scope="session")
def predicted(trained, tmp_path_factory):
    """Poses of a film that was deleted since."""
    folder = tmp_path_factory.mktemp("predicted")
    video = film(folder / "mine.mp4", shade=5)
    cfg = predict.PredictConfig()
    made = predict.run(cfg, trained[0], [video], folder, device="torch")
    video.unlink()
    return made[0].poses
