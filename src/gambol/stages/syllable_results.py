"""The syllables of recordings in a folder: files, tables, what a reader has to know.

A folder of syllables holds syllables/NAME.nc, syllables.csv, results.h5 and tables of bouts,
durations and usage, whichever stage wrote it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field

from gambol.behavior import syllables
from gambol.behavior.gibbs import side_by_side
from gambol.core.config import Config
from gambol.core.progress import Progress, Step
from gambol.core.sequences import Sequences
from gambol.io import state_courses, syllable_runs
from gambol.stages import state_results, syllable_inputs, syllable_models
from gambol.stages.syllable_inputs import Inputs
from gambol.stages.syllable_models import Model

SHOWN = 0.005  # share of the frames from which a syllable counts as used


class Written(Config):
    """What is written of each recording."""

    labels: Literal["averaged", "path"] = "averaged"
    # the most probable syllable of each frame, averaged over 100 sweeps of all that is hidden;
    # or the path of the most probable latents, in a hundredth of the time: its probabilities
    # are too sure, and with share_mean above 0.1 its labels are worse
    csv: bool = Field(default=True)  # syllables.csv, a row a frame of all recordings


def write(
    cfg: Written,
    folder: Path,
    model: Model,
    inputs: Inputs,
    sample: Mapping[str, np.ndarray],
    about: Mapping[str, Any],
    *,
    threads: int = 1,
    progress: Progress,
) -> Sequences:
    """Write all of it; files of recordings that are there already stay.

    Args:
        cfg: what is written.
        folder: of the run.
        model: fitted.
        inputs: recordings, each labelled as if it were alone.
        sample: labels of the last sweep, by recording; none for new recordings.
        about: what made them.
        threads: that work side by side, a recording each, which is all that is in memory.
        progress: told of every file.
    """
    inner = folder / "syllables"
    inner.mkdir(exist_ok=True)

    def one(name: str) -> str:
        path = inner / f"{name}.nc"
        if not path.exists():
            held = syllable_inputs.alone(inputs, name)
            found = syllable_models.predict(model, held, name)
            averaged = cfg.labels == "averaged"
            chance = syllable_models.probabilities(model, held, name, averaged)
            if averaged:
                found = found.assign(syllable=("time", most_probable(chance)))
            attrs = {**about, **origin(inputs, name)}
            course = syllable_runs.build(found, chance, sample.get(name), attrs)
            syllable_runs.write(course, path)
        return name

    names = inputs.names
    for done, name in enumerate(side_by_side(one, names, threads)):
        progress(Step("syllables", done + 1, len(names), name))
    if cfg.csv and not (folder / "syllables.csv").exists():
        syllable_runs.write_table(courses(folder), folder / "syllables.csv")
    if not (folder / "results.h5").exists():
        syllable_runs.write_exchange(courses(folder), inputs.fps, folder / "results.h5")
    labels = read(folder, inputs.fps, model.settings.n_states)
    tables(labels, folder)
    return labels


def most_probable(chance: np.ndarray) -> np.ndarray:
    """Return the most probable syllable (T,) of each frame, -1 where there is none.

    >>> most_probable(np.array([[np.nan, np.nan], [0.2, 0.8]])).tolist()
    [-1, 1]
    """
    known = np.isfinite(chance[:, 0])
    return np.where(known, np.where(known[:, None], chance, 0.0).argmax(axis=1), -1)


def courses(folder: Path) -> Iterator[tuple[str, xr.Dataset]]:
    """Go through the recordings of a folder of syllables, one in memory at a time."""
    for path in sorted((folder / "syllables").glob("*.nc")):
        if not path.name.startswith("."):
            yield path.stem, syllable_runs.read(path)


def read(folder: Path, fps: float, n_states: int) -> Sequences:
    """Return the labels of a folder."""
    labels = {name: one["syllable"].values.astype(np.int64) for name, one in courses(folder)}
    return syllables.packed(labels, fps, n_states)


def tables(labels: Sequences, folder: Path) -> None:
    """Write bouts, durations and usage as CSV."""
    state_results.write_tables(labels, folder)


def origin(inputs: Inputs, name: str) -> dict[str, str]:
    """Return whose recording it is, for those who look for its video or its poses."""
    known = inputs.origins[name]
    return {
        "recording": known.recording, "individual": known.individual,
        "poses": str(known.source), "source_file": known.video,
    }  # fmt: skip


def write_scores(scores: xr.Dataset, path: Path) -> pd.DataFrame:
    """Write how well a model foretells recordings, and return it as a table."""
    table = scores.to_dataframe().reset_index()
    state_courses.write_table(table, path)
    return table


def judged(labels: Sequences) -> dict[str, Any]:
    """Return what syllables are like, in numbers."""
    every = [labels.values[a:b].astype(np.int64) for a, b in _spans(labels)]
    valid = [labels.valid[a:b] for a, b in _spans(labels)]
    held = [np.where(v, z, -1) for z, v in zip(every, valid, strict=True)]
    share = syllables.usage(held, labels.size)
    median = syllables.median_duration(held) / labels.fps
    return {"syllables_used": int((share >= SHOWN).sum()), "median_s": median}


def beaten(table: pd.DataFrame) -> list[str]:
    """Say in sentences whether a model foretells better than its baselines."""
    said = []
    for column, unit in (("held_out", "nats a hidden keypoint"), ("per_frame", "nats a frame")):
        if column not in table:
            continue
        weight = table["points" if column == "held_out" else "frames"].to_numpy(float)
        names = [column, f"{column}_gaussian", f"{column}_first_order"]
        own, plain, step = (
            float(np.average(table[name], weights=np.maximum(weight, 1e-12))) for name in names
        )
        words = "above" if own > max(plain, step) else "NOT above"
        said.append(
            f"{own:.3f} {unit}, {words} a Gaussian ({plain:.3f}) and one linear step "
            f"({step:.3f})"
        )
    return said


def _spans(labels: Sequences) -> list[tuple[int, int]]:
    edges = labels.offsets.tolist()
    return list(zip(edges[:-1], edges[1:], strict=True))
