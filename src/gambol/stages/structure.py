"""How much bones count in a run: learnt by `train`, used by all that predict."""

import hashlib
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from pydantic import NonNegativeFloat

from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import run as io_run
from gambol.kernels.peaks import Peaks
from gambol.nn.model import ModelSpec, PoseNet
from gambol.pose import calibrate, gridded, posing
from gambol.pose import structure as pose_structure

NOISE = 0.4  # of the radius of what is correct, hence 2 % of the body: how far off peaks are


class StructureConfig(Config):
    """Bones against the network where it takes a keypoint for another."""

    weight: NonNegativeFloat | None = None  # λ of bones; null: chosen on validation; 0: none
    kind: Literal["candidates", "grid"] = "candidates"
    # candidates: bones against bones, whichever way an animal lies; grid: bones against the
    # picture, for views that never turn (crops with heads up, a fixed head)


def check(
    cfg: StructureConfig,
    spec: ModelSpec,
    approach: str,
    known: Float[np.ndarray, "M J 2"],
    skeleton: Skeleton,
) -> None:
    """Refuse settings that a network, or the labels, have no use for.

    Args:
        cfg: settings.
        spec: of the network.
        approach: how animals are found.
        known: labelled poses of the training part, px.
        skeleton: of them.
    """
    if cfg.weight:
        asked = f"structure.weight {cfg.weight:g}"
    elif cfg.weight is None and cfg.kind == "grid":
        asked = "structure.kind grid"
    else:
        return
    if approach == "bottom-up":
        raise InputError(
            f"{asked} chooses among the peaks of one animal, which bottom-up networks do not "
            "part; train top-down, or leave it out"
        )
    if not PoseNet(spec).position.hilly:
        raise InputError(
            f"{asked} chooses among several peaks of a map, which the output of this network "
            "does not show; train with confidence, or leave it out"
        )
    if cfg.weight and not _learnt(cfg, known, skeleton).any():
        bones = "bones" if cfg.kind == "grid" else "pairs of bones that meet"
        raise InputError(
            f"{asked} weighs how bones lie, and none of the {bones} is labelled in "
            f"{pose_structure.FEWEST} frames of the training part; label more, give the "
            "skeleton bones, or leave it out"
        )


def _learnt(
    cfg: StructureConfig, known: Float[np.ndarray, "M J 2"], skeleton: Skeleton
) -> np.ndarray:
    """Return the precision of every bone, zeros where labels are too few."""
    xy = known.astype(np.float64)
    if cfg.kind == "grid":
        return gridded.learn(xy, skeleton).precision
    return pose_structure.learn(xy, skeleton).precision


def poser(model: io_run.Trained, weight: float | None = None) -> posing.Poser | None:
    """Return what poses of a run are chosen by; None where the network alone decides.

    Args:
        model: the run.
        weight: λ in place of the run's.
    """
    file = model.model.structure
    if file is None and weight:
        raise InputError(
            f"{model.folder} has not learnt how bones lie, so structure {weight:g} has "
            "nothing to weigh; train the run anew, or leave structure out"
        )
    counts = _counts(model, weight)
    if file is None or not counts or file.kind != "candidates":
        return None
    return posing.Poser(
        pose_structure.Structure.from_dict(file.geometry),
        calibrate.Calibration.from_dict(model.model.calibration),
        counts,
    )


def grid(model: io_run.Trained, weight: float | None = None) -> gridded.GridPoser | None:
    """Return what poses are weighed by on the maps; None where they are not. See `poser`."""
    file, counts = model.model.structure, _counts(model, weight)
    if file is None or not counts or file.kind != "grid":
        return None
    return gridded.GridPoser(
        gridded.Grid.from_dict(file.geometry),
        counts,
        calibrate.Calibration.from_dict(model.model.calibration),
        model.model.scale,
    )


def _counts(model: io_run.Trained, weight: float | None) -> float:
    file = model.model.structure
    if file is None:
        return 0.0
    return file.weight if weight is None else weight


