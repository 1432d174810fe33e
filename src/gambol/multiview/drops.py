"""Lost frames: where the lag of a view jumps, and what the evidence for that is.

The lag is a line plus whole frames. Viterbi's algorithm finds its jumps; each must be borne out
by many short blocks of frames on both of its sides, for errors that last also look like jumps.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.kernels import lagged
from gambol.multiview.clocks import Clock
from gambol.multiview.disagreement import Slant, blocks
from gambol.multiview.lags import Drop, Lag


class Jumps(NamedTuple):
    """The jumps of a lag."""

    whole: Float[np.ndarray, " T"]
    known: tuple[int, int]  # first and last frame between which a jump would show
    spans: tuple[tuple[int, int], ...]  # where each may be
    doubted: tuple[tuple[int, int], ...]  # frames with jumps too short to be believed

    @property
    def unsure(self) -> tuple[tuple[int, int], ...]:
        """Return the frames whose lag may be another."""
        return (*self.spans, *self.doubted)


def find(whole: Float[np.ndarray, " T"], slant: Slant, jump: float) -> Jumps:
    """Find the jumps of a lag.

    Args:
        whole: a first guess, about which `slant` was taken.
        slant: costs of other lags.
        jump: nats that a jump must explain.
    """
    near = np.arange(whole.min() - 2, whole.max() + 3)
    nats = slant.nats(near - whole[:, None])
    settled = slant.moved(near[lagged.steps(nats, jump).state] - whole)
    excess = settled.excess()
    nats /= excess
    state = lagged.steps(nats, jump).state
    told = np.cumsum(settled.told()) / (2 * excess)
    known = np.flatnonzero((told >= jump) & (told <= told[-1] - jump))
    first, last = (int(known[0]), int(known[-1])) if len(known) else (0, 0)
    state, doubted = _confirmed(state, nats, (first, last))
    for start, stop in doubted:
        first = max(first, stop) if start == 0 else first
        last = min(last, start) if stop == len(state) else last
    ends = cuts(state)
    spans = []
    for start, t, stop in zip(ends[:-2], ends[1:-1], ends[2:], strict=True):
        early, late = span(nats[start:stop], int(state[t - 1]), int(state[t]))
        spans.append((early + start, late + start))
    return Jumps(near[state], (first, last), tuple(spans), tuple(doubted))


def drops(jumps: Jumps, clock: Clock, view: str, reference: str) -> list[Drop]:
    """Tell jumps of the lag: down where the view lost frames, up where the reference did."""
    out = []
    at = np.flatnonzero(np.diff(jumps.whole)) + 1
    for t, (first, last) in zip(at.tolist(), jumps.spans, strict=True):
        before, after = jumps.whole[t - 1], jumps.whole[t]
        lost = int(before - after)
        if lost < 0:
            out.append(Drop(reference, t, -lost, (first, last)))
            continue
        # frames of the reference that fell into the gap fit neither lag: t may be any of them
        here = round(clock.base[t] + before)
        out.append(Drop(view, t + here - lost // 2, lost, (first + here - lost, last + here)))
    return out


def merged(drops: list[Drop]) -> tuple[Drop, ...]:
    """Count a gap of the reference once, though every other view shows it."""
    kept: list[Drop] = []
    for drop in sorted(drops):
        last = kept[-1] if kept else None
        if not (last and _same(last, drop) and last.frames == drop.frames):
            kept.append(drop)
    return tuple(kept)


def cuts(state: np.ndarray) -> list[int]:
    """Return where parts of one lag begin, and the end."""
    return [0, *(np.flatnonzero(np.diff(state)) + 1).tolist(), len(state)]


def span(nats: Float[np.ndarray, "T L"], before: int, after: int) -> tuple[int, int]:
    """Return the first and the last frame at which the lag may leave `before`, reach `after`.

    All lags between the two may be passed, in order: several gaps may look like one.
    """
    step = 1 if before < after else -1
    levels = range(before, after + step, step)
    past = np.vstack([np.zeros(nats.shape[1]), np.cumsum(nats, axis=0)])  # (T + 1, L)
    # least cost from frame t on, the lag being that of a level then, or later ones
    rest = past[-1, after] - past[:, after]
    for level in levels[-2:0:-1]:
        rest = np.minimum.accumulate((past[:, level] + rest)[::-1])[::-1] - past[:, level]
    leave = past[:, before] + rest
    come = past[:, before].copy()
    for level in levels[1:-1]:
        come = np.minimum.accumulate(come - past[:, level]) + past[:, level]
    reach = come + past[-1, after] - past[:, after]
    best = min(float(leave[1:-1].min()), float(reach[1:-1].min()))
    first = int(np.flatnonzero(leave[1:-1] < best + _CLEAR)[0]) + 1
    last = int(np.flatnonzero(reach[1:-1] < best + _CLEAR)[-1]) + 1
    return min(first, last), max(first, last)


def implausible(lag: Lag, found: dict[str, list[Drop]], lags: tuple[Lag, ...]) -> str:
    """Say why the drops that a view shows cannot be; nothing if they can.

    Args:
        lag: of the view.
        found: the drops that each view shows, its own and those of the reference.
        lags: of all views.
    """
    own = [drop for drop in found[lag.view] if drop.view == lag.view]
    gained = [drop for drop in found[lag.view] if drop.view != lag.view]
    for drop in gained:
        for other in lags:
            told = other.known[0] <= drop.span[0] and drop.span[1] <= other.known[1]
            if other.view == lag.view or other.refused or not told:
                continue
            if not any(_same(drop, one) for one in found[other.view]):
                return (
                    f"near frame {drop.frame} it gains {drop.frames} frame(s) on "
                    f"{drop.view}, but {other.view} does not; did it repeat frames, or move?"
                )
        if drop.frames >= _MANY and any(one.frames == drop.frames for one in own):
            return (
                f"its lag goes to and fro by {drop.frames} frames, as in a rhythm; use a flash"
            )
    return ""


def _same(one: Drop, other: Drop) -> bool:
    near = one.span[0] - _SAME <= other.span[1] and other.span[0] - _SAME <= one.span[1]
    return one.view == other.view and near


# ---- the evidence ----------------------------------------------------------------------------

_BLOCK = 8  # frames; errors that last are of some blocks, a wrong lag is of all that move
_AGREE = 2.0  # sds by which blocks must prefer a lag to that beyond the jump
_CLEAR = 10.0  # nats by which a place for a gap must be worse to be excluded
_MANY = 3  # frames; two cameras seldom lose as many each
_SAME = 5  # frames, within which a gap found twice is one


def _confirmed(
    state: np.ndarray, nats: Float[np.ndarray, "T L"], known: tuple[int, int]
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Take off lags that too few blocks bear out, the worst first; tell where they were."""
    state, doubted = state.copy(), []
    if known == (0, 0):  # nothing moves enough
        state[:] = np.bincount(state).argmax()
    # a straight line through two frames says nothing about lags far from it
    state[: known[0]], state[known[1] + 1 :] = state[known[0]], state[known[1]]
    while len(ends := cuts(state)) > 2:
        parts = list(zip(ends[:-1], ends[1:], strict=True))
        worst, where = np.inf, 0
        for number, (start, stop) in enumerate(parts):
            for other in (number - 1, number + 1):
                if 0 <= other < len(parts):
                    rival = state[parts[other][0]]
                    gain = nats[start:stop, rival] - nats[start:stop, state[start]]
                    sure = _agreement(gain)
                    if sure < worst:
                        worst, where = sure, number
        if worst >= _AGREE:
            break
        doubted.append(parts[where])
        _replace(state, nats, *parts[where])
    return state, doubted


def _agreement(gain: Float[np.ndarray, " T"]) -> float:
    """Return by how many sds blocks agree, their own scatter about 0 being the measure."""
    parts = blocks(gain, _BLOCK)
    return float(parts.sum() / np.sqrt(max(float((parts**2).sum()), 1e-12)))


def _replace(state: np.ndarray, nats: Float[np.ndarray, "T L"], start: int, stop: int) -> None:
    """Give a part the lags of its neighbours, with the best place for a jump between them."""
    if start == 0 or stop == len(state):
        state[start:stop] = state[stop] if start == 0 else state[start - 1]
        return
    before, after = state[start - 1], state[stop]
    gain = np.cumsum(nats[start:stop, before] - nats[start:stop, after])
    cut = start + int(np.argmin(np.r_[0.0, gain]))
    state[start:cut], state[cut:stop] = before, after
