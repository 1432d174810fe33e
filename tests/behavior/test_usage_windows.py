import numpy as np
import pytest

from gambol.behavior.usage_windows import windows
from gambol.core.errors import InputError

FPS = 10.0
MOODS = np.array([[0.5, 0.4, 0.1, 0, 0, 0], [0, 0, 0, 0.3, 0.3, 0.4], [0.2, 0, 0, 0, 0.8, 0]])


def moody(seed, minutes=(0, 1, 2, 0, 2, 1)):
    """A mood a minute, each with usages of its own."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.choice(6, 600, p=MOODS[m]) + 1 for m in minutes])


def test_windows_of_one_mood_are_one_group():
    found = windows([moody(0), moody(1, (1, 1, 0))], FPS, 6, 15.0)
    truth = np.repeat([0, 1, 2, 0, 2, 1, 1, 1, 0], 4)
    assert len({*zip(found.group.tolist(), truth.tolist(), strict=True)}) == 3
    assert len(found.centre) == 3
    for group, centre in enumerate(found.centre):
        mood = truth[found.group == group][0]
        assert np.allclose(centre, MOODS[mood], atol=0.05)
    assert np.diff(np.bincount(found.group)).max() <= 0  # the largest first


def test_usage_is_that_of_the_labelled_frames_of_a_window():
    region = moody(3)
    region[:40] = 0
    region[150:240] = -1  # more than half of the second window
    found = windows([region], FPS, 6, 15.0)
    assert found.start.tolist() == [0, *range(300, 3600, 150)]
    own = region[:150][region[:150] > 0]
    assert np.allclose(found.usage[0], np.bincount(own, minlength=7)[1:] / len(own))
    assert np.allclose(found.usage.sum(axis=1), 1)


def test_what_is_left_at_the_end_is_left_out():
    found = windows([moody(4)[:1000], moody(5)[:149]], FPS, 6, 15.0)
    assert found.start.tolist() == [0, 150, 300, 450, 600, 750]
    assert (found.recording == 0).all()
    with pytest.raises(InputError, match="no recording has 120 s"):
        windows([moody(4)[:1000]], FPS, 6, 120.0)
