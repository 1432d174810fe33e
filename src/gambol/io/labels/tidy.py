"""Our own table: one line a keypoint, readable by anything and complete.

Columns video, frame, individual, keypoint, x, y, visibility, origin, unnamed. Pixels have
integer centres; x and y are empty where the keypoint is absent or unlabelled. An animal whose
name nobody said has no individual, and `unnamed` counts such animals of a frame from 1. A line
without keypoint speaks of the whole frame: `negative` or `incomplete` in place of a visibility.
A line with `region` there is one corner of a polygon without loss and score; `unnamed` counts
these polygons from 1, and one of the whole video has no frame. Of the skeleton it keeps the
names.
"""

import csv
import io
from pathlib import Path

import numpy as np
from jaxtyping import Int

from gambol.core.errors import InputError
from gambol.core.labels import EVERY, UNKNOWN, Labels, Origin, Region, Visibility
from gambol.io import store
from gambol.io.labels import places
from gambol.io.labels.anatomy import skeleton_of
from gambol.io.labels.frames import by_frame

COLUMNS = (
    "video", "frame", "individual", "keypoint", "x", "y", "visibility", "origin", "unnamed",
)  # fmt: skip
_OF_FRAMES = ("negative", "incomplete")  # what a line can say of a whole frame
_REGION = "region"
Key = tuple[str, int, str, str]  # of an animal: video, frame, individual, unnamed


def read(path: Path, nan_means: Visibility) -> Labels:
    """Read the table; a line that is missing, or says nothing, is what `nan_means` says."""
    rows = list(csv.DictReader(io.StringIO(store.read_text(path))))
    if not rows:
        raise InputError(f"{path} holds no labels, only a header; export it again")
    corners = [(line, row) for line, row in enumerate(rows, 2) if row["visibility"] == _REGION]
    lines = _lines(rows, path)
    videos = list(dict.fromkeys(row["video"] for row in rows))
    points = [(line, row) for line, row in lines if row["keypoint"]]
    whole = [(line, row) for line, row in lines if not row["keypoint"]]
    who = tuple(dict.fromkeys(row["individual"] for _, row in points if row["individual"]))
    names = {name: j for j, name in enumerate(dict.fromkeys(r["keypoint"] for _, r in points))}
    place = {key: n for n, key in enumerate(dict.fromkeys(_key(row) for _, row in points))}
    xy = np.full((len(place), len(names), 2), np.nan)
    visibility = np.full(xy.shape[:2], nan_means, np.uint8)
    origin = np.zeros(len(place), np.uint8)
    for line, row in points:
        n, j = place[_key(row)], names[row["keypoint"]]
        x, y, state, maker = _values(row, path, line)
        xy[n, j], visibility[n, j], origin[n] = (x, y), state, maker
    negatives, incomplete = (_said(whole, word, videos, path) for word in _OF_FRAMES)
    return Labels(
        skeleton_of(list(names), source=path),
        tuple(places.find(ref, path.resolve().parent) for ref in videos),
        np.array([videos.index(key[0]) for key in place], np.int64),
        np.array([key[1] for key in place], np.int64),
        np.array([who.index(key[2]) if key[2] else UNKNOWN for key in place], np.int64),
        xy,
        visibility,
        origin,
        who or ("animal",),
        negatives,
        incomplete,
        _regions(corners, videos, path),
    )


def _key(row: dict[str, str]) -> Key:
    return row["video"], int(row["frame"]), row["individual"], row.get("unnamed") or ""


def _lines(rows: list[dict[str, str]], path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return the lines with their numbers, after a look at what each needs."""
    seen: set[tuple[Key, str, str]] = set()
    kept = [(line, r) for line, r in enumerate(rows, start=2) if r["visibility"] != _REGION]
    for line, row in kept:
        if any(row.get(name) is None for name in COLUMNS[:7]) or not row["frame"].isdigit():
            raise InputError(
                f"{path}: line {line} lacks a value or a frame number; mend the line"
            )
        one = (_key(row), row["keypoint"], "" if row["keypoint"] else row["visibility"])
        if one in seen:
            raise InputError(
                f"{path}: line {line} repeats {row['keypoint']!r} of frame "
                f"{row['frame']}; remove one of the two"
            )
        seen.add(one)
    return kept


def _regions(
    rows: list[tuple[int, dict[str, str]]], videos: list[str], path: Path
) -> tuple[Region, ...]:
    """Return the polygons whose corners the lines are, in their order."""
    found: dict[tuple[int, int, str], list[list[float]]] = {}
    for line, row in rows:
        try:
            frame = int(row["frame"]) if row["frame"] else EVERY
            corner = [float(row[axis]) for axis in "xy"]
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{path}: line {line} is no corner of a region ({error}); mend the line"
            ) from error
        key = (videos.index(row["video"]), frame, row.get("unnamed") or "")
        found.setdefault(key, []).append(corner)
    return tuple(Region(v, f, np.array(corners)) for (v, f, _), corners in found.items())


def _said(
    rows: list[tuple[int, dict[str, str]]], word: str, videos: list[str], path: Path
) -> Int[np.ndarray, "M 2"]:
    """Return the (video, frame) pairs of the lines that say a word of whole frames."""
    for line, row in rows:
        if row["visibility"] not in _OF_FRAMES:
            raise InputError(
                f"{path}: line {line} has no keypoint and says {row['visibility']!r}; "
                f"of a whole frame say {' or '.join(_OF_FRAMES)}"
            )
    said = [
        (videos.index(r["video"]), int(r["frame"])) for _, r in rows if r["visibility"] == word
    ]
    return np.array(said, np.int64).reshape(-1, 2)


def _values(row: dict[str, str], path: Path, line: int) -> tuple[float, float, int, int]:
    try:
        state = Visibility[row["visibility"].upper()]
        maker = Origin[(row.get("origin") or "person").upper()]
        x, y = (float(row[axis]) if row[axis] else np.nan for axis in "xy")
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{path}: line {line} holds {error}, which is no value of that column; "
            "mend the line"
        ) from error
    if (state in (Visibility.VISIBLE, Visibility.OCCLUDED)) != bool(np.isfinite([x, y]).all()):
        raise InputError(
            f"{path}: line {line} is {state.name.lower()} at x={row['x']!r}, "
            f"y={row['y']!r}; only visible and occluded points have a position"
        )
    return x, y, state, maker


def write(labels: Labels, path: Path) -> list[Path]:
    """Write every keypoint of every animal; numbers read back equal."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for v, f, rows in by_frame(labels):
        nameless = 0
        for n in rows.tolist():
            who = labels.name(n)
            nameless += not who
            head = (labels.videos[v], f, who)
            maker = Origin(labels.origin[n]).name.lower()
            for j, name in enumerate(labels.skeleton.keypoints):
                state = Visibility(labels.visibility[n, j])
                said = state in (Visibility.VISIBLE, Visibility.OCCLUDED)
                x, y = [repr(c) for c in labels.xy[n, j].tolist()] if said else ("", "")
                number = "" if who else nameless
                table.writerow((*head, name, x, y, state.name.lower(), maker, number))
    for word, frames in zip(_OF_FRAMES, (labels.negatives, labels.incomplete), strict=True):
        for v, f in frames.tolist():
            table.writerow((labels.videos[v], f, "", "", "", "", word, "", ""))
    for number, (v, f, polygon) in enumerate(labels.regions, start=1):
        where = (labels.videos[v], "" if f == EVERY else f, "", "")
        for x, y in polygon.tolist():
            table.writerow((*where, repr(x), repr(y), _REGION, "", number))
    store.write_text(text.getvalue(), path)
    return [path]
