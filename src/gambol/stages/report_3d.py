"""The page about 3D poses: what was seen, how sure it is, and what a left-out view says.

Called by `stages.report`.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr
import yaml

from gambol.core import poses as core_poses
from gambol.io import poses as io_poses
from gambol.multiview import crossview, metrics, reconstruct
from gambol.multiview.tiers.base import tiers
from gambol.stages import seen_3d
from gambol.viz import atlas, report3d, views
from gambol.viz.films import Example

EXAMPLES = 4  # frames that are shown in all views
STRETCH = 120  # frames on which views are left out


def page(path: Path, videos: Mapping[str, Path]) -> str:
    """Return the page about a file of 3D poses.

    Args:
        path: 3D poses of `gambol triangulate`.
        videos: of views, by name, where they moved.
    """
    made = io_poses.read(path)
    seen = seen_3d.behind(path, made, videos)
    names = [str(name) for name in made["individuals"].values]
    xyz = core_poses.xy(made).astype(float)
    fps = float(made.attrs["fps"])
    counts = reconstruct.removed(made)
    removed = np.array([list(one.values()) for one in counts.values()])
    settings = json.loads(made.attrs["settings"])
    return report3d.reconstruction(
        report3d.Reconstruction(
            path.stem,
            made,
            seen.rig,
            {"outlier": removed},
            _left_out(made, seen, settings),
            {name: metrics.jitter(xyz[:, i], fps) for i, name in enumerate(names)},
            _examples(made, seen),
            _states(made, xyz),
            json.loads(made.attrs["remarks"]),
            seen.note or ("" if seen.videos else "No video of a view is at hand."),
            yaml.safe_dump(settings, sort_keys=False),
            json.loads(made.attrs["provenance"]),
        )
    )


def _left_out(
    made: xr.Dataset, seen: seen_3d.Behind, settings: dict[str, object]
) -> report3d.LeftOut | None:
    """Fit a stretch of the first animal without each view in turn."""
    single = made.sizes["individuals"] == 1
    if seen.found is None or len(seen.rig) < 3 or not single:
        return None
    spec = tiers.parse(settings["tier"])
    chosen = reconstruct.learned(made).get(str(made["individuals"].values[0]), {}).get("tier")
    if spec.kind == "auto" and chosen:
        spec = tiers.parse({"kind": chosen})
    stretch = crossview.sample(seen_3d.problem(made, seen, 0), STRETCH)
    left = crossview.leave_one_out(stretch, tiers.build(spec))
    return report3d.LeftOut(list(seen.rig), *left)


def _examples(made: xr.Dataset, seen: seen_3d.Behind) -> list[Example]:
    """Frames spread over the recording, and the one that fits worst, in all views."""
    if not seen.videos:
        return []
    opened = seen_3d.opened(seen)
    try:
        most = min(min(len(film) for film in opened.values()), made.sizes["time"])
        error = made["reprojection_error"].isel(time=slice(0, most))
        mean = error.mean(("view", "keypoints", "individuals")).values
        spread = np.linspace(0, most - 1, min(EXAMPLES - 1, most)).round().astype(int).tolist()
        worst = int(np.nanargmax(mean)) if np.isfinite(mean).any() else 0
        frames = sorted({*spread, worst})
        skeleton = core_poses.skeleton(made)
        out = []
        for frame in frames:
            shown = seen_3d.sights(made, seen, opened, frame)
            if not shown:
                continue
            pictures = [views.close_up(one, skeleton) for one in shown.values()]
            said = f"frame {frame}" + (": the worst fit" if frame == worst else "")
            out.append(Example(views.mosaic(pictures, list(shown)), f"{said}. {views.KEY}"))
        return out
    finally:
        for film in opened.values():
            film.close()


def _states(made: xr.Dataset, xyz: np.ndarray) -> atlas.Atlas | None:
    """The mean posture of every pose state of the first animal."""
    if "state_probability" not in made or "heading" not in made:
        return None
    name = str(made["individuals"].values[0])
    told = reconstruct.learned(made).get(name, {})
    skeleton = core_poses.skeleton(made)
    axis = told.get("body_axis")
    face = None if axis is None else (skeleton.index(axis[0]), skeleton.index(axis[1]))
    return atlas.of_poses(
        xyz[:, 0],
        made["heading"].values[:, 0].astype(float),
        made["state_probability"].isel(individuals=0).values.astype(float),
        skeleton,
        up=np.array(json.loads(made.attrs["up"]), float),
        face=face,
    )
