"""What happens around the moments at which a state begins, averaged within each recording."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64

from gambol.core.sequences import Sequences, recording


class Course(NamedTuple):
    """C signals around the onsets of one state."""

    label: int  # the state
    lag_s: Float[np.ndarray, " W"]  # middles of bins, from its onset; below 0 is before
    each: Float[np.ndarray, "R C W"]  # mean over the onsets of a recording; NaN without any
    names: tuple[str, ...]  # of the signals
    onsets: int  # of all recordings


def shares(
    states: Sequences,
    labels: Sequences,
    state: int,
    *,
    before_s: float = 5.0,
    after_s: float = 10.0,
    top: int = 3,
) -> Course:
    """Return how often labels are used around onsets of a state.

    Args:
        states: of recordings.
        labels: of the same frames, such as syllables.
        state: whose onsets.
        before_s: s before an onset.
        after_s: s after it.
        top: as many labels, those whose share rises most from before to after.
    """
    found = _onsets(states, state)
    bins = _bins(states.fps, before_s, after_s)
    table = np.full((len(states.names), labels.size, len(bins)), np.nan)
    for r, starts in enumerate(found):
        values, valid = recording(labels, r)
        for k, window in enumerate(bins):
            at = _inside(starts, window, len(values))
            seen = values[at[valid[at]]]
            if len(seen):
                table[r, :, k] = np.bincount(seen, minlength=labels.size) / len(seen)
    lag_s = np.array([window.mean() for window in bins]) / states.fps
    after = lag_s >= 0
    count = np.isfinite(table).sum(axis=0)
    mean = np.nansum(table, axis=0) / np.maximum(count, 1)
    rise = mean[:, after].mean(axis=1)
    if not after.all():
        rise = rise - mean[:, ~after].mean(axis=1)
    chosen = np.argsort(-rise, kind="stable")[:top]
    names = tuple(f"syllable {k}" for k in chosen)
    total_onsets = sum(len(starts) for starts in found)
    return Course(state, lag_s, table[:, chosen], names, total_onsets)


def signal(
    states: Sequences,
    values: Float[np.ndarray, " N"],
    state: int,
    name: str,
    *,
    before_s: float = 5.0,
    after_s: float = 10.0,
) -> Course:
    """Return the course of one signal around onsets of a state.

    Args:
        states: of recordings.
        values: one for each frame of all recordings; NaN where there is none.
        state: whose onsets.
        name: of the signal, with its unit.
        before_s: s before an onset.
        after_s: s after it.
    """
    found = _onsets(states, state)
    bins = _bins(states.fps, before_s, after_s)
    each = np.full((len(states.names), 1, len(bins)), np.nan)
    for r, starts in enumerate(found):
        own = values[states.offsets[r] : states.offsets[r + 1]]
        for k, window in enumerate(bins):
            seen = own[_inside(starts, window, len(own))]
            seen = seen[np.isfinite(seen)]
            if len(seen):
                each[r, 0, k] = seen.mean()
    lag_s = np.array([window.mean() for window in bins]) / states.fps
    return Course(state, lag_s, each, (name,), sum(map(len, found)))


def _onsets(states: Sequences, state: int) -> list[Int64[np.ndarray, " _"]]:
    """Frames at which a state begins after another one; not after a gap, nor at the start."""
    out = []
    for r in range(len(states.names)):
        values, valid = recording(states, r)
        now = valid & (values == state)
        begun = now[1:] & ~now[:-1] & valid[:-1]
        out.append(np.flatnonzero(begun) + 1)
    return out


def _inside(
    starts: Int64[np.ndarray, " N"], window: Int64[np.ndarray, " B"], frames: int
) -> Int64[np.ndarray, " M"]:
    """Frames of a recording at some lags from some onsets."""
    at = (starts[:, None] + window).ravel()
    return at[(at >= 0) & (at < frames)]


def _bins(fps: float, before_s: float, after_s: float) -> list[Int64[np.ndarray, " _"]]:
    """Lags in frames, in at most about 100 bins of equal width; one begins at the onset."""
    low, high = round(before_s * fps), round(after_s * fps)
    width = max(1, (low + high) // 100)
    edges = np.arange(-(low // width) * width, high + 1, width)
    return [np.arange(a, a + width) for a in edges]
