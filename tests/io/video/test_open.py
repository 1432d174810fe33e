import shutil

import cv2
import h5py
import numpy as np
import pytest
import tifffile

from gambol.core.errors import InputError
from gambol.core.video import Video
from gambol.io.video import fingerprint, is_video, open_video
from gambol.io.video.container import FileVideo
from gambol.io.video.embedded import EmbeddedVideo
from gambol.io.video.images import ImageVideo
from gambol.io.video.tiff import TiffVideo

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 1), dtype=np.uint8)


@pytest.fixture
def things(clip, tmp_path):
    """Each kind of video, by the class that reads it."""
    (tmp_path / "folder").mkdir()
    cv2.imwrite(str(tmp_path / "folder" / "a.png"), PIXELS[0])
    cv2.imwrite(str(tmp_path / "one.jpg"), PIXELS[0])
    tifffile.imwrite(tmp_path / "stack.tif", PIXELS[..., 0])
    with h5py.File(tmp_path / "set.h5", "w") as file:
        file["images"] = PIXELS
    shutil.copy(clip("bframes"), tmp_path / "no_suffix")
    return {
        tmp_path / "folder": ImageVideo,
        tmp_path / "one.jpg": ImageVideo,
        tmp_path / "stack.tif": TiffVideo,
        f"{tmp_path / 'set.h5'}::images": EmbeddedVideo,
        tmp_path / "set.h5": EmbeddedVideo,
        tmp_path / "no_suffix": FileVideo,
    }


def test_opens_each_kind_by_what_it_is(things):
    for ref, kind in things.items():
        video = open_video(str(ref), grey=True)
        assert isinstance(video, kind) and isinstance(video, Video)
        assert video.channels == 1
        assert is_video(ref)
        video.close()


def test_the_rate_can_be_given(things):
    for ref in things:
        video = open_video(ref, fps=12.5)
        assert video.fps == 12.5
        video.close()


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf")])
def test_refuses_rates_that_are_none(clip, fps):
    with pytest.raises(InputError, match="no rate"):
        open_video(clip("bframes"), fps=fps)


@pytest.mark.parametrize(
    "name", ["absent.mp4", "empty.mp4", "text.mp4", "bare", "absent.h5::x"]
)
def test_refuses_the_rest_in_one_sentence(tmp_path, name):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("frame,x,y\n" * 100)
    (tmp_path / "bare").mkdir()
    with pytest.raises(InputError, match=name.split("::")[0]) as caught:
        open_video(f"{tmp_path / name}")
    assert "\n" not in str(caught.value)
    assert not is_video(tmp_path / name)


def test_a_fingerprint_is_of_the_content(tmp_path):
    data = np.random.default_rng(0).bytes(5 << 20)
    (tmp_path / "a.mp4").write_bytes(data)
    (tmp_path / "b.mp4").write_bytes(data)
    assert fingerprint(tmp_path / "a.mp4") == fingerprint(tmp_path / "b.mp4")
    for place in (0, len(data) // 2, len(data) - 1):
        changed = bytearray(data)
        changed[place] ^= 1
        (tmp_path / "b.mp4").write_bytes(bytes(changed))
        assert fingerprint(tmp_path / "a.mp4") != fingerprint(tmp_path / "b.mp4")
    (tmp_path / "b.mp4").write_bytes(data + b"x")
    assert fingerprint(tmp_path / "a.mp4") != fingerprint(tmp_path / "b.mp4")


def test_fingerprints_of_folders_and_data_sets(things, tmp_path):
    prints = [fingerprint(ref) for ref in things]
    assert len(set(prints)) == len(prints)
    shutil.copytree(tmp_path / "folder", tmp_path / "moved")
    assert fingerprint(tmp_path / "moved") == fingerprint(tmp_path / "folder")
    shutil.copy(tmp_path / "moved" / "a.png", tmp_path / "moved" / "b.png")
    assert fingerprint(tmp_path / "moved") != fingerprint(tmp_path / "folder")
