"""Which frames to label next: each method ranks frames and says why.

Every method looks at a list of candidates, leaves out frames that are labelled already, and
keeps half a second between two suggestions, and between a suggestion and a labelled frame.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from gambol.core.errors import InputError

APART = 0.5  # seconds; nearer frames show nearly the same picture
POOL = 5  # suggestions to ask for per one that is kept: some show the same
_COMPONENTS = 20  # of the pictures; more are noise to k-means
_JUMP = 6.0  # median absolute deviations above the median
SHARES = {
    "cover": 0.1,
    "unsure": 0.4,
    "jump": 0.2,
    "structure": 0.3,
}  # of `mixed`, once there are poses


class Suggestion(NamedTuple):
    """A frame worth labelling."""

    video: int
    frame: int
    reason: str
    score: float  # higher first; comparable within one method only


class Candidates(NamedTuple):
    """F frames to choose from, in order of video and time, labelled ones included."""

    video: Int[np.ndarray, " F"]
    frame: Int[np.ndarray, " F"]
    time: Float[np.ndarray, " F"]  # seconds from the start of the video
    labelled: Bool[np.ndarray, " F"]


def uniform(candidates: Candidates, count: int) -> list[Suggestion]:
    """Spread suggestions evenly over time, as many in each video.

    Where an even place is taken by a labelled frame, the frame farthest in time from all
    labelled and suggested ones takes its turn.
    """
    _check(candidates, count)
    videos = _videos(candidates)
    ranked = []
    for rows in videos:
        even = _evenly(candidates.time[rows], -(-count // len(videos)))
        taken = np.union1d(np.flatnonzero(candidates.labelled[rows]), even)
        others = _farthest_first(
            candidates.time[rows, None], taken, np.arange(len(rows)), count
        )
        ranked.append(rows[[*even, *others]].tolist())
    return take(candidates, _in_turns(ranked), "evenly spread in time", count)


def random(candidates: Candidates, count: int, rng: np.random.Generator) -> list[Suggestion]:
    """Draw frames at random, as many in each video."""
    _check(candidates, count)
    drawn = [rng.permutation(rows).tolist() for rows in _videos(candidates)]
    return take(candidates, _in_turns(drawn), "drawn at random", count)


def cover(
    candidates: Candidates,
    pictures: Shaped[np.ndarray, "F ..."],
    count: int,
    rng: np.random.Generator,
) -> list[Suggestion]:
    """Find frames that look unlike each other and unlike those that are labelled.

    First the frame nearest the centre of each cluster without a labelled frame, then the frames
    least like all of these and the labelled ones; both ranked farthest first.

    Args:
        candidates: frames, labelled ones included: they occupy their clusters.
        pictures: thumbnails of at most 64 px, or features, of every candidate.
        count: number of suggestions.
        rng: seeds k-means.
    """
    _check(candidates, count)
    look = _compress(pictures, rng)
    labelled = np.flatnonzero(candidates.labelled)
    cluster, centre = _clusters(look, count + len(labelled), rng)
    middles = [row for c, row in centre.items() if c not in cluster[labelled]]
    central = _farthest_first(look, labelled, np.array(middles, np.int64), len(middles))
    taken = np.union1d(labelled, np.array(central, np.int64))
    others = _farthest_first(look, taken, np.arange(len(look)), 2 * count)
    reason = "looks unlike the labelled frames and the other suggestions"
    return take(candidates, [*central, *others], reason, count)


def worst(
    candidates: Candidates,
    value: Float[np.ndarray, " F"],
    reason: Callable[[int], str],
    count: int,
) -> list[Suggestion]:
    """Rank frames by a number, the largest first.

    Args:
        candidates: frames.
        value: one number a frame; -inf: never suggested.
        reason: of a row, in words.
        count: number of suggestions.
    """
    _check(candidates, count)
    ranked = np.argsort(-value, kind="stable")
    ranked = ranked[np.isfinite(value[ranked])]
    return take(candidates, ranked.tolist(), reason, count, value[ranked].tolist())


def jump(
    candidates: Candidates,
    step: Float[np.ndarray, " F"],
    bend: Float[np.ndarray, " F"],
    reason: Callable[[int], str],
    count: int,
) -> list[Suggestion]:
    """Find frames in which a keypoint moves unlike all other times.

    Frames where the largest step, or the largest second difference, peaks more than six median
    absolute deviations above its median.

    Args:
        candidates: every frame of one video.
        step: the largest of all keypoints, body lengths; see `doubts.steps`.
        bend: the largest second difference.
        reason: of a row, in words.
        count: number of suggestions.
    """
    _check(candidates, count)
    score = np.maximum(_unusual(step), _unusual(bend))
    padded = np.pad(score, 1)
    peak = (score > _JUMP) & (score >= padded[:-2]) & (score >= padded[2:])
    return worst(candidates, np.where(peak, score, -np.inf), reason, count)


def mix(
    ranked: list[tuple[float, list[Suggestion]]],
    count: int,
    fits: Callable[[Suggestion, Suggestion], bool],
) -> list[Suggestion]:
    """Take turns among ranked lists so that each has its share; what one lacks, others give.

    Turns go by the highest average (Jefferson's method), so that shares are kept at every
    length.

    Args:
        ranked: share and suggestions of each list, the best first.
        count: number of suggestions.
        fits: whether two suggestions may both be taken.
    """
    left = [list(reversed(found)) for _, found in ranked]
    had = [0] * len(ranked)
    taken: list[Suggestion] = []
    while len(taken) < count and any(left):
        turn = min(
            (k for k in range(len(ranked)) if left[k]),
            key=lambda k: (had[k] + 1) / ranked[k][0],
        )
        one = left[turn].pop()
        if all(fits(one, other) for other in taken):
            taken.append(one)
            had[turn] += 1
    return taken


def _check(candidates: Candidates, count: int) -> None:
    if count < 1:
        raise InputError(f"{count} suggestions wanted; ask for 1 or more")
    if not len(candidates.frame):
        raise InputError("there are no frames to choose from; add a video")


def _videos(candidates: Candidates) -> list[Int[np.ndarray, " _"]]:
    """Rows of each video."""
    return [np.flatnonzero(candidates.video == v) for v in np.unique(candidates.video)]


def _evenly(time: Float[np.ndarray, " F"], n: int) -> Int[np.ndarray, " n"]:
    """Rows nearest to the middles of n equal stretches of time."""
    places = time[0] + (np.arange(n) + 0.5) / n * (time[-1] - time[0])
    return np.unique(np.abs(time[:, None] - places).argmin(axis=0))


def _in_turns(ranked: list[list[int]]) -> list[int]:
    """Return the first of each list, then the second of each, and so on."""
    longest = max(len(rows) for rows in ranked)
    return [rows[i] for i in range(longest) for rows in ranked if i < len(rows)]


def take(
    candidates: Candidates,
    ranked: list[int],
    reason: str | Callable[[int], str],
    count: int,
    score: list[float] | None = None,
) -> list[Suggestion]:
    """Take ranked rows in turn, unless too near to a labelled or taken frame."""
    blocked = np.zeros(len(candidates.frame), bool)
    for row in np.flatnonzero(candidates.labelled).tolist():
        _block(candidates, row, blocked)
    taken: list[Suggestion] = []
    for place, row in enumerate(ranked):
        if len(taken) == count:
            break
        if blocked[row]:
            continue
        _block(candidates, row, blocked)
        why = reason if isinstance(reason, str) else reason(row)
        value = float(len(ranked) - place) if score is None else score[place]
        frame = int(candidates.frame[row])
        taken.append(Suggestion(int(candidates.video[row]), frame, why, value))
    return taken


def _block(candidates: Candidates, row: int, blocked: Bool[np.ndarray, " F"]) -> None:
    """Mark what is too near to a row, itself included."""
    video = candidates.video[row]
    first, last = np.searchsorted(candidates.video, [video, video + 1])
    time, here = candidates.time[first:last], candidates.time[row]
    low = first + np.searchsorted(time, here - APART, side="right")
    high = first + np.searchsorted(time, here + APART, side="left")
    blocked[low:high] = True


def _farthest_first(
    points: Float[np.ndarray, "F D"],
    known: Int[np.ndarray, " K"],
    among: Int[np.ndarray, " M"],
    count: int,
) -> list[int]:
    """Rows `among` others, each the farthest from all known and earlier ones."""
    distance = np.full(len(among), np.inf)
    for row in known:
        distance = np.minimum(distance, np.linalg.norm(points[among] - points[row], axis=1))
    chosen: list[int] = []
    while len(chosen) < min(count, len(among)) and distance.max() > 0:
        row = int(among[distance.argmax()])
        chosen.append(row)
        distance = np.minimum(distance, np.linalg.norm(points[among] - points[row], axis=1))
    return chosen


def _compress(
    pictures: Shaped[np.ndarray, "F ..."], rng: np.random.Generator
) -> Float[np.ndarray, "F D"]:
    """Principal components of the pictures."""
    from sklearn.decomposition import PCA

    flat = pictures.reshape(len(pictures), -1).astype(np.float32)
    n = min(_COMPONENTS, *flat.shape)
    seed = int(rng.integers(2**31))
    if not np.ptp(flat, axis=0).any():  # all alike
        return np.zeros((len(flat), 1))
    scores = PCA(n, svd_solver="randomized", random_state=seed).fit_transform(flat)
    return np.asarray(scores, np.float64)


def _clusters(
    points: Float[np.ndarray, "F D"], count: int, rng: np.random.Generator
) -> tuple[Int[np.ndarray, " F"], dict[int, int]]:
    """Cluster of every point, and the row nearest the centre of each cluster."""
    from sklearn.cluster import MiniBatchKMeans

    n = min(count, len(np.unique(points.round(9), axis=0)))
    model = MiniBatchKMeans(n, n_init=3, random_state=int(rng.integers(2**31))).fit(points)
    cluster = model.labels_.astype(np.int64)
    away = np.linalg.norm(points - model.cluster_centers_[cluster], axis=1)
    order = np.lexsort((away, cluster))
    names, first = np.unique(cluster[order], return_index=True)
    return cluster, {int(c): int(order[i]) for c, i in zip(names, first, strict=True)}


def _unusual(values: Float[np.ndarray, " F"]) -> Float[np.ndarray, " F"]:
    """Distance above the median in median absolute deviations, of 0.1 % of a body at least."""
    middle = np.median(values)
    return np.asarray((values - middle) / max(np.median(np.abs(values - middle)), 1e-3))
