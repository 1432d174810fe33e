"""Stage `syllable-movies`: what syllables, map regions and behaviours look like.

reads   sources               a run of syllables or of a map, files of labels, or an ethogram
        videos, poses         of the same names: pictures are cut out of videos, with the
                              skeleton drawn, or drawn from poses alone, 2D or 3D
        label map             optional: names, merges and exclusions that people decided on
writes  out/syllable-03.mp4         many instances side by side, all from their onset
        out/syllable-03-crowd.mp4   all of them laid over each other
        out/trajectories-1.mp4      the median movement of every label, in slow motion
        out/*.csv                   which instances each of them shows
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gambol.behavior import instances
from gambol.behavior.instances import Instances
from gambol.core.errors import InputError, did_you_mean
from gambol.core.progress import Progress, Step, silent
from gambol.io import provenance, state_courses, store, syllable_places
from gambol.io.video import fingerprint
from gambol.stages import (
    movie_plans,
    movie_scenes,
    movie_sources,
    movie_tiles,
    movie_trajectories,
    syllable_files,
)
from gambol.stages.movie_plans import Film
from gambol.stages.movie_settings import SyllableMovieConfig
from gambol.stages.movie_sources import Material

RARE = 0.005  # share of frames of syllables and regions that are worth a movie
_PLAIN = re.compile(r"[^A-Za-z0-9]+")


class Filmed(NamedTuple):
    """What was made."""

    out: Path
    movies: tuple[str, ...]  # names of the files
    without: tuple[str, ...]  # labels that have no bout to show
    rare: tuple[str, ...]  # labels that were left out as too rare
    remarks: tuple[str, ...]


def run(
    cfg: SyllableMovieConfig,
    sources: list[Path],
    out: Path,
    *,
    videos: Path | None = None,
    poses: list[Path] | None = None,
    decisions: Path | None = None,
    progress: Progress = silent,
) -> Filmed:
    """Make the movies that `out` does not hold yet.

    Args:
        cfg: settings.
        sources: a run of syllables or of a map; files, folders or patterns of labels; or one
            ethogram.
        out: folder.
        videos: folder of the videos, if they lie neither beside the labels nor the poses.
        poses: pose files, or folders of them, of the same recordings.
        decisions: a label map; without it that of the run, if it has one.
        progress: told of every tile and movie.
    """
    material = movie_sources.read(
        sources, label=cfg.label, fps=cfg.fps, videos=videos, poses=poses, decisions=decisions
    )
    films = {subject.video for subject in material.subjects if subject.video is not None}
    inputs = {str(path): store.file_hash(path) for path in material.inputs}
    inputs |= {str(path): fingerprint(path) for path in sorted(films)}
    made = syllable_files.key("syllable-movies", cfg, inputs)
    done = syllable_files.made_from(out) == made
    if done and all((out / name).exists() for name in summary(out).movies):
        progress(Step("syllable-movies", 1, 1, out.name))
        return summary(out)
    chosen, without, rare = _chosen(cfg, material)
    plan = movie_plans.plan(cfg, material, chosen)
    movie_tiles.emptied(out, made)
    syllable_files.begin(out, made)
    cfg.to_yaml(out / "settings.yaml")
    names = _make(cfg, material, plan.films, out, progress)
    remarks = [*plan.remarks]
    if "trajectory" in cfg.kinds:
        labels = [film.chosen.label for film in plan.films]
        more, said = movie_trajectories.make(cfg, material, labels, plan.side, out, progress)
        names, remarks = [*names, *more], [*remarks, *said]
    found = provenance.record(
        stage="syllable-movies", inputs=inputs, movies=names, without=without, rare=rare,
        remarks=remarks,
    )  # fmt: skip
    syllable_files.finish(out, made, found)
    return summary(out)


def summary(out: Path) -> Filmed:
    """Say what lies in the folder."""
    note = store.read_json(out / "provenance.json")
    told = (tuple(note[key]) for key in ("movies", "without", "rare", "remarks"))
    return Filmed(out, *told)


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what was made."""
    movies = values["movies"]
    shown = ", ".join(movies[:3]) + (" …" if len(movies) > 3 else "")
    rows = [f"{values['out']}: {len(movies)} movies ({shown}), a table beside each"]
    for key, said in (("without", "no bout to show of"), ("rare", "too rare for a movie:")):
        if values[key]:
            rows.append(f"{said} {', '.join(values[key])}")
    return "\n".join([*rows, *values["remarks"]])


