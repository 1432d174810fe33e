"""The table of rounds: what each training learned from, reached, and saved people afterwards.

A round lasts from the start of a training to the start of the next. Its fixes are the edits of
frames that were ended in it, not counting the edit that accepts them; its seconds a frame are
from where the person was before to the edit that ends the frame, pauses left out.
"""

import csv
import statistics
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from gambol.app import job_files, job_stages
from gambol.app.job_files import Asked, Status
from gambol.app.web.models import Round
from gambol.io.project import Project
from gambol.io.project_edits import EditRow

PAUSE_S = 300.0  # a person who did nothing for so long was away
BULK = 50  # frames that one edit touches; more are an import, no work on a frame

Frame = tuple[int, int]  # video, frame


class Event(NamedTuple):
    """One edit of a person, as far as it matters here."""

    at: float  # s
    author: str
    touched: frozenset[Frame]  # animals of these frames changed
    ended: frozenset[Frame]  # frames that were said to be done


def of(project: Project) -> list[Round]:
    """Return the rounds of a project, oldest first."""
    jobs = [job for job in job_stages.known(project.folder) if job[1].stage == "train"]
    jobs = sorted(jobs, key=lambda job: job[1].created)
    if not jobs:
        return []
    events = [event for row in project.history() if (event := _event(row))]
    starts = [_seconds(asked.created) for _, asked, _ in jobs]
    ends = [*starts[1:], float("inf")]
    return [
        _round(number, *job, work(events, start, end))
        for number, (job, start, end) in enumerate(zip(jobs, starts, ends, strict=True), 1)
    ]


def work(
    events: Iterable[Event], start: float, end: float
) -> tuple[float | None, float | None]:
    """Return fixes a frame and seconds a frame of what was ended between two times.

    Args:
        events: all edits, oldest first.
        start: s.
        end: s.
    """
    fixes: dict[Frame, int] = {}
    first: dict[Frame, float] = {}
    before: dict[str, tuple[float, frozenset[Frame]]] = {}  # last edit of everybody
    arrived: dict[tuple[str, Frame], float] = {}
    counts, seconds = [], []
    for event in events:
        inside = start <= event.at < end
        for frame in event.touched | event.ended:
            last = before.get(event.author)
            if last is not None and frame not in last[1]:
                arrived[event.author, frame] = last[0]
            if inside:
                first.setdefault(frame, event.at)
                fixes[frame] = fixes.get(frame, 0) + (frame not in event.ended)
            if inside and frame in event.ended:
                since = arrived.get((event.author, frame), first[frame])
                took = event.at - since
                took = took if took <= PAUSE_S else event.at - first[frame]
                counts.append(fixes.pop(frame))
                if 0 < took <= PAUSE_S:
                    seconds.append(took)
        before[event.author] = (event.at, event.touched | event.ended)
    return (
        statistics.fmean(counts) if counts else None,
        statistics.median(seconds) if seconds else None,
    )


def _event(row: EditRow) -> Event | None:
    """Return what an edit did to frames; None where it did nothing to any."""
    touched = {(key[0], key[1]) for table, key, _ in row.after if table == "instances"}
    said = {
        (key[0], key[1])
        for table, key, value in row.after
        if table == "frames" and value is not None and value["complete"] == 1
    }
    if not touched | said or len(touched | said) > BULK:
        return None
    return Event(_seconds(row.time), row.author, frozenset(touched), frozenset(said))


def _round(
    number: int, folder: Path, asked: Asked, told: Status, work: tuple[float | None, ...]
) -> Round:
    result = told.result or {}
    began = _seconds(told.started or asked.created)
    ended = _seconds(told.ended) if told.ended else _seconds(job_files.now())
    return Round(
        number=number,
        run=asked.id,
        labels=_labels(folder / "out" / "split.csv"),
        minutes=max(ended - began, 0.0) / 60,
        p50_px=result.get("median_px"),
        p95_px=result.get("p95_px"),
        fixes_per_frame=work[0],
        seconds_per_frame=work[1],
    )


def _labels(path: Path) -> int:
    """Return how many frames a training had."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return len({(row["video"], row["frame"]) for row in csv.DictReader(file)})
    except (OSError, KeyError):
        return 0


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
