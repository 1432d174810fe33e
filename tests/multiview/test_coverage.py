import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.multiview.boards import Sightings
from gambol.multiview.coverage import cover, require_connected

NAMES = ("left", "right", "top", "back")


def sightings(*seen):
    """(view, frame, first corner, last corner + 1) …"""
    rows = [(v, f, c) for v, f, a, b in seen for c in range(a, b)]
    view, frame, corner = np.array(rows).T
    return Sightings(view, frame, corner, np.zeros((len(rows), 2)))


def test_a_pair_is_counted_where_six_corners_are_common():
    seen = sightings((0, 0, 0, 10), (1, 0, 4, 14), (0, 1, 0, 10), (1, 1, 5, 15), (2, 1, 0, 6))
    found = cover(seen, NAMES[:3], 20)
    assert found.shared.tolist() == [[2, 1, 1], [1, 2, 0], [1, 0, 1]]
    assert found.most[0, 1] == 6 and found.most[1, 2] == 1
    assert found.components == [["left", "right", "top"]]
    require_connected(found)


def test_views_are_joined_over_others():
    seen = sightings((0, 0, 0, 9), (1, 0, 0, 9), (1, 1, 0, 9), (2, 1, 0, 9), (2, 2, 0, 9),
                     (3, 2, 0, 9))  # fmt: skip
    assert cover(seen, NAMES, 9).components == [list(NAMES)]


def test_groups_are_named_with_the_pair_that_would_join_them():
    seen = sightings((0, 0, 0, 9), (1, 0, 0, 9), (2, 1, 0, 9), (3, 1, 0, 9), (1, 2, 0, 7),
                     (2, 2, 3, 9))  # fmt: skip
    found = cover(seen, NAMES, 9)
    assert found.components == [["left", "right"], ["top", "back"]]
    with pytest.raises(InputError, match=r"left, right \| top, back") as raised:
        require_connected(found)
    assert "right and top both see 6" in str(raised.value)
    assert "so far 4 in one frame" in str(raised.value)


def test_a_view_without_a_board_is_named():
    seen = sightings((0, 0, 0, 9), (1, 0, 0, 9), (3, 0, 0, 9), (2, 0, 0, 5))
    with pytest.raises(InputError, match="view top: no frame shows 6 corners"):
        require_connected(cover(seen, NAMES, 9))
    none = cover(Sightings(*np.zeros((3, 0), int), np.zeros((0, 2))), NAMES, 9)
    with pytest.raises(InputError, match="left and right and top and back"):
        require_connected(none)
