import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io.video.arrays import as_frame, as_stored, decode_picture


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


def test_the_order_of_bytes_makes_no_difference():
    ramp = np.arange(0, 65536, 97, dtype=np.uint16).reshape(-1, 4)
    for stored in (ramp.astype(">u2"), ramp.astype("<u2")):
        np.testing.assert_array_equal(as_stored(stored, "a.tif")[..., 0], ramp)
        assert as_stored(stored, "a.tif").dtype == np.uint16
        np.testing.assert_array_equal(as_frame(stored, True, "a"), as_frame(ramp, True, "a"))


def test_stored_values_stay_and_opacity_goes():
    rgba = np.random.default_rng(0).integers(0, 65536, (5, 6, 4)).astype(np.uint16)
    np.testing.assert_array_equal(as_stored(rgba, "a.png"), rgba[..., :3])
    np.testing.assert_array_equal(as_stored(rgba[..., 0], "a.png"), rgba[..., :1])
