import io
import json
import sys
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import fake_stages
import numpy as np
import pytest
from desked import HANDLERS, Starlette, TestClient, project, studio_of
from labelled import MOUSE

from gambol.app import job_files, job_stages, processes
from gambol.app.web import jobs, reports
from gambol.app.web.job_queue import COMMAND
from gambol.core.poses import build
from gambol.io.project import Project


@pytest.fixture(autouse=True)
def known(monkeypatch):
    for name, stage in fake_stages.STAGES.items():
        monkeypatch.setitem(job_stages.STAGES, name, stage)
    monkeypatch.setenv(COMMAND, f"'{sys.executable}' '{Path(fake_stages.__file__)}'")


@pytest.fixture
def studio(tmp_path):
    return studio_of(tmp_path)


@pytest.fixture
def client(studio):
    routes = [*jobs.routes(studio), *project.routes(studio), *reports.routes(studio)]
    studio.jobs.start()
    yield TestClient(Starlette(routes=routes, exception_handlers=HANDLERS))
    for job in studio.jobs.all():
        if (place := job_files.place(studio.jobs.path(job.id))) and job.ended is None:
            processes.kill(place.pid)
    studio.jobs.close()
    studio.desk.close()


def start(client, stage="count", key="", **more):
    said = client.post("/api/jobs", json={"key": key or stage, "stage": stage, **more})
    return said.json()["id"] if said.status_code == 201 else said


def ended(client, name, seconds=60):
    end = time.monotonic() + seconds
    while (job := client.get(f"/api/jobs/{name}").json())["state"] in (
        "queued", "running", "stopping",
    ):  # fmt: skip
        assert time.monotonic() < end
        time.sleep(0.05)
    return job


def test_a_job_is_started_watched_and_read(client):
    name = start(client, config={"n": 4})
    assert ended(client, name)["state"] == "done"
    assert [job["id"] for job in client.get("/api/jobs").json()] == [name]
    curve = client.get(f"/api/jobs/{name}/curve").json()
    assert curve["step"] == [1, 2, 3, 4] and curve["train"][1] == 0.5
    assert client.post(f"/api/jobs/{name}/cancel").status_code == 409
    assert client.get("/api/jobs/none-1").status_code == 404


def test_the_log_comes_from_a_byte_on_or_from_its_end(client, tmp_path):
    name = start(client, config={"n": 1})
    ended(client, name)
    (tmp_path / "runs" / name / "log.txt").write_text("one\ntwo\nthree\n")
    whole = client.get(f"/api/jobs/{name}/log")
    assert whole.text == "one\ntwo\nthree\n" and whole.headers["X-Gambol-Next"] == "14"
    assert client.get(f"/api/jobs/{name}/log?from=4").text == "two\nthree\n"
    assert client.get(f"/api/jobs/{name}/log?tail=2").text == "two\nthree"


def test_what_is_wrong_is_said_at_once(client):
    wrong = start(client, "sugest")
    assert wrong.status_code == 422 and "suggest" in wrong.json()["message"]
    wrong = start(client, "suggest", config={"cuont": 1})
    assert wrong.status_code == 422 and "cuont" in wrong.json()["message"]
    wrong = start(client, "train", config={"fit": {"steps": -1}})
    assert wrong.status_code == 422 and "fit.steps" in wrong.json()["message"]
    assert client.get("/api/jobs").json() == []


def test_ended_jobs_are_deleted_into_the_trash_and_it_is_emptied(client, tmp_path):
    name = start(client, config={"n": 1})
    ended(client, name)
    runs = client.get("/api/disk").json()["runs"]
    assert [one["id"] for one in runs] == [name] and runs[0]["bytes"] > 0
    assert client.delete(f"/api/jobs/{name}").status_code == 204
    assert client.get("/api/jobs").json() == [] and not (tmp_path / "runs" / name).exists()
    assert client.delete(f"/api/jobs/{name}").status_code == 404
    assert client.get("/api/disk").json()["trash"] == runs[0]["bytes"]
    told = client.delete("/api/trash").json()
    assert told["trash"] == 0 and not any((tmp_path / "runs" / ".trash").iterdir())


def test_what_goes_on_is_not_deleted_nor_what_it_reads(client):
    first = start(client, config={"n": 1})
    ended(client, first)
    body = {"key": "b", "stage": "count", "config": {"n": 500}, "inputs": {"run": first}}
    second = client.post("/api/jobs", json=body).json()["id"]
    for name in (first, second):
        refused = client.delete(f"/api/jobs/{name}")
        assert refused.status_code == 409 and second in refused.json()["message"]
    client.post(f"/api/jobs/{second}/cancel")
    ended(client, second)
    assert client.delete(f"/api/jobs/{first}").status_code == 204
    third = client.post("/api/jobs", json={**body, "key": "c", "config": {"n": 1}}).json()["id"]
    assert third == "count-3"


def test_track_files_follow_their_logs_before_a_job_reads_them(client, studio):
    told = []
    studio.tracks = SimpleNamespace(follower=SimpleNamespace(settle=lambda: told.append(1)))
    start(client, "count")
    assert told == []
    start(client, "suggest")
    assert told == [1]


