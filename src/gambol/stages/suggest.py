"""Stage `suggest`: which frames to label next, with the reason for each.

reads   source    a project (all its videos) or one video
        poses     pose files of these videos, for the methods that look at predictions; of a
                  project, the newest in its runs where none are given
writes  source/project.db, where source is a project: its list of suggestions
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.labels import Labels
from gambol.core.progress import Progress, silent
from gambol.io import poses_runs
from gambol.io.labels.places import name_of
from gambol.io.project import Project
from gambol.io.project_rows import Suggestion
from gambol.io.video.open import open_video
from gambol.pose import suggest
from gambol.stages import suggest_doubts, thumbnails
from gambol.stages.suggest_doubts import Skipped, Strategy

Method = Literal[
    "cover", "unsure", "jump", "structure", "crowd", "disagree", "mixed", "uniform", "random"
]


class SuggestConfig(Config):
    """Settings of the stage."""

    method: Method = "cover"
    count: PositiveInt = 20
    candidates: PositiveInt = 2000  # frames that are looked at, spread over all videos
    body_px: PositiveFloat | None = None  # length of an animal; null: from the poses
    seed: NonNegativeInt = 0


class Suggested(NamedTuple):
    """A frame worth labelling."""

    video: str
    frame: int
    reason: str
    score: float


class _Film(NamedTuple):
    """One video to choose from."""

    number: int  # of the video in the project; 0 outside
    ref: str
    labelled: np.ndarray  # frames


_Known = Callable[[_Film], list[Path]]  # the newest predictions of a video, two at most


def run(
    cfg: SuggestConfig,
    source: Path,
    *,
    poses: list[Path] | None = None,
    videos: list[int] | None = None,
    progress: Progress = silent,
) -> list[Suggested]:
    """Rank frames; a project remembers them in place of its earlier suggestions.

    Args:
        cfg: settings.
        source: a project or a video.
        poses: pose files of the videos.
        videos: numbers of the videos of a project to choose from; None: all.
        progress: hears of films that are looked at.
    """
    if not source.exists():
        raise InputError(f"{source} does not exist; give a project or a video")
    if not (source / "project.db").exists():
        film = _Film(0, str(source), np.zeros(0, np.int64))
        return _named(_choose(cfg, [film], poses or [], lambda film: [], progress), [film])
    with Project.open(source) as project:
        films = _films(project)
        if not films:
            raise InputError(f"{source} has no videos; add one with `gambol import`")
        known = _known(source, films)
        films = _only(films, videos, source)
        found = _choose(cfg, films, poses or [], known, progress)
        rows = [Suggestion(films[s.video].number, s.frame, s.reason, s.score) for s in found]
        project.set_suggestions(rows)
    return _named(found, films)


def describe(values: dict[str, Any]) -> str:
    """Say which frames, and why."""
    rows = [
        f"{Path(s['video']).name} frame {s['frame']}: {s['reason']}"
        for s in values["suggestions"]
    ]
    return (
        "\n".join(rows)
        or "no frame is left that stands out and is half a second from every label"
    )


def _named(found: list[suggest.Suggestion], films: list[_Film]) -> list[Suggested]:
    return [Suggested(films[s.video].ref, s.frame, s.reason, s.score) for s in found]


def _films(project: Project) -> list[_Film]:
    labels: Labels = project.labels()
    known = {Path(ref).resolve(): i for i, ref in enumerate(labels.videos)}
    films, bad = [], project.bad()
    for row in project.videos():
        ref = str(project.locate(row.id))
        at = known.get(Path(ref).resolve())
        frames = labels.frame[labels.video == at] if at is not None else np.zeros(0, np.int64)
        spoilt = np.array([f for v, f in bad if v == row.id], np.int64)
        films.append(_Film(row.id, ref, np.union1d(frames, spoilt)))
    return films


def _only(films: list[_Film], videos: list[int] | None, source: Path) -> list[_Film]:
    """Return the films that were asked for."""
    if videos is None:
        return films
    if strange := set(videos) - {film.number for film in films}:
        raise InputError(f"{source} has no video {min(strange)}; reload the page")
    return [film for film in films if film.number in videos]


def _known(project: Path, films: list[_Film]) -> _Known:
    """Return what finds predictions; it looks at all films, of which two may share a name."""
    found: dict[int, list[Path]] = {}

    def of(film: _Film) -> list[Path]:
        if not found:
            paths = poses_runs.whole(project, [one.ref for one in films], 2)
            found.update(zip((one.number for one in films), paths, strict=True))
        return found[film.number]

    return of


def _choose(
    cfg: SuggestConfig,
    films: list[_Film],
    poses: list[Path],
    known: _Known,
    progress: Progress,
) -> list[suggest.Suggestion]:
    rng = np.random.default_rng(cfg.seed)
    by_poses: tuple[Strategy, ...] = get_args(Strategy)
    if poses and cfg.method not in (*by_poses, "mixed"):
        raise InputError(
            f"--method {cfg.method} looks at no predictions; leave --poses {poses[0]} out, or "
            f"choose one of {', '.join(by_poses)} and mixed"
        )
    if cfg.method in (*by_poses, "mixed"):
        with _predicted(cfg, films, poses, known) as seen:
            if seen:
                return _from_poses(cfg, films, seen, rng, progress)
        if cfg.method != "mixed":
            raise InputError(
                f"--method {cfg.method} looks at predictions; give --poses FILE.nc"
            )
    candidates = _candidates(cfg, films)
    if cfg.method == "uniform":
        return suggest.uniform(candidates, cfg.count)
    if cfg.method == "random":
        return suggest.random(candidates, cfg.count, rng)
    pictures = thumbnails.make(
        candidates.video, candidates.frame, [film.ref for film in films], progress
    )
    return suggest.cover(candidates, pictures, cfg.count, rng)


def _candidates(cfg: SuggestConfig, films: list[_Film]) -> suggest.Candidates:
    """Frames spread evenly over every video, and all that are labelled."""
    share = max(cfg.candidates // len(films), 1)
    parts = []
    for i, film in enumerate(films):
        video = open_video(film.ref, grey=True)
        total, times = len(video), video.times
        video.close()
        even = np.linspace(0, total - 1, min(share, total)).round().astype(np.int64)
        frame = np.union1d(even, film.labelled[film.labelled < total]).astype(np.int64)
        labelled = np.isin(frame, film.labelled)
        parts.append((np.full(len(frame), i), frame, times[frame], labelled))
    return suggest.Candidates(*(np.concatenate(p) for p in zip(*parts, strict=True)))


@contextmanager
def _predicted(
    cfg: SuggestConfig, films: list[_Film], poses: list[Path], known: _Known
) -> Iterator[list[suggest_doubts.Film]]:
    """Open the newest predictions of every video, and those before where they are compared."""
    paths = _of_films(films, poses) if poses else [known(film) for film in films]
    with ExitStack() as held:
        scratch = Path(held.enter_context(tempfile.TemporaryDirectory()))
        seen = []
        for number, (film, found) in enumerate(zip(films, paths, strict=True)):
            both = [
                held.enter_context(suggest_doubts.opened(path, scratch)) for path in found[:2]
            ]
            if both:
                other = both[1] if len(both) > 1 else None
                seen.append(
                    suggest_doubts.Film(
                        number, film.labelled, both[0], other, cfg.body_px, cfg.candidates
                    )
                )
        yield seen


def _of_films(films: list[_Film], poses: list[Path]) -> list[list[Path]]:
    """Return which of the files that were given are of which video, in their order."""
    names = [name_of(film.ref) for film in films]
    found: list[list[Path]] = [[] for _ in films]
    for path in poses:
        with (
            tempfile.TemporaryDirectory() as scratch,
            suggest_doubts.opened(path, Path(scratch)) as file,
        ):
            name = name_of(file.video or path.stem)
        if name not in names:
            raise InputError(
                f"{path} holds poses of {name}, which is none of {', '.join(names)}; give "
                "poses of these"
            )
        found[names.index(name)].append(path)
    return found


def _from_poses(
    cfg: SuggestConfig,
    films: list[_Film],
    seen: list[suggest_doubts.Film],
    rng: np.random.Generator,
    progress: Progress,
) -> list[suggest.Suggestion]:
    """Rank frames by what was predicted, and keep those that show something new."""
    wanted = cfg.count * suggest.POOL
    if cfg.method != "mixed":
        ranked = [(1.0, _ranked(cfg.method, seen, wanted))]  # type: ignore[arg-type]
        return suggest.mix(ranked, cfg.count, _fits(films, seen))
    ranked = []
    for name, share in suggest.SHARES.items():
        if name == "cover":
            candidates = _candidates(cfg, films)
            refs = [film.ref for film in films]
            pictures = thumbnails.make(candidates.video, candidates.frame, refs, progress)
            ranked.append((share, suggest.cover(candidates, pictures, cfg.count, rng)))
            continue
        try:
            ranked.append((share, _ranked(name, seen, wanted)))  # type: ignore[arg-type]
        except Skipped:
            continue  # its share goes to the others
    return suggest.mix(ranked, cfg.count, _fits(films, seen))


def _ranked(
    strategy: Strategy, seen: list[suggest_doubts.Film], wanted: int
) -> list[suggest.Suggestion]:
    """Rank the frames of all videos; those that lack what is looked at are left out.

    Raises:
        Skipped: all lack it.
    """
    found, lacking = [], None
    for film in seen:
        try:
            found += suggest_doubts.rank(strategy, film, wanted)
        except Skipped as reason:
            lacking = lacking or reason
    if lacking is not None and not found:
        raise lacking
    return sorted(found, key=lambda s: -s.score)[:wanted]


def _fits(
    films: list[_Film], seen: list[suggest_doubts.Film]
) -> Callable[[suggest.Suggestion, suggest.Suggestion], bool]:
    """Return whether two frames may both be suggested: apart in time, and in pose."""
    times = {}
    for number, film in enumerate(films):
        video = open_video(film.ref, grey=True)
        times[number] = video.times
        video.close()
    known = {film.number: film for film in seen}
    looked: dict[tuple[int, int], np.ndarray] = {}

    def pose(film: suggest_doubts.Film, frame: int) -> np.ndarray:
        if (film.number, frame) not in looked:
            looked[film.number, frame] = film.poses.at(frame).xy
        return looked[film.number, frame]

    def fits(a: suggest.Suggestion, b: suggest.Suggestion) -> bool:
        if a.video != b.video:
            return True
        if abs(times[a.video][a.frame] - times[b.video][b.frame]) < suggest.APART:
            return False
        film = known.get(a.video)
        if film is None:
            return True
        return not suggest_doubts.near(pose(film, a.frame), pose(film, b.frame), film.body)

    return fits
