import cv2
import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.core.video import Video
from gambol.io.video.damage import DamagedFrame
from gambol.io.video.images import ImageVideo


def rgb(seed, height=20, width=30):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path, picture):
    flipped = picture[..., ::-1] if picture.ndim == 3 else picture
    path.write_bytes(cv2.imencode(path.suffix, flipped)[1].tobytes())


@pytest.fixture
def folder(tmp_path):
    for number in (1, 2, 10):
        save(tmp_path / f"img{number}.png", rgb(number))
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / ".img3.png").write_bytes(b"a file system's own")
    return tmp_path


def test_frames_follow_the_numbers_in_the_names(folder):
    video = ImageVideo.from_folder(folder)
    assert isinstance(video, Video)
    assert video.names == ["img1.png", "img2.png", "img10.png"]
    assert np.array_equal(video.read([2, 0]), np.stack([rgb(10), rgb(1)]))
    assert (video.size, video.channels, len(video)) == ((30, 20), 3, 3)
    assert video.times.tolist() == pytest.approx([0, 1 / 30, 2 / 30])


def test_grey_weighs_the_colours(folder):
    grey = ImageVideo.from_folder(folder, grey=True).read([0])
    expected = rgb(1) @ np.array([0.299, 0.587, 0.114])
    assert grey.shape == (1, 20, 30, 1)
    assert np.abs(grey[0, ..., 0] - expected).max() < 0.51


def test_16_bit_images_are_divided_by_257(tmp_path):
    deep = np.random.default_rng(0).integers(0, 65536, (9, 7), dtype=np.uint16)
    save(tmp_path / "a.png", deep)
    frame = ImageVideo.from_folder(tmp_path, grey=True).read([0])[0, ..., 0]
    assert np.array_equal(frame, np.round(deep / 257))


def test_opacity_is_dropped(tmp_path):
    clear = np.dstack([rgb(0), np.zeros((20, 30), np.uint8)])
    path = tmp_path / "a.png"
    path.write_bytes(cv2.imencode(".png", clear[..., [2, 1, 0, 3]])[1].tobytes())
    assert np.array_equal(ImageVideo([path]).read([0])[0], rgb(0))


def test_sizes_may_differ_one_by_one_but_not_in_a_batch(folder):
    save(folder / "img11.png", rgb(11, 8, 9))
    video = ImageVideo.from_folder(folder)
    assert np.array_equal(video.read_one(3), rgb(11, 8, 9))
    with pytest.raises(
        InputError, match=r"img11\.png is 9 x 8 pixels, the first image 30 x 20"
    ):
        video.read([0, 3])


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_an_image_cut_short_is_not_shown(tmp_path, suffix):
    save(tmp_path / f"a{suffix}", rgb(0, 200, 200))
    save(tmp_path / f"b{suffix}", rgb(1, 200, 200))
    data = (tmp_path / f"b{suffix}").read_bytes()
    (tmp_path / f"b{suffix}").write_bytes(data[: len(data) // 2])
    video = ImageVideo.from_folder(tmp_path)
    video.read([0])
    with pytest.raises(DamagedFrame, match=rf"b\{suffix}: frame 1 is damaged"):
        video.read([1])


def test_an_empty_folder_is_no_video(tmp_path):
    with pytest.raises(InputError, match="holds no images"):
        ImageVideo.from_folder(tmp_path)


def test_sixteen_bits_are_given_as_they_are_stored(tmp_path):
    ramp = np.arange(32 * 48 * 3, dtype=np.uint16).reshape(32, 48, 3) * 14
    cv2.imwrite(str(tmp_path / "a.png"), ramp[..., ::-1])
    np.testing.assert_array_equal(ImageVideo.from_folder(tmp_path).native(0), ramp)
    cv2.imwrite(str(tmp_path / "a.png"), (ramp // 257).astype(np.uint8))
    assert ImageVideo.from_folder(tmp_path).native(0).dtype == np.uint8