def test_only_files_that_an_export_wrote_are_sent(client, tmp_path):
    with Project.create(tmp_path, MOUSE):
        pass
    out = tmp_path / "runs" / "predict-1" / "out"
    out.mkdir(parents=True)
    said = job_files.Asked(id="predict-1", key="k", stage="predict", title="", by="ann",
                           project=str(tmp_path), created=job_files.now())  # fmt: skip
    job_files.ask(out.parent, said)
    job_files.quickly(job_files.Status(state="done"), out.parent / "status.json")
    inputs = {"run": "predict-1", "format": "csv"}
    name = start(client, "export", inputs=inputs)
    assert "no poses to export" in ended(client, name)["problem"]["message"]
    for film in ("a.mp4", "b.mp4"):
        poses = build(np.zeros((4, 1, len(MOUSE), 2)), np.ones((4, 1, len(MOUSE))),
                      np.ones((4, 1, len(MOUSE), 1, 1)) * np.eye(2), np.arange(4) / 30.0, MOUSE,
                      fps=30.0, individuals=("a",), attrs={"source_file": film})  # fmt: skip
        poses.to_netcdf(out / f"{film}.nc", engine="h5netcdf")
        name = start(client, "export", inputs=inputs, key=film)
        job = ended(client, name)
        assert job["state"] == "done", job["problem"]
        sent = client.get("/" + job["result"]["download"])
        assert sent.status_code == 200
        if film == "a.mp4":
            assert len(sent.text.splitlines()) == 1 + 4 * len(MOUSE)
    assert set(zipfile.ZipFile(io.BytesIO(sent.content)).namelist()) == {
        "a.mp4.csv", "b.mp4.csv",
    }  # fmt: skip
    assert client.get(f"/api/jobs/{name}/files/log.txt").status_code == 404


def test_what_is_imported_is_a_file_that_was_shown_never_a_path(client, tmp_path):
    assert start(client, "import", inputs={"file": "x"}).status_code == 404
    name = start(client, "import", inputs={"path": "/etc/passwd"})
    assert "choose a file" in ended(client, name)["problem"]["hint"]
    assert "path" not in client.get(f"/api/jobs/{name}").json()["inputs"]


def test_a_failed_one_is_tried_again_with_its_remedy(client, tmp_path):
    name = start(client, "fail", config={"how": "memory"})
    assert ended(client, name)["problem"]["code"] == "memory"
    assert client.post(f"/api/jobs/{name}/resume", json={"fix": "cpu"}).status_code == 200
    assert job_files.asked(tmp_path / "runs" / name).device == "cpu"
    assert client.post(f"/api/jobs/{name}/resume", json={"fix": "x"}).status_code in (409, 422)
    ended(client, name)


def test_settings_are_told_and_stages_that_are_not_are_missing(client):
    told = client.get("/api/stages/suggest/schema").json()
    assert "count" in told["settings"]["properties"] and told["presets"][0]["config"] == {}
    assert client.get("/api/stages/none/schema").status_code == 404


def test_nothing_was_trained_yet(client):
    name = start(client, config={"n": 1})
    assert client.get(f"/api/jobs/{name}/previews").json()["step"] == 0
    assert client.get(f"/api/jobs/{name}/previews/0.jpg").status_code == 404
    assert client.get("/api/rounds").json()["code"] == "no-project"


def test_held_out_errors_are_those_of_the_newest_finished_training(client, tmp_path):
    assert jobs.errors(tmp_path) == {}
    for number, state in enumerate(("done", "done", "failed"), 1):
        folder = tmp_path / "runs" / f"train-{number}"
        (folder / "out").mkdir(parents=True)
        said = job_files.Asked(id=folder.name, key="k", stage="train", title="", by="ann",
                               project=str(tmp_path), created=job_files.now(),
                               number=number)  # fmt: skip
        job_files.ask(folder, said)
        job_files.quickly(job_files.Status(state=state), folder / "status.json")
        scores = {"nose": {"median_px": float(number), "p95_px": 9.0}, "ear": {"p95_px": None}}
        (folder / "out" / "metrics.json").write_text(json.dumps({"keypoints": scores}))
    assert jobs.errors(tmp_path) == {"nose": (2.0, 9.0)}


@pytest.mark.slow
def test_a_whole_round_on_a_simulated_mouse(client, tmp_path):
    assert ended(client, start(client, "demo"))["state"] == "done"
    assert client.get("/api/project").json()["skeleton"]["keypoints"][0] == "nose"
    fit = {"steps": 30, "evaluate_every": 10}
    name = start(client, "train", config={"fit": fit, "scale": 0.2})
    job = ended(client, name, 120)
    assert job["state"] == "done", job["problem"]
    curve = client.get(f"/api/jobs/{name}/curve").json()
    assert curve["step"] == list(range(1, 31)) and curve["val_px"][9] is not None
    previews = client.get(f"/api/jobs/{name}/previews").json()
    assert previews["step"] == 30
    picture = client.get("/" + previews["shown"][0]["picture"])
    assert picture.headers["content-type"] == "image/jpeg"
    (row,) = client.get("/api/rounds").json()
    assert row["labels"] == 20 and row["p50_px"] == job["result"]["median_px"]
    assert client.get("/api/project").json()["keypoints"][0]["p50_px"] > 0
    told = start(client, "report", inputs={"run": name})
    assert ended(client, told, 120)["state"] == "done"
    (page,) = client.get("/api/reports").json()
    assert page["place"] == f"runs/{name}/out/report.html"
    assert "<h1" in client.get(f"/api/reports/{page['report']}").text
    seen = start(client, "predict-frames", inputs={"frames": [[1, 7], [1, 9]]})
    assert ended(client, seen)["result"] == {"run": name, "frames": 2, "animals": 2}
