"""Labels in and out: what a dry run says is what happens then."""

import pickle
import zipfile
from io import BytesIO

import h5py
import numpy as np
import pytest
from labelled import canonical, film, make
from served import client_of, studio_of

from gambol.core.labels import Visibility
from gambol.io import labels as io_labels
from gambol.io.project import Project

FORMATS = ("slp", "coco", "csv")


@pytest.fixture
def mice(tmp_path):
    """An empty folder, its client, and a file of labels beside it."""
    folder = tmp_path / "mice"
    folder.mkdir()
    labels = make([film(tmp_path / "film.mp4")])
    io_labels.write(labels, tmp_path / "labels.csv", "csv")
    studio = studio_of(folder)
    studio.roots.append(tmp_path)
    with client_of(studio) as client:
        yield folder, client, labels


def identity(client, name):
    for root in (0, 1):
        found = client.get("/api/files", params={"root": root}).json()["entries"]
        for entry in found:
            if entry["name"] == name:
                return entry["id"]
    raise AssertionError(name)


def bring(client, name, **more):
    return client.post("/api/import", json={"file": identity(client, name)} | more)


def test_a_dry_import_says_what_happens_and_changes_nothing(mice):
    folder, client, labels = mice
    dry = bring(client, "labels.csv", dry=True).json()
    assert not (folder / "project.db").exists()
    assert bring(client, "labels.csv").json() == dry
    assert f"{len(labels)} animals are added" in dry["changes"]
    assert "new videos: film.mp4" in dry["changes"]
    with Project.open(folder) as project:
        assert canonical(project.labels()) == canonical(labels)
    before = (folder / "project.db").read_bytes()
    again = bring(client, "labels.csv", dry=True).json()
    assert f"{len(labels)} animals are replaced" in again["changes"]
    assert (folder / "project.db").read_bytes() == before


@pytest.mark.parametrize("format", FORMATS)
def test_labels_that_go_out_come_back_the_same(mice, format, tmp_path):
    _, client, labels = mice
    bring(client, "labels.csv")
    dry = client.post("/api/export", json={"format": format, "dry": True}).json()
    assert dry["download"] is None
    made = client.post("/api/export", json={"format": format}).json()
    assert made["lost"] == dry["lost"]
    data = client.get("/" + made["download"])
    assert "attachment" in data.headers["content-disposition"]
    path = tmp_path / f"back{io_labels.SUFFIX[format]}"
    path.write_bytes(data.content)
    assert len(io_labels.read(path)) == len(labels)


def test_what_deeplabcut_cannot_hold_is_counted(mice):
    _, client, labels = mice
    bring(client, "labels.csv")
    made = client.post("/api/export", json={"format": "dlc"}).json()
    for state in (Visibility.OCCLUDED, Visibility.UNLABELLED):
        count = np.sum(labels.visibility == state)
        assert any(
            loss.startswith(f"{count} {state.name.lower()} keypoints") for loss in made["lost"]
        )
    with zipfile.ZipFile(BytesIO(client.get("/" + made["download"]).content)) as packed:
        assert any(name.endswith("config.yaml") for name in packed.namelist())
    assert not [p for p in (mice[0] / "exports").iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize("said", [{"format": "exe"}, {"format": None}])
def test_an_unknown_format_is_refused(mice, said):
    bring(mice[1], "labels.csv")
    assert mice[1].post("/api/export", json=said).status_code == 422


def test_an_import_is_one_step_of_undo_and_told_to_the_pages(mice):
    folder, client, _ = mice
    bring(client, "labels.csv")
    with Project.open(folder) as project:
        assert project.undo() == ["import labels.csv"]
        assert len(project.labels()) == 0


def test_a_pickle_is_no_file_of_labels(mice, tmp_path):
    class Danger:
        def __reduce__(self):
            return (open, (str(tmp_path / "harmed"), "w"))

    for name in ("labels.json", "labels.h5", "labels.slp"):
        (tmp_path / name).write_bytes(pickle.dumps(Danger()))
        assert bring(mice[1], name).status_code == 422
    assert not (tmp_path / "harmed").exists()


def test_links_to_other_hdf5_files_are_refused(mice, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = np.arange(3)
    with h5py.File(tmp_path / "linked.slp", "w") as file:
        for name in ("metadata", "instances", "frames", "points", "pred_points", "tracks_json"):
            file[name] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "x")
    answer = bring(mice[1], "linked.slp")
    assert answer.status_code == 422
    assert "lies in another file" in answer.json()["message"]
