"""Track files: pose files whose individuals are the same animals throughout.

`position`, `confidence` and `covariance` are those of `core.poses`, NaN and 0 where an animal
is missing; `identity_confidence (time, individuals)` is P(this is that animal). Detections that
belong to nobody are in the group `untracked`, one row each, and `n_untracked (time)` counts
them: nothing that was found is lost. `row` is the row of each animal in the file of detections.
Where a person had a gap bridged, `interpolated (time, individuals)` is 1 and `row` is -1: such
poses are no detections, and whoever reads detections out of the file does not meet them.
Files are written and read in pieces, so memory does not grow with the recording.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5netcdf
import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED, Candidates, Detections, join
from gambol.core.skeleton import Skeleton
from gambol.io import poses, store
from gambol.io.detections import MARGIN, Rows, axis_names, name_axis, open_file, read_rows
from gambol.io.labels import predictions
from gambol.io.labels.predictions import Tracked
from gambol.io.poses import CANDIDATES, DRAWN, SCORES, made_from

__all__ = ["Piece", "Series", "Tracked", "load", "made_from", "pieces", "read", "write"]

UNTRACKED_GROUP = "untracked"
_OF_ANIMALS = ("instance_score", "identity_confidence")
_FRAMES = 1024  # that are compressed together
_POINT_BYTES, _PEAK_BYTES = 40, 12  # of a keypoint and of a candidate, before compression


class Piece(NamedTuple):
    """The animals of consecutive frames, and who they are."""

    start: int  # the first frame
    readable: Bool[np.ndarray, " T"]  # False where the video frame could not be decoded
    found: Detections  # in frames start … start + T - 1 of the recording
    id: Int[np.ndarray, " D"]  # index into the names, or UNTRACKED; distinct within a frame
    confidence: Float[np.ndarray, " D"]  # P(this identity is right)
    candidates: Candidates | None = None  # of the same rows, where several peaks are kept
    drawn: "Piece | None" = None  # poses in gaps, which nobody saw
    margin: Float[np.ndarray, "D J"] | None = None  # of the same rows, where any was weighed


class Series(NamedTuple):
    """A whole track file."""

    poses: xr.Dataset  # as `core.poses` describes it
    untracked: Detections


def write(
    target: Path,
    parts: Iterable[Piece],
    times: Float[np.ndarray, " T"],
    skeleton: Skeleton,
    names: tuple[str, ...],
    *,
    fps: float,
    attrs: dict[str, Any],
    detections: int = 0,
    candidates: int = 1,
    drawn: bool = False,
    weighed: bool = False,
) -> None:
    """Write tracks, one piece in memory at a time; the file appears whole or not at all.

    Args:
        target: the file.
        parts: every frame once, in order. What was learned of looks is not kept.
        times: seconds of each frame.
        skeleton: names and structure.
        names: of the individuals.
        fps: nominal frames a second.
        attrs: provenance; `made_from` is the key by which a finished file is recognised.
        detections: how many there are, by which room on the disk is made sure of.
        candidates: peaks per keypoint that the pieces hold; of one, none but the position.
        drawn: whether the pieces hold poses that nobody saw.
        weighed: whether the pieces hold margins.
    """
    if not names:
        raise InputError(f"{target}: tracks need the name of at least one animal")
    frame = row = 0
    each = _POINT_BYTES + _PEAK_BYTES * (candidates if candidates > 1 else 0)
    room = each * max(detections, len(times)) * len(skeleton) + store.SLACK
    with store.atomic(target, room) as partial, h5netcdf.File(partial, "w") as file:
        _declare(file, times, skeleton, names, fps, attrs, candidates)
        _declare_more(file, len(times), drawn=drawn, weighed=weighed)
        rows = Rows(file.create_group(UNTRACKED_GROUP), _nothing(len(skeleton)), "row")
        for part in parts:
            stop = frame + len(part.readable)
            if part.start != frame or stop > len(times):
                raise InputError(
                    f"{target}: frames {part.start} to {stop - 1} come where {frame} to "
                    f"{len(times) - 1} are missing; track the video again"
                )
            _fill(file, rows, part, row, names)
            frame, row = stop, row + len(part.id)
        if frame != len(times):
            raise InputError(f"{target}: {frame} frames for {len(times)} times")


def read(path: Path) -> Series:
    """Read a pose file, and what in it belongs to no animal."""
    series = poses.read(path)
    with open_file(path) as file:
        group = file.groups.get(UNTRACKED_GROUP)
        if group is None:
            return Series(series, _nothing(series.sizes["keypoints"]))
        return Series(series, read_rows(group, 0, group.dimensions["detection"].size))


def pieces(path: Path, frames: int = 4096) -> Iterator[Piece]:
    """Yield so many frames after another, rows in the order of the file of detections.

    A pose file of another command does as well: its individuals are sure of themselves.
    """
    with open_file(path) as file:
        length, start = file.dimensions["time"].size, 0
        for first in range(0, length, frames):
            where = slice(first, min(first + frames, length))
            part, stop = _read_piece(file, where, start)
            start = stop
            yield part


def load(path: Path, video: str | None = None) -> Tracked:
    """Read the tracks of our files and of other programs' (`io.labels.predictions`).

    Args:
        path: the file.
        video: name of the video, where a SLEAP file holds several.
    """
    if path.suffix != ".nc":
        return predictions.read(path, video)
    with open_file(path) as file:
        if missing := [name for name in ("position", "individuals") if name not in file]:
            raise InputError(f"{path} is no pose file: it lacks {' and '.join(missing)}")
        attrs, times = dict(file.attrs), file.variables["time"][:].astype(np.float64)
        names, keypoints = axis_names(file, "individuals"), axis_names(file, "keypoints")
        whole, _ = _read_piece(file, slice(0, len(times)), 0)
    said = attrs.get("skeleton")
    skeleton = Skeleton.from_dict(json.loads(said)) if said else Skeleton(keypoints)
    video = str(attrs.get("source_file", ""))
    found, ids, sure = whole.found, whole.id, whole.confidence
    return Tracked(found, ids, sure, names, skeleton, len(times), times, video)


def _nothing(n_keypoints: int) -> Detections:
    point = (0, n_keypoints)
    return Detections(
        np.zeros(0, np.int64),
        np.zeros((*point, 2)),
        np.zeros((*point, 2, 2)),
        np.zeros(point),
        np.zeros(0),
        np.zeros((0, 0)),
        np.zeros((0, 0)),
    )


def _declare(
    file: Any,
    times: np.ndarray,
    skeleton: Skeleton,
    names: tuple[str, ...],
    fps: float,
    attrs: dict[str, Any],
    candidates: int,
) -> None:
    """Write names, times and attributes, with the variables still empty."""
    empty = np.zeros((0, len(names), len(skeleton)), np.float32)
    frame = core_poses.build(
        np.zeros((*empty.shape, 2), np.float32),
        empty,
        np.zeros((*empty.shape, 2, 2), np.float32),
        np.zeros(0),
        skeleton,
        fps=fps,
        individuals=names,
        attrs=attrs,
    )
    file.dimensions["time"] = len(times)
    file.create_variable("time", ("time",), "f8", data=times)
    for axis in ("space", "space_b", "keypoints", "individuals"):
        name_axis(file, axis, tuple(str(word) for word in frame[axis].values))
    kinds = {
        str(name): (tuple(map(str, values.dims)), "f4")
        for name, values in frame.data_vars.items()
    }
    kinds |= {name: (("time", "individuals"), "f4") for name in _OF_ANIMALS}
    if candidates > 1:
        file.dimensions["candidate"] = candidates
        kinds[CANDIDATES] = (core_poses.CANDIDATE_DIMS, "f4")
        kinds[SCORES] = (core_poses.SCORE_DIMS, "f4")
    kinds["row"] = (("time", "individuals"), "i8")
    kinds |= {name: (("time",), "i4") for name in ("n_untracked", "readable")}
    for name, (dims, kind) in kinds.items():
        _create(file, name, dims, kind, len(times))
    file.attrs.update(frame.attrs)


def _declare_more(file: Any, frames: int, *, drawn: bool, weighed: bool) -> None:
    """Declare what not all files hold."""
    if drawn:
        _create(file, DRAWN, ("time", "individuals"), "u1", frames)
    if weighed:
        _create(file, MARGIN, core_poses.POINT_DIMS, "f4", frames)


def _create(file: Any, name: str, dims: tuple[str, ...], kind: str, frames: int) -> None:
    sizes = [min(frames, _FRAMES), *(file.dimensions[d].size for d in dims[1:])]
    file.create_variable(
        name, dims, kind, fillvalue=np.float32(np.nan) if kind == "f4" else None,
        chunks=tuple(sizes), compression="gzip", compression_opts=1, shuffle=True,
    )  # fmt: skip


def _fill(file: Any, rows: Rows, part: Piece, first: int, names: tuple[str, ...]) -> None:
    """Write a piece; `first` is the row of its first detection."""
    length, n_keypoints = len(part.readable), part.found.xy.shape[1]
    mine = np.flatnonzero(part.id != UNTRACKED)
    t, who = part.found.frame[mine] - part.start, part.id[mine]
    _check(part, t, who, names)
    shape = (length, len(names), n_keypoints)
    xy, cov = np.full((*shape, 2), np.nan), np.full((*shape, 2, 2), np.nan)
    confidence, row = np.zeros(shape), np.full(shape[:2], -1, np.int64)
    score, sure = np.zeros(shape[:2]), np.zeros(shape[:2])
    xy[t, who], cov[t, who] = part.found.xy[mine], part.found.cov[mine]
    confidence[t, who], row[t, who] = part.found.confidence[mine], first + mine
    score[t, who], sure[t, who] = part.found.score[mine], part.confidence[mine]
    if CANDIDATES in file.variables and part.candidates is not None:
        _fill_candidates(file, part, (mine, t, who), names)
    if MARGIN in file.variables and part.margin is not None:
        margin = np.full(shape, np.nan)
        margin[t, who] = part.margin[mine]
        file.variables[MARGIN][part.start : part.start + length] = np.swapaxes(margin, 1, 2)
    if DRAWN in file.variables and part.drawn is not None:
        there = _draw(part, names, (xy, cov, confidence, score, sure), row)
        file.variables[DRAWN][part.start : part.start + length] = there
    others = np.flatnonzero(part.id == UNTRACKED)
    count = np.bincount(part.found.frame[others] - part.start, minlength=length)
    v, where = file.variables, slice(part.start, part.start + length)
    v["position"][where] = np.moveaxis(xy, (1, 2, 3), (3, 2, 1))
    v["confidence"][where] = np.swapaxes(confidence, 1, 2)
    v["covariance"][where] = np.moveaxis(cov, (1, 2, 3, 4), (4, 3, 1, 2))
    for name, values in zip(
        (*_OF_ANIMALS, "row", "n_untracked", "readable"),
        (score, sure, row, count, part.readable.astype(np.int32)),
        strict=True,
    ):
        v[name][where] = values
    rows.append(part.found.select(others), first + others)


def _draw(
    part: Piece, names: tuple[str, ...], into: tuple[np.ndarray, ...], row: np.ndarray
) -> np.ndarray:
    """Add poses that nobody saw; return where they are."""
    drawn = part.drawn
    assert drawn is not None
    t, who = drawn.found.frame - part.start, drawn.id
    _check(drawn, t, who, names)
    if (row[t, who] >= 0).any():
        raise InputError(f"an animal is seen and drawn in a frame after frame {part.start}")
    found = drawn.found
    values = found.xy, found.cov, found.confidence, found.score, drawn.confidence
    for array, value in zip(into, values, strict=True):
        array[t, who] = value
    there = np.zeros(row.shape, np.uint8)
    there[t, who] = 1
    return there


def _fill_candidates(
    file: Any, part: Piece, rows: tuple[np.ndarray, ...], names: tuple[str, ...]
) -> None:
    """Write the peaks of named animals; the first is the position, whoever completed it."""
    assert part.candidates is not None
    mine, t, who = rows
    several = part.candidates
    shape = (len(part.readable), len(names), *several.score.shape[1:])
    xy, score = np.full((*shape, 2), np.nan), np.full(shape, np.nan)
    xy[t, who], score[t, who] = several.xy[mine], several.score[mine]
    xy[t, who, :, 0], score[t, who, :, 0] = part.found.xy[mine], part.found.confidence[mine]
    where = slice(part.start, part.start + len(part.readable))
    file.variables[CANDIDATES][where] = np.moveaxis(xy, (1, 2, 3, 4), (3, 2, 4, 1))
    file.variables[SCORES][where] = np.swapaxes(score, 1, 2)


def _check(
    part: Piece, t: Int[np.ndarray, " M"], who: Int[np.ndarray, " M"], names: tuple[str, ...]
) -> None:
    """Refuse what would be lost in writing: a second row of an animal, an animal unheard of."""
    if len(who) and not (who.min() >= 0 and who.max() < len(names)):
        raise InputError(f"tracks name animal {who.max()} of {len(names)}; name them all")
    if len(part.found.frame) and not (
        part.found.frame.min() >= part.start
        and part.found.frame.max() < part.start + len(part.readable)
    ):
        raise InputError(f"the piece of frame {part.start} holds detections of other frames")
    _, counts = np.unique(t * len(names) + who, return_counts=True)
    if (counts > 1).any():
        raise InputError(f"an animal is twice in a frame after frame {part.start}")


def _read_piece(file: Any, where: slice, start: int) -> tuple[Piece, int]:
    """Return a piece, and the row at which the untracked of the next one start."""
    v = file.variables
    xy = np.moveaxis(v["position"][where], (1, 2, 3), (3, 2, 1)).astype(np.float64)
    confidence = np.swapaxes(v["confidence"][where], 1, 2).astype(np.float64)
    cov = np.full((*xy.shape, 2), np.nan)
    if "covariance" in v:
        cov = np.moveaxis(v["covariance"][where], (1, 2, 3, 4), (3, 4, 2, 1))
    there = np.isfinite(xy).all(axis=-1).any(axis=-1)
    t, who = np.nonzero(v["row"][where] >= 0 if "row" in v else there)
    score, sure = (v[n][where] if n in v else np.ones(xy.shape[:2]) for n in _OF_ANIMALS)
    row = v["row"][where][t, who] if "row" in v else np.arange(len(t))
    found = Detections(
        t + where.start,
        xy[t, who],
        cov[t, who].astype(np.float64),
        np.nan_to_num(confidence[t, who]),
        score[t, who].astype(np.float64),
        np.zeros((len(t), 0)),
        np.zeros((len(t), 0)),
    )
    ids, sure = who.astype(np.int64), sure[t, who].astype(np.float64)
    stop = start
    if UNTRACKED_GROUP in file.groups:
        group = file.groups[UNTRACKED_GROUP]
        stop = start + int(v["n_untracked"][where].sum())
        others = read_rows(group, start, stop)
        found = join([found, others])
        row = np.concatenate([row, group.variables["row"][start:stop]])
        ids = np.concatenate([ids, np.full(stop - start, UNTRACKED)])
        sure = np.concatenate([sure, np.zeros(stop - start)])
    order = np.lexsort((row, found.frame))
    readable = v["readable"][where] if "readable" in v else np.ones(len(xy))
    piece = Piece(
        where.start, readable.astype(bool), found.select(order), ids[order], sure[order]
    )
    return piece, stop
