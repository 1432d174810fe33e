"""Logs of track files: in a file alone, and in a project whose history they share."""

import pytest
from labelled import MOUSE

from gambol.io import project_changes, track_logs
from gambol.io.project import Project
from gambol.io.track_logs import Lines


@pytest.fixture
def folder(tmp_path):
    Project.create(tmp_path / "mice", MOUSE).close()
    return tmp_path / "mice"


def history(folder):
    with Project.open(folder) as project:
        assert project.check() == []
        return [row.action for row in project.history()]


@pytest.mark.parametrize("records", [[], ["one"], ["one", "two"]])
def test_a_log_comes_back_as_it_was_written(tmp_path, folder, records):
    for path in (tmp_path / "film.edits.jsonl", folder / "runs" / "film.edits.jsonl"):
        assert track_logs.read(path) is None
        track_logs.write(path, Lines("about", records), "tracks: swap")
        assert track_logs.read(path) == Lines("about", records)
        assert path.read_text().splitlines() == ["about", *records]


def test_the_project_is_the_source_and_the_file_its_copy(folder):
    path = folder / "film.edits.jsonl"
    track_logs.write(path, Lines("about", ["one"]), "tracks: swap")
    path.write_text("about\nanother\n")
    assert track_logs.read(path) == Lines("about", ["one"])
    path.unlink()
    assert track_logs.read(path) == Lines("about", ["one"])


def test_a_log_that_came_with_its_file_is_taken_into_the_project(folder):
    path = folder / "film.edits.jsonl"
    path.write_text("about\none\n")
    assert track_logs.read(path) == Lines("about", ["one"])
    track_logs.write(path, Lines("about", ["one", "two"]), "tracks: cut")
    with Project.open(folder) as project:
        assert project.track_log(path) == ("about", ["one", "two"])


def test_undo_and_redo_of_the_project_reach_the_edits_of_tracks(folder):
    path, other = folder / "a.edits.jsonl", folder / "b.edits.jsonl"
    track_logs.write(path, Lines("about", []), "tracks: track")
    track_logs.write(path, Lines("about", ["one"]), "tracks: swap")
    track_logs.write(other, Lines("else", ["x"]), "tracks: cut")
    track_logs.write(path, Lines("about", ["one", "two"]), "tracks: join")
    with Project.open(folder) as project:
        assert project.undo(3) == ["tracks: join", "tracks: cut", "tracks: swap"]
        assert project.track_log(path) == ("about", []) and project.track_log(other) is None
        assert project.redo(2) == ["tracks: swap", "tracks: cut"]
    assert track_logs.read(path) == Lines("about", ["one"])
    assert track_logs.read(other) == Lines("else", ["x"])
    track_logs.write(path, Lines("about", []), "tracks: undo")
    assert track_logs.read(path) == Lines("about", [])
    assert history(folder)[-1] == "tracks: undo"


def test_a_file_finds_the_project_in_any_folder_above_it(tmp_path, folder):
    assert track_logs.project_of(folder / "runs" / "x" / "film.edits.jsonl") == folder
    assert track_logs.project_of(tmp_path / "film.edits.jsonl") is None


def test_who_redoes_finds_their_decision_free_though_another_came_after(folder):
    path = folder / "runs" / "film.edits.jsonl"
    with Project.open(folder) as project:
        track_logs.begin(project, path, "key", [{"n": 0}], "first", "ann", "a" * 8)
        track_logs.append(project, 1, [{"n": 1}], "mine", "ann", "b" * 8)
        project_changes.undo(project, "c" * 8, "ann")
        track_logs.append(project, 1, [{"n": 2}], "theirs", "bob", "d" * 8)
        assert project_changes.redo(project, "e" * 8, "ann").actions == ["mine"]
        kept = track_logs.kept(project, 1)
        assert [record["n"] for record in kept.records] == [0, 1, 2]
        assert project_changes.undo(project, "f" * 8, "ann").actions == ["mine"]
        assert [r["n"] for r in track_logs.kept(project, 1).records] == [0, 2]
        assert project.check() == []
