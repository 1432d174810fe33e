"""What the review queue of tracks is worth, where it is known who is who.

reads   NAME.review.json   beside the tracks; tracks of other tools have none

Whether doubtful events were resolved rightly and their probabilities hold, and how many clicks
a person who goes through the queue needs until names are right.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from gambol.core.instances import UNTRACKED
from gambol.io import store
from gambol.io import tracks as io_tracks
from gambol.stages import identities
from gambol.tracking import effort
from gambol.tracking.evaluate import evaluate_crossings
from gambol.tracking.review import Event
from gambol.tracking.scores import Aligned, one_to_one

LEAST = 0.5  # of the frames have to be known, or nothing is known of the sides of events
SAME = 0.5  # similarity from which a detection shows an animal


def scores(
    path: Path, said: io_tracks.Tracked, aligned: Aligned, frames: Int[np.ndarray, " F"]
) -> dict[str, Any] | None:
    """Score the queue of a track file; None where there is none, or too little is known.

    Args:
        path: the track file.
        said: what it says.
        aligned: its tracks beside the true animals.
        frames: in which these are known, ascending.
    """
    queue = identities.queue_file(path)
    if path.suffix != ".nc" or not queue.exists() or len(frames) < LEAST * said.frames:
        return None
    inside = (said.id != UNTRACKED) & np.isin(said.found.frame, frames)
    present = np.unique(said.id[inside])  # as `aligned` numbers them
    events = [_event(row, said.names) for row in store.read_json(queue)["events"]]
    frame, ids, truth = _rows(aligned, frames, present)
    done = effort.review(frame, ids, truth, events)
    crossed = _crossings(aligned, frames, (frame, ids, truth), events)
    return {
        "tracks": path.name,
        "events": len(events),
        "crossings": {name: value for name, value in crossed.items() if name != "diagram"},
        "wrong": int(done.wrong.sum()),
        "wrong_in_first": {str(q): int(done.wrong[:q].sum()) for q in (5, 10, 20, 50)},
        "clicks": done.needed,
        "idf1_before": done.before,
        "idf1_after": float(done.idf1[-1]) if len(events) else done.before,
    }


def _event(row: dict[str, Any], names: tuple[str, ...]) -> Event:
    who, instead = (tuple(names.index(a) for a in row[k]) for k in ("animals", "instead"))
    return Event(
        row["kind"], row["first"], row["last"], who, row["confidence"], instead,
        row["cost_difference"], row["affected"],
    )  # fmt: skip


def _rows(
    aligned: Aligned, frames: Int[np.ndarray, " F"], present: Int[np.ndarray, " M"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frame, name and true animal of everything tracked, then of animals that were missed."""
    parts = [np.zeros((3, 0), np.int64)]
    for f, number in enumerate(frames.tolist()):
        row, column = one_to_one(aligned.alike[f], SAME)
        truth = np.full(len(aligned.found[f]), UNTRACKED)
        truth[column] = aligned.truth[f][row]
        missed = np.delete(aligned.truth[f], row)
        names = np.concatenate([present[aligned.found[f]], np.full(len(missed), UNTRACKED)])
        here = np.full(len(names), number)
        parts.append(np.stack([here, names, np.concatenate([truth, missed])]))
    frame, ids, truth = np.concatenate(parts, axis=1)
    return frame, ids, truth


def _crossings(
    aligned: Aligned,
    frames: Int[np.ndarray, " F"],
    rows: tuple[np.ndarray, np.ndarray, np.ndarray],
    events: list[Event],
) -> dict[str, Any]:
    """Score events by the true animals that came to them."""
    frame, ids, truth = rows
    half = aligned.step / 2
    first, last = (np.array([e[k] for e in events], np.int64) for k in (1, 2))
    start, stop = ((side - frames[:1]) * aligned.step for side in (first, last))
    who = []
    for event in events:
        here = (frame <= event.first) & np.isin(ids, event.animals) & (truth >= 0)
        came = {int(i): int(t) for i, t in zip(ids[here], truth[here], strict=True)}
        who.append(np.unique(list(came.values())).astype(np.int64))
    sure = np.array([event.confidence for event in events], np.float64)
    return evaluate_crossings(aligned, start + half, stop - half, who, sure)
