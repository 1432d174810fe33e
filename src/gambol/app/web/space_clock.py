"""Which frame of each film belongs to a moment, as people say: offsets, kept in the project.

They are a log of the project like that of decisions about points, so they have an author, a
place in the history, and undo. The film is named, not the camera: offsets are of a recording.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from gambol.io import track_logs
from gambol.io.project import Project
from gambol.multiview.clocks import Timing

LOG = "clock.space.jsonl"  # in the project's log; no file of the disk
KEY = "clock of the films"


def read(project: Project) -> dict[int, Timing]:
    """Return what stands: timing by video; of others nobody said anything."""
    log = project.folder / LOG
    for number, path in track_logs.listed(project):
        if path == log and (kept := track_logs.kept(project, number)) is not None:
            return clocks(kept.records)
    return {}


def clocks(records: Sequence[Mapping[str, Any]]) -> dict[int, Timing]:
    """Return what stands after all records, in their order."""
    found = {}
    for one in records:
        gaps = [tuple((int(a), int(n)) for a, n in one[name]) for name in ("drops", "skips")]
        found[int(one["video"])] = Timing(float(one["lag"]), float(one["drift"]), *gaps)
    return found


def write(
    project: Project, said: Mapping[int, Timing], action: str, by: str, uid: str | None = None
) -> int:
    """Say the timing of films as one edit of the project; return its number."""
    records = [{"video": video, **one._asdict()} for video, one in said.items()]
    log = project.folder / LOG
    return track_logs.begin(project, log, KEY, records, action, by, uid or uuid.uuid4().hex)


def same(one: Timing, other: Timing) -> bool:
    """Whether two say the same to a thousandth of a frame."""
    close = abs(one.lag - other.lag) < 1e-3 and abs(one.drift - other.drift) < 1e-9
    return close and (one.drops, one.skips) == (other.drops, other.skips)
