from fractions import Fraction

import av
import clips
import numpy as np
import pytest
from av.video.reformatter import ColorRange

from gambol.io.video.container import FileVideo


@pytest.mark.parametrize(
    "kind", ["bframes", "full_chroma", "motion_jpeg", "ten_bit", "grey", "odd_size", "ffv1"]
)
def test_grey_is_what_swscale_calls_grey(clip, kind):
    path = clip("lossless_rgb" if kind == "ffv1" else kind)
    with FileVideo(path, grey=True) as video:
        ours = video.read(range(10))[..., 0]
    plain = [
        frame.reformat(format="gray", dst_color_range=ColorRange.JPEG).to_ndarray()
        for _, frame in zip(range(10), clips.plain_decode(path), strict=False)
    ]
    limit = 1 if kind in ("ten_bit", "ffv1") else 0  # accurate rounding against fast rounding
    assert np.abs(ours.astype(int) - np.stack(plain)).max() <= limit


def test_black_and_white_of_the_limited_range_are_0_and_255(clip):
    with FileVideo(clip("bframes"), grey=True) as video:
        frame = video.read([5])[0, 5, :, 0].astype(int)
    painted = clips.picture(5)[5, :, 0].astype(int)
    assert np.abs(frame - painted)[4::12].max() < 12


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize(
    ("rotate", "turned"),
    [
        ({"turn": 90}, lambda a: np.rot90(a)),
        ({"turn": 180}, lambda a: np.rot90(a, 2)),
        ({"turn": 270}, lambda a: np.rot90(a, 3)),
        ({"flip": 1}, lambda a: a[:, ::-1]),
    ],
)
def test_applies_the_display_matrix(tmp_path, rotate, turned, grey):
    plain = clips.encode(tmp_path / "plain.mp4", n=20, g="5")
    marked = clips.encode(tmp_path / "marked.mp4", n=20, g="5", rotate=rotate)
    with FileVideo(plain, grey) as upright, FileVideo(marked, grey) as video:
        frames = video.read([13, 2])
        assert video.size == (frames.shape[2], frames.shape[1])
        for frame, stored in zip(frames, upright.read([13, 2]), strict=True):
            assert np.array_equal(frame, turned(stored))


def deep_film(path, planes, pix_fmt, codec="ffv1", **more):
    """One lossless frame whose first plane holds given values."""
    height, width = planes.shape
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        if turn := more.get("turn"):
            stream.set_display_rotation(turn)
        frame = av.VideoFrame(width, height, pix_fmt)
        for k, plane in enumerate(frame.planes):
            kind = ">u2" if pix_fmt.endswith("be") else "<u2"
            rows = np.frombuffer(plane, kind).reshape(-1, plane.line_size // 2)
            rows[:] = 512  # no colour
            if k == 0:
                rows[:height, :width] = planes
        frame.pts, frame.time_base = 0, Fraction(1, 30)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("turn", [0, 90, 180])
def test_sixteen_bits_of_grey_are_given_as_they_are_stored(tmp_path, turn):
    ramp = np.arange(32 * 48, dtype=np.uint16).reshape(32, 48) * 42
    how = {"codec": "png", "turn": turn} if turn else {}
    path = deep_film(tmp_path / "a.mov" if turn else tmp_path / "a.mkv", ramp,
                     "gray16be" if turn else "gray16le", **how)  # fmt: skip
    with FileVideo(path) as video, FileVideo(path, grey=True) as grey:
        shown = np.rot90(ramp, turn // 90)
        np.testing.assert_array_equal(video.native(0)[..., 0], shown)
        assert np.abs(grey.read([0])[0, ..., 0] - shown / 257).max() <= 1


def test_ten_bits_of_luma_fill_the_range_in_order(tmp_path):
    luma = np.linspace(64, 940, 48).round().astype(np.uint16)
    path = deep_film(tmp_path / "a.mkv", np.tile(luma, (32, 1)), "yuv420p10le")
    with FileVideo(path) as video:
        deep = video.native(0)
        assert deep.shape == (32, 48, 3) and deep.dtype == np.uint16
        truth = (luma - 64.0) / (940 - 64) * 65535
        assert (np.diff(deep[0, :, 0].astype(int)) > 0).all()
        assert np.abs(deep - truth[None, :, None]).max() <= 256  # swscale's white is 65283
        assert np.abs(video.read([0])[0] - deep / 257).max() <= 3  # it is dithered


def test_eight_bits_stay_eight(tmp_path):
    with FileVideo(clips.bframes(tmp_path)) as video:
        np.testing.assert_array_equal(video.native(7), video.read([7])[0])
