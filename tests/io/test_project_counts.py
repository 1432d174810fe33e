import random
import uuid

import pytest

from gambol.core.labels import Visibility
from gambol.io import project_changes, project_counts
from gambol.io.project_changes import RowChange
from gambol.io.project_counts import Counts

ORDER = (Visibility.VISIBLE, Visibility.OCCLUDED, Visibility.ABSENT, Visibility.UNLABELLED)


def slowly(project):
    seen = project.labels(drafts=True).visibility
    return [[int((seen[:, j] == s).sum()) for s in ORDER] for j in range(seen.shape[1])]


@pytest.mark.parametrize("many", [2000, 2])
def test_counts_that_follow_edits_are_those_of_the_labels(project, monkeypatch, many):
    monkeypatch.setattr(project_counts, "_MANY", many)
    rng = random.Random(3)
    for n in range(60):
        kind = rng.choice(["put", "put", "put", "undo", "redo", "order", "many"])
        if kind in ("undo", "redo"):
            if kind == "redo" or n > 4:
                how = getattr(project_changes, kind)
                how(project, uuid.uuid4().hex, "ann", force=True)
            continue
        if kind == "order":
            skeleton = project.skeleton
            order = rng.sample(range(len(skeleton)), max(2, len(skeleton) - 1)) + [-1]
            names = [skeleton.keypoints[k] if k >= 0 else f"k{n}" for k in order]
            value = {"skeleton": {"keypoints": names}, "order": order}
            changes = [RowChange("skeleton", [1], skeleton.to_dict(), value)]
        else:
            states = [rng.choice([0, 1, 2, None]) for _ in project.skeleton.keypoints]
            points = [
                [j, *([None, None] if s == 0 else [1.0, 2.0]), s]
                for j, s in enumerate(states)
                if s is not None
            ]
            row = rng.choice([{"origin": 0, "points": points}, None])
            frames = rng.sample(range(9), 5 if kind == "many" else 1)
            changes = [RowChange("instances", [1, f, -1], None, row) for f in frames]
        project_changes.apply(project, uuid.uuid4().hex, kind, changes, "ann", force=True)
        assert project.counts.now(project.connection) == slowly(project)
    assert Counts().now(project.connection) == slowly(project)


def test_only_what_changed_is_read_again(project):
    row = {"origin": 0, "points": [[0, 1.0, 2.0, 2]]}
    project_changes.apply(
        project, "a" * 8, "place", [RowChange("instances", [1, 3, -1], None, row)], "ann"
    )
    project.counts.now(project.connection)
    asked = []
    project.connection.set_trace_callback(asked.append)
    project_changes.apply(
        project, "b" * 8, "place", [RowChange("instances", [1, 4, -1], None, row)], "ann"
    )
    del asked[:]
    assert project.counts.now(project.connection)[0] == [2, 0, 0, 0]
    assert not any("FROM points" in query for query in asked)
