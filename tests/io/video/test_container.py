import clips
import numpy as np
import pytest
from av.video.reformatter import Interpolation

from gambol.core.errors import InputError
from gambol.core.video import Video
from gambol.io.video.container import FileVideo

KINDS = [kind.__name__ for kind in clips.KINDS]
EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT


def plain_rgb(path):
    """All frames as a player shows them, by nothing but PyAV."""
    frames = [
        frame.reformat(format="rgb24", interpolation=EXACT).to_ndarray()
        for frame in clips.plain_decode(path)
    ]
    return np.stack(frames)


@pytest.mark.parametrize("kind", KINDS)
def test_frames_in_sequence_are_those_that_a_player_shows(clip, kind):
    path = clip(kind)
    with FileVideo(path) as video:
        in_sequence = video.read(range(len(video)))
    assert np.array_equal(in_sequence, plain_rgb(path))
    shown = [clips.number_in(frame) for frame in in_sequence]
    assert shown == list(range(shown[0], shown[0] + len(shown)))


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_random_and_backward_reads_equal_the_sequence(clip, kind, grey):
    path = clip(kind)
    with FileVideo(path, grey=grey) as video:
        in_sequence = video.read(range(len(video)))
    n = len(in_sequence)
    jumps = np.random.default_rng(1).integers(0, n, 60).tolist()
    backward = list(range(n - 1, max(n - 41, -1), -1))
    with FileVideo(path, grey=grey) as video:
        wrong = [i for i in jumps + backward if (video.read([i])[0] != in_sequence[i]).any()]
        assert wrong == []
        assert video.damage is None


def test_hides_what_the_edit_list_hides(clip):
    with FileVideo(clip("edit_list")) as video:
        assert len(video) == 60
        assert clips.number_in(video.read([0])[0]) == 10
        assert video.times[0] == 0


@pytest.mark.parametrize("kind", ["cut_mp4", "cut_mkv", "cut_ts"])
def test_a_cut_begins_with_its_first_decodable_frame(clip, kind):
    with FileVideo(clip(kind)) as video:
        assert clips.number_in(video.read([len(video) - 1])[0]) == 79
        assert clips.number_in(video.read([0])[0]) == 80 - len(video)


def test_times_are_those_of_the_file(clip):
    steps = np.cumsum(np.random.default_rng(0).integers(1, 9, 80))
    with FileVideo(clip("variable_rate")) as video:
        np.testing.assert_allclose(video.times, (steps - steps[0]) / 30, atol=1e-4)
        assert video.fps == pytest.approx(79 / video.times[-1])
    with FileVideo(clip("late_start")) as video:
        np.testing.assert_allclose(video.times, np.arange(60) / 30, atol=1e-4)
        assert video.fps == 30


def test_a_given_rate_replaces_that_of_the_file(clip):
    with FileVideo(clip("variable_rate"), fps=50) as video:
        np.testing.assert_allclose(video.times, np.arange(80) / 50)
        assert video.fps == 50


def test_returns_frames_in_the_order_asked_for(clip):
    with FileVideo(clip("bframes")) as video:
        frames = video.read([7, 50, 7, 3])
        assert [clips.number_in(frame) for frame in frames] == [7, 50, 7, 3]
        assert video.read([]).shape == (0, 64, 96, 3)


def test_is_a_video(clip):
    with FileVideo(clip("bframes"), grey=True) as video:
        assert isinstance(video, Video)
        assert (video.size, video.channels) == ((96, 64), 1)
        assert video.read([0]).shape == (1, 64, 96, 1)


@pytest.mark.parametrize("index", [-1, 80])
def test_refuses_frames_that_do_not_exist(clip, index):
    with FileVideo(clip("bframes")) as video, pytest.raises(InputError, match="it has 80"):
        video.read([0, index])


def test_reading_on_does_not_seek(clip, monkeypatch):
    with FileVideo(clip("bframes")) as video:
        monkeypatch.setattr(video._decoder, "start", lambda key: pytest.fail("it seeks"))
        for index in [*range(0, 30), 28, 27, 33, 40]:
            video.read([index])


def test_who_looks_back_need_not_seek_after_reading_on(clip, monkeypatch):
    with FileVideo(clip("bframes"), look_back=True) as video:
        for i in range(30):
            video.read([i])
        monkeypatch.setattr(video._decoder, "start", pytest.fail)
        back = {i: video.read([i])[0] for i in range(29, 9, -1)}
    with FileVideo(clip("bframes")) as video:
        assert all((video.read([i])[0] == frame).all() for i, frame in back.items())


def test_few_decoded_frames_are_kept(clip):
    with FileVideo(clip("long_gop")) as video:
        for index in range(100):
            video.read([index])
        assert len(video._recent) <= 8


@pytest.mark.parametrize(
    "recording", ["mouse_openfield/videos/m3v1mp4.mp4", "mouse_mirror/videos/test_vid.mp4"]
)
def test_real_recordings_read_alike_in_any_order(data, recording):
    with FileVideo(data / recording) as video:
        in_sequence = video.read(range(120))
    with FileVideo(data / recording) as video:
        for index in [*np.random.default_rng(0).permutation(120)[:15].tolist(), 60, 59, 58]:
            assert np.array_equal(video.read([index])[0], in_sequence[index])
