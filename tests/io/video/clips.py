"""Small videos of every awkward kind; each frame shows its own number in black and white."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

BITS = 8
SIZE = (96, 64)


def picture(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """(H, W, 3): the number in eight blocks on top, a texture that moves below."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    wave = 128 + 60 * np.sin((x + 3 * number) / 5) + 50 * np.cos((y - 2 * number) / 4)
    image = np.stack([wave, np.roll(wave, number, 0), 255 - wave], axis=-1)
    block = np.minimum(x[0] * BITS // width, BITS - 1)
    image[: height // 3] = np.where((number >> block) & 1, 235, 20)[None, :, None]
    return np.clip(image, 0, 255).astype(np.uint8)


def number_in(frame: np.ndarray) -> int:
    """Read the number that a frame shows, from the middle of each block."""
    height, width = frame.shape[:2]
    middle = frame[height // 9 : height // 4].mean(axis=(0, 2))
    centres = [int((bit + 0.5) * width / BITS) for bit in range(BITS)]
    return sum(int(middle[c - 1 : c + 2].mean() > 128) << bit for bit, c in enumerate(centres))


def encode(
    path: Path,
    n: int = 60,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    size: tuple[int, int] = SIZE,
    pts: Callable[[int], int] = lambda i: i,
    rotate: dict[str, int] | None = None,
    muxer: dict[str, str] | None = None,
    **options: str,
) -> Path:
    """Encode frames 0 to n - 1; `pts` are in 1/30 s."""
    try:
        av.codec.Codec(codec, "w")
    except av.codec.codec.UnknownCodecError:
        pytest.skip(f"this PyAV has no encoder {codec}")
    with av.open(str(path), "w", options=muxer or {}) as container:
        options = {k.replace("_", "-"): v for k, v in options.items()}
        if codec == "libx264":  # with its second thread the same frames differ now and then
            given = options.get("x264-params")
            options["x264-params"] = ":".join(filter(None, [given, "sync-lookahead=0"]))
        stream = container.add_stream(codec, rate=30, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        stream.codec_context.thread_count = 1
        if rotate:
            stream.set_display_rotation(rotate.get("turn", 0), hflip=bool(rotate.get("flip")))
        for number in range(n):
            frame = av.VideoFrame.from_ndarray(picture(number, size), format="rgb24")
            frame = frame.reformat(format=pix_fmt)
            frame.pts, frame.time_base = pts(number), Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def remux(source: Path, path: Path, start: int, **muxer: str) -> Path:
    """Copy packets from number `start` on, without regard to key frames."""
    with av.open(str(source)) as old, av.open(str(path), "w", options=muxer) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for number, packet in enumerate(old.demux(video=0)):
            if packet.dts is not None and number >= start:
                packet.stream = stream
                new.mux(packet)
    return path


def plain_decode(path: Path) -> Iterator[av.VideoFrame]:
    """Decode from the first to the last frame, as a player does."""
    with av.open(str(path)) as container:
        yield from container.decode(video=0)


def bframes(folder: Path) -> Path:
    return encode(folder / "bframes.mp4", n=80, g="20", bf="3", crf="20")


def long_gop(folder: Path) -> Path:
    return encode(folder / "long.mp4", n=110, g="250", bf="2", crf="20", sc_threshold="0")


def open_gop(folder: Path) -> Path:
    return encode(
        folder / "open.mp4", n=80, g="12", x264_params="open-gop=1:bframes=3", crf="20"
    )


def intra_refresh(folder: Path) -> Path:
    return encode(
        folder / "refresh.mkv", n=60, x264_params="intra-refresh=1:keyint=15", crf="20"
    )


def variable_rate(folder: Path) -> Path:
    steps = np.cumsum(np.random.default_rng(0).integers(1, 9, 80))
    return encode(folder / "vfr.mp4", n=80, pts=lambda i: int(steps[i]), g="16", bf="2")


def late_start(folder: Path) -> Path:
    return encode(folder / "late.mp4", n=60, pts=lambda i: i + 45, g="15", bf="2")


def edit_list(folder: Path) -> Path:
    """The first 10 frames lie before time 0: the edit list hides them."""
    no_shift = {"avoid_negative_ts": "disabled", "use_editlist": "1"}
    return encode(
        folder / "edit.mp4", n=70, pts=lambda i: i - 10, muxer=no_shift, g="25", bf="2"
    )


def transport_stream(folder: Path) -> Path:
    return encode(folder / "stream.ts", n=80, g="12", x264_params="open-gop=1:bframes=3")


def cut_mp4(folder: Path) -> Path:
    return remux(bframes(folder), folder / "cut.mp4", 27)


def cut_mkv(folder: Path) -> Path:
    return remux(open_gop(folder), folder / "cut.mkv", 30)


def cut_ts(folder: Path) -> Path:
    return remux(transport_stream(folder), folder / "cut.ts", 31)


def motion_jpeg(folder: Path) -> Path:
    return encode(folder / "jpeg.avi", n=50, codec="mjpeg", pix_fmt="yuvj420p", qscale="3")


def mpeg4(folder: Path) -> Path:
    return encode(folder / "mpeg4.avi", n=60, codec="mpeg4", g="12", b="2M")


def mpeg4_bframes(folder: Path) -> Path:
    return encode(folder / "mpeg4b.avi", n=60, codec="mpeg4", g="12", bf="2", b="2M")


def x264_avi(folder: Path) -> Path:
    return encode(folder / "x264.avi", n=60, g="12", bf="2", crf="20")


def mpeg2(folder: Path) -> Path:
    return encode(folder / "mpeg2.mpg", n=60, codec="mpeg2video", g="12", bf="2", b="2M")


def hevc(folder: Path) -> Path:
    quiet = "log-level=none:keyint=16:bframes=3:pools=none:frame-threads=1"
    return encode(folder / "hevc.mp4", n=60, codec="libx265", x265_params=quiet, preset="fast")


def vp8(folder: Path) -> Path:
    return encode(
        folder / "vp8.webm",
        n=60,
        codec="libvpx",
        g="20",
        b="1M",
        deadline="realtime",
        auto_alt_ref="1",
        lag_in_frames="16",
    )


def vp9(folder: Path) -> Path:
    return encode(folder / "vp9.webm", n=50, codec="libvpx-vp9", g="20", b="1M", cpu_used="8")


def ten_bit(folder: Path) -> Path:
    return encode(folder / "ten.mp4", n=50, pix_fmt="yuv420p10le", g="12", bf="2")


def grey(folder: Path) -> Path:
    return encode(folder / "grey.mp4", n=50, pix_fmt="gray", g="12", bf="2")


def odd_size(folder: Path) -> Path:
    return encode(folder / "odd.mp4", n=50, pix_fmt="yuv444p", size=(97, 63), g="12", bf="2")


def odd_jpeg(folder: Path) -> Path:
    return encode(folder / "oddj.avi", n=40, codec="mjpeg", pix_fmt="yuvj420p", size=(97, 63))


def full_chroma(folder: Path) -> Path:
    return encode(folder / "444.mp4", n=60, pix_fmt="yuv444p", g="15", bf="2")


def lossless_rgb(folder: Path) -> Path:
    return encode(folder / "ffv1.mkv", n=40, codec="ffv1", pix_fmt="bgr0", g="1")


KINDS = [
    bframes,
    long_gop,
    open_gop,
    intra_refresh,
    variable_rate,
    late_start,
    edit_list,
    transport_stream,
    cut_mp4,
    cut_mkv,
    cut_ts,
    motion_jpeg,
    mpeg4,
    mpeg4_bframes,
    x264_avi,
    mpeg2,
    hevc,
    vp8,
    vp9,
    ten_bit,
    grey,
    odd_size,
    odd_jpeg,
    full_chroma,
    lossless_rgb,
]
