"""On this machine; tests/app/test_pipeline_cluster.py does the same on workers of Dask."""

import pytest

from gambol.app import hands
from gambol.app.terms import Usual
from gambol.core.cores import share_of_cores
from gambol.core.progress import Stopped


def test_this_machine_does_commands_with_a_share_of_its_cores(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "gambol.app.pipeline_jobs.Crew.do", lambda crew, words, *more: asked.append(words)
    )
    with hands.opened(Usual(tmp_path), None, 2) as crew:
        assert crew.at_once == 2
        crew.do(("predict", "run", "film.mp4", "--out", "poses"), tmp_path / "log.txt")
        crew.do(("info", "film.mp4"), tmp_path / "log.txt")
    assert asked[0][-2:] == ("--threads", str(share_of_cores(2)))
    assert asked[1] == ("info", "film.mp4")


def test_nothing_is_started_once_it_is_left(tmp_path):
    with hands.opened(Usual(tmp_path), None, 1) as crew:
        pass
    with pytest.raises(Stopped):
        crew.do(("info", "film.mp4"), tmp_path / "log.txt")
