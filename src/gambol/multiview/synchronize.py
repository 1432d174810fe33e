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
from gambol.multiview import lags as lateness
from gambol.multiview.disagreement import Local, Pair, Sight, mean, pace, windows
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
    found: dict[int, tuple[Lag, _Clock, list[Drop]]] = {}
    rest = [v for v in range(len(names)) if v != first]
    done = [first]

    def follow(v: int, others: list[int]) -> None:
        sights = tuple(
            Sight(_shown(straight[u], tau[:, u]), fundamental(params[u], params[v]), weight)
            for u in others[:_ENOUGH]
        )
        found[v] = _follow(Pair(straight[v], sights), (names[v], names[first]), search)
        tau[:, v] = found[v][1].base + found[v][1].whole

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
    gaps = [drop for v in rest for drop in found[v][2]]
    return Synchronized(names[first], lags, _merged(gaps), tau)


def aligned(
    xy: Float[np.ndarray, "T V J 2"],
    variance: Float[np.ndarray, "T V J"],
    tau: Float[np.ndarray, "T V"],
) -> tuple[Float[np.ndarray, "T V J 2"], Float[np.ndarray, "T V J"]]:
    """Return points and variances on the reference's clock, interpolated at t + tau.

    The variance is that of the two frames' mixture plus the square of what a straight line
    leaves of the movement, 1/2 share (1 - share) times its second difference.
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
    return out, np.where(np.isfinite(out[..., 0]), spread, np.nan)


# ---- one view against those whose clocks are known -------------------------------------------

_ENOUGH = 3  # views to compare with; more add time, not certainty


class _Clock(NamedTuple):
    """The lag of every frame."""

    base: Float[np.ndarray, " T"]  # the straight line
    whole: Float[np.ndarray, " T"]  # the whole frames that were lost


class _Fit(NamedTuple):
    """A line through lags."""

    shift: float  # frames, at frame 0
    slope: float  # frames a frame
    sd: float  # of the lag in the middle
    slope_sd: float


def _shown(straight: Straight, tau: Float[np.ndarray, " T"]) -> Straight:
    at = np.arange(len(tau)) + tau
    return Straight(lagged.between(straight.xy, at), lagged.between(straight.slope, at))


def _follow(
    pair: Pair, names: tuple[str, str], search: Search
) -> tuple[Lag, _Clock, list[Drop]]:
    """Integer lags first, then fraction and drift, then lost frames on that clock."""
    name = names[0]
    clock = np.arange(len(pair.late.xy), dtype=float)
    lags = np.arange(-search.most, search.most + 1.0)
    pair = pair.measured(lags)
    rough = np.zeros(len(clock))
    for _ in range(2):  # first by speeds, then by speeds across the epipolar lines
        rough = lags[lagged.steps(pair.nats(0.0 * clock, lags), search.jump).state]
        rough = _smooth(rough, search.window)
        pair = pair.weighed(rough)
    local = windows(pair, rough, search.window)
    if not len(local.time):
        why = "it shares too few points with the other views to be synchronised"
        lag = Lag(name, np.nan, 0.0, np.inf, lags, np.full(len(lags), np.nan), np.nan, why)
        return lag, _Clock(0.0 * clock, 0.0 * clock), []
    local = local._replace(offset=local.offset + rough[local.time.astype(int)])
    options = [_clocked(pair, local, drift, rough, search) for drift in _drifts(local)]
    drift, found = min(options, key=lambda option: option[0])[1:]
    fit = _Fit(0.0, 0.0, np.inf, np.inf)
    for _ in range(3):
        left = windows(pair, found.base + found.whole, search.window)
        fit = _line(left, drift != 0.0, float(clock.mean()))
        base, drift = found.base + fit.shift + fit.slope * clock, drift + fit.slope
        if abs(drift) < 4 * fit.slope_sd:  # no drift that could be told from none
            base, drift = np.full(len(clock), base.mean()), 0.0
        near = np.arange(found.whole.min() - 2, found.whole.max() + 3)
        found = _Clock(base, near[lagged.steps(pair.nats(base, near), search.jump).state])
    tau = found.base + found.whole
    fast = pair.fast()
    curve = mean(pair.agree(fast, tau[fast], lags))
    lag = Lag(name, float(tau[0]), drift, fit.sd, lags, curve, lateness.rival(curve), "")
    lag = lag._replace(refused=lateness.verdict(lag, search))
    return lag, found, _drops(found, pair, *names)


def _smooth(path: Float[np.ndarray, " T"], window: int) -> Float[np.ndarray, " T"]:
    """The median of each window: a lag between two whole ones makes the path waver."""
    out = path.copy()
    for part in np.array_split(np.arange(len(path)), max(1, len(path) // window)):
        out[part] = np.median(path[part])
    return out


def _drifts(local: Local) -> list[float]:
    """No drift, the one of most neighbouring windows, and the one of most pairs of windows.

    The second is not misled by lost frames, the third is less noisy where none are lost.
    """
    if len(local.time) < 4:
        return [0.0]
    first, second = np.triu_indices(len(local.time), 1)
    slopes = (local.offset[second] - local.offset[first]) / (
        local.time[second] - local.time[first]
    )
    return [0.0, float(np.median(slopes[second == first + 1])), float(np.median(slopes))]


def _clocked(
    pair: Pair, local: Local, drift: float, rough: Float[np.ndarray, " T"], search: Search
) -> tuple[float, float, _Clock]:
    """What it costs, in nats, to explain everything by one drift and lost frames."""
    clock = np.arange(len(rough), dtype=float)
    # lost frames are whole: all windows share one fraction, up to the drift
    turn = np.exp(2j * np.pi * (local.offset - drift * local.time)) / (local.variance + 0.01)
    base = np.angle(turn.sum()) / (2 * np.pi) + drift * clock
    whole = np.rint(rough - base)
    near = np.arange(whole.min() - 2, whole.max() + 3)
    found = _Clock(base, near[lagged.steps(pair.nats(base, near), search.jump).state])
    # values between two frames have less noise and more outliers: the cost there is taken from
    # the parabola through whole frames
    tau = found.base + found.whole
    left, here, right = pair.nats(np.rint(tau), np.array([-1.0, 0.0, 1.0])).T
    off = tau - np.rint(tau)
    nats = (here + off * (right - left) / 2 + off**2 * (right - 2 * here + left) / 2).sum()
    jumps = search.jump * np.count_nonzero(np.diff(found.whole))
    return float(nats + jumps + (search.drift_nats if drift else 0.0)), drift, found


def _line(local: Local, sloped: bool, middle: float) -> _Fit:
    """Fit what windows left by a constant or, if there are enough of them, a line."""
    if not len(local.time):
        return _Fit(0.0, 0.0, np.inf, np.inf)
    off = np.abs(local.offset - np.median(local.offset))
    good = off <= max(0.05, 6 * float(np.median(off)))
    time, offset, variance = (part[good] for part in local)
    weight = 1 / (variance + 1e-6)
    basis = np.stack([np.ones(len(time)), time - middle], axis=1)
    basis = basis[:, : 2 if sloped and len(time) > 2 else 1]
    normal = basis.T @ (weight[:, None] * basis)
    fit = np.linalg.solve(normal, basis.T @ (weight * offset))
    # windows that differ by more than their curvature says: errors last longer than a frame
    freedom = max(1, len(time) - len(fit))
    excess = max(1.0, float((weight * (offset - basis @ fit) ** 2).sum()) / freedom)
    sd = np.sqrt(excess * np.diag(np.linalg.inv(normal)))
    if len(fit) == 1:
        return _Fit(float(fit[0]), 0.0, float(sd[0]), np.inf)
    slope = float(fit[1])
    return _Fit(float(fit[0]) - slope * middle, slope, float(sd[0]), float(sd[1]))


def _drops(clock: _Clock, pair: Pair, view: str, reference: str) -> list[Drop]:
    """Jumps of the lag: down where the view lost frames, up where the reference did."""
    jumps = np.flatnonzero(np.diff(clock.whole)) + 1
    out = []
    for number, t in enumerate(jumps):
        around = (jumps[number - 1] if number else 0, [*jumps, len(clock.whole)][number + 1])
        before, after = clock.whole[t - 1], clock.whole[t]
        nats = pair.nats(clock.base, np.array([before, after]))
        # cost of a jump at every other frame, against that at t
        sums = np.r_[0.0, np.cumsum(nats[:, 0] - nats[:, 1])]
        near = (
            np.flatnonzero(sums[around[0] + 1 : around[1]] < sums[t] + _CLEAR) + around[0] + 1
        )
        first, last = int(near[near <= t].min()), int(near[near >= t].max())
        lost = int(before - after)
        if lost < 0:
            out.append(Drop(reference, int(t), -lost, (first, last)))
            continue
        # frames of the reference that fell into the gap fit neither lag: t may be any of them
        here = round(clock.base[t] + before)
        middle = int(t) + here - lost // 2
        out.append(Drop(view, middle, lost, (first + here - lost, last + here)))
    return out


def _merged(drops: list[Drop]) -> tuple[Drop, ...]:
    """Count a gap of the reference once, though every other view shows it."""
    kept: list[Drop] = []
    for drop in sorted(drops):
        last = kept[-1] if kept else None
        same = last is not None and (last.view, last.frames) == (drop.view, drop.frames)
        if not (same and last is not None and drop.span[0] - _SAME <= last.span[1]):
            kept.append(drop)
    return tuple(kept)


_CLEAR = 10.0  # nats by which a place for a gap must be worse to be excluded
_SAME = 5  # frames, within which a gap found twice is one
