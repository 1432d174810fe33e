"""What lies behind a file of 3D poses: its rig, its 2D points, and the videos of its views."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float

from gambol.core import poses as core_poses
from gambol.core.cameras import Rig
from gambol.core.errors import InputError
from gambol.core.progress import silent
from gambol.core.video import Video
from gambol.core.views import Views
from gambol.io import calibration
from gambol.io import views as io_views
from gambol.io.video.open import open_video
from gambol.multiview import associate, filters
from gambol.multiview.tiers.base import Problem
from gambol.stages import footage, individuals
from gambol.viz import views


class Behind(NamedTuple):
    """What the views of a recording saw, as the tier was given it: mean, matched, filtered."""

    rig: Rig
    found: Float[np.ndarray, "T V N J 2"] | None
    # px; NaN where not seen; None where 2D files are gone
    confidence: Float[np.ndarray, "T V N J"] | None
    variance: Float[np.ndarray, "T V N J"] | None
    videos: Mapping[str, Path]  # of the views that have one
    note: str  # what is gone


def rig_of(path: Path, made: xr.Dataset) -> Rig:
    """Return the cameras that made the poses, as the file keeps them."""
    if "calibration" not in made.attrs:
        raise InputError(f"{path} keeps no calibration; make it with gambol triangulate")
    return calibration.parse(str(made.attrs["calibration"]), path).rig


def behind(path: Path, made: xr.Dataset, videos: Mapping[str, Path]) -> Behind:
    """Find what 3D poses were made from.

    Args:
        path: of the 3D pose file.
        made: its content.
        videos: of views, where they moved or the 2D files do not name them.
    """
    rig = rig_of(path, made)
    names = [str(name) for name in made["view"].values]
    if lost := [name for name in videos if name not in names]:
        raise InputError(f"{path} has no view {lost[0]!r}; it has {', '.join(names)}")
    members = _files(made)
    files = members[0] if members else {}
    gone = [str(file) for one in members for file in one.values() if not file.exists()]
    films = {**_films(files), **videos}
    if gone or not files:
        note = f"{gone[0]} is gone, so 2D points are not drawn" if gone else ""
        return Behind(rig.select(names), None, None, None, films, note)
    order = _used(made, members, rig)
    found, sure, wide = (
        np.stack([getattr(one, what) for one in order], axis=2)
        for what in ("xy", "confidence", "variance")
    )
    return Behind(rig.select(names), found, sure, wide, films, "")


def _files(made: xr.Dataset) -> list[dict[str, Path]]:
    """The 2D files of every view, for each network of an ensemble; none where not kept."""
    kept = json.loads(made.attrs.get("view_files", "{}"))
    lists = {name: [file] if isinstance(file, str) else file for name, file in kept.items()}
    count = min((len(files) for files in lists.values()), default=0)
    return [{name: Path(files[k]) for name, files in lists.items()} for k in range(count)]


def _used(made: xr.Dataset, members: list[dict[str, Path]], rig: Rig) -> list[Views]:
    """The points that the tier was given of every individual, read as they were then."""
    settings = json.loads(made.attrs.get("settings", "{}"))
    unseen = tuple(tuple(place) for place in settings.get("unseen", ()))
    seen = [
        dict(
            io_views.read_views([], rig, files, unseen=unseen, fps=settings.get("fps")).animals
        )
        for files in members
    ]
    keypoints = [str(name) for name in made["keypoints"].values]
    skeleton, said = core_poses.skeleton(made), {}
    for name, first in seen[0].items():
        one = filters.ensemble([member[name] for member in seen]) if seen[1:] else first
        place = [one.skeleton.index(keypoint) for keypoint in keypoints]
        said[name] = one._replace(
            xy=one.xy[:, :, place],
            confidence=one.confidence[:, :, place],
            variance=one.variance[:, :, place],
            skeleton=skeleton,
        )
    how = associate.Associate(**settings.get("crowd", {}))
    same, _ = individuals.match(settings.get("match", "auto"), how, said, rig)
    order = [same[str(name)] for name in made["individuals"].values]
    smooth = filters.of_kind(settings.get("filter_2d"), settings.get("median_2d"))
    return order if smooth is None else [smooth(one) for one in order]


def problem(made: xr.Dataset, seen: Behind, animal: int) -> Problem:
    """Return what a tier solved for one animal."""
    assert seen.found is not None and seen.confidence is not None and seen.variance is not None
    up = np.array(json.loads(made.attrs["up"]), float)
    return Problem(
        seen.found[:, :, animal], seen.confidence[:, :, animal], seen.variance[:, :, animal],
        seen.rig.params(), made["time"].values, core_poses.skeleton(made),
        up / np.linalg.norm(up), silent,
    )  # fmt: skip


def sights(
    made: xr.Dataset, seen: Behind, films: Mapping[str, Video], frame: int
) -> dict[str, views.Sight]:
    """Return the pictures of a frame with what was found and what the 3D poses say."""
    part = made.isel(time=[frame])
    xyz = core_poses.xy(part).astype(float)
    covariance = core_poses.covariance(part).astype(float)
    drawn = views.reproject(xyz, covariance, seen.rig)
    wrong = part["outlier_probability"].transpose(
        "time", "view", "individuals", "keypoints"
    ).values  # fmt: skip
    out = {}
    for v, name in enumerate(seen.rig):
        if name not in films or frame >= len(films[name]):
            continue
        picture = films[name].read([frame])[0]
        if seen.rig[name].flip:
            picture = np.ascontiguousarray(picture[:, ::-1])
        shape = drawn.uv[0, v].shape
        found = np.full(shape, np.nan) if seen.found is None else seen.found[frame, v]
        out[name] = views.Sight(
            picture, name, found, drawn.uv[0, v], drawn.covariance[0, v], wrong[0, v] > 0.5
        )
    return out


def opened(seen: Behind) -> dict[str, Video]:
    """Open the videos of the views."""
    return {name: open_video(path) for name, path in seen.videos.items()}


def _films(files: Mapping[str, Path]) -> dict[str, Path]:
    """The videos that pose files name, as far as they are there."""
    out = {}
    for name, path in files.items():
        if path.suffix != ".nc" or not path.exists():
            continue
        try:
            out[name] = footage.find_video(path, _attrs(path))
        except InputError:
            continue
    return out


def _attrs(path: Path) -> dict[str, str]:
    import h5netcdf

    with h5netcdf.File(path, "r") as file:
        return {"source_file": str(file.attrs.get("source_file", ""))}
