"""A file that crashes, fills or stops what reads it leaves the server as it was."""

import os
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
from labelled import film
from served import client_of, studio_of

from gambol.app.web import probe
from gambol.app.web.answers import Fail
from gambol.io import project_videos


def test_a_child_says_what_we_would(tmp_path):
    ref = str(film(tmp_path / "film.mp4"))
    assert probe.describe(ref, tmp_path) == project_videos.describe(ref, tmp_path)


def refused(ref, folder):
    with pytest.raises(Fail) as error:
        probe.describe(str(ref), folder)
    assert error.value.problem.message.count("\n") == 0
    return error.value.status, error.value.problem.code


def test_what_is_no_video_is_told_from_what_is_not_there(tmp_path):
    (tmp_path / "text.mp4").write_text("no film")
    assert refused(tmp_path / "text.mp4", tmp_path) == (415, "kind")
    assert refused(tmp_path / "none.mp4", tmp_path) == (422, "input")


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="no limit of memory there")
def test_kilobytes_that_unfold_to_gigabytes_are_refused(tmp_path):
    folder = tmp_path / "mice"
    folder.mkdir()
    with h5py.File(folder / "bomb.h5", "w") as file:  # chunks that nobody wrote: zeros
        file.create_dataset(
            "images", (1, 60_000, 60_000, 3), np.uint8, chunks=(1, 1000, 1000, 3),
            compression="gzip",
        )  # fmt: skip
    assert (folder / "bomb.h5").stat().st_size < 1 << 20
    with client_of(studio_of(folder)) as client:
        client.post("/api/project", json={"keypoints": ["nose", "tail"]})
        entries = client.get("/api/files").json()["entries"]
        (bomb,) = [entry["id"] for entry in entries if entry["name"] == "bomb.h5"]
        answer = client.post("/api/videos", json={"file": bomb})
        assert (answer.status_code, answer.json()["code"]) == (422, "memory")
        assert "GiB" in answer.json()["message"]
        assert client.get("/api/project").json()["videos"] == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_what_never_ends_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "TIME_S", 4.0)
    os.mkfifo(tmp_path / "endless.mp4")
    start = time.monotonic()
    assert refused(tmp_path / "endless.mp4", tmp_path) == (422, "endless")
    assert 3.5 < time.monotonic() - start < 20
    assert not probe._running


def test_a_child_that_dies_is_a_sentence():
    with pytest.raises(Fail, match=r"a\.mp4 cannot be opened.* status 2"):
        probe.run("no task", {}, "a.mp4")


def test_the_end_of_the_server_ends_its_children(monkeypatch):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    monkeypatch.setattr(probe, "_running", {child})
    probe.close()
    assert child.wait(10) != 0


def bomb(path, **more):
    """A file of HDF5 whose numbers nobody wrote: a few kilobytes that unfold to gigabytes."""
    with h5py.File(path, "w") as file:
        for name, value in more.items():
            file[name] = value
        file.create_dataset(
            "annotations", (10_000_000, 100, 2), np.float64, chunks=(10_000, 100, 2),
            compression="gzip",
        )  # fmt: skip


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="no limit of memory there")
def test_a_project_is_made_from_labels_that_a_child_reads(tmp_path):
    folder = tmp_path / "mice"
    folder.mkdir()
    bomb(
        folder / "bomb.h5", skeleton=np.zeros((100, 2), np.int32), images=np.zeros((1, 2, 2, 1))
    )
    (folder / "deep.json").write_text('{"a":' * 100_000 + "1" + "}" * 100_000)
    with client_of(studio_of(folder)) as client:
        entries = client.get("/api/files").json()["entries"]
        ids = {entry["name"]: entry["id"] for entry in entries}
        for name in ("bomb.h5", "deep.json"):
            for path in ("/api/project", "/api/import"):
                answer = client.post(path, json={"file": ids[name]})
                assert answer.status_code == 422, (name, path, answer.text)
                assert answer.json()["code"] in ("memory", "input", "damaged")
        assert client.get("/api/project").json()["skeleton"] is None
        assert not (folder / "project.db").exists()


def test_calibrations_are_read_by_a_child(tmp_path):
    folder = tmp_path / "mice"
    (folder / "many").mkdir(parents=True)
    (folder / "bomb.yaml").write_text("%YAML:1.0\na: " + "[" * 200_000)
    (tmp_path / "closed.toml").write_text("[cam_0]\nname = 'secret'\nmatrix = 1\n")
    (folder / "many" / "c0.toml").symlink_to(tmp_path / "closed.toml")
    with client_of(studio_of(folder)) as client:
        entries = client.get("/api/files").json()["entries"]
        for entry in entries:
            answer = client.post("/api/rigs", json={"files": [entry["id"]]})
            assert answer.status_code == 422 and "secret" not in answer.text
            if entry["name"] == "many":
                assert "--root" in answer.json()["message"]
        assert client.get("/api/project").status_code == 200
