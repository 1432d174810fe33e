"""Logs of track files: in a file alone, and in a project whose history they share."""

import json

import pytest
from labelled import MOUSE

from gambol.io import project_changes, project_edits, track_logs
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
        assert project.track_log(path) == ("about", [])
        assert project.track_log(other) == ("else", [])  # that it was begun nobody undoes
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


def label(project, by):
    """Make an edit that is none of tracks."""
    with project._edit("label", by) as one:
        one.put("individuals", (1,), {"name": "Mei"})


def numbers(project):
    return [record["n"] for record in track_logs.kept(project, 1).records]


def test_who_began_a_log_undoes_their_own_record_alone(folder):
    path, told = folder / "clock.jsonl", iter(range(100))
    with Project.open(folder) as project:

        def uuid():
            return f"{next(told):8d}"

        label(project, "ann")
        track_logs.begin(project, path, "key", [{"n": 0}], "mine", "ann", uuid())
        track_logs.begin(project, path, "key", [{"n": 1}], "theirs", "bob", uuid())
        assert project_changes.undo(project, uuid(), "ann").actions == ["mine"]
        assert numbers(project) == [1]
        assert project_changes.undo(project, uuid(), "ann").actions == ["label"]
        assert project_changes.undo(project, uuid(), "ann").actions == []
        assert project_changes.redo(project, uuid(), "ann", n=2).actions[-1] == "mine"
        assert numbers(project) == [0, 1]
        assert project.undo(9)[-1] == "label"  # of the command line
        assert numbers(project) == [] and project.check() == []


def test_that_a_recording_was_tracked_nobody_undoes(folder):
    path = folder / "runs" / "film.edits.jsonl"
    with Project.open(folder) as project:
        label(project, "ann")
        project.set_track_log(path, '{"of": "key"}', [], "track", by="ann")
        track_logs.append(project, 1, [{"n": 0}], "swap", "bob", "a" * 8)
        # tracked again, with what was said carried over
        project.set_track_log(path, '{"of": "new"}', ['{"n": 5}'], "track", by="ann")
        assert project_changes.undo(project, "b" * 8, "ann").actions == ["label"]
        assert track_logs.kept(project, 1).key == "new" and numbers(project) == [5]
        assert track_logs.listed(project) == [(1, path)]
        assert project.check() == []


def test_what_others_decided_is_theirs_whoever_undid_before(folder):
    path = folder / "clock.jsonl"
    with Project.open(folder) as project:
        for n, who in enumerate(["zoe", "ann", "bob"]):
            track_logs.begin(project, path, "key", [{"n": n}], who, who, f"{who:8}")
        project_changes.undo(project, "a" * 8, "ann")
        track_logs.begin(project, path, "key", [{"n": 3}], "carl", "carl", "b" * 8)
        project_changes.undo(project, "c" * 8, "bob")
        assert numbers(project) == [0, 3]
        assert project_changes.redo(project, "d" * 8, "ann").actions == ["ann"]
        assert numbers(project) == [0, 1, 3]
        lines = [json.dumps({"n": n}) for n in (0, 1, 3, 4)]
        project.set_track_log(path, '{"of": "key"}', lines, "resolve", by="zoe")
        assert numbers(project) == [0, 1, 3, 4]
        project_changes.undo(project, "e" * 8, "carl")
        assert numbers(project) == [0, 1, 4] and project.check() == []


def begun_of_old(project, path, by):
    """Begin a log in the edit of its first record, as older versions did."""
    with project._edit("mine", by) as one:
        one.put("tracks", (1,), {"path": path.name, "about": '{"of": "key"}'})
        one.put("track_edits", (1, 0), {"record": '{"n": 0}'})


@pytest.mark.parametrize("line", [False, True], ids=["person", "command line"])
def test_a_log_that_an_older_version_began_stays_when_its_first_record_goes(folder, line):
    path = folder / "clock.jsonl"
    with Project.open(folder) as project:
        begun_of_old(project, path, "ann")
        track_logs.append(project, 1, [{"n": 1}], "theirs", "bob", "a" * 8)
        if line:
            assert project.undo(2) == ["theirs", "mine"] and numbers(project) == []
            assert project.redo(2) == ["mine", "theirs"]
        else:
            assert project_changes.undo(project, "b" * 8, "ann").actions == ["mine"]
            assert numbers(project) == [1]
            assert project_changes.redo(project, "c" * 8, "ann").actions == ["mine"]
        assert numbers(project) == [0, 1] and project.check() == []
        assert project_edits.get(project.connection, "tracks", (1,))["path"] == path.name
