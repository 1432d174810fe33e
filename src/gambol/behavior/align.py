"""Egocentric alignment: poses without where the animal is and where it heads.

    aligned u_tk = R(h_t)ᵀ (y_tk - v_t),   R(h) = [[cos h, -sin h], [sin h, cos h]]

with centroid v and heading h. In 3D the turn is about `up` alone. Tracker flips of head and
tail are half turns of the heading from one frame to the next; a chain of two states tells them
from turns of the animal. Shape free of position, and its principal components: `shape`.
"""

import json
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float
from pydantic import Field, NonNegativeFloat

from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.core.tracks import PIECE, Track, tracks

TURNED_STEP_SD = 0.05  # rad, the least: a flip of a perfectly still animal stays finite


class AlignSettings(Config):
    """Which keypoints say where the animal is and where it heads."""

    anterior: tuple[str, ...] = Field(min_length=1)  # keypoints of the head
    posterior: tuple[str, ...] = Field(min_length=1)  # and of the rear
    body: tuple[str, ...] | None = None  # whose middle is the centroid; null: all
    centroid: Literal["mean", "median"] = "mean"  # of the body keypoints
    gap_s: NonNegativeFloat = 0.25  # longest gap of centroid and heading that is filled
    flips: bool = True  # whether half turns from frame to frame are undone
    stay: float = Field(default=0.999, gt=0.5, lt=1)  # chance of no flip in a frame
    up: Literal["x", "y", "z"] = "z"  # axis of the turn, in 3D


class Aligned(NamedTuple):
    """A track in the frame of its animal."""

    track: Track  # `xy` is aligned: ahead first, then to the side; variances as before
    centroid: Float[np.ndarray, "T d"]
    heading: Float[np.ndarray, " T"]  # rad, in (-π, π], flips undone
    turned: Bool[np.ndarray, " T"]  # where the tracker had head and tail exchanged
    up: str


class Placed(NamedTuple):
    """A track as it is in the world, and where its animal is and heads: half the memory."""

    track: Track  # `xy` in the world, perhaps in single precision
    centroid: Float[np.ndarray, "T d"]
    heading: Float[np.ndarray, " T"]  # rad
    up: str


def align(track: Track, settings: AlignSettings) -> Aligned:
    """Bring a track into the frame of its animal; NaN where that is not known.

    Args:
        track: 2D or 3D.
        settings: keypoints of head, tail and body.
    """
    centre, heading, turned = _course(track, *_ends(track, settings), settings)
    axes = plane(track.xy.shape[2], settings.up)
    xy = rotate(track.xy - centre[:, None], -heading, axes)
    return Aligned(track._replace(xy=xy), centre, heading, turned, settings.up)


def place(track: Track, settings: AlignSettings) -> Placed:
    """Say where an animal is and heads, and leave its keypoints where they are.

    Args:
        track: 2D or 3D; `xy` may be float32 and is looked at in pieces.
        settings: keypoints of head, tail and body.
    """
    parts = [
        _ends(track._replace(xy=track.xy[first : first + PIECE].astype(np.float64)), settings)
        for first in range(0, max(len(track.xy), 1), PIECE)
    ]
    ends = [np.concatenate(part) for part in zip(*parts, strict=True)]
    centre, heading, _ = _course(track, ends[0], ends[1], settings)
    return Placed(track, centre, heading, settings.up)


def _ends(
    track: Track, settings: AlignSettings
) -> tuple[Float[np.ndarray, "T d"], Float[np.ndarray, "T d"]]:
    """Return the middle of the body and the way from rear to head, where they are seen."""
    centre = middle(track, settings.body, settings.centroid)
    return centre, middle(track, settings.anterior) - middle(track, settings.posterior)


def _course(
    track: Track,
    centre: Float[np.ndarray, "T d"],
    ahead: Float[np.ndarray, "T d"],
    settings: AlignSettings,
) -> tuple[Float[np.ndarray, "T d"], Float[np.ndarray, " T"], Bool[np.ndarray, " T"]]:
    """Return centroid and heading without short gaps and flips, and where flips were."""
    centre = bridge_line(centre, track.times, track.fps, settings.gap_s)
    axes = plane(track.xy.shape[2], settings.up)
    heading = np.arctan2(ahead[:, axes[1]], ahead[:, axes[0]])
    heading[(ahead[:, axes] == 0.0).all(axis=1)] = np.nan
    turned = np.zeros(len(heading), bool)
    if settings.flips:
        turned = flipped(heading, settings.stay)
        heading = wrap(heading + np.pi * turned)
    return centre, bridge_arc(heading, track.times, track.fps, settings.gap_s), turned


