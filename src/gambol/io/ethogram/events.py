"""From events that start, stop or happen to bouts; what does not pair is a fault."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, NamedTuple

from gambol.io.ethogram.reading import Mender

STATUSES = ("START", "STOP", "POINT")
TOGGLE = "TOGGLE"  # a start if nothing runs, else a stop
NOBODY = "No focal subject"
TARGET = "target="  # a modifier that names the target


class Event(NamedTuple):
    """Something logged at one time."""

    place: str  # in the file, for errors
    time: float  # s
    subject: str
    label: str
    modifiers: str
    status: str
    comment: str = ""
    category: str = ""


class Media(NamedTuple):
    """Begin and end of what was filmed, s, and the tolerance of both."""

    begin: float
    end: float
    slack: float


Running = dict[tuple[str, str, str], Event]


def paired(
    recordings: Mapping[str, Iterable[Event]], media: Mapping[str, Media], mender: Mender
) -> list[dict[str, Any]]:
    """Return a row a bout.

    Starts and stops pair if subject, label and modifiers agree. At one time what runs stops
    before it starts again.

    Args:
        recordings: events by recording, in any order.
        media: what was filmed of each.
        mender: is told of faults.
    """
    rows: list[dict[str, Any]] = []
    for name, events in recordings.items():
        running: Running = {}
        checked = [e for e in events if _known(e, mender)]
        inside = [e for e in (_inside(e, media[name], mender) for e in checked) if e]
        inside.sort(key=lambda e: e.time)
        for _, batch in groupby(inside, key=lambda e: e.time):
            group = list(batch)
            if len(group) > 1:
                group.sort(key=lambda e: (e.status == "STOP") ^ (_key(e) in running))
            for event in group:
                rows += _step(event, name, running, mender)
        last = max((e.time for e in inside), default=0.0)
        end = media[name].end if media[name].end < float("inf") else last
        for start in list(running.values()):
            told = f"{start.label!r}{_of(start)} starts and never stops"
            if end > start.time:
                mender.fault(start.place, told, f"it is closed at {end:g} s")
                rows.append(_row(name, start, end))
            else:
                mender.fault(start.place, told, "it is dropped")
    return rows


def logged(bouts: Any) -> list[tuple[float, str, Any]]:
    """Return time, status and row of every event of bouts, as they would be logged."""
    events = []
    for row in bouts.itertuples():
        if row.kind == "point":
            events.append((float(row.start_s), "POINT", row))
            continue
        events.append((float(row.start_s), "START", row))
        events.append((float(row.stop_s), "STOP", row))
    # what runs stops before it starts again
    return sorted(events, key=lambda e: (e[0], e[1] != "STOP"))


def with_target(modifiers: str, target: str) -> str:
    """Return modifiers that name the target, too; formats without targets keep it there."""
    return "|".join(part for part in (modifiers, TARGET + target if target else "") if part)


def split_target(modifiers: str) -> tuple[str, str]:
    """Return modifiers without the target, and the target.

    >>> split_target("gently|target=mouse 2")
    ('gently', 'mouse 2')
    """
    if TARGET not in modifiers:
        return modifiers, ""
    parts = modifiers.split("|")
    targets = [part.removeprefix(TARGET) for part in parts if part.startswith(TARGET)]
    rest = "|".join(part for part in parts if not part.startswith(TARGET))
    return rest, targets[0] if targets else ""


def _known(event: Event, mender: Mender) -> bool:
    """Drop what is neither start, stop nor point."""
    if event.status in (*STATUSES, TOGGLE):
        return True
    mender.fault(event.place, f"status {event.status!r} is not known", "it is dropped")
    return False


def _inside(event: Event, media: Media, mender: Mender) -> Event | None:
    """Return the event if it lies in what was filmed."""
    if media.begin - media.slack <= event.time <= media.end + media.slack:
        return event
    told = f"{event.label!r} at {event.time:g} s is beyond the media ({media.end:g} s)"
    if event.status in ("STOP", TOGGLE) and event.time > media.end:
        mender.fault(event.place, told, f"it is moved to {media.end:g} s")
        return event._replace(time=media.end)
    mender.fault(event.place, told, "it is dropped")
    return None


def _step(event: Event, name: str, running: Running, mender: Mender) -> list[dict[str, Any]]:
    """Take one event; return the bout that ends with it."""
    key, status = _key(event), event.status
    if status == "POINT":
        return [_row(name, event, event.time, "point")]
    if status == TOGGLE:
        status = "STOP" if key in running else "START"
    start = running.pop(key, None)
    if status == "START":
        running[key] = event
        if start is None:
            return []
        told = f"{event.label!r}{_of(event)} starts while it runs since {start.place}"
        mender.fault(event.place, told, "the earlier one is closed here")
    elif start is None:
        told = f"{event.label!r}{_of(event)} stops but never started"
        mender.fault(event.place, told, "it is dropped")
        return []
    if start is None or event.time <= start.time:
        mender.fault(event.place, f"{event.label!r} lasts no time", "it is dropped")
        return []
    comments = [text for text in (start.comment, event.comment) if text]
    if status == "START":
        comments = comments[:1] if start.comment else []
    return [_row(name, start._replace(comment=" | ".join(comments)), event.time)]


def _key(event: Event) -> tuple[str, str, str]:
    return event.subject, event.label, event.modifiers


def _of(event: Event) -> str:
    return f" of {event.subject!r}" if event.subject else ""


def _row(name: str, start: Event, stop: float, kind: str = "state") -> dict[str, Any]:
    modifiers, target = split_target(start.modifiers)
    return {
        "recording": name, "subject": start.subject, "target": target, "label": start.label,
        "kind": kind, "start_s": start.time, "stop_s": stop, "category": start.category,
        "modifiers": modifiers, "comment": start.comment,
    }  # fmt: skip
