"""Stage `state-movies`: what each state (or syllable) looks like, many instances side by side.

reads   sources               recordings with states or syllables
        videos                of the same names, beside the recordings or in a folder
        centroids             optional: recordings of the same names that hold centroids
writes  out/state-3.mp4       a movie for every label: all tiles start when the label does
        out/state-3.csv       which instances the tiles show
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from gambol.behavior import instances, label_map
from gambol.behavior.instances import Instances
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.sequences import Sequences, lengths, select
from gambol.io import provenance, state_courses, store, syllables
from gambol.io.syllables import Source
from gambol.io.video import fingerprint
from gambol.stages import decisions, movie_tiles, syllable_files
from gambol.stages.movie_tiles import Style, Tile
from gambol.viz import grid_movie
from gambol.viz.grid_movie import Clock, Course


class MovieConfig(Config):
    """Settings of the stage."""

    fps: float | None = Field(default=None, gt=0)  # of the labels, where files do not say it
    label: str = "state"  # column, dataset or variable of the labels
    labels: tuple[NonNegativeInt, ...] | None = None  # that are filmed; null: all in use
    rows: PositiveInt = 3  # of tiles
    columns: PositiveInt = 4  # of tiles
    size: int = Field(default=256, ge=64, le=1024)  # px of a tile
    crop: PositiveFloat | None = None  # px of the video that a tile shows; null: `size`
    min_s: NonNegativeFloat = 0.1  # shorter bouts are over before one sees them
    before_s: NonNegativeFloat = 0.0  # shown before the onset
    after_s: NonNegativeFloat = 1.0  # shown after the end of the longest bout
    frames: int = Field(default=1200, ge=1, le=1200)  # of a movie, at most
    rate: PositiveFloat | None = None
    # frames a second of the movie; null: that of the labels, or the fraction (a half, a third,
    # …) of it that is 30 or less
    speed: PositiveFloat = 1.0  # 0.5 is slow motion
    seed: NonNegativeInt = 0  # of the choice of instances


class Filmed(NamedTuple):
    """What was made."""

    out: Path
    movies: tuple[str, ...]  # names of the files
    without: tuple[int, ...]  # labels that no usable recording shows for long enough
    remarks: tuple[str, ...]


class _Usable(NamedTuple):
    """Recordings that can be filmed."""

    sequences: Sequences
    videos: tuple[Path, ...]
    centroids: tuple[Source, ...]  # where they are
    seen: np.ndarray  # (ΣT,) bool: the centroid is known
    remarks: tuple[str, ...]  # why others cannot


class _Film(NamedTuple):
    """A movie that is to be made."""

    name: str
    chosen: Instances
    clock: Clock


def run(
    cfg: MovieConfig,
    sources: list[Path],
    out: Path,
    *,
    videos: Path | None = None,
    centroids: list[Path] | None = None,
    progress: Progress = silent,
) -> Filmed:
    """Make the movies that `out` does not hold yet.

    Args:
        cfg: settings.
        sources: files, folders or patterns of labels.
        out: folder.
        videos: folder of the videos, if they lie neither beside the labels nor beside the
            centroids.
        centroids: files, folders or patterns; without them the labels' files hold centroids.
        progress: told of every tile and movie.
    """
    read = syllables.read(list(sources), cfg.fps, label=cfg.label, videos=videos)
    decided = decisions.about(sources)
    made_of = label_map.apply(decided and decided[1], read.sequences).sequences
    read = read._replace(sequences=made_of)
    usable = _usable(read.sequences, _places(read, centroids))
    inputs = {
        **syllable_files.hashes(sources),
        **(syllable_files.hashes(centroids) if centroids else {}),
        **{str(path): fingerprint(path) for path in usable.videos},
    }
    made = syllable_files.key("state-movies", cfg, inputs)
    films, without = _films(cfg, read.sequences, usable)
    names = [film.name for film in films]
    lacking = [film for film in films if not movie_tiles.is_there(out / f"{film.name}.mp4")]
    if syllable_files.made_from(out) == made and not lacking:
        progress(Step("state-movies", 1, 1, out.name))
        return summary(out)
    if movie_tiles.emptied(out, made):
        lacking = films
    syllable_files.begin(out, made)
    cfg.to_yaml(out / "settings.yaml")
    remarks = [*usable.remarks, *_make(cfg, usable, lacking, out, progress)]
    found = provenance.record(
        stage="state-movies", inputs=inputs, movies=[f"{name}.mp4" for name in names],
        without=without, remarks=remarks,
    )  # fmt: skip
    syllable_files.finish(out, made, found)
    return summary(out)


def summary(out: Path) -> Filmed:
    """Say what lies in the folder."""
    note = store.read_json(out / "provenance.json")
    return Filmed(out, tuple(note["movies"]), tuple(note["without"]), tuple(note["remarks"]))


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what was made."""
    movies, without = values["movies"], values["without"]
    shown = ", ".join(movies[:3]) + (" …" if len(movies) > 3 else "")
    rows = [f"{values['out']}: {len(movies)} movies ({shown}), a table beside each"]
    if without:
        rows.append(f"no bout to show of {', '.join(map(str, without))}")
    return "\n".join([*rows, *values["remarks"]])


