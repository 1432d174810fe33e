"""The demo in space: a rig from pictures of a board, and mice from several views.

writes  out/rig.toml        the calibration, with its page beside it
        out/mice.nc         the mice of the films in 3D, with their page beside them
        out/minutes.nc      the mice of the minutes of 2D poses
        out/films/mice.mp4  the mice in space beside what a camera saw
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gambol.core.progress import Progress
from gambol.io import calibration
from gambol.stages import calibrate, evaluate_3d, movies, report, triangulate
from gambol.stages.simulate_views import Filmed

SHOWN_S = 10.0  # of the film


class Rig(NamedTuple):
    """A calibration, and how far it is off."""

    calibration: Path
    corners_px: float  # median distance of the board's corners
    camera_mm: float  # mean distance of the cameras from where they stand


class Placed(NamedTuple):
    """Mice in space, scored against the truth."""

    poses: Path
    scores: dict[str, Any]  # of `evaluate_3d`


def rig(films: Filmed, out: Path, progress: Progress) -> Rig:
    """Calibrate the cameras by pictures of a board."""
    made = calibrate.run(
        calibrate.CalibrateConfig(floor=0), [films.pictures], out / "rig.toml",
        board=films.board, progress=progress,
    )  # fmt: skip
    found, known = calibration.read(made.calibration), calibration.read(films.rig)
    apart = [np.linalg.norm(found[name].centre - known[name].centre) for name in known]
    return Rig(made.calibration, made.median_px, float(np.mean(apart)))


def place(
    poses: Iterable[Path],
    how: Mapping[str, Any],
    rig: Path,
    truth: Path,
    out: Path,
    progress: Progress,
) -> Placed:
    """Find out where mice are in space.

    Args:
        poses: of each camera, or their folder.
        how: settings of `stages.triangulate`.
        rig: the calibration.
        truth: 3D poses to score against.
        out: the file to write.
        progress: told of every step.
    """
    cfg = triangulate.TriangulateConfig.from_values(how, "the demo")
    made = triangulate.run(cfg, list(poses), rig, out, progress=progress)
    return Placed(made.poses, evaluate_3d.of_poses(made.poses, truth))


def show(poses: Path, films: Filmed, out: Path, progress: Progress) -> Path:
    """Write the page and the film about mice in space; return the film."""
    assert films.videos is not None
    views = {path.stem: path for path in sorted(films.videos.glob("*.mp4"))}
    report.run(poses, views=views, progress=progress)
    cfg = movies.MoviesConfig(stop=SHOWN_S, turn=12.0)
    return movies.run(cfg, [poses], out / "films", views=views, progress=progress)[0]


def scores(placed: Placed) -> dict[str, float | None]:
    """Return the scores of mice in space: under their names, and whoever is whoever."""
    told = {name: placed.scores[name] for name in ("mpe", "median", "mpe_rpa", "coverage95")}
    if "whoever" in placed.scores:
        told |= {f"{name}_whoever": far for name, far in placed.scores["whoever"].items()}
        told["names_kept"] = placed.scores["names_kept"]
    return told
