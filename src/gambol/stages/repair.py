"""Stage `repair`: a copy of a damaged video of which every frame can be shown.

reads   project/project.db, the video
writes  project/videos/repaired/NAME.mp4   as many frames, at the same times
        project/project.db                 the copy in the place of the video, bad frames noted

Frames that cannot be decoded faithfully are grey in the copy, never their neighbours, so labels
stay with their frames. The others are compressed once more. The damaged file stays as it is.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.video import Video
from gambol.io import project_changes, project_videos
from gambol.io.project import Project, author
from gambol.io.video import VideoWriter
from gambol.io.video.damage import DamagedFrame
from gambol.io.video.open import open_video, split_ref

GREY = 128  # of a frame that could not be read
_TOLD = 50  # frames between two reports


class Repaired(NamedTuple):
    """What was written."""

    path: Path
    frames: int
    bad: list[int]  # frames that could not be read


def run(
    folder: Path, video: int, *, by: str | None = None, progress: Progress = silent
) -> Repaired:
    """Write the copy and let the project use it.

    Args:
        folder: of the project.
        video: its number.
        by: author of the edit.
        progress: told about every 50 frames.

    Raises:
        InputError: there is no such video, or all of it can be read.
    """
    with Project.open(folder) as project:
        ref = project.locate(video)
        target = _free(folder.resolve() / "videos" / "repaired", split_ref(ref)[0].stem)
        source = open_video(ref)
        try:
            bad = _copy(source, target, Path(ref).name, progress)
            frames = len(source)
        finally:
            source.close()
        try:
            values = project_videos.describe(str(target), project.folder)
            project_changes.replace_video(project, video, values, bad, by or author())
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    return Repaired(target, frames, bad)


def _copy(source: Video, target: Path, name: str, progress: Progress) -> list[int]:
    """Copy frame by frame; return those that could not be read."""
    width, height = source.size
    blank = np.full((height, width, source.channels), GREY, np.uint8)
    bad = []
    with VideoWriter(target, source.fps, source.size, source.times) as writer:
        for index in range(len(source)):
            try:
                frame = source.read([index])[0]
            except DamagedFrame:
                bad.append(index)
                frame = blank
            writer.write(frame)
            if index % _TOLD == 0 or index + 1 == len(source):
                progress(Step("repair", index + 1, len(source), name))
        if not bad:
            raise InputError(f"every frame of {name} can be read; it needs no repair")
    return bad


def _free(folder: Path, stem: str) -> Path:
    """Return a path that nothing has; predictions are found by the name, so the stem stays."""
    tries = [folder, *(folder / str(n) for n in range(2, 1000))]
    return next(one / f"{stem}.mp4" for one in tries if not (one / f"{stem}.mp4").exists())
