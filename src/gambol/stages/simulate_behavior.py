"""Stage `simulate-behavior`: poses of animals whose syllables are known; no film is made.

writes  out/poses/NAME.nc       poses as a tracker gives them, with noise and drop-outs
        out/truth/NAME.csv      syllable and centroid of every frame
        out/truth.nc            the parameters that made them
"""

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from gambol.core.config import Config
from gambol.core.progress import Progress, Step, silent
from gambol.io import state_courses, store
from gambol.kernels import streams
from gambol.simulate import behaviors, faults, switching
from gambol.stages import syllable_files


class BehaviorConfig(Config):
    """Settings of the stage."""

    recordings: PositiveInt = 4  # that are made, of one animal each
    frames: PositiveInt = 6000  # of each
    fps: PositiveFloat = 30.0  # frames a second
    animal: Literal["mouse", "fly"] = "mouse"  # whose body moves
    space: Literal[2, 3] = 2  # seen from above, px; or in space, mm
    syllables: int = Field(default=6, ge=2)  # kinds of them
    dims: PositiveInt = 4  # of the latents
    syllable_s: PositiveFloat = 0.5  # mean length of a bout
    spread: PositiveFloat = 1.5  # of syllables against their own noise; more is easier
    noise: NonNegativeFloat = 1.0  # sd of a keypoint, px or mm
    absent: float = Field(default=0.02, ge=0, lt=1)  # share of keypoints without a detection
    outlier: float = Field(default=0.0, ge=0, lt=1)  # share that is several body lengths off
    covariance: bool = True  # whether files say the noise; else the confidence alone does
    seed: NonNegativeInt = 0


class Simulated(NamedTuple):
    """What was made."""

    out: Path
    recordings: int
    frames: int
    fps: float
    front: str  # keypoint; the animal heads from `rear` to it
    rear: str
    median_s: float  # of complete bouts


def run(cfg: BehaviorConfig, out: Path, *, progress: Progress = silent) -> Simulated:
    """Simulate, unless `out` holds just this."""
    made = syllable_files.key("simulate-behavior", cfg, {})
    if syllable_files.finished(out, made):
        return summary(out)
    law = switching.law(
        streams.generator(cfg.seed, "law"), syllables=cfg.syllables, dims=cfg.dims,
        space=cfg.space, animal=cfg.animal, duration_s=cfg.syllable_s, fps=cfg.fps,
        spread=cfg.spread,
    )  # fmt: skip
    syllable_files.begin(out, made)
    for folder in ("poses", "truth"):
        (out / folder).mkdir(exist_ok=True)
    bouts: list[np.ndarray] = []
    for r in range(cfg.recordings):
        name = f"recording_{r:03d}"
        rng = streams.generator(cfg.seed, "recording", r)
        done = switching.sample(rng, law, cfg.frames, animal=cfg.animal, fps=cfg.fps)
        label = done.performed.label
        store.write_dataset(_recorded(cfg, rng, done), out / "poses" / f"{name}.nc")
        place = done.performed.centroid[:, :2].round(3)
        state_courses.write_syllables(label, out / "truth" / f"{name}.csv", place)
        edges = np.flatnonzero(np.diff(label)) + 1
        bouts.append(np.diff(edges))
        progress(Step("simulate-behavior", r + 1, cfg.recordings, name))
    _write_law(cfg, law, out / "truth.nc")
    every = np.concatenate(bouts)
    body = behaviors.body(cfg.animal)
    median = float(np.median(every) / cfg.fps) if len(every) else float("nan")
    note = {
        "recordings": cfg.recordings, "frames": cfg.recordings * cfg.frames, "fps": cfg.fps,
        "front": body.front, "rear": body.rear, "median_s": median,
    }  # fmt: skip
    syllable_files.finish(out, made, {"stage": "simulate-behavior", **note})
    return summary(out)


def summary(out: Path) -> Simulated:
    """Say what lies in the folder."""
    note = store.read_json(out / "provenance.json")
    return Simulated(
        out, note["recordings"], note["frames"], note["fps"], note["front"], note["rear"],
        syllable_files.number(note["median_s"]),
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say what was made, and what to do with it."""
    out = values["out"]
    return (
        f"{out}: {values['recordings']} recordings, {values['frames']} frames at "
        f"{values['fps']:g} frames/s; bouts last {values['median_s']:.3g} s (median)\n"
        f"next: gambol syllables {out}/poses --anterior {values['front']} --posterior "
        f"{values['rear']} --target {values['median_s']:.2g} --out {out}/run"
    )


def _recorded(
    cfg: BehaviorConfig, rng: np.random.Generator, done: switching.Switched
) -> xr.Dataset:
    """Return the poses of a recording as a tracker gives them."""
    wrong = faults.Faults(noise=cfg.noise, absent=cfg.absent, outlier=cfg.outlier, spike=0.0)
    poses = faults.track(rng, done.performed, wrong).poses
    return poses if cfg.covariance else poses.drop_vars("covariance")


def _write_law(cfg: BehaviorConfig, law: switching.Law, path: Path) -> None:
    held = {
        "trans_probs": (("syllable", "syllable_next"), law.trans),
        "dynamics": (("syllable", "latent", "latent_b"), law.dynamics),
        "bias": (("syllable", "latent"), law.bias),
        "noise": (("syllable", "latent", "latent_b"), law.noise),
        "loadings": (("keypoint", "space", "latent"), law.loadings),
        "offset": (("keypoint", "space"), law.offset),
    }
    attrs = {"settings": json.dumps(cfg.model_dump(mode="json")), "fps": cfg.fps}
    store.write_dataset(xr.Dataset(held, attrs=attrs), path)
