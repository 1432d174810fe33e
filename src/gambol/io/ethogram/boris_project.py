"""Projects of BORIS (.boris, JSON): read whole, written back with all that we do not know.

State events carry no start or stop: they toggle by subject, code and modifiers. What is not
ours stays byte for byte: an object is cut into the texts of its members, and only those that
changed are written anew.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gambol.core.errors import InputError
from gambol.core.ethogram import Ethogram, build
from gambol.io import store
from gambol.io.ethogram import events
from gambol.io.ethogram.boris_csv import LOST, SLACK
from gambol.io.ethogram.events import TOGGLE, Event, Media
from gambol.io.ethogram.reading import Found, Given, Mender, require_apart

KEPT = "boris"  # key of the project's text in an ethogram
_TYPES = {"state": "State event", "point": "Point event"}
_EMPTY = {
    "time_format": '"hh:mm:ss"', "project_date": '""', "project_name": '""',
    "project_description": '""', "project_format_version": '"7.0"', "subjects_conf": "{}",
    "behaviors_conf": "{}", "observations": "{}", "behavioral_categories": "[]",
    "independent_variables": "{}", "coding_map": "{}", "behaviors_coding_map": "[]",
    "converters": "{}",
}  # fmt: skip
_SPACE = re.compile(r"[\s,]*")


def read(path: Path, given: Given) -> Found:
    """Read all observations of a project."""
    text = store.read_text(path)
    project = store.read_json(path)
    if not isinstance(project, dict) or "observations" not in project:
        raise InputError(f"{path} has no observations; it is no BORIS project")
    scheme = _scheme(project.get("behaviors_conf", {}))
    kinds = dict(zip(scheme["label"], scheme["kind"], strict=True))
    categories = dict(zip(scheme["label"], scheme["category"], strict=True))
    mender = Mender(path, given.repair)
    told, media, clocks, spans = {}, {}, [], []
    for name, observation in project["observations"].items():
        clock = _clock(name, observation, given)
        clocks.append(clock)
        first, length = clock["first_s"], clock["duration_s"]
        slack = 1 / clock["fps"] if clock["fps"] > 0 else SLACK
        media[name] = Media(first, first + (length if length > 0 else np.inf), slack)
        told[name] = [
            _event(entry, f"event {i + 1} of {name!r}", kinds, categories, mender)
            for i, entry in enumerate(observation.get("events", []))
        ]
        start, stop = (*observation.get("observation time interval", [0, 0]), 0, 0)[:2]
        if stop > start:
            spans.append({"recording": name, "start_s": float(start), "stop_s": float(stop)})
    rows = events.paired(told, media, mender)
    frame = pd.DataFrame(rows, columns=None if rows else ["recording", "label"])
    made = build(
        frame, scheme, pd.DataFrame(spans), pd.DataFrame(clocks),
        kept={KEPT: text}, source=str(path),
    )  # fmt: skip
    return Found(made, tuple(mender.notes))


def write(ethogram: Ethogram, path: Path) -> list[Path]:
    """Write a project; of one that was read, all but events and what changed stays."""
    bouts = require_apart(ethogram, path, LOST)
    project = _EMPTY | members(ethogram.kept.get(KEPT, "{}"))
    subjects = members(project["subjects_conf"])
    known = {json.loads(text).get("name") for text in subjects.values()}
    for name in dict.fromkeys(bouts["subject"]):
        if name and name not in known:
            entry = {"key": "", "name": name, "description": ""}
            subjects[_free(subjects)] = json.dumps(entry, ensure_ascii=False)
    behaviors = _behaviors(ethogram.scheme, members(project["behaviors_conf"]))
    old, observations = members(project["observations"]), {}
    for row in ethogram.recordings.itertuples():
        own = bouts[bouts["recording"] == row.recording]
        name = str(row.recording)
        observations[name] = _observation(row, own, members(old.get(name, "{}")))
    project["subjects_conf"] = _object(subjects)
    project["behaviors_conf"] = _object(behaviors)
    project["observations"] = _object(observations)
    store.write_text(_object(project, "\n") + "\n", path)
    return [path]


def members(text: str) -> dict[str, str]:
    r"""Cut the text of a JSON object into its members, byte for byte.

    >>> members('{"a": 1.50, "b": {"c": []}}')
    {'a': '1.50', 'b': '{"c": []}'}
    """
    decoder = json.JSONDecoder()
    found: dict[str, str] = {}
    at = text.index("{") + 1
    while True:
        space = _SPACE.match(text, at)
        at = space.end() if space else at
        if text[at] == "}":
            return found
        key, at = decoder.raw_decode(text, at)
        at = text.index(":", at) + 1
        space = _SPACE.match(text, at)
        at = space.end() if space else at
        _, end = decoder.raw_decode(text, at)
        found[key], at = text[at:end], end


def _object(found: dict[str, str], gap: str = "") -> str:
    """Write members as an object."""
    inside = [f"{json.dumps(key, ensure_ascii=False)}: {text}" for key, text in found.items()]
    return "{" + gap + ("," + (gap or " ")).join(inside) + gap + "}"


def _free(entries: dict[str, str]) -> str:
    """Return the next free number, which is the key of an entry."""
    return str(max((int(key) for key in entries if key.isdigit()), default=-1) + 1)


def _scheme(behaviors: dict[str, Any]) -> pd.DataFrame:
    rows = [
        {
            "label": entry["code"],
            "definition": entry.get("description", ""),
            "kind": "point" if "point" in entry.get("type", "").lower() else "state",
            "category": entry.get("category", ""),
            "code": entry.get("key", ""),
            "colour": entry.get("color", ""),
            "exclusive": bool(entry.get("excluded", "")),
        }
        for entry in behaviors.values()
    ]
    return pd.DataFrame(rows, columns=None if rows else ["label", "kind", "category"])


def _clock(name: str, observation: dict[str, Any], given: Given) -> dict[str, Any]:
    """Return what a project says of an observation; the first player keeps the time."""
    media = observation.get("media_info") or {}
    files = observation.get("file") or {}
    first = list(files.get("1") or []) if isinstance(files, dict) else []
    lengths = [float(media.get("length", {}).get(file, np.nan)) for file in first]
    rates = {float(media["fps"][file]) for file in first if file in media.get("fps", {})}
    fps = given.fps if given.fps is not None else (rates.pop() if len(rates) == 1 else np.nan)
    return {
        "recording": name,
        "fps": fps,
        "first_s": float(observation.get("time offset") or 0.0),
        "duration_s": sum(lengths) if lengths else np.nan,
        "media": "; ".join(first),
    }


def _event(
    entry: list[Any],
    place: str,
    kinds: dict[str, str],
    categories: dict[str, str],
    mender: Mender,
) -> Event:
    """Return an event; what the coding scheme does not know is taken for a state."""
    time, subject, code, modifiers, comment = (*entry, "", "", "", "")[:5]
    if code not in kinds:
        mender.fault(place, f"{code!r} is not among the behaviors", "it is taken for a state")
    if not isinstance(time, int | float) or not np.isfinite(time):
        raise InputError(f"{mender.path}: {place} has {time!r} for a time; mend the file")
    status = "POINT" if kinds.get(code) == "point" else TOGGLE
    told = categories.get(code, "")
    return Event(place, float(time), subject, code, modifiers, status, comment or "", told)


def _behaviors(scheme: pd.DataFrame, old: dict[str, str]) -> dict[str, str]:
    """Return the coding scheme; what an entry says beside ours stays."""
    places = {json.loads(text)["code"]: key for key, text in old.items()}
    found = {key: old[key] for label, key in places.items() if label in set(scheme["label"])}
    for row in scheme.itertuples():
        ours = {
            "type": _TYPES[str(row.kind)], "key": row.code, "code": row.label,
            "description": row.definition, "color": row.colour, "category": row.category,
        }  # fmt: skip
        key = places.get(str(row.label))
        if key is None:
            rest = {"modifiers": "", "excluded": "", "coding map": ""}
            found[_free(old | found)] = json.dumps(ours | rest, ensure_ascii=False)
            continue
        told, texts = json.loads(old[key]), members(old[key])
        kind = "point" if "point" in told.get("type", "").lower() else "state"
        if kind == row.kind:
            ours.pop("type")
        texts |= {
            name: json.dumps(value, ensure_ascii=False)
            for name, value in ours.items()
            if value != told.get(name, "")
        }
        if texts != members(old[key]):
            found[key] = _object(texts)
    return found


def _observation(clock: Any, bouts: pd.DataFrame, old: dict[str, str]) -> str:
    """Return an observation with our events; one as before keeps its text."""
    before: dict[tuple[Any, ...], list[str]] = {}
    entries = json.loads(old.get("events", "[]"))
    for entry in entries:
        key = (float(entry[0]), *entry[1:4])
        before.setdefault(key, []).append(json.dumps(entry, ensure_ascii=False))
    size = len(entries[0]) if entries else 6
    told = []
    for time, status, row in events.logged(bouts):
        modifiers = events.with_target(row.modifiers, row.target)
        same = before.get((time, row.subject, row.label, modifiers))
        if same:
            told.append(same.pop(0))
            continue
        comment = "" if status == "STOP" else row.comment
        frame = row.stop_frame if status == "STOP" else row.start_frame
        entry = [time, row.subject, row.label, modifiers, comment]
        entry += [frame if frame >= 0 else "NA"] * (size > 5)
        told.append(json.dumps(entry, ensure_ascii=False))
    new = old or _new(clock)
    return _object(new | {"events": "[" + ", ".join(told) + "]"})


def _new(clock: Any) -> dict[str, str]:
    """Return an observation without events."""
    files = [file for file in str(clock.media).split("; ") if file]
    media: dict[str, Any] = {"length": {}, "fps": {}, "hasVideo": {}, "hasAudio": {}}
    for file in files:
        if np.isfinite(clock.duration_s):
            media["length"][file] = float(clock.duration_s) / len(files)
        if np.isfinite(clock.fps):
            media["fps"][file] = float(clock.fps)
        media["hasVideo"][file], media["hasAudio"][file] = True, False
    values = {
        "file": {"1": files}, "type": "MEDIA" if files else "LIVE", "date": "",
        "description": "", "time offset": float(clock.first_s), "events": [],
        "independent_variables": {}, "observation time interval": [0, 0], "media_info": media,
    }  # fmt: skip
    return {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}
