"""The second stage of the preset `dlc-ellipse`: raw tracks joined by how far apart they end.

As in DeepLabCut, whose tracker gives up an animal where the next ellipse is too unlike: the
pieces become the paths of a known number of animals by minimum-cost flow, and a link costs the
distance of centroids in body lengths and nothing else, neither motion nor pose.
"""

import numpy as np
from jaxtyping import Float, Int

from gambol.core.instances import UNTRACKED, Detections
from gambol.kernels import flow
from gambol.tracking.stitch import LONGEST, NEXT
from gambol.tracking.tracklets import centres

APART = 10.0  # L: dearer than to end and begin anew
SHORTEST = 3  # detections: shorter raw tracks are no animals


def restitch(
    detections: Detections,
    track: Int[np.ndarray, " D"],
    times: Float[np.ndarray, " T"],
    n_animals: int,
    body: float,
) -> Int[np.ndarray, " D"]:
    """Return the animal of each detection, 0 … n - 1 or UNTRACKED.

    Args:
        detections: of the recording, sorted by frame.
        track: raw track of each, or UNTRACKED.
        times: of the frames, s.
        n_animals: never exceeded.
        body: body length L, px.
    """
    centre = centres(detections.xy)
    known = np.flatnonzero((track >= 0) & np.isfinite(centre).all(axis=1))
    names, first, of, count = np.unique(
        track[known], return_index=True, return_inverse=True, return_counts=True
    )
    last = np.zeros(len(names), np.int64)
    last[of] = np.arange(len(known))  # rows are in time order; the latest is written last
    order = np.flatnonzero(count >= SHORTEST)
    order = order[np.argsort(first[order], kind="stable")]
    head, tail = known[first[order]], known[last[order]]
    start, end = times[detections.frame[head]], times[detections.frame[tail]]
    low = np.searchsorted(start, end, "right")
    high = np.minimum(np.searchsorted(start, end + LONGEST, "right"), low + NEXT)
    reach = np.maximum(high - low, 0)
    one = np.repeat(np.arange(len(order)), reach)
    other = np.arange(reach.sum()) + np.repeat(low - np.cumsum(reach) + reach, reach)
    apart = np.linalg.norm(centre[tail[one]] - centre[head[other]], axis=1) / body
    near = apart < APART
    edge = np.full(len(order), APART / 2)
    pieces = flow.Pieces(
        start, end, APART + count[order].astype(float), edge, edge,
        one[near], other[near], apart[near],
    )  # fmt: skip
    path = np.full(len(names), UNTRACKED)
    path[order] = flow.solve(pieces, n_animals).path
    ids = np.full(len(track), UNTRACKED)
    ids[known] = np.where(path[of] >= 0, path[of], UNTRACKED)
    return ids
