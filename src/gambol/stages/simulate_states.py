"""Stage `simulate-states`: recordings of syllables whose states are known.

writes  out/syllables/NAME.csv    syllable and centroid of every frame
        out/truth/NAME.csv        state of every frame
        out/truth.nc              the parameters that made them
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import xarray as xr
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from gambol.core.config import Config
from gambol.core.progress import Progress, Step, silent
from gambol.core.sequences import recording
from gambol.io import state_courses, store
from gambol.simulate import sequences
from gambol.stages import syllable_files


class SimulateConfig(Config):
    """Settings of the stage."""

    recordings: PositiveInt = 6  # that are made
    frames: PositiveInt = 18_000  # of each
    fps: PositiveFloat = 30.0  # frames a second
    syllables: PositiveInt = 20  # kinds of them
    states: PositiveInt = 5  # kinds of them
    syllable_s: PositiveFloat = 0.4  # mean length of a bout of a syllable
    state_s: PositiveFloat = 20.0  # and of a state
    seed: NonNegativeInt = 0


class Simulated(NamedTuple):
    """What was made."""

    out: Path
    recordings: int
    frames: int
    fps: float


def run(cfg: SimulateConfig, out: Path, *, progress: Progress = silent) -> Simulated:
    """Simulate, unless `out` holds just this."""
    made = syllable_files.key("simulate-states", cfg, {})
    told = Simulated(out, cfg.recordings, cfg.recordings * cfg.frames, cfg.fps)
    if syllable_files.finished(out, made):
        return told
    syllable_files.begin(out, made)
    world = sequences.hierarchical(
        cfg.recordings, cfg.frames, syllables=cfg.syllables, states=cfg.states,
        dwell_frames=cfg.syllable_s * cfg.fps, state_s=cfg.state_s, fps=cfg.fps,
        random_state=cfg.seed, centroids=True,
    )  # fmt: skip
    seq = world.sequences
    for folder in ("syllables", "truth"):
        (out / folder).mkdir(exist_ok=True)
    for r, name in enumerate(seq.names):
        span = slice(seq.offsets[r], seq.offsets[r + 1])
        place = None if world.centroids is None else world.centroids[span].round(2)
        values, _ = recording(seq, r)
        state_courses.write_syllables(values, out / "syllables" / f"{name}.csv", place)
        truth = pd.DataFrame({"state": world.states[span]})
        state_courses.write_table(truth, out / "truth" / f"{name}.csv")
        progress(Step("simulate-states", r + 1, cfg.recordings, name))
    store.write_dataset(
        xr.Dataset(
            {
                "theta": (("state", "syllable", "syllable_next"), world.theta),
                "trans_probs": (("state", "state_next"), world.trans),
            },
            attrs={"settings": json.dumps(cfg.model_dump(mode="json")), "fps": cfg.fps},
        ),
        out / "truth.nc",
    )
    syllable_files.finish(out, made, {"stage": "simulate-states"})
    return told


def describe(values: dict[str, Any]) -> str:
    """Say what was made, and what to do with it."""
    out = values["out"]
    return (
        f"{out}: {values['recordings']} recordings, {values['frames']} frames at "
        f"{values['fps']:g} frames/s\n"
        f"next: gambol fit-states {out}/syllables --fps {values['fps']:g} --out run"
    )
