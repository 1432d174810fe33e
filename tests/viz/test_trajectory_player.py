"""The player's data say what the array said; nothing in a name becomes code."""

import json
import re

import numpy as np
from moving_labels import LAGS, moves

from gambol.viz import trajectory_player


def data(markup):
    return json.loads(re.search(r'application/json">(.*?)</script>', markup, re.DOTALL)[1])


def test_positions_are_those_that_were_given():
    given = moves(2, space=3)
    told = data(trajectory_player.player(given))
    assert told["space"] == 3
    assert told["onset"] == 2
    assert np.allclose(told["lag"], LAGS)
    assert told["xyz"][0][3][1] is None
    assert np.allclose(told["xyz"][1], given.median[1], atol=0.01)
    assert told["bones"] == [list(pair) for pair in given.skeleton.drawn]


def test_video_pixels_are_turned_over_and_the_extent_holds_all():
    given = moves(2, downwards=True)
    told = data(trajectory_player.player(given))
    assert np.allclose(np.array(told["xyz"][1])[..., 1], -given.median[1, ..., 1], atol=0.01)
    away = np.abs(np.array(told["xyz"][1]) - np.array(told["middle"][1])).max(axis=(0, 1))
    assert (2 * away <= np.array(told["reach"]) + 0.05).all()


def test_a_name_cannot_end_the_data():
    made = trajectory_player.player(moves(1)._replace(names=("</script><b>",)))
    assert made.count("</script>") == 1
    assert data(made)["names"] == ["</script><b>"]


def test_style_and_script_stand_once():
    text = trajectory_player.support()
    assert text.count("<script>") == text.count("<style>") == 1