def _chosen(
    cfg: SyllableMovieConfig, material: Material
) -> tuple[list[Instances], list[str], list[str]]:
    """Choose instances; return them, labels that have none, and labels that are too rare."""
    least = cfg.min_usage
    if least is None:
        least = RARE if material.sequences is not None else 0.0
    wanted = _wanted(cfg, material)
    rare = [k for k in wanted if material.usage[k] < least] if cfg.labels is None else []
    most = max(
        cfg.rows * cfg.columns if "grid" in cfg.kinds else 0,
        cfg.crowd if "crowd" in cfg.kinds else 0, 1,
    )  # fmt: skip
    seen = np.array([movie_scenes.seeable(one, cfg.picture) for one in material.subjects])
    found: list[Instances] = []
    without: list[Instances] = []
    for label in (k for k in wanted if k not in rare):
        mine = instances.long_enough(material.pool, label, cfg.min_s)
        mine = mine[seen[material.pool.bouts.recording[mine]]]
        if cfg.choice == "lot":
            one = instances.by_lot(material.pool, label, mine, most, cfg.seed)
        else:
            worth = _worth(cfg, material, mine)
            one = instances.best(material.pool, label, mine, worth, most)
        (found if len(one.start) else without).append(one)
    if not found:
        raise InputError(
            f"no {material.kind} lasts {cfg.min_s:g} s and is used enough; lower min_s or "
            "min_usage, or name other labels"
        )
    return (
        found, [material.names[one.label] for one in without],
        [material.names[k] for k in rare],
    )  # fmt: skip


def _wanted(cfg: SyllableMovieConfig, material: Material) -> list[int]:
    """Return the labels that are asked for, by number."""
    if cfg.labels is None:
        return sorted(material.names)
    by_name = {name: k for k, name in material.names.items()}
    wanted = []
    for word in cfg.labels:
        number = by_name.get(str(word), word if word in material.names else None)
        if not isinstance(number, int):
            hint = did_you_mean(str(word), by_name) or f"; there are {', '.join(by_name)}"
            raise InputError(f"labels: no frame has {material.kind} {word!r}{hint}")
        wanted.append(number)
    return sorted(set(wanted))


def _worth(cfg: SyllableMovieConfig, material: Material, mine: np.ndarray) -> np.ndarray:
    """Return how good bouts are: how long, or how typical."""
    found, pool = material.pool.bouts, material.pool
    if cfg.choice == "longest":
        return (found.stop[mine] - found.start[mine]) / pool.fps[found.recording[mine]]
    worth = np.full(len(mine), np.nan)
    for r in np.unique(found.recording[mine]).tolist():
        source = material.subjects[r].source
        own = np.flatnonzero(found.recording[mine] == r)
        spans = [(int(found.start[mine[k]]), int(found.stop[mine[k]])) for k in own]
        known = None if source is None else syllable_places.typicality(source, spans)
        if known is not None:
            worth[own] = known
    if np.isnan(worth).all():
        raise InputError(
            "the labels' files hold neither probabilities nor distances to the peak of a "
            "region, so no bout is more typical than others; choose `longest` or `lot`"
        )
    return worth


def _make(
    cfg: SyllableMovieConfig,
    material: Material,
    films: tuple[Film, ...],
    out: Path,
    progress: Progress,
) -> list[str]:
    """Make grids and crowds with their tables; return the names of all."""
    digits = len(str(max(material.names)))
    jobs = []
    for film in films:
        name, number = material.names[film.chosen.label], film.chosen.label
        stem = f"{material.kind}-{number:0{digits}d}"
        if plain := _PLAIN.sub("-", name).strip("-").lower():
            stem += "" if name == str(number) else f"-{plain}"
        jobs += [(kind, film, f"{stem}{end}") for kind, end in
                 (("grid", ""), ("crowd", "-crowd")) if kind in cfg.kinds]  # fmt: skip
    lacking = [job for job in jobs if not movie_tiles.is_there(out / f"{job[2]}.mp4")]
    for n, (kind, film, name) in enumerate(lacking):
        path = out / f"{name}.mp4"
        count = cfg.rows * cfg.columns if kind == "grid" else cfg.crowd
        shown = movie_plans.first(film, count)
        table = instances.table(shown.chosen, material.pool)
        table.insert(3, "name", material.names[film.chosen.label])
        state_courses.write_table(table, path.with_suffix(".csv"))
        if kind == "grid":
            movie_tiles.write(path, shown.tiles, film.clock, movie_plans.style(cfg, shown))
        else:
            movie_plans.write_crowd(cfg, path, shown)
        progress(Step("syllable-movies", n + 1, len(lacking), name))
    return [f"{name}.mp4" for _, _, name in jobs]
