"""Stage `accept`: whether a change helps on recordings that nothing was learnt from.

reads   candidate, base  a run folder, or poses (a file or a folder), of one animal
        labels           project, label file or foreign project; returns, writes nothing

What both say of the same labelled frames is compared pair by pair. A change that costs
something (unlabelled frames in training, several networks, smoothing) is accepted if the mean
distance falls and the paired interval of the difference does not reach 0; else it is not.
Recordings that the runs learnt from are left out, be it from their labels, from frames without
labels, or in a run that was gone on from: a network knows their frames, and the neighbours of
these, better than what comes next.
"""

import json
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.labels import Labels
from gambol.io import detections as io_detections
from gambol.io import poses as io_poses
from gambol.io import run as io_run
from gambol.io.labels.places import is_same, name_of
from gambol.io.video.images import ImageVideo
from gambol.io.video.open import open_video
from gambol.kernels import bootstrap
from gambol.stages import evaluate, matching, starting
from gambol.stages.train import TrainConfig

LEAST_BLOCKS = 8  # fewer say nothing of how another film would come out


class AcceptConfig(Config):
    """Settings of the stage."""

    level: float = Field(default=0.95, gt=0, lt=1)  # of the interval
    resamples: PositiveInt = 2000  # of the bootstrap
    block_s: PositiveFloat = 1.0  # frames so near to each other are drawn together
    seed: NonNegativeInt = 0  # of the bootstrap
    same_recording: bool = False  # also count recordings that training saw: says less


class _Side(NamedTuple):
    """What one side says of the labelled frames."""

    xy: Float[np.ndarray, "N J 2"]  # NaN where it has no answer
    speaks: Bool[np.ndarray, " N"]  # of the frame at all


def run(cfg: AcceptConfig, candidate: Path, base: Path, labels: Path) -> dict[str, Any]:
    """Return both mean distances, their difference with its interval, and the verdict.

    Args:
        cfg: settings.
        candidate: with the change.
        base: without it.
        labels: of recordings that neither learnt from.
    """
    truth = evaluate.load_labels(labels)
    known = set() if cfg.same_recording else _learnt_from(candidate) | _learnt_from(base)
    seen = np.isin(truth.video, _among(known, truth))
    if seen.all():
        names = sorted({name_of(truth.videos[v]) for v in np.unique(truth.video)})
        raise InputError(
            f"all labels of {labels} are of recordings that training saw "
            f"({', '.join(names)}); label another recording, or set same_recording"
        )
    truth = truth.select(np.flatnonzero(~seen))
    sides = [_look(side, truth) for side in (candidate, base)]
    both = sides[0].speaks & sides[1].speaks
    if not both.any():
        raise InputError(
            f"{candidate} and {base} have no labelled frame of {labels} in common; predict "
            "its recordings with both"
        )
    truth = truth.select(np.flatnonzero(both))
    off = np.stack(
        [np.linalg.norm(side.xy[both] - truth.xy, axis=-1) for side in sides]
    )  # (2, N, J)
    values = compare(cfg, off, _blocks(cfg, truth))
    return {
        "candidate": str(candidate),
        "base": str(base),
        "recordings": sorted({name_of(truth.videos[v]) for v in np.unique(truth.video)}),
        "frames": len(truth.frames),
        "left_out": int(seen.sum()),
        **values,
    }


def describe(values: dict[str, Any]) -> str:
    """Say what was compared and what follows."""
    low, high = values["interval"]
    rows = [
        f"{values['frames']} frames of {', '.join(values['recordings'])}, "
        f"{values['points']} keypoints, {values['blocks']} blocks; "
        f"{values['left_out']} frames left out, of recordings that training saw",
        f"candidate {values['candidate_px']:.3f} px, base {values['base_px']:.3f} px, "
        f"difference {values['difference_px']:+.3f} px ({low:+.3f} to {high:+.3f})",
    ]
    if values["accepted"]:
        return "\n".join([*rows, "accepted: it helps"])
    return "\n".join([*rows, f"not accepted: {values['reason']}"])


def _learnt_from(side: Path) -> set[str]:
    """Return the recordings that a side learnt from; poses name their run.

    Raises:
        InputError: where what a side came from is gone, so that nobody can tell.
    """
    if io_run.is_finished(side):
        return _of_run(side)
    if side.is_dir():
        return set().union(*map(_learnt_from, sorted(side.glob("*.nc"))))
    if side.suffix != ".nc" or not side.exists():
        return set()
    with io_detections.open_file(side) as file:
        notes = json.loads(file.attrs.get("provenance", "{}"))
    inputs = [Path(path) for path in notes.get("inputs", ())]  # of an ensemble
    for path in inputs:
        _require(path.exists(), path, side)
    if "run" in notes:
        inputs.append(Path(notes["run"]))
        _require(io_run.is_finished(inputs[-1]), inputs[-1], side)
    return set().union(*map(_learnt_from, inputs))


