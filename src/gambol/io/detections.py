"""Detection files: every animal found in every frame, before anyone says who is who.

netCDF4 with one row a detection and, in `count (time)`, the number of rows of each frame, so
that a frame without animals is said and not just missing. `readable (time)` is 0 where the
video frame could not be decoded. A long prediction writes pieces and puts them together at the
end: memory stays bounded, and a killed run finds its finished pieces again. Where several peaks
per keypoint were asked for, `candidate_position` and `candidate_score` hold them; where other
explanations of a frame were weighed, `margin` says how much worse they are.
"""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5netcdf
import h5py
import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.core.errors import InputError
from gambol.core.instances import Candidates, Detections
from gambol.core.skeleton import Skeleton
from gambol.io import store, stored
from gambol.io.poses import CANDIDATES, SCORES, Shards, made_from

__all__ = [
    "Header",
    "Piece",
    "Pieces",
    "assemble",
    "candidates",
    "header",
    "made_from",
    "margins",
    "pieces",
    "read",
    "spool",
]

_AXES = {  # of every part of `Detections`; sizes come from the skeleton and from `learned`
    "frame": ("detection",),
    "xy": ("detection", "keypoints", "space"),
    "cov": ("detection", "keypoints", "space", "space_b"),
    "confidence": ("detection", "keypoints"),
    "score": ("detection",),
    "embedding": ("detection", "features"),
    "identity": ("detection", "classes"),
}
_NAMES = {"xy": "position", "cov": "covariance"}  # in files, as in those of poses
_CANDIDATES = {  # of every part of `Candidates`
    CANDIDATES: ("detection", "keypoints", "candidate", "space"),
    SCORES: ("detection", "keypoints", "candidate"),
}
MARGIN = "margin"  # nats by which the best other explanation of a keypoint is worse
_ROWS = 4096  # detections that are compressed, and read, together


class Piece(NamedTuple):
    """Detections of consecutive frames."""

    start: int  # the first frame
    readable: Bool[np.ndarray, " T"]  # False where the video frame could not be decoded
    found: Detections  # in frames start … start + T - 1 of the recording
    candidates: Candidates | None = None  # of the same rows, where several peaks are kept
    margin: Float[np.ndarray, "D J"] | None = None  # of the same rows, where any was weighed


class Header(NamedTuple):
    """What a file says of its recording, apart from the detections themselves."""

    times: Float[np.ndarray, " T"]  # seconds
    counts: Int[np.ndarray, " T"]  # detections of each frame
    readable: Bool[np.ndarray, " T"]
    skeleton: Skeleton
    fps: float
    classes: tuple[str, ...]  # names behind `Detections.identity`
    attrs: dict[str, Any]  # provenance

    @property
    def starts(self) -> Int[np.ndarray, " S"]:
        """The row of the first detection of each frame, and the number of all rows."""
        return np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64)


class Pieces:
    """The finished pieces of one prediction, in a folder beside its result."""

    def __init__(self, target: Path, key: str) -> None:
        """Keep pieces that `key` made, throw others away."""
        self.target = target
        self.shards = Shards(target, key)

    def write(self, number: int, piece: Piece) -> None:
        """Keep a piece, whole or not at all."""
        path, several = self.shards.path(number), piece.candidates
        parts = piece.found._asdict()
        if several is not None:
            parts |= dict(zip(_CANDIDATES, several, strict=True))
        if piece.margin is not None:
            parts[MARGIN] = piece.margin
        with store.atomic(path) as partial, partial.open("wb") as file:
            np.savez(file, start=piece.start, readable=piece.readable, **parts)

    def read(self, number: int) -> Piece | None:
        """Return a piece; None if it is missing or damaged and has to be made again."""
        path = self.shards.path(number)
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                found = Detections(**{name: file[name] for name in Detections._fields})
                several = (
                    Candidates(*(file[n] for n in _CANDIDATES)) if CANDIDATES in file else None
                )
                margin = file.get(MARGIN)
                return Piece(int(file["start"]), file["readable"], found, several, margin)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def remove(self) -> None:
        """Delete the pieces once the result is written."""
        self.shards.remove()


def assemble(
    kept: Pieces,
    count: int,
    times: Float[np.ndarray, " T"],
    skeleton: Skeleton,
    fps: float,
    attrs: dict[str, Any],
    classes: tuple[str, ...] = (),
) -> None:
    """Put all pieces together into the file, one piece in memory at a time.

    Args:
        kept: the pieces; removed at the end.
        count: how many there are; together they hold every frame once, in order.
        times: seconds of each frame.
        skeleton: names and structure.
        fps: nominal frames a second.
        attrs: provenance; `made_from` is the key by which a finished file is recognised.
        classes: names behind `Detections.identity`.
    """
    room = kept.shards.bytes() + store.SLACK
    with store.atomic(kept.target, room) as partial, h5netcdf.File(partial, "w") as file:
        writer: Rows | None = None
        frame = 0
        _declare(file, times, skeleton, fps, attrs, classes)
        for number in range(count):
            piece = kept.read(number)
            if piece is None or piece.start != frame or frame == len(times):
                raise InputError(
                    f"{kept.shards.path(number)} is damaged; run the command again"
                )
            writer = writer or Rows(file, piece.found)
            writer.append(piece.found)
            if piece.candidates is not None:
                _append(file, piece.candidates, writer.rows)
            if piece.margin is not None:
                _append_margin(file, piece.margin, writer.rows)
            _count(file, piece)
            frame += len(piece.readable)
        if frame != len(times):
            raise InputError(f"{kept.target}: {frame} frames for {len(times)} times")
    kept.remove()


