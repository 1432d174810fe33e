"""Damaged files: readable frames equal those of the whole file, the others are refused."""

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io.video.container import FileVideo
from gambol.io.video.damage import DamagedFrame

DAMAGED = [
    "bframes",
    "open_gop",
    "full_chroma",
    "hevc",
    "mpeg4",
    "mpeg4_bframes",
    "x264_avi",
    "motion_jpeg",
    "mpeg2",
    "transport_stream",
]
FRONT_INDEX = {"movflags": "+faststart"}


def frames_or_none(video, indices):
    found = {}
    for index in indices:
        try:
            found[index] = video.read([index])[0]
        except DamagedFrame as error:
            assert error.index == index
            found[index] = None
    return found


def equal_at_their_times(video, found, full, truth):
    """Sound frames equal those shown at the same time in the whole file.

    Streams without an index do not tell how many frames were lost, so numbers may shift.
    """
    same = np.abs(full.times[:, None] - video.times).argmin(axis=0)
    return all(np.array_equal(f, truth[same[i]]) for i, f in found.items() if f is not None)


def spoilt(path, target, at, n_bytes):
    """A copy with random bytes in the middle."""
    data = bytearray(path.read_bytes())
    noise = np.random.default_rng(5).integers(0, 256, n_bytes, dtype=np.uint8)
    start = int(len(data) * at)
    data[start : start + n_bytes] = noise.tobytes()
    target.write_bytes(bytes(data))
    return target


@pytest.fixture(scope="module")
def streamed(tmp_path_factory):
    """A whole MP4 file that begins with its index, as cameras' apps write it."""
    import clips

    path = tmp_path_factory.mktemp("whole") / "clip.mp4"
    return clips.encode(path, n=80, muxer=FRONT_INDEX, g="10", bf="2", crf="18")


@pytest.mark.parametrize("kind", ["mp4", "transport_stream", "motion_jpeg", "open_gop_mkv"])
def test_a_truncated_file_gives_what_is_there(clip, streamed, tmp_path, kind):
    import clips

    if kind == "mp4":
        whole = streamed
    elif kind == "open_gop_mkv":
        whole = clips.remux(clip("open_gop"), tmp_path / "whole.mkv", 0)
    else:
        whole = clip(kind)
    data = whole.read_bytes()
    cut = tmp_path / f"cut{whole.suffix}"
    cut.write_bytes(data[: len(data) * 6 // 10])
    with FileVideo(whole) as full, FileVideo(cut) as video:
        n, total = len(video), len(full)
        truth = full.read(range(total))
        assert 0.3 * total < n < 0.9 * total
        found = frames_or_none(video, range(n))
        sound = [i for i, frame in found.items() if frame is not None]
        assert len(sound) > 0.9 * n - 10
        assert equal_at_their_times(video, found, full, truth)
        assert "the file ends early" in (video.damage or "") or kind == "open_gop_mkv"


def test_says_how_much_of_a_truncated_file_is_readable(streamed, tmp_path):
    data = streamed.read_bytes()
    cut = tmp_path / "clip.mp4"
    cut.write_bytes(data[: len(data) * 6 // 10])
    with FileVideo(cut) as video:
        said = f"clip.mp4: {len(video)} of 80 frames are readable; the file ends early"
        assert said in (video.damage or "")
        with pytest.raises(InputError, match=f"has no frame 79; it has {len(video)}"):
            video.read([79])


@pytest.mark.parametrize("kind", DAMAGED)
def test_garbage_in_the_middle_gives_no_wrong_frame(clip, tmp_path, kind):
    whole = clip(kind)
    broken = spoilt(whole, tmp_path / f"broken{whole.suffix}", 0.45, 1500)
    with FileVideo(whole) as full, FileVideo(broken) as video:
        truth = full.read(range(len(full)))
        n = len(video)
        found = frames_or_none(video, range(n))
        sound = [i for i in found if found[i] is not None]
        assert 0.4 * n < len(sound) < n
        assert equal_at_their_times(video, found, full, truth)
        if kind not in ("mpeg2", "transport_stream"):
            assert all(np.array_equal(found[i], truth[i]) for i in sound)
        assert f"{len(sound)} of {n} frames are readable" in (video.damage or "")
    with FileVideo(broken) as video:  # in another order: the same frames
        order = np.random.default_rng(2).permutation(n).tolist()
        again = frames_or_none(video, order)
        assert all(np.array_equal(again[i], found[i]) for i in sound)
        assert {i for i in again if again[i] is not None} == set(sound)


def test_a_survey_finds_the_damage_beforehand(clip, tmp_path):
    broken = spoilt(clip("bframes"), tmp_path / "broken.mp4", 0.45, 1500)
    with FileVideo(broken) as video:
        assert video.damage is None
        readable = video.survey()
        assert video.damage is not None
        found = frames_or_none(video, range(len(video)))
        assert [i for i in found if found[i] is not None] == np.flatnonzero(readable).tolist()


def test_a_whole_file_surveys_as_readable(clip):
    with FileVideo(clip("open_gop")) as video:
        assert video.survey().all()
        assert video.damage is None


@pytest.mark.parametrize("content", [b"", b"a line of text\n" * 500, bytes(5000)])
def test_what_is_no_video_is_refused_in_one_sentence(tmp_path, content):
    path = tmp_path / "fake.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"fake\.mp4 cannot be read as video: .*; check"):
        FileVideo(path)


def test_a_file_that_lost_its_index_is_refused(clip, tmp_path):
    data = clip("bframes").read_bytes()  # its index comes last
    path = tmp_path / "lost.mp4"
    path.write_bytes(data[: len(data) * 6 // 10])
    with pytest.raises(InputError, match="cannot be read as video"):
        FileVideo(path)
