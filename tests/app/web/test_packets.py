import base64
import json
import struct

import clips
import numpy as np
import pytest
import tifffile
from test_frames import Served

from gambol.io.video import open_video


@pytest.fixture
def serve(tmp_path):
    made = []

    def make(path):
        made.append(Served(tmp_path / path.stem, path))
        return made[-1]

    yield make
    for one in made:
        one.close()


def read(data):
    """Head and packets, by the layout that the module describes."""
    (size,) = struct.unpack_from("<I", data)
    head, at, found = json.loads(data[4 : 4 + size]), 4 + size, []
    while at < len(data):
        frame, bytes_ = struct.unpack_from("<iI", data, at)
        found.append((frame, data[at + 8 : at + 8 + bytes_]))
        at += 8 + bytes_
    assert at == len(data)
    return head, found


def test_groups_hold_every_frame_once_under_its_index(serve, tmp_path):
    one = serve(clips.variable_rate(tmp_path))
    answer = one.get("packets")
    starts = np.frombuffer(answer.content, "<u4").tolist()
    assert "immutable" in answer.headers["cache-control"] and starts[0] == 0
    with open_video(one.path) as video:
        truth = video.packets()
        frames = []
        for gop, first in enumerate(starts):
            head, found = read(one.get(f"packets/{gop}").content)
            assert found == truth.group(gop) and found[0][0] == first
            frames += [frame for frame, _ in found]
        assert sorted(frames) == list(range(len(video))) != frames  # B-frames: another order
        assert head["codec"] == truth.coding.codec
        assert base64.b64decode(head["description"]) == truth.coding.description
        assert (head["width"], head["height"]) == truth.coding.size


@pytest.mark.parametrize("rotate", [{"turn": 90}, {"turn": 180}, {"turn": 270}, {"flip": 1}])
def test_the_turn_that_the_file_asks_for_is_told(serve, tmp_path, rotate):
    one = serve(clips.encode(tmp_path / "turned.mp4", n=8, g="5", rotate=rotate))
    head, _ = read(one.get("packets/0").content)
    with open_video(one.path) as video:
        stored = next(clips.plain_decode(one.path)).to_ndarray(format="rgb24").astype(int)
        assert stored.shape[:2] == (head["height"], head["width"])
        shown = stored.swapaxes(0, 1) if head["swap"] else stored
        shown = shown[:: -1 if head["mirror_y"] else 1, :: -1 if head["mirror_x"] else 1]
        # two conversions to RGB differ in how they smooth colour; another turn by 40 and more
        assert np.abs(video.read([0])[0] - shown).mean() <= 6


@pytest.mark.parametrize("kind", ["motion_jpeg", "hevc", "open_gop"])
def test_what_pages_should_not_decode_is_refused_and_shown_as_pictures(serve, tmp_path, kind):
    one = serve(getattr(clips, kind)(tmp_path))
    for rest in ("packets", "packets/0"):
        answer = one.get(rest)
        assert answer.status_code == 415 and answer.json()["code"] == "codec"
        assert "is played as pictures" in answer.json()["message"]
    assert one.get("frames/3.jpg").status_code == 200


def test_images_have_no_packets(serve, tmp_path):
    tifffile.imwrite(tmp_path / "stack.tif", np.zeros((5, 32, 48), np.uint8))
    assert serve(tmp_path / "stack.tif").get("packets").status_code == 415


def test_a_group_that_is_not_there_is_said(serve, tmp_path):
    one = serve(clips.bframes(tmp_path))
    for number in (99, -1):
        answer = one.get(f"packets/{number}")
        assert answer.status_code == 404
        assert (
            answer.json()["message"] == f"there is no group {number} of this video's pictures"
        )
