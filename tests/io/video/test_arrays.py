import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io.video.arrays import as_frame, decode_picture


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("grey", [False, True])
def test_every_picture_becomes_one_or_three_channels(channels, grey):
    frame = as_frame(np.full((4, 5, channels), 7, np.uint8), grey, "a")
    assert frame.shape == (4, 5, 1 if grey else 3)
    assert (frame == 7).all()


def test_binary_pictures_are_black_and_white():
    assert as_frame(np.array([[True, False]]), True, "a").ravel().tolist() == [255, 0]


@pytest.mark.parametrize("picture", [np.zeros((3, 3), np.float32), np.zeros((2, 3, 4, 5))])
def test_refuses_what_is_no_picture(picture):
    with pytest.raises(InputError, match=r"^a\.tif "):
        as_frame(picture, True, "a.tif")


def test_noise_decodes_to_nothing():
    assert decode_picture(b"no image at all") is None
