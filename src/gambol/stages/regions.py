"""Stage `regions`: polygons of a project's videos without loss and without score.

reads   project/project.db
writes  project/project.db   one edit, which can be undone
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.labels import EVERY
from gambol.io.labels.places import name_of
from gambol.io.project import Project, VideoRow


class RegionsConfig(Config):
    """What to change; nothing lists the regions that there are."""

    video: str | None = None  # name or number, as `gambol info` lists them; null: the only one
    polygon: str | None = None  # corners "x,y x,y x,y", video pixels
    frame: int | None = None  # null: all frames
    remove: int | None = None  # number of a region


class Listed(NamedTuple):
    """A region of a project."""

    id: int
    video: str
    frame: int | None  # None: all frames
    polygon: list[list[float]]  # corners, video pixels


def run(cfg: RegionsConfig, folder: Path) -> list[Listed]:
    """Add or remove a region, or only list them; return those that there are now.

    Args:
        cfg: what to change.
        folder: of the project.
    """
    if cfg.polygon is not None and cfg.remove is not None:
        raise InputError(
            "--polygon adds a region and --remove takes one away; give one of them"
        )
    if cfg.polygon is None and (cfg.frame is not None or cfg.video is not None):
        raise InputError(
            "--video and --frame say where a --polygon lies; give its corners, too"
        )
    if cfg.frame is not None and cfg.frame < 0:
        raise InputError(f"--frame {cfg.frame}: frames count from 0; leave it out for all")
    with Project.open(folder) as project:
        if cfg.polygon is not None:
            corners, video = _corners(cfg.polygon), _video(project, cfg.video)
            project.add_region(video.id, corners, EVERY if cfg.frame is None else cfg.frame)
        if cfg.remove is not None:
            project.remove_region(cfg.remove)
        names = {video.id: video.path for video in project.videos()}
        return [
            Listed(
                r.id, names[r.video], None if r.frame == EVERY else r.frame, r.polygon.tolist()
            )
            for r in project.regions()
        ]


def describe(values: dict[str, Any]) -> str:
    """Say where the regions are, one a line."""
    lines = []
    for one in values["regions"]:
        where = "all frames" if one["frame"] is None else f"frame {one['frame']}"
        corners = " ".join(f"{x:g},{y:g}" for x, y in one["polygon"])
        lines.append(f"{one['id']}: {one['video']}, {where}: {corners}")
    return "\n".join(lines) or "no regions: losses and scores are of whole frames"


def _corners(text: str) -> Float[np.ndarray, "K 2"]:
    """Read corners as people write them."""
    try:
        corners = [[float(part) for part in corner.split(",")] for corner in text.split()]
    except ValueError:
        corners = []
    if not corners or any(len(corner) != 2 for corner in corners):
        raise InputError(
            f'--polygon {text!r} is no list of corners; write "x,y x,y x,y" in video pixels'
        )
    return np.array(corners, np.float64)


def _video(project: Project, said: str | None) -> VideoRow:
    """Return the video of this number or name; the only one if nothing was said."""
    known = project.videos()
    if said is None and len(known) == 1:
        return known[0]
    found = [v for v in known if said in (str(v.id), v.path, name_of(v.path))]
    if len(found) != 1:
        there = ", ".join(f"{v.id} {v.path}" for v in known) or "none"
        what = f"{len(found)} videos {said!r}" if said is not None else f"{len(known)} videos"
        raise InputError(
            f"{project.folder} has {what}; give --video the number or name of one: {there}"
        )
    return found[0]
