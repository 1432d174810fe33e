"""Video files, exactly: frame i is the same array however it is reached.

Frames are found by the time at which they are shown, never by index / fps. A wanted frame is
decoded from the key frame before it; when the first frame that comes out lies after the
wanted one (open groups of pictures, cuts), decoding begins 1, 2, 4 … key frames earlier and
in the end at the start of the file.
"""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from av.video.frame import VideoFrame
from jaxtyping import Bool, Float, Shaped, UInt8

from gambol.io.video import tiles
from gambol.io.video.convert import Converter
from gambol.io.video.damage import DamagedFrame, ends_early, has_holes
from gambol.io.video.decoder import Decoder
from gambol.io.video.indices import checked
from gambol.io.video.packets import Packets
from gambol.io.video.table import frame_table

_ON_THE_WAY = 64 << 20  # bytes of decoded frames kept after a jump, for the steps back
_STREAMING = 8  # frames kept while reading on: more would cost speed


class FileVideo:
    """A video file. Not for use by two threads at once; open it twice instead."""

    def __init__(
        self,
        path: Path,
        grey: bool = False,
        fps: float | None = None,
        look_back: bool = False,
    ) -> None:
        """Open a file.

        Args:
            path: the file.
            grey: frames have one channel, `convert.GREY`, instead of three (RGB).
            fps: overrides rate and times of the file, for recordings with wrong time stamps.
            look_back: keep as many frames while reading on as after a jump, for people, who
                step back; costs speed and up to 64 MiB.
        """
        table = frame_table(path)
        self.path = path
        self._missing = table.missing
        self._fps = table.fps if fps is None else fps
        self._times = table.times if fps is None else np.arange(len(table.times)) / fps
        width, height = table.coded_size
        self._size = (height, width) if table.orientation.swap else (width, height)
        self._coded_size = table.coded_size
        self._convert = Converter(grey, table.orientation)
        self._decoder = Decoder(path, table)
        self._packets: Packets | None = None
        self._next = 0  # the frame that the decoder gives next, if it is sound
        self._recent: OrderedDict[int, VideoFrame] = OrderedDict()
        self._after_jump = max(_STREAMING, _ON_THE_WAY // (width * height * 3))
        self._reading_on = self._after_jump if look_back else _STREAMING
        self._keep = self._reading_on

    def __len__(self) -> int:
        return len(self._times)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as displayed."""
        return self._size

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return self._convert.channels

    @property
    def fps(self) -> float:
        """Nominal frames a second."""
        return self._fps

    @property
    def times(self) -> Float[np.ndarray, " T"]:
        """Seconds since the first frame."""
        return self._times

    @property
    def damage(self) -> str | None:
        """A sentence on how much is readable, None while no damage is known.

        A file that ends early is known from the start, holes when frames near them are read;
        `survey` finds all.
        """
        if (bad := self._decoder.bad).any():
            first, total = int(bad.argmax()), len(self) + self._missing
            return has_holes(self.path.name, int(bad.sum()) + self._missing, total, first)
        if self._missing:
            return ends_early(self.path.name, len(self), self._missing)
        return None

    def read(self, indices: Sequence[int]) -> UInt8[np.ndarray, "B H W C"]:
        """Return frames by index, in the order asked for.

        Raises:
            DamagedFrame: for a frame that the file no longer holds faithfully.
            InputError: for an index outside the video.
        """
        wanted = checked(indices, len(self), str(self.path))
        width, height = self.size
        out = np.empty((len(wanted), height, width, self.channels), dtype=np.uint8)
        places: dict[int, list[int]] = {}
        for place, index in enumerate(wanted):
            places.setdefault(index, []).append(place)
        for index in sorted(places):
            first, *others = places[index]
            self._convert.into(self._frame(index), out[first])
            for place in others:
                out[place] = out[first]
        return out

    def tile(
        self, index: int, turn: Float[np.ndarray, "2 3"], side: int
    ) -> UInt8[np.ndarray, "S S 3"]:
        """Return a square cut out of a frame, without making all of it RGB.

        Args:
            index: of the frame.
            turn: pixel (x, y, 1) of the picture → pixel of the square.
            side: px of the square.

        Raises:
            DamagedFrame: for a frame that the file no longer holds faithfully.
        """
        (number,) = checked([index], len(self), str(self.path))
        frame = self._frame(number)
        found = tiles.tile_of(frame, self._convert.orientation, turn, side)
        if found is None:
            image = self.read([number])[0]
            whole = image if self.channels == 3 else np.repeat(image, 3, axis=2)
            found = tiles.tile(whole, turn, side)
        return found

    def native(self, index: int) -> Shaped[np.ndarray, "H W C"]:
        """Return a frame in its own depth: uint8, or uint16 over the full range for more bits.

        Raises:
            DamagedFrame: for a frame that the file no longer holds faithfully.
        """
        (number,) = checked([index], len(self), str(self.path))
        deep = self._convert.deep(self._frame(number))
        return self.read([number])[0] if deep is None else deep

    def packets(self) -> Packets:
        """Return the coded pictures, for players that decode themselves.

        Raises:
            Refused: players cannot be trusted with this file.
        """
        self._packets = self._packets or Packets(self.path, frame_table(self.path))
        return self._packets

    def survey(self) -> Bool[np.ndarray, " T"]:
        """Decode the whole file and return which frames are readable."""
        self._restart(0)
        while self._decoder.advance() is not None:
            pass
        self._restart(0)
        return ~self._decoder.bad

    def close(self) -> None:
        """Close the file."""
        self._recent.clear()
        self._decoder.close()
        if self._packets is not None:
            self._packets.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _frame(self, index: int) -> VideoFrame:
        if (frame := self._recent.get(index)) is not None:
            return frame
        if self._decoder.bad[index]:
            raise DamagedFrame(str(self.path), index)
        if self._next <= index and self._decoder.reaches_soon(index):
            self._keep = self._reading_on
            found = self._advance_to(index)
        else:
            found = False
        key, back = self._decoder.key_before(index), 0
        while not found and not self._decoder.bad[index] and key - back // 2 >= 0:
            self._restart(max(key - back, 0))
            found = self._advance_to(index)
            if key - back <= 0:
                break
            back = max(1, 2 * back)
        if not found:
            self._decoder.bad[index] = True
            raise DamagedFrame(str(self.path), index)
        return self._recent[index]

    def _restart(self, key: int) -> None:
        self._decoder.start(key)
        self._recent.clear()
        self._next = 0
        self._keep = self._after_jump

    def _advance_to(self, index: int) -> bool:
        """Decode up to a frame and tell whether it came."""
        while (shown := self._decoder.advance()) is not None:
            rank, frame = shown
            self._next = rank + 1
            if (frame.width, frame.height) == self._coded_size:
                self._recent[rank] = frame
            else:
                self._decoder.bad[rank] = True  # the picture changes size: another video
            while len(self._recent) > self._keep:
                self._recent.popitem(last=False)
            if rank >= index:
                return rank == index and index in self._recent
        self._next = len(self)
        return False
