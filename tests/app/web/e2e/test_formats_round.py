"""Labels of other programs come in, go out and come in again as they were."""

import shutil
import zipfile

import numpy as np
import pytest
from labelled import canonical, make
from served import client_of, studio_of

from gambol.io import labels as io_labels
from gambol.io.labels.formats import SUFFIX
from gambol.io.project import Project

PAIR = ("ann", "bob")


def arrive(folder, root, name):
    """Make a project of a file by the routes of the page; return its labels."""
    folder.mkdir()
    studio = studio_of(folder)
    studio.roots.append(root)
    with client_of(studio) as client:
        listed = client.get("/api/files", params={"root": 1}).json()["entries"]
        (file,) = [entry["id"] for entry in listed if entry["name"] == name]
        dry = client.post("/api/import", json={"file": file, "dry": True})
        assert dry.status_code == 200, dry.text
        assert client.post("/api/import", json={"file": file}).json() == dry.json()
    with Project.open(folder) as project:
        return project.labels(drafts=True)


def depart(folder, kind, out):
    """Export by the route of the page; unpack what came as a package."""
    with client_of(studio_of(folder)) as client:
        told = client.post("/api/export", json={"format": kind})
        assert told.status_code == 200, told.text
        got = client.get("/" + told.json()["download"].lstrip("/"))
    if SUFFIX[kind]:
        out.write_bytes(got.content)
        return
    packed = out.with_suffix(".zip")
    packed.write_bytes(got.content)
    with zipfile.ZipFile(packed) as package:
        package.extractall(out)
    inner = list(out.iterdir())
    if len(inner) == 1 and inner[0].is_dir():
        shutil.move(inner[0], out.with_name(out.name + "."))
        shutil.rmtree(out)
        out.with_name(out.name + ".").rename(out)


@pytest.mark.parametrize(
    "kind,tolerance,animals",
    [("slp", 0.0, PAIR), ("coco", 1e-6, PAIR), ("dlc", 1e-6, PAIR), ("dlc", 1e-6, ("mouse",))],
    ids=["slp", "coco", "dlc multi", "dlc single"],
)
def test_import_export_import_changes_nothing(films, tmp_path, kind, tolerance, animals):
    shutil.copy(films["cfr"], tmp_path / "film.mp4")
    own = make([tmp_path / "film.mp4"], seed=4, individuals=animals)
    io_labels.write(own, tmp_path / f"own{SUFFIX[kind]}", kind)
    one = arrive(tmp_path / "one", tmp_path, f"own{SUFFIX[kind]}")
    depart(tmp_path / "one", kind, tmp_path / f"again{SUFFIX[kind]}")
    two = arrive(tmp_path / "two", tmp_path, f"again{SUFFIX[kind]}")
    assert one.skeleton.keypoints == two.skeleton.keypoints == own.skeleton.keypoints
    assert one.skeleton.swap == two.skeleton.swap
    first, second = canonical(one, 12), canonical(two, 12)
    assert [row[:3] for row in first] == [row[:3] for row in second]
    for (_, _, _, a), (_, _, _, b) in zip(first, second, strict=True):
        assert [p[:2] for p in a] == [p[:2] for p in b]
        gap = [np.subtract(p[2:], q[2:]) for p, q in zip(a, b, strict=True) if p[2:]]
        assert np.abs(gap).max() <= tolerance
