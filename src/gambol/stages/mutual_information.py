"""Stage `mutual-information`: how long do recordings remember what was done?

reads   sources                        recordings of syllables
writes  out/mutual_information.nc      curves of the recordings, of Markov chains with equal
                                       transitions and of surrogates, with intervals
        out/mutual_information.csv     the same, a line a lag
        out/report.html                the figure, and what it says
"""

from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from gambol.behavior import information
from gambol.core.progress import Progress, Step, silent
from gambol.core.sequences import Sequences
from gambol.io import provenance, state_courses, store
from gambol.stages import syllable_files
from gambol.stages.syllable_files import SyllableConfig
from gambol.viz import report_states


class InformationConfig(SyllableConfig):
    """Settings of the stage: which lags are measured, and how."""

    lags: PositiveInt = 40  # as many, spaced evenly on a logarithmic scale
    shortest_s: PositiveFloat = 1.0  # the first lag
    longest_s: PositiveFloat = 300.0  # the last lag, if recordings are long enough
    surrogates: PositiveInt = 8
    # pairings of different recordings at random shifts; their mean is the bias that is taken
    # off: a lag's curve is a matter of chance where it is no higher
    resamples: NonNegativeInt = 1000  # of recordings, behind the intervals
    units: Literal["nats", "bits"] = "nats"  # of the information
    seed: NonNegativeInt = 0


class Informed(NamedTuple):
    """What was found."""

    result: Path
    recordings: int
    frames: int
    chance_lag_s: float  # from where recordings tell no more than chance
    markov_chance_lag_s: float  # the same of Markov chains with their transitions
    half_life_s: float
    units: str
    sentences: tuple[str, ...]


def run(
    cfg: InformationConfig,
    sources: list[Path],
    out: Path,
    *,
    threads: int = 0,
    progress: Progress = silent,
) -> Informed:
    """Measure recordings, unless `out` holds just this.

    Args:
        cfg: settings.
        sources: files, folders or patterns.
        out: folder.
        threads: that work side by side; 0 is all cores.
        progress: told at the beginning and the end.
    """
    target = out / "mutual_information.nc"
    inputs = syllable_files.hashes(sources)
    made = syllable_files.key("mutual-information", cfg, inputs)
    if syllable_files.finished(out, made):
        progress(Step("mutual-information", 1, 1, out.name))
        return _told(target, store.read_dataset(target))
    read = syllable_files.read(sources, cfg.fps, cfg.label, cfg.n_syllables)
    syllable_files.begin(out, made)
    progress(Step("mutual-information", 0, 1, out.name))
    told = measure(cfg, read.sequences, threads)
    store.write_dataset(told, target)
    state_courses.write_table(
        told[[n for n in told.data_vars if told[n].dims == ("lag",)]].to_dataframe(),
        out / "mutual_information.csv",
    )
    found = provenance.record(stage="mutual-information", inputs=inputs)
    shown = {name: value for name, value in found.items() if name != "inputs"}
    made_page = report_states.InformationPage(
        told, out.name, settings=cfg.yaml(), provenance=shown
    )
    store.write_text(report_states.information_page(made_page), out / "report.html")
    syllable_files.finish(out, made, found)
    progress(Step("mutual-information", 1, 1, out.name))
    return _told(target, told)


def measure(cfg: InformationConfig, seq: Sequences, threads: int = 0) -> xr.Dataset:
    """Return the curves of recordings in memory."""
    return information.lagged(
        seq,
        _seconds(cfg),
        surrogates=cfg.surrogates,
        random_state=cfg.seed,
        bootstrap=cfg.resamples,
        units=cfg.units,
        threads=threads or None,
    )


def lags_of(cfg: InformationConfig, seq: Sequences) -> np.ndarray:
    """Return the lags, in frames; an error in words if recordings are too short for any."""
    return information.lags_of(seq, _seconds(cfg))


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what recordings remember."""
    head = f"{values['result']}: {values['recordings']} recordings, {values['frames']} frames"
    return "\n".join([head, *values["sentences"]])


def _seconds(cfg: InformationConfig) -> np.ndarray:
    return np.geomspace(cfg.shortest_s, cfg.longest_s, cfg.lags)


def _told(path: Path, told: xr.Dataset) -> Informed:
    return Informed(
        path,
        int(told.attrs["recordings"]),
        int(told.attrs["frames"]),
        float(told["chance_lag_s"]),
        float(told["markov_chance_lag_s"]),
        float(told["half_life_s"]),
        str(told.attrs["units"]),
        tuple(str(told.attrs["sentences"]).splitlines()),
    )
