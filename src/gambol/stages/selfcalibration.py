"""Calibration without a board: 2D poses of the animal, and roughly where cameras are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float
from pydantic import PositiveFloat

from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step
from gambol.io import calibration
from gambol.io import views as io_views
from gambol.multiview import selfcalibrate
from gambol.multiview.coverage import Coverage
from gambol.stages import rig_report

ASTRAY = 5.0  # sds from its place at which a keypoint is something else


class Known(Config):
    """A distance between two keypoints that does not change."""

    first: str
    second: str
    length: PositiveFloat
    units: Literal["mm", "um", "cm", "m"]


def calibrate(
    cfg: selfcalibrate.SelfCalibration,
    known: Known | None,
    sources: list[Path],
    start: Path,
    assign: Mapping[str, Path],
    progress: Progress,
) -> rig_report.Made:
    """Find where cameras stand from the keypoints that they share.

    Args:
        cfg: how.
        known: what sets the scale.
        sources: 2D poses, a file a camera.
        start: cameras with their lenses, and roughly where they are.
        assign: camera name to file, where names do not tell.
        progress: told at the end.
    """
    rough = calibration.load(start)
    seen = io_views.read_views(sources, rough.rig, assign)
    if len(seen.animals) > 1:
        names = ", ".join(name for name, _ in seen.animals)
        raise InputError(
            f"the 2D poses show {names}; a rig is calibrated from one animal, so give files "
            "with one"
        )
    views = seen.animals[0][1]
    length = None if known is None else selfcalibrate.KnownLength(**known.model_dump())
    solved = selfcalibrate.selfcalibrate(rough.rig, views, cfg, known=length)
    progress(Step("calibrate", 1, 1, start.name))
    sure = views.confidence >= cfg.confidence
    xy = np.where(sure[..., None], views.xy, np.nan)
    points = solved.points
    residual = xy - rig_report.observed(solved.rig, points, np.zeros_like(xy))
    residual, wrong = _near(residual)
    xy = np.where(np.isfinite(residual), xy, np.nan)
    said = (f"{wrong:.1%} of the keypoints lie far from where the others put them: left out",)
    component = np.full(len(views.cameras), -1)
    for number, group in enumerate(solved.groups):
        component[[views.cameras.index(name) for name in group]] = number
    for v in np.flatnonzero(component < 0):
        component[v] = component.max() + 1
    covered = Coverage(views.cameras, solved.shared, solved.shared, component)
    return rig_report.Made(
        solved.rig, points, residual, xy, np.arange(len(xy)), covered, None,
        f"the animal's keypoints in {len(xy)} frames",
        (*rough.remarks, *seen.remarks, *solved.sentences, *(said if wrong else ())),
        told={
            "components": [
                {"cameras": list(one.cameras), "error_px": one.error}
                for one in solved.components
            ],
            "joins": [way.values() for way in solved.joins],
        },
    )  # fmt: skip


def _near(
    residual: Float[np.ndarray, "T V J 2"],
) -> tuple[Float[np.ndarray, "T V J 2"], float]:
    """Blank what a detector took for something else, and return the share of it."""
    far = np.linalg.norm(residual, axis=-1)
    known = np.isfinite(far)
    if not known.any():
        return residual, 0.0
    # of a normal vector in the plane the median length is 1.18 sd
    wrong = known & (far > ASTRAY * float(np.median(far[known])) / 1.1774)
    return np.where(wrong[..., None], np.nan, residual), float(wrong.sum() / known.sum())
