import csv

import numpy as np
import pytest
import walkers
from labelled import MOUSE, canonical, film, make

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED
from gambol.io import labels as io_labels
from gambol.io import store
from gambol.io.labels import predictions
from gambol.io.project import Project
from gambol.stages import export


@pytest.fixture
def project(tmp_path):
    clip = film(tmp_path / "p" / "clip.mp4")
    with Project.create(tmp_path / "p", MOUSE) as one:
        one.put_labels(make([clip]))
    return tmp_path / "p"


@pytest.mark.parametrize("format", ["slp", "csv"])
def test_a_project_goes_out_and_comes_back(project, tmp_path, format):
    out = tmp_path / f"o{io_labels.SUFFIX[format]}"
    done = export.run(project, format, out)
    assert done.paths == [out]
    assert canonical(io_labels.load(out)) == canonical(io_labels.load(project))


def test_it_says_what_is_lost(project, tmp_path):
    done = export.run(project / "project.db", "dlc", tmp_path / "dlc")
    assert "occluded keypoints become visible ones" in done.losses
    assert (tmp_path / "dlc" / "labeled-data" / "clip").is_dir()
    again = export.run(tmp_path / "dlc", "coco", tmp_path / "c.json", images=False)
    assert again.losses == [
        "what came with DeepLabCut project folder besides labels is left out"
    ]


def test_a_second_deeplabcut_folder_is_not_written_over_the_first(project, tmp_path):
    export.run(project, "dlc", tmp_path / "dlc", images=False)
    with pytest.raises(InputError, match="exists already; choose a new folder"):
        export.run(project, "dlc", tmp_path / "dlc")


def test_poses_go_out(tmp_path):
    one = np.ones((5, 1, 4))
    series = poses.build(
        np.ones((5, 1, 4, 2)), one, np.ones((5, 1, 4, 2, 2)), np.arange(5.0), MOUSE, fps=1.0
    )
    store.write_dataset(series, tmp_path / "a.nc")
    done = export.run(tmp_path / "a.nc", "csv", tmp_path / "a.csv")
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 1 + 5 * 4
    assert done.losses == []


@pytest.mark.parametrize(
    ("name", "format", "sentence"),
    [
        ("none.slp", "csv", "does not exist"),
        ("none.nc", "csv", "does not exist"),
        (
            "p",
            "doc",
            "no format 'doc' to write; did you mean|no format 'doc' to write; there are",
        ),
        ("void.nc", "csv", "is no complete netCDF4 file"),
    ],
)
def test_what_is_wrong_writes_nothing(project, tmp_path, name, format, sentence):
    (tmp_path / "void.nc").write_text("x")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=sentence):
        export.run(tmp_path / name, format, tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_is_not_written_over_itself(project, tmp_path):
    export.run(project, "csv", tmp_path / "a.csv")
    with pytest.raises(InputError, match="is the source itself"):
        export.run(tmp_path / "a.csv", "csv", tmp_path / "a.csv")


def test_a_video_that_is_gone_stops_the_images_before_anything_is_written(project, tmp_path):
    (project / "clip.mp4").unlink()
    with pytest.raises(InputError, match=r"clip\.mp4 does not exist"):
        export.run(project, "dlc", tmp_path / "dlc")
    assert not (tmp_path / "dlc").exists()


def test_animals_without_names_go_out_without_names(tmp_path):
    video = walkers.film(tmp_path)
    found = walkers.rows().select(np.arange(2 * walkers.FRAMES) % 7 > 0)
    source = walkers.detections(tmp_path / "a.detections.nc", video, found)
    export.run(source, "slp", tmp_path / "a.slp")
    back = predictions.read(tmp_path / "a.slp")
    assert (back.id == UNTRACKED).all() and back.names == ()
    np.testing.assert_array_equal(back.found.frame, found.frame)
    np.testing.assert_allclose(back.found.xy, found.xy)
    np.testing.assert_allclose(back.found.score, found.score)
    export.run(source, "csv", tmp_path / "a.csv")
    with (tmp_path / "a.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(found.frame) * 3 and {row["individual"] for row in lines} == {""}
    with pytest.raises(InputError, match=r"analysis cannot; run gambol track first"):
        export.run(source, "analysis", tmp_path / "a.h5")
    assert not (tmp_path / "a.h5").exists()


@pytest.mark.parametrize("name", ["film.mp4", "poses.nc", "project.db", "labels.slp"])
def test_a_file_of_another_kind_is_never_written_over(project, tmp_path, name):
    path = (project if name == "project.db" else tmp_path) / name
    if not path.exists():
        path.write_bytes(b"precious")
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"exists and is no \.csv file"):
        export.run(project, "csv", path)
    assert path.read_bytes() == before