def header(path: Path) -> Header:
    """Read all but the detections."""
    with open_file(path) as file:
        return _header(file, path)


def read(path: Path) -> tuple[Header, Detections]:
    """Read a whole file into memory."""
    with open_file(path) as file:
        about = _header(file, path)
        return about, read_rows(file, 0, int(about.counts.sum()))


def candidates(path: Path, start: int, stop: int) -> Candidates | None:
    """Read the peaks of rows start … stop - 1; None where a file keeps positions alone."""
    with open_file(path) as file:
        if CANDIDATES not in file.variables:
            return None
        xy, score = (file.variables[name][start:stop] for name in _CANDIDATES)
    return Candidates(xy.astype(np.float64), score.astype(np.float64))


def margins(path: Path, start: int, stop: int) -> Float[np.ndarray, "D J"] | None:
    """Read the margins of rows start … stop - 1; None where nothing else was weighed."""
    with open_file(path) as file:
        if MARGIN not in file.variables:
            return None
        values: np.ndarray = file.variables[MARGIN][start:stop]
    return values.astype(np.float64)


def spool(path: Path, folder: Path | None = None) -> tuple[Header, Detections]:
    """Read a file of any length: of a long one, poses are unpacked into scratch files.

    Args:
        path: the file.
        folder: where scratch files lie; that of the system where None.
    """
    with open_file(path) as file:
        about = _header(file, path)
        rows = int(about.counts.sum())
        if rows <= stored.HELD:
            return about, read_rows(file, 0, rows)
        made = stored.room(read_rows(file, 0, 0), rows, folder)
        for first in range(0, rows, stored.ROWS):
            last = min(first + stored.ROWS, rows)
            stored.put(made, first, read_rows(file, first, last))
        return about, made


def pieces(path: Path, frames: int = 4096) -> Iterator[Piece]:
    """Yield the detections of so many frames after another; memory is bounded."""
    with open_file(path) as file:
        about = _header(file, path)
        starts = about.starts
        for first in range(0, len(about.times), frames):
            last = min(first + frames, len(about.times))
            found = read_rows(file, int(starts[first]), int(starts[last]))
            yield Piece(first, about.readable[first:last], found)


class Rows:
    """Writes detections, row after row, into a netCDF group."""

    def __init__(self, group: Any, like: Detections, number: str | None = None) -> None:
        """Declare the variables; sizes are those of `like`, whose rows are not written.

        Args:
            group: of the file.
            like: any detections of the recording.
            number: name of a further variable, one whole number a row.
        """
        self.group, self.rows, self.number = group, 0, number
        group.dimensions["detection"] = None
        for part, axes in _AXES.items():
            values = getattr(like, part)
            if 0 in values.shape[1:]:
                continue  # nothing learned: netCDF knows no axis of length 0
            for axis, size in zip(axes[1:], values.shape[1:], strict=True):
                if axis not in group.dimensions:
                    group.dimensions[axis] = size
            _ragged(group, _NAMES.get(part, part), axes, values)
        if number:
            _ragged(group, number, ("detection",), np.zeros(0, np.int64))

    def append(self, found: Detections, numbers: Int[np.ndarray, " D"] | None = None) -> None:
        """Write further rows, and their numbers where there is a place for them."""
        stop = self.rows + len(found.frame)
        self.group.resize_dimension("detection", stop)
        for part in _AXES:
            name = _NAMES.get(part, part)
            if name in self.group.variables and stop > self.rows:
                self.group.variables[name][self.rows : stop] = getattr(found, part)
        if self.number and stop > self.rows:
            self.group.variables[self.number][self.rows : stop] = numbers
        self.rows = stop


def _append(group: Any, found: Candidates, rows: int) -> None:
    """Write the peaks of the last of so many rows."""
    if CANDIDATES not in group.variables:
        group.dimensions["candidate"] = found.score.shape[2]
        for (name, axes), like in zip(_CANDIDATES.items(), found, strict=True):
            _ragged(group, name, axes, like)
    first = rows - len(found.score)
    for name, part in zip(_CANDIDATES, found, strict=True):
        if len(part):
            group.variables[name][first:rows] = part


