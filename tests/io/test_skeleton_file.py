import pytest

from gambol.core.errors import InputError
from gambol.io.skeleton_file import read_skeleton


def write(path, text):
    path.write_text(text)
    return path


def test_names_become_a_skeleton(tmp_path):
    text = (
        "name: mouse\nkeypoints: [nose, left ear, right ear, tail]\n"
        "bones: [[tail, nose], [nose, left ear], [nose, right ear]]\n"
        "edges: [[left ear, right ear]]\n"
    )
    skeleton = read_skeleton(write(tmp_path / "s.yaml", text))
    assert skeleton.parent == (3, 0, 0, -1)
    assert skeleton.swap == (-1, 2, 1, -1)
    assert skeleton.edges == ((1, 2),)
    assert skeleton.name == "mouse"


def test_sides_can_be_given_or_denied(tmp_path):
    text = "keypoints: [a, b, left c, right c]\nmirror: "
    given = read_skeleton(write(tmp_path / "s.yaml", text + "[[a, b]]"))
    assert given.swap == (1, 0, -1, -1)
    assert read_skeleton(write(tmp_path / "t.yaml", text + "[]")).swap == (-1,) * 4


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("keypoint: [a]", "no setting 'keypoint'; did you mean 'keypoints'"),
        ("keypoints: [a, a]", "'a' occurs twice"),
        ("keypoints: []", "at least one keypoint"),
        ("keypoints: [nose, tail]\nbones: [[nose, tial]]", "no keypoint 'tial'; did you mean"),
        ("keypoints: [a, b]\nbones: [[a, b], [b, a]]", "its own ancestor"),
        ("keypoints: [a, b, c]\nbones: [[a, b], [c, b]]", "'b' hangs on two keypoints"),
        ("keypoints: [a\n", "is not YAML"),
        ("", "is empty"),
    ],
)
def test_what_is_wrong_is_named_with_the_file(tmp_path, text, sentence):
    with pytest.raises(InputError, match=sentence) as error:
        read_skeleton(write(tmp_path / "s.yaml", text))
    assert "s.yaml" in str(error.value)
