"""What pages know nothing of goes with an animal to another number, and goes where it goes."""

import json
import uuid

import numpy as np
import pytest
from labelled import MOUSE

from gambol.io import project_changes, project_edits, project_moves, project_views
from gambol.io.project_changes import RowChange

ANN = ("individuals", [1], {"name": "ann"})
PLACES = (1, 2, 3)  # keypoints that stay


def row(x, n=4):
    return {"origin": 0, "points": [[j, x + j, 2.0, 2] for j in range(n)]}


def send(project, *changes, by="ann"):
    rows = [RowChange(table, key, None, value) for table, key, value in changes]
    project_changes.apply(project, uuid.uuid4().hex, "act", rows, by, force=True)
    assert project.check() == []


def at(who, value):
    return ("instances", [1, 3, who], value)


def undo(project, n=1):
    project_changes.undo(project, uuid.uuid4().hex, "ann", n)
    assert project.check() == []


def said(project):
    """Words of another program by the number of the animal."""
    found = project._all("SELECT individual, value FROM extras ORDER BY 1")
    return {who: json.loads(text)["coco"]["id"] for who, text in found}


def put_extras(project, **ids):
    with project_edits.edit(project.connection, project.path, "import", "server") as edit:
        for who, number in ids.items():
            value = {"value": json.dumps({"coco": {"id": number}})}
            edit.put("extras", (1, 3, -int(who[1:])), value)


@pytest.fixture
def told(project):
    """Two animals without a name, of which another program said 7 and 8."""
    send(project, at(-1, row(10.0)), at(-2, row(20.0)), by="server")
    put_extras(project, a1=7, a2=8)
    return project


def test_extras_follow_an_animal_that_is_named_and_a_new_one_has_none(told):
    send(told, ANN, at(-1, None), at(1, row(10.0)))
    assert said(told) == {-2: 8, 1: 7}
    send(told, at(-1, row(30.0)))
    assert said(told) == {-2: 8, 1: 7}
    undo(told, 2)
    assert said(told) == {-2: 8, -1: 7}
    project_changes.redo(told, "r" * 8, "ann")
    assert said(told) == {-2: 8, 1: 7} and told.check() == []


def test_extras_follow_when_the_number_is_taken_at_once(told):
    send(told, ANN, at(1, row(10.0)), at(-1, row(40.0)))
    assert said(told) == {-2: 8, 1: 7}
    undo(told)
    assert said(told) == {-2: 8, -1: 7}


def test_extras_of_animals_that_exchange_numbers_are_exchanged_and_back(told):
    send(told, at(-1, row(20.0)), at(-2, row(10.0)))
    assert said(told) == {-2: 7, -1: 8}
    undo(told)
    assert said(told) == {-2: 8, -1: 7}


def test_extras_go_with_an_animal_that_goes_and_come_back_with_it(told):
    send(told, at(-1, None))
    assert said(told) == {-2: 8}
    undo(told)
    assert said(told) == {-2: 8, -1: 7}
    told.remove_instance(1, 3, -2)
    assert said(told) == {-1: 7} and told.check() == []
    told.undo()
    assert said(told) == {-2: 8, -1: 7}


def test_an_animal_that_is_moved_keeps_its_extras(told):
    send(told, at(-1, row(11.0)))
    assert said(told) == {-2: 8, -1: 7}


def test_a_frame_that_is_restored_has_its_extras_again(told):
    seq = told.seq()
    send(told, at(-1, None))
    send(told, at(-1, row(50.0)))
    project_changes.restore(told, "r" * 8, 1, 3, seq, "ann")
    assert said(told) == {-2: 8, -1: 7} and told.check() == []


def test_points_of_a_keypoint_that_went_follow_an_animal_that_is_named(told):
    names = [MOUSE.keypoints[k] for k in PLACES]
    none = [-1] * len(names)
    new = {"name": "m", "keypoints": names, "parent": none, "swap": none, "edges": []}
    old = told.skeleton.to_dict()
    change = RowChange("skeleton", [1], old, {"skeleton": new, "order": list(PLACES)})
    project_changes.apply(told, "s" * 8, "skeleton", [change], "bob")
    seen = dict(project_views.instances(told.connection, 1, 3))[-1]
    send(told, ANN, at(-1, None), at(1, seen))
    assert said(told) == {-2: 8, 1: 7}
    project_changes.undo(told, "t" * 8, "bob")
    labels = told.labels()
    (named,) = np.flatnonzero(labels.individual >= 0)
    assert labels.xy[named].tolist() == [[10.0 + j, 2.0] for j in range(4)]


def test_an_animal_moved_if_its_points_are_under_another_number():
    one, two = {"points": [[0, 1.0, 1.0, 2]]}, {"points": [[0, 2.0, 2.0, 2]]}
    a, b, c = (1, 1, -1), (1, 1, -2), (1, 2, -1)
    assert project_moves.moved({a: one, b: None}, {a: None, b: one}, [0]) == {a: b}
    assert project_moves.moved({a: one, b: two}, {a: two, b: one}, [0]) == {a: b, b: a}
    assert project_moves.moved({a: one, c: None}, {a: None, c: one}, [0]) == {}  # other frame
    assert project_moves.moved({a: one, b: None}, {a: one, b: one}, [0]) == {}  # a copy
