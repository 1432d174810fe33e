"""Cameras out of step, found from a lamp that all of them see: when it goes on and off.

Brightness is averaged over the exposure, so the frame in which the lamp changes says when in it
that was. Changes of two views are matched; their lags are a line plus whole lost frames. Lags
are known where the lamp changes, and in between as long as no frame is lost.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.kernels import lagged
from gambol.multiview import clocks
from gambol.multiview import lags as lateness
from gambol.multiview.clocks import Clock, Local
from gambol.multiview.drops import cuts, merged, span
from gambol.multiview.lags import Drop, Lag, Search, Synchronized


class Changes(NamedTuple):
    """When a lamp went on or off."""

    time: Float[np.ndarray, " E"]  # frames; the middle of an exposure is a whole number
    on: Bool[np.ndarray, " E"]


def by_flashes(
    traces: Float[np.ndarray, "T V"],
    names: tuple[str, ...],
    search: Search | None = None,
    *,
    reference: str = "",
) -> Synchronized:
    """Find lags, drift and lost frames from the brightness of a lamp.

    Args:
        traces: in any unit, one column a view; NaN where missing.
        names: of the views.
        search: settings, of which `most`, `drift`, `rival` and `sd` count.
        reference: the view whose clock counts; the first if not given.
    """
    search = search or Search()
    first = lateness.index(names, reference)
    seen = [changes(traces[:, v]) for v in range(len(names))]
    tau = np.zeros(traces.shape)
    lags, gaps = [], []
    for v in [v for v in range(len(names)) if v != first]:
        lag, clock, drops = _match(
            seen[first], seen[v], (names[v], names[first]), len(traces), search
        )
        tau[:, v] = clock.tau
        lags.append(lag)
        gaps += drops
    return Synchronized(names[first], tuple(lags), merged(gaps), tau)


def changes(trace: Float[np.ndarray, " T"]) -> Changes:
    """Return when a lamp changed; nothing if its light is not far above the noise.

    >>> changes(np.array([0.0] * 5 + [0.25] + [1.0] * 9 + [0.0] * 5)).time
    array([ 5.25, 14.5 ])
    """
    known = np.flatnonzero(np.isfinite(trace))
    values = trace[known]
    none = Changes(np.zeros(0), np.zeros(0, bool))
    if len(values) < 2 or not np.ptp(values) > 0:
        return none
    low, high = float(values.min()), float(values.max())
    for _ in range(_ROUNDS):  # two means
        bright = values > (low + high) / 2
        low, high = float(np.median(values[~bright])), float(np.median(values[bright]))
    noise = 1.4826 * float(np.median(np.abs(values - np.where(bright, high, low))))
    if high - low < _CONTRAST * noise:
        return none
    level = np.clip((values - low) / (high - low), 0.0, 1.0)
    at = np.flatnonzero(np.diff(bright)) + 1
    at = at[known[at] - known[at - 1] == 1]
    on = bright[at]
    before, after = level[at - 1], level[at]
    part = np.where(on, 1 - after - before, after + before - 1)
    return Changes(known[at] - 1 / 2 + part, on)


# ---- one view against the reference ----------------------------------------------------------

_ROUNDS = 5  # of two means, or of line and lost frames
_CONTRAST = 6.0  # sds of the noise between off and on
_NOISE = 0.45  # frames, sd of lags in short exposures: changes fall between frames
_EXACT = 0.02  # frames, the same where all light is caught
_USUAL = 0.9  # share of changes between which no frame is lost
_FAIR = 3.0  # sds within which a change is no mistake
_WRONG = 12.0  # nats, at most, of a change without a partner
_JUMP = 25.0  # nats: three changes or more must bear a lost frame out
_PAIR = 1.5  # frames, within which changes are partners
_FEW = 2  # changes
_BEYOND = 2.0  # nats of a change that the other view did not record
_SOME = 200  # changes that drifts are taken from
_PARTS = 8  # of a recording, whose lags must agree


def _match(
    ours: Changes, late: Changes, names: tuple[str, str], frames: int, search: Search
) -> tuple[Lag, Clock, list[Drop]]:
    grid = np.arange(-search.most, search.most + 1 / 4, 1 / 2)
    nowhere = Clock(np.zeros(frames), np.zeros(frames))
    lag = Lag(names[0], np.nan, 0.0, np.inf, grid, np.full(len(grid), np.nan), np.nan, "")
    if min(len(ours.time), len(late.time)) < _FEW:
        few = names[0] if len(late.time) < _FEW else names[1]
        why = f"no lamp is seen to flash by {few}; give the brightness of the lamp alone"
        return lag._replace(refused=why), nowhere, []
    cost = _far(ours, late, grid, np.zeros(len(ours.time)))
    path = lagged.steps(np.where(np.isfinite(cost), cost, _BEYOND), _JUMP)
    local = _pairs(ours, late, grid[path.state])
    if len(local.time) < _FEW:
        why = "its lamp flashes at other times; raise most if it is later than that"
        return lag._replace(refused=why), nowhere, []
    best = _fit(local, frames, search)
    clock, drops = _spread(best, local, frames, names)
    fine = np.arange(-search.most, search.most + 1 / 8, 1 / 4)
    here = np.interp(ours.time, np.arange(frames), clock.tau)
    curve = _mean(_far(ours, late, fine, here))
    # so many changes bear a lost frame out
    enough = min(len(local.time), max(3, int(np.ceil(2 * best.noise**2 * (_JUMP + _WRONG)))))
    ends = local.time[[enough - 1, -enough]].astype(int)
    told = lateness.rival(fine, curve), "", (int(ends[0]), int(ends[1]))
    lag = Lag(names[0], float(clock.tau[0]), best.drift, best.sd, fine, curve, *told)
    lag = lag._replace(refused=lateness.verdict(lag, search) or _uneven(best))
    return lag, clock, drops


def _pairs(ours: Changes, late: Changes, rough: Float[np.ndarray, " E"]) -> Local:
    """Return the lags of changes that have a partner."""
    rows = []
    for on in (False, True):
        times = late.time[late.on == on]
        here = np.flatnonzero(ours.on == on)
        if not len(times) or not len(here):
            continue
        place = ours.time[here] + rough[here]
        right = np.clip(np.searchsorted(times, place), 1, max(1, len(times) - 1))
        two = times[np.stack([right - 1, np.minimum(right, len(times) - 1)])]
        near = np.where(np.abs(two[0] - place) < np.abs(two[1] - place), two[0], two[1])
        good = np.abs(near - place) < _PAIR
        rows.append(np.stack([ours.time[here], near - ours.time[here]])[:, good])
    time, offset = np.concatenate(rows, axis=1) if rows else np.zeros((2, 0))
    order = np.argsort(time)
    return Local(time[order], offset[order], np.full(len(time), _NOISE**2))


class _Option(NamedTuple):
    """A line with lost frames."""

    shift: float
    drift: float
    state: Int[np.ndarray, " E"]  # which of `near` each change has
    near: Float[np.ndarray, " L"]  # whole frames
    nats: Float[np.ndarray, "E L"]  # what they cost
    left: Float[np.ndarray, " E"]  # frames that changes are from it
    sd: float
    noise: float  # frames, sd of a change
    total: float  # nats, the price of drift and jumps included


def _fit(local: Local, frames: int, search: Search) -> _Option:
    """Fit a line and lost frames to the lags of changes."""
    steps = np.sort(np.abs(np.diff(local.offset)))
    steps = steps[: max(1, int(_USUAL * len(steps)))]  # not those where frames were lost
    noise = float(np.clip(np.sqrt((steps**2).mean() / 2), _EXACT, _NOISE))
    some = np.unique(np.linspace(0, len(local.time) - 1, _SOME).astype(int))
    drifts = clocks.drifts(Local(*(part[some] for part in local)))
    options = [
        _settled(local, drift, sloped, frames, noise)
        for drift, sloped in [(0.0, False), *((drift, True) for drift in drifts)]
    ]
    return min((o for o in options if abs(o.drift) <= search.drift), key=lambda o: o.total)


def _settled(local: Local, drift: float, sloped: bool, frames: int, noise: float) -> _Option:
    """Fit whole frames and the line in turn, from a first guess of the drift."""
    shift = clocks.fraction(local, drift)
    for _ in range(_ROUNDS):
        off = local.offset - shift - drift * local.time
        near = np.arange(np.floor(off.min()), np.ceil(off.max()) + 1)
        nats = np.minimum((off[:, None] - near) ** 2 / (2 * noise**2), _WRONG)
        path = lagged.steps(nats, _JUMP)
        seen = Local(local.time, off - near[path.state], np.full(len(off), noise**2))
        fit = clocks.line(seen, sloped, frames / 2, fair=_FAIR * noise)
        shift, drift = shift + fit.shift, drift + fit.slope
        if abs(drift) < 4 * fit.slope_sd:
            shift, drift = shift + drift * frames / 2, 0.0
    left = local.offset - shift - drift * local.time - near[path.state]
    # a drift costs what the lost frames cost that it stands for
    price = _JUMP * max(1.0, abs(drift) * frames) if drift else 0.0
    total = path.total + price
    return _Option(shift, drift, path.state, near, nats, left, fit.sd, noise, total)


def _spread(
    best: _Option, local: Local, frames: int, names: tuple[str, str]
) -> tuple[Clock, list[Drop]]:
    """Give all frames the whole lags of the changes about them; tell where they jump."""
    clock = np.arange(frames)
    whole = best.near[best.state]
    ends = cuts(best.state)
    switch = [(local.time[n - 1] + local.time[n]) / 2 for n in ends[1:-1]]
    spread = whole[ends[:-1]][np.searchsorted(switch, clock, side="right")]
    drops = []
    for start, n, stop in zip(ends[:-2], ends[1:-1], ends[2:], strict=True):
        lost = int(whole[n - 1] - whole[n])
        at = local.time + (local.offset if lost > 0 else 0.0)
        part = best.nats[start:stop], int(best.state[n - 1]), int(best.state[n])
        first, last = (start + k for k in span(*part))
        # the changes before and after may have been seen half a frame off
        where = int(np.floor(at[first - 1])), int(np.ceil(at[last])) + 1
        view = names[0] if lost > 0 else names[1]
        middle = int((at[n - 1] + at[n]) / 2)
        drops.append(Drop(view, middle, abs(lost), where))
    return Clock(best.shift + best.drift * clock, spread), drops


def _uneven(best: _Option) -> str:
    """Say that parts of the recording tell other lags than all of it."""
    parts = np.array_split(best.left, max(1, min(_PARTS, len(best.left) // 6)))
    fair = [part[np.abs(part) < 1] for part in parts]
    sizes = np.array([max(1, len(part)) for part in fair])
    spread = np.array([part.std() if len(part) > 1 else 1.0 for part in fair])
    means = np.array([part.mean() if len(part) else 0.0 for part in fair])
    return lateness.apart(means, np.maximum(spread, _EXACT) / np.sqrt(sizes))


def _far(
    ours: Changes, late: Changes, lags: Float[np.ndarray, " L"], base: Float[np.ndarray, " E"]
) -> Float[np.ndarray, "E L"]:
    """Return nats of every change at every lag; what a change beyond the end costs is usual."""
    place = ours.time[:, None] + base[:, None] + lags
    far = np.full(place.shape, np.inf)
    for on in (False, True):
        times = late.time[late.on == on]
        if not len(times) or not (ours.on == on).any():
            continue
        here = place[ours.on == on]
        right = np.searchsorted(times, here)
        near = np.minimum(
            np.abs(here - times[np.maximum(right - 1, 0)]),
            np.abs(here - times[np.minimum(right, len(times) - 1)]),
        )
        far[ours.on == on] = near
    cost = np.minimum(far**2 / (2 * _NOISE**2), _WRONG)
    beyond = (place < late.time[0] - _PAIR) | (place > late.time[-1] + _PAIR)
    return np.where(beyond, np.nan, cost)


def _mean(cost: Float[np.ndarray, "E L"]) -> Float[np.ndarray, " L"]:
    """Return the mean over the changes that both can show, floored by their noise."""
    count = np.isfinite(cost).sum(axis=0)
    few = count < max(_FEW, count.max() / 4)
    total = np.where(np.isfinite(cost), cost, 0.0).sum(axis=0)
    return np.where(few, np.nan, total / np.maximum(count, 1) + 0.05)
