import time

import numpy as np
import pytest
from labelled import MOUSE, make

from gambol.core.labels import Visibility
from gambol.io import project_changes, project_views
from gambol.io.project_changes import RowChange


def test_counts_and_marks_are_those_of_the_labels(project, clip):
    labels = make([clip], rows=40)
    project.put_labels(labels)
    project.set_complete(1, int(labels.frame[0]), False)
    empty = next(f for f in range(30) if f not in labels.frame)
    project.set_complete(1, empty, True)
    counts = project.counts.now(project.connection)
    order = (Visibility.VISIBLE, Visibility.OCCLUDED, Visibility.ABSENT, Visibility.UNLABELLED)
    assert counts == [
        [int((labels.visibility[:, j] == s).sum()) for s in order] for j in range(4)
    ]
    marks = project_views.marks(project.connection, 1)
    assert marks.frame == sorted({*labels.frame.tolist(), empty})
    assert marks.animals == [int((labels.frame == f).sum()) for f in marks.frame]
    assert sum(c == 0 for c in marks.complete) == 1 == sum(c == 1 for c in marks.complete)
    told = project_views.video_counts(project.connection, 1)
    assert told == (len(marks.frame), len(marks.frame) - 1, 0)


def test_a_frame_before_a_change_of_places_comes_back_in_the_new_places(project):
    row = {"origin": 0, "points": [[0, 1.0, 2.0, 2], [2, 5.0, 6.0, 1]]}
    place = [RowChange("instances", [1, 3, -1], None, row)]
    seq = project_changes.apply(project, "a" * 8, "place", place, "ann")
    old = MOUSE.to_dict()
    names = old["keypoints"][1:] + old["keypoints"][:1]
    new = {"keypoints": names}
    change = RowChange("skeleton", [1], old, {"skeleton": new, "order": [1, 2, 3, 0]})
    project_changes.apply(project, "b" * 8, "order", [change], "ann")
    gone = RowChange("instances", [1, 3, -1], None, None)
    project_changes.apply(project, "d" * 8, "delete", [gone], "ann", force=True)
    project_changes.restore(project, "c" * 8, 1, 3, seq, "ann")
    ((_, back),) = project_views.instances(project.connection, 1, 3)
    assert back == {"origin": 0, "points": [[1, 5.0, 6.0, 1], [3, 1.0, 2.0, 2]]}
    assert project.labels().xy[0, names.index("nose")].tolist() == [1.0, 2.0]
    assert project.check() == []


@pytest.mark.slow
def test_questions_stay_quick_in_a_large_project(project):
    project.connection.execute("UPDATE videos SET frames = 1000000")
    rng = np.random.default_rng(0)
    for c in range(20):
        rows = [
            RowChange(
                "instances", [1, 500 * c + k, -a], None,
                {"origin": 0, "points": [[j, float(rng.random()), 1.0, 2] for j in range(4)]},
            )
            for k in range(500) for a in (1, 2)
        ]  # fmt: skip
        project_changes.apply(project, f"import-{c}", "import", rows, "ann")
    for ask in (
        lambda c: project_views.marks(c, 1),
        project.counts.now,
        lambda c: project_views.history(c, None, 50),
        lambda c: project_views.instances(c, 1, 77),
        lambda c: project_views.frame_then(c, 1, 77, 3),
    ):
        spent = []
        for _ in range(5):
            began = time.process_time()
            ask(project.connection)
            spent.append(time.process_time() - began)
        assert min(spent) < 0.05
