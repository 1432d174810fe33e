"""Who is who in several cameras, under one name in all of them."""

from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from gambol.core.cameras import Rig
from gambol.core.views import Views
from gambol.multiview import associate, associate_tracks

Match = Literal["auto", "names", "tracks", "frames"]


def match(
    by: Match, how: associate.Associate, views: dict[str, Views], rig: Rig
) -> tuple[dict[str, Views], list[str]]:
    """Find who is who in the other views, and say how many instances nobody confirmed.

    Args:
        by: what tells.
        how: settings of all but names.
        views: of every individual, as the cameras name it.
        rig: the cameras.
    """
    if len(views) == 1 or by == "names":
        return views, []
    first = next(iter(views.values()))
    xy = np.stack([one.xy for one in views.values()], axis=2)  # (T, V, I, J, 2)
    params = rig.select(list(first.cameras)).params()
    if how.individuals is None:
        how = how.model_copy(update={"individuals": len(views)})
    if by == "tracks":
        seen = np.isfinite(xy).all(-1).any(-1)
        track = np.where(seen, np.arange(len(views)), associate.NOBODY)
        joined = associate_tracks.by_track(xy, track, params, first.skeleton, how)
        found = joined.instances
    else:
        found = associate.by_frame(xy, params, first.skeleton, how)
    there = np.isfinite(xy).all(-1).any(-1)
    lost = int((there & (found.individual < 0)).sum())
    told = [
        f"animals were matched across cameras by where their rays meet; {lost} of "
        f"{int(there.sum())} instances were confirmed by no other camera"
    ]
    return _regrouped(views, found, xy), told


def _regrouped(
    views: dict[str, Views], found: associate.Associated, xy: np.ndarray
) -> dict[str, Views]:
    """Give every individual what all cameras saw of it, under the name it has most often."""
    first = next(iter(views.values()))
    points = associate.gather(xy, found, first.skeleton)
    sure = np.stack([one.confidence for one in views.values()], axis=2)
    wide = np.stack([one.variance for one in views.values()], axis=2)
    both = associate.gather(np.stack([sure, wide], axis=-1), found, first.skeleton)
    names = list(views)
    votes = np.zeros((found.individuals, len(names)))
    for slot in range(len(names)):
        who = found.individual[:, :, slot]
        votes[:, slot] = np.bincount(who[who >= 0], minlength=found.individuals)
    rows, columns = linear_sum_assignment(-votes)
    called = {int(r): names[c] for r, c in zip(rows, columns, strict=True)}
    return {
        called.get(i, f"animal{i + 1}"): first._replace(
            xy=points[:, i],
            confidence=np.nan_to_num(both[:, i, ..., 0]),
            variance=both[:, i, ..., 1],
        )
        for i in range(found.individuals)
    }
