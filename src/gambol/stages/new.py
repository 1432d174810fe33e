"""Stage `new`: an empty project with a skeleton, and the videos to label.

writes  folder/project.db
"""

from pathlib import Path

from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.io.project import Project, fresh
from gambol.io.skeleton_file import SkeletonFile, build, read_skeleton


def run(
    folder: Path,
    keypoints: list[str] | None = None,
    skeleton: Path | None = None,
    videos: list[Path] | None = None,
    progress: Progress = silent,
) -> Path:
    """Make a project; return the path of its database.

    Args:
        folder: made if it does not exist.
        keypoints: names, if there is no file; left and right are paired by name.
        skeleton: a YAML file as `io.skeleton_file` describes it.
        videos: added in this order.
        progress: told after each video.
    """
    if (keypoints is None) == (skeleton is None):
        raise InputError(
            f"{folder} needs either the names of its keypoints or a skeleton file; give one"
        )
    if skeleton is not None:
        bones = read_skeleton(skeleton)
    else:
        bones = build(SkeletonFile(keypoints=keypoints or []), "keypoints")
    with fresh(folder), Project.create(folder, bones) as project:
        for done, video in enumerate(videos or [], start=1):
            project.add_video(video)
            progress(Step("new", done, len(videos or []), video.name))
        return project.path
