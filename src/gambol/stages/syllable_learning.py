"""How much data a model of syllables needs: held-out score against minutes of recordings.

A quarter is held out: whole recordings where there are four or more, else the end of each. Fits
to growing shares of the rest, each from the beginning of a recording, foretell it; a curve that
still rises asks for more recordings.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field, PositiveInt

from gambol.behavior.slds_start import Calibration
from gambol.behavior.syllable_settings import DynamicsSettings, SyllableSettings
from gambol.core.config import Config
from gambol.core.progress import Progress
from gambol.io import state_courses
from gambol.kernels import streams
from gambol.stages import syllable_inputs, syllable_models
from gambol.stages.syllable_inputs import Inputs

_HELD = 4  # one part of so many is held out
_FEWEST = 50  # frames of a recording that a share of it has at least


class LearningConfig(Config):
    """How the amount of data is judged."""

    shares: tuple[float, ...] = (0.25, 0.5, 1.0)  # of what is not held out; empty: not judged
    iterations: PositiveInt = 50  # sweeps of the whole model in each of these fits
    gap_s: float = Field(default=2.0, ge=0)  # left out before ends that are held out


class Split(NamedTuple):
    """Which frames of recordings are fitted to, and which are foretold."""

    fitted: dict[str, tuple[int, int]]
    held: dict[str, tuple[int, int]]


def run(
    cfg: LearningConfig,
    settings: DynamicsSettings,
    inputs: Inputs,
    folder: Path,
    *,
    calibration: Calibration | None,
    checkpoint_s: float,
    threads: int,
    progress: Progress,
) -> pd.DataFrame:
    """Return minutes and scores, a row a share; what was fitted before is not fitted again."""
    path = folder / "learning.csv"
    if path.exists():
        return pd.read_csv(path)
    folder.mkdir(parents=True, exist_ok=True)
    cut = split(seen(inputs), inputs.fps, cfg.gap_s)
    held = syllable_inputs.parts(inputs, cut.held)
    rows = []
    changes = {"iterations": cfg.iterations} if isinstance(settings, SyllableSettings) else {}
    for share in sorted(cfg.shares):
        spans = {
            name: (start, start + max(_FEWEST, round(share * (stop - start))))
            for name, (start, stop) in cut.fitted.items()
        }
        known = syllable_inputs.parts(inputs, spans)
        ready = syllable_models.prepare(settings.model_copy(update=changes), known, calibration)
        chain = syllable_models.grow(
            ready, folder / f"share-{share:g}.nc", seconds=checkpoint_s, threads=threads,
            progress=progress,
        )  # fmt: skip
        told = syllable_models.score(ready.take(chain), held, threads)
        frames = sum(known.frames.values())
        rows.append({"share": share, "minutes": frames / inputs.fps / 60, **_means(told)})
    table = pd.DataFrame(rows)
    state_courses.write_table(table, path)
    for share in cfg.shares:
        (folder / f"share-{share:g}.nc").unlink(missing_ok=True)
    return table


def seen(inputs: Inputs) -> dict[str, int]:
    """Return the frames of each recording up to the last that has a keypoint."""
    held = {}
    for name, count in inputs.frames.items():
        there = np.ones(count, bool)
        if name in inputs.tracks:
            there = ~np.isnan(inputs.tracks[name].xy[..., 0]).all(axis=1)
        held[name] = int(np.flatnonzero(there)[-1]) + 1 if there.any() else 0
    return {name: count for name, count in held.items() if count}


def split(frames: dict[str, int], fps: float, gap_s: float) -> Split:
    """Hold out a quarter.

    Args:
        frames: of each recording.
        fps: frames a second.
        gap_s: left out between what is fitted and what is held out of one recording.
    """
    names = sorted(frames, key=lambda name: streams.key(0, "held out", name))
    if len(names) >= _HELD:
        held = names[: len(names) // _HELD]
        return Split(
            fitted={name: (0, frames[name]) for name in sorted(names) if name not in held},
            held={name: (0, frames[name]) for name in sorted(held)},
        )
    ends = {name: n - n // _HELD for name, n in frames.items()}
    gap = round(gap_s * fps)
    return Split(
        fitted={name: (0, max(1, ends[name] - gap)) for name in sorted(names)},
        held={name: (ends[name], frames[name]) for name in sorted(names)},
    )


def column(table: pd.DataFrame) -> str:
    """Return the score to look at: that of hidden keypoints where there are any."""
    return "held_out" if "held_out" in table else "per_frame"


def _means(told: xr.Dataset) -> dict[str, float]:
    """Return the means of scores over recordings, by frames or points."""
    table = told.to_dataframe()
    out = {}
    for name in table:
        if name in ("frames", "points", "log_evidence"):
            continue
        weight = table["points" if str(name).startswith("held_out") else "frames"]
        out[str(name)] = float(np.average(table[name], weights=np.maximum(weight, 1e-12)))
    return out
