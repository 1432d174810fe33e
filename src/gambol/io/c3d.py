"""C3D, the binary file of motion capture: named points over time, written with no analog data.

Blocks of 512 bytes: a header, parameters in groups, then for every frame and point x, y, z and
a residual as 32-bit floats (a negative scale says so); a residual of -1 is a missing point.
Source: The C3D File Format, A Technical User Guide (c3d.org).
"""

import struct
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

BLOCK = 512
INTEL = 84  # little-endian numbers, IEEE floats
_MARK = 80  # the second byte of headers of a C3D file
_MANY = 255  # entries of one parameter
_FRAMES = 65535  # that the header can count


class Points(NamedTuple):
    """What goes into a file."""

    xyz: Float[np.ndarray, "T M 3"]  # NaN where a point is missing
    labels: tuple[str, ...]  # M names
    rate: float  # frames a second
    units: str
    screen: tuple[str, str] | None  # axes to the right and up, such as +X and +Z


def encode(points: Points) -> bytes:
    """Return the bytes of a file."""
    start = 2 + len(_parameters(points, 0)) // BLOCK
    frames, count = points.xyz.shape[:2]
    last = min(frames, _FRAMES)
    numbers = (2, _MARK, count, 0, 1, last, 0, -1.0, start, 0, points.rate)
    header = struct.pack("<BBHHHHHfHHf", *numbers)
    missing = ~np.isfinite(points.xyz).all(axis=-1)
    data = np.zeros((frames, count, 4), "<f4")
    data[..., :3] = np.where(missing[..., None], 0.0, points.xyz)
    data[..., 3] = np.where(missing, -1.0, 0.0)
    return _filled(header) + _parameters(points, start) + _filled(data.tobytes())


def _parameters(points: Points, start: int) -> bytes:
    """Return the blocks of parameters; `start` is the block at which the points begin."""
    frames, count = points.xyz.shape[:2]
    point = [
        _number("USED", count),
        _float("SCALE", -1.0),
        _float("RATE", points.rate),
        _number("DATA_START", start),
        _number("FRAMES", min(frames, _FRAMES)),
        _float("LONG_FRAMES", frames),
        _texts("UNITS", (points.units,)),
    ]
    for first in range(0, max(count, 1), _MANY):
        part = points.labels[first : first + _MANY]
        ending = "" if first == 0 else str(1 + first // _MANY)
        point += [_texts(f"LABELS{ending}", part), _texts(f"DESCRIPTIONS{ending}", part)]
    if points.screen is not None:
        point += [_texts("X_SCREEN", points.screen[:1]), _texts("Y_SCREEN", points.screen[1:])]
    trial = [
        _numbers("ACTUAL_START_FIELD", (1, 0)),
        _numbers("ACTUAL_END_FIELD", (frames & 0xFFFF, frames >> 16)),
    ]
    none = [_number("USED", 0)]
    groups = {
        "POINT": point,
        "TRIAL": trial,
        "ANALOG": [*none, _float("RATE", 0.0), _float("GEN_SCALE", 1.0)],
        "FORCE_PLATFORM": none,
    }
    body = b""
    for number, (name, entries) in enumerate(groups.items(), start=1):
        body += _record(name, -number, b"")
        for key, value in entries:
            body += _record(key, number, value)
    body += b"\0\0"  # no further record
    blocks = -(-(4 + len(body)) // BLOCK)
    return _filled(struct.pack("<BBBB", 1, _MARK, blocks, INTEL) + body)


def _record(name: str, number: int, value: bytes) -> bytes:
    """Return a group (number below 0) or a parameter: name, way to the next, value, no text."""
    raw = name.encode("ascii")
    rest = value + b"\0"  # no description
    return struct.pack("<bb", len(raw), number) + raw + struct.pack("<h", 2 + len(rest)) + rest


def _number(name: str, value: int) -> tuple[str, bytes]:
    return name, struct.pack("<bBH", 2, 0, value)


def _numbers(name: str, values: tuple[int, ...]) -> tuple[str, bytes]:
    return name, struct.pack(f"<bBB{len(values)}H", 2, 1, len(values), *values)


def _float(name: str, value: float) -> tuple[str, bytes]:
    return name, struct.pack("<bBf", 4, 0, value)


def _texts(name: str, values: tuple[str, ...]) -> tuple[str, bytes]:
    """Return texts, all of the length of the longest."""
    raw = [value.encode("utf-8")[:_MANY] for value in values]
    width = max((len(one) for one in raw), default=0)
    body = b"".join(one.ljust(width) for one in raw)
    return name, struct.pack("<bBBB", -1, 2, width, len(raw)) + body


def _filled(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)
