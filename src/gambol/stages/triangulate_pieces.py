"""The 3D poses of a long recording: learned from a sample, solved piece by piece, joined.

Memory holds a piece of one animal. A piece is solved with some frames more on each side and
keeps its own middle; of keypoints that nobody sees there for long, it also gets the frames that
last and next show them. Pieces are kept on disk until all are there.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Int

from gambol.core import poses as core_poses
from gambol.core.cameras import Rig
from gambol.core.progress import Progress, Step
from gambol.core.shares import Share
from gambol.io import poses_pieces
from gambol.io.poses_pieces import Pieces
from gambol.io.views_kept import Kept
from gambol.multiview import finishing, learning, reconstruct, windows
from gambol.multiview.finishing import Beside, Touches
from gambol.multiview.tiers.base import Learner, Tier

OVERLAP = 30  # frames more on each side of a piece; farther away no cut is felt


class Work(NamedTuple):
    """A recording, and what is to be done with it."""

    kept: Kept
    rig: Rig
    tier: Learner
    piece: int  # frames that are solved together, about, and that are learned from
    fps: float
    attrs: Mapping[str, Any]  # of the result

    @property
    def cuts(self) -> list[windows.Window]:
        """Return the pieces."""
        size = max(self.piece // self.tier.window, 1) * self.tier.window
        return windows.cut(len(self.kept.times), size, size)

    def pieces(self, target: Any, key: str) -> Pieces:
        """Return where they are kept."""
        starts = [*(part.begin for part in self.cuts), len(self.kept.times)]
        return Pieces(target, key, starts, len(self.kept.names))


def solve(work: Work, pieces: Pieces, progress: Progress, share: Share | None = None) -> None:
    """Make the pieces that are not there yet, animal by animal.

    Args:
        work: the recording.
        pieces: where they are kept.
        progress: told of frames, those of all animals together.
        share: which of all pieces; None: all.
    """
    frames, names, cuts = len(work.kept.times), work.kept.names, work.cuts
    total = len(names) * len(cuts)
    mine = range(total) if share is None else share.stretch(total)
    for n in range(len(names)):
        known: Tier | None = None
        for p, part in enumerate(cuts):
            if n * len(cuts) + p not in mine:
                continue
            size, whole = part.end - part.begin, frames * len(names)
            counted = reconstruct.counting(progress, n * frames + part.begin, size, whole)
            if not pieces.finished(p, n):
                known = known or learned(work, n)
                pieces.write(p, n, solved(work, n, part, known, counted))
            counted(Step("triangulate", 1, 1, names[n]))


def learned(work: Work, animal: int) -> Tier:
    """Return the tier that knows what stretches from all over the recording tell."""
    kept = work.kept
    most = max(work.piece, learning.FRAMES)
    views = kept.views(animal, windows.spread(len(kept.times), most))
    return work.tier.learn(reconstruct.problem(views, work.rig))


def solved(
    work: Work, animal: int, part: windows.Window, tier: Tier, progress: Progress
) -> xr.Dataset:
    """Return the 3D poses of a piece of one animal.

    Args:
        work: the recording.
        animal: its number.
        part: the piece.
        tier: with what was learned.
        progress: told of the tier's steps.
    """
    kept, how = work.kept, work.tier

    def seen(first: int, last: int) -> np.ndarray:
        there = kept.seen(animal, first, last)
        return there if how.timed else np.zeros_like(there)

    frames = windows.around(seen, part, overlap=OVERLAP, multiple=how.window)
    made = reconstruct.reconstruct(
        {kept.names[animal]: kept.views(animal, _stretches(frames))},
        work.rig,
        tier,
        fps=work.fps,
        attrs=work.attrs,
        progress=progress,
    )
    start = int(np.searchsorted(frames, part.begin))
    return made.isel(time=slice(start, start + part.end - part.begin))


def join(work: Work, pieces: Pieces, touches: Touches, progress: Progress) -> None:
    """Write the result from its pieces, some frames in memory at a time.

    Args:
        work: the recording.
        pieces: all of them.
        touches: what is done to the joined poses.
        progress: told of frames.
    """
    frames, names = len(work.kept.times), work.kept.names
    told = {
        name: reconstruct.learned_together(
            [json.loads(text)[name] for text in pieces.attrs(n, "learned")]
        )
        for n, name in enumerate(names)
    }
    one = pieces.like()
    axes = {k: v.values for k, v in one.coords.items() if k not in ("time", "individuals")}
    like = _read(work, pieces, 0, min(frames, 1))
    like = like.assign_coords({**axes, "individuals": list(names)})
    like.attrs = {**one.attrs, "learned": json.dumps(told)}

    def blocks() -> Iterator[xr.Dataset]:
        done = 0
        for made in _finished(work, pieces, touches):
            yield made
            done += made.sizes["time"]
            progress(Step("write", done, frames, pieces.target.name))

    poses_pieces.write(pieces.target, like, work.kept.times, blocks(), pieces.bytes())


def _finished(work: Work, pieces: Pieces, touches: Touches) -> Iterator[xr.Dataset]:
    """Yield the joined poses block by block, as if they had been finished all at once."""
    frames = len(work.kept.times)
    starts = list(range(0, frames, poses_pieces.BLOCK))
    beside: list[Beside | None] = [None] * len(starts)
    if touches.max_gap is not None:
        beside[:] = finishing.beside([_runs(work, pieces, start) for start in starts])
    for start, gaps in zip(starts, beside, strict=True):
        stop = min(start + poses_pieces.BLOCK, frames)
        first, last = max(start - touches.reach, 0), min(stop + touches.reach, frames)
        made = _read(work, pieces, first, last)
        yield finishing.finished(touches, made, slice(start - first, stop - first), gaps)


def _runs(work: Work, pieces: Pieces, start: int) -> finishing.Runs:
    """How long no view saw a point at the ends of a block."""
    stop = min(start + poses_pieces.BLOCK, len(work.kept.times))
    seen = _read(work, pieces, start, stop, ["n_views"])
    return finishing.runs(core_poses.points(seen, "n_views") <= 0)


def _read(
    work: Work, pieces: Pieces, first: int, last: int, names: Sequence[str] = ()
) -> xr.Dataset:
    """Return frames first <= t < last of all animals; what not all have is left out."""
    every = [pieces.read(n, first, last, names) for n in range(len(work.kept.names))]
    states = max(one.sizes.get("state", 0) for one in every)
    data: dict[str, Any] = {}
    for name, values in every[0].data_vars.items():
        if not all(name in one for one in every):
            continue
        parts = [one[name].values for one in every]
        if "state" in values.dims:
            parts = [np.pad(p, ((0, 0), (0, states - p.shape[1]), (0, 0))) for p in parts]
        data[str(name)] = (values.dims, np.concatenate(parts, axis=-1))
    return xr.Dataset(data, {"time": work.kept.times[first:last]})


def _stretches(frames: Int[np.ndarray, " F"]) -> list[tuple[int, int]]:
    """Return runs first <= t < last of sorted frames."""
    cuts = np.flatnonzero(np.diff(frames) > 1) + 1
    return [(int(part[0]), int(part[-1]) + 1) for part in np.split(frames, cuts)]
