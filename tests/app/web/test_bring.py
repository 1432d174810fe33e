"""A DeepLabCut project comes in as a folder or as an archive, the same labels either way."""

import shutil
import time
from dataclasses import replace

import h5py
import numpy as np
import pytest
from labelled import canonical, film, make
from served import client_of, studio_of

from gambol.app.web import bring, packed
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import labels as io_labels
from gambol.io.labels import sleap
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


SECRET = "secret.mp4"


@pytest.fixture
def open_one(tmp_path):
    """A root beside the project, and a folder with a film beside both."""
    (tmp_path / "root").mkdir()
    film(tmp_path / "closed" / SECRET)
    return tmp_path / "root"


def names_it(kind, root, named):
    """A file of labels of a film that is there, made to name another one."""
    labels = make([film(root / "own.mp4")], individuals=("ann",), origins=(0,))
    path = root / f"labels{io_labels.SUFFIX[kind]}"
    io_labels.write(replace(labels, videos=(named,)), path, kind, images=False)
    return path


@pytest.mark.parametrize("kind", ["csv", "slp", "coco", "analysis"])
@pytest.mark.parametrize(
    "named", ["{0}/closed/{1}", "../closed/{1}", "../root/../closed/{1}", "there/{1}"]
)
def test_labels_that_name_a_film_outside_are_refused(kind, named, open_one, tmp_path):
    (open_one / "there").symlink_to(tmp_path / "closed")
    said = []
    for name in (SECRET, "absent.mp4"):
        source = names_it(kind, open_one, named.format(tmp_path, name))
        with pytest.raises(InputError, match=f"names .*{name}.* --root ") as refused:
            bring.bring(tmp_path / "mice", source, [open_one], False, "eve")
        said.append(str(refused.value).replace(name, ""))
    assert said[0] == said[1]  # it does not tell what is there
    assert not (tmp_path / "mice" / "project.db").exists()


def test_a_film_named_elsewhere_is_found_in_the_roots_and_in_the_project(open_one, tmp_path):
    for named in ("/home/mei/day 1/own.mp4", "C:\\films\\own.mp4"):
        source = names_it("csv", open_one, named)
        assert bring.bring(tmp_path / "mice", source, [open_one], False, "ann").animals
    assert labels_of(tmp_path / "mice").videos == (str(open_one / "own.mp4"),)
    other = tmp_path / "flies"  # of which the command line said where its film lies
    film(tmp_path / "closed" / "known.mp4", shade=9)
    source = names_it("csv", open_one, str(tmp_path / "closed" / "known.mp4"))
    with Project.create(other, io_labels.read(source).skeleton) as project:
        project.add_video(tmp_path / "closed" / "known.mp4")
    assert bring.bring(other, source, [open_one], False, "ann").animals


@pytest.mark.parametrize("where", ["images", "folder", "table", "film"])
def test_a_project_of_deeplabcut_leads_nowhere_else(where, theirs, tmp_path):
    root, closed = theirs.parent, tmp_path / "closed"
    (folder,) = (theirs / "labeled-data").iterdir()
    shutil.copytree(folder, closed)
    one = next(folder.glob("*.png"))
    table = next(folder.glob("CollectedData_*.h5"), None) or next(folder.glob("Coll*"))
    if where == "folder":
        shutil.rmtree(folder)
        folder.symlink_to(closed)
    elif where == "film":
        for image in folder.glob("*.png"):
            image.unlink()
        film(closed / f"{folder.name}.mp4")
        (theirs / "videos").mkdir(exist_ok=True)
        (theirs / "videos" / f"{folder.name}.mp4").symlink_to(closed / f"{folder.name}.mp4")
    else:
        path = one if where == "images" else table
        path.unlink()
        path.symlink_to(closed / path.name)
    with pytest.raises(InputError, match="names .* --root "):
        bring.bring(tmp_path / "mice", theirs, [root], False, "eve")
    assert not (tmp_path / "mice" / "project.db").exists()


def test_a_package_of_sleap_opens_no_other_film_and_no_address(open_one, tmp_path, monkeypatch):
    import sleap_io
    from sleap_io.io.video_reading import VideoBackend

    labels = make([film(open_one / "own.mp4")], individuals=("ann",), origins=(0,))
    source = sleap.objects(labels)
    (open_one / "own.mp4").unlink()
    source.videos[0].replace_filename("http://127.0.0.1:9/film.mp4", open=False)
    path = open_one / "a.pkg.slp"
    sleap_io.save_slp(source, str(path), verbose=False)
    with h5py.File(path, "a") as file:
        file["video9/video"] = np.zeros(1, np.int8)  # as if images were in it
    opened = []
    monkeypatch.setattr(
        VideoBackend, "from_filename", classmethod(lambda *a, **k: opened.append(a))
    )
    with pytest.raises(InputError, match="film.mp4"):
        bring.bring(tmp_path / "mice", path, [open_one], True, "eve")
    assert opened == []


def test_over_the_wire_nothing_outside_is_opened(open_one, tmp_path):
    folder = tmp_path / "mice"
    folder.mkdir()
    source = names_it("csv", open_one, str(tmp_path / "closed" / SECRET))
    studio = studio_of(folder)
    studio.roots.append(open_one)
    with client_of(studio) as client:
        entries = client.get("/api/files", params={"root": 1}).json()["entries"]
        (file,) = [one["id"] for one in entries if one["name"] == source.name]
        said = client.post("/api/import", json={"file": file})
        assert said.status_code == 422 and SECRET in said.json()["message"]
        made = client.post("/api/project", json={"file": file})
        assert made.status_code == 201  # the skeleton names no film
        job = client.post("/api/jobs", json={
            "key": "k" * 8, "stage": "import", "inputs": {"file": file, "roots": ["/"]},
        }).json()  # fmt: skip
        for _ in range(600):
            job = client.get(f"/api/jobs/{job['id']}").json()
            if job["state"] not in ("queued", "running"):
                break
            time.sleep(0.1)
        assert job["state"] == "failed" and SECRET in job["problem"]["message"]
        assert client.get("/api/project").json()["videos"] == []
