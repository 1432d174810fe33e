import pytest
from labelled import film

from gambol.core.errors import InputError
from gambol.io.project import Project
from gambol.stages import new


def test_names_are_enough(tmp_path):
    path = new.run(tmp_path / "p", ["nose", "left ear", "right ear"])
    assert path == tmp_path / "p" / "project.db"
    with Project.open(tmp_path / "p") as project:
        assert project.skeleton.swap == (-1, 2, 1)
        assert len(project.labels()) == 0


def test_a_file_and_videos(tmp_path):
    (tmp_path / "s.yaml").write_text("keypoints: [a, b]\nbones: [[a, b]]\n")
    videos = [film(tmp_path / "1.mp4"), film(tmp_path / "2.mp4", 9)]
    steps = []
    new.run(tmp_path / "p", skeleton=tmp_path / "s.yaml", videos=videos, progress=steps.append)
    with Project.open(tmp_path / "p") as project:
        assert project.skeleton.parent == (-1, 0)
        assert [row.path for row in project.videos()] == ["../1.mp4", "../2.mp4"]
    assert [(s.done, s.total) for s in steps] == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "either the names of its keypoints or a skeleton file"),
        ({"keypoints": ["a", "a"]}, "'a' occurs twice"),
        ({"keypoints": ["a", " "]}, "has an empty name"),
        ({"keypoints": ["a"], "videos": ["none.mp4"]}, "none.mp4 does not exist"),
    ],
)
def test_what_is_wrong_leaves_no_project(tmp_path, given, sentence):
    given = {k: [tmp_path / v for v in vs] if k == "videos" else vs for k, vs in given.items()}
    with pytest.raises(InputError, match=sentence):
        new.run(tmp_path / "p", **given)
    assert not (tmp_path / "p").exists()


def test_a_project_is_not_made_over_another(tmp_path):
    new.run(tmp_path / "p", ["a"])
    before = (tmp_path / "p" / "project.db").read_bytes()
    with pytest.raises(InputError, match="is a project already"):
        new.run(tmp_path / "p", ["b"])
    assert (tmp_path / "p" / "project.db").read_bytes() == before