def _of_run(run: Path) -> set[str]:
    """Return the recordings of a run's labels, of its clips, and of what it started from."""
    cfg = TrainConfig.from_yaml(run / "config.yaml")
    found = {video for _, video, _, _ in io_run.read_split(run)}
    if cfg.unlabelled.losses:
        found |= set(cfg.unlabelled.videos)
    if cfg.start in (None, starting.IMAGENET):
        return found
    start = Path(str(cfg.start))
    _require(start.is_file() or io_run.is_finished(start), start, run)
    parent = start if start.is_dir() else start.parent  # a file may be the weights of a run
    return found | _of_run(parent) if io_run.is_finished(parent) else found


def _require(there: bool, path: Path, side: Path) -> None:
    if not there:
        raise InputError(
            f"{side} comes from {path}, which is not there, so nobody can tell what it learnt "
            "from; put it back, or set same_recording"
        )


def _among(known: Iterable[str], truth: Labels) -> list[int]:
    """Return the numbers of labelled videos that are among recordings."""
    labelled = np.unique(truth.video).tolist()
    return [v for v in labelled if any(is_same(ref, truth.videos[v]) for ref in known)]


def _look(side: Path, truth: Labels) -> _Side:
    """Ask a run, or look up in poses; frames that poses do not reach stay silent."""
    xy, speaks = np.full(truth.xy.shape, np.nan), np.zeros(len(truth.xy), bool)
    if side.is_dir() and io_run.is_finished(side):
        trained = io_run.load(side)
        if trained.model.many is not None:
            raise InputError(
                f"{side} finds several animals; gambol train --compare weighs those"
            )
        return _Side(evaluate.see(trained, truth).xy, ~speaks)
    part, paths = matching.files(side)
    if part != "poses":
        raise InputError(f"{side} holds {part}; give 2D poses of one animal, or a run")
    for path in paths:
        poses = io_poses.read(path)
        rows = matching.rows_of(truth, str(poses.attrs.get("source_file", path.stem)))
        if len(rows):
            found = evaluate.look_up(poses, truth.select(rows), path)
            xy[rows], speaks[rows] = found.xy, True
    return _Side(xy, speaks)


def _blocks(cfg: AcceptConfig, truth: Labels) -> np.ndarray:
    """Number frames that are drawn together, (N,)."""
    lengths = np.ones(len(truth.videos), int)
    for v in np.unique(truth.video):
        with closing(open_video(truth.videos[v], grey=True)) as video:
            if not isinstance(video, ImageVideo):  # whose images are apart in time
                lengths[v] = max(round(cfg.block_s * video.fps), 1)
    block = truth.frame // lengths[truth.video]
    pairs = np.stack([truth.video, block], axis=1)
    numbers: np.ndarray = np.unique(pairs, axis=0, return_inverse=True)[1].ravel()
    return numbers


def compare(
    cfg: AcceptConfig, off: Float[np.ndarray, "2 N J"], blocks: np.ndarray
) -> dict[str, Any]:
    """Return mean distances over keypoints that both sides found, and the paired bootstrap.

    Args:
        cfg: settings.
        off: distances of the candidate, then of the base, px; NaN where not found or labelled.
        blocks: numbers of frames that are drawn together.
    """
    answered = np.isfinite(off)
    both = answered.all(axis=0)
    silent = int((answered[1] & ~answered[0]).sum())
    if not both.any():
        raise InputError("no labelled keypoint was found by both sides; check their keypoints")
    count = both.sum(axis=1).astype(np.float64)  # (N,)
    change = np.where(both, off[0] - off[1], 0.0).sum(axis=1)

    def mean(weights: np.ndarray) -> np.ndarray:
        return ((weights @ change) / np.maximum(weights @ count, 1e-12))[:, None]

    rng = np.random.default_rng(cfg.seed)
    drawn = bootstrap.resample(mean, blocks, rng, cfg.resamples)
    low, high = bootstrap.percentile_interval(drawn, cfg.level)[:, 0].tolist()
    count_blocks = len(np.unique(blocks[both.any(axis=1)]))
    reason = _against(low, high, silent, count_blocks)
    return {
        "points": int(both.sum()),
        "blocks": count_blocks,
        "unanswered": silent,
        "candidate_px": float(off[0][both].mean()),
        "base_px": float(off[1][both].mean()),
        "difference_px": float((off[0] - off[1])[both].mean()),
        "interval": [low, high],
        "accepted": reason is None,
        "reason": reason,
    }


def _against(low: float, high: float, silent: int, blocks: int) -> str | None:
    """Say why a change is not accepted; None where it is."""
    if silent:
        return f"it leaves {silent} keypoints out that the base finds"
    if blocks < LEAST_BLOCKS:
        return (
            f"too few blocks ({blocks}); label frames of at least {LEAST_BLOCKS} times that "
            "are block_s apart"
        )
    if high < 0:
        return None
    return "the interval reaches 0" if low <= 0 else "it is worse"
