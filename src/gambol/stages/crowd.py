"""Files of several animals, piece by piece: detections, tracks, and those of other tools."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED, Detections
from gambol.core.skeleton import Skeleton
from gambol.io import detections as io_detections
from gambol.io import tracks as io_tracks
from gambol.stages import matching


class Header(NamedTuple):
    """What a file says of its recording, apart from the animals."""

    names: tuple[str, ...]  # of the animals; none where they have no identity
    skeleton: Skeleton
    frames: int
    times: np.ndarray | None  # (T,) s; None where the file knows no clock
    attrs: dict[str, Any]  # `source_file` is the video


class Frame(NamedTuple):
    """The animals of one frame."""

    number: int
    found: Detections
    id: np.ndarray  # (D,) index into the names, or UNTRACKED
    sure: np.ndarray  # (D,) P(identity is right)


def header(path: Path) -> Header:
    """Read what comes before the animals."""
    if path.suffix != ".nc":
        said = io_tracks.load(path)
        attrs = {"source_file": said.video}
        return Header(said.names, said.skeleton, said.frames, said.times, attrs)
    if matching.kind(path) == "detections":
        head = io_detections.header(path)
        return Header((), head.skeleton, len(head.times), head.times, head.attrs)
    with io_detections.open_file(path) as file:
        if missing := [name for name in ("position", "individuals") if name not in file]:
            raise InputError(f"{path} is no pose file: it lacks {' and '.join(missing)}")
        attrs = dict(file.attrs)
        names, keypoints = (
            io_detections.axis_names(file, axis) for axis in ("individuals", "keypoints")
        )
        times = file.variables["time"][:].astype(np.float64)
    said_of = attrs.get("skeleton")
    skeleton = Skeleton.from_dict(json.loads(said_of)) if said_of else Skeleton(keypoints)
    return Header(names, skeleton, len(times), times, attrs)


def pieces(path: Path) -> Iterator[io_tracks.Piece]:
    """Yield all animals; memory is bounded for our own files."""
    if path.suffix != ".nc":
        said = io_tracks.load(path)
        fine = np.ones(said.frames, bool)
        yield io_tracks.Piece(0, fine, said.found, said.id, said.confidence)
    elif matching.kind(path) == "detections":
        for part in io_detections.pieces(path):
            nobody = np.full(len(part.found.frame), UNTRACKED)
            sure = np.zeros(len(nobody))
            yield io_tracks.Piece(part.start, part.readable, part.found, nobody, sure)
    else:
        yield from io_tracks.pieces(path)


def frames(path: Path, first: int, last: int) -> Iterator[Frame]:
    """Yield the animals of every frame from the first to the last, both included."""
    for piece in pieces(path):
        stop = piece.start + len(piece.readable)
        numbers = np.arange(max(first, piece.start), min(last + 1, stop))
        edges = np.searchsorted(piece.found.frame, np.append(numbers, numbers[-1:] + 1))
        for k, number in enumerate(numbers.tolist()):
            rows = np.arange(edges[k], edges[k + 1])
            found = piece.found.select(rows)
            yield Frame(number, found, piece.id[rows], piece.confidence[rows])
        if stop > last:
            return
