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
