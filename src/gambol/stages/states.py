"""Stage `states`: from syllables to states in one go, as the published tutorial does.

reads   sources         recordings of syllables, videos of the same names beside them if any
writes  out/memory/     `mutual-information`: how long states can be expected to last
        out/scan/       `scan-states`: which stickiness and how many states
        out/fit/        `fit-states` with these, on all recordings
        out/movies/     `state-movies`, where there are videos
"""

from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field, PositiveInt, model_validator

from gambol.behavior.state_settings import StateSettings
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, silent
from gambol.stages import (
    fit_states,
    mutual_information,
    scan_states,
    state_movies,
    state_results,
    syllable_files,
)


class StatesConfig(Config):
    """Settings of the stage; those of each step are its own."""

    fps: float | None = Field(default=None, gt=0)  # where the files do not say it
    label: str = "syllable"  # column, dataset or variable of the labels
    lags: mutual_information.InformationConfig = mutual_information.InformationConfig()
    scan: scan_states.ScanConfig = scan_states.ScanConfig(states=(3, 5, 8), seeds=4)
    iterations: PositiveInt = 200  # sweeps of the fit that is used in the end
    movies: state_movies.MovieConfig = state_movies.MovieConfig()

    @model_validator(mode="after")
    def _said_once(self) -> "StatesConfig":
        syllable_files.said_above(self, "lags", ("fps", "label"))
        syllable_files.said_above(self, "scan", ("fps", "label", "lags"))
        return self


class Told(NamedTuple):
    """What was found."""

    out: Path
    memory: Path
    scan: Path
    fit: Path
    movies: tuple[Path, ...]
    trans_kappa: float
    n_states: int
    median_s: float
    sentences: tuple[str, ...]


def run(
    cfg: StatesConfig,
    sources: list[Path],
    out: Path,
    *,
    threads: int = 0,
    progress: Progress = silent,
) -> Told:
    """Do what is missing in `out`; each step goes on where it was killed.

    Args:
        cfg: settings.
        sources: files, folders or patterns of syllables.
        out: folder.
        threads: that work side by side; processes, in the scan; 0 is all cores.
        progress: told of every step's own steps.
    """
    read = {"fps": cfg.fps, "label": cfg.label}
    memory = mutual_information.run(
        cfg.lags.model_copy(update=read), sources, out / "memory", threads=threads,
        progress=progress,
    )  # fmt: skip
    scan = scan_states.run(
        cfg.scan.model_copy(update={**read, "lags": cfg.lags}), sources, out / "scan",
        workers=threads, progress=progress,
    )  # fmt: skip
    model = fit_states.FitConfig(
        **{name: getattr(cfg.scan, name) for name in StateSettings.model_fields}
    ).model_copy(
        update={
            **read, "trans_kappa": scan.trans_kappa, "n_states": scan.n_states,
            "iterations": cfg.iterations, "lags": cfg.lags,
        }
    )  # fmt: skip
    fit = fit_states.run(model, sources, out / "fit", threads=threads, progress=progress)
    made, remarks = _filmed(cfg, sources, out, progress)
    return Told(
        out, memory.result, scan.out, fit.run, made, scan.trans_kappa, scan.n_states,
        fit.median_s, (*memory.sentences, *scan.reasons, *fit.remarks, *remarks),
    )  # fmt: skip


def _filmed(
    cfg: StatesConfig, sources: list[Path], out: Path, progress: Progress
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Make movies where there are videos beside the recordings; say why there are none."""
    found = syllable_files.read(sources, cfg.fps, cfg.label).sources
    if not any(source.video for source in found):
        return (), ()
    try:
        filmed = state_movies.run(
            cfg.movies, [out / "fit" / "states"], out / "movies", centroids=sources,
            progress=progress,
        )  # fmt: skip
    except InputError as error:  # all the rest is made, and of use without
        return (), (f"no movies: {error}",)
    return tuple(filmed.out / name for name in filmed.movies), filmed.remarks


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what was found."""
    rows = [
        *values["sentences"],
        f"{values['n_states']} states, trans_kappa {values['trans_kappa']:g}; "
        f"{state_results.lasting(values['median_s'])}",
        f"read {values['fit']}/report.html first, then {values['scan']}/report.html",
    ]
    if values["movies"]:
        rows.append(f"{len(values['movies'])} movies in {values['out']}/movies")
    return "\n".join(rows)
