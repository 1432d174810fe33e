"""Labels of other programs come in, go out and come in again as they were."""

import json
import shutil
import zipfile
from dataclasses import replace

import foreign
import numpy as np
import pytest
from labelled import canonical, make
from served import client_of, studio_of

from gambol.core.extras import merged
from gambol.core.labels import Origin
from gambol.io import labels as io_labels
from gambol.io.labels.formats import SUFFIX
from gambol.io.project import Project

PAIR = ("ann", "bob")


def arrive(folder, root, name, lost=None):
    """Make a project of a file by the routes of the page; return its labels.

    What the import says that it cannot keep is added to `lost`.
    """
    folder.mkdir()
    studio = studio_of(folder)
    studio.roots.append(root)
    with client_of(studio) as client:
        listed = client.get("/api/files", params={"root": 1}).json()["entries"]
        (file,) = [entry["id"] for entry in listed if entry["name"] == name]
        dry = client.post("/api/import", json={"file": file, "dry": True})
        assert dry.status_code == 200, dry.text
        assert client.post("/api/import", json={"file": file}).json() == dry.json()
    if lost is not None:
        lost += dry.json()["lost"]
    with Project.open(folder) as project:
        return project.labels(drafts=True)


def depart(folder, kind, out):
    """Export by the route of the page, unpack a package; return what is said to be lost."""
    with client_of(studio_of(folder)) as client:
        told = client.post("/api/export", json={"format": kind})
        assert told.status_code == 200, told.text
        got = client.get("/" + told.json()["download"].lstrip("/"))
    if SUFFIX[kind]:
        out.write_bytes(got.content)
        return told.json()["lost"]
    packed = out.with_suffix(".zip")
    packed.write_bytes(got.content)
    with zipfile.ZipFile(packed) as package:
        package.extractall(out)
    inner = list(out.iterdir())
    if len(inner) == 1 and inner[0].is_dir():
        shutil.move(inner[0], out.with_name(out.name + "."))
        shutil.rmtree(out)
        out.with_name(out.name + ".").rename(out)
    return told.json()["lost"]


@pytest.mark.parametrize(
    "kind,tolerance,animals",
    [
        pytest.param("slp", 0.0, PAIR, id="slp"),
        pytest.param("coco", 1e-6, PAIR, id="coco", marks=pytest.mark.slow),
        pytest.param("dlc", 1e-6, PAIR, id="dlc multi"),
        pytest.param("dlc", 1e-6, ("mouse",), id="dlc single", marks=pytest.mark.slow),
    ],
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


FOREIGN = {
    "coco": (foreign.coco, foreign.said_by_coco, foreign.COCO_LOST),
    "slp": (foreign.slp, foreign.said_by_slp, foreign.SLP_LOST),
    "dlc": (foreign.dlc, foreign.said_by_dlc, ()),
    "dlc multi": (foreign.dlc_multi, foreign.said_by_dlc, ()),
}


@pytest.mark.parametrize(
    "case",
    [
        "coco",
        "slp",
        *(pytest.param(one, marks=pytest.mark.slow) for one in ("dlc", "dlc multi")),
    ],
)
def test_what_other_programs_said_comes_back(films, tmp_path, case):
    make_one, said, losses = FOREIGN[case]
    kind = case.partition(" ")[0]
    shutil.copy(films["cfr"], tmp_path / "film.mp4")
    own = make_one(tmp_path, tmp_path / "film.mp4")
    lost = []
    one = arrive(tmp_path / "one", tmp_path, own.name, lost)
    assert len(lost) == len(losses)
    assert all(any(words in sentence for sentence in lost) for words in losses)
    again = tmp_path / f"again{SUFFIX[kind]}"
    gone = " ".join(depart(tmp_path / "one", kind, again))
    assert "said besides" not in gone
    if kind == "coco":
        own.write_text(json.dumps(foreign.coco_kept()))
    assert said(again) == said(own)
    lost.clear()
    two = arrive(tmp_path / "two", tmp_path, again.name, lost)
    assert two.extras.rows == one.extras.rows and two.extras.frames == one.extras.frames
    assert merged(two.extras.all, one.extras.all) == two.extras.all and lost == []
    if "corrected labels become a person's" in gone:
        one = replace(one, origin=one.origin * (one.origin < Origin.CORRECTED))
    assert canonical(two, 12) == canonical(one, 12)
    other = "slp" if kind != "slp" else "coco"
    elsewhere = depart(tmp_path / "one", other, tmp_path / f"other{SUFFIX[other]}")
    assert any("besides labels is left out" in line for line in elsewhere)
