import numpy as np
import pytest

from gambol.core.instances import UNTRACKED
from gambol.core.skeleton import Skeleton
from gambol.viz import cast
from gambol.viz.colours import individual_colours

PAIR = Skeleton(("nose", "tail"), (1, -1))
NAMES = ("ann", "bob", "cy")
XY = np.array([[[60.0, 60.0], [60.0, 90.0]], [[160.0, 60.0], [160.0, 90.0]]])


@pytest.fixture
def frame():
    return np.full((150, 240, 3), 120, np.uint8)


def scene(xy=XY, who=(0, 1), sure=(1.0, 1.0)):
    n = len(xy)
    return cast.Scene(xy, np.ones((n, 2)), None, np.array(who[:n]), np.array(sure[:n]))


def players(**more):
    return cast.gather(PAIR, NAMES, 40.0, **more)


def test_an_animal_keeps_its_colour_wherever_it_stands_in_the_file(frame):
    other = frame.copy()
    cast.draw(frame, scene(), players())
    cast.draw(other, scene(XY[::-1], who=(1, 0)), players())
    assert np.abs(frame.astype(int) - other.astype(int)).max() == 0
    colours = individual_colours(3)
    assert (frame[60, 60] == colours[0]).all() and (frame[60, 160] == colours[1]).all()


def test_names_do_not_cover_each_other_and_stay_in_the_frame(frame):
    near = np.array([[[100.0, 4.0], [100.0, 30.0]], [[112.0, 6.0], [112.0, 32.0]]])
    boxes = []
    write = cast._write

    def noted(*args):
        boxes.append(write(*args))
        return boxes[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cast, "_write", noted)
        cast.draw(frame, scene(near), players())
    one, other = boxes
    assert cast._common(one, other) == 0.0
    for left, top, right, bottom in boxes:
        assert left >= 0 and top >= 0 and right <= 240 and bottom <= 150


def test_only_a_doubtful_identity_has_a_ring(frame):
    marked = frame.copy()
    cast.draw(frame, scene(), players(text=0.0))
    cast.draw(marked, scene(sure=(1.0, 0.5)), players(text=0.0))
    more = np.abs(marked.astype(int) - frame).max(axis=-1) > 0
    y, x = np.nonzero(more)
    away = np.hypot(x - 160, y - 75)
    assert len(x) > 50 and np.abs(away - 0.62 * 40).max() < 4


def test_strangers_are_grey_and_below_the_others(frame):
    both = np.stack([XY[0], XY[0]])
    cast.draw(frame, scene(both, who=(0, UNTRACKED)), players(text=0.0))
    assert (frame[60, 60] == individual_colours(1)[0]).all()
    alone = np.full_like(frame, 120)
    cast.draw(alone, scene(XY[:1], who=(UNTRACKED,)), players())
    assert np.ptp(alone.astype(int), axis=-1).max() == 0 and (alone != 120).any()


def test_an_animal_that_is_nowhere_is_not_drawn(frame):
    before = frame.copy()
    cast.draw(frame, scene(np.full((2, 2, 2), np.nan)), players())
    assert (frame == before).all()


def test_centres_are_means_of_what_is_known():
    xy = np.array([[[0.0, 0], [10, 20]], [[4, 6], [np.nan, np.nan]]])
    assert cast.centres(xy).tolist() == [[5.0, 10.0], [4.0, 6.0]]
    assert np.isnan(cast.centres(np.full((1, 2, 2), np.nan))).all()


def test_a_trail_is_interrupted_where_the_animal_was_lost(frame):
    path = np.array([[20.0, 20], [60, 20], [np.nan, np.nan], [120, 20], [160, 20]])
    cast.trail(frame, path, players().pens[0])
    drawn = np.abs(frame.astype(int) - 120).max(axis=-1) > 5
    assert drawn[20, 30:55].all() and drawn[20, 125:155].all()
    assert not drawn[:, 70:115].any()
    faint, strong = (np.abs(frame[20, x].astype(int) - 120).max() for x in (40, 140))
    assert faint < strong


def test_a_closeup_shows_all_animals_that_have_names(frame):
    wide = np.full((600, 900, 3), 120, np.uint8)
    picture = cast.closeup(wide, scene(), players())
    colours = individual_colours(2).astype(int)
    for colour in colours:
        near = np.abs(picture.astype(int) - colour).sum(axis=-1) < 12
        assert near.sum() > 20
