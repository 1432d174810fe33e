from gambol.io import project_index


def test_places_are_the_first_frames_each_once():
    after = [["instances", [1, f // 2, 1], None] for f in range(99)] + [["regions", [1], None]]
    assert project_index.places(after) == [[1, f] for f in range(project_index.PLACES)]
    assert project_index.places([["individuals", [3], None]]) == []


def test_who_touched_nothing_is_nobody(project):
    assert project_index.last(project.connection, "instances", (1, 1, 1)) is None
    assert project_index.last_standing(project.connection, "nobody") is None
    assert project_index.last_undone(project.connection, "nobody") is None
    assert project_index.last(project.connection, "videos", (1,)).edit == 2


def test_questions_use_an_index(project):
    plans = [
        "SELECT id FROM edits WHERE author = 'a' AND undone IS NULL AND target IS NULL"
        f" AND NOT {project_index._PASSED} ORDER BY id DESC LIMIT 1",
        "SELECT id, undone FROM edits WHERE author = 'a' AND undone NOT NULL"
        " AND target IS NULL ORDER BY undone DESC LIMIT 1",
        "SELECT max(edit) FROM touched WHERE tbl = 'a' AND k1 = 1 AND k2 = 1 AND k3 = 1",
    ]
    for query in plans:
        told = " ".join(row[-1] for row in project._all(f"EXPLAIN QUERY PLAN {query}"))
        assert "SEARCH" in told and "SCAN" not in told and "TEMP B-TREE" not in told, told
