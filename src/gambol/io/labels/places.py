"""Where the videos and images lie that a label file names, wherever it was written."""

import re
from collections.abc import Callable
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from gambol.core.errors import InputError
from gambol.io import fence
from gambol.io.video import images as pictures
from gambol.io.video.open import fingerprint, split_ref

VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".m4v", ".mpg", ".mpeg", ".wmv", ".webm", ".ts")


class Frames(NamedTuple):
    """What a list of images is to us: frames of videos."""

    videos: tuple[str, ...]
    video: Int[np.ndarray, " N"]  # index into videos
    frame: Int[np.ndarray, " N"]


def nobody(name: str) -> str | None:
    """Know no original video of any folder of images."""
    return None


def find(written: str, near: Path) -> str:
    """Return the absolute path of a video or image, else the path as it was written.

    Tried in this order: the path itself; its longest ending that exists below the folder
    `near`; its name in `near/videos`, in the folder above `near` and in the `videos` there.
    Both kinds of slashes work. What lies outside of the fence is as if it were not there.
    """
    place, dataset = split_ref(written)
    parts = PureWindowsPath(str(place)).parts
    tries = [near.joinpath(*parts[k:]) for k in range(len(parts))]
    for folder in (near / "videos", near.parent, near.parent / "videos"):
        tries += [folder / parts[-1]] if parts else []
    found = next((path for path in tries if fence.exists(path)), None)
    return joined(found.resolve(), dataset) if found else written


def name_of(written: str) -> str:
    r"""Return the last part of a path of any system.

    >>> name_of("C:\\films\\day 1.mp4"), name_of("/films/day 1.mp4")
    ('day 1.mp4', 'day 1.mp4')
    """
    return PureWindowsPath(written).name


def is_same(one: str, other: str) -> bool:
    """Tell whether two references are of one recording: one place, or of one name and content.

    Where one of them is gone, because projects are moved, the name alone decides.
    """
    if one == other:
        return True
    if name_of(one) != name_of(other):
        return False
    there = all(split_ref(ref)[0].exists() for ref in (one, other))
    return not there or fingerprint(one) == fingerprint(other)


def joined(path: Path, dataset: str | None) -> str:
    """Undo `split_ref`: put a path and a data set inside it into one reference."""
    return str(path) if dataset is None else f"{path}::{dataset}"


def video_named(stem: str, folder: Path) -> str | None:
    """Return the video in a folder whose name without suffix is `stem`."""
    found = sorted(p for p in folder.glob("*") if p.stem == stem and p.suffix.lower() in VIDEOS)
    return str(found[0].resolve()) if found else None


def only_video(folder: Path) -> str | None:
    """Return the video in a folder that holds exactly one."""
    found = [p for p in folder.iterdir() if p.suffix.lower() in VIDEOS]
    return str(found[0].resolve()) if len(found) == 1 else None


def images_in(folder: Path) -> list[str]:
    """Return the names of the images in a folder, in the order of the frames."""
    if not fence.exists(folder) or not folder.is_dir():
        return []
    if not any(pictures.is_image(p) for p in folder.iterdir()):
        return []
    return [path.name for path in pictures.images_in(folder)]


def frames_of(
    images: list[Path], source: Path, original: Callable[[str], str | None] = nobody
) -> Frames:
    """Turn images into frames: the folder is the video, the rank of the image is the frame.

    Where a folder lacks one of the images, `original(name of the folder)` may know the video
    that the images were cut from; then the number in the image's name is the frame.

    Args:
        images: one path per label row.
        source: the file that names the images, for the error sentence.
        original: finds the video of a folder, or None.
    """
    videos: list[str] = []
    video = np.zeros(len(images), np.int64)
    frame = np.zeros(len(images), np.int64)
    folders = [path.parent for path in images]
    for folder in dict.fromkeys(folders):
        rows = [n for n, f in enumerate(folders) if f == folder]
        names = [images[n].name for n in rows]
        ref, ranks = _one_folder(folder, names, source, original)
        video[rows], frame[rows] = len(videos), ranks
        videos.append(ref)
    return Frames(tuple(videos), video, frame)


def _one_folder(
    folder: Path, names: list[str], source: Path, original: Callable[[str], str | None]
) -> tuple[str, list[int]]:
    rank = {name: k for k, name in enumerate(images_in(folder))}
    missing = [name for name in names if name not in rank]
    if not missing:
        return str(folder.resolve()), [rank[name] for name in names]
    numbers = [re.findall(r"\d+", Path(name).stem) for name in names]
    if (ref := original(folder.name)) and all(numbers):
        return ref, [int(found[-1]) for found in numbers]
    fence.require(folder / missing[0], source)
    raise InputError(
        f"{source} names the image {folder / missing[0]}, which does not exist; "
        "copy it there or remove its row"
    )
