import re

import numpy as np
import pytest

from gambol.viz import films


def test_counts_the_frames_that_are_in_doubt(make_film):
    text = films.describe(make_film())
    assert "200 frames, 9.9 seconds" in text
    # 50 low ones and the frame that was not readable, which lacks all keypoints
    assert "In 25.5 % of the frames at least one" in text and "0.5 % all of them" in text
    assert re.findall(r"<td>([\d.]+ %)</td>", text) == ["0.5 %", "0.5 %", "25.5 %"]


def test_tells_speed_where_it_is_known(make_film):
    assert "212 frames per second" in films.describe(make_film())
    text = films.describe(make_film()._replace(speed=None))
    assert "per second" not in text


@pytest.mark.parametrize("note", ["", "No pictures: <gone>"])
def test_says_why_there_are_no_pictures(make_film, note):
    text = films.describe(make_film()._replace(examples=[], note=note))
    assert "<img" not in text
    assert ("No pictures: &lt;gone&gt;" in text) == bool(note)


def test_few_frames_in_doubt_are_not_said_to_be_none(make_film):
    film = make_film()
    long = 5000
    sure = np.ones((long, film.confidence.shape[1]))
    sure[7, 0] = 0.1
    text = films.describe(
        film._replace(
            times=np.arange(long) / 20,
            xy=np.zeros((long, sure.shape[1], 2)),
            confidence=sure,
            examples=[],
        )
    )
    assert "In less than 0.1 % of the frames at least one" in text and "in 0.0 % all" in text
