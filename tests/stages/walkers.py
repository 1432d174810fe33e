"""A short film of two animals and files of everything that may be said of them, for tests."""

from pathlib import Path

import numpy as np

from gambol.core.instances import UNTRACKED, Detections, from_positions
from gambol.core.labels import Labels, Visibility
from gambol.core.labels import from_positions as to_labels
from gambol.core.skeleton import Skeleton
from gambol.io import detections as io_detections
from gambol.io import tracks as io_tracks
from gambol.io.video import VideoWriter

FRAMES, FPS, SIZE, GREY = 20, 10.0, (160, 120), 120
BODY = Skeleton(("nose", "middle", "tail"), (-1, 0, 1))
SHAPE = np.array([[0.0, -20.0], [0.0, 0.0], [0.0, 20.0]])
NAMES = ("ann", "bob")


def places():
    """Two upright animals that walk side by side; (T, 2, J, 2)."""
    t = np.arange(FRAMES)
    left = np.stack([40.0 + t, np.full(FRAMES, 60.0)], axis=-1)
    return np.stack([left, left + [60.0, 0.0]], axis=1)[:, :, None] + SHAPE


def film(folder: Path) -> Path:
    path = folder / "walk.mp4"
    with VideoWriter(path, FPS, SIZE) as writer:
        for _ in range(FRAMES):
            writer.write(np.full((SIZE[1], SIZE[0], 3), GREY, np.uint8))
    return path


def rows(xy=None) -> Detections:
    """Both animals in every frame, in turn."""
    xy = places() if xy is None else xy
    found = from_positions(np.repeat(np.arange(len(xy)), 2), xy.reshape(-1, *xy.shape[2:]))
    return found._replace(score=np.full(len(found.frame), 0.9))


def labels(video: Path, *, named=True, frames=FRAMES) -> Labels:
    found = rows()
    keep = found.frame < frames
    who = np.tile([0, 1], FRAMES)[keep]
    return to_labels(
        BODY, (str(video.resolve()),), np.zeros(keep.sum(), np.int64), found.frame[keep],
        found.xy[keep], nan_means=Visibility.ABSENT,
        individual=who if named else np.full(len(who), -1), individuals=NAMES,
    )  # fmt: skip


def detections(target: Path, video: Path, found: Detections | None = None) -> Path:
    found = rows() if found is None else found
    kept = io_detections.Pieces(target, "key")
    kept.write(0, io_detections.Piece(0, np.ones(FRAMES, bool), found))
    attrs = {"source_file": str(video), "most": 2}
    times = np.arange(FRAMES) / FPS
    io_detections.assemble(kept, 1, times, BODY, FPS, attrs)
    return target


def tracks(
    target: Path, video: Path, ids=None, sure=None, found: Detections | None = None
) -> Path:
    """Tracks of both animals; ids of all rows, `UNTRACKED` for nobody."""
    found = rows() if found is None else found
    ids = np.tile([0, 1], FRAMES) if ids is None else ids
    sure = np.where(ids == UNTRACKED, 0.0, 1.0) if sure is None else sure
    piece = io_tracks.Piece(0, np.ones(FRAMES, bool), found, ids, sure)
    io_tracks.write(
        target, iter([piece]), np.arange(FRAMES) / FPS, BODY, NAMES, fps=FPS,
        attrs={"source_file": str(video)},
    )  # fmt: skip
    return target
