"""From probabilities of frames to bouts: fill short gaps and drop short bouts, or a chain.

What is chosen (threshold, shortest gap, shortest bout, weight of a frame) is chosen for the F1
of frames that trained nothing.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, Int64

from gambol.behavior.classifier_settings import ClassifierSettings
from gambol.kernels import hmm

_THRESHOLDS = np.arange(1, 20) / 20
_EVEN = 0.5
_FLOOR = 1e-4  # of a probability that the chain takes for evidence


class Decision(NamedTuple):
    """How the score of a behaviour becomes a probability, and frames and bouts."""

    threshold: float  # of the score; of what the chain says, with a chain
    fill: float  # s; gaps shorter than this are filled
    drop: float  # s; then bouts shorter than this are dropped
    trust: float  # weight of a frame in the chain; 0: no chain
    share: float  # of frames with the behaviour
    stay: tuple[float, float]  # chance to stay without and with it, from frame to frame
    knots: Float[np.ndarray, " Q"]  # scores
    levels: Float[np.ndarray, " Q"]  # and their calibrated probabilities


def plain(share: float = _EVEN) -> Decision:
    """Return the decision where nothing can be chosen: half, and no filter."""
    ends = np.array([0.0, 1.0])
    return Decision(_EVEN, 0.0, 0.0, 0.0, share, (_EVEN, _EVEN), ends, ends)


def probability(score: Float[np.ndarray, " T"], how: Decision) -> Float[np.ndarray, " T"]:
    """Return calibrated probabilities of scores."""
    return np.interp(score, how.knots, how.levels)


def decide(
    score: Float[np.ndarray, " N"],
    offsets: Int64[np.ndarray, " A1"],
    fps: float,
    how: Decision,
) -> Bool[np.ndarray, " N"]:
    """Return the frames with a behaviour, of series that lie one behind the other."""
    if how.trust > 0:
        return smoothed(score, offsets, how) > how.threshold
    return filtered(score > how.threshold, offsets, how.fill * fps, how.drop * fps)


def filtered(
    active: Bool[np.ndarray, " N"],
    offsets: Int64[np.ndarray, " A1"],
    fill: float,
    drop: float,
) -> Bool[np.ndarray, " N"]:
    """Fill gaps between bouts that are shorter than `fill` frames, then drop short bouts.

    A stretch before the first or after the last bout is no gap.

    >>> shown = np.array([1, 1, 0, 1, 0, 0, 0, 1, 0], bool)
    >>> filtered(shown, np.array([0, 9]), 2.0, 2.0).astype(int).tolist()
    [1, 1, 1, 1, 0, 0, 0, 0, 0]
    """
    out = active.copy()
    for begin, end in zip(offsets[:-1], offsets[1:], strict=True):
        _filter(out[begin:end], fill - 1e-9, drop - 1e-9)
    return out


def smoothed(
    score: Float[np.ndarray, " N"], offsets: Int64[np.ndarray, " A1"], how: Decision
) -> Float[np.ndarray, " N"]:
    """Return p(behaviour | all frames) of a chain that likes to stay as it is."""
    p = np.clip(probability(score, how), _FLOOR, 1 - _FLOOR)
    prior = np.array([1 - how.share, how.share])
    trans = np.array([[how.stay[0], 1 - how.stay[0]], [1 - how.stay[1], how.stay[1]]])
    evidence = how.trust * (np.log(np.stack([1 - p, p], axis=1)) - np.log(prior))
    parts = [
        hmm.smooth(prior, trans, evidence[begin:end]).probs[:, 1]
        for begin, end in zip(offsets[:-1], offsets[1:], strict=True)
        if end > begin
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def choose(
    settings: ClassifierSettings,
    score: Float[np.ndarray, " N"],
    shown: Bool[np.ndarray, " N"],
    seen: Bool[np.ndarray, " N"],
    offsets: Int64[np.ndarray, " A1"],
    fps: float,
) -> Decision:
    """Return the decision with the highest F1 of frames; of equal ones the plainest.

    Args:
        settings: what there is to choose from.
        score: of frames, by models that they did not train.
        shown: whether they have the behaviour.
        seen: frames that count: assessed, and scored.
        offsets: of series.
        fps: frames a second.
    """
    count = int((shown & seen).sum())
    if count in (0, int(seen.sum())):
        return plain(count / max(1, int(seen.sum())))
    first = _calibrated(settings, score[seen], shown[seen])
    first = first._replace(share=count / int(seen.sum()), stay=_stays(shown, seen, offsets))
    best, most = first, -1.0
    for how, active in _tried(settings, first, score, offsets, fps):
        both = 2 * int((active & shown & seen).sum())
        found = both / (count + int((active & seen).sum()))
        if found > most + 1e-12:
            best, most = how, found
    return best


def f1_threshold(score: Float[np.ndarray, " M"], shown: Bool[np.ndarray, " M"]) -> float:
    """Return the threshold of the highest F1: halfway between two scores.

    >>> f1_threshold(np.array([0.1, 0.2, 0.6, 0.9]), np.array([False, False, True, True]))
    0.4
    """
    order = np.argsort(-score, kind="stable")
    ranked, hits = score[order], np.cumsum(shown[order])
    last = np.append(ranked[1:] != ranked[:-1], True)  # equal scores stand or fall together
    value = 2 * hits / (np.arange(1, len(order) + 1) + hits[-1])
    at = int(np.where(last, value, -1).argmax())
    below = ranked[at + 1] if at + 1 < len(ranked) else 0.0
    return float((ranked[at] + below) / 2)


def _tried(
    settings: ClassifierSettings,
    first: Decision,
    score: Float[np.ndarray, " N"],
    offsets: Int64[np.ndarray, " A1"],
    fps: float,
) -> Iterator[tuple[Decision, np.ndarray]]:
    """Yield decisions, the plainest first, and the frames that they give."""
    thresholds = sorted([*_THRESHOLDS, first.threshold], key=lambda t: abs(t - _EVEN))
    if settings.filter == "chain":
        for trust in settings.trust:
            how = first._replace(trust=trust)
            p = smoothed(score, offsets, how)
            for threshold in _THRESHOLDS[np.argsort(abs(_THRESHOLDS - _EVEN), kind="stable")]:
                yield how._replace(threshold=float(threshold)), p > threshold
        return
    pairs: Sequence[tuple[float, float]] = [(0.0, 0.0)]
    if settings.filter == "bouts":
        pairs = sorted(product(settings.fill_s, settings.drop_s), key=lambda p: (sum(p), p))
    for fill, drop in pairs:
        for threshold in thresholds:
            how = first._replace(threshold=float(threshold), fill=fill, drop=drop)
            yield how, decide(score, offsets, fps, how)


def _calibrated(
    settings: ClassifierSettings,
    score: Float[np.ndarray, " M"],
    shown: Bool[np.ndarray, " M"],
) -> Decision:
    """Return the threshold of the best F1, and calibrated probabilities."""
    how = plain()._replace(threshold=f1_threshold(score, shown))
    if not settings.calibrate:
        return how
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0, y_max=1).fit(score, shown.astype(np.float64))
    knots = np.asarray(fitted.X_thresholds_, np.float64)
    return how._replace(knots=knots, levels=np.asarray(fitted.y_thresholds_, np.float64))


def _stays(
    shown: Bool[np.ndarray, " N"],
    seen: Bool[np.ndarray, " N"],
    offsets: Int64[np.ndarray, " A1"],
) -> tuple[float, float]:
    """Return how likely a frame is as the one before, without and with the behaviour."""
    pair = seen[1:] & seen[:-1]
    pair[offsets[1:-1] - 1] = False
    before, after = shown[:-1][pair], shown[1:][pair]
    counts = [(int((before == b).sum()), int(((before == b) & (after == b)).sum())) for b in
              (False, True)]  # fmt: skip
    off, on = ((same + 1) / (all_ + 2) for all_, same in counts)
    return off, on


@numba.njit(cache=True, nogil=True)
@no_type_check
def _filter(active, fill, drop):
    n, t, last = len(active), 0, -1  # last: one past the end of the bout before
    while t < n:
        if not active[t]:
            t += 1
            continue
        if last >= 0 and t - last < fill:
            active[last:t] = True
        while t < n and active[t]:
            t += 1
        last = t
    t = 0
    while t < n:
        if not active[t]:
            t += 1
            continue
        begin = t
        while t < n and active[t]:
            t += 1
        if t - begin < drop:
            active[begin:t] = False
