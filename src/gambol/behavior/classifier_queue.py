"""What to label next: stretches of which a person would teach a classifier most.

Uncertain ones, of every predicted behaviour and the rarest first; among these, different ones;
and some in which nothing is predicted, so that what is missed gets a chance. Sources: Lewis &
Gale (1994), SIGIR '94, uncertainty; Sener & Savarese (2018), ICLR, diversity by clusters.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Float32, Int64
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.kernels import streams

NOTHING = "nothing"
_COLUMNS = (
    "recording", "animal", "start_frame", "stop_frame", "start_s", "stop_s", "predicted",
    "probability", "lowest", "highest", "entropy", "why",
)  # fmt: skip


class QueueSettings(Config):
    """How many stretches, and of what kind."""

    count: PositiveInt = 50  # stretches
    window_s: PositiveFloat = 1.0  # length of a stretch
    apart_s: NonNegativeFloat = 0.5  # between two stretches, at least
    negatives: float = Field(default=0.2, ge=0, le=1)  # share in which nothing is predicted
    pool: PositiveInt = 10  # times as many of the most uncertain are looked at
    components: PositiveInt = 10  # principal components in which stretches differ
    random_state: int = 0  # seed


class Windows(NamedTuple):
    """W stretches that may be asked about."""

    series: Int64[np.ndarray, " W"]
    start: Int64[np.ndarray, " W"]  # frame of the series
    stop: Int64[np.ndarray, " W"]
    member: Float[np.ndarray, "E W L"]  # mean probability by each model of the ensemble
    entropy: Float[np.ndarray, " W"]  # bits, mean over frames and labels
    look: Float[np.ndarray, "W F"]  # mean features


def windows(
    settings: QueueSettings,
    scores: Float[np.ndarray, "E N L"],
    values: Float32[np.ndarray, "N F"],
    offsets: Int64[np.ndarray, " A1"],
    known: Bool[np.ndarray, " N"],
    fps: float,
) -> Windows:
    """Cut series into overlapping stretches of frames that nobody has assessed.

    Args:
        settings: length of stretches.
        scores: p(label) by E models.
        values: features.
        offsets: of series.
        known: frames with labels already.
        fps: frames a second.
    """
    return together(settings, [cut(settings, scores, values, offsets, known, fps)])


def cut(
    settings: QueueSettings,
    scores: Float[np.ndarray, "E N L"],
    values: Float32[np.ndarray, "N F"],
    offsets: Int64[np.ndarray, " A1"],
    known: Bool[np.ndarray, " N"],
    fps: float,
) -> Windows:
    """Do `windows` of some recordings among others; they may hold none."""
    size = max(1, round(settings.window_s * fps))
    step = max(1, size // 2)
    found: list[tuple[int, int]] = []
    for a, (begin, end) in enumerate(zip(offsets[:-1], offsets[1:], strict=True)):
        starts = range(int(begin), int(end) - size + 1, step)
        found += [(a, at) for at in starts if not known[at : at + size].any()]
    series, at = np.array(found, np.int64).reshape(-1, 2).T
    inside = at[:, None] + np.arange(size)
    mean = scores.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = -(mean * np.log2(mean) + (1 - mean) * np.log2(1 - mean))
    bits = np.nan_to_num(bits).mean(axis=1)
    member = np.stack([one[inside].mean(axis=1) for one in scores])
    look = np.empty((len(at), values.shape[1]))
    for w, rows in enumerate(inside):
        look[w] = _means(values[rows])
    start = at - offsets[series]
    return Windows(series, start, start + size, member, bits[inside].mean(axis=1), look)


def together(settings: QueueSettings, parts: Sequence[Windows], *counts: int) -> Windows:
    """Put stretches of several sets of series one behind the other.

    Args:
        settings: for the error.
        parts: stretches.
        counts: series of each part; not needed of one.

    Raises:
        InputError: there are none.
    """
    before = np.cumsum([0, *counts])
    moved = [one._replace(series=one.series + n) for one, n in zip(parts, before, strict=False)]
    axes = Windows(0, 0, 0, 1, 0, 0)  # type: ignore[arg-type]
    whole = Windows(
        *(np.concatenate(same, axis=k) for same, k in zip(zip(*moved, strict=True), axes,
                                                          strict=True))
    )  # fmt: skip
    if not len(whole.start):
        raise InputError(
            f"no {settings.window_s:g} s of these recordings are without labels; give others"
        )
    return whole


def choose(
    settings: QueueSettings,
    asked: Windows,
    labels: Sequence[str],
    thresholds: Float[np.ndarray, " L"],
    fps: float,
) -> list[tuple[int, str]]:
    """Return windows in the order in which to label them, each with what is predicted.

    Classes take turns, the rarest first. Within a class windows come from clusters of what
    they look like, the most uncertain of each.

    Args:
        settings: how many, how far apart.
        asked: windows.
        labels: names.
        thresholds: of each label's score.
        fps: frames a second.
    """
    mean = asked.member.mean(axis=0)
    sure = mean / np.maximum(thresholds, 1e-9)
    best = sure.argmax(axis=1)
    kind = np.where(sure.max(axis=1) > 1, best, len(labels))
    counts = np.bincount(kind, minlength=len(labels) + 1)
    negatives = round(settings.negatives * settings.count)
    shares = _shares(counts[:-1], settings.count - negatives)
    shares = np.append(shares, settings.count - shares.sum())
    order = [int(k) for k in np.argsort(counts[:-1], kind="stable") if counts[k]]
    order += [len(labels)] if counts[-1] else []
    place = _components(asked.look, settings.components)
    waiting = {
        k: _ranked(settings, asked, np.flatnonzero(kind == k), place, int(shares[k]), k)
        for k in order
    }
    names = [*labels, NOTHING]
    taken: list[tuple[int, str]] = []
    had = dict.fromkeys(order, 0)
    while len(taken) < settings.count and any(waiting.values()):
        for k in order:
            full = had[k] >= shares[k] and any(waiting[o] and had[o] < shares[o] for o in order)
            w = None if full else _next(waiting[k], [w for w, _ in taken], asked, settings, fps)
            if w is not None and len(taken) < settings.count:
                taken.append((w, names[k]))
                had[k] += 1
    return taken


def table(
    asked: Windows,
    chosen: Sequence[tuple[int, str]],
    labels: Sequence[str],
    recordings: Sequence[str],
    animals: Sequence[str],
    times: Sequence[Float[np.ndarray, " _"]],
) -> pd.DataFrame:
    """Return a row a stretch, in the order in which to label them, each with its reason."""
    mean = asked.member.mean(axis=0)
    kinds = [name for _, name in chosen]
    rows = []
    for w, name in chosen:
        k = labels.index(name) if name in labels else int(mean[w].argmax())
        a, start, stop = int(asked.series[w]), int(asked.start[w]), int(asked.stop[w])
        low, high = float(asked.member[:, w, k].min()), float(asked.member[:, w, k].max())
        clock = times[a]
        end = clock[stop] if stop < len(clock) else 2 * clock[-1] - clock[-2]
        share = kinds.count(name) / len(kinds)
        rows.append(
            (recordings[a], animals[a], start, stop, float(clock[start]), float(end), name,
             float(mean[w, k]), low, high, float(asked.entropy[w]),
             _why(name, labels[k], float(mean[w, k]), low, high, asked.entropy, w, share))
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _why(
    name: str,
    nearest: str,
    p: float,
    low: float,
    high: float,
    entropy: Float[np.ndarray, " W"],
    w: int,
    share: float,
) -> str:
    above = float((entropy < entropy[w]).mean())
    ask = (
        f"more uncertain than {above:.0%} of all stretches; models say {low:.2f} to {high:.2f}"
    )
    if name == NOTHING:
        return f"negative: nothing is predicted, nearest is {nearest} with {p:.2f}; {ask}"
    return f"predicted {name} with {p:.2f}; {ask}; {share:.0%} of this list are {name}"


def _means(values: Float32[np.ndarray, "T F"]) -> Float[np.ndarray, " F"]:
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=0, dtype=np.float64)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def _shares(counts: Int64[np.ndarray, " L"], total: int) -> Int64[np.ndarray, " L"]:
    """Return equal shares, of which none is larger than what there is."""
    shares = np.zeros(len(counts), np.int64)
    while shares.sum() < total and (shares < counts).any():
        open_ = np.flatnonzero(shares < counts)
        rarest = open_[np.argsort(counts[open_], kind="stable")]
        for k in rarest[: total - int(shares.sum())]:
            shares[k] += 1
    return shares


def _components(look: Float[np.ndarray, "W F"], most: int) -> Float[np.ndarray, "W C"]:
    """Return principal components of standardised features; what is not known is average."""
    known = ~np.isnan(look)
    count = np.maximum(known.sum(axis=0), 1)
    x = np.where(known, look, 0.0)
    x -= x.sum(axis=0) / count
    x *= known
    x /= np.sqrt(np.maximum((x**2).sum(axis=0) / count, 1e-24))
    axes = np.linalg.eigh(x.T @ x)[1]  # of features; there are far more stretches than these
    return np.asarray(x @ axes[:, ::-1][:, :most])


def _ranked(
    settings: QueueSettings,
    asked: Windows,
    own: Int64[np.ndarray, " M"],
    place: Float[np.ndarray, "W C"],
    share: int,
    kind: int,
) -> list[int]:
    """Return windows of a class: cluster by cluster in turns, the most uncertain first."""
    from sklearn.cluster import KMeans

    if not len(own) or not share:
        return []
    own = own[np.argsort(-asked.entropy[own], kind="stable")][: share * settings.pool]
    clusters = min(share, len(own))
    seed = streams.key(settings.random_state, "queue", kind) % (1 << 32)
    distinct = len(np.unique(place[own], axis=0))
    member = KMeans(min(clusters, distinct), n_init=4, random_state=seed).fit_predict(
        place[own]
    )
    turn = np.zeros(len(own), np.int64)  # how many of its cluster come before it
    for c in np.unique(member):
        turn[member == c] = np.arange((member == c).sum())
    return [int(w) for w in own[np.lexsort((np.arange(len(own)), turn))]]


def _next(
    waiting: list[int],
    taken: Sequence[int],
    asked: Windows,
    settings: QueueSettings,
    fps: float,
) -> int | None:
    """Take the first window that keeps its distance from all that are taken."""
    apart = settings.apart_s * fps - 1e-9
    while waiting:
        w = waiting.pop(0)
        near = [
            v
            for v in taken
            if asked.series[v] == asked.series[w]
            and asked.start[w] - asked.stop[v] < apart
            and asked.start[v] - asked.stop[w] < apart
        ]
        if not near:
            return w
    return None
