"""Are two cameras exchanged? What each view saw is tried against the other's camera."""

from itertools import combinations

import numpy as np
from jaxtyping import Float

from gambol.core.cameras import Rig
from gambol.kernels import epipolar
from gambol.multiview.findings import Finding

MOST = 400  # points that are tried
FEWEST = 30  # of a pair of views, below which it says nothing
SHARE = 0.3  # of the misfit that must be left, for views to be called exchanged
WORST_PX = 5.0  # misfit below which a rig is right as it is


def check(rig: Rig, xy: Float[np.ndarray, "*points V 2"]) -> list[Finding]:
    """Name two cameras that explain what was seen far better once they are exchanged.

    The misfit is the median Sampson distance of what two views saw from one another's epipolar
    lines, px, averaged over pairs of views; it needs no points in space, which a rig with
    exchanged cameras has none of.

    Args:
        rig: the cameras, in the order of the views.
        xy: what they saw, px; NaN where they did not.
    """
    seen = xy.reshape(-1, len(rig), 2)
    seen = seen[np.isfinite(seen).all(-1).sum(1) >= 2]
    if len(rig) < 3 or not len(seen):  # two cameras that are exchanged fit one another
        return []
    seen = seen[np.linspace(0, len(seen) - 1, min(len(seen), MOST)).astype(int)]
    params, order = rig.params(), list(range(len(rig)))
    now = _misfit(seen, params, order)
    best, pair = np.inf, (0, 0)
    for a, b in combinations(order, 2):
        other = order.copy()
        other[a], other[b] = b, a
        if (value := _misfit(seen, params, other)) < best:
            best, pair = value, (a, b)
    if not (now > WORST_PX and best < SHARE * now):
        return []
    one, two = (rig.cameras[v].name for v in pair)
    return [
        Finding(
            "swapped cameras",
            (one, two),
            now,
            best,
            f"Cameras {one} and {two} seem exchanged: views miss each other's lines by "
            f"{now:.1f} px, and by {best:.1f} px once they are exchanged; give each film to "
            "its own camera and triangulate again.",
        )
    ]


def _misfit(
    seen: Float[np.ndarray, "N V 2"], params: Float[np.ndarray, "V 24"], order: list[int]
) -> float:
    """Return the mean over pairs; view v is taken for one of camera order[v]."""
    straight = [epipolar.straighten(seen[:, v], params[c]) for v, c in enumerate(order)]
    found = []
    for a, b in combinations(range(len(order)), 2):
        matrix = epipolar.fundamental(params[order[a]], params[order[b]])
        far = epipolar.sampson(straight[a], straight[b], matrix)
        far = far[np.isfinite(far)]
        if len(far) >= FEWEST:
            found.append(float(np.sqrt(np.median(far))))
    return float(np.mean(found)) if found else 0.0
