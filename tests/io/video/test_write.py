import av
import clips
import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io.video import VideoWriter
from gambol.io.video.container import FileVideo


@pytest.mark.parametrize("size", [(96, 64), (97, 63), (96, 63)])
def test_what_was_written_is_read_back(tmp_path, size):
    pictures = [clips.picture(number, size) for number in range(40)]
    with VideoWriter(tmp_path / "out" / "a.mp4", 29.97, size) as writer:
        for picture in pictures:
            writer.write(picture)
    with FileVideo(tmp_path / "out" / "a.mp4") as video:
        frames = video.read(range(40))
        assert video.fps == pytest.approx(29.97)
    assert [clips.number_in(frame) for frame in frames] == list(range(40))
    width, height = size
    error = frames[:, :height, :width].astype(int) - np.stack(pictures)
    assert np.abs(error.mean(axis=(0, 1, 2))).max() < 2  # no colour cast
    assert frames.shape[1] % 2 == frames.shape[2] % 2 == 0


def test_grey_frames_are_written_as_grey(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 25, (64, 48)) as writer:
        for level in (0, 100, 255):
            writer.write(np.full((48, 64, 1), level, np.uint8))
    with FileVideo(tmp_path / "a.mp4") as video:
        means = video.read(range(3)).mean(axis=(1, 2))
    assert np.abs(means - np.array([[0], [100], [255]])).max() < 3


def test_a_key_frame_comes_every_30_frames(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 30, (64, 48)) as writer:
        for number in range(70):
            writer.write(clips.picture(number, (64, 48)))
    with av.open(str(tmp_path / "a.mp4")) as container:
        keys = [n for n, f in enumerate(container.decode(video=0)) if f.key_frame]
    assert keys[0] == 0 and max(np.diff([*keys, 70])) <= 30


def test_an_exception_leaves_nothing_behind(tmp_path):
    with (
        pytest.raises(RuntimeError, match="stop"),
        VideoWriter(tmp_path / "a.mp4", 30, (64, 48)) as w,
    ):
        w.write(clips.picture(0, (64, 48)))
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


def test_an_exception_keeps_the_file_that_was_there(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"old")
    video = VideoWriter(tmp_path / "a.mp4", 30, (64, 48))
    with pytest.raises(InputError, match="does not fit"), video as writer:
        writer.write(np.zeros((10, 10, 3), np.uint8))
    assert (tmp_path / "a.mp4").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_refuses_an_empty_video_and_impossible_ones(tmp_path):
    video = VideoWriter(tmp_path / "a.mp4", 30, (64, 48))
    with pytest.raises(InputError, match="no frames were written"), video:
        pass
    assert list(tmp_path.iterdir()) == []
    for fps, size in [(0, (64, 48)), (30, (0, 48)), (float("nan"), (64, 48))]:
        with pytest.raises(InputError, match="needs a rate and a size"):
            VideoWriter(tmp_path / "a.mp4", fps, size)


def test_a_place_where_nothing_can_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    video = VideoWriter(tmp_path / "file" / "a.mp4", 30, (64, 48))
    with pytest.raises(InputError, match="cannot be written"), video:
        pass
