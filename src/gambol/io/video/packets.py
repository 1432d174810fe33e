"""Coded pictures as the file holds them, a group at a time, for players that decode themselves.

A group is what lies between two key frames. A player can be trusted with it only if it shows
consecutive frames and needs nothing from its neighbours, so files with open groups, hidden
pictures or damage are refused as a whole.

Sources of the names of codecs: RFC 6381, 3.3 (H.264); VP Codec ISO Media File Format Binding
1.0; AV1 Codec ISO Media File Format Binding 1.2, section 5.
"""

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from av.video.codeccontext import VideoCodecContext
from jaxtyping import Int64

from gambol.core.errors import InputError
from gambol.io.video.convert import Orientation
from gambol.io.video.damage import DamagedFrame
from gambol.io.video.decoder import Decoder
from gambol.io.video.demux import open_source
from gambol.io.video.table import FrameTable

LONGEST: Final = 600  # frames of a group: a player begins at its first
_HEAVIEST: Final = 32 << 20  # bytes of a group
_START: Final = b"\x00\x00\x01"  # before each unit of an H.264 byte stream
_PARAMETERS, _WHOLE = (
    7,
    5,
)  # kinds of units: what a decoder must have first; a picture on its own


class Refused(InputError):
    """A video whose packets no player can be trusted with."""


class Coding(NamedTuple):
    """What a player must know before the first packet."""

    codec: str  # as browsers name it, avc1.42c00d
    description: bytes  # an AVCDecoderConfigurationRecord; b"": none, all is in the packets
    size: tuple[int, int]  # width and height as coded
    orientation: Orientation  # to be applied to what is decoded


class Coded(NamedTuple):
    """A packet, and the frame that it presents."""

    frame: int
    data: bytes


class Packets:
    """The groups of a file. Not for use by two threads at once."""

    def __init__(self, path: Path, table: FrameTable) -> None:
        """Look at a file.

        Raises:
            Refused: players cannot be trusted with it, with the reason.
        """
        self._path, self._table = path, table
        self._keys = np.flatnonzero(table.key)
        self.starts = self._first_frames()
        self._head = b""
        self.coding = self._coding()
        self._decoder: Decoder | None = None

    def group(self, number: int) -> list[Coded]:
        """Return the packets of a group in decoding order.

        Raises:
            DamagedFrame: the file does not hold them any more.
            Refused: the group is too heavy, or does not begin with a whole picture.
        """
        self._decoder = self._decoder or Decoder(self._path, self._table)
        found: list[Coded] = []
        heavy = 0
        for packet_number, packet in self._decoder.coded(number):
            rank = int(self._table.rank[packet_number])
            if packet.is_corrupt:
                raise DamagedFrame(str(self._path), rank)
            data = bytes(packet)
            if not found and not (packet.is_keyframe and self._begins(data)):
                raise self._refusal("a group of pictures does not begin with a whole one")
            heavy += len(data)
            if heavy > _HEAVIEST:
                raise self._refusal(f"a group of pictures holds more than {_HEAVIEST} bytes")
            if not found and self._head and _unit(data, _PARAMETERS) is None:
                data = self._head + data
            found.append(Coded(rank, data))
        if len(found) != np.diff([*self.starts, len(self._table.times)])[number]:
            raise DamagedFrame(str(self._path), int(self.starts[number]))
        return found

    def close(self) -> None:
        """Close the file."""
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None

    def _first_frames(self) -> Int64[np.ndarray, " G"]:
        """Return the first frame of every group, if all of them are whole."""
        rank = self._table.rank
        if self._table.broken.any() or (rank < 0).any():
            raise self._refusal("it holds damaged or hidden pictures")
        starts = rank[self._keys]
        counts = np.diff([*self._keys, len(rank)])
        if counts.max() > LONGEST:
            raise self._refusal(f"{counts.max()} frames hang on one key frame")
        lowest = np.minimum.reduceat(rank, self._keys)
        highest = np.maximum.reduceat(rank, self._keys)
        whole = (lowest == starts) & (highest == starts + counts - 1)
        if not whole.all() or (np.diff(starts) <= 0).any():
            raise self._refusal("its groups of pictures lean on their neighbours")
        return starts

    def _coding(self) -> Coding:
        source = open_source(self._path)
        with source.container:
            context = source.stream.codec_context
            extra = bytes(context.extradata or b"")
            codec = _codec_name(context, extra)
            if context.name == "h264" and codec and extra[:1] != b"\x01":
                self._head, extra = extra, b""
        if codec is None:
            raise self._refusal(f"browsers are not trusted with {context.name}")
        described = extra if codec.startswith("avc1") else b""
        return Coding(codec, described, self._table.coded_size, self._table.orientation)

    def _begins(self, data: bytes) -> bool:
        """Tell whether decoding may begin at a key packet; H.264 also has keys that fade in."""
        if not self.coding.codec.startswith("avc1"):
            return True
        if not self.coding.description:
            return _unit(data, _WHOLE) is not None
        width, at = (self.coding.description[4] & 3) + 1, 0
        while at + width < len(data):  # units after their lengths
            if data[at + width] & 31 == _WHOLE:
                return True
            at += width + int.from_bytes(data[at : at + width], "big")
        return False

    def _refusal(self, reason: str) -> Refused:
        return Refused(f"{self._path.name} is played as pictures: {reason}")


def _codec_name(context: VideoCodecContext, extra: bytes) -> str | None:
    """Return how browsers name a codec; None for those that they have not everywhere."""
    parts = context.format.components if context.format is not None else ()
    depth = max((part.bits for part in parts), default=8)
    if context.name == "h264":
        facts = extra[1:4] if extra[:1] == b"\x01" else _unit(extra, _PARAMETERS)
        return f"avc1.{facts[:3].hex()}" if facts and len(facts) >= 3 else None
    if context.name == "vp9":
        number = str(context.profile or "0").rpartition(" ")[2]
        return f"vp09.{int(number):02d}.10.{depth:02d}" if number.isdecimal() else None
    if context.name in ("av1", "libdav1d") and len(extra) >= 4:
        profile, level, tier = extra[1] >> 5, extra[1] & 31, "MH"[extra[2] >> 7]
        return f"av01.{profile}.{level:02d}{tier}.{depth:02d}"
    return None


def _unit(data: bytes, kind: int) -> bytes | None:
    """Return what follows the head of the first unit of a kind in an H.264 byte stream.

    >>> _unit(bytes([0, 0, 1, 9, 16, 0, 0, 1, 0x67, 77, 64, 13]), 7).hex()
    '4d400d'
    """
    at = data.find(_START)
    while at >= 0 and at + 3 < len(data):
        if data[at + 3] & 31 == kind:
            return data[at + 4 : at + 64]
        at = data.find(_START, at + 3)
    return None
