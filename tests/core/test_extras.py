"""What files say besides labels stays with what it is about."""

import numpy as np
import pytest

from gambol.core import labels as core_labels
from gambol.core.errors import InputError
from gambol.core.extras import WHOLE, Extras, formats, merged
from gambol.core.labels import Labels, Visibility
from gambol.core.skeleton import Skeleton


def made(videos=("a.mp4", "b.mp4"), n=4, **said):
    """Labels of one keypoint: row k in frame k of video k % 2."""
    index = np.arange(n)
    extras = Extras(
        tuple({"coco": {"row": f"{videos[k % 2]} {k}"}} for k in range(n)),
        {(k % 2, k): {"coco": {"frame": k}} for k in range(n)}
        | {(1, WHOLE): {"slp": {"v": 1}}},
        {"coco": said},
        ("masks are lost",),
    )
    return Labels(
        Skeleton(("nose",)), videos, index % 2, index, np.zeros(n, np.int64),
        np.ones((n, 1, 2)), np.full((n, 1), Visibility.VISIBLE, np.uint8),
        np.zeros(n, np.uint8), extras=extras,
    )  # fmt: skip


def rows(labels):
    return [labels.extras.row(n, "coco")["row"] for n in range(len(labels))]


def test_picked_rows_take_theirs_with_them():
    some = made().select(np.array([3, 0]))
    assert rows(some) == ["b.mp4 3", "a.mp4 0"]
    assert rows(made().select(np.array([False, True, False, True]))) == ["b.mp4 1", "b.mp4 3"]


def test_of_some_frames_only_what_is_about_them_or_their_video():
    some = made().within(np.array([[1, 3]]))
    assert rows(some) == ["b.mp4 3"]
    assert set(some.extras.frames) == {(1, 3), (1, WHOLE)}


def test_joined_labels_know_the_videos_by_their_new_numbers():
    both = core_labels.join([made(x=1), made(("b.mp4", "c.mp4"), y=2)])
    assert both.videos == ("a.mp4", "b.mp4", "c.mp4")
    assert rows(both)[4:] == ["b.mp4 0", "c.mp4 1", "b.mp4 2", "c.mp4 3"]
    assert both.extras.frame(2, 3, "coco") == {"frame": 3}
    assert both.extras.frame(2, WHOLE, "slp") == {"v": 1}
    assert both.extras.file("coco") == {"x": 1, "y": 2}
    assert both.extras.lost == ("masks are lost",)


def test_labels_without_any_join_those_that_have_them():
    plain = made().select(np.arange(0))
    assert rows(core_labels.join([plain, made()])) == rows(made())


def test_something_about_animals_that_are_not_there_is_refused():
    with pytest.raises(InputError, match="say more of 4 animals of 2"):
        core_labels.replace(made(n=2), extras=made().extras)


def test_the_later_word_counts_and_formats_are_named():
    assert merged({"coco": {"a": 1, "b": 1}}, {"coco": {"b": 2}, "slp": {}}) == {
        "coco": {"a": 1, "b": 2},
        "slp": {},
    }
    assert formats(made().extras) == ["coco", "slp"]
    assert formats(Extras()) == []
