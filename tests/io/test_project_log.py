import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from labelled import MOUSE

from gambol.io import project_changes, project_log
from gambol.io.project import Project
from gambol.io.project_changes import RowChange


def name(project, uuid, words, by):
    row = RowChange("individuals", [1], project.individuals().get(1), {"name": words})
    return project_changes.apply(project, uuid, "name", [row], by, force=True)


def test_the_id_stays_through_edits_moves_and_an_older_copy_and_differs_between_projects(
    tmp_path,
):
    with (
        Project.create(tmp_path / "a", MOUSE) as one,
        Project.create(tmp_path / "b", MOUSE) as b,
    ):
        first = project_log.project_id(one.connection)
        assert len(first) == 32 and first != project_log.project_id(b.connection)
        copy = one.backup()
        name(one, "u" * 8, "Anna", "ann")
        assert project_log.project_id(one.connection) == first
    (tmp_path / "a").rename(tmp_path / "moved")
    with Project.open(tmp_path / "moved") as one:
        assert project_log.project_id(one.connection) == first
    shutil.copy(tmp_path / "moved" / "backups" / copy.name, tmp_path / "moved" / "project.db")
    with Project.open(tmp_path / "moved") as one:
        assert project_log.project_id(one.connection) == first


def test_a_project_of_the_first_format_has_an_id_that_stays_when_it_is_upgraded(tmp_path):
    text = (Path(__file__).parent / "project_format_1.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(tmp_path / "project.db")) as old:
        old.executescript(text)
        before = project_log.project_id(old)
    with Project.open(tmp_path) as now:
        assert project_log.project_id(now.connection) == before


def test_a_line_has_a_time_and_no_line_has_none(tmp_path):
    with Project.create(tmp_path / "a", MOUSE) as one:
        assert project_log.line_time(one.connection, 1).startswith("20")
        assert project_log.line_time(one.connection, 99) == ""


def test_a_guests_edits_are_undone_by_who_it_was(tmp_path):
    with Project.create(tmp_path / "a", MOUSE) as one:
        name(one, "u" * 8, "A", "guest 2")
        name(one, "v" * 8, "B", "ann")
        assert project_changes.undo(one, "w" * 8, "Mei").actions == []
        assert project_log.rename_author(one.connection, one.path, "guest 2", "Mei") == 1
        done = project_changes.undo(one, "x" * 8, "Mei", force=True)
        assert done.actions == ["name"]
        assert one.check() == []
