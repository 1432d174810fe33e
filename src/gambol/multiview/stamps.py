"""Cameras out of step, from the time at which each recorded its frames: no guess at all."""

import numpy as np
from jaxtyping import Float

from gambol.core.errors import InputError
from gambol.multiview import clocks
from gambol.multiview import lags as lateness
from gambol.multiview.clocks import Local
from gambol.multiview.drops import merged
from gambol.multiview.lags import Drop, Lag, Synchronized


def by_times(
    times: Float[np.ndarray, "T V"], names: tuple[str, ...], *, reference: str = ""
) -> Synchronized:
    """Find lags, drift and lost frames from the times of frames.

    Args:
        times: of every frame, in any unit but on one clock, one column a view; views with
            fewer frames end with NaN.
        names: of the views.
        reference: the view whose clock counts; the first if not given.
    """
    first = lateness.index(names, reference)
    known = [_known(times[:, v], names[v]) for v in range(len(names))]
    gaps = [_gaps(one, name) for one, name in zip(known, names, strict=True)]
    clock = np.arange(len(times), dtype=float)
    when = _at(clock, known[first])
    tau = np.zeros(times.shape)
    lags = []
    for v in [v for v in range(len(names)) if v != first]:
        tau[:, v] = _frames(when, known[v]) - clock
        whole = np.zeros(len(clock))
        for drop in gaps[v]:
            whole -= drop.frames * (clock + tau[:, v] >= drop.frame)
        for drop in gaps[first]:
            whole += drop.frames * (clock >= drop.frame)
        lags.append(_lag(names[v], tau[:, v] - whole, float(tau[0, v]), when, known[v]))
    found = [drop for one in gaps for drop in one]
    return Synchronized(names[first], tuple(lags), merged(found), tau)


# ---- one view --------------------------------------------------------------------------------


def _known(times: Float[np.ndarray, " T"], name: str) -> Float[np.ndarray, " N"]:
    """Return the times of the frames that there are; they must rise."""
    there = np.isfinite(times)
    count = int(there.sum())
    if count < 2 or not there[:count].all():
        raise InputError(f"view {name}: frame {int(np.argmin(there))} has no time; give all")
    back = np.flatnonzero(np.diff(times[:count]) <= 0)
    if len(back):
        raise InputError(
            f"view {name}: frame {back[0] + 1} is not later than the one before; give the time "
            "of every frame in order"
        )
    return times[:count]


def _gaps(times: Float[np.ndarray, " N"], name: str) -> list[Drop]:
    steps = np.diff(times) / np.median(np.diff(times))
    lost = np.rint(steps).astype(int) - 1
    after = (np.flatnonzero(lost > 0) + 1).tolist()
    return [Drop(name, frame, int(lost[frame - 1]), (frame, frame)) for frame in after]


def _at(frames: Float[np.ndarray, " F"], times: Float[np.ndarray, " N"]) -> np.ndarray:
    """Return the times of frames, also of those beyond the ends."""
    step = float(np.median(np.diff(times)))
    last = len(times) - 1
    beyond = np.minimum(frames, 0) + np.maximum(frames - last, 0)
    return np.asarray(np.interp(frames, np.arange(len(times)), times) + step * beyond)


def _frames(when: Float[np.ndarray, " F"], times: Float[np.ndarray, " N"]) -> np.ndarray:
    """Return the frames, maybe between two, at given times."""
    step = float(np.median(np.diff(times)))
    beyond = np.minimum(when - times[0], 0) + np.maximum(when - times[-1], 0)
    return np.asarray(np.interp(when, times, np.arange(len(times))) + beyond / step)


def _lag(
    name: str,
    lags: Float[np.ndarray, " T"],
    start: float,
    when: Float[np.ndarray, " T"],
    times: Float[np.ndarray, " N"],
) -> Lag:
    none = np.zeros(0)
    shared = np.flatnonzero((when >= times[0]) & (when <= times[-1]))
    if len(shared) < 2:
        why = "its times do not overlap with those of the reference; are they of one clock?"
        return Lag(name, np.nan, 0.0, np.inf, none, none, np.nan, why)
    some = shared[np.unique(np.linspace(0, len(shared) - 1, _SOME).astype(int))]
    local = Local(some.astype(float), lags[some], np.full(len(some), _JITTER**2))
    fit = clocks.line(local, True, float(shared.mean()))
    drift = fit.slope if abs(fit.slope) > 4 * fit.slope_sd else 0.0
    ends = int(shared[0]), int(shared[-1])
    return Lag(name, start, drift, fit.sd, none, none, np.inf, "", ends)


_SOME = 2000  # frames that the line is fitted to
_JITTER = 1e-3  # frames; the least that times are uncertain by
