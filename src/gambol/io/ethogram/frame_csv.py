"""Tables of one row a frame and one 0/1 column a behaviour, alone or after other columns."""

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd

from gambol.core.errors import InputError
from gambol.core.ethogram import Ethogram
from gambol.core.ethogram_frames import Channel, Frames, dense, from_frames
from gambol.io import store
from gambol.io.ethogram.reading import Found, Given, require_clock, require_one, stem

BACKGROUND = "background"  # a column that says that nothing else is shown
_VALUES = ("0", "1", "-1", "0.0", "1.0", "-1.0")  # -1: nobody looked


def read(path: Path, given: Given) -> Found:
    """Read labels; header rows are those that begin with no number.

    The first column counts frames. Behaviours are the last columns that hold 0 and 1 alone;
    -1 in all of them is a frame that nobody assessed.
    """
    table = list(csv.reader(io.StringIO(store.read_text(path), newline="")))
    table = [row for row in table if row]
    first = next((i for i, row in enumerate(table) if _is_number(row[0])), len(table))
    header, body = table[:first], table[first:]
    if not header or not body:
        raise InputError(f"{path} has no header or no frames; export it again")
    names = [_name([row[k] for row in header if k < len(row)]) for k in range(len(header[0]))]
    _check_rows(path, names, body, given)
    k = len(names)
    while k > 1 and all(row[k - 1].strip() in _VALUES for row in body):
        k -= 1
    if k == len(names):
        raise InputError(f"{path}: the last column holds more than 0 and 1; it is no label")
    values = np.array([[float(cell) for cell in row[k:]] for row in body])
    labels = names[k:]
    told = [c for c, name in enumerate(labels) if name != BACKGROUND]
    shown = np.asarray(values[:, told] == 1)
    channels = tuple(Channel("", "", labels[c]) for c in told)
    observed = np.asarray(~(values < 0).all(axis=1))
    frames = Frames(channels, shown, np.zeros_like(shown), observed)
    notes = []
    if BACKGROUND in labels:
        other = values[:, labels.index(BACKGROUND)] == 1
        both = int((other & shown.any(axis=1)).sum())
        if both:
            notes.append(f"{both} frames are background and a behaviour; the behaviour counts")
    scheme = pd.DataFrame({"label": [labels[c] for c in told]}, dtype=object)
    name = stem(path, given)
    fps = np.nan if given.fps is None else given.fps
    return Found(from_frames(frames, name, fps, scheme=scheme), tuple(notes))


def write(ethogram: Ethogram, path: Path) -> list[Path]:
    """Write a column for each label of the scheme, whoever shows it, and the background."""
    name = require_one(ethogram, path, "a table of frames")
    require_clock(ethogram, path)
    labels = ethogram.scheme["label"].tolist()
    merged = ethogram._replace(bouts=ethogram.bouts.assign(subject="", target=""))
    shown = dense(merged, name, [Channel("", "", label) for label in labels])
    values = np.where(shown.observed[:, None], shown.active.astype(int), -1)
    rest = np.where(shown.observed, ~shown.active.any(axis=1), -1)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["", *labels, BACKGROUND])
    writer.writerows(
        [t, *row, end]
        for t, (row, end) in enumerate(
            zip(values.tolist(), rest.astype(int).tolist(), strict=True)
        )
    )
    store.write_text(out.getvalue(), path)
    return [path]


def _check_rows(path: Path, names: list[str], body: list[list[str]], given: Given) -> None:
    """Compare the rows with the frame numbers and with the video."""
    for t, row in enumerate(body):
        if len(row) != len(names):
            raise InputError(
                f"{path}: frame {t} has {len(row)} cells, the header {len(names)}; export it "
                "again"
            )
        if not _is_number(row[0]) or float(row[0]) != float(body[0][0]) + t:
            raise InputError(
                f"{path}: row {t} of the frames is numbered {row[0]!r}; frames have to follow "
                "one another"
            )
    if given.frames is not None and given.frames != len(body):
        raise InputError(
            f"{path} has {len(body)} rows but the video {given.frames} frames; labels would be "
            "off, so export them again"
        )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _name(cells: list[str]) -> str:
    """Return the name of a column: the last that is said of it."""
    return next((cell.strip() for cell in reversed(cells) if cell.strip()), "")
