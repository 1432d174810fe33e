"""The labels of one run, laid out so that a look at any stretch costs what is shown of it."""

import threading
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float32, Int64, UInt16

from gambol.app.web import models
from gambol.app.web.behavior_runs import LABEL, Found
from gambol.behavior import label_undo, sequences
from gambol.core.sequences import recording
from gambol.io import syllable_places
from gambol.stages import label_map, label_runs

NONE = 65_535  # the label of a point of the map that has none
_SAMPLES = 8  # frames of a pixel that is more than a frame
_COURSES = 4  # recordings whose places are kept
_MATRIX = 40  # labels of the matrix, the most used


class Course(NamedTuple):
    """Where an animal is and where it heads; NaN: not known."""

    centre: Float32[np.ndarray, "T 2"]
    heading: Float32[np.ndarray, " T"]  # rad, from x to y


class Embedding(NamedTuple):
    """All frames of a run on its map, one recording after the other."""

    xy: Float32[np.ndarray, "T 2"]  # NaN: off the map
    region: UInt16[np.ndarray, " T"]  # after the decisions; `NONE`


class Book:
    """Labels of a run after the decisions of people."""

    def __init__(self, found: Found) -> None:
        """Read the labels.

        Raises:
            InputError: a file is damaged, or decisions are about another model.
        """
        self.found = found
        self.lock = threading.Lock()
        self.run = label_runs.read(found.folder, None, LABEL[found.kind])
        self.labels = self.run.applied.sequences
        self.names = self.labels.names
        self.fps = self.labels.fps
        self.bouts = sequences.bouts(self.labels)
        edges = np.searchsorted(self.bouts.recording, np.arange(len(self.names) + 1))
        self._edges = [int(edge) for edge in edges]
        self._courses: OrderedDict[int, Course] = OrderedDict()
        self._embedding: Embedding | None = None

    def length(self, r: int) -> int:
        """Return the frames of a recording."""
        return int(self.labels.offsets[r + 1] - self.labels.offsets[r])

    def bouts_of(self, r: int) -> slice:
        """Return which bouts are of a recording."""
        return slice(*self._edges[r : r + 2])

    def raster(self, r: int, first: int, last: int, px: int) -> models.BehaviorRaster:
        """Return stretches of labels in frames first to last, at most one a pixel."""
        mine = self.bouts_of(r)
        start, stop = self.bouts.start[mine], self.bouts.stop[mine]
        some = slice(
            int(np.searchsorted(stop, first, "right")),
            int(np.searchsorted(start, last, "right")),
        )
        exact = some.stop - some.start <= px
        if exact:
            columns = (start[some], stop[some] - 1, self.bouts.label[mine][some])
        else:
            columns = self._coarse(r, first, last, px)
        runs = [(int(a), int(b), int(k)) for a, b, k in zip(*columns, strict=True)]
        return models.BehaviorRaster(
            recording=self.names[r], first=first, last=last, runs=runs, exact=exact,
            speed=self._speed(r, first, last, px),
        )  # fmt: skip

    def _coarse(
        self, r: int, first: int, last: int, px: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give each pixel the label that most of some of its frames have; work: pixels."""
        values, valid = recording(self.labels, r)
        edges, frames = _sampled(first, last, px)
        label = np.where(valid[frames], values[frames].astype(np.int64), -1)
        votes = (label[:, :, None] == label[:, None, :]).sum(axis=2)
        most = label[np.arange(px), votes.argmax(axis=1)]
        begins = np.flatnonzero(np.append(True, most[1:] != most[:-1]))
        ends = np.append(begins[1:], px)
        seen = most[begins] >= 0
        return edges[begins[seen]], edges[ends[seen]] - 1, most[begins[seen]]

    def _speed(self, r: int, first: int, last: int, px: int) -> list[float | None]:
        course = self.course(r)
        if course is None or len(course.centre) < 2:
            return []
        _, frames = _sampled(first, last, min(px, last - first + 1))
        at = np.clip(frames, 0, len(course.centre) - 2)
        step = course.centre[at + 1].astype(np.float64) - course.centre[at]
        speed = np.hypot(step[..., 0], step[..., 1]) * self.fps
        seen = np.isfinite(speed)
        total = np.where(seen, speed, 0.0).sum(axis=1)
        return [
            round(float(t / n), 3) if n else None
            for t, n in zip(total, seen.sum(axis=1), strict=True)
        ]

    def step(self, r: int, frame: int, by: int) -> models.BehaviorStep:
        """Return the next bout that begins after a frame, or the last one before it."""
        mine = self.bouts_of(r)
        start = self.bouts.start[mine]
        at = np.searchsorted(start, frame, "right" if by > 0 else "left") - (0 if by > 0 else 1)
        if not 0 <= at < len(start):
            return models.BehaviorStep(first=None, last=None, label=None)
        k = mine.start + int(at)
        return models.BehaviorStep(
            first=int(self.bouts.start[k]), last=int(self.bouts.stop[k]) - 1,
            label=int(self.bouts.label[k]),
        )  # fmt: skip

    def label_at(self, r: int, frame: int) -> int | None:
        """Return the label of a frame; None: it has none."""
        values, valid = recording(self.labels, r)
        return int(values[frame]) if valid[frame] else None

    def course(self, r: int) -> Course | None:
        """Return where the animal of a recording is; None: the run does not say it."""
        with self.lock:
            if r not in self._courses:
                places = syllable_places.read(self.run.sources[r], self.length(r))
                if places.centroid is None:
                    return None
                centre = places.centroid[:, :2].astype(np.float32)
                heading = (
                    np.zeros(len(centre), np.float32)
                    if places.heading is None
                    else places.heading.astype(np.float32)
                )
                self._courses[r] = Course(centre, heading)
                if len(self._courses) > _COURSES:
                    self._courses.popitem(last=False)
            self._courses.move_to_end(r)
            return self._courses[r]

    def embedding(self) -> Embedding | None:
        """Return the map; None: the run is none."""
        if self.found.kind != "map":
            return None
        with self.lock:
            if self._embedding is None:
                total = int(self.labels.offsets[-1])
                xy = np.full((total, 2), np.nan, np.float32)
                region = np.full(total, NONE, np.uint16)
                table = self._now()
                for r, source in enumerate(self.run.sources):
                    here = slice(*self.labels.offsets[r : r + 2].tolist())
                    y = syllable_places.read_series(source, "y")
                    own = syllable_places.read_series(source, "region")
                    if y is None or own is None:
                        continue
                    xy[here] = y[:, :2]
                    inside = (own > 0) & (own < len(table))
                    region[here] = np.where(inside, table[np.where(inside, own, 0)], NONE)
                self._embedding = Embedding(xy, region)
            return self._embedding

    def _now(self) -> Int64[np.ndarray, " S"]:
        """Return what each label of the model is now; `NONE` of those that are excluded."""
        table = np.arange(self.labels.size)
        for label in self.run.applied.labels:
            for number in label.members:
                table[number] = NONE if label.excluded else label.id
        return table

    def table(self, author: str) -> models.BehaviorLabels:
        """Return what labels are called and what they are like, and what a person can undo."""
        rows = label_map.table(self.run)
        if self.run.between is not None:
            rows = [row for row in rows if row["id"] != label_runs.ON_THE_WAY]
        lasting = sequences.duration_table(self.run.seen).set_index("label")
        used = np.bincount(self.bouts.label, minlength=self.labels.size)
        shown = [row for row in rows if row["usage"] > 0 or row["decided"]]
        order = [row["id"] for row in shown if used[row["id"]]][:_MATRIX]
        move = np.nan_to_num(sequences.transitions(self.run.ordered, runs=True).row)
        held = self.run.label_map
        return models.BehaviorLabels(
            run=self.found.run,
            labels=[
                models.BehaviorLabel(
                    id=row["id"], name=row["name"], colour=row["colour"],
                    notes=list(row["notes"]), members=list(row["members"]),
                    excluded=row["excluded"], usage=row["usage"],
                    bouts=int(used[row["id"]]), median_s=_median(lasting, row["id"]),
                )
                for row in shown
            ],
            order=order,
            next=[[round(float(move[i, j]), 4) for j in order] for i in order],
            decisions=len(held.decisions),
            end=held.end,
            undo=label_undo.undoable(held, author),
            redo=label_undo.redoable(held, author),
        )  # fmt: skip


def _sampled(first: int, last: int, px: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of pixels (px + 1) and some frames of each (px, samples)."""
    edges = first + (last - first + 1) * np.arange(px + 1, dtype=np.int64) // px
    width = np.maximum(edges[1:] - edges[:-1], 1)[:, None]
    return edges, edges[:-1, None] + width * np.arange(_SAMPLES) // _SAMPLES


def _median(lasting: pd.DataFrame, label: int) -> float | None:
    if label not in lasting.index:
        return None
    value = float(lasting["median_s"].loc[label])
    return value if np.isfinite(value) else None
