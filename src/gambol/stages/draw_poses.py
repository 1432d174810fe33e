"""Stage `draw-poses`: 3D poses to whole trajectories that could have been, instead of the best.

reads   poses   3D poses of `gambol triangulate`, by robust, distance, gimbal or auto; and the
                2D poses that they were made from
        prior   the pose prior that `triangulate` was given, if it was
writes  out     draws from the posterior, and whether chains mixed
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from pydantic import Field, NonNegativeInt, PositiveInt

import gambol
from gambol.core import poses as core_poses
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.io import pose_draws, provenance, store
from gambol.io import pose_prior as io_prior
from gambol.io import poses as io_poses
from gambol.kernels import streams
from gambol.multiview import draws, reconstruct
from gambol.multiview.pose_prior import PosePrior
from gambol.multiview.tiers import base
from gambol.stages import seen_3d

MIXED = 1.1  # R̂ up to which chains agree


class DrawConfig(Config):
    """Settings of the stage."""

    draws: PositiveInt = 200  # that are kept of every animal, of all chains
    warm: NonNegativeInt = 100  # sweeps of each chain that are forgotten
    thin: PositiveInt = 5  # sweeps for one draw
    chains: int = Field(default=2, ge=2)  # that begin at the best poses, and have to agree
    seed: NonNegativeInt = 0  # of everything random


class Drew(NamedTuple):
    """What was drawn."""

    out: Path
    draws: int
    individuals: tuple[str, ...]
    acceptance: float  # share of moves that were taken, of the animal with fewest
    size: float  # least effective number of draws
    rhat: float  # largest split-R̂
    mixed: bool


def run(
    cfg: DrawConfig,
    poses: Path,
    out: Path,
    *,
    prior: Path | None = None,
    progress: Progress = silent,
) -> Drew:
    """Draw, unless `out` was made from just this."""
    if out.suffix != ".nc":
        raise InputError(f"{out} is no file of draws; let its name end in .nc")
    inputs = [poses, *([prior] if prior is not None else [])]
    hashes = {str(path): store.file_hash(path) for path in inputs}
    key = " ".join([gambol.__version__, cfg.fingerprint(), *hashes.values()])
    if out.exists():
        there = pose_draws.about(out)
        if there is None:
            raise InputError(f"{out} exists and holds no draws; choose another --out")
        if there.get("made_from") == key:
            progress(Step("draw-poses", 1, 1, out.name))
            return summary(out)
    made = io_poses.read(poses)
    if "outlier_probability" not in made:
        raise InputError(f"{poses} holds no 3D poses of gambol triangulate")
    each = cfg.draws // cfg.chains * cfg.chains
    if each == 0:
        raise InputError(f"draws: {cfg.draws} is fewer than the {cfg.chains} chains")
    seen = seen_3d.behind(poses, made, {})
    if seen.found is None:
        raise InputError(
            f"{poses}: its 2D poses are needed, but {seen.note or 'it does not name them'}; "
            "triangulate again"
        )
    names = [str(name) for name in made["individuals"].values]
    with pose_draws.writing(made, each, out) as (keep, about):
        mixing = {
            name: _of_animal(cfg, made, seen, n, keep, prior, progress)
            for n, name in enumerate(names)
        }
        about |= {
            "made_from": key,
            "mixing": {name: one._asdict() for name, one in mixing.items()},
            "settings": cfg.model_dump(mode="json"),
            "provenance": provenance.record(stage="draw-poses", inputs=hashes),
        }
    return summary(out)


def summary(out: Path) -> Drew:
    """Say what a file of draws holds."""
    held = pose_draws.read(out)
    every = json.loads(held.attrs["mixing"])
    sizes = [size for one in every.values() for size in one["size"].values()]
    rhats = [rhat for one in every.values() for rhat in one["rhat"].values()]
    most = float(np.max(rhats))
    return Drew(
        out, held.sizes["draw"], tuple(map(str, held["individuals"].values)),
        min(float(one["acceptance"]) for one in every.values()), float(np.min(sizes)), most,
        most <= MIXED,
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines whether to believe the draws."""
    rows = [
        f"{values['out']}: {values['draws']} draws of {', '.join(values['individuals'])}; "
        f"effective number {values['size']:.0f} at least, split-R̂ {values['rhat']:.2f} at most"
    ]
    if not values["mixed"]:
        rows.append("chains do not agree yet: ask for more, --set draws=1000 or thin=20")
    return "\n".join(rows)


def _of_animal(
    cfg: DrawConfig,
    made: xr.Dataset,
    seen: seen_3d.Behind,
    n: int,
    keep: pose_draws.Keep,
    prior: Path | None,
    progress: Progress,
) -> draws.Mixing:
    """Draw trajectories of one animal."""
    name = str(made["individuals"].values[n])
    count = 0

    def one(drawn: draws.Drawn) -> None:
        nonlocal count
        keep(count, n, drawn.xyz)
        count += 1

    settings = json.loads(made.attrs["settings"])
    problem = seen_3d.problem(made, seen, n)._replace(
        progress=lambda step: progress(Step("draw-poses", step.done, step.total, name))
    )
    return draws.draw(
        streams.generator(cfg.seed, "draws", name),
        problem,
        core_poses.xy(made)[:, n].astype(float),
        reconstruct.learned(made)[name],
        base.tiers.parse(settings["tier"]),
        one,
        prior=None if prior is None else PosePrior(**io_prior.read(prior)),
        count=cfg.draws // cfg.chains * cfg.chains,
        warm=cfg.warm,
        thin=cfg.thin,
        chained=cfg.chains,
    )
