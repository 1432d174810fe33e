import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from labelled import MOUSE, canonical, film, make

from gambol.core.errors import InputError
from gambol.core.labels import Labels, Visibility
from gambol.core.skeleton import Skeleton
from gambol.io import labels as io_labels
from gambol.io.project import Project
from gambol.stages import imports
from gambol.stages.imports import ImportConfig


@pytest.fixture
def source(tmp_path):
    """A SLEAP file beside its video."""
    labels = make([film(tmp_path / "data" / "clip.mp4")])
    io_labels.write(labels, tmp_path / "data" / "a.slp", "slp")
    return tmp_path / "data" / "a.slp"


def test_makes_the_project_and_fills_it(source, tmp_path):
    steps = []
    done = imports.run(ImportConfig(), source, tmp_path / "p", progress=steps.append)
    assert (done.format, done.merged) == ("slp", (12, 0, 0))
    assert canonical(io_labels.load(tmp_path / "p")) == canonical(io_labels.load(source))
    assert [step.done for step in steps] == [1, 2]


def test_a_second_import_merges(source, tmp_path):
    imports.run(ImportConfig(), source, tmp_path / "p")
    again = imports.run(ImportConfig(), source, tmp_path / "p")
    assert again.merged == (0, 12, 0)
    assert len(io_labels.load(tmp_path / "p")) == 12


def test_another_project_is_a_source_too(source, tmp_path):
    imports.run(ImportConfig(), source, tmp_path / "p")
    imports.run(ImportConfig(), tmp_path / "p", tmp_path / "q")
    assert canonical(io_labels.load(tmp_path / "q")) == canonical(io_labels.load(source))


def test_videos_are_looked_for_where_they_are_said_to_be(source, tmp_path):
    (tmp_path / "data" / "clip.mp4").rename(tmp_path / "clip.mp4.away")
    with pytest.raises(InputError, match=r"clip\.mp4, which does not exist here; .*--videos"):
        imports.run(ImportConfig(), source, tmp_path / "p")
    assert not (tmp_path / "p").exists()
    (tmp_path / "away").mkdir()
    (tmp_path / "clip.mp4.away").rename(tmp_path / "away" / "clip.mp4")
    imports.run(ImportConfig(), source, tmp_path / "p", [tmp_path / "away"])
    assert io_labels.load(tmp_path / "p").videos == (str(tmp_path / "away" / "clip.mp4"),)


def test_options_reach_the_reader(tmp_path):
    with h5py.File(tmp_path / "set.h5", "w") as file:
        file["images"] = np.zeros((2, 8, 8, 1), np.uint8)
        xy = np.ones((2, 3, 2))
        xy[0, 0] = np.nan
        file["annotations"] = xy
        file["skeleton"] = np.array([[-1, -1], [0, 2], [0, 0]], np.int32)
    (tmp_path / "skeleton.csv").write_text("name\nnose\neyeL\neyeR\n")
    with pytest.raises(InputError, match="--repair-swap"):
        imports.run(ImportConfig(), tmp_path / "set.h5", tmp_path / "p")
    assert not (tmp_path / "p").exists()
    cfg = ImportConfig(repair_swap=True, nan_means="unlabelled")
    imports.run(cfg, tmp_path / "set.h5", tmp_path / "p")
    labels = io_labels.load(tmp_path / "p")
    assert labels.skeleton.swap == (-1, 2, 1)
    assert labels.visibility[0, 0] == Visibility.UNLABELLED


def refused(folder, sentence, source):
    """The import fails with this sentence and leaves the folder as it was."""
    before = sorted(folder.rglob("*")) if folder.exists() else None
    with pytest.raises(InputError, match=sentence) as error:
        imports.run(ImportConfig(), source, folder)
    assert "\n" not in str(error.value)
    assert (sorted(folder.rglob("*")) if folder.exists() else None) == before


def test_what_is_wrong_leaves_no_project(source, tmp_path):
    labels = io_labels.read(source)
    frames = labels.frame.copy()
    frames[0] = 77
    io_labels.write(Labels(**{**vars(labels), "frame": frames}), tmp_path / "late.csv", "csv")
    refused(tmp_path / "p", "30 frames, numbered from 0, so there is no frame 77",
            tmp_path / "late.csv")  # fmt: skip
    refused(tmp_path / "p", "does not exist; check the path", tmp_path / "none.slp")
    (tmp_path / "void.slp").touch()
    refused(tmp_path / "p", "is empty", tmp_path / "void.slp")
    (tmp_path / "clip.csv").write_bytes(b"\x00\x01")
    refused(tmp_path / "p", "is no label file known here", tmp_path / "clip.csv")


def test_a_video_that_is_none_is_refused(source, tmp_path):
    (tmp_path / "data" / "clip.mp4").write_bytes(b"no film")
    refused(tmp_path / "p", r"clip\.mp4", source)


def test_another_skeleton_leaves_the_project_as_it_was(source, tmp_path):
    Project.create(tmp_path / "p", Skeleton(("nose", "tail"))).close()
    refused(tmp_path / "p", "'left ear' is new, 'right ear' is new", source)


def test_a_full_disk_leaves_no_project(source, tmp_path, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    refused(tmp_path / "p", "the disk is full", source)


def test_folders_of_others_stay_in_a_folder_that_became_no_project(source, tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "notes.txt").write_text("mine")
    (tmp_path / "data" / "clip.mp4").unlink()
    refused(tmp_path / "p", "does not exist here", source)
    assert (tmp_path / "p" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["mouse_openfield", "flies_tracks/three_flies.slp"])
def test_real_labels(data, tmp_path, name):
    imports.run(ImportConfig(), data / name, tmp_path / "p")
    assert canonical(io_labels.load(tmp_path / "p")) == canonical(io_labels.load(data / name))
    with Project.open(tmp_path / "p") as project:
        assert project.check() == []


def test_adds_a_video_to_a_project_that_is_there(tmp_path):
    with Project.create(tmp_path / "mice", MOUSE):
        pass
    video = film(tmp_path / "a.mp4")
    done = imports.run(ImportConfig(), video, tmp_path / "mice")
    assert (done.format, done.frames) == ("video", 0)
    with Project.open(tmp_path / "mice") as project:
        assert [Path(row.path).name for row in project.videos()] == ["a.mp4"]
