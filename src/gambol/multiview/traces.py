"""Cameras out of step, found from one number a frame, such as how fast the animal moves.

Speed needs no calibration, but fails for steady gaits and knows neither drift nor lost frames;
halves of the recording that disagree give them away. `flashes` is for lamps.
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
    """Find constant lags from one number a frame.

    Args:
        traces: in any unit, one column a view; NaN where missing.
        names: of the views.
        search: settings, of which `most` and `rival` count.
        reference: the view whose clock counts; the first if not given.
    """
    search = search or Search()
    first = lateness.index(names, reference)
    tau = np.zeros(traces.shape)
    lags = []
    for v in [v for v in range(len(names)) if v != first]:
        lag = _match(traces[:, first], traces[:, v], names[v], search)
        tau[:, v] = lag.frames
        lags.append(lag)
    return Synchronized(names[first], tuple(lags), (), tau)


def by_speed(
    xy: Float[np.ndarray, "T V J 2"],
    names: tuple[str, ...],
    search: Search | None = None,
    *,
    reference: str = "",
) -> Synchronized:
    """Find lags from how fast keypoints move, without a calibration: to about a frame.

    Views that look from elsewhere see other speeds, which shifts the best lag by some half of
    a frame and is the least that sd may be. Arguments are those of `by_traces`.
    """
    search = search or Search()
    wide = search.model_copy(update={"sd": max(search.sd, _WIDE)})
    found = by_traces(speeds(xy), names, wide, reference=reference)
    lags = []
    for lag in found.lags:
        sure = lag._replace(sd=float(np.hypot(lag.sd, _ELSEWHERE)))
        alike = 1 - float(np.nanmin(lag.curve)) if np.isfinite(lag.curve).any() else 0.0
        if not lag.refused and alike < _ALIKE:
            why = f"its speeds are like the reference's by {alike:.2f} only; use another method"
            sure = sure._replace(refused=why)
        lags.append(sure)
    return found._replace(lags=tuple(lags))


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
    best, sd = _refined(one, late, best)
    peak = 1 - curve  # correlations: the second-best over the best
    rival = lateness.rival(lags, 1 / np.maximum(peak, 1e-6))
    offsets = lags - best
    # halves that differ tell of drift, of lost frames, or of an sd that is too small
    half = np.arange(len(one)) < len(one) // 2
    ends = [_refined(np.where(part, one, np.nan), late, best)[0] for part in (half, ~half)]
    sd = max(sd, abs(ends[1] - ends[0]) / 2)
    lag = Lag(name, best, 0.0, sd, offsets, curve, rival, "", (0, len(one) - 1))
    return lag._replace(refused=lateness.verdict(lag, search))


def _refined(
    one: Float[np.ndarray, " T"], late: Float[np.ndarray, " T"], best: float
) -> tuple[float, float]:
    """Return the least of a parabola through whole steps about a lag, and its sd."""
    start, sd = best, np.inf
    for _ in range(6):
        (left, _), (least, count), (right, _) = (
            _unlike(one, late, best + step) for step in (-1.0, 0.0, 1.0)
        )
        curved = left - 2 * least + right
        if not curved > 0:
            return start, sd
        sd = float(np.sqrt(2 * least / (count * curved)))
        move = float(np.clip((left - right) / (2 * curved), -1.0, 1.0))
        best += move
        if abs(move) < 1e-3:
            break
    return best, sd


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


_WIDE = 1.0  # frames, sd of a lag by speed beyond which it is refused
_ELSEWHERE = 0.5  # frames, sd of what the direction of view does to the lag
_ALIKE = 0.5  # correlation, at least
_FEW = 40  # frames, below which nothing is said about a lag
