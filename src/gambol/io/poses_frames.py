"""Poses of single frames, out of files of any length: poses, tracks and detections.

A file stays open, and only the pieces around a frame are unpacked, so that a frame costs the
same in the middle of an hour as in a clip of a second.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple, Self

import h5netcdf
import numpy as np
from jaxtyping import Float, Float32

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import store
from gambol.io.detections import MARGIN, axis_names
from gambol.io.poses import CANDIDATES, DRAWN, SCORES

_HELD = 8 << 20  # bytes unpacked of each variable; a piece of 20 animals has about 2 MiB
_SURE = 2 / 3  # P(animal) from which a detection bears its name


class Animals(NamedTuple):
    """N animals of one frame; those of which nothing was found are left out."""

    names: tuple[str, ...]  # "": not known
    xy: Float[np.ndarray, "N J 2"]  # px; NaN where there is none
    confidence: Float[np.ndarray, "N J"]  # P(right), calibrated; 0 where there is none
    covariance: Float[np.ndarray, "N J 2 2"]  # px²; NaN where there is none
    score: Float[np.ndarray, " N"]  # of the animal: identity, or detection; else the mean


class FramePoses:
    """An open file. Not for two threads at once."""

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            InputError: it is missing, damaged, or holds neither poses nor detections in px.
        """
        store.require_file(path)
        self.path = path
        try:
            self._file = h5netcdf.File(path, "r", rdcc_nbytes=_HELD)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path} is no complete netCDF4 file; make it again") from error
        try:
            self._read_head()
        except (OSError, ValueError, KeyError) as error:
            self._file.close()
            raise InputError(f"{path} holds no poses in px: {error}") from error

    def _read_head(self) -> None:
        attrs = dict(self._file.attrs)
        kind, names = str(attrs.get("ds_type", "poses")), axis_names(self._file, "space")
        if kind not in ("poses", "detections") or names not in ((), ("x", "y")):
            raise ValueError(f"type {kind!r}, axes {' '.join(names)}")
        if "position" not in self._file.variables and kind == "poses":
            raise ValueError("it lacks position")
        said = attrs.get("skeleton")
        self.keypoints = (
            Skeleton.from_dict(json.loads(said)).keypoints
            if said
            else axis_names(self._file, "keypoints")
        )
        self.frames = int(self._file.dimensions["time"].size)
        self.video = str(attrs.get("source_file", ""))  # as it was when the file was made
        self.names = axis_names(self._file, "individuals")  # none of detections
        self._classes = axis_names(self._file, "classes")
        self._axes: dict[str, tuple[Any, tuple[str, ...]]] = {}
        self._chosen = "chosen_frames" in attrs  # by `stages.predict_frames`: some frames only
        body = attrs.get("body_px", 20 * attrs.get("confidence_radius_px", 0.0))
        self.body_px = float(body) or None  # length of an animal; the radius is 5 % of it
        self.parent: tuple[int, ...] = tuple(json.loads(said)["parent"]) if said else ()
        self._starts: np.ndarray | None = None  # of the rows of each frame, in detections
        if kind == "detections":
            counts = self._file.variables["count"][:].astype(np.int64)
            self._starts = np.concatenate([[0], np.cumsum(counts)])
        self.looked = np.ones(self.frames, bool)  # at the frame, which could be read
        if "readable" in self._file.variables:
            self.looked = self._file.variables["readable"][:].astype(bool)

    @property
    def times(self) -> Float[np.ndarray, " T"]:
        """Seconds of every frame."""
        values: np.ndarray = self._file.variables["time"][:]
        return values.astype(np.float64)

    @property
    def tracked(self) -> bool:
        """Whether an animal has one place in all frames."""
        return self._starts is None

    @property
    def whole(self) -> bool:
        """Whether the file is about all frames that it reaches."""
        return not self._chosen

    def speaks_of(self, frame: int) -> bool:
        """Tell whether the file says anything of a frame, if only that nothing is there."""
        inside = 0 <= frame < self.frames
        return inside and (self.whole or bool(self.looked[frame]))

    def at(self, frame: int) -> Animals:
        """Return what was found in a frame; nothing in one that the file does not reach."""
        if not 0 <= frame < self.frames:
            return self._present(np.zeros((0, len(self.keypoints), 2)), {}, ())
        if self._starts is not None:
            return self._detected(slice(self._starts[frame], self._starts[frame + 1]))
        here = slice(frame, frame + 1)
        parts = {"confidence": self._get("confidence", here, core_poses.POINT_DIMS)[0].T}
        if "covariance" in self._file.variables:
            spread = self._get("covariance", here, core_poses.COVARIANCE_DIMS)[0]
            parts["covariance"] = np.moveaxis(spread, (0, 1, 2, 3), (2, 3, 1, 0))
        for name in ("identity_confidence", "instance_score"):
            if name in self._file.variables:
                parts["score"] = self._get(name, here, ("time", "individuals"))[0]
                break
        xy = np.moveaxis(self._get("position", here, core_poses.DIMS)[0], (0, 1, 2), (2, 1, 0))
        if DRAWN in self._file.variables:
            xy[self._drawn(here)[0]] = np.nan
        return self._present(xy, parts, self.names)

    def block(self, first: int, stop: int) -> Float32[np.ndarray, "T N J 3"]:
        """Return x, y and confidence in frames first … stop - 1; NaN, NaN, 0: none.

        Animals of detections are in the order of the file, which means nothing.
        """
        if self._starts is None:
            here = slice(first, stop)
            xy = np.moveaxis(self._get("position", here, core_poses.DIMS), (1, 2, 3), (3, 2, 1))
            sure = self._get("confidence", here, core_poses.POINT_DIMS)
            sure = np.nan_to_num(np.swapaxes(sure, 1, 2))
            if DRAWN in self._file.variables:
                there = self._drawn(here)
                xy[there], sure[there] = np.nan, 0.0
            return np.concatenate([xy, sure[..., None]], axis=-1).astype(np.float32)
        xy = self._of_rows("position", first, stop)
        sure = np.nan_to_num(self._of_rows("confidence", first, stop))
        return np.concatenate([xy, sure[..., None]], axis=-1)

    def presence(self, first: int, stop: int) -> Float32[np.ndarray, "T N J"] | None:
        """Return P(keypoint is to be seen); None where the file does not say it."""
        if "presence" not in self._file.variables:
            return None
        values = self._get("presence", slice(first, stop), core_poses.POINT_DIMS)
        return np.swapaxes(values, 1, 2).astype(np.float32)

    def margin(self, first: int, stop: int) -> Float32[np.ndarray, "T N J"] | None:
        """Return nats to the best other pose; None where poses were not weighed."""
        if MARGIN not in self._file.variables:
            return None
        if not self.tracked:
            return self._of_rows(MARGIN, first, stop)
        values = self._get(MARGIN, slice(first, stop), core_poses.POINT_DIMS)
        return np.swapaxes(values, 1, 2).astype(np.float32)

    def peaks(self, first: int, stop: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Return candidates (T, N, J, C, 2) px and their scores; None where there are none."""
        if CANDIDATES not in self._file.variables:
            return None
        if not self.tracked:
            places, worth = (self._of_rows(n, first, stop) for n in (CANDIDATES, SCORES))
            return places, worth
        here = slice(first, stop)
        xy = self._get(CANDIDATES, here, core_poses.CANDIDATE_DIMS)
        score = self._get(SCORES, here, core_poses.SCORE_DIMS)
        return np.moveaxis(xy, (1, 2, 3, 4), (4, 2, 1, 3)), np.swapaxes(score, 1, 2)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _get(self, name: str, here: slice, dims: tuple[str, ...]) -> np.ndarray:
        """Read a stretch of a variable, its axes in the given order, the first being time."""
        if name not in self._axes:  # looking them up takes longer than reading a frame
            variable = self._file.variables[name]
            self._axes[name] = variable, tuple(variable.dimensions)
        variable, found = self._axes[name]
        where = tuple(here if axis == "time" else slice(None) for axis in found)
        values: np.ndarray = np.asarray(variable[where])
        return values.transpose([found.index(axis) for axis in dims])

    def _of_rows(self, name: str, first: int, stop: int) -> Float32[np.ndarray, "T N *rest"]:
        """Read a variable of detections; NaN where a frame has fewer animals than another."""
        assert self._starts is not None
        starts = self._starts[first : stop + 1]
        values = self._file.variables[name][int(starts[0]) : int(starts[-1])]
        shape = (stop - first, int(np.diff(starts).max(initial=0)), *values.shape[1:])
        out = np.full(shape, np.nan, np.float32)
        frame = np.repeat(np.arange(stop - first), np.diff(starts))
        out[frame, np.arange(len(values)) - (starts[:-1] - starts[0])[frame]] = values
        return out

    def _drawn(self, here: slice) -> np.ndarray:
        """Tell which poses nobody saw: lines across gaps of tracks."""
        return self._get(DRAWN, here, ("time", "individuals")) > 0

    def _detected(self, rows: slice) -> Animals:
        n, variables = rows.stop - rows.start, self._file.variables
        names = [""] * n
        parts = {name: variables[name][rows] for name in ("confidence", "covariance", "score")}
        if self._classes and "identity" in variables:
            likely = np.exp(np.nan_to_num(variables["identity"][rows], nan=-np.inf))
            for a, name in enumerate(self._classes):
                if n and likely[:, a].max() > _SURE:
                    names[int(likely[:, a].argmax())] = name
        return self._present(variables["position"][rows], parts, tuple(names))

    def _present(
        self, xy: np.ndarray, parts: dict[str, Any], names: tuple[str, ...]
    ) -> Animals:
        n, j = xy.shape[:2]
        sure = np.nan_to_num(parts.get("confidence", np.zeros((n, j))).astype(np.float64))
        spread = parts.get("covariance", np.full((n, j, 2, 2), np.nan)).astype(np.float64)
        score = parts.get("score", sure.mean(axis=1) if n else np.zeros(0)).astype(np.float64)
        there = np.flatnonzero(np.isfinite(xy).all(axis=2).any(axis=1))
        return Animals(
            tuple(names[i] for i in there), xy[there].astype(np.float64), sure[there],
            spread[there], np.nan_to_num(score[there]),
        )  # fmt: skip
