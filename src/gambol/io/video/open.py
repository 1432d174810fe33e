"""Open anything that shows frames by what it is: film, folder of images, stack, HDF5."""

import hashlib
from pathlib import Path

from gambol.core.errors import InputError
from gambol.core.video import Video
from gambol.io.video import images
from gambol.io.video.container import FileVideo
from gambol.io.video.damage import unreadable
from gambol.io.video.demux import open_source
from gambol.io.video.embedded import EmbeddedVideo
from gambol.io.video.tiff import TiffVideo

_HDF5 = (b"\x89HDF\r\n\x1a\n",)
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_PICTURE = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_MIB = 1 << 20


def open_video(
    ref: str | Path, grey: bool = False, fps: float | None = None, look_back: bool = False
) -> Video:
    """Open a video file, a folder of images, a TIFF stack or images in an HDF5 file.

    Args:
        ref: a path; `file.h5::images` or `file.pkg.slp::video0` for images in HDF5 files.
        grey: frames have one channel instead of three (RGB).
        fps: frames a second, in place of what the file says; 30 where files say nothing.
        look_back: stepping back shall be as quick as stepping on; matters for video files.

    Raises:
        InputError: if nothing can be shown, with the reason.
    """
    if fps is not None and not 0 < fps < 1e6:
        raise InputError(f"{ref}: {fps} frames a second is no rate; give a positive number")
    path, dataset = split_ref(ref)
    rate = 30.0 if fps is None else fps
    if path.is_dir():
        return images.ImageVideo.from_folder(path, grey, rate)
    head = _head(path)
    if head.startswith(_HDF5) or dataset is not None:
        return EmbeddedVideo(path, dataset, grey, rate)
    if head.startswith(_TIFF):
        return TiffVideo(path, grey, rate)
    if head.startswith(_PICTURE) or (head.startswith(b"BM") and images.is_image(path)):
        return images.ImageVideo([path], grey, rate)
    return FileVideo(path, grey, fps, look_back)


def split_ref(ref: str | Path) -> tuple[Path, str | None]:
    """Split a reference into its path and the data set inside.

    >>> split_ref("a/b.h5::images")[1], split_ref("a/b.mp4")[1]
    ('images', None)
    """
    text = str(ref)
    if "::" in text and not Path(text).exists():
        path, dataset = text.rsplit("::", 1)
        return Path(path), dataset
    return Path(text), None


def is_video(path: str | Path) -> bool:
    """Tell whether `open_video` could show something, by a look at the file alone."""
    place, dataset = split_ref(path)
    try:
        if place.is_dir():
            return bool(images.images_in(place))
        head = _head(place)
        if head.startswith(_HDF5):
            EmbeddedVideo(place, dataset).close()
        elif not head.startswith(_TIFF + _PICTURE):
            open_source(place).container.close()
    except InputError:
        return False
    return True


def fingerprint(ref: str | Path) -> str:
    """Return a hash of the content that is quick for large files.

    It covers the size and the first, middle and last MiB of a file; of a folder of images
    their names and sizes and the first and last image. Copies and renamed files have one
    fingerprint; so have all data sets of an HDF5 file, told apart by what follows `::`.
    """
    path, dataset = split_ref(ref)
    digest = hashlib.sha256()
    if path.is_dir():
        files = images.images_in(path)
        for file in files:
            digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        for file in (files[0], files[-1]):
            digest.update(_sample(file))
    else:
        digest.update(_sample(path))
    if dataset is not None:
        digest.update(f"::{dataset}".encode())
    return digest.hexdigest()


def _sample(path: Path) -> bytes:
    _head(path)  # says what is wrong, if anything is
    size = path.stat().st_size
    parts = [str(size).encode(), b"\0"]
    with path.open("rb") as file:
        if size <= 3 * _MIB:
            parts.append(file.read())
        else:
            for start in (0, size // 2 - _MIB // 2, size - _MIB):
                file.seek(start)
                parts.append(file.read(_MIB))
    return b"".join(parts)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; check the path") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; check the path") from error
    if not head:
        raise unreadable(str(path), "the file is empty")
    return head
