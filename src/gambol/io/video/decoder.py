"""Frames of a video file in presentation order, from any key frame on, and only sound ones.

A decoder hands out frames as they are shown, which is later than they are decoded. A frame
that decodes without complaint may still be built on a damaged one that is shown after it, or
have lost its last bytes to damage that is noticed in the packet after it. So a frame is held
back until everything decoded before it and the packet after it have been seen. From one packet
before the first sign of damage to the next key frame nothing is handed out, and decoding
starts afresh there. Formats without checksums can hide damage that decodes to a picture;
that, no reader can see.
"""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.video.frame import VideoFrame

from gambol.io.video.demux import VideoPacket, decoded_leniently, open_source, packets_of
from gambol.io.video.table import FrameTable


class Shown(NamedTuple):
    """A frame and its number."""

    rank: int
    frame: VideoFrame


class Decoder:
    """One position in a file. Packets are known by their number in the frame table."""

    def __init__(self, path: Path, table: FrameTable) -> None:
        self.bad = np.zeros(len(table.times), dtype=bool)  # frames known to be unreadable
        self.bad[table.rank[table.broken & (table.rank >= 0)]] = True
        self._path = path
        self._table = table
        self._keys = np.flatnonzero(table.key)
        self._by_ident = np.argsort(table.ident, kind="stable")
        self._idents = table.ident[self._by_ident]
        shown = np.flatnonzero(table.rank >= 0)
        self._packet_of = shown[np.argsort(table.rank[shown])]  # frame -> packet
        # the last-shown frame among those decoded before, with or right after each frame
        seen = np.append(np.maximum.accumulate(table.rank)[1:], table.rank.max())
        self._horizon = seen[self._packet_of]
        self._ready: deque[Shown] = deque()
        self._open()

    def key_before(self, rank: int) -> int:
        """Return which key frame (0, 1, …) decoding begins at to reach a frame."""
        return int(np.searchsorted(self._keys, self._packet_of[rank], side="right")) - 1

    def reaches_soon(self, rank: int) -> bool:
        """Tell whether going on is as quick as starting at the nearest key frame."""
        start = self._keys[self.key_before(rank)]
        return bool(start <= self._at or rank - self._latest <= 16)

    def start(self, key: int) -> None:
        """Go to key frame number `key`; the next frames come from there on."""
        self._ready.clear()
        self._latest = -1
        self._knows_gaps = key <= 0
        self._go(key)

    def advance(self) -> Shown | None:
        """Return the next sound frame, None at the end of the file."""
        while not self._ready:
            if self._ended:
                return None
            packet = next(self._packets, None)
            if packet is None or not packet.size:
                self._take(decoded_leniently(self._codec, None))
                self._finish()
            elif (number := self._number_of(packet)) is not None:
                self._decode(packet, number)
        return self._ready.popleft()

    def coded(self, key: int) -> Iterator[tuple[int, VideoPacket]]:
        """Yield the packets from one key frame to the next with their numbers, undecoded."""
        self.start(key)
        self._primed = True
        keys = [*self._keys, len(self._table.rank)]
        for packet in self._packets:
            number = self._number_of(packet)
            if not packet.size or (number is not None and number >= keys[key + 1]):
                return
            if number is not None:
                yield number, packet

    def close(self) -> None:
        """Close the file."""
        self._source.container.close()

    def _open(self) -> None:
        self._source = open_source(self._path)
        self._codec = self._source.stream.codec_context
        self._packets: Iterator[VideoPacket] = packets_of(self._source)
        self._held: deque[Shown] = deque()
        self._latest = -1  # the last frame seen, sound or not
        self._knows_gaps = True  # a frame that fails to come after `_latest` is lost
        self._resumed = False  # the next frame is the first after damage
        self._skip_to = 0  # packets before this one are passed over
        self._at = -1  # the packet decoded last
        self._ended = False
        self._primed = False

    def _number_of(self, packet: VideoPacket) -> int | None:
        """Return the number of a packet to decode, None for one to pass over."""
        number = self._known(packet)
        return None if number is None or number < self._skip_to else number

    def _known(self, packet: VideoPacket) -> int | None:
        """Return the number of a packet, None for one that the table lacks."""
        ident = packet.pos if self._table.by_position else packet.pts
        sought = -1 if ident is None else ident
        place = int(self._idents.searchsorted(sought, side="right")) - 1
        if place < 0 or self._idents[place] != sought:
            return None
        return int(self._by_ident[place])

    def _decode(self, packet: VideoPacket, number: int) -> None:
        expected = self._at + 1
        self._at, self._skip_to = number, 0
        self._primed = True
        if number > expected or self._table.broken[number]:  # packets vanished, or known bad
            self._damaged(expected, [])
            return
        packet.pts = number  # comes back with the frame
        try:
            frames = self._codec.decode(packet)
        except av.error.FFmpegError:
            self._damaged(number, [])
        else:
            if packet.is_corrupt:
                self._damaged(number, frames)
            else:
                self._take(frames)

    def _take(self, frames: list[VideoFrame]) -> None:
        """Sort new frames into those to hold back and those that reveal damage."""
        for place, frame in enumerate(frames):
            number = -1 if frame.pts is None else frame.pts
            rank = int(self._table.rank[number]) if number >= 0 else -1
            if rank <= self._latest:
                continue
            lost = slice(self._latest + 1 if self._knows_gaps else rank, rank)
            if self._resumed:
                self.bad[lost] = True
            elif lost.start < rank:
                self._damaged(int(self._packet_of[lost].min()), frames[place:])
                return
            if frame.is_corrupt:
                self._damaged(number, frames[place + 1 :])
                return
            self._latest, self._knows_gaps, self._resumed = rank, True, False
            self._held.append(Shown(rank, frame))
        self._release()

    def _release(self) -> None:
        while self._held and self._horizon[self._held[0].rank] <= self._latest:
            self._ready.append(self._held.popleft())

    def _damaged(self, number: int, rest: list[VideoFrame]) -> None:
        """Give up the packets from `number` to the next key frame and go on from there."""
        rest = rest + decoded_leniently(self._codec, None)
        number = max(number - 1, 0)  # damage seldom begins where it is first noticed
        number = min([number, *(f.pts for f in rest if f.is_corrupt and f.pts is not None)])
        sound = {
            int(self._table.rank[f.pts]): f
            for f in rest
            if f.pts is not None and f.pts < number and self._table.rank[f.pts] > self._latest
        }
        self._held.extend(Shown(rank, frame) for rank, frame in sorted(sound.items()))
        kept = [s for s in self._held if self._packet_of[s.rank] < number]
        following = int(np.searchsorted(self._keys, number + 1, side="right"))
        stop = self._keys[following] if following < len(self._keys) else len(self._table.rank)
        lost = self._table.rank[number:stop]
        self.bad[lost[lost >= 0]] = True
        self._held.clear()
        self._ready.extend(kept)
        self._latest = max([self._latest, *sound])
        self._resumed = True
        if following < len(self._keys):
            self._go(following)
        else:
            self._ended = True

    def _finish(self) -> None:
        """Hand out what was held back; what never came is lost."""
        if self._ended:
            return
        self._ready.extend(self._held)
        self._held.clear()
        if self._knows_gaps:
            self.bad[self._latest + 1 :] = True
        self._ended = True

    def _go(self, key: int) -> None:
        """Make key frame number `key` the next packet that is decoded, exactly."""
        if not self._primed:  # some streams keep facts in their first packet only
            first = next(self._packets, None)
            if first is not None and first.size:
                decoded_leniently(self._codec, first)
        goal = int(self._keys[key])
        state = self._latest, self._knows_gaps, self._resumed, self._ready
        back = 0
        while key - back > 0 and not self._land(int(self._keys[key - back]), goal):
            back = max(1, 2 * back)
        if key - back <= 0:
            self._source.container.close()
            self._open()
        self._latest, self._knows_gaps, self._resumed, self._ready = state
        self._held.clear()
        self._ended, self._skip_to, self._at = False, goal, goal - 1

    def _land(self, near: int, goal: int) -> bool:
        """Seek to the packet `near` and tell whether `goal` is still ahead."""
        try:
            stream, time = self._source.stream, int(self._table.target[near])
            self._source.container.seek(time, stream=stream, backward=True)
        except (av.error.FFmpegError, OSError):
            return False
        packets = packets_of(self._source)
        for packet in packets:
            if (number := self._known(packet)) is not None:
                self._packets = _chain(packet, packets)
                return number <= goal
            if not packet.size:
                break
        return False


def _chain(first: VideoPacket, rest: Iterator[VideoPacket]) -> Iterator[VideoPacket]:
    yield first
    yield from rest