def calibration(model: io_run.Trained, weight: float | None = None) -> calibrate.Calibration:
    """Return what the peaks of a run are worth: of the chosen ones, where poses are chosen."""
    file = model.model.structure
    if file is not None and file.calibration and _counts(model, weight):
        return calibrate.Calibration.from_dict(file.calibration)
    return calibrate.Calibration.from_dict(model.model.calibration)


def is_calibrated(model: io_run.Trained, weight: float | None = None) -> bool:
    """Tell whether `calibration` was learnt from peaks chosen with this λ, or without any."""
    file, counts = model.model.structure, _counts(model, weight)
    return not counts or file is not None and file.weight == counts


def fingerprint(model: io_run.Trained, weight: float | None = None) -> str:
    """Hash of what the choice of peaks depends on besides weights; empty without a choice."""
    file = model.model.structure
    if file is None or not _counts(model, weight):
        return ""
    return hashlib.sha256(file.model_dump_json().encode()).hexdigest()[:16]


class Settled(NamedTuple):
    """What a run keeps of bones."""

    file: io_run.StructureFile | None  # None: the labels say nothing of bones
    poser: posing.Poser | None  # None: the network alone decides, or the grid
    grid: gridded.GridPoser | None
    reason: str | None


NOTHING = Settled(None, None, None, None)


def limit(cfg: StructureConfig, net: PoseNet) -> int:
    """Return how many peaks of a keypoint are looked at when a run is settled."""
    return posing.CANDIDATES if cfg.kind == "candidates" and looks(cfg, net) else 1


def looks(cfg: StructureConfig, net: PoseNet) -> bool:
    """Whether a run is to learn how bones lie; maps have to show all places that may be."""
    return net.position.hilly and cfg.weight != 0


def settle(
    cfg: StructureConfig,
    known: Float[np.ndarray, "M J 2"],
    skeleton: Skeleton,
    calibration: calibrate.Calibration,
    several: Peaks,
    truth: Float[np.ndarray, "N J 2"],
) -> Settled:
    """Learn how bones lie, and choose on validation how much they count.

    Args:
        cfg: settings.
        known: labelled poses of the training part, px.
        skeleton: of them.
        calibration: of the highest peaks.
        several: peaks of validation (N, J, C), video pixels.
        truth: their labels.
    """
    noise = NOISE * calibration.radius
    learnt = pose_structure.learn(known.astype(np.float64), skeleton, noise)
    if not learnt.precision.any():
        return NOTHING
    found = _asked(cfg) or posing.weigh(learnt, calibration, several, truth)
    file = io_run.StructureFile(weight=found.weight, geometry=learnt.to_dict())
    by = posing.Poser(learnt, calibration, found.weight) if found.weight else None
    return Settled(file, by, None, found.reason)


def settle_grid(
    cfg: StructureConfig,
    known: Float[np.ndarray, "M J 2"],
    skeleton: Skeleton,
    see: Callable[[gridded.GridPoser | None], tuple[np.ndarray, np.ndarray]],
    calibration: calibrate.Calibration,
    scale: float,
) -> Settled:
    """Learn how bones lie in the picture, and choose on validation how much they count.

    Args:
        cfg: settings.
        known: labelled poses of the training part as the network sees them, its pixels.
        skeleton: of them.
        see: finds the keypoints of validation and their labels, (N, J, 2) video pixels each.
        calibration: of the highest peaks.
        scale: network pixels per video pixel.
    """

    def weighed(weight: float) -> gridded.GridPoser | None:
        return gridded.GridPoser(learnt, weight, calibration, scale) if weight else None

    learnt = gridded.learn(known.astype(np.float64), skeleton)
    if not learnt.precision.any():
        return NOTHING
    found = _asked(cfg)
    if found is None:
        before, *after = (
            posing.distances(*see(weighed(weight))) for weight in (0.0, *posing.WEIGHTS)
        )
        found = posing.best(before, dict(zip(posing.WEIGHTS, after, strict=True)))
    file = io_run.StructureFile(kind="grid", weight=found.weight, geometry=learnt.to_dict())
    return Settled(file, None, weighed(found.weight), found.reason)


def _asked(cfg: StructureConfig) -> posing.Weighed | None:
    if cfg.weight is None:
        return None
    return posing.Weighed(cfg.weight, f"structure: λ = {cfg.weight:g}, as asked")
