"""Videos of all kinds, read exactly and ahead of time, and written."""

from gambol.io.video.ahead import Chunk, read_ahead
from gambol.io.video.convert import GREY
from gambol.io.video.damage import DamagedFrame
from gambol.io.video.images import ImageVideo
from gambol.io.video.open import fingerprint, is_video, open_video
from gambol.io.video.write import VideoWriter

__all__ = [
    "GREY",
    "Chunk",
    "DamagedFrame",
    "ImageVideo",
    "VideoWriter",
    "fingerprint",
    "is_video",
    "open_video",
    "read_ahead",
]
