from labelled import MOUSE

from gambol.app.web import news
from gambol.io import project_edits
from gambol.io.project import Project

VIDEO = {
    "path": "v",
    "hash": "h",
    "bytes": 1,
    "width": 8,
    "height": 8,
    "frames": 9,
    "fps": 30.0,
}


def test_news_are_the_log_in_the_shape_of_the_wire(tmp_path):
    with Project.create(tmp_path / "p", MOUSE) as project:
        (first,) = news.since(project, 0)
        assert first.type == "edit" and first.seq == 1 and first.action == "create"
        assert first.changes == [("skeleton", [1], MOUSE.to_dict())]
        assert news.since(project, 1) == []
        project.set_track_log(tmp_path / "p" / "a", "{}", ["x"], "tracks")
        begun, second = news.since(project, 1)
        assert begun.changes == []
        assert second.changes == [("track_edits", [1, 0], None)]  # where to look, not what


def test_what_is_long_is_counted_and_not_read(tmp_path, monkeypatch):
    n = news.MANY_ROWS + 1
    with Project.create(tmp_path / "p", MOUSE) as project:
        with project_edits.edit(project.connection, project.path, "import", "ann") as edit:
            edit.put("videos", (1,), VIDEO)
            edit.put("individuals", (1,), {"name": "mei"})
            for frame in range(n):
                edit.put("frames", (1, frame), {"complete": 1})
            edit.put("tracks", (1,), {"path": "a", "about": "{}"})
            edit.put("track_edits", (1, 4), {"record": "x"})
        read = []
        real = news.json.loads
        monkeypatch.setattr(news.json, "loads", lambda text: read.append(text) or real(text))
        told, again = news.since(project, 1)
        assert (told.type, again.type, again.seq) == ("edit", "reload", 2)
        assert told.changes == [
            ("videos", [1], VIDEO),
            ("individuals", [1], {"name": "mei"}),
            ("track_edits", [1, 4], None),
        ]
        assert sum(map(len, read)) < 1000


def test_another_log_is_known_by_its_length_and_by_when_a_line_was_written(tmp_path):
    with Project.create(tmp_path / "p", MOUSE) as project:
        (first,) = news.since(project, 0)
        assert not news.strange(project, 1, first.at) and not news.strange(project, 1, "")
        assert news.strange(project, 1, "2020-01-01T00:00:00.000+00:00")
        assert news.strange(project, 2, "")
        assert not news.strange(project, 0, "")
