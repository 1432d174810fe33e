"""Stage `fit-pose-prior`: 3D poses to the poses that an animal takes, for the tier `gimbal`.

reads   sources   3D pose files of one skeleton and one world direction `up`
writes  out       a pose prior (.nc), which holds for any rig and any units
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt

from gambol.core import poses as core_poses
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.io import pose_prior as io_prior
from gambol.io import poses as io_poses
from gambol.multiview import pose_prior
from gambol.stages import matching


class PriorConfig(Config):
    """Settings of the stage."""

    states: PositiveInt | None = None  # null: one for every 20 frames, at most 120
    body_axis: tuple[str, str] | None = None  # rear and front; null: found
    transitions: bool = False  # learn which pose follows which, too
    confidence: float = Field(default=0.5, ge=0, le=1)  # points below are not learned from
    seed: NonNegativeInt = 0


class Learned(NamedTuple):
    """What was made."""

    prior: Path
    frames: int
    states: int
    body_axis: tuple[str, str]
    units: str


def run(
    cfg: PriorConfig, sources: list[Path], out: Path, *, progress: Progress = silent
) -> Learned:
    """Learn a prior from all animals of all files.

    Args:
        cfg: settings.
        sources: 3D pose files.
        out: the prior (.nc).
        progress: told of every file.
    """
    if out.suffix != ".nc":
        raise InputError(f"{out} is no pose prior; let its name end in .nc")
    parts = []
    for number, source in enumerate(sources, start=1):
        if matching.kind(source) != "poses3d":
            raise InputError(f"{source} holds no 3D poses; give files of gambol triangulate")
        parts.append((source, io_poses.read(source)))
        progress(Step("read", number, len(sources), source.name))
    first, made = parts[0]
    skeleton, units = core_poses.skeleton(made), str(made.attrs.get("units", "unknown"))
    up = _up(made)
    xyz, covariance = [], []
    for source, one in parts:
        if core_poses.skeleton(one) != skeleton:
            raise InputError(f"{source} and {first} have different skeletons; learn them apart")
        if str(one.attrs.get("units", "unknown")) != units:
            raise InputError(
                f"{source} and {first} are in different units; convert one of them"
            )
        if not np.allclose(_up(one), up, atol=1e-6):
            raise InputError(
                f"{source} and {first} have different `up`; align their rigs first"
            )
        sure = core_poses.points(one, "confidence") >= cfg.confidence
        where = np.where(sure[..., None], core_poses.xy(one), np.nan).astype(float)
        xyz.append(where.swapaxes(0, 1).reshape(-1, *where.shape[2:]))
        spread = core_poses.covariance(one).astype(float)
        covariance.append(spread.swapaxes(0, 1).reshape(-1, *spread.shape[2:]))
    every, wide = np.concatenate(xyz), np.concatenate(covariance)
    if not skeleton.bones:
        raise InputError(
            f"{first}: its skeleton has no bones; triangulate with --skeleton and learn again"
        )
    learned = pose_prior.fit_prior(
        np.random.default_rng(cfg.seed),
        every,
        skeleton,
        covariance=wide,
        up=up,
        units=units,
        n_states=cfg.states,
        body_axis=cfg.body_axis,
        chained=cfg.transitions,
    )
    io_prior.write(learned._asdict(), out)
    return Learned(out, len(every), len(learned.weights), learned.body_axis, units)


def describe(values: dict[str, Any]) -> str:
    """Say what was learned."""
    rear, front = values["body_axis"]
    return (
        f"{values['prior']}: {values['states']} poses learned from {values['frames']} frames; "
        f"the heading is from {rear} to {front}"
    )


def _up(made: Any) -> np.ndarray:
    return np.array(json.loads(made.attrs.get("up", "[0, 0, 1]")), float)
