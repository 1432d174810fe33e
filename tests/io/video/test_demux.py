import socket

import av
import clips
import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io.video.demux import FORMATS, contents, decode_all
from gambol.io.video.open import is_video, open_video


def test_packets_before_an_edit_are_marked(clip):
    packets = contents(clip("edit_list"))
    assert packets.discard.sum() == 10
    assert len(packets.pts) == 70
    assert packets.missing == 0


def test_decoding_tells_the_order_in_which_packets_are_shown(clip):
    packets = contents(clip("bframes"))
    by_time = np.argsort(packets.pts)
    assert decode_all(clip("bframes"), packets.pos).order == by_time.tolist()


def test_all_kinds_of_clips_are_whole(clip):
    promised = {k.__name__: contents(clip(k.__name__)).missing for k in clips.KINDS}
    assert set(promised.values()) == {0}


HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"
CONCAT = "ffconcat version 1.0\nfile {}\n"
SDP = (
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
)
DASH = (
    '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'profiles="urn:mpeg:dash:profile:isoff-main:2011" mediaPresentationDuration="PT1S"><Period>'
    '<AdaptationSet mimeType="video/mp4"><Representation id="0" bandwidth="1">'
    "<BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>"
)


@pytest.mark.parametrize("name", ["a.m3u8", "a.mp4", "a.avi", "a.txt", "a.ts"])
@pytest.mark.parametrize("script", [HLS, CONCAT, SDP, DASH, "[Reference]\nRef1={}\n"])
def test_what_names_other_files_is_no_video(script, name, clip, tmp_path):
    clips.remux(clip("bframes"), tmp_path / "other.ts", 0)
    listed = tmp_path / name
    listed.write_text(script.format("other.ts"))
    assert not is_video(listed)
    with pytest.raises(InputError, match="cannot be read as video"):
        open_video(listed)


def test_a_playlist_reaches_no_other_computer(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0.2)
        address = f"http://127.0.0.1:{other.getsockname()[1]}/film.ts"
        for script in (HLS, CONCAT, DASH, "[Reference]\nRef1={}\n"):
            for name in ("a.m3u8", "a.mp4", "http.asx"):
                (tmp_path / name).write_text(script.format(address))
                assert not is_video(tmp_path / name)
        with pytest.raises(TimeoutError):
            other.accept()


def test_a_name_is_no_pattern_of_names(tmp_path, monkeypatch):
    image = np.zeros((16, 16, 3), np.uint8)
    for k in range(3):
        with av.open(str(tmp_path / f"img{k}.pgm"), "w", format="image2") as made:
            stream = made.add_stream("pgm")
            stream.width = stream.height = 16
            stream.pix_fmt = "gray"
            made.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
    (tmp_path / "img%d.pgm").write_bytes((tmp_path / "img0.pgm").read_bytes())
    assert not is_video(tmp_path / "img%d.pgm")
    monkeypatch.chdir(tmp_path)  # a name that reads like an address is a name
    (tmp_path / "concat:img0.pgm|img1.pgm").write_bytes(b"x")
    assert not is_video("concat:img0.pgm|img1.pgm")


def test_formats_that_are_opened_are_known_to_ffmpeg():
    for name in FORMATS:
        assert name in av.format.ContainerFormat(name, "r").name.split(",")
