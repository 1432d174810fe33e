"""Views of animals and a rig to 3D poses with covariance: one call for every tier."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from gambol.core import poses
from gambol.core.cameras import Rig
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.views import Views
from gambol.multiview import metrics
from gambol.multiview.tiers import base

VIEW_DIMS = ("time", "view", "keypoints", "individuals")
COUNTS = ("unsettled", "covariance_not_of_a_mode")  # of chains or windows, in `learned`
AWAY = 1e4  # px; an observation farther out is no detection but a broken file


def reconstruct(
    views: Mapping[str, Views],
    rig: Rig,
    tier: base.Tier,
    *,
    fps: float,
    attrs: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> xr.Dataset:
    """Return the 3D poses of animals that several cameras saw.

    Args:
        views: what was seen of each individual; all on one clock, of one skeleton.
        rig: the cameras, by name; those that saw nothing may be left out of the views.
        tier: how, `tiers.build(spec)`.
        fps: nominal frames a second.
        attrs: provenance for the file.
        progress: told of frames, those of all individuals together.

    Raises:
        InputError: fewer than two cameras, or one that the rig does not have.
    """
    views = dict(views)
    first = next(iter(views.values()))
    part = cameras(rig, first.cameras)
    found = []
    for n, (name, one) in enumerate(views.items()):
        frames = len(first.times)
        counted = counting(progress, n * frames, frames, len(views) * frames)
        found.append(tier(_problem(one, part, counted)))
        if (peak := found[-1].peak) is not None:
            views[name] = one.at(peak)
        counted(Step("triangulate", 1, 1, name))
    made = poses.build(
        np.stack([s.xyz for s in found], 1),
        np.stack([_confidence(s, v) for s, v in zip(found, views.values(), strict=True)], 1),
        np.stack([s.covariance for s in found], 1),
        first.times,
        first.skeleton,
        fps=fps,
        individuals=tuple(views),
        attrs={
            "units": rig.units,
            "up": [float(x) for x in rig.up],
            "rig": fingerprint(rig),
            "learned": {name: dict(s.learned) for name, s in zip(views, found, strict=True)},
            **(attrs or {}),
        },
    )
    made.attrs["space_unit"] = rig.units
    return _with_views(made, found, list(views.values()), part)


def counting(progress: Progress, done: int, share: int, total: int) -> Progress:
    """Tell of a part's steps as frames of a whole.

    Args:
        progress: of the whole.
        done: frames before this part.
        share: frames of this part.
        total: frames of the whole, those of all animals together.
    """
    return lambda step: progress(
        Step("triangulate", done + share * step.done // step.total, total, step.item)
    )


def problem(views: Views, rig: Rig, progress: Progress = silent) -> base.Problem:
    """Return what a tier solves, for one animal."""
    return _problem(views, cameras(rig, views.cameras), progress)


def fingerprint(rig: Rig) -> str:
    """Return a short hash that changes when a camera does."""
    told = np.round(rig.params(), 9).tobytes() + " ".join(rig).encode() + rig.units.encode()
    return hashlib.sha256(told).hexdigest()[:12]


def cameras(rig: Rig, names: tuple[str, ...]) -> Rig:
    """Return these cameras of a rig.

    Raises:
        InputError: fewer than two, or one that the rig does not have.
    """
    if lost := [name for name in names if name not in list(rig)]:
        raise InputError(
            f"the calibration has no camera {lost[0]!r}; there are {', '.join(rig)}"
        )
    if len(names) < 2:
        raise InputError(
            f"only camera {', '.join(names) or '–'} has poses; 3D needs two or more views of "
            "the same moment (a prior of poses could in principle supply depth for one, but "
            "nobody has validated that here)"
        )
    return rig.select(list(names))


def _problem(views: Views, rig: Rig, progress: Progress) -> base.Problem:
    up = np.array(rig.up, float)
    return base.Problem(
        _sane(views.xy),
        np.clip(np.nan_to_num(views.confidence), 0, 1),
        views.variance,
        rig.params(),
        views.times,
        views.skeleton,
        up / np.linalg.norm(up),
        progress,
        None if views.candidates is None else _sane(views.candidates),
        views.candidate_score,
    )


def _sane(xy: Float[np.ndarray, "*shape 2"]) -> Float[np.ndarray, "*shape 2"]:
    """The same, without what no detector can have meant."""
    sane = np.isfinite(xy).all(-1) & (np.abs(xy) < AWAY).all(-1)
    return np.where(sane[..., None], xy, np.nan)


def _confidence(solved: base.Solved, views: Views) -> Float[np.ndarray, "T J"]:
    """Mean over the views that saw a point of score times share of truth; 0 where none did."""
    seen = np.isfinite(views.xy).all(-1) & np.isfinite(solved.outlier)
    sure = np.where(seen, views.confidence * (1 - np.nan_to_num(solved.outlier)), 0)
    mean = sure.sum(1) / np.maximum(seen.sum(1), 1)
    return np.where(np.isfinite(solved.xyz).all(-1), mean, 0)


def _with_views(
    made: xr.Dataset, found: list[base.Solved], views: list[Views], rig: Rig
) -> xr.Dataset:
    """Add what is said of every view: outliers, residuals, and how many views there were."""
    outlier = np.stack([s.outlier for s in found], -1)
    far = np.stack(
        [
            metrics.reprojection_error(s.xyz, v.xy, rig.params())
            for s, v in zip(found, views, strict=True)
        ],
        -1,
    )
    made = made.assign_coords(view=list(rig))
    made["outlier_probability"] = (VIEW_DIMS, outlier.astype(np.float32))
    made["reprojection_error"] = (VIEW_DIMS, far.astype(np.float32))
    made["n_views"] = (poses.POINT_DIMS, np.nansum(1 - outlier, axis=1).astype(np.float32))
    if all(s.heading is not None for s in found):
        heading = np.stack([np.asarray(s.heading) for s in found], -1)
        made["heading"] = (("time", "individuals"), heading)
    if all(s.state_probability is not None for s in found):
        shares = [np.asarray(s.state_probability) for s in found]
        most = max(share.shape[1] for share in shares)
        padded = [np.pad(s, ((0, 0), (0, most - s.shape[1]))) for s in shares]
        made["state_probability"] = (
            ("time", "state", "individuals"),
            np.stack(padded, -1).astype(np.float32),
        )
    return made


def removed(made: xr.Dataset, doubt: float = 0.5) -> dict[str, dict[str, int]]:
    """Return how many observations each view and keypoint lost, as outliers or unused.

    Args:
        made: 3D poses of `reconstruct`.
        doubt: outlier probability from which an observation counts as removed.
    """
    lost = (made["outlier_probability"] > doubt).sum(("time", "individuals"))
    return {
        str(view): {
            str(name): int(lost.sel(view=view, keypoints=name))
            for name in made["keypoints"].values
        }
        for view in made["view"].values
    }


def learned(made: xr.Dataset) -> dict[str, Any]:
    """Return the parameters that the tier took from the data, by individual."""
    return dict(json.loads(made.attrs["learned"]))


def learned_together(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what was learned of a recording from what its parts say.

    Counts are summed; of numbers that differ, as those that a tier takes anew from every window
    may, the median is taken.

    >>> learned_together([{"step": 2.0, "unsettled": 1}, {"step": 2.0, "unsettled": 2}])
    {'step': 2.0, 'unsettled': 3}
    """
    out = {}
    for name in parts[0]:
        values = [part[name] for part in parts if name in part]
        if name in COUNTS:
            out[name] = sum(values)
        elif all(value == values[0] for value in values) or len(set(map(np.shape, values))) > 1:
            out[name] = values[0]
        else:
            out[name] = np.median(np.array(values, float), axis=0).round(6).tolist()
    return out
