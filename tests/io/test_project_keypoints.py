import sqlite3
import time
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from labelled import MOUSE

from gambol.core.skeleton import Skeleton
from gambol.io import project_changes, project_edits, project_keypoints, project_views
from gambol.io.project import Project
from gambol.io.project_changes import Conflict, RowChange

NAMES = MOUSE.keypoints


def points(x, n=4):
    return {"origin": 0, "points": [[j, float(x + j), 2.0 * x, 2] for j in range(n)]}


def place(project, frame, value, by="ann", saw=None):
    change = RowChange("instances", [1, frame, -1], saw, value)
    return project_changes.apply(project, uuid.uuid4().hex, "place", [change], by)


def shape(project, order, names, by="ann"):
    none = [-1] * len(order)
    new = {"name": "m", "keypoints": names, "parent": none, "swap": none, "edges": []}
    value = {"skeleton": new, "order": order}
    saw = project.skeleton.to_dict()
    change = RowChange("skeleton", [1], saw, value)
    return project_changes.apply(project, uuid.uuid4().hex, "skeleton", [change], by)


def undo(project, by="ann", **more):
    return project_changes.undo(project, uuid.uuid4().hex, by, **more)


def redo(project, by="ann", **more):
    return project_changes.redo(project, uuid.uuid4().hex, by, **more)


def seen(project, frame):
    """Points of the animal of a frame by the name of their keypoint."""
    ((_, row),) = project_views.instances(project.connection, 1, frame)
    names = project.skeleton.keypoints
    return {names[j]: [x, y, state] for j, x, y, state in row["points"]}


def said(x, names=NAMES):
    return {name: [float(x + j), 2.0 * x, 2] for j, name in enumerate(names)}


def test_rows_of_the_wire_and_numbers_are_each_others_inverse():
    row = {"origin": 1, "points": [[0, 1.0, 2.0, 2], [2, None, None, 0]]}
    kept = project_keypoints.numbered(row, [7, 0, 3], {"points": [[5, 8.0, 8.0, 1]]})
    assert [point[0] for point in kept["points"]] == [3, 5, 7]
    assert project_keypoints.placed(kept, [7, 0, 3]) == row
    text = project_keypoints.row(Skeleton(("a", "b")), [4, 9])["value"]
    assert project_keypoints.of_row(text) == [4, 9]


def test_a_new_order_is_one_row_and_all_labels_follow_it_and_back(project):
    place(project, 3, points(1))
    order, names = [2, 0, 3, 1], [NAMES[k] for k in (2, 0, 3, 1)]
    shape(project, order, names)
    assert project._all("SELECT rows FROM edits ORDER BY id DESC LIMIT 1") == [(1,)]
    assert seen(project, 3) == said(1)
    labels = project.labels()
    assert labels.skeleton.keypoints == tuple(names)
    assert labels.xy[0, :, 0].tolist() == [3.0, 1.0, 4.0, 2.0]
    place(project, 4, points(10), by="bob")
    states = project.info()["keypoints"]
    assert {name: states[name]["visible"] for name in names} == dict.fromkeys(names, 2)
    undo(project)
    assert seen(project, 3) == said(1) and seen(project, 4) == said(10, names)
    assert project.check() == []


def test_what_others_undo_is_not_in_the_way_of_an_order(project):
    place(project, 3, points(1), by="bob")
    shape(project, [3, 2, 1, 0], list(reversed(NAMES)))
    assert undo(project, "bob").actions == ["place"]  # which was a conflict with ann once
    assert redo(project, "bob").actions == ["place"]
    assert seen(project, 3) == said(1) and project.check() == []


def test_points_of_a_keypoint_that_goes_come_back_with_it_whatever_was_moved_since(project):
    place(project, 3, points(1))
    shape(project, [1, 2, 3], list(NAMES[1:]))
    assert seen(project, 3) == {name: at for name, at in said(1).items() if name != "nose"}
    now = {"origin": 0, "points": [[j, float(2 + j), 2.0, 2] for j in range(3)]}
    moved = {"origin": 0, "points": [[0, 9.0, 9.0, 2], [1, 3.0, 2.0, 2], [2, 4.0, 2.0, 2]]}
    place(project, 3, moved, by="bob", saw=now)
    counts = project.counts.now(project.connection)
    assert counts == [[1, 0, 0, 0]] * 3
    undo(project)
    assert seen(project, 3) == said(1) | {"left ear": [9.0, 9.0, 2]}
    assert redo(project).actions == ["skeleton"]
    assert list(seen(project, 3)) == list(NAMES[1:])
    assert project.check() == []