def _places(
    read: syllables.Recordings, centroids: list[Path] | None
) -> list[tuple[Source, Source]]:
    """Return for every recording where its labels and where its centroids are."""
    if centroids is None:
        return [(source, source) for source in read.sources]
    found: dict[str, Source] = {}
    for path in syllables.expand(list(centroids)):
        inside = [Source(path.stem, path, "", None)]
        if path.suffix.lower() in syllables.HDF5:
            inside = list(syllables.read(path, read.sequences.fps).sources)
        for source in inside:
            if source.name in found:
                raise InputError(
                    f"{found[source.name].path} and {path} both hold centroids of "
                    f"{source.name!r}; give one of them"
                )
            found[source.name] = source
    return [(source, found.get(source.name, source)) for source in read.sources]


def _usable(seq: Sequences, places: Iterable[tuple[Source, Source]]) -> _Usable:
    """Keep the recordings with video and centroid."""
    kept: list[tuple[str, Path, Source, np.ndarray]] = []
    lost: dict[str, list[str]] = {}
    for (own, place), frames in zip(places, lengths(seq).tolist(), strict=True):
        video = own.video or _beside(place)
        centroid = None if video is None else _centroid(place, frames)
        known = None if centroid is None else np.isfinite(centroid).all(axis=1)
        if video is not None and known is not None and known.any():
            kept.append((own.name, video, place, known))
        else:
            reason = "no video" if video is None else "no centroid"
            lost.setdefault(reason, []).append(own.name)
    remarks = [
        f"left out for want of {reason.removeprefix('no ')}: {', '.join(names[:5])}"
        + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        for reason, names in lost.items()
    ]
    if not kept:
        raise InputError(
            f"no recording has both a video and centroids ({'; '.join(remarks)}); say where "
            "videos of the same names are, and which files hold x and y"
        )
    names, films, held, seen = zip(*kept, strict=True)
    return _Usable(select(seq, names), films, held, np.concatenate(seen), tuple(remarks))


def _beside(source: Source) -> Path | None:
    """Return the video of the same name in the folder of a file."""
    for suffix in syllables.VIDEOS:
        for spelled in (suffix, suffix.upper()):
            path = source.path.parent / f"{source.name}{spelled}"
            if path.is_file():
                return path
    return None


def _centroid(source: Source, frames: int) -> np.ndarray | None:
    """Return where the animal is, (T, 2) video pixels; None: no one wrote it."""
    found = syllables.read_centroid(source)
    if found is not None and len(found) != frames:
        raise InputError(
            f"{source.path} has centroids of {len(found)} frames for {frames} labels of "
            f"{source.name!r}; give those of the same recording"
        )
    return found


