"""Cameras out of step, found from one number a frame: a flash that all see, or speed.

A flash is the surest sign. Speed needs no calibration, but fails for steady gaits.
"""

import numpy as np
from jaxtyping import Float

from gambol.kernels import lagged
from gambol.multiview import lags as lateness
from gambol.multiview.lags import Lag, Search, Synchronized


def by_traces(
    traces: Float[np.ndarray, "T V"],
    names: tuple[str, ...],
    search: Search | None = None,
    *,
    reference: str = "",
) -> Synchronized:
    """Find constant lags from one number a frame: brightness with a flash, or speed.

    Args:
        traces: in any unit, one column a view; NaN where missing.
        names: of the views.
        search: settings, of which `most` and `rival` count.
        reference: the view whose clock counts; the first if not given.
    """
    search = search or Search()
    first = lateness.index(names, reference)
    middle = np.nanmedian(traces, axis=0)
    level = (traces - middle) / np.maximum(np.nanstd(traces, axis=0), 1e-12)
    tau = np.zeros(traces.shape)
    lags = []
    for v in [v for v in range(len(names)) if v != first]:
        lag = _match(level[:, first], level[:, v], names[v], search)
        tau[:, v] = lag.frames
        lags.append(lag)
    return Synchronized(names[first], tuple(lags), (), tau)


def speeds(xy: Float[np.ndarray, "T V J 2"]) -> Float[np.ndarray, "T V"]:
    """Return how fast keypoints move in each view, as log(1 + px a frame), for `by_traces`."""
    views = [np.linalg.norm(lagged.velocity(xy[:, v]), axis=-1) for v in range(xy.shape[1])]
    far = np.stack(views, axis=1)
    some = np.isfinite(far).sum(axis=2) > 0
    out = np.full(xy.shape[:2], np.nan)
    out[some] = np.log1p(np.nanmedian(far[some], axis=1))
    return out


def _match(
    one: Float[np.ndarray, " T"], late: Float[np.ndarray, " T"], name: str, search: Search
) -> Lag:
    """Correlate two traces at whole lags, then between them."""
    lags = np.arange(-search.most, search.most + 1.0)
    curve = np.array([_unlike(one, late, lag)[0] for lag in lags])
    if not np.isfinite(curve).any():
        why = "its trace shares too few frames with the reference's to be synchronised"
        return Lag(name, np.nan, 0.0, np.inf, lags, curve, np.nan, why)
    best = float(lags[np.nanargmin(curve)])
    sd = np.inf
    for _ in range(6):
        (left, _), (least, count), (right, _) = (
            _unlike(one, late, best + step) for step in (-1.0, 0.0, 1.0)
        )
        curved = left - 2 * least + right
        if not curved > 0:
            break
        sd = float(np.sqrt(2 * least / (count * curved)))
        move = float(np.clip((left - right) / (2 * curved), -1.0, 1.0))
        best += move
        if abs(move) < 1e-3:
            break
    peak = 1 - curve  # correlations: the second-best over the best
    rival = lateness.rival(1 / np.maximum(peak, 1e-6))
    offsets = lags - best
    lag = Lag(name, best, 0.0, sd, offsets, curve, rival, "")
    return lag._replace(refused=lateness.verdict(lag, search))


def _unlike(
    one: Float[np.ndarray, " T"], late: Float[np.ndarray, " T"], lag: float
) -> tuple[float, int]:
    """1 - correlation of what overlaps at a lag, and the number of frames."""
    moved = lagged.between(late, np.arange(len(one)) + lag)
    known = np.isfinite(one) & np.isfinite(moved)
    a, b = one[known], moved[known]
    if len(a) < _FEW or not (np.ptp(a) > 0 and np.ptp(b) > 0):
        return np.nan, len(a)
    return 1 - float(np.corrcoef(a, b)[0, 1]), len(a)


_FEW = 40  # frames, below which nothing is said about a lag
