from fractions import Fraction

import av
import clips
import numpy as np
import pytest

from gambol.io.video import open_video, packets
from gambol.io.video.packets import Refused


def stream(folder):
    """A transport stream: no description, what a decoder needs comes in the packets."""
    return clips.encode(folder / "closed.ts", n=60, g="12", bf="2")


CLOSED = [clips.bframes, clips.long_gop, clips.variable_rate, clips.late_start, clips.x264_avi,
          clips.vp9, clips.odd_size, stream]  # fmt: skip
NAMES = {"avc1": "h264", "vp09": "vp9", "av01": "av1"}


def decoded(coding, group):
    """Frames of a group from a fresh decoder that knows nothing else, in the order shown."""
    codec = av.CodecContext.create(NAMES[coding.codec[:4]], "r")
    if coding.description:
        codec.extradata = coding.description
    found = []
    for one in [*group, None]:
        packet = None
        if one is not None:
            packet = av.Packet(one.data)
            packet.pts, packet.time_base = one.frame, Fraction(1, 1000)
        found += codec.decode(packet)
    return {frame.pts: frame.to_ndarray() for frame in found}


@pytest.mark.parametrize("make", CLOSED)
def test_every_group_alone_gives_its_frames_exactly(tmp_path, make):
    with open_video(make(tmp_path)) as video:
        held = video.packets()
        stops = [*held.starts[1:], len(video)]
        order = np.random.default_rng(0).permutation(len(stops)).tolist()
        for number in order:
            group = held.group(number)
            found = decoded(held.coding, group)
            assert sorted(found) == list(range(held.starts[number], stops[number]))
            assert len(group) == len(found)
            for index, planes in found.items():
                np.testing.assert_array_equal(planes, video._frame(index).to_ndarray())
        assert held.coding.size == video._coded_size


def test_reading_packets_does_not_move_the_reader_of_frames(tmp_path):
    path = clips.bframes(tmp_path)
    with open_video(path) as video, open_video(path) as alone:
        for index in (0, 1, 2, 41, 42, 5):
            video.packets().group(index % 2)
            np.testing.assert_array_equal(video.read([index]), alone.read([index]))


REFUSED = [
    ("open_gop", "lean on their neighbours"),
    ("hevc", "hevc|neighbours"),
    ("motion_jpeg", "mjpeg"),
    ("mpeg4", "mpeg4"),
    ("cut_mkv", "neighbours|hidden|whole"),
]


@pytest.mark.parametrize(("kind", "reason"), REFUSED)
def test_what_players_cannot_be_trusted_with_is_refused(tmp_path, kind, reason):
    path = getattr(clips, kind)(tmp_path)
    with open_video(path) as video, pytest.raises(Refused, match=reason):
        held = video.packets()
        for number in range(len(held.starts)):
            held.group(number)


def test_a_key_frame_that_fades_in_is_no_beginning(tmp_path):
    with open_video(clips.intra_refresh(tmp_path)) as video:
        assert len(np.flatnonzero(video._decoder._table.key)) > 1
        with pytest.raises(Refused, match="whole one|neighbours"):
            for number in range(len(video.packets().starts)):
                video.packets().group(number)


def test_a_group_that_is_too_long_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(packets, "LONGEST", 10)
    with (
        open_video(clips.long_gop(tmp_path)) as video,
        pytest.raises(Refused, match="frames hang on one key frame"),
    ):
        video.packets()


def test_browsers_know_the_codec_by_its_profile(tmp_path):
    with open_video(clips.bframes(tmp_path)) as video:
        coding = video.packets().coding
        assert coding.codec == f"avc1.{coding.description[1:4].hex()}"
    with open_video(clips.vp9(tmp_path)) as video:
        assert video.packets().coding.codec == "vp09.00.10.08"
    with open_video(stream(tmp_path)) as video:
        coding = video.packets().coding
        assert coding.codec.startswith("avc1.") and coding.description == b""