def _films(
    cfg: MovieConfig, everything: Sequences, usable: _Usable
) -> tuple[list[_Film], list[int]]:
    """Choose instances; return movies and the labels that have none."""
    wanted, seq = cfg.labels, usable.sequences
    if wanted is None:
        used = np.bincount(everything.values[everything.valid], minlength=1)
        wanted = tuple(np.flatnonzero(used).tolist())
    films, without, digits = [], [], len(str(max(wanted, default=0)))
    for label in sorted(set(wanted)):
        chosen = instances.choose(
            seq, label, cfg.rows * cfg.columns, min_s=cfg.min_s, seen=usable.seen, seed=cfg.seed
        )
        if len(chosen.start):
            clock = _clock(cfg, int((chosen.stop - chosen.start).max()), seq.fps)
            films.append(_Film(f"{cfg.label}-{label:0{digits}d}", chosen, clock))
        else:
            without.append(label)
    if not films:
        raise InputError(
            f"no {cfg.label} lasts {cfg.min_s:g} s in a recording with video; lower min_s or "
            "name other labels"
        )
    return films, without


def _clock(cfg: MovieConfig, longest: int, fps: float) -> Clock:
    """Return the moments that show a bout of so many labels to its end, as far as allowed."""
    step = cfg.speed / movie_tiles.rate(cfg.rate, fps)
    count = int(np.ceil((cfg.before_s + longest / fps + cfg.after_s) / step - 1e-6))
    return Clock(int(np.clip(count, 1, cfg.frames)), step, cfg.before_s)


def _make(
    cfg: MovieConfig,
    usable: _Usable,
    films: list[_Film],
    out: Path,
    progress: Progress,
) -> list[str]:
    """Make movies and their tables; return what is to be said of the videos."""
    seq = usable.sequences
    style = Style(cfg.size, cfg.columns, movie_tiles.rate(cfg.rate, seq.fps))
    planned, remarks = _plan(usable, films)
    total, done = sum(len(film.chosen.start) + 1 for film in films), 0
    for film, courses in zip(films, planned, strict=True):
        path, name = out / f"{film.name}.mp4", film.name

        def tick(name: str = name) -> None:
            nonlocal done
            done += 1
            progress(Step("state-movies", done, total, name))

        table = instances.table(film.chosen, seq)
        state_courses.write_table(table, path.with_suffix(".csv"))
        tiles = [
            Tile(course, cfg.crop or cfg.size, usable.videos[r])
            for course, r in zip(courses, film.chosen.recording, strict=True)
        ]
        movie_tiles.write(path, tiles, film.clock, style, tick)
        tick()
    return remarks


def _plan(usable: _Usable, films: list[_Film]) -> tuple[list[list[Course]], list[str]]:
    """Find out what every tile of every movie shows, one recording after the other."""
    seq = usable.sequences
    planned: dict[tuple[int, int], Course] = {}
    remarks = []
    for r, frames in enumerate(lengths(seq).tolist()):
        mine = [
            (n, k)
            for n, film in enumerate(films)
            for k in np.flatnonzero(film.chosen.recording == r).tolist()
        ]
        centroid = _centroid(usable.centroids[r], frames) if mine else None
        held = None if centroid is None else grid_movie.held(centroid.astype(np.float64))
        if held is None:
            continue
        times = movie_tiles.times_of(usable.videos[r])
        if remark := movie_tiles.unlike(usable.videos[r], times, frames, seq.fps):
            remarks.append(remark)
        for n, k in mine:
            planned[n, k] = _course(films[n], k, seq, held, times)
    return [
        [planned[n, k] for k in range(len(film.chosen.start))] for n, film in enumerate(films)
    ], remarks


def _course(
    film: _Film, k: int, seq: Sequences, centroid: np.ndarray, times: np.ndarray
) -> Course:
    """Plan tile k of a movie."""
    chosen = film.chosen
    name = f"{seq.names[chosen.recording[k]]} {movie_tiles.moment(chosen.start[k] / seq.fps)}"
    ending = "recording ends" if chosen.at_end[k] else "labels end"
    return grid_movie.course(
        name,
        (int(chosen.start[k]), int(chosen.stop[k])),
        seq.fps,
        centroid,
        times,
        film.clock,
        beginning="onset not seen" if chosen.left_censored[k] else "",
        ending=ending if chosen.right_censored[k] else "",
    )
