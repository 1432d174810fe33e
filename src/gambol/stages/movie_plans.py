"""Which frames, place and size every tile shows, planned one recording after the other.

What is kept of poses are the moments of the tiles alone, so recordings may be of any length.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gambol.behavior.instances import Instances
from gambol.core.errors import InputError
from gambol.io.spool import Spool
from gambol.io.video import VideoWriter
from gambol.stages import movie_scenes, movie_tiles
from gambol.stages.movie_scenes import Scene
from gambol.stages.movie_settings import SyllableMovieConfig
from gambol.stages.movie_sources import Material
from gambol.stages.movie_tiles import Style, Tile
from gambol.viz import crowd_movie, grid_movie, pose_tiles
from gambol.viz.grid_movie import Clock
from gambol.viz.pose_tiles import Window

KEPT = 97  # % of the keypoints of a tile that are inside
HELD = 90  # % of the tiles for which that holds
WIDEST = 3.0  # sizes of an animal that a tile shows, at most
ROOM = 1.12  # around what is held
_SAMPLES = 11  # frames of a video whose median is the empty arena


class Film(NamedTuple):
    """All tiles of a label, in the order in which its instances were chosen."""

    chosen: Instances
    tiles: tuple[Tile, ...]
    clock: Clock
    fps: float


class Plan(NamedTuple):
    """What is to be filmed."""

    films: tuple[Film, ...]
    side: float  # px or world units that tiles show
    remarks: tuple[str, ...]


def plan(cfg: SyllableMovieConfig, material: Material, chosen: list[Instances]) -> Plan:
    """Plan the tiles of all labels.

    Args:
        cfg: settings.
        material: where everything is.
        chosen: instances of every label.
    """
    fps = float(material.pool.fps.max())
    step = cfg.speed / movie_tiles.rate(cfg.rate, fps)
    count = int(np.ceil((cfg.before_s + cfg.after_s) / step - 1e-6))
    clock = Clock(int(np.clip(count, 1, cfg.frames)), step, cfg.before_s)
    planned: dict[tuple[int, int], Tile] = {}
    remarks: list[str] = []
    headless: list[str] = []
    for r, scene in visited(cfg, material):
        mine = [
            (n, k)
            for n, one in enumerate(chosen)
            for k in np.flatnonzero(one.recording == r).tolist()
        ]
        for n, k in mine:
            planned[n, k] = _tile(cfg, scene, chosen[n], k, clock)
        remarks += scene.remarks
        if mine and scene.heading is None and cfg.turned:
            headless.append(scene.subject.name)
    lost = [s.name for s in material.subjects if not movie_scenes.seeable(s, cfg.picture)]
    remarks += _said("left out for want of a video and of poses", lost)
    remarks += _said("not turned, as the heading is not known (anterior, posterior)", headless)
    tiles = list(planned.values())
    side = cfg.crop or _side(tiles, cfg.size)
    films = [
        Film(one, tuple(_sized(planned[n, k], side, cfg) for k in range(len(one.start))),
             clock, fps)
        for n, one in enumerate(chosen)
    ]  # fmt: skip
    return Plan(tuple(films), side, tuple(dict.fromkeys(remarks)))


def visited(cfg: SyllableMovieConfig, material: Material) -> Iterable[tuple[int, Scene]]:
    """Yield the scene of every subject that can be seen, with its place."""
    # those of one pose file follow each other, so that it is read once
    order = sorted(
        range(len(material.subjects)), key=lambda r: (str(material.subjects[r].poses), r)
    )
    found = movie_scenes.scenes(
        [material.subjects[r] for r in order], picture=cfg.picture, anterior=cfg.anterior,
        posterior=cfg.posterior, up=cfg.up, min_confidence=cfg.min_confidence,
    )  # fmt: skip
    for r, scene in zip(order, found, strict=True):
        if scene is not None:
            yield r, scene


def first(film: Film, count: int) -> Film:
    """Return the film of the instances that were chosen first."""
    columns = (column[:count] for column in film.chosen[1:])
    return film._replace(
        chosen=Instances(film.chosen.label, *columns), tiles=film.tiles[:count]
    )


def style(cfg: SyllableMovieConfig, film: Film) -> Style:
    """Return how a grid looks."""
    seen = any(tile.video is not None for tile in film.tiles)
    dim = cfg.dim if seen else cfg.dim**0.5
    return Style(cfg.size, cfg.columns, movie_tiles.rate(cfg.rate, film.fps), dim)


def write_crowd(
    cfg: SyllableMovieConfig, path: Path, film: Film, tick: Callable[[], None] = lambda: None
) -> None:
    """Write all instances of a label laid over each other."""
    posed = [tile for tile in film.tiles if tile.window is not None]
    rate = movie_tiles.rate(cfg.rate, film.fps)
    if not posed:
        _write_seen(cfg, path, film, rate)
        return
    stage = posed[0].stage
    courses = [tile.course for tile in posed]
    windows = [tile.window for tile in posed if tile.window is not None]
    up = None if stage is None else stage.up
    course, window = crowd_movie.gathered(courses, windows, film.clock, up)
    tile = Tile(course, posed[0].side, None, window, stage)
    movie_tiles.write(path, [tile], film.clock, Style(cfg.crowd_size, 1, rate, 1.0), tick)


def _write_seen(cfg: SyllableMovieConfig, path: Path, film: Film, rate: float) -> None:
    """Write a crowd of what differs from the empty arena in videos."""
    size = cfg.crowd_size
    with ExitStack() as stack:
        spools = [stack.enter_context(Spool(path.parent)) for _ in film.tiles]
        order = sorted(range(len(spools)), key=lambda k: str(film.tiles[k].video))
        for k in order:
            tile = film.tiles[k]
            if tile.video is None:
                continue
            empty = _empty(tile.video)
            course = tile.course
            found = movie_tiles.frames(tile.video, course.frames.tolist())
            cuts = grid_movie.crops(found, course, size, tile.side)
            bare = grid_movie.crops(_again(empty, len(course.frames)), course, size, tile.side)
            for cut, nobody in zip(cuts, bare, strict=True):
                spools[k].add(crowd_movie.different(cut, nobody))
        courses = [tile.course for tile in film.tiles]
        with VideoWriter(path, rate, (size, size)) as writer:
            for picture in crowd_movie.overlaid(spools, courses, film.clock):
                writer.write(picture)


def _again(frame: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """Yield a frame so many times."""
    for _ in range(count):
        yield frame


@lru_cache(maxsize=4)
def _empty(path: Path) -> np.ndarray:
    """Return the median of some frames of a video: the arena without its animals."""
    count = len(movie_tiles.times_of(path))
    at = np.unique(np.linspace(0, count - 1, _SAMPLES).astype(int)).tolist()
    found = [frame for frame in movie_tiles.frames(path, at) if frame is not None]
    if not found:
        raise InputError(f"{path} has no readable frame; copy it again")
    return np.median(np.stack(found), axis=0).astype(np.uint8)


def _tile(
    cfg: SyllableMovieConfig, scene: Scene, chosen: Instances, k: int, clock: Clock
) -> Tile:
    """Plan tile k of a movie, with no size yet."""
    subject = scene.subject
    ending = "recording ends" if chosen.at_end[k] else "labels end"
    course = grid_movie.course(
        f"{subject.name} {movie_tiles.moment(chosen.start[k] / subject.fps)}",
        (int(chosen.start[k]), int(chosen.stop[k])), subject.fps, scene.centroid, scene.times,
        clock, beginning="onset not seen" if chosen.left_censored[k] else "",
        ending=ending if chosen.right_censored[k] else "",
        heading=scene.heading if cfg.turned else None, follow=cfg.follow, goes_on=True,
    )  # fmt: skip
    stage = None
    if scene.posed is not None:
        stage = movie_scenes.stage(scene.posed, cfg.views, cfg.orbit)
    window = movie_scenes.window(scene, course.labels, cfg.others)
    side = scene.size if scene.whole else 0.0
    return Tile(course, side, scene.video, window, stage)


def _sized(tile: Tile, side: float, cfg: SyllableMovieConfig) -> Tile:
    """Give a tile its size; what shows the whole frame has it already."""
    bare = cfg.picture == "video" and tile.stage is None
    return tile._replace(side=tile.side or side, window=None if bare else tile.window)


def _side(tiles: list[Tile], size: int) -> float:
    """Return how much tiles have to show to hold the animals that they are about."""
    reach, sizes = [], []
    for tile in tiles:
        if tile.window is not None and not tile.side:
            far, own = _reach(tile, tile.window)
            reach.append(far)
            sizes.append(own)
    known, bodies = (np.array(x)[np.isfinite(x)] for x in (reach, sizes))
    if not len(known):
        return float(size)
    animal = float(np.median(bodies)) if len(bodies) else np.inf
    wide = 2 * ROOM * float(np.percentile(known, HELD))
    return float(min(wide, WIDEST * animal)) or float(size)


def _reach(tile: Tile, window: Window) -> tuple[float, float]:
    """Return how far from the middle of a tile its animal reaches, and how large it is."""
    axes = [0, 1] if tile.stage is None else list(pose_tiles.across(tile.stage.up))
    own = slice(None) if window.focal < 0 else slice(window.focal, window.focal + 1)
    points = window.points[:, own][..., axes].astype(np.float64)
    away = np.linalg.norm(points - tile.course.centre[:, None, None], axis=-1)
    away = away[np.isfinite(away)]
    known = np.isfinite(points).all(axis=-1, keepdims=True)
    low = np.where(known, points, np.inf).min(axis=2)
    high = np.where(known, points, -np.inf).max(axis=2)
    extent = np.linalg.norm(high - low, axis=-1)
    extent = extent[np.isfinite(extent)]
    return (
        float(np.percentile(away, KEPT)) if len(away) else np.nan,
        float(np.median(extent)) if len(extent) else np.nan,
    )


def _said(what: str, names: list[str]) -> list[str]:
    """Say what holds for some recordings."""
    if not names:
        return []
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return [f"{what}: {', '.join(names[:5])}{more}"]
