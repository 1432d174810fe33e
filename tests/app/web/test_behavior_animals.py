"""The table of animals, which several people change: nothing that anybody wrote is lost."""

import threading

import pytest

from gambol.app.web import behavior_animals
from gambol.app.web.answers import Fail
from gambol.app.web.behavior_animals import KEPT, Register
from gambol.app.web.models_groups import AnimalsCell, AnimalsEdit
from gambol.core.errors import InputError
from gambol.stages import animals

NAMES = ("a", "b")
TOLD = "recording,animal,group,sex\na,m1,ctl,f\nold,m9,ctl,m\nb,m2,drug,m\n"


def cell(recording="a", column="group", saw="ctl", value="drug"):
    return AnimalsCell(recording=recording, column=column, saw=saw, value=value)


def edit(project, *cells, names=NAMES, **more):
    return Register(project).edit(names, AnimalsEdit(cells=list(cells), **more))


def text(project):
    return (project / "animals.csv").read_text()


@pytest.fixture
def project(tmp_path):
    (tmp_path / "animals.csv").write_text(TOLD)
    return tmp_path


def test_before_anybody_told_every_recording_is_an_animal_of_its_own(tmp_path):
    table = behavior_animals.table(tmp_path, NAMES)
    assert table.columns == ["recording", "animal", "group"] and table.factors == []
    assert table.rows == [["a", "a", ""], ["b", "b", ""]]
    edit(tmp_path, cell(saw=""))
    assert text(tmp_path) == "recording,animal,group\na,a,drug\nb,b,\n"


def test_one_cell_changes_and_all_else_stays(project):
    assert edit(project, cell())
    assert text(project) == TOLD.replace("a,m1,ctl,f", "a,m1,drug,f")
    assert edit(project, columns=["age"])
    assert edit(project, cell(column="age", saw="", value="10"))
    assert text(project).splitlines()[:2] == [
        "recording,animal,group,sex,age",
        "a,m1,drug,f,10",
    ]
    table = behavior_animals.table(project, NAMES)
    assert table.factors == ["sex"] and table.rows[1] == ["b", "m2", "drug", "m", ""]


def test_a_page_that_was_loaded_before_a_column_was_added_keeps_it(project):
    edit(project, columns=["age"])
    edit(project, cell("b", saw="drug", value="ctl"))
    assert text(project).startswith("recording,animal,group,sex,age\n")


def test_two_people_write_different_cells(project):
    edit(project, cell("a", saw="ctl", value="x"))
    edit(project, cell("b", saw="drug", value="y"))
    assert [row[2] for row in behavior_animals.table(project, NAMES).rows] == ["x", "y"]


def test_what_another_wrote_into_the_same_cell_is_told_and_stays_unless_forced(project):
    edit(project, cell(value="x"))
    before = text(project)
    with pytest.raises(Fail, match="somebody wrote 'x' as group of 'a' meanwhile") as told:
        edit(project, cell("b", saw="drug", value="lost"), cell(value="y"))
    assert told.value.status == 409 and told.value.problem.code == "conflict"
    assert text(project) == before  # not half of it
    assert not edit(project, cell(value="x"))  # both wrote the same
    assert edit(project, cell(value="y"), force=True) and "a,m1,y,f" in text(project)


def test_one_request_happens_once(project):
    register = Register(project)
    said = AnimalsEdit(id="one", cells=[cell()])
    assert register.edit(NAMES, said)
    edit(project, cell(saw="drug", value="ctl"))
    assert not register.edit(NAMES, said) and text(project) == TOLD


def test_many_writers_at_once_lose_nothing(project):
    names = tuple(f"r{n}" for n in range(12))
    register = Register(project)
    edits = [AnimalsEdit(cells=[cell(n, saw="", value=f"g{n}")]) for n in names]
    jobs = [threading.Thread(target=register.edit, args=(names, said)) for said in edits]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [row[2] for row in behavior_animals.table(project, names).rows] == [
        f"g{n}" for n in names
    ]
    assert "old,m9,ctl,m" in text(project)


def test_words_that_elsewhere_mean_nothing_are_words(project):
    for word in ("NA", "null", "nan", "None"):
        edit(project, cell(value=word), force=True)
        edit(project, cell("b", "animal", saw="m2", value=word), force=True)
        rows = behavior_animals.table(project, NAMES).rows
        assert rows[0][2] == word and rows[1][1] == word
    assert "None" in set(animals.read(project / "animals.csv")["group"])


def test_the_last_versions_are_kept(project):
    for n in range(KEPT + 3):
        edit(project, cell(saw="", value=f"v{n}"), force=True)
    held = sorted((project / "backups").glob("animals-*.csv"))
    assert len(held) == KEPT and "v2" in held[0].read_text()
    assert f"v{KEPT + 1}" in held[-1].read_text() and f"v{KEPT + 2}" in text(project)


@pytest.mark.parametrize("bad", [
    dict(columns=[""]), dict(columns=["x" * 100]), dict(columns=[f"c{n}" for n in range(19)]),
    dict(cells=[cell("nobody")]), dict(cells=[cell(column="height")]),
    dict(cells=[cell(column="recording", saw="a")]), dict(cells=[cell(value="b\n")]),
    dict(cells=[cell(value="b" * 100)]), dict(cells=[cell(value=" b")]),
])  # fmt: skip
def test_what_no_table_can_hold_is_refused(project, bad):
    with pytest.raises(InputError):
        Register(project).edit(NAMES, AnimalsEdit(**bad))
    assert text(project) == TOLD and not (project / "backups").exists()
