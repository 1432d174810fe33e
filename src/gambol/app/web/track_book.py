"""The book of a recording: automatic tracks, the log of what people said, and both together.

The log in the project is the truth. An edit is applied here in memory, in milliseconds; the
track file is written anew later (`track_files`). Reading the book costs as much as the log has
grown since; where something was undone, what the log has grown since the last checkpoint.
"""

import threading
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Int

from gambol.app.web import track_base, track_index, track_lanes
from gambol.app.web.track_poses import Poses, Rows
from gambol.app.web.track_queue import EventQueue
from gambol.core.instances import UNTRACKED
from gambol.io.track_logs import Kept
from gambol.stages import identities, replay, review
from gambol.tracking import edits as log
from gambol.tracking import gaps
from gambol.tracking.patches import Patches

CHECKPOINT = 50  # edits between states that are kept, so that undo need not apply all others
_CHECKPOINTS = 4
_WINDOW = 4096  # frames around a detection in which the rest of its fragment is looked for


class Here(NamedTuple):
    """Detections of some frames, and who they are now."""

    rows: Rows
    who: Int[np.ndarray, " R"]  # animal, UNTRACKED, or DISMISSED


class _Checkpoint(NamedTuple):
    """What so many records had made."""

    records: int
    patches: Patches
    queue: EventQueue


