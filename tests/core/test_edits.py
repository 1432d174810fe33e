import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gambol.core import edits
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton

OLD = Skeleton(("a", "b", "c"))


@given(st.permutations(range(6)), st.integers(0, 6), st.integers(0, 3))
def test_an_order_and_its_inverse_lose_only_what_was_removed(places, kept, new):
    order = [*places[:kept], *[-1] * new]
    points = [[j, float(j), 0.0, 2] for j in range(6)]
    there = edits.reordered(points, order)
    assert all(order[j] == x for j, x, _, _ in there) and len(there) == kept
    back = edits.reordered(there, edits.inverse(order, 6))
    assert back == [point for point in points if point[0] in places[:kept]]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (None, "give its fields by name"),
        ({"origin": 0}, "lacks 'points'"),
        ({"origin": 3, "points": []}, "origin is 3"),
        ({"origin": True, "points": []}, "origin is True"),
        ({"origin": 0, "points": [], "score": 1}, "has no 'score'"),
        ({"origin": 0, "points": [[0, 1.0]]}, "give \\[keypoint"),
        ({"origin": 0, "points": [[3, 1.0, 1.0, 2]]}, "no keypoint 3"),
        ({"origin": 0, "points": [[0, 1.0, 1.0, 255]]}, "state of keypoint 0 is 255"),
        ({"origin": 0, "points": [[0, math.nan, 1.0, 2]]}, "need a position"),
        ({"origin": 0, "points": [[0, 1e7, 1.0, 2]]}, "need a position"),
        ({"origin": 0, "points": [[0, None, None, 2]]}, "need a position"),
        ({"origin": 0, "points": [[0, 1.0, 1.0, 0]]}, "is absent and at"),
        ({"origin": 0, "points": [[0, 1.0, 1.0, 2]] * 2}, "is said twice"),
    ],
)
def test_an_animal_that_cannot_be_is_refused(value, sentence):
    with pytest.raises(InputError, match=sentence):
        edits.instance(value, 3)


def test_points_are_put_in_order_and_become_floats():
    row = edits.instance({"origin": 2, "points": [(2, 1, 2, 1), (0, None, None, 0)]}, 3)
    assert row == {"origin": 2, "points": [[0, None, None, 0], [2, 1.0, 2.0, 1]]}


def test_keypoints_are_renamed_and_appended_in_place_and_moved_by_an_order():
    new, order = edits.skeleton({"keypoints": ["x", "b", "c", "d"]}, OLD)
    assert new.keypoints == ("x", "b", "c", "d") and order == [0, 1, 2, -1]
    new, order = edits.skeleton({"skeleton": {"keypoints": ["c", "n"]}, "order": [2, -1]}, OLD)
    assert new.keypoints == ("c", "n") and order == [2, -1]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"keypoints": ["a"]}, "keypoints vanish"),
        ({"name": "a"}, "needs a list of keypoints"),
        ({"keypoints": [1, 2, 3]}, "."),
        ({"skeleton": {"keypoints": ["a", "b"]}, "order": [0, 0]}, "order is"),
        ({"skeleton": {"keypoints": ["a", "b"]}, "order": [0]}, "order is"),
        ({"skeleton": {"keypoints": ["a", "b"]}, "order": [0, 3]}, "order is"),
        ({"keypoints": ["a", "b", "b"]}, "occurs twice"),
    ],
)
def test_a_skeleton_that_cannot_be_is_refused(value, sentence):
    with pytest.raises(InputError, match=sentence):
        edits.skeleton(value, OLD)


def test_rows_of_frames_regions_suggestions_and_animals_are_checked():
    assert edits.frame({"flag": 1}) == {"complete": None, "flag": 1, "note": ""}
    with pytest.raises(InputError, match="at most 2000 letters"):
        edits.frame({"note": "x" * 2001})
    with pytest.raises(InputError, match="three corners"):
        edits.region({"video": 1, "frame": -1, "polygon": [[0, 0], [1, 1]]})
    with pytest.raises(InputError, match="-1 means every frame"):
        edits.region({"video": 1, "frame": -2, "polygon": [[0, 0]] * 3})
    with pytest.raises(InputError, match="score is"):
        edits.suggestion({"reason": "x", "rank": 1, "score": math.inf})
    assert edits.individual({"name": " ann "}) == {"name": "ann"}