def egocentric(
    poses: xr.Dataset,
    anterior: Sequence[str],
    posterior: Sequence[str],
    name: str = "recording",
    **settings: Any,
) -> xr.Dataset:
    """Align every animal of a recording.

    Args:
        poses: in the schema of `core.poses`.
        anterior: keypoints of the head; the heading points to their mean.
        posterior: keypoints of the rear; it points from their mean.
        name: of the recording, for errors.
        settings: the others of `AlignSettings`, by name.

    Returns:
        The poses with `aligned` (time, space, keypoints, individuals), `centroid`, `heading`
        (rad) and `turned` beside `position`, which stays as it was.
    """
    given = {"anterior": tuple(anterior), "posterior": tuple(posterior), **settings}
    chosen = AlignSettings.from_values(given, "egocentric")
    done = [align(track, chosen) for track in tracks(poses, name)]
    dims = ("time", "keypoints", "space", "individuals")

    def together(parts: list[np.ndarray]) -> np.ndarray:
        return np.stack(parts, axis=-1)

    return poses.assign(
        aligned=(dims, together([part.track.xy for part in done])),
        centroid=(("time", "space", "individuals"), together([p.centroid for p in done])),
        heading=(("time", "individuals"), together([part.heading for part in done])),
        turned=(("time", "individuals"), together([part.turned for part in done])),
    ).assign_attrs(align=chosen.model_dump_json())


def aligned(dataset: xr.Dataset, name: str) -> list[Aligned]:
    """Return what `egocentric` found, one for every animal."""
    if missing := [key for key in ("aligned", "centroid", "heading") if key not in dataset]:
        raise InputError(f"{name} lacks {' and '.join(missing)}; align it first (egocentric)")
    up = json.loads(dataset.attrs.get("align", "{}")).get("up", "z")
    order = ("time", "keypoints", "space")
    return [
        Aligned(
            track._replace(xy=part["aligned"].transpose(*order).values),
            part["centroid"].transpose("time", "space").values,
            part["heading"].values,
            part["turned"].values.astype(bool),
            up,
        )
        for track, part in zip(
            tracks(dataset, name),
            (dataset.isel(individuals=n) for n in range(dataset.sizes["individuals"])),
            strict=True,
        )
    ]


def flips(aligned: Aligned) -> list[tuple[float, float]]:
    """Return the stretches in which the tracker had head and tail exchanged, s."""
    edges = np.flatnonzero(np.diff(np.r_[False, aligned.turned, False]))
    times = np.append(aligned.track.times, np.inf)
    last = aligned.track.times[-1] + 1.0 / aligned.track.fps if len(edges) else 0.0
    ends = np.minimum(times[edges], last).reshape(-1, 2)
    return [(float(start), float(stop)) for start, stop in ends]


def plane(space: int, up: str = "z") -> list[int]:
    """Return the two axes across `up`, so that a turn goes from the first to the second."""
    return {"z": [0, 1], "x": [1, 2], "y": [2, 0]}[up] if space == 3 else [0, 1]


def rotate(
    xy: Float[np.ndarray, "T J d"], angle: Float[np.ndarray, " T"], axes: Sequence[int]
) -> Float[np.ndarray, "T J d"]:
    """Turn points in the plane of two axes."""
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    a, b = axes
    out = xy.copy()
    out[..., a] = cos * xy[..., a] - sin * xy[..., b]
    out[..., b] = sin * xy[..., a] + cos * xy[..., b]
    out[np.isnan(angle)] = np.nan
    return out


