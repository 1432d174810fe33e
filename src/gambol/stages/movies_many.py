"""Films of several animals: one colour each, names, doubtful identities marked.

`stages.movies` calls this for detections and tracks; animals are read as they are drawn, so
memory does not grow with the recording.
"""

from collections import deque
from pathlib import Path

import numpy as np
from pydantic import Field, NonNegativeInt

from gambol.core import pixels
from gambol.core.config import Config
from gambol.core.instances import UNTRACKED
from gambol.core.progress import Progress, Step
from gambol.core.video import Video
from gambol.io.video import VideoWriter, read_ahead
from gambol.stages import crowd, footage
from gambol.viz import cast, overlay
from gambol.viz.frames import resize


class Drawing(Config):
    """How animals are drawn."""

    threshold: float = Field(default=0.1, ge=0.0, le=1.0)  # confidence that is drawn
    ellipses: bool = True  # 90 % regions
    trail: NonNegativeInt = 0  # frames of the past
    scale: float = Field(default=1.0, gt=0.0, le=8.0)  # of the film's size
    doubt: float = Field(default=cast.DOUBT, ge=0.0, le=1.0)
    # probability of an identity below which the animal is marked


def draw(
    cfg: Drawing,
    path: Path,
    video: Video,
    chosen: np.ndarray,
    target: Path,
    chunk: int,
    progress: Progress,
) -> None:
    """Draw consecutive frames with their animals into a film.

    Args:
        cfg: how.
        path: detections or tracks of the video.
        video: what is drawn on.
        chosen: its frames, one after another.
        target: the film.
        chunk: frames that are decoded together.
        progress: hears of every chunk.
    """
    head = crowd.header(path)
    matrix = pixels.resize(cfg.scale)
    players = _cast(cfg, path, head)
    width, height = (max(round(side * cfg.scale), 1) for side in video.size)
    paths = [deque[np.ndarray](maxlen=cfg.trail + 1) for _ in head.names if cfg.trail]
    said = crowd.frames(path, int(chosen[0]), int(chosen[-1]))
    done = 0
    with VideoWriter(target, video.fps, (width, height)) as writer:
        for part in read_ahead(video, chosen.tolist(), chunk=chunk):
            for _, frame, readable in zip(*part, strict=True):
                picture = resize(frame, matrix, (width, height))
                scene = _scene(cfg, next(said), matrix, "calibration" in head.attrs)
                trails = _follow(paths, scene)
                if readable:
                    cast.draw(picture, scene, players, trails)
                writer.write(picture)
            done += len(part.frames)
            progress(Step("movies", done, len(chosen), target.name))


def _cast(cfg: Drawing, path: Path, head: crowd.Header) -> cast.Cast:
    return cast.gather(
        head.skeleton,
        head.names,
        body(path, head) * cfg.scale,
        threshold=cfg.threshold,
        region=footage.regions(head.attrs, len(head.skeleton)),
        doubt=cfg.doubt,
    )


def body(path: Path, head: crowd.Header) -> float:
    """Return the size of an animal, px: as the file says, else of the first ones in it."""
    if "body_px" in head.attrs:
        return float(head.attrs["body_px"])
    for piece in crowd.pieces(path):
        if len(piece.found.frame):
            return overlay.animal_size(piece.found.xy)
    return overlay.animal_size(np.zeros((0, len(head.skeleton), 2)))


def _scene(cfg: Drawing, said: crowd.Frame, matrix: np.ndarray, known: bool) -> cast.Scene:
    """The animals in pixels of the film; regions where they were calibrated."""
    found = said.found
    regions = cfg.ellipses and known
    return cast.Scene(
        pixels.apply(matrix, found.xy),
        found.confidence,
        pixels.apply_covariance(matrix, found.cov) if regions else None,
        said.id,
        said.sure,
    )


def _follow(paths: list[deque[np.ndarray]], scene: cast.Scene) -> list[np.ndarray]:
    """Add where every animal is now to where it has been."""
    middles = cast.centres(scene.xy)
    for who, path in enumerate(paths):
        here = np.flatnonzero((scene.who == who) & (scene.who != UNTRACKED))
        path.append(middles[here[0]] if len(here) else np.full(2, np.nan))
    return [np.stack(list(path)) for path in paths]
