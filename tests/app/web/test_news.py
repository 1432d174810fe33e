from labelled import MOUSE

from gambol.app.web import news
from gambol.io.project import Project


def test_news_are_the_log_in_the_shape_of_the_wire(tmp_path):
    with Project.create(tmp_path / "p", MOUSE) as project:
        (first,) = news.since(project, 0)
        assert first.type == "edit" and first.seq == 1 and first.action == "create"
        assert first.changes == [("skeleton", [1], MOUSE.to_dict())]
        assert news.since(project, 1) == []
        project.set_track_log(tmp_path / "p" / "a", "{}", ["x"], "tracks")
        (second,) = news.since(project, 1)
        assert second.changes == [("track_edits", [1, 0], None)]  # where to look, not what


def test_another_log_is_known_by_its_length_and_by_when_a_line_was_written(tmp_path):
    with Project.create(tmp_path / "p", MOUSE) as project:
        (first,) = news.since(project, 0)
        assert not news.strange(project, 1, first.at) and not news.strange(project, 1, "")
        assert news.strange(project, 1, "2020-01-01T00:00:00.000+00:00")
        assert news.strange(project, 2, "")
        assert not news.strange(project, 0, "")