def flipped(heading: Float[np.ndarray, " T"], stay: float) -> Bool[np.ndarray, " T"]:
    """Return where the heading is turned by half a circle: the most probable path.

    The true heading takes wrapped-normal steps; the seen one is that, or the opposite. Both
    states are alike, so the path is a choice, step by step, between no change and a change, and
    is solved exactly without recursion. Turns go on for many frames, so over a gap of n frames
    the sd of the step is n times as large; a change is as likely as after n steps. The state of
    most frames is right.

    Args:
        heading: rad, NaN where it is not known.
        stay: chance of no change in a frame.
    """
    seen = np.flatnonzero(~np.isnan(heading))
    turned = np.zeros(len(heading), bool)
    if len(seen) < 2:
        return turned
    step, frames = wrap(np.diff(heading[seen])), np.diff(seen)
    small = np.abs(step) < np.pi / 2
    folded = np.where(small, step, wrap(step + np.pi)) / frames
    sd = max(float(np.sqrt(np.mean(folded**2))), TURNED_STEP_SD)
    change = (1.0 - (2.0 * stay - 1.0) ** frames) / 2.0
    sds = sd * frames
    gain = wrapped_normal(wrap(step + np.pi), sds) - wrapped_normal(step, sds)
    changes = gain + np.log(change) - np.log1p(-change) > 0.0
    state = np.cumsum(np.r_[0, changes]) % 2 == 1
    if state.sum() * 2 > len(state):
        state = ~state
    # frames without a heading take the state before them
    place = np.maximum(np.searchsorted(seen, np.arange(len(heading)), side="right") - 1, 0)
    turned[:] = state[place]
    return turned


def wrapped_normal(
    step: Float[np.ndarray, " N"], sd: Float[np.ndarray, " N"]
) -> Float[np.ndarray, " N"]:
    """Log density of steps on the circle, nats; `step` in [-π, π]."""
    total = np.full(len(step), -np.inf)
    for lap in range(-3, 4):
        total = np.logaddexp(total, -0.5 * ((step + 2 * np.pi * lap) / sd) ** 2)
    log_sum = total - np.log(sd * np.sqrt(2 * np.pi))
    # wider than half a circle, three laps are not all of them but it is flat by then
    return np.where(sd > np.pi, -np.log(2 * np.pi), log_sum)


def wrap(angle: Float[np.ndarray, "*T"]) -> Float[np.ndarray, "*T"]:
    """Return angles in (-π, π].

    >>> wrap(np.array([np.pi, -np.pi, 7.0])).round(3).tolist()
    [3.142, 3.142, 0.717]
    """
    return np.pi - np.mod(np.pi - angle, 2 * np.pi)


def bridge_line(
    values: Float[np.ndarray, "T C"], times: Float[np.ndarray, " T"], fps: float, gap_s: float
) -> Float[np.ndarray, "T C"]:
    """Fill gaps of at most `gap_s` on straight lines."""
    out = values.copy()
    seen = np.flatnonzero(~np.isnan(values).any(axis=1))
    apart = times[seen[1:]] - times[seen[:-1]]
    short = (np.diff(seen) > 1) & (apart <= (gap_s + 1.0 / fps) * (1 + 1e-6))
    for a, b in zip(seen[:-1][short], seen[1:][short], strict=True):
        share = ((times[a + 1 : b] - times[a]) / (times[b] - times[a]))[:, None]
        out[a + 1 : b] = (1 - share) * values[a] + share * values[b]
    return out


def bridge_arc(
    angle: Float[np.ndarray, " T"], times: Float[np.ndarray, " T"], fps: float, gap_s: float
) -> Float[np.ndarray, " T"]:
    """Fill gaps of an angle along the shortest arc."""
    seen = ~np.isnan(angle)
    straight = np.full(len(angle), np.nan)
    straight[seen] = np.unwrap(angle[seen])
    return wrap(bridge_line(straight[:, None], times, fps, gap_s)[:, 0])


def keypoints(skeleton: Skeleton, names: Sequence[str], role: str) -> list[int]:
    """Return the places of keypoints; `role` names the setting that asked for them."""
    try:
        return [skeleton.index(name) for name in names]
    except InputError as error:
        raise InputError(f"{role}: {error}") from error


def middle(
    track: Track, names: Sequence[str] | None, kind: str = "mean"
) -> Float[np.ndarray, "T d"]:
    """Mean or median of named keypoints where they are present; NaN where none is."""
    chosen = track.skeleton.keypoints if names is None else names
    xy = track.xy[:, keypoints(track.skeleton, chosen, "align")]
    out = np.full((len(xy), xy.shape[2]), np.nan)
    some = ~np.isnan(xy[..., 0]).all(axis=1)
    out[some] = (np.nanmean if kind == "mean" else np.nanmedian)(xy[some], axis=1)
    return out
