"""A DeepLabCut project comes in as a folder or as an archive, the same labels either way."""

import shutil

import pytest
from labelled import canonical, film, make
from served import client_of, studio_of

from gambol.app.web import bring, packed
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import labels as io_labels
from gambol.io.project import Project


@pytest.fixture
def theirs(tmp_path):
    """A project of DeepLabCut with pictures, beside an empty folder for ours."""
    labels = make([film(tmp_path / "film.mp4")], individuals=("ann",), origins=(0,))
    io_labels.write(labels, tmp_path / "data" / "theirs", "dlc")
    return tmp_path / "data" / "theirs"


def archive(folder):
    return shutil.make_archive(str(folder), "zip", folder.parent, folder.name)


def brought(folder, source, dry=False):
    return bring.bring(folder, source, [source.parent], dry, "ann")


def labels_of(folder):
    with Project.open(folder) as project:
        return project.labels()


def test_folder_and_archive_give_the_same_labels(theirs, tmp_path):
    one = brought(tmp_path / "one", theirs)
    archive(theirs)
    shutil.rmtree(theirs)  # the pictures come from the archive
    packed_one = theirs.with_suffix(".zip")
    dry = brought(tmp_path / "two", packed_one, dry=True)
    assert not (tmp_path / "two" / "project.db").exists()
    assert not (tmp_path / "two" / "imports").exists()
    two = brought(tmp_path / "two", packed_one)
    assert (dry.frames, dry.animals, dry.format) == (two.frames, two.animals, "dlc")
    assert one.animals == two.animals > 0
    ours = labels_of(tmp_path / "two")
    assert canonical(ours) == canonical(labels_of(tmp_path / "one"))
    assert all(str(tmp_path / "two" / "imports") in ref for ref in ours.videos)
    again = brought(tmp_path / "two", packed_one)
    assert again.animals == two.animals  # replaced, and not unpacked once more
    assert len(list((tmp_path / "two" / "imports").iterdir())) == 1
    assert not list((tmp_path / "two").glob(".unpacked*"))


def test_an_archive_without_labels_leaves_nothing(theirs, tmp_path):
    shutil.rmtree(theirs / "labeled-data")
    archive(theirs)
    with pytest.raises(InputError, match="holds no labels"):
        brought(tmp_path / "mice", theirs.with_suffix(".zip"))
    assert not list((tmp_path / "mice").iterdir())


def test_an_import_that_fails_takes_its_pictures_along(theirs, tmp_path):
    archive(theirs)
    with Project.create(tmp_path / "mice", io_labels.read(theirs).skeleton):
        pass
    assert packed.unpack(theirs.with_suffix(".zip"), tmp_path / "look")
    other = make([film(tmp_path / "b.mp4")]).skeleton.to_dict() | {"keypoints": list("abcd")}
    with Project.create(tmp_path / "flies", Skeleton.from_dict(other)):
        pass
    with pytest.raises(InputError, match="another skeleton"):
        brought(tmp_path / "flies", theirs.with_suffix(".zip"))
    assert not list((tmp_path / "flies" / "imports").iterdir())


def test_a_folder_on_the_servers_disk_is_chosen_and_brought(theirs, tmp_path):
    folder = tmp_path / "mice"
    folder.mkdir()
    studio = studio_of(folder)
    studio.roots.append(tmp_path / "data")
    with client_of(studio) as client:
        found = client.get("/api/files", params={"root": 1}).json()["entries"]
        assert [(entry["name"], entry["kind"]) for entry in found] == [("theirs", "labels")]
        said = client.post("/api/import", json={"file": found[0]["id"]})
        assert said.json()["format"] == "dlc" and said.json()["animals"] > 0


def test_an_archive_is_uploaded_and_brought(theirs, tmp_path):
    folder = tmp_path / "mice"
    folder.mkdir()
    archive(theirs)
    data = theirs.with_suffix(".zip").read_bytes()
    with client_of(studio_of(folder)) as client:
        about = {"name": "theirs.zip", "bytes": len(data), "hash": "m"}
        upload = client.post("/api/uploads", json=about).json()["id"]
        client.put(f"/api/uploads/{upload}?at=0", content=data)
        said = client.post("/api/import", json={"file": upload})
        assert said.json()["format"] == "dlc" and said.json()["animals"] > 0
