"""Which format a file of bouts has, judged by its content, and who reads and writes it."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from gambol.core.errors import InputError, did_you_mean
from gambol.core.ethogram import Ethogram, clocked
from gambol.io import store
from gambol.io.ethogram import (
    annot,
    boris_csv,
    boris_project,
    bout_csv,
    caltech,
    frame_csv,
    mabe,
    nwb,
    sidecar,
)
from gambol.io.ethogram.reading import Found, Given

FORMATS = {
    "boris": "BORIS project (.boris)",
    "boris-csv": "BORIS events, header first (.csv, .tsv)",
    "boris-old": "BORIS events with a preamble (.csv, .tsv)",
    "nwb": "NWB with ndx-ethogram (.nwb)",
    "frames": "table of frames, one 0/1 column a behaviour (.csv)",
    "annot": "Bento (.annot)",
    "caltech": "Caltech annotator (.txt)",
    "mabe": "MABe intervals (.csv)",
    "bouts": "gambol bouts (.csv)",
}
_SUFFIX = {".boris": "boris", ".nwb": "nwb", ".annot": "annot", ".txt": "caltech"}
_READERS = {
    "boris": boris_project.read,
    "boris-csv": boris_csv.read,
    "boris-old": boris_csv.read,
    "nwb": nwb.read,
    "frames": frame_csv.read,
    "annot": annot.read,
    "caltech": caltech.read,
    "mabe": mabe.read,
    "bouts": bout_csv.read,
}
_WRITERS = {
    "boris": boris_project.write,
    "boris-csv": boris_csv.write_new,
    "boris-old": boris_csv.write_old,
    "nwb": nwb.write,
    "frames": frame_csv.write,
    "annot": annot.write,
    "caltech": caltech.write,
    "bouts": bout_csv.write,
}


def detect(path: Path) -> str:
    """Return the format of a file, a key of `FORMATS`."""
    with store.require_file(path).open("rb") as file:
        head = file.read(1 << 16)
    if head.startswith(b"\x89HDF"):
        return "nwb"
    text = head.decode("utf-8-sig", errors="replace").lstrip()
    if text.startswith("{"):
        return "boris"
    if text.startswith(annot.MAGIC):
        return "annot"
    if text.startswith(caltech.MAGIC):
        return "caltech"
    lines = text.splitlines()
    cells = [_cells(line) for line in lines]
    if cells and set(mabe.COLUMNS) <= set(cells[0]):
        return "mabe"
    if cells and set(bout_csv.NEEDED) <= set(cells[0]):
        return "bouts"
    at = next((i for i, row in enumerate(cells) if boris_csv.is_header(row)), None)
    if at is not None:
        return "boris-old" if at or "Status" in cells[0] else "boris-csv"
    if len(cells) > 1 and any(row and row[0].isdigit() for row in cells[1:6]):
        return "frames"
    raise InputError(
        f"{path} is no ethogram known here; known are {', '.join(FORMATS.values())}"
    )


def read(
    path: Path | str,
    *,
    fps: float | None = None,
    frames: int | None = None,
    times: Mapping[str, Float[np.ndarray, " T"]] | None = None,
    recording: str | None = None,
    inclusive: bool | None = None,
    repair: bool = False,
    alone: bool = False,
) -> Found:
    """Read an ethogram of any format, with its sidecar if there is one.

    Args:
        path: the file.
        fps: frames a second of the video, where the file does not say it.
        frames: frames of the video; a table of frames has to have as many rows, and intervals
            are cut there.
        times: times of the video's own frames, s, by recording, from which frames follow.
        recording: its name, where the file has none; else the stem of the file.
        inclusive: whether stop frames belong to their bouts (MABe).
        repair: mend unmatched starts and stops, and list them in the notes.
        alone: leave the sidecar aside.
    """
    path, rate = Path(path), None if fps is None else float(fps)
    given = Given(rate, frames, recording, inclusive, repair)
    found = _READERS[detect(path)](path, given)
    if not alone:
        found = sidecar.merged(found, path)
    return found if times is None else Found(clocked(found.ethogram, times), found.notes)


def write(
    ethogram: Ethogram,
    path: Path | str,
    format: str | None = None,
    *,
    beside: bool = True,
    inclusive: bool | None = None,
) -> list[Path]:
    """Write an ethogram; return the paths written.

    Args:
        ethogram: what to write.
        path: the file.
        format: key of `FORMATS`; without it by the suffix.
        beside: also write the sidecar, so that nothing is lost (see `losses`).
        inclusive: whether stop frames belong to their bouts (MABe).
    """
    path = Path(path)
    kind = _SUFFIX.get(path.suffix.lower()) if format is None else format
    if kind is None:
        raise InputError(f"{path.suffix or path} says no format; say {', '.join(FORMATS)}")
    if kind not in FORMATS:
        hint = did_you_mean(kind, FORMATS) or f"; there are {', '.join(FORMATS)}"
        raise InputError(f"no format {kind!r} to write{hint}")
    if kind == "mabe":
        made = mabe.write(ethogram, path, inclusive)
    else:
        made = _WRITERS[kind](ethogram, path)
    return [*made, sidecar.write(ethogram, path)] if beside else made


def losses(ethogram: Ethogram, format: str) -> list[str]:
    """Say what a format does not hold of this ethogram without a sidecar, a sentence each."""
    bouts, scheme = ethogram.bouts, ethogram.scheme
    table = {"boris", "boris-csv", "boris-old"}
    bare = {"frames", "annot", "caltech", "mabe"}
    used = scheme["label"].isin(bouts["label"])
    points = bool((bouts["kind"] == "point").any())
    found = [
        (
            "who made the bouts is not kept",
            bool((bouts["annotator"] != "").any()),
            table | bare,
        ),
        ("probabilities are not kept", bool(bouts["probability"].notna().any()), table | bare),
        (
            "whether bouts are manual or automated is not kept",
            bool((bouts["source"] != "manual").any()),
            table | bare,
        ),
        ("modifiers are not kept", bool((bouts["modifiers"] != "").any()), bare),
        ("comments are not kept", bool((bouts["comment"] != "").any()), bare),
        ("categories are not kept", bool((bouts["category"] != "").any()), bare),
        ("point events become bouts of one frame", points, bare),
        ("who shows a behaviour is not kept", _any(bouts, "subject", "target"), {"frames"}),
        ("targets become a part of the channel", _any(bouts, "target"), {"annot"}),
        ("animals become streams S1, S2, …", _any(bouts, "subject", "target"), {"caltech"}),
        ("targets become modifiers", _any(bouts, "target"), table),
        (
            "labels without bouts are not kept",
            not used.all(),
            {"boris-csv", "boris-old", "mabe", "bouts"},
        ),
        (
            "definitions and colours of labels are not kept",
            _any(scheme, "definition", "colour"),
            {"boris-csv", "boris-old", "bouts", *bare},
        ),
        (
            "what was observed is not kept",
            bool(len(ethogram.observed)),
            {"boris", "boris-csv", "boris-old", "mabe", "bouts"},
        ),
        ("bouts that touch become one", True, {"frames"}),
        ("the time of frame 0 is that of the format", _any_first(ethogram), bare),
    ]
    return [sentence for sentence, lost, formats in found if lost and format in formats]


def _cells(line: str) -> list[str]:
    sign = max(",;\t", key=line.count)
    return [cell.strip() for cell in next(csv.reader([line], delimiter=sign), [])]


def _any(table: pd.DataFrame, *columns: str) -> bool:
    return any(bool((table[column] != "").any()) for column in columns)


def _any_first(ethogram: Ethogram) -> bool:
    return bool((ethogram.recordings["first_s"] != 0).any())
