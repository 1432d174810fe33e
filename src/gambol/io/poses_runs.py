"""Which files among the runs of a project hold poses of which video.

Every file in `runs/*/out` that holds poses, tracks or detections of a video counts; files
appear whole, so one that is there is finished.
"""

from pathlib import Path

from gambol.core.errors import InputError
from gambol.io.labels.places import name_of
from gambol.io.poses_frames import FramePoses


def files(project: Path) -> list[tuple[Path, int]]:
    """Return all results of the runs of a project with their times of change, newest first."""
    found = []
    for path in (project / "runs").glob("*/out/*.nc"):
        try:
            found.append((path, path.stat().st_mtime_ns))
        except OSError:
            continue  # deleted meanwhile
    return sorted(found, key=lambda file: (-file[1], str(file[0])))


def is_of(said: str, ref: str, alone: bool) -> bool:
    """Whether a file is of a video.

    Args:
        said: path of the video when the file was made.
        ref: path of the video now.
        alone: no other video has its name, so that the name is enough.
    """
    return said == ref or (alone and name_of(said) == name_of(ref))


def whole(project: Path, refs: list[str], most: int) -> list[list[Path]]:
    """Return up to `most` predictions of each whole video, the newest first.

    Tracks come before the detections that they were made from, being newer.
    """
    names = [name_of(ref) for ref in refs]
    found: list[list[Path]] = [[] for _ in refs]
    for path, _ in files(project):
        try:
            with FramePoses(path) as poses:
                said, all_of_it = poses.video, poses.whole
        except InputError:
            continue
        for k, ref in enumerate(refs):
            of_it = is_of(said, ref, names.count(names[k]) == 1)
            if of_it and all_of_it and len(found[k]) < most:
                found[k].append(path)
    return found
