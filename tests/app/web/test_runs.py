import warnings

import numpy as np
import pytest
from desked import studio_of
from labelled import FRAMES, MOUSE, film
from seen_runs import poses_of
from starlette.applications import Starlette

from gambol.app.web import runs
from gambol.app.web.answers import HANDLERS
from gambol.io.project import Project

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the successor of httpx
    from starlette.testclient import TestClient


@pytest.fixture
def client(tmp_path):
    folder = tmp_path / "p"
    films = [film(folder / "videos" / name, k) for k, name in enumerate(("a.mp4", "b.mp4"))]
    with Project.create(folder, MOUSE) as project:
        for path in films:
            project.add_video(path)
    poses_of(folder, "track-1", films[0], 100, names=("ann", "bob"))
    poses_of(folder, "track-1", films[1], 200, names=("ann",), age=60)
    studio = studio_of(folder)
    yield TestClient(Starlette(routes=runs.routes(studio), exception_handlers=HANDLERS))
    studio.predictions.close()
    studio.desk.close()


def array(answer):
    shape = [int(size) for size in answer.headers["x-gambol-shape"].split(",")]
    return np.frombuffer(answer.content, "<f4").reshape(*shape, 3)


def test_poses_of_a_stretch_of_frames(client):
    block = array(client.get("/api/runs/track-1/poses?from=2&to=6"))
    assert block.shape == (5, 2, 4, 3)
    frame, animal, keypoint = np.indices((5, 2, 4))
    there = (frame + 2 != 3) | (keypoint != 1)
    np.testing.assert_array_equal(block[there, 0], (102 + frame)[there])
    np.testing.assert_array_equal(block[there, 1], (10 * animal + keypoint)[there])
    assert np.isnan(block[~there][:, :2]).all() and (block[there, 2] == 0.75).all()


def test_a_video_is_chosen_among_those_of_the_run(client):
    assert array(client.get("/api/runs/track-1/poses?from=0&video=2"))[0, 0, 0, 0] == 200
    assert array(client.get("/api/runs/track-1/poses?from=0&video=1"))[0, 0, 0, 0] == 100


def test_what_is_not_there_is_said(client):
    assert client.get("/api/runs/none-1/poses?from=0").status_code == 404
    assert client.get("/api/runs/track-1/poses?from=0&video=9").status_code == 404
    assert client.get(f"/api/runs/track-1/poses?from=0&to={FRAMES}").status_code == 416
    assert client.get("/api/runs/track-1/poses?from=5&to=4").status_code == 416
    assert client.get("/api/runs/track-1/poses?from=-1&to=4").status_code == 416
    answer = client.get("/api/runs/track-1/poses?from=0&to=99999999")
    assert answer.status_code == 416 and "frames at once" in answer.json()["message"]
    assert client.get("/api/runs/track-1/poses").status_code == 422
