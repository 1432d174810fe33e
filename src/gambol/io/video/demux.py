"""Packets of a video file: opening, walking through and decoding them without surprises."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import Bool, Int64

from gambol.core.errors import InputError
from gambol.io.video.damage import unreadable

if TYPE_CHECKING:
    VideoPacket = Packet[VideoStream]
else:  # not subscriptable when it runs
    VideoPacket = Packet

NO_TIME = int(np.iinfo(np.int64).min)  # a time that the file does not give


class Source(NamedTuple):
    """A container opened for decoding its first video stream."""

    container: InputContainer
    stream: VideoStream


class Contents(NamedTuple):
    """What demuxing tells of a file's P packets, in file order."""

    pts: Int64[np.ndarray, " P"]  # presentation times in units of `base`, or NO_TIME
    dts: Int64[np.ndarray, " P"]  # decoding times
    pos: Int64[np.ndarray, " P"]  # byte positions
    key: Bool[np.ndarray, " P"]  # decoding may begin here
    discard: Bool[np.ndarray, " P"]  # an edit list hides the picture
    missing: int  # packets that the header promises and the file lacks
    base: float  # s
    rate: float  # frames a second, by the header
    format: str
    codec: str


def open_source(path: Path) -> Source:
    """Open a video file, or say in one sentence why it is none."""
    if not path.exists():
        raise InputError(f"{path} does not exist; check the path")
    if path.is_file() and path.stat().st_size == 0:
        raise unreadable(str(path), "the file is empty")
    try:
        container = av.open(str(path), metadata_errors="ignore")
    except (av.error.FFmpegError, OSError) as error:
        raise unreadable(str(path), _reason(error)) from error
    streams = container.streams.video
    # a codec that is not built in has no context; ffmpeg "plays" any text as tty
    if not streams or streams[0].codec_context is None or container.format.name == "tty":
        container.close()
        raise unreadable(str(path), "it holds no video that can be decoded")
    stream = streams[0]
    stream.thread_type = "NONE"  # an error then belongs to the packet that raised it
    stream.codec_context.thread_count = 1
    if stream.codec_context.name == "mjpeg":  # else it fills what it cannot read with grey
        stream.codec_context.options = {"err_detect": "explode"}
    return Source(container, stream)


def packets_of(source: Source) -> Iterator[VideoPacket]:
    """Yield packets until the file ends or cannot be read on; the last is empty at the end."""
    packets = source.container.demux(source.stream)
    while True:
        try:
            yield next(packets)
        except (StopIteration, av.error.FFmpegError, OSError):
            return


def decoded_leniently(codec: VideoCodecContext, packet: VideoPacket | None) -> list[VideoFrame]:
    """Decode a packet, or flush with None; a packet that fails gives no frame."""
    try:
        return codec.decode(packet)
    except av.error.FFmpegError:
        return []


def contents(path: Path) -> Contents:
    """Read all packets without decoding them."""
    rows: list[tuple[int, int, int, bool, bool]] = []
    end, cut = 0, False
    source = open_source(path)
    with source.container:
        for packet in packets_of(source):
            if packet.size:
                rows.append(_row(packet))
                end = max(end, rows[-1][2] + packet.size)
                cut = packet.is_corrupt
        size = path.stat().st_size
        if cut and end >= size:  # the file ends within its last packet
            rows.pop()
        if not rows:
            raise unreadable(str(path), "no picture data was found")
        missing = _missing(source, len(rows), size - end)
        base = float(source.stream.time_base or 0)
        rate = float(source.stream.average_rate or source.stream.guessed_rate or 30)
        codec, kind = source.stream.codec_context.name, source.container.format.name
    pts, dts, pos, key, discard = zip(*rows, strict=True)
    return Contents(
        pts=np.array(pts, dtype=np.int64),
        dts=np.array(dts, dtype=np.int64),
        pos=np.array(pos, dtype=np.int64),
        key=np.array(key, dtype=bool),
        discard=np.array(discard, dtype=bool),
        missing=missing,
        base=base,
        rate=rate,
        format=kind,
        codec=codec,
    )


def first_frame(path: Path) -> VideoFrame:
    """Return the first frame that the decoder gives."""
    source = open_source(path)
    with source.container:
        for packet in packets_of(source):
            for frame in decoded_leniently(source.stream.codec_context, packet):
                return frame
    raise unreadable(str(path), "none of its frames can be decoded")


class Decoded(NamedTuple):
    """What decoding a whole file tells."""

    order: list[int]  # packet numbers of the frames, as shown
    failed: list[int]  # packets that raised an error


def decode_all(path: Path) -> Decoded:
    """Decode everything: each frame carries the number of its packet."""
    order: list[int] = []
    failed: list[int] = []
    source = open_source(path)
    with source.container:
        for number, packet in enumerate(packets_of(source)):
            if packet.size:
                packet.pts = number  # comes back with the frame
            try:
                frames = source.stream.codec_context.decode(packet)
            except av.error.FFmpegError:
                frames = []
                failed.append(number)
            order += [frame.pts for frame in frames if frame.pts is not None]
    return Decoded(list(dict.fromkeys(order)), failed)


def _row(packet: VideoPacket) -> tuple[int, int, int, bool, bool]:
    pts, dts = (NO_TIME if t is None else t for t in (packet.pts, packet.dts))
    pos = -1 if packet.pos is None else packet.pos
    return pts, dts, pos, packet.is_keyframe, packet.is_discard


def _missing(source: Source, found: int, bytes_left: int) -> int:
    """Return how many packets the header promises beyond those found."""
    name = source.container.format.name
    if "mp4" in name:  # the index, without what an edit list makes superfluous
        return max(len(source.stream.index_entries) - found, 0)
    if name == "avi" and bytes_left < 8:  # a whole AVI file ends with an index
        return max(source.stream.frames - found, 0)
    return 0


def _reason(error: Exception) -> str:
    if isinstance(error, av.error.InvalidDataError):
        return "it is damaged or of no known video format"
    return (getattr(error, "strerror", None) or str(error)).lower()
