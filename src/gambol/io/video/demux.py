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

# formats that hold their pictures: playlists, scripts, patterns of names and descriptions of
# streams name other files or computers, which FFmpeg would open without a word, whatever the
# name of the file that names them
FORMATS = (
    "apng", "asf", "avi", "cine", "dhav", "dv", "flic", "flv", "gif", "gxf", "h261", "h263",
    "h264", "hevc", "ivf", "m4v", "matroska", "mjpeg", "mjpeg_2000", "mov", "mpeg", "mpegts",
    "mpegvideo", "mxf", "nut", "obu", "ogg", "rm", "ser", "vc1", "wtv", "yuv4mpegpipe",
)  # fmt: skip
_CLOSED = {  # also for what is opened on behalf of the file
    "protocol_whitelist": "file",
    "format_whitelist": ",".join(FORMATS),
    "enable_drefs": "0",  # of MOV: tracks that lie in other files
}
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
    lost: Bool[np.ndarray, " P"]  # known from the index only
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
        container = av.open(str(path), metadata_errors="ignore", options=dict(_CLOSED))
    except (av.error.FFmpegError, OSError) as error:
        raise unreadable(str(path), _reason(error)) from error
    streams = container.streams.video
    # a codec that is not built in has no context
    if not streams or streams[0].codec_context is None:
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
    source = open_source(path)
    with source.container:
        codec, kind = source.stream.codec_context.name, source.container.format.name
        index = _avi_index(source.stream) if kind == "avi" else []
        rows, cut = _rows(source, path.stat().st_size)
        if not rows:
            raise unreadable(str(path), "no picture data was found")
        if len(index) > len(rows):
            rows = _with_lost(rows, index)
        missing = max(_missing(source, len(rows), len(index)), int(cut))
        base = float(source.stream.time_base or 0)
        rate = float(source.stream.average_rate or source.stream.guessed_rate or 30)
    columns = zip(*rows, strict=True)
    pts, dts, pos = (np.array(next(columns), dtype=np.int64) for _ in range(3))
    key, discard, lost = (np.array(next(columns), dtype=bool) for _ in range(3))
    return Contents(pts, dts, pos, key, discard, lost, missing, base, rate, kind, codec)


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


def decode_all(path: Path, positions: Int64[np.ndarray, " P"]) -> Decoded:
    """Decode everything: each frame carries the number of its packet.

    Args:
        path: the file.
        positions: byte positions of the packets; where they repeat, packets are counted.
    """
    by_position = {int(pos): number for number, pos in enumerate(positions)}
    counted = len(by_position) < len(positions)
    order: list[int] = []
    failed: list[int] = []
    source = open_source(path)
    with source.container:
        for count, packet in enumerate(packets_of(source)):
            number = count if counted else by_position.get(packet.pos or 0, len(positions))
            if packet.size:
                packet.pts = number  # comes back with the frame
            try:
                frames = source.stream.codec_context.decode(packet)
            except av.error.FFmpegError:
                frames = []
                failed.append(number)
            order += [frame.pts for frame in frames if frame.pts is not None]
    return Decoded(list(dict.fromkeys(order)), failed)


class _Row(NamedTuple):
    """One packet of `Contents`."""

    pts: int
    dts: int
    pos: int
    key: bool
    discard: bool
    lost: bool = False


def _rows(source: Source, size: int) -> tuple[list[_Row], bool]:
    """Return a row a packet, and whether the file of `size` bytes ends within the last."""
    rows, end, cut = [], 0, False
    for packet in packets_of(source):
        if packet.size:
            pts, dts = (NO_TIME if t is None else t for t in (packet.pts, packet.dts))
            pos = -1 if packet.pos is None else packet.pos
            rows.append(_Row(pts, dts, pos, packet.is_keyframe, packet.is_discard))
            end, cut = max(end, pos + packet.size), packet.is_corrupt
    cut = cut and end >= size
    if source.container.format.name == "mpegts":  # made of blocks of one of these sizes
        cut = all(size % block for block in (188, 192, 204))
    return rows[: len(rows) - cut], cut


def _missing(source: Source, found: int, indexed: int) -> int:
    """Return how many packets the header promises beyond those found.

    A whole AVI file ends with an index; where there is one, a larger promise is an error.
    """
    name, stream = source.container.format.name, source.stream
    if "mp4" in name:  # its index, without what an edit list makes superfluous
        return max(len(stream.index_entries) - found, 0)
    if name == "avi" and indexed < found:
        return max(stream.frames - found, 0)
    return 0


def _avi_index(stream: VideoStream) -> list[_Row]:
    """Return what the index at the end of an AVI file tells, before reading adds to it."""
    return [  # an entry points to the header of 8 bytes before the data
        _Row(entry.timestamp, entry.timestamp, entry.pos + 8, entry.is_keyframe, False)
        for entry in stream.index_entries
    ]


def _with_lost(rows: list[_Row], index: list[_Row]) -> list[_Row]:
    """Add packets that the index knows and that could not be found, as lost.

    Their place keeps the numbers of later frames right.
    """
    found = {row.pos for row in rows}
    if not found & {row.pos for row in index}:
        return rows
    return [row._replace(lost=row.pos not in found) for row in index]


def _reason(error: Exception) -> str:
    if isinstance(error, av.error.InvalidDataError):
        return "it is damaged or of no known video format"
    if isinstance(error, av.error.ArgumentError):  # what FFmpeg says of other formats
        return "it refers to other files, or is of no known video format"
    return (getattr(error, "strerror", None) or str(error)).lower()
