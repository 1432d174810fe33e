"""The brightness of a part of a video, against frames that were written."""

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io import brightness
from gambol.io.video import VideoWriter


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("lamp") / "left.mp4"
    with VideoWriter(path, 30.0, (64, 48)) as writer:
        for t in range(40):
            frame = np.full((48, 64, 3), 40, np.uint8)
            frame[8:24, 32:48] = 200 if t % 10 < 3 else 60
            writer.write(frame)
    return path


def test_the_lamp_is_seen_and_the_rest_is_not(film):
    told = []
    got = brightness.read(str(film), (34, 10, 12, 12), lambda *at: told.append(at))
    on = np.arange(40) % 10 < 3
    assert got[on] == pytest.approx(200, abs=6) and got[~on] == pytest.approx(60, abs=6)
    assert told[-1] == (40, 40)
    assert np.ptp(brightness.read(str(film), (0, 30, 20, 10))) < 4


def test_a_rectangle_must_lie_inside(film):
    with pytest.raises(InputError, match="not inside its 64 x 48"):
        brightness.read(str(film), (60, 10, 12, 12))
    with pytest.raises(InputError, match="write VIDEO:x,y,width,height"):
        brightness.split("left.mp4:1,2,3")


def test_a_drive_letter_is_no_rectangle():
    assert brightness.split("C:\\a.mp4:1,2,3,4") == ("C:\\a.mp4", (1, 2, 3, 4))
