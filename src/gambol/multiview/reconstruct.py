"""Views of animals and a rig to 3D poses with covariance: one call for every tier."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from gambol.core import poses
from gambol.core.cameras import Rig
from gambol.core.errors import InputError
from gambol.core.progress import Progress, silent
from gambol.core.views import Views
from gambol.multiview import metrics
from gambol.multiview.tiers import base

VIEW_DIMS = ("time", "view", "keypoints", "individuals")
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
        progress: told of every finished individual.

    Raises:
        InputError: fewer than two cameras, or one that the rig does not have.
    """
    first = next(iter(views.values()))
    part = _cameras(rig, first.cameras)
    found = [tier(_problem(one, part, progress)) for one in views.values()]
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


def problem(views: Views, rig: Rig, progress: Progress = silent) -> base.Problem:
    """Return what a tier solves, for one animal."""
    return _problem(views, _cameras(rig, views.cameras), progress)


def fingerprint(rig: Rig) -> str:
    """Return a short hash that changes when a camera does."""
    told = np.round(rig.params(), 9).tobytes() + " ".join(rig).encode() + rig.units.encode()
    return hashlib.sha256(told).hexdigest()[:12]


def _cameras(rig: Rig, names: tuple[str, ...]) -> Rig:
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
    sane = np.isfinite(views.xy).all(-1) & (np.abs(views.xy) < AWAY).all(-1)
    up = np.array(rig.up, float)
    return base.Problem(
        np.where(sane[..., None], views.xy, np.nan),
        np.clip(np.nan_to_num(views.confidence), 0, 1),
        views.variance,
        rig.params(),
        views.times,
        views.skeleton,
        up / np.linalg.norm(up),
        progress,
    )


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
    if found[0].heading is not None:
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
