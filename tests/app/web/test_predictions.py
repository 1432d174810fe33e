import numpy as np
import pytest
import xarray as xr
from desked import studio_of
from labelled import FRAMES, MOUSE, film
from seen_runs import poses_of

from gambol.app.web.predictions import RunPredictions
from gambol.core.skeleton import Skeleton
from gambol.io.project import Project
from gambol.io.project_changes import RowChange, apply

OTHER = Skeleton(("tail", "nose", "tongue"), (-1, 0, 0))  # another order, one more, two fewer


@pytest.fixture
def world(tmp_path):
    """A project of two films and one animal, without runs."""
    folder = tmp_path / "p"
    films = [
        film(folder / "videos" / name, shade) for name, shade in (("a.mp4", 0), ("b.mp4", 9))
    ]
    with Project.create(folder, MOUSE) as project:
        for path in films:
            project.add_video(path)
        named(project, 1, "mouse")
    studio = studio_of(folder)
    predictions = RunPredictions(folder, studio.desk)
    yield folder, films, predictions
    predictions.close()
    studio.desk.close()


def named(project, number, name):
    apply(
        project,
        f"name {number:8d}",
        "name",
        [RowChange("individuals", [number], None, {"name": name})],
        "ann",
    )


def test_without_runs_nothing_was_seen(world):
    _, _, predictions = world
    assert predictions.at(1, 0) is None and predictions.at(7, 0) is None


def test_a_frame_is_what_the_network_saw_in_that_frame(world):
    folder, films, predictions = world
    poses_of(folder, "predict-1", films[0], 100)
    for frame in (0, 17, 29):
        seen = predictions.at(1, frame)
        assert seen.run == "predict-1" and len(seen.animals) == 1
        (animal,) = seen.animals
        assert animal.points == [(100 + frame, j, 0.75) for j in range(4)]
        assert animal.covariance == [(4.0, 1.0, 9.0)] * 4
        assert animal.animal == 1 and animal.score == 0.75
    assert predictions.at(2, 0) is None
    lost = predictions.at(1, 3).animals[0]
    assert lost.points[1] == (None, None, 0.0) and lost.covariance[1] == (0.0, 0.0, 0.0)
    assert lost.points[0] == (103, 0, 0.75)


def test_the_newest_run_of_the_video_counts(world, monkeypatch):
    monkeypatch.setattr("gambol.app.web.predictions.LOOK_S", 0.0)
    folder, films, predictions = world
    poses_of(folder, "predict-1", films[0], 100, age=300)
    poses_of(folder, "predict-2", films[1], 200, age=100)
    assert predictions.at(1, 0).run == "predict-1" and predictions.at(2, 0).run == "predict-2"
    poses_of(folder, "predict-3", films[0], 300, age=50)
    assert predictions.at(1, 0).animals[0].points[0][0] == 300
    newest = poses_of(folder, "predict-4", films[0], 400)
    assert predictions.newest(1) == newest
    newest.write_bytes(newest.read_bytes()[:500])  # damaged: the one before is shown
    assert predictions.at(1, 0).run == "predict-3"


def test_a_file_that_is_replaced_is_read_again(world, monkeypatch):
    monkeypatch.setattr("gambol.app.web.predictions.LOOK_S", 0.0)
    folder, films, predictions = world
    path = poses_of(folder, "predict-1", films[0], 100, age=60)
    assert predictions.at(1, 0).animals[0].points[0][0] == 100
    path.unlink()
    assert predictions.at(1, 0) is None
    poses_of(folder, "predict-1", films[0], 500)
    assert predictions.at(1, 0).animals[0].points[0][0] == 500


def test_keypoints_come_in_the_order_of_the_project(world):
    folder, films, predictions = world
    poses_of(folder, "predict-1", films[0], 100, skeleton=OTHER)
    points = predictions.at(1, 5).animals[0].points  # nose, left ear, right ear, tail
    assert points == [(105, 1, 0.75), (None, None, 0.0), (None, None, 0.0), (105, 0, 0.75)]


def test_animals_are_known_by_their_names(world):
    folder, films, predictions = world
    names = ("animal1", "mouse", "rat")
    poses_of(folder, "track-1", films[0], 100, names=names)
    found = predictions.at(1, 0).animals
    assert [(a.name, a.animal) for a in found] == [
        ("animal1", None),
        ("mouse", 1),
        ("rat", None),
    ]
    assert [a.points[0][1] for a in found] == [0, 10, 20]


def test_only_one_of_several_that_is_seen_is_not_taken_for_the_only_one(world):
    folder, films, predictions = world
    path = poses_of(folder, "track-1", films[0], 100, names=("x", "y"))
    with xr.open_dataset(path, engine="h5netcdf") as file:
        made = file.load()
    made.position[5, :, :, 1] = np.nan
    made.to_netcdf(path, engine="h5netcdf")
    assert [a.animal for a in predictions.at(1, 5).animals] == [None]


def test_a_film_that_moved_is_known_by_its_name_unless_two_have_it(world, tmp_path):
    folder, films, predictions = world
    poses_of(folder, "predict-1", "/elsewhere/a.mp4", 100)
    assert predictions.at(1, 0) is not None and predictions.at(2, 0) is None
    with Project.open(folder) as project:
        project.add_video(film(folder / "more" / "a.mp4", 3))
    assert predictions.at(1, 0) is None and predictions.at(3, 0) is None


def test_a_longer_film_of_the_same_name_is_another_film(world):
    folder, _, predictions = world
    poses_of(folder, "predict-1", "/elsewhere/a.mp4", 100, n=FRAMES + 1)
    assert predictions.at(1, 0) is None


def test_few_files_stay_open(world, monkeypatch):
    monkeypatch.setattr("gambol.app.web.predictions.OPEN", 1)
    folder, films, predictions = world
    for k, path in enumerate(films):
        poses_of(folder, f"predict-{k}", path, 100 * k)
    for frame in range(6):
        for k in (0, 1):
            assert predictions.at(k + 1, frame).animals[0].points[0][0] == 100 * k + frame
            assert len(predictions._open) == 1


def test_what_a_job_wrote_is_seen_once_it_has_ended(world, monkeypatch):
    """Files are looked for once in a while, but a page asks as soon as it hears of the end."""
    monkeypatch.setattr("gambol.app.web.predictions.LOOK_S", 1e6)
    folder, films, predictions = world
    assert predictions.at(1, 0) is None
    poses_of(folder, "predict-1", films[0], 100)
    assert predictions.at(1, 0) is None
    predictions.look_again()
    assert predictions.at(1, 0).run == "predict-1"
