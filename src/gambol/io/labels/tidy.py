"""Our own table: one line a keypoint, readable by anything and complete.

Columns video, frame, individual, keypoint, x, y, visibility, origin. Pixels have integer
centres; x and y are empty where the keypoint is absent or unlabelled. Of the skeleton it keeps
the names.
"""

import csv
import io
from pathlib import Path

import numpy as np

from gambol.core.errors import InputError
from gambol.core.labels import Labels, Origin, Visibility
from gambol.io import store
from gambol.io.labels import places
from gambol.io.labels.anatomy import skeleton_of

COLUMNS = ("video", "frame", "individual", "keypoint", "x", "y", "visibility", "origin")


def read(path: Path, nan_means: Visibility) -> Labels:
    """Read the table; a line that is missing, or says nothing, is what `nan_means` says."""
    rows = list(csv.DictReader(io.StringIO(store.read_text(path))))
    if not rows:
        raise InputError(f"{path} holds no labels, only a header; export it again")
    videos, who, names, keys = _axes(rows, path)
    place = {key: n for n, key in enumerate(keys)}
    xy = np.full((len(keys), len(names), 2), np.nan)
    visibility = np.full(xy.shape[:2], nan_means, np.uint8)
    origin = np.zeros(len(keys), np.uint8)
    for line, row in enumerate(rows, start=2):
        n = place[row["video"], int(row["frame"]), row["individual"]]
        j = names[row["keypoint"]]
        x, y, state, maker = _values(row, path, line)
        xy[n, j], visibility[n, j], origin[n] = (x, y), state, maker
    return Labels(
        skeleton_of(list(names), source=path),
        tuple(places.find(ref, path.resolve().parent) for ref in videos),
        np.array([videos.index(key[0]) for key in keys], np.int64),
        np.array([key[1] for key in keys], np.int64),
        np.array([who.index(key[2]) for key in keys], np.int64),
        xy,
        visibility,
        origin,
        tuple(who),
    )


def _axes(
    rows: list[dict[str, str]], path: Path
) -> tuple[list[str], list[str], dict[str, int], list[tuple[str, int, str]]]:
    """Return videos, individuals, positions of keypoints, and the key of each animal's row."""
    seen: set[tuple[str, ...]] = set()
    keys: dict[tuple[str, int, str], None] = {}
    for line, row in enumerate(rows, start=2):
        if any(row.get(name) is None for name in COLUMNS[:7]) or not row["frame"].isdigit():
            raise InputError(
                f"{path}: line {line} lacks a value or a frame number; mend the line"
            )
        one = (row["video"], row["frame"], row["individual"], row["keypoint"])
        if one in seen:
            raise InputError(
                f"{path}: line {line} repeats {row['keypoint']!r} of frame "
                f"{row['frame']}; remove one of the two"
            )
        seen.add(one)
        keys[row["video"], int(row["frame"]), row["individual"]] = None
    videos = list(dict.fromkeys(row["video"] for row in rows))
    who = list(dict.fromkeys(row["individual"] for row in rows))
    names = dict.fromkeys(row["keypoint"] for row in rows)
    return videos, who, {name: j for j, name in enumerate(names)}, list(keys)


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
    for n in range(len(labels)):
        who = labels.individuals[labels.individual[n]]
        head = (labels.videos[labels.video[n]], int(labels.frame[n]), who)
        maker = Origin(labels.origin[n]).name.lower()
        for j, name in enumerate(labels.skeleton.keypoints):
            state = Visibility(labels.visibility[n, j])
            said = state in (Visibility.VISIBLE, Visibility.OCCLUDED)
            x, y = [repr(v) for v in labels.xy[n, j].tolist()] if said else ("", "")
            table.writerow((*head, name, x, y, state.name.lower(), maker))
    store.write_text(text.getvalue(), path)
    return [path]