def test_scripts_and_imports_leave_points_of_a_keypoint_that_went_in_their_rows(project):
    place(project, 3, points(1)), place(project, 4, points(10))
    shape(project, [1, 2, 3], list(NAMES[1:]))
    xy = np.stack([np.arange(5.0, 8.0), np.full(3, 6.0)], 1)
    project.set_instance(1, 3, -1, xy, np.full(3, 2, np.uint8))
    labels = project.labels()
    named = replace(labels, individual=np.zeros(2, np.int64), individuals=("mei",))
    project.put_labels(labels)  # the same animals, and then with a name
    project.put_labels(named)
    assert project._all("SELECT individual FROM instances") == [(1,), (1,)]
    undo(project)
    assert seen(project, 3)["nose"] == said(1)["nose"]
    assert seen(project, 3)["left ear"] == [5.0, 6.0, 2]
    assert seen(project, 4) == said(10) and project.check() == []


def test_a_keypoint_has_a_number_that_none_ever_had(project):
    shape(project, [0, 1, 2, 3, -1], [*NAMES, "chin"])
    place(project, 3, points(1, 5), by="bob")
    with pytest.raises(Conflict) as error:
        undo(project)
    assert error.value.theirs[0].by == "bob"
    undo(project, force=True)
    shape(project, [0, 1, 2, 3, -1], [*NAMES, "paw"])
    assert "paw" not in seen(project, 3) and "chin" not in seen(project, 3)
    undo(project)
    assert project_keypoints.ids(project.connection) == [0, 1, 2, 3]
    assert project.check() == []


def test_labels_come_in_and_are_paired_by_place_whatever_the_numbers(project, clip):
    shape(project, [3, 0, 1, 2], ["tail", *NAMES[:3]])
    place(project, 5, points(10))
    xy = np.stack([np.arange(10.0, 14.0), np.full(4, 20.0)], 1)
    project.set_instance(1, 6, "ann", xy + 30, np.full(4, 2, np.uint8))
    there = project.labels()
    project.put_labels(there)  # the same animals in the same places
    assert len(project.labels()) == 2
    assert seen(project, 5) == said(10, ["tail", *NAMES[:3]])
    assert project.check() == []


def test_a_project_of_the_sixth_format_keeps_every_label_and_every_undo(tmp_path):
    folder = tmp_path / "old"
    folder.mkdir()
    with sqlite3.connect(folder / "project.db") as raw:
        script = Path(__file__).with_name("project_format_6.sql")
        raw.executescript(script.read_text(encoding="utf-8"))
    raw.close()
    with Project.open(folder) as one:
        assert one.check() == []
        labels = one.labels()
        assert labels.skeleton.keypoints == ("tail", "nose", "chin", "right ear")
        rows = dict(zip(labels.frame.tolist(), labels.xy.tolist(), strict=True))
        none = [pytest.approx(np.nan, nan_ok=True)] * 2  # as that program read it
        assert rows[25] == [[4.0, 2.0], [1.0, 2.0], none, [3.0, 2.0]]
        assert rows[26] == [[10.0, 20.0], [11.0, 20.0], none, [13.0, 20.0]]
        assert rows[27] == [[20.0, 40.0], [21.0, 40.0], [22.0, 40.0], [23.0, 40.0]]
        assert rows[28] == [[30.0, 60.0], [31.0, 60.0], [32.0, 60.0], [33.0, 60.0]]
        # ann: place, then the edit that took the left ear and brought the chin
        assert undo(one).actions == ["place"]
        with pytest.raises(Conflict) as error:
            undo(one)
        assert error.value.theirs[0].key == [1, 27, -1 - 4]  # bob labelled the chin
        assert undo(one, "bob").actions == ["place"]
        assert undo(one, n=3).actions == ["skeleton", "skeleton", "place"]
        assert undo(one, "bob").actions == ["place"]
        assert one.skeleton == MOUSE and one.labels().frame.tolist() == [8, 10, 13]
        assert redo(one, "bob").actions == ["place"]
        assert redo(one, n=4).actions == ["place", "skeleton", "skeleton", "place"]
        assert one.labels().skeleton.keypoints == ("tail", "nose", "chin", "right ear")
        assert one.check() == []
    (copy,) = (folder / "backups").iterdir()
    with sqlite3.connect(copy) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (6,)
    raw.close()


@pytest.mark.slow
def test_a_new_order_of_ten_thousand_frames_takes_no_time(project):
    project.connection.execute("UPDATE videos SET frames = 1000000")
    for c in range(20):
        rows = [
            RowChange("instances", [1, 500 * c + k, -1], None, points(k)) for k in range(500)
        ]
        project_changes.apply(project, f"import-{c}", "import", rows, "bob")
    steps = (
        lambda: shape(project, [3, 2, 1, 0], list(reversed(NAMES))),
        lambda: undo(project),
        lambda: redo(project),
        lambda: shape(project, [1, 2, 3], list(NAMES[1:])),
        lambda: undo(project),
        lambda: redo(project),
    )
    for step in steps:
        began = time.process_time()
        step()
        assert time.process_time() - began < 0.2  # 2 s once
    rows = project_edits.get(project.connection, "instances", (1, 7, -1))
    assert [point[0] for point in rows["points"]] == [0, 1, 2, 3]
