"""Cameras out of step: by how many frames each is late, how that drifts, which frames it lost.

A view's lag tau(t) = a + b t plus whole frames says that its frame t + tau(t) shows what frame
t of the reference shows. At the right lag the tracks of two views fulfil their epipolar
constraint. `traces` has what works without geometry. A lag that another one rivals is refused.
Source: sub-frame lags from the minimum of a robust epipolar error, as in Pundik & Moses (2010),
ECCV; lost frames by Viterbi's algorithm over piecewise constant lags.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.kernels import lagged
from gambol.kernels.epipolar import Straight, fundamental, straighten
from gambol.multiview import clocks, drops
from gambol.multiview import lags as lateness
from gambol.multiview.clocks import Clock, Local
from gambol.multiview.disagreement import Pair, Sight, Slant, mean, pace, windows
from gambol.multiview.lags import Drop, Lag, Search, Synchronized


def synchronize(
    xy: Float[np.ndarray, "T V J 2"],
    params: Float[np.ndarray, "V 24"],
    names: tuple[str, ...],
    search: Search | None = None,
    *,
    reference: str = "",
) -> Synchronized:
    """Find the lags of views of one animal from their calibration.

    Args:
        xy: px, frame by frame as each view recorded them; NaN where missing.
        params: cameras, `kernels.projection`.
        names: of the views.
        search: settings.
        reference: the view whose clock counts; the first if not given.
    """
    search = search or Search()
    first = lateness.index(names, reference)
    straight = [straighten(xy[:, v], params[v]) for v in range(len(names))]
    tau = np.zeros(xy.shape[:2])
    weight = pace(straight[first])
    found: dict[int, tuple[Lag, Clock, list[Drop]]] = {}
    rest = [v for v in range(len(names)) if v != first]
    done = [first]

    def follow(v: int, others: list[int]) -> None:
        sights = []
        for u in others[:_ENOUGH]:
            shown = _shown(straight[u], tau[:, u])
            speed = lagged.velocity(shown.xy)
            sights.append(Sight(shown, speed, fundamental(params[u], params[v]), weight))
        pair = Pair(straight[v], lagged.velocity(straight[v].xy), tuple(sights))
        found[v] = _follow(pair, (names[v], names[first]), search)
        tau[:, v] = found[v][1].tau

    for v in rest:
        follow(v, [first])
    done += [v for v in rest if not found[v][0].refused]
    # then with the help of the others, the least certain first: an animal that runs along the
    # epipolar lines of one pair crosses those of another
    for v in sorted(rest, key=lambda v: -found[v][0].sd) if len(rest) > 1 else []:
        follow(v, [u for u in done if u != v])
        if not found[v][0].refused and v not in done:
            done.append(v)
    lags = tuple(found[v][0] for v in rest)
    gaps = {found[v][0].view: found[v][2] for v in rest}
    lags = tuple(
        lag._replace(refused=lag.refused or drops.implausible(lag, gaps, lags)) for lag in lags
    )
    sure = [drop for lag in lags if not lag.refused for drop in gaps[lag.view]]
    return Synchronized(names[first], lags, drops.merged(sure), tau)


def aligned(
    xy: Float[np.ndarray, "T V J 2"],
    variance: Float[np.ndarray, "T V J"],
    tau: Float[np.ndarray, "T V"],
    doubt: Float[np.ndarray, "T V"] | None = None,
) -> tuple[Float[np.ndarray, "T V J 2"], Float[np.ndarray, "T V J"]]:
    """Return points and variances on the reference's clock, interpolated at t + tau.

    The variance is that of the two frames' mixture, plus the square of what a straight line
    leaves of the movement, 1/2 share (1 - share) times its second difference, plus that of
    what the points move in the time by which the lag may be off.

    Args:
        xy: px.
        variance: of each coordinate, px².
        tau: lags, frames.
        doubt: sd of the lags, frames; none if not given.
    """
    out, spread = np.full(xy.shape, np.nan), np.full(variance.shape, np.nan)
    clock = np.arange(len(xy))
    for v in range(xy.shape[1]):
        at = clock + tau[:, v]
        out[:, v] = lagged.between(xy[:, v], at)
        bend = np.zeros((len(xy), xy.shape[2]))
        bend[1:-1] = np.linalg.norm(xy[2:, v] - 2 * xy[1:-1, v] + xy[:-2, v], axis=-1)
        share = (at - np.floor(at))[:, None]
        near = np.clip(np.rint(at), 0, len(xy) - 1).astype(int)
        error = np.nan_to_num(bend[near]) * share * (1 - share) / 2
        base = np.clip(np.floor(at), 0, len(xy) - 1).astype(int)
        after = np.clip(base + 1, 0, len(xy) - 1)
        mixed = (1 - share) ** 2 * variance[base, v] + share**2 * variance[after, v]
        spread[:, v] = np.where(share == 0, variance[base, v], mixed) + error**2 / 2
        if doubt is not None:
            speed = np.linalg.norm(np.nan_to_num(lagged.velocity(xy[:, v]))[near], axis=-1)
            spread[:, v] += (speed * doubt[:, v, None]) ** 2 / 2
    return out, np.where(np.isfinite(out[..., 0]), spread, np.nan)


# ---- one view against those whose clocks are known -------------------------------------------

_FINE = 0.25  # frames, between points of the curve
_ENOUGH = 3  # views to compare with; more add time, not certainty


class _Settled(NamedTuple):
    """A clock that the data agree with."""

    clock: Clock
    drift: float  # frames a frame
    sd: float  # of the lag in the middle
    jumps: drops.Jumps
    cost: float  # nats, what other lags would explain, and the price of drift and jumps


def _shown(straight: Straight, tau: Float[np.ndarray, " T"]) -> Straight:
    at = np.arange(len(tau)) + tau
    return Straight(lagged.between(straight.xy, at), lagged.between(straight.slope, at))


def _follow(
    pair: Pair, names: tuple[str, str], search: Search
) -> tuple[Lag, Clock, list[Drop]]:
    """Whole lags first, then fraction and drift, then lost frames on that clock."""
    name = names[0]
    lags = np.arange(-search.most, search.most + 1.0)
    pair, rough = _rough(pair, lags, search)
    smooth = _smooth(rough, search.window)
    local = windows(pair, smooth, search.window)
    if not len(local.time):
        nowhere = np.zeros(len(rough))
        lag = Lag(name, np.nan, 0.0, np.inf, lags, np.full(len(lags), np.nan), np.nan, "")
        lag = lag._replace(refused=lateness.verdict(lag, search))
        return lag, Clock(nowhere, nowhere), []
    local = local._replace(offset=local.offset + smooth[local.time.astype(int)])
    slant = pair.slant(rough)
    options = [
        _settle(pair, _clocked(slant, local, drift, rough, search), drift, search, 1)
        for drift in clocks.drifts(local)
        if abs(drift) <= search.drift
    ]
    best = min(options, key=lambda option: option.cost)
    best = _settle(pair, best.clock, best.drift, search, 2, best.jumps.unsure)
    tau, fast = best.clock.tau, pair.fast()
    # a rhythm's period need be no whole number of frames
    fine = np.arange(-search.most, search.most + _FINE, _FINE)
    curve = mean(pair.agree(fast, tau[fast], fine))
    told = lateness.rival(fine, curve), "", best.jumps.known
    lag = Lag(name, float(tau[0]), best.drift, best.sd, fine, curve, *told)
    first, last = best.jumps.known
    unsure = (*best.jumps.unsure, (0, first), (last, len(tau)))
    held = _held(windows(pair, tau, search.window), unsure)
    lag = lag._replace(
        refused=lateness.verdict(lag, search)
        or lateness.shifted(*pair.slant(tau).uneven(search.window))
        or lateness.apart(held.offset, np.sqrt(held.variance))
    )
    return lag, best.clock, drops.drops(best.jumps, best.clock, *names)


def _rough(
    pair: Pair, lags: Float[np.ndarray, " L"], search: Search
) -> tuple[Pair, Float[np.ndarray, " T"]]:
    """Return whole lags, and the pair with its noise and weights."""
    pair = pair.measured(lags)
    still = np.zeros(len(pair.late.xy))
    rough = still
    for _ in range(2):  # first by speeds, then by speeds across the epipolar lines
        rough = lags[lagged.steps(pair.nats(still, lags), search.jump).state]
        pair = pair.weighed(_smooth(rough, search.window))
    return pair, rough


def _settle(
    pair: Pair,
    found: Clock,
    drift: float,
    search: Search,
    rounds: int,
    unsure: tuple[tuple[int, int], ...] = (),
) -> _Settled:
    """Fit the line to what the clock leaves, and find the jumps on that line, in turn."""
    clock = np.arange(len(found.base), dtype=float)
    sloped = drift != 0.0
    for _ in range(rounds):
        left = _held(windows(pair, found.tau, search.window), unsure)
        fit = clocks.line(left, sloped, float(clock.mean()))
        base, drift = found.base + fit.shift + fit.slope * clock, drift + fit.slope
        if abs(drift) < 4 * fit.slope_sd:  # no drift that could be told from none
            base, drift = np.full(len(clock), base.mean()), 0.0
        jumps = drops.find(found.whole, pair.slant(base + found.whole), search.jump)
        found, unsure = Clock(base, jumps.whole), jumps.unsure
    # a drift costs what the lost frames cost that it stands for
    price = search.jump * np.count_nonzero(np.diff(found.whole))
    price += search.drift_nats * max(1.0, abs(drift) * len(clock)) * (drift != 0.0)
    return _Settled(found, drift, fit.sd, jumps, price + pair.slant(found.tau).misfit())


def _held(local: Local, unsure: tuple[tuple[int, int], ...]) -> Local:
    """Leave out windows whose middle lies where the lag may be another."""
    held = [not any(a <= t < b for a, b in unsure) for t in local.time]
    return Local(*(part[held] for part in local))


def _smooth(path: Float[np.ndarray, " T"], window: int) -> Float[np.ndarray, " T"]:
    """The median of each window: a lag between two whole ones makes the path waver."""
    out = path.copy()
    for part in np.array_split(np.arange(len(path)), max(1, len(path) // window)):
        out[part] = np.median(path[part])
    return out


def _clocked(
    slant: Slant, local: Local, drift: float, rough: Float[np.ndarray, " T"], search: Search
) -> Clock:
    """Explain everything by one drift and lost frames."""
    clock = np.arange(len(rough), dtype=float)
    base = clocks.fraction(local, drift) + drift * clock
    whole = np.rint(rough - base)
    near = np.arange(whole.min() - 2, whole.max() + 3)
    nats = slant.nats(base[:, None] + near - rough[:, None])
    return Clock(base, near[lagged.steps(nats, search.jump).state])