class Book:
    """Answers what the page asks about one recording; any thread, one at a time."""

    def __init__(self, target: Path, *, keep: bool = True) -> None:
        """Begin without tracks; `keep`: what is made of them stays beside them."""
        self.target, self._keep = target, keep
        self.lock = threading.RLock()
        self.touch = -1  # last edit of the project that the book knows of
        self.records: list[dict[str, Any]] = []
        self.poses = Poses(target)
        self._automatic: track_base.Base | None = None
        self._solved: tuple[int, track_base.Base] | None = None  # after so many records
        self._kept: deque[_Checkpoint] = deque(maxlen=_CHECKPOINTS)

    def take(self, kept: Kept) -> None:
        """Learn what the log says now."""
        with self.lock:
            if self._automatic is None or kept.key != self._automatic.key:
                self._automatic = track_index.open_base(self.target, kept.key, self._keep)
                self._solved = None
                self._begin([])
            if kept.records[: len(self.records)] == self.records or self._back(kept.records):
                self._add(kept.records[len(self.records) :])
            else:
                self._begin(kept.records)
            self.touch = kept.touch

    @property
    def base(self) -> track_base.Base:
        """The tracks that the log, or its last solution, begins with."""
        return self._base

    @property
    def names(self) -> tuple[str, ...]:
        """What the animals are called now."""
        return identities.called(self._base.names, self.records)

    def lanes(self, first: int, last: int, px: int) -> track_lanes.Lanes:
        """Return who is seen where, in so many stretches."""
        return track_lanes.lanes(self._base, self.patches, track_lanes.pixels(first, last, px))

    def here(self, first: int, stop: int) -> Here:
        """Return the detections of some frames."""
        rows = self.poses.read(first, stop)
        return Here(rows, self.patches.now(rows.row))

    def drawn(self, first: int, stop: int) -> Here:
        """Return poses of some frames that nobody saw, on lines across gaps; rows are -1."""
        frames, points, who = [], [], []
        for gap in self.patches.gaps:
            if gap.first >= stop or gap.last < first:
                continue
            for animal, one, two in gaps.lines(gap, self._found):
                ends = self._at(animal, one), self._at(animal, two)
                line = gaps.line(*ends, two - one - 1)
                line[..., 2] = np.fmin(ends[0][:, 2], ends[1][:, 2])
                frames.append(np.arange(one + 1, two))
                points.append(line.astype(np.float32))
                who.append(np.full(two - one - 1, animal))
        if not frames:
            nothing = self.here(first, first + 1)
            return Here(nothing.rows.select(slice(0)), nothing.who[:0])
        when, animals = np.concatenate(frames), np.concatenate(who)
        kept = gaps.firsts(when, animals)
        kept = kept[(when[kept] >= first) & (when[kept] < stop)]
        rows = Rows(np.full(len(kept), -1), when[kept], np.concatenate(points)[kept])
        return Here(rows, animals[kept])

    def _found(self, part: gaps.Part) -> Int[np.ndarray, " F"]:
        """Return the frames of a part of a gap in which its animal is seen."""
        begin, stop = max(part.first, 0), min(part.last + 1, self._base.frames)
        if begin >= stop:
            return np.arange(0)
        rows = np.arange(*self._base.starts[[begin, stop]].tolist())
        mine = rows[self.patches.now(rows) == part.animal]
        return np.asarray(self._base.where(mine)[0], np.int64)

    def _at(self, animal: int, frame: int) -> Float32[np.ndarray, "K 3"]:
        """Return the pose of an animal in a frame in which it is seen."""
        found = self.here(frame, frame + 1)
        return found.rows.points[np.flatnonzero(found.who == animal)[0]]

    def row_of(self, animal: int, frame: int, way: int = 1) -> int | None:
        """Return the detection of an animal in a frame, or the next one in a direction.

        It is looked for within the stretch that holds the frame, and up to a gap from it.
        """
        found = track_lanes.stretch(self._base, self.patches, animal, frame)
        if found is None:
            return None
        at = min(max(frame, found[0]), found[1])
        for t in range(at, (found[1] if way > 0 else found[0]) + way, way):
            rows = np.arange(*self._base.starts[t : t + 2].tolist())
            mine = rows[self.patches.now(rows) == animal]
            if len(mine):
                return int(mine[0])
        return None

    def fragment(self, row: int) -> Int[np.ndarray, " R"]:
        """Return the detections that are nobody, as this one, and belong together with it.

        They had one name, or one raw track, before; no gap is between them.
        """
        base, width = self._base, _WINDOW
        animal, raw = int(base.animal[row]), int(base.raw[row])
        frame = int(base.where(np.array([row]))[0][0])
        if animal < 0 and raw < 0:
            return np.array([row])
        short = max(round(track_lanes.SHORT_S * base.fps), 1)
        while True:
            first, stop = max(frame - width, 0), min(frame + width, base.frames)
            rows = np.arange(*base.starts[[first, stop]].tolist())
            same = base.animal[rows] == animal
            if animal < 0:
                same &= base.raw[rows] == raw
            rows = rows[same]
            rows = rows[self.patches.now(rows) == UNTRACKED]
            frames = base.where(rows)[0]
            place = int(np.searchsorted(rows, row))
            breaks = np.flatnonzero(np.diff(frames) > short) + 1
            part = np.split(np.arange(len(rows)), breaks)
            mine = part[int(np.searchsorted(breaks, place, "right"))]
            whole = first == 0 or frames[mine[0]] > first + short
            whole &= stop == base.frames or frames[mine[-1]] < stop - 1 - short
            if whole:
                return rows[mine]
            width *= 4

    def parsed(self, records: list[dict[str, Any]]) -> list[log.Edit]:
        """Read records of the log."""
        return [log.parse(one, f"the edits of {self.target.name}") for one in records]

    def _begin(self, records: list[dict[str, Any]]) -> None:
        """Apply a log from its last solution on."""
        assert self._automatic is not None
        ends = [n for n, one in enumerate(records, 1) if one.get("kind") == replay.RESOLVE]
        self._base = self._automatic
        if ends:
            self._base = self._solve(records[: ends[-1]])
        else:
            self._solved = None
        self.patches = Patches(len(self._base.names), self._base.where)
        self.queue = EventQueue(self._base.events)
        self.records = records[: ends[-1]] if ends else []
        self.solutions = len(ends)
        self._kept.clear()
        said = self.parsed([r for r in self.records if r.get("kind") != replay.RESOLVE])
        self.patches.take(edit for edit in said if isinstance(edit, log.Pin))
        self.patches.gaps = gaps.follow(said)
        self._add(records[len(self.records) :])

    def _back(self, records: list[dict[str, Any]]) -> bool:
        """Go back to the newest checkpoint that a log still has; False: there is none."""
        while self._kept:
            n, patches, queue = self._kept[-1]
            if records[:n] == self.records[:n]:
                self.patches, self.queue = patches.copy(), queue.copy()
                self.records = self.records[:n]
                return True
            self._kept.pop()
        return False

    def _add(self, records: list[dict[str, Any]]) -> None:
        if any(one.get("kind") == replay.RESOLVE for one in records):
            self._begin([*self.records, *records])
            return
        before = len(self.records)
        for n, edit in enumerate(self.parsed(records), before + 1):
            self.patches.take([edit])
            self.queue.take(edit)
            if n % CHECKPOINT == 0:
                self._kept.append(_Checkpoint(n, self.patches.copy(), self.queue.copy()))
        self.records = [*self.records, *records]

    def _solve(self, records: list[dict[str, Any]]) -> track_base.Base:
        """Solve anew, as `gambol review resolve` does; this takes as long as tracking."""
        assert self._automatic is not None
        if self._solved is None or self._solved[0] != len(records):
            opened = review.open_tracks(self.target)
            result = replay.build(opened.recording, opened.automatic, records)
            self._solved = len(records), track_base.solved(self._automatic, result)
        return self._solved[1]
