"""Stage `map`: from poses to a map of behaviour and movies of its regions in one go.

reads   sources         pose files, raw or cleaned, 2D or 3D; or files of features
        animals         optional: a table of recordings, their animals and groups
        videos          optional: films of the same names
writes  out/            `fit-map`: model, places, tables and report.html
        out/movies/     `syllable-movies` of every region
"""

from pathlib import Path
from typing import Any, NamedTuple

from pydantic import model_validator

from gambol.core.errors import InputError
from gambol.core.progress import Progress, silent
from gambol.core.shares import Share
from gambol.multiview.windows import cores
from gambol.stages import fit_map, map_inputs, syllable_files, syllable_movies
from gambol.stages.fit_map import FitConfig, Fitted
from gambol.stages.movie_settings import SyllableMovieConfig

LABEL = "stay"


class MapConfig(FitConfig):
    """Settings of the stage: those of the map, and of the movies."""

    movies: SyllableMovieConfig | None = SyllableMovieConfig(
        label=LABEL, choice="typical", kinds=("grid",)
    )  # of every region, from the stays that come nearest to its peak; null: none

    @model_validator(mode="after")
    def _said_once(self) -> "MapConfig":
        """Refuse settings of movies that would have no effect."""
        if self.movies is not None:
            syllable_files.said_above(self, "movies", ("fps",))
            if self.movies.label != LABEL:
                raise ValueError(
                    f"movies.label has no effect: movies of a map show each {LABEL}"
                )
        return self

    def fit(self) -> FitConfig:
        """Return the settings of the map."""
        return FitConfig(**{name: getattr(self, name) for name in FitConfig.model_fields})


class Told(NamedTuple):
    """What was found."""

    run: Path
    recordings: int
    frames: int
    regions: int
    on: float  # share of the frames that are on the map
    sure: float  # share of these that have a sure place
    staying: float  # share of these in which the animal stays in a region
    stability: float  # adjusted Rand index of half-sample maps; NaN where not measured
    movies: tuple[str, ...]
    remarks: tuple[str, ...]


def run(
    cfg: MapConfig,
    sources: list[Path],
    out: Path,
    *,
    animals: Path | None = None,
    videos: Path | None = None,
    threads: int = 0,
    progress: Progress = silent,
) -> Told:
    """Do what is missing in `out`; each step goes on where it was killed.

    Args:
        cfg: settings.
        sources: files, folders or patterns.
        out: folder.
        animals: CSV with a row a recording: recording, animal, and a column of groups.
        videos: folder of the films, if they do not lie beside the poses.
        threads: that work side by side; 0 is all cores.
        progress: told of every step's own steps.
    """
    found = fit_map.run(
        cfg.fit(), sources, out, animals=animals, threads=threads or cores(), progress=progress
    )
    movies, remarks = _filmed(cfg, found, sources, videos, progress)
    return Told(*found[:-1], movies, (*found.remarks, *remarks))


def place(
    cfg: MapConfig,
    sources: list[Path],
    out: Path,
    share: Share,
    *,
    animals: Path | None = None,
    threads: int = 0,
    progress: Progress = silent,
) -> list[str]:
    """Place a share of the recordings, as `fit_map.place` does, and return their names."""
    return fit_map.place(
        cfg.fit(), sources, out, share, animals=animals, threads=threads, progress=progress
    )


def _filmed(
    cfg: MapConfig, found: Fitted, sources: list[Path], videos: Path | None, progress: Progress
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Make the movies; say why there are none."""
    if cfg.movies is None:
        return (), ()
    given = map_inputs.pose_files(sources)
    if not given and videos is None:
        return (), ("no movies: the map was made of features; give --videos",)
    try:
        made = syllable_movies.run(
            cfg.movies, [found.run], found.run / "movies", videos=videos, poses=given,
            progress=progress,
        )  # fmt: skip
    except InputError as error:  # the map is made, and of use without
        return (), (f"no movies: {error}",)
    return tuple(f"movies/{name}" for name in made.movies), made.remarks


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what was found."""
    rows = [fit_map.describe(values)]
    if values["movies"]:
        rows.append(f"{len(values['movies'])} movies in {values['run']}/movies")
    return "\n".join(rows)
