"""Runs on disk: found wherever they lie, matched to films that were moved or renamed."""

import numpy as np
import pytest
import xarray as xr

from gambol.app.web import behavior_runs
from gambol.app.web.behavior_runs import Film, Finder
from gambol.core.errors import InputError
from gambol.io import store
from gambol.io.video.open import fingerprint


def labels(path, **attrs):
    made = xr.Dataset(
        {"syllable": ("time", np.zeros(30, np.int16))}, attrs={"fps": 25.0, **attrs}
    )
    store.write_dataset(made, path)
    return path


def test_a_run_is_the_outermost_folder_with_labels_and_no_link_is_followed(tmp_path):
    labels(tmp_path / "runs/a/out/syllables/day.nc")
    labels(tmp_path / "runs/a/out/fits/seed-0/syllables/day.nc")  # inside of a run
    labels(tmp_path / "elsewhere/deep/down/states/day.nc")
    labels(tmp_path / "backups/old/syllables/day.nc")
    labels(tmp_path / ".hidden/syllables/day.nc")
    (tmp_path / "empty/syllables").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "runs")
    found = {
        run.folder.relative_to(tmp_path).as_posix(): run for run in Finder(tmp_path).runs()
    }
    assert set(found) == {"runs/a/out", "elsewhere/deep/down"}
    assert found["elsewhere/deep/down"].kind == "states"
    one = found["runs/a/out"]
    assert one.run == behavior_runs.run_of(tmp_path, one.folder)  # the same in every session


def test_runs_that_are_called_like_their_stage_are_told_from_their_labels(tmp_path):
    for name in ("syllables", "states", "other"):
        labels(tmp_path / f"runs/{name}/syllables/day.nc")
        labels(tmp_path / f"runs/{name}/model.nc")
    found = {run.folder.relative_to(tmp_path).as_posix() for run in Finder(tmp_path).runs()}
    assert found == {"runs/syllables", "runs/states", "runs/other"}


def test_a_new_decision_or_file_is_another_state_of_the_run(tmp_path):
    labels(tmp_path / "r/syllables/day.nc")
    finder = Finder(tmp_path)
    (run,) = finder.runs()
    assert finder.get(run.run) == run
    (run.folder / "label_map.json").write_text("{}")
    assert finder.get(run.run) != run
    assert finder.get("b0") is None


def test_recordings_find_their_film_by_path_content_or_name(tmp_path):
    film = tmp_path / "moved" / "box1.mp4"
    film.parent.mkdir()
    film.write_bytes(b"film" * 1000)
    films = [
        Film(1, "/else/where.mp4", "0", True),
        Film(2, "/now/renamed.mp4", fingerprint(str(film)), True),
        Film(3, "/now/day1.mp4", "1", True),
        Film(4, "/now/day12.mp4", "2", True),
    ]
    finder = Finder(tmp_path)

    def of(name, **attrs):
        path = labels(tmp_path / "r" / "syllables" / f"{name}.nc", **attrs)
        return finder.video(finder.head(path, "syllables"), films)

    assert of("a", source_file="/else/where.mp4") == 1
    assert of("b", source_file="/old/where.mp4") == 1  # moved; no other has its name
    assert of("c", source_file=str(film)) == 2
    assert of("day12DLC_resnet50.animal") == 4  # the longest name that fits
    assert of("day1_animal") == 3
    assert of("unlike") is None


def test_a_damaged_file_is_told_with_its_name(tmp_path):
    path = tmp_path / "r" / "syllables" / "day.nc"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"day\.nc is no complete netCDF4 file"):
        Finder(tmp_path).head(path, "syllables")


def test_poses_are_found_where_the_project_has_moved_to(tmp_path):
    project = tmp_path / "mice"
    (project / "poses").mkdir(parents=True)
    (project / "poses" / "day.nc").write_bytes(b"")
    finder = Finder(project)
    for said in ("/old/place/mice/poses/day.nc", "mice/poses/day.nc", "poses/day.nc"):
        head = behavior_runs.Head("day", 1, 25.0, "", "", "", said)
        assert finder.poses(head) == project / "poses" / "day.nc"
    assert finder.poses(behavior_runs.Head("day", 1, 25.0, "", "", "", "gone.nc")) is None
