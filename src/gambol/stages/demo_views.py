"""The demo's part about several cameras: a board, a rig, a mouse in space, and scores.

writes  out/views/sim/           board pictures, 2D poses and the truth
        out/views/rig.toml       the calibration, with its page beside it
        out/views/mouse.nc       3D poses, with their page beside them
        out/views/films/         the mouse in space
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gambol.core.progress import Progress, silent
from gambol.io import calibration
from gambol.stages import calibrate, evaluate_3d, movies, report, simulate_views, triangulate

CALIBRATION, PAGE = "views/rig.report.html", "views/mouse.report.html"


class ViewsConfig(NamedTuple):
    """How much of it."""

    cameras: int
    seconds: float
    boards: int
    tier: str
    seed: int


class Views(NamedTuple):
    """What came out."""

    calibration_px: float  # median distance of the board's corners
    camera_mm: float  # mean distance of the cameras from where they were
    tier: str
    mpe_mm: float
    mpe_rpa_mm: float  # after turning and shifting each frame
    dlt_mm: float  # the same by plain linear triangulation, for comparison
    coverage95: float
    page: str


def run(cfg: ViewsConfig, out: Path, progress: Progress = silent) -> Views:
    """Simulate, calibrate, triangulate and score; what is finished is kept."""
    folder = out / "views"
    seen = simulate_views.run(
        simulate_views.ViewsConfig(
            cameras=cfg.cameras,
            seconds=cfg.seconds,
            boards=cfg.boards,
            seed=cfg.seed,
            films=False,
        ),
        folder / "sim",
        progress,
    )
    rig = calibrate.run(
        calibrate.CalibrateConfig(floor=0), [seen.pictures], folder / "rig.toml",
        board=seen.board, progress=progress,
    )  # fmt: skip
    made = {
        kind: triangulate.run(
            triangulate.TriangulateConfig.from_values({"tier": {"kind": kind}}, "the demo"),
            [seen.views], rig.calibration, folder / name, progress=progress,
        )
        for kind, name in (("dlt", "dlt.nc"), (cfg.tier, "mouse.nc"))
    }  # fmt: skip
    poses = made[cfg.tier].poses
    scores = evaluate_3d.of_poses(poses, seen.truth)
    plain = evaluate_3d.of_poses(made["dlt"].poses, seen.truth)
    report.run(poses, out / PAGE)
    drawn = movies.MoviesConfig(stop=min(cfg.seconds, 6.0), turn=12.0)
    movies.run(drawn, [poses], folder / "films", progress=progress)
    return Views(
        rig.median_px, _apart(rig.calibration, seen.rig), cfg.tier, scores["mpe"],
        scores["mpe_rpa"], plain["mpe"], scores["coverage95"], PAGE,
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say in words what came out."""
    return (
        f"Several cameras: calibrated to {values['calibration_px']:.2f} px from pictures of a "
        f"board, cameras {values['camera_mm']:.1f} mm from where they were; the mouse in space "
        f"is {values['mpe_mm']:.2f} mm off (tier {values['tier']}; {values['dlt_mm']:.2f} mm "
        f"by linear triangulation), {values['coverage95']:.0%} of the points lie in their 95 % "
        "region."
    )


def _apart(made: Path, true: Path) -> float:
    """Mean distance of calibrated cameras from the true ones, world units."""
    found, known = calibration.read(made), calibration.read(true)
    return float(np.mean([np.linalg.norm(found[n].centre - known[n].centre) for n in known]))
