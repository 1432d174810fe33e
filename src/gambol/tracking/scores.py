"""CLEAR, Identity and HOTA: three ways to count what went wrong in tracks.

All are our own, on arrays, and equal `trackeval` 1.3.0 (which brings a second OpenCV and so
stays out) on worked cases and on random tracks. Counts are kept by block of frames, so that a
bootstrap need not match again. Sources: Bernardin & Stiefelhagen (2008), EURASIP JIVP 246309
(CLEAR); Ristani et al. (2016), ECCV workshops (Identity); Luiten et al. (2021), IJCV
129:548-578 (HOTA).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment

ALPHAS = np.arange(0.05, 0.99, 0.05)  # similarities at which HOTA looks
_EPS = float(np.finfo(float).eps)
_STAYS = 1000.0  # a match that goes on beats any new one


class Aligned(NamedTuple):
    """A recording of F frames: who was there, whose track was there, how alike they are."""

    time: Float[np.ndarray, " F"]  # s
    step: float  # s that a frame stands for
    truth: list[Int[np.ndarray, " G"]]  # animals, 0 … n_truth - 1, distinct within a frame
    found: list[Int[np.ndarray, " P"]]  # tracks, 0 … n_found - 1, distinct within a frame
    alike: list[Float[np.ndarray, "G P"]]  # in [0, 1], never NaN
    confidence: list[Float[np.ndarray, " P"]]  # P(identity is right)
    n_truth: int
    n_found: int


class Clear(NamedTuple):
    """CLEAR scores, and the counts they are made of."""

    mota: float
    id_switches: int
    fragmentations: int
    counts: Int[np.ndarray, "C 4"]  # hits, misses, false positives, switches of each block


class Identity(NamedTuple):
    """Scores after the best one-to-one assignment of tracks to animals."""

    idf1: float
    idp: float
    idr: float
    pairs: Int[np.ndarray, "P 2"]  # animal and track that were met
    met: Int[np.ndarray, "C P"]  # in how many frames of each block


class Hota(NamedTuple):
    """HOTA and its parts, averaged over the similarities `ALPHAS`."""

    hota: float
    deta: float
    assa: float
    by_alpha: Float[np.ndarray, "3 A"]  # hota, deta, assa
    pairs: Int[np.ndarray, "P 2"]  # animal and track that were matched
    hits: Int[np.ndarray, "C P A"]  # in how many frames of each block


def clear(
    aligned: Aligned, threshold: float = 0.5, block: Int[np.ndarray, " F"] | None = None
) -> Clear:
    """Return MOTA and its parts; a match of the frame before goes on while it can.

    As in `trackeval`, a frame without any track leaves the matches of the frame before in
    place, so it fragments nothing.
    """
    block = np.zeros(len(aligned.time), np.int64) if block is None else block
    counts = np.zeros((int(block.max(initial=0)) + 1, 4), np.int64)
    last = np.full(aligned.n_truth, -1)  # track that each animal had when last found
    before = np.full(aligned.n_truth, -1)  # … in the frame before
    begun = np.zeros(aligned.n_truth, np.int64)
    frames = zip(block.tolist(), aligned.truth, aligned.found, aligned.alike, strict=True)
    for c, truth, found, alike in frames:
        if not len(truth) or not len(found):
            counts[c] += (0, len(truth), len(found), 0)
            continue
        gain = alike + _STAYS * (found == before[truth][:, None])
        row, column = one_to_one(np.where(alike >= threshold - _EPS, gain, 0.0), _EPS)
        who, track = truth[row], found[column]
        switches = int(((last[who] >= 0) & (last[who] != track)).sum())
        begun[who[before[who] < 0]] += 1
        before[:] = -1
        last[who] = before[who] = track
        counts[c] += (len(who), len(truth) - len(who), len(found) - len(who), switches)
    fragmentations = int(np.maximum(begun - 1, 0).sum())
    mota = float(mota_of(counts.sum(axis=0)[None])[0])
    return Clear(mota, int(counts[:, 3].sum()), fragmentations, counts)


def identity(
    aligned: Aligned, threshold: float = 0.5, block: Int[np.ndarray, " F"] | None = None
) -> Identity:
    """Return IDF1 and its parts."""
    block = np.zeros(len(aligned.time), np.int64) if block is None else block
    pair, at = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    frames = zip(block.tolist(), aligned.truth, aligned.found, aligned.alike, strict=True)
    for c, truth, found, alike in frames:
        row, column = np.nonzero(alike >= threshold)
        pair.append(truth[row] * aligned.n_found + found[column])
        at.append(np.full(len(row), c))
    code, place = np.unique(np.concatenate(pair), return_inverse=True)
    met = np.zeros((int(block.max(initial=0)) + 1, len(code)), np.int64)
    np.add.at(met, (np.concatenate(at), place), 1)
    pairs = np.stack(np.divmod(code, max(aligned.n_found, 1)), axis=1)
    n_truth, n_found = (sum(map(len, ids)) for ids in (aligned.truth, aligned.found))
    together = most_met(met.sum(axis=0), pairs)[1]
    scores = (
        2 * together / max(n_truth + n_found, 1), together / max(n_found, 1),
        together / max(n_truth, 1),
    )  # fmt: skip
    return Identity(*scores, pairs, met)


def hota(aligned: Aligned, block: Int[np.ndarray, " F"] | None = None) -> Hota:
    """Return HOTA: the geometric mean of finding animals and of keeping them together."""
    block = np.zeros(len(aligned.time), np.int64) if block is None else block
    truth_frames, found_frames = presence(aligned, np.zeros_like(block))
    shared = np.zeros((aligned.n_truth, aligned.n_found))
    for truth, found, alike in zip(aligned.truth, aligned.found, aligned.alike, strict=True):
        either = alike.sum(axis=0) + alike.sum(axis=1)[:, None] - alike
        part = np.divide(alike, either, out=np.zeros_like(alike), where=either > _EPS)
        shared[truth[:, None], found] += part
    every = truth_frames[0][:, None] + found_frames[0] - shared
    jaccard = np.divide(shared, every, out=np.zeros_like(shared), where=every > 0)
    pair, level, at = [], [], []
    frames = zip(block.tolist(), aligned.truth, aligned.found, aligned.alike, strict=True)
    for c, truth, found, alike in frames:
        row, column = linear_sum_assignment(
            jaccard[truth[:, None], found] * alike, maximize=True
        )
        pair += (truth[row] * aligned.n_found + found[column]).tolist()
        level += alike[row, column].tolist()
        at += [c] * len(row)
    code, place = np.unique(np.array(pair, np.int64), return_inverse=True)
    hits = np.zeros((int(block.max(initial=0)) + 1, len(code), len(ALPHAS)), np.int64)
    matched = np.array(level)[:, None] >= ALPHAS - _EPS  # (matches, A)
    np.add.at(hits, (np.array(at, np.int64), place), matched.astype(np.int64))
    pairs = np.stack(np.divmod(code, max(aligned.n_found, 1)), axis=1)
    by_alpha = hota_of(hits.sum(axis=0)[None], truth_frames, found_frames, pairs)[0]
    higher, found_well, kept_well = by_alpha.mean(axis=1).tolist()
    return Hota(higher, found_well, kept_well, by_alpha, pairs, hits)


def one_to_one(
    gain: Float[np.ndarray, "G P"], least: float
) -> tuple[Int[np.ndarray, " M"], Int[np.ndarray, " M"]]:
    """Return the match with the largest sum whose pairs are all worth at least `least`."""
    allowed = gain >= least  # what is not is worth as much as no match at all
    row, column = linear_sum_assignment(np.where(allowed, gain, 0.0), maximize=True)
    kept = allowed[row, column]
    return row[kept], column[kept]


def presence(
    aligned: Aligned, block: Int[np.ndarray, " F"]
) -> tuple[Int[np.ndarray, "C N"], Int[np.ndarray, "C M"]]:
    """Return in how many frames of each block every animal and every track is there."""
    n_blocks = int(block.max(initial=0)) + 1
    there = []
    for ids, n in ((aligned.truth, aligned.n_truth), (aligned.found, aligned.n_found)):
        counts = np.zeros((n_blocks, n), np.int64)
        at = np.repeat(block, [len(part) for part in ids])
        np.add.at(counts, (at, np.concatenate([np.zeros(0, np.int64), *ids])), 1)
        there.append(counts)
    return there[0], there[1]


def most_met(
    times: Float[np.ndarray, " P"] | Int[np.ndarray, " P"], pairs: Int[np.ndarray, "P 2"]
) -> tuple[Bool[np.ndarray, " P"], int]:
    """Assign tracks one-to-one to the animals that they met most often.

    Returns:
        which pairs were chosen, and how often these met.
    """
    if not len(pairs):
        return np.zeros(0, np.bool_), 0
    table = np.zeros(pairs.max(axis=0) + 1)
    table[tuple(pairs.T)] = times
    row, column = linear_sum_assignment(table, maximize=True)
    partner = np.full(len(table), -1)
    partner[row] = column
    chosen = partner[pairs[:, 0]] == pairs[:, 1]
    return chosen, int(table[row, column].sum())


def mota_of(
    counts: Float[np.ndarray, "B 4"] | Int[np.ndarray, "B 4"],
) -> Float[np.ndarray, " B"]:
    """Return MOTA of summed counts."""
    hits, misses, invented, switches = counts.T
    return np.asarray((hits - invented - switches) / np.maximum(hits + misses, 1))


def hota_of(
    hits: Float[np.ndarray, "B P A"] | Int[np.ndarray, "B P A"],
    truth: Float[np.ndarray, "B N"] | Int[np.ndarray, "B N"],
    found: Float[np.ndarray, "B M"] | Int[np.ndarray, "B M"],
    pairs: Int[np.ndarray, "P 2"],
) -> Float[np.ndarray, "B 3 A"]:
    """Return HOTA, DetA and AssA of summed counts."""
    total = hits.sum(axis=1)  # (B, A)
    every = (truth.sum(axis=1) + found.sum(axis=1))[:, None]
    deta = total / np.maximum(every - total, 1)
    either = (truth[:, pairs[:, 0]] + found[:, pairs[:, 1]])[..., None] - hits  # (B, P, A)
    assa = (hits * (hits / np.maximum(either, 1))).sum(axis=1) / np.maximum(total, 1)
    return np.stack([np.sqrt(deta * assa), deta, assa], axis=1)
