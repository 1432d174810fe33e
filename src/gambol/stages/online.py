"""Online tracking of one recording, piece by piece; started again after a kill, it goes on.

.NAME.track.shards/   what became of finished pieces, each with the state after its last frame

A state is small and exact, so a run that was killed ends with the same tracks.
"""

import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.io import store
from gambol.io.poses import Shards
from gambol.io.video.open import open_video
from gambol.stages import identities
from gambol.stages.identities import Recording
from gambol.tracking import life, trackers

Look = Callable[[int], np.ndarray]  # frame -> grey image


class _Stretch(NamedTuple):
    """Frames that are tracked together."""

    number: int
    first: int  # row
    last: int  # the row after the last
    stop: int  # the frame after the last


def shards(target: Path, key: str) -> Shards:
    """Where finished pieces of a track file lie; those that another key made are deleted."""
    return Shards(target.with_name(f"{target.stem}.track.npz"), key)


def forget(target: Path) -> None:
    """Delete the pieces once the result is written."""
    shutil.rmtree(target.with_name(f".{target.stem}.track.shards"), ignore_errors=True)


def follow(
    cfg: trackers.TrackConfig,
    recording: Recording,
    number: trackers.Number,
    kept: Shards,
    progress: Progress = silent,
) -> trackers.Tracked:
    """Track the detections that were kept; the same as in one go.

    Args:
        cfg: how tracks are made.
        recording: what was found; its video is opened for motions that look at it.
        number: of animals.
        kept: of the same settings and detections.
        progress: hears of every piece.
    """
    found = recording.found.select(np.flatnonzero(recording.kept))
    times = recording.times
    scale = trackers.measure(cfg, found, times)
    keypoints, embedding = found.xy.shape[1], found.embedding.shape[1]
    state = trackers.init(cfg, scale, keypoints, embedding, number)
    parts, fresh = [], False
    with _images(cfg, recording) as look:
        for n, start in enumerate(range(0, max(len(times), 1), identities.PIECE)):
            stop = min(start + identities.PIECE, len(times))
            first, last = np.searchsorted(found.frame, [start, stop]).tolist()
            here = _Stretch(n, first, last, stop)
            done = None if fresh else _read(kept, here, state)
            if done is None:
                fresh = True  # what comes later follows from this
                some = found.select(np.arange(first, last))
                done = trackers.advance(state, some, times, look, stop)
                _write(kept, here, *done)
            state, part = done
            parts.append(part)
            progress(Step("follow", stop, len(times), _name(kept)))
    return trackers.gather(state, parts)


def _name(kept: Shards) -> str:
    return kept.target.name.removesuffix(".track.npz")


def _write(kept: Shards, here: _Stretch, state: trackers.State, part: trackers.Piece) -> None:
    """Keep a piece and the state after it, whole or not at all."""
    arrays: dict[str, Any] = {f"alive_{n}": v for n, v in state.alive._asdict().items()}
    arrays |= {f"named_{n}": v for n, v in part.named._asdict().items()}
    if state.image is not None:
        arrays["image"] = state.image
    counts = np.array([state.frame, state.n_tracks, state.used])
    with store.atomic(kept.path(here.number)) as partial, partial.open("wb") as file:
        np.savez(file, track=part.track, margin=part.margin, counts=counts, **arrays)


def _read(
    kept: Shards, here: _Stretch, before: trackers.State
) -> tuple[trackers.State, trackers.Piece] | None:
    """Return a finished piece; None if it is missing, damaged or of other frames."""
    try:
        with (
            kept.path(here.number).open("rb") as handle,  # numpy leaves damaged files open
            np.load(handle, allow_pickle=False) as file,
        ):
            alive = life.Alive(*(file[f"alive_{name}"] for name in life.Alive._fields))
            named = life.Named(*(file[f"named_{name}"] for name in life.Named._fields))
            part = trackers.Piece(file["track"], file["margin"], named)
            frame, n_tracks, used = file["counts"].tolist()
            image = file["image"] if "image" in file.files else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    if frame != here.stop or not len(part.track) == len(part.margin) == here.last - here.first:
        return None
    state = before._replace(alive=alive, frame=frame, n_tracks=n_tracks, used=used, image=image)
    return state, part


@contextmanager
def _images(cfg: trackers.TrackConfig, recording: Recording) -> Iterator[Look | None]:
    """Open the video for trackers that look at it."""
    if cfg.motion.kind != "flow":
        yield None
        return
    path = Path(str(recording.attrs.get("source_file", "")))
    if not path.exists():
        raise InputError(
            f"motion flow looks at {path}, which is not there; set motion to kalman"
        )
    video = open_video(path, grey=True)
    try:
        yield lambda frame: video.read([frame])[0, ..., 0]
    finally:
        video.close()
