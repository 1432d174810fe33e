"""Stage `evaluate`: score a training run, or poses, against labels; returns, writes nothing.

reads   result     a run folder, a file of poses, detections or tracks, or a folder of these
        labels     project, label file or foreign project; for tracks also other tracks, for
                   3D poses other 3D poses

What shows several animals is scored by `stages.evaluate_many`.
"""

from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float
from pydantic import Field

from gambol.core import pixels, regions
from gambol.core import poses as core_poses
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.labels import Labels
from gambol.io import frames as io_frames
from gambol.io import labels as io_labels
from gambol.io import poses as io_poses
from gambol.io import run as io_run
from gambol.io.labels.places import is_same
from gambol.nn import engine
from gambol.pose import calibrate, dataset, posing, predict, splits
from gambol.pose import evaluate as scoring
from gambol.pose.instances import InstanceScoring
from gambol.stages import evaluate_3d, evaluate_many, matching, predict_nets, structure


class EvaluateConfig(Config):
    """Settings of the stage."""

    part: Literal["test", "val", "all"] | None = None
    # of the run's own split, for its own labels; null: test
    threshold: float = Field(default=0.5, ge=0.0, le=1.0)  # confidence that accepts a point
    oks: InstanceScoring = InstanceScoring()  # how poses of several animals are compared
    skip: tuple[str, ...] = ()  # keypoints of 3D poses whose distances do not count


class Seen(NamedTuple):
    """Predictions of labelled frames, rows as in the labels."""

    xy: Float[np.ndarray, "N J 2"]  # video pixels
    confidence: Float[np.ndarray, "N J"]
    presence: Float[np.ndarray, "N J"]
    covariance: Float[np.ndarray, "N J 2 2"]  # calibrated, px²
    inside90: Bool[np.ndarray, "N J"]  # the label lies in the 90 % region


def run(cfg: EvaluateConfig, result: Path, labels: Path) -> dict[str, Any]:
    """Return the scores, with everything that says what they are scores of."""
    if not result.exists():
        raise InputError(f"{result} does not exist; give a run folder or a pose file")
    if result.is_dir() and (io_run.is_finished(result) or not list(result.glob("*.nc"))):
        loaded = load_labels(labels)
        trained = io_run.load(result)
        chosen, part = _part(cfg, trained, loaded)
        if trained.model.many is not None:
            scored = evaluate_many.of_run(trained, chosen, cfg.threshold, cfg.oks)
            return {"part": part, **scored}
        _check_one(cfg, result)
        seen = see(trained, chosen)
    else:
        part, paths = matching.files(result)
        if cfg.part not in (None, "all"):
            raise InputError(
                f"{result} holds {part}, which are scored on all labels of their videos; leave "
                f"--part {cfg.part} out"
            )
        if part == "detections":
            known = load_labels(labels)
            scored = evaluate_many.of_detections(paths, known, cfg.threshold, cfg.oks)
            return {"part": part, **scored}
        if part == "poses3d":
            return evaluate_3d.of_poses(_one_file(paths, result), labels, cfg.skip)
        if part == "tracks":
            scored = evaluate_many.of_tracks(paths, labels, cfg.threshold, cfg.oks)
            return {"part": part, **scored}
        _check_one(cfg, result)
        chosen, seen = _from_poses(result, paths, load_labels(labels))
    cfg_scores = scoring.Scoring(accept=cfg.threshold)
    scores = scoring.evaluate(
        chosen, seen.xy, seen.confidence, presence=seen.presence, cfg=cfg_scores
    ).summary()
    inside = seen.inside90[chosen.labelled]
    coverage = float(inside.mean()) if inside.size else None
    return {"part": part, **scores, "coverage90": coverage}


def _one_file(paths: list[Path], result: Path) -> Path:
    if len(paths) > 1:
        raise InputError(f"{result} holds {len(paths)} files of 3D poses; give one of them")
    return paths[0]


def _check_one(cfg: EvaluateConfig, result: Path) -> None:
    """Refuse settings that the scores of a single animal do not depend on."""
    if cfg.oks != InstanceScoring():
        raise InputError(
            f"{result} shows a single animal, whose scores are distances; leave oks out"
        )


def load_labels(labels: Path) -> Labels:
    """Return the labels that are scored: what lies in regions is not."""
    settled = regions.settle(io_labels.load(labels)).labels
    if not len(settled.frames):
        raise InputError(f"all animals of {labels} lie in regions; label some outside")
    return settled


