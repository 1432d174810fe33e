"""Pictures as files and arrays hold them, to frames: 8 bits, one or three channels.

16-bit values v become round(v / 257), so that 65535 becomes 255; recordings of fewer bits in
16-bit files therefore look dark, as they do in other viewers. Grey is 0.299 R + 0.587 G +
0.114 B; an opacity channel is dropped; the turn in EXIF notes is not applied.
"""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Shaped, UInt8

from gambol.core.errors import InputError

_WHOLE = {  # a file that begins so is whole only if its end mark follows its last data mark
    b"\xff\xd8": (b"\xff\xda", b"\xff\xd9"),
    b"\x89PNG": (b"IDAT", b"IEND"),
}


def as_frame(picture: np.ndarray, grey: bool, name: str) -> UInt8[np.ndarray, "H W C"]:
    """Bring a picture (H, W) or (H, W, C) with channels R, G, B(, A) to the frame's form.

    >>> as_frame(np.array([[0, 65535, 257]], dtype=np.uint16), True, "a.tif")[..., 0].tolist()
    [[0, 255, 1]]
    """
    picture = _eight_bits(as_stored(picture, name), name)
    if grey and picture.shape[2] == 3:
        picture = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)[..., None]
    if not grey and picture.shape[2] == 1:
        picture = np.repeat(picture, 3, axis=2)
    return picture


def as_stored(picture: np.ndarray, name: str) -> Shaped[np.ndarray, "H W C"]:
    """Give a picture one or three channels and leave its values as they are.

    >>> as_stored(np.array([[0, 65535, 257]], dtype=np.uint16), "a.tif")[..., 0].tolist()
    [[0, 65535, 257]]
    """
    if picture.ndim == 2:
        picture = picture[..., None]
    if picture.ndim != 3 or picture.shape[2] not in (1, 2, 3, 4):
        raise InputError(f"{name} has pictures of shape {picture.shape}; give grey or RGB ones")
    picture = picture.astype(picture.dtype.newbyteorder("="), copy=False)
    return picture[..., :-1] if picture.shape[2] in (2, 4) else picture


def decode_picture(data: bytes, swapped: bool = False) -> np.ndarray | None:
    """Decode a PNG, JPEG, BMP or TIFF file; None if it is damaged or cut short.

    Args:
        data: the bytes of the file.
        swapped: red and blue were exchanged when the file was written.
    """
    for magic, (body, end) in _WHOLE.items():
        if data.startswith(magic) and data.rfind(end) < data.rfind(body):
            return None
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if picture is None or picture.ndim == 2 or swapped:
        return picture
    order = cv2.COLOR_BGRA2RGBA if picture.shape[2] == 4 else cv2.COLOR_BGR2RGB
    return cv2.cvtColor(picture, order)


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file, or say why not."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; check the path") from error


def _eight_bits(picture: np.ndarray, name: str) -> UInt8[np.ndarray, "H W C"]:
    if picture.dtype == np.uint8:
        return picture
    if picture.dtype == bool:
        return picture.astype(np.uint8) * np.uint8(255)
    if picture.dtype == np.uint16:
        return ((picture.astype(np.uint32) + 128) // 257).astype(np.uint8)
    raise InputError(
        f"{name} holds {picture.dtype} pictures; gambol reads 8- and 16-bit ones, convert it"
    )
