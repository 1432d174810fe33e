"""Rows of labels, one per animal, put together to frames of several animals."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from gambol.core import regions
from gambol.core.labels import Labels, Visibility, among
from gambol.pose.dataset import Frames


class Scenes(NamedTuple):
    """The F labelled frames, with up to I animals each, in video pixels.

    Frames in which a person saw no animal are among them.
    """

    place: Int[np.ndarray, "F 2"]  # video and number of each frame, sorted
    animals: Int[np.ndarray, "F I"]  # row of each animal; -1 beyond the last one
    xy: Float[np.ndarray, "F I J 2"]
    visibility: UInt8[np.ndarray, "F I J"]  # absent beyond the last animal
    identity: Int[np.ndarray, "F I"]  # individual of each animal; -1 where unknown
    complete: Bool[np.ndarray, " F"]  # every animal of the frame is labelled
    ignored: list[list[Float[np.ndarray, "_ 2"]]]  # polygons without loss of each frame

    def of_rows(self, rows: Int[np.ndarray, " n"]) -> Int[np.ndarray, " f"]:
        """Return the frames that rows of the labels lie in."""
        inside = np.isin(self.animals, rows) & (self.animals >= 0)
        return np.flatnonzero(inside.any(axis=1))

    def at(self, pairs: Int[np.ndarray, "n 2"]) -> Int[np.ndarray, " f"]:
        """Return the frames of these videos and numbers."""
        return np.flatnonzero(among(self.place, pairs))


def gather(labels: Labels) -> Scenes:
    """Put the animals of each frame side by side, in the order of their rows."""
    everything = np.concatenate([labels.pairs, labels.negatives])
    frame, where = np.unique(everything, axis=0, return_inverse=True)
    where = where.ravel()[: len(labels)]
    frames, most = len(frame), int(np.bincount(where, minlength=1).max())
    order = np.argsort(where, kind="stable")
    place = np.arange(len(labels)) - np.searchsorted(where[order], where[order])
    animals = np.full((frames, most), -1)
    animals[where[order], place] = order
    there, row = animals >= 0, np.maximum(animals, 0)
    return Scenes(
        frame,
        animals,
        np.where(there[..., None, None], labels.xy[row], np.nan),
        np.where(there[..., None], labels.visibility[row], Visibility.ABSENT).astype(np.uint8),
        np.where(there, labels.individual[row], -1),
        ~among(frame, labels.incomplete),
        [regions.at(labels.regions, int(v), int(f)) for v, f in frame],
    )


def part(
    frames: Frames,
    scenes: Scenes,
    rows: Int[np.ndarray, " n"],
    empty: Int[np.ndarray, "m 2"] | None = None,
) -> Frames:
    """Return the frames that some rows lie in, without the animals of other rows.

    Where there were others (a model's, beside a person's), the frame is incomplete now.

    Args:
        frames: all frames of `scenes`.
        scenes: their animals.
        rows: of the labels.
        empty: video and number of frames without animals that belong to the part as well.
    """
    at = scenes.of_rows(rows)
    if empty is not None:
        at = np.union1d(at, scenes.at(empty))
    some, mine = frames.select(at), np.isin(scenes.animals[at], rows)
    others = (~mine & (scenes.animals[at] >= 0)).any(axis=1)
    return some._replace(
        xy=np.where(mine[..., None, None], some.xy, np.nan),
        visibility=np.where(mine[..., None], some.visibility, np.uint8(Visibility.ABSENT)),
        identity=np.where(mine, some.identity, -1),
        complete=some.complete & ~others,
    )
