"""What a calibration rests on, from a board or from the animal, and the page about it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.core.cameras import Rig
from gambol.kernels import projection
from gambol.multiview import bundle, rig_evidence
from gambol.multiview.coverage import Coverage
from gambol.multiview.findings import Finding
from gambol.viz import report3d, rig_page

CHECKED = {  # what a check that finds nothing says
    "repeated camera": "No two cameras stand at one place and look the same way.",
    "equal intrinsics": "No two cameras share their intrinsics to the last bit.",
    "focal length": "Focal lengths are those of real lenses.",
    "sure focal length": "Focal lengths are known to a few per cent.",
    "principal point": "The middles of the images are where lenses put them.",
    "aspect": "Pixels are square.",
    "fold-over": "Distortion stays one-to-one over the whole image.",
    "looks away": "All cameras look at the same place.",
    "components": "All cameras are joined by what they share.",
    "one edge": "No camera hangs on a single other one.",
    "loop": "Ways over different cameras agree.",
    "fit": "No camera fits worse than 1 px or much worse than the others.",
    "radius": "What is left does not turn with the radius: the lens models are rich enough.",
    "time": "What is left does not change with time: nothing slipped.",
    "coverage": "What was seen covers the images.",
    "boards": "Every camera saw the board often enough.",
    "behind": "All points lie before the cameras.",
}
BOARD_ONLY = ("boards", "coverage")


class Made(NamedTuple):
    """A rig, and what it was solved from; F moments of C points."""

    rig: Rig
    points: Float[np.ndarray, "F C 3"]  # world units; NaN where not seen
    residual: Float[np.ndarray, "F V C 2"]  # seen - projected, px; NaN where not seen
    xy: Float[np.ndarray, "F V C 2"]  # seen, px
    moments: Int[np.ndarray, " F"]
    coverage: Coverage
    fit: bundle.Fit | None
    method: str  # such as "21 moments of a board"
    remarks: tuple[str, ...]
    boards: bool = False  # the points are corners of a board
    loops: Mapping[tuple[str, str], float] = {}  # degrees, of pairs that the start did not use
    told: Mapping[str, Any] = {}  # of a rig from the animal: its components, what joins them


def evidence(made: Made) -> rig_evidence.Evidence:
    """Return what the checks of a rig look at."""
    return rig_evidence.Evidence(
        made.xy, made.points, made.boards,
        sd={} if made.fit is None else made.fit.sd, loops=made.loops,
    )  # fmt: skip


def judged(made: Made, found: list[Finding]) -> list[Finding]:
    """Leave out that cameras share too little where something named joins them all."""
    whole = len(made.coverage.components) == 1 and made.told.get("joins")
    return [one for one in found if not (whole and one.check == "components")]


def observed(
    rig: Rig, points: Float[np.ndarray, "F C 3"], residual: Float[np.ndarray, "F V C 2"]
) -> Float[np.ndarray, "F V C 2"]:
    """Return what was seen, px: the projection and what is left."""
    frames, count = points.shape[:2]
    uv = projection.project(points.reshape(-1, 3), rig.params()).uv
    return np.moveaxis(uv.reshape(len(rig), frames, count, 2), 0, 1) + residual


def median(made: Made) -> float:
    """Return the median distance between what was seen and the projection, px."""
    far = np.linalg.norm(made.residual, axis=-1)
    return float(np.nanmedian(far)) if np.isfinite(far).any() else float("nan")


def rms(made: Made) -> dict[str, float]:
    """Return the root mean square distance of every camera, px."""
    square = (made.residual**2).sum(-1)
    out = {}
    for v, name in enumerate(made.rig):
        known = square[:, v][np.isfinite(square[:, v])]
        out[name] = float(np.sqrt(known.mean())) if len(known) else float("nan")
    return out


def sds(made: Made) -> dict[str, dict[str, Any]]:
    """Return how well every camera is known, as plain values."""
    if made.fit is None:
        return {}
    return {
        name: {
            "f": sd.f,
            "centre_px": np.asarray(sd.centre_px).tolist(),
            "position": np.asarray(sd.position).tolist(),
            "direction_deg": sd.direction,
        }
        for name, sd in made.fit.sd.items()
    }


def page(
    name: str, made: Made, found: list[Finding], settings: str, told: dict[str, Any]
) -> str:
    """Return the page about a calibration."""
    checked = dict(CHECKED)
    if joins := made.told.get("joins"):
        by = " and ".join(dict.fromkeys(str(way["by"]) for way in joins))
        checked["components"] = f"Cameras that share too little are joined by: {by}."
    flagged = {one.check for one in found}
    findings = [
        rig_page.Finding(one.check, True, one.sentence, tuple(one.cameras)) for one in found
    ]
    findings += [
        rig_page.Finding(check, False, text)
        for check, text in checked.items()
        if check not in flagged and (made.boards or check not in BOARD_ONLY)
    ]
    findings += [rig_page.Finding("remark", False, remark) for remark in made.remarks]
    corners = made.points.reshape(-1, 3)
    return report3d.calibration(
        rig_page.Calibrated(
            name,
            made.rig,
            findings,
            {camera: _residuals(made, v) for v, camera in enumerate(made.rig)},
            rig_page.Coverage(
                made.coverage.names, made.coverage.shared, made.coverage.component
            ),
            None
            if made.fit is None
            else {n: rig_page.Sd(*sd) for n, sd in made.fit.sd.items()},
            corners[np.isfinite(corners).all(-1)][:5000],
            f"Solved from {made.method}.",
            settings,
            told.get("provenance", {}),
        )
    )


def _residuals(made: Made, view: int) -> rig_page.Residuals:
    there = np.isfinite(made.residual[:, view]).all(-1)
    frame = np.broadcast_to(made.moments[:, None], there.shape)
    return rig_page.Residuals(
        made.xy[:, view][there], made.residual[:, view][there], frame[there]
    )