def _append_margin(group: Any, margin: Float[np.ndarray, "D J"], rows: int) -> None:
    """Write the margins of the last of so many rows."""
    if MARGIN not in group.variables:
        _ragged(group, MARGIN, ("detection", "keypoints"), margin)
    if len(margin):
        group.variables[MARGIN][rows - len(margin) : rows] = margin


def _ragged(group: Any, name: str, axes: tuple[str, ...], like: np.ndarray) -> None:
    """Declare a variable with one entry a detection."""
    whole = like.dtype.kind == "i"
    group.create_variable(
        name, axes, "i8" if whole else "f4", fillvalue=None if whole else np.float32(np.nan),
        chunks=(_ROWS, *like.shape[1:]), compression="gzip", compression_opts=1, shuffle=True,
    )  # fmt: skip


def read_rows(group: Any, start: int, stop: int) -> Detections:
    """Return rows start … stop - 1 of a netCDF group that `Rows` wrote."""
    parts = []
    for part, axes in _AXES.items():
        name = _NAMES.get(part, part)
        if name in group.variables:
            values = group.variables[name][start:stop]
            parts.append(values.astype(np.int64 if part == "frame" else np.float64))
        else:
            sizes = [_size(group, axis) for axis in axes[1:]]
            parts.append(np.zeros((stop - start, *sizes)))
    return Detections(*parts)


def name_axis(file: Any, axis: str, words: tuple[str, ...]) -> None:
    """Declare an axis whose entries have names."""
    file.dimensions[axis] = len(words)
    text = np.array(words, dtype=object)
    file.create_variable(axis, (axis,), h5py.string_dtype(), data=text)


def axis_names(file: Any, axis: str) -> tuple[str, ...]:
    """Return the names of the entries of an axis; none where it has none."""
    words = file.variables[axis][:] if axis in file.variables else []
    return tuple(w.decode() if isinstance(w, bytes) else str(w) for w in words)


def attributes(values: dict[str, Any]) -> dict[str, Any]:
    """Return values as netCDF holds them: numbers and text, the rest as JSON text."""
    plain = {k: isinstance(v, str | int | float | np.number) for k, v in values.items()}
    plain |= {k: False for k, v in values.items() if isinstance(v, bool)}
    return {k: v if plain[k] else json.dumps(v) for k, v in values.items()}


def _size(group: Any, axis: str) -> int:
    return group.dimensions[axis].size if axis in group.dimensions else 0


def _declare(
    file: Any,
    times: np.ndarray,
    skeleton: Skeleton,
    fps: float,
    attrs: dict[str, Any],
    classes: tuple[str, ...],
) -> None:
    """Write names, times and attributes, with no detection yet."""
    file.dimensions["time"] = len(times) or None
    file.create_variable("time", ("time",), "f8", data=times)
    names = [("keypoints", skeleton.keypoints), ("classes", classes)]
    names += [(axis, ("x", "y")) for axis in ("space", "space_b")]
    for axis, words in names:
        if words:
            name_axis(file, axis, words)
    for name in ("count", "readable"):
        file.create_variable(name, ("time",), "i4", data=np.zeros(len(times), np.int32))
    notes = {
        "ds_type": "detections",
        "source_software": "gambol",
        "fps": fps,
        "time_unit": "seconds",
        "space_unit": "pixels",
        "skeleton": skeleton.to_dict(),
        **attrs,
    }
    file.attrs.update(attributes(notes))


def _count(file: Any, piece: Piece) -> None:
    """Write how many detections each frame of a piece has."""
    length = len(piece.readable)
    where = slice(piece.start, piece.start + length)
    offset = piece.found.frame - piece.start
    if len(offset) and not (offset.min() >= 0 and offset.max() < length):
        raise InputError(
            f"frames {piece.start} to {piece.start + length - 1} hold a detection of frame "
            f"{piece.found.frame[(offset < 0) | (offset >= length)][0]}; run the command again"
        )
    file.variables["count"][where] = np.bincount(offset, minlength=length).astype(np.int32)
    file.variables["readable"][where] = piece.readable.astype(np.int32)


def open_file(path: Path) -> Any:
    """Open a netCDF4 file for reading, or say in one sentence why not."""
    store.require_file(path)
    try:
        return h5netcdf.File(path, "r")
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} is no complete netCDF4 file ({reason}); make it again"
        ) from error


def _header(file: Any, path: Path) -> Header:
    if file.attrs.get("ds_type") != "detections":
        raise InputError(f"{path} is no file of detections; gambol predict writes them")
    v = file.variables
    attrs = dict(file.attrs)
    return Header(
        v["time"][:].astype(np.float64),
        v["count"][:].astype(np.int64),
        v["readable"][:].astype(bool),
        Skeleton.from_dict(json.loads(attrs["skeleton"])),
        float(attrs["fps"]),
        axis_names(file, "classes"),
        attrs,
    )