def see(trained: io_run.Trained, labels: Labels) -> Seen:
    """Predict labelled frames as wholes, as `gambol predict` would."""
    model = trained.model
    matching.check_names(model.spec.keypoints, labels)
    run_by = engine.build(trained.net, engine.choose_device("cpu"), "float32", 0)
    net = predict_nets.wrap(trained, run_by)
    calibration, by = structure.calibration(trained), structure.poser(trained)
    limit = 1 if by is None else posing.CANDIDATES
    rows = []
    for i, image in enumerate(io_frames.labelled(labels, grey=model.grey)):
        small = predict.shrink(image[None], model.scale)
        matrix = pixels.invert(
            dataset.from_video_map(image.shape[1], image.shape[0], model.scale)
        )
        several = predict.several(net, small, limit)
        _, found, sure, _ = posing.read(several, matrix, calibration, by)
        inside = calibrate.inside(
            calibration, found.xy - labels.xy[i : i + 1], sure.covariance, 0.9
        )
        rows.append(Seen(found.xy, sure.confidence, sure.presence, sure.covariance, inside))
    return Seen(*(np.concatenate(parts) for parts in zip(*rows, strict=True)))


def _part(cfg: EvaluateConfig, trained: io_run.Trained, labels: Labels) -> tuple[Labels, str]:
    """Pick the rows to score; frames that training used are never called a test."""
    entries = _entries(trained.folder, labels)
    if cfg.part == "all":
        return labels, "all"
    known = {(e.video, e.frame) for e in entries}
    own = [
        (labels.videos[v], int(f)) in known
        for v, f in zip(labels.video, labels.frame, strict=True)
    ]
    if not any(own):
        return labels, "other labels"
    asked = cfg.part or "test"
    rows = getattr(splits.from_rows(labels, entries), asked)
    if not len(rows):
        raise InputError(
            f"{trained.folder} was trained on these labels and kept no {asked} part; train "
            "with --set split.test=0.2, give other labels, or use --part val"
        )
    return labels.select(rows).within(labels.pairs[rows]), asked


def _entries(run: Path, labels: Labels) -> list[splits.Entry]:
    """Return the run's split, its videos where the labels have them: projects are moved."""
    entries = [splits.Entry(*row) for row in io_run.read_split(run)]
    lost = {e.video for e in entries} - set(labels.videos)
    found = {ref: new for ref in sorted(lost) for new in labels.videos if is_same(ref, new)}
    return [e._replace(video=found.get(e.video, e.video)) for e in entries]


def _from_poses(result: Path, paths: list[Path], labels: Labels) -> tuple[Labels, Seen]:
    """Look labelled frames up in pose files, which name their video."""
    chosen, parts = [], []
    for path in paths:
        poses = io_poses.read(path)
        rows = matching.rows_of(labels, str(poses.attrs.get("source_file", path.stem)))
        if len(rows):
            chosen.append(rows)
            parts.append(look_up(poses, labels.select(rows), path))
    if not chosen:
        raise matching.nothing_of(result, labels)
    together = Seen(*(np.concatenate(p) for p in zip(*parts, strict=True)))
    return labels.select(np.concatenate(chosen)), together


def look_up(poses: xr.Dataset, labels: Labels, path: Path) -> Seen:
    """Return what a pose file says of labelled frames of its video."""
    matching.check_names(core_poses.skeleton(poses).keypoints, labels)
    xy = core_poses.xy(poses)[:, 0]
    matching.check_length(path, len(xy), labels.frame)
    at = labels.frame
    shape = xy.shape[:2]
    covariance = (
        core_poses.covariance(poses)[:, 0]
        if "covariance" in poses
        else np.full((*shape, 2, 2), np.nan)
    )
    confidence = core_poses.points(poses, "confidence")[:, 0]
    presence = core_poses.points(poses, "presence")[:, 0] if "presence" in poses else confidence
    inside = np.zeros((len(at), shape[1]), bool)
    if "calibration" in poses.attrs:
        import json

        calibration = calibrate.Calibration.from_dict(json.loads(poses.attrs["calibration"]))
        inside = calibrate.inside(calibration, xy[at] - labels.xy, covariance[at], 0.9)
    elif "covariance" in poses:  # of an ensemble, which is Gaussian
        inside = calibrate.inside_gaussian(xy[at] - labels.xy, covariance[at], 0.9)
    return Seen(xy[at].astype(np.float64), confidence[at], presence[at], covariance[at], inside)
