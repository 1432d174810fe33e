"""Coded packets of a group of pictures, as bytes that a page reads.

All numbers are little-endian. `/packets` is the first frame of every group, uint32 each.
`/packets/{gop}` is

    uint32   bytes of the head
    head     JSON: codec, description (base64, "" for none), width, height as coded, and what
             to do with a decoded picture: first swap x and y, then mirror_x, mirror_y
    then for every packet, in decoding order
    int32    index of the frame that it presents, its timestamp
    uint32   bytes of the packet
    bytes    the packet

The index counts the presentation times of the file, as everywhere; nothing depends on a rate.
"""

import base64
import json
import struct

from gambol.app.web.answers import missing
from gambol.core.video import Video
from gambol.io.video.container import FileVideo
from gambol.io.video.packets import Packets, Refused


def starts(video: Video) -> bytes:
    """Return the first frame of every group.

    Raises:
        Refused: the video is played as pictures.
    """
    return _held(video).starts.astype("<u4").tobytes()


def group(video: Video, number: int) -> bytes:
    """Return a group in the layout above.

    Raises:
        Refused: the video is played as pictures.
        Fail: 404 for a group that is not there.
        DamagedFrame: the file does not hold it any more.
    """
    held = _held(video)
    if not 0 <= number < len(held.starts):
        raise missing(f"group {number} of this video's pictures")
    coding = held.coding
    turn = coding.orientation
    head = {
        "codec": coding.codec,
        "description": base64.b64encode(coding.description).decode(),
        "width": coding.size[0],
        "height": coding.size[1],
        "swap": turn.swap,
        "mirror_x": turn.mirror_x,
        "mirror_y": turn.mirror_y,
    }
    said = json.dumps(head).encode()
    parts = [struct.pack("<I", len(said)), said]
    for one in held.group(number):
        parts += [struct.pack("<iI", one.frame, len(one.data)), one.data]
    return b"".join(parts)


def _held(video: Video) -> Packets:
    if not isinstance(video, FileVideo):
        raise Refused("images are played as pictures: they have no packets")
    return video.packets()
