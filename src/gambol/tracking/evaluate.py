"""How well identities were kept, and what the tracker's confidence in them was worth.

Detections without identity are no tracks and do not count here. Identity scores of a recording
too short for intervals are to be read as counts.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import PositiveFloat, PositiveInt

from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED, Detections, Tracks, body_length
from gambol.kernels.bootstrap import percentile_interval, resample
from gambol.kernels.scores import brier, expected_calibration_error
from gambol.kernels.similarity import areas, oks
from gambol.tracking.scores import (
    Aligned,
    Clear,
    Hota,
    Identity,
    clear,
    hota,
    hota_of,
    identity,
    most_met,
    mota_of,
    one_to_one,
    presence,
)  # fmt: skip

_FEWEST = 5  # blocks; fewer tell nothing of the spread, so counts stand alone
_BINS = 10  # of a reliability diagram


class TrackScoring(Config):
    """Settings of an evaluation of tracks; printed with the scores."""

    similarity: Literal["oks", "centroid"] = "oks"  # centroid: 1 - distance / body length
    sigma: PositiveFloat = 0.025  # of OKS
    threshold: PositiveFloat = 0.5  # similarity from which a detection shows an animal
    block_s: PositiveFloat = 10.0  # stretch that the bootstrap draws as one
    resamples: PositiveInt = 1000
    level: float = 0.95
    seed: int = 0


class Known(NamedTuple):
    """True animals of a recording."""

    frame: Int[np.ndarray, " N"]
    id: Int[np.ndarray, " N"]  # any numbers; -1 where nobody knows which animal it is
    xy: Float[np.ndarray, "N J 2"]  # px; NaN where not labelled


class Judged(NamedTuple):
    """Every animal that was found, and whether its track is the one of that animal."""

    time: Float[np.ndarray, " M"]  # s
    confidence: Float[np.ndarray, " M"]
    right: Bool[np.ndarray, " M"]


class TrackEvaluation(NamedTuple):
    """All scores of one or several recordings."""

    clear: Clear
    identity: Identity
    hota: Hota
    judged: Judged
    numbers: dict[str, Any]

    def summary(self) -> dict[str, Any]:
        """Return the numbers for JSON: what is infinite or undefined is null."""
        plain: dict[str, Any] = _plain(self.numbers)
        return plain


def align(
    known: Known,
    found: Detections,
    tracks: Tracks,
    *,
    fps: float,
    frames: Int[np.ndarray, " F"] | None = None,
    length: float | None = None,
    cfg: TrackScoring = TrackScoring(),  # noqa: B008 - settings are frozen
) -> Aligned:
    """Bring the true animals and the tracks of a recording together.

    Args:
        known: the true animals. A track on an animal that nobody named is left out with it.
        found: all detections of the recording.
        tracks: who they are.
        fps: frames per second.
        frames: those to score, also without animals; those with known animals if left out.
        length: body length L in px; of the known animals when left out.
        cfg: settings.
    """
    frames = np.unique(known.frame) if frames is None else np.unique(frames)
    rows = np.flatnonzero((tracks.id != UNTRACKED) & np.isin(found.frame, frames))
    frame, xy = found.frame[rows], found.xy[rows]
    animals, animal = np.unique(known.id, return_inverse=True)
    names, name = np.unique(tracks.id[rows], return_inverse=True)
    nameless = int((animals < 0).sum())  # they come first
    _check_distinct(known.frame[known.id >= 0], known.id[known.id >= 0], "animal")
    _check_distinct(frame, tracks.id[rows], "track")
    size = body_length(known.xy) if length is None else length
    area = areas(known.xy, size)
    by_truth, by_found = (
        np.argsort(known.frame, kind="stable"),
        np.argsort(frame, kind="stable"),
    )
    truth_at = np.searchsorted(known.frame[by_truth], np.stack([frames, frames + 1]))
    found_at = np.searchsorted(frame[by_found], np.stack([frames, frames + 1]))
    parts: list[tuple[Any, ...]] = []
    for f in range(len(frames)):
        g = by_truth[truth_at[0, f] : truth_at[1, f]]
        p = by_found[found_at[0, f] : found_at[1, f]]
        if cfg.similarity == "oks":
            sigma = np.full(known.xy.shape[1], cfg.sigma)
            alike = oks(known.xy[g], xy[p], area[g], sigma).reshape(len(g), len(p))
        else:
            alike = _nearness(known.xy[g], xy[p], size)
        who = animal[g] - nameless
        if (who < 0).any():
            row, column = one_to_one(alike, cfg.threshold)
            stays = np.setdiff1d(np.arange(len(p)), column[who[row] < 0])
            alike, who, p = alike[who >= 0][:, stays], who[who >= 0], p[stays]
        parts.append((who, name[p], alike, tracks.confidence[rows[p]]))
    columns: list[list[Any]] = [list(part) for part in zip(*parts, strict=True)]
    truth, track, similarity, sure = columns if columns else ([], [], [], [])
    time = (frames - frames[:1]) / fps
    return Aligned(
        time, 1.0 / fps, truth, track, similarity, sure, len(animals) - nameless, len(names)
    )


def evaluate_tracks(
    recordings: Aligned | Sequence[Aligned],
    cfg: TrackScoring = TrackScoring(),  # noqa: B008 - settings are frozen
) -> TrackEvaluation:
    """Score one or several recordings, whose animals are not the same.

    Intervals are those of recordings drawn with replacement if there are at least five, else
    of blocks of time; with fewer than five of these there are none, and counts stand alone.
    """
    several = [recordings] if isinstance(recordings, Aligned) else list(recordings)
    if not any(len(frame) for one in several for frame in one.truth):
        raise InputError("no animal of known identity in the frames to score; label some")
    whole, block = _joined(several, cfg.block_s)
    moving = clear(whole, cfg.threshold, block)
    named = identity(whole, cfg.threshold, block)
    higher = hota(whole, block)
    judged, n_right = judge(whole, cfg.threshold)
    n_animals = sum(len(ids) for ids in whole.truth)
    hours = sum(sum(map(len, one.truth)) * one.step for one in several) / 3600.0
    hits, misses, invented, _ = moving.counts.sum(axis=0).tolist()
    wrong = judged.time[~judged.right]
    numbers = {
        "n_recordings": len(several), "n_frames": len(whole.time), "n_animal_frames": n_animals,
        "n_animals": whole.n_truth, "n_tracks": whole.n_found,
        "mota": moving.mota, "id_switches": moving.id_switches,
        "fragmentations": moving.fragmentations,
        "hits": hits, "misses": misses, "false_positives": invented,
        "idf1": named.idf1, "idp": named.idp, "idr": named.idr,
        "hota": higher.hota, "deta": higher.deta, "assa": higher.assa,
        "identity_accuracy": n_right / n_animals,
        "identity_errors": len(wrong),
        "time_to_first_error_s": float(wrong.min()) if len(wrong) else math.inf,
        "switches_per_animal_hour": moving.id_switches / hours,
        "confidence": reliability(judged.confidence, judged.right),
        "intervals": _intervals(whole, moving, named, higher, block, cfg),
        "options": cfg.model_dump(),
    }  # fmt: skip
    return TrackEvaluation(moving, named, higher, judged, numbers)


def judge(aligned: Aligned, threshold: float = 0.5) -> tuple[Judged, int]:
    """Judge identities after one global assignment of tracks to animals.

    Returns:
        every animal that was found, in order of time, and how many have the right identity.
    """
    met: list[tuple[Any, ...]] = []
    frames = zip(
        aligned.time.tolist(), aligned.truth, aligned.found, aligned.alike, aligned.confidence,
        strict=True,
    )  # fmt: skip
    for time, truth, found, alike, sure in frames:
        row, column = one_to_one(alike, threshold)
        met += zip(
            [time] * len(row), truth[row], found[column], sure[column].tolist(), strict=True
        )
    table = np.array(met, np.float64).reshape(-1, 4)
    who, track = table[:, 1].astype(np.int64), table[:, 2].astype(np.int64)
    code, place, times = np.unique(
        who * aligned.n_found + track, return_inverse=True, return_counts=True
    )
    pairs = np.stack(np.divmod(code, max(aligned.n_found, 1)), axis=1)
    chosen, n_right = most_met(times, pairs)
    return Judged(table[:, 0], table[:, 3], chosen[place]), n_right


def reliability(
    confidence: Float[np.ndarray, " M"], right: Bool[np.ndarray, " M"]
) -> dict[str, Any]:
    """Return a reliability diagram, the expected calibration error and the Brier score."""
    if not len(confidence):
        return {"n": 0, "ece": math.nan, "brier": math.nan, "diagram": []}
    place = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    diagram = [
        {
            "said": float(confidence[place == b].mean()),
            "right": float(right[place == b].mean()),
            "n": int((place == b).sum()),
        }
        for b in np.unique(place)
    ]
    return {
        "n": len(confidence),
        "ece": expected_calibration_error(confidence, right),
        "brier": brier(confidence, right),
        "diagram": diagram,
    }


def evaluate_crossings(
    aligned: Aligned,
    start_s: Float[np.ndarray, " E"],
    stop_s: Float[np.ndarray, " E"],
    animals: Sequence[Int[np.ndarray, " A"]],
    confidence: Float[np.ndarray, " E"],
    threshold: float = 0.5,
) -> dict[str, Any]:
    """Score events in which animals came too close to tell apart.

    An event was resolved if every animal leaves with the track it came with; animals that were
    not found on both sides do not count, nor do events without any.

    Args:
        aligned: the recording.
        start_s: when the animals met, s.
        stop_s: when they parted.
        animals: the true animals of each event.
        confidence: P(the identities after the event are right), by the tracker.
        threshold: similarity from which a detection shows an animal.
    """
    tracks = np.full((len(aligned.time), aligned.n_truth), -1)
    for f in range(len(tracks)):
        row, column = one_to_one(aligned.alike[f], threshold)
        tracks[f, aligned.truth[f][row]] = aligned.found[f][column]
    right, chance, sure = [], [], []
    for start, stop, who, said in zip(start_s, stop_s, animals, confidence, strict=True):
        came, left = tracks[aligned.time < start][::-1], tracks[aligned.time > stop]
        sides = [
            (came[came[:, a] >= 0, a][:1], left[left[:, a] >= 0, a][:1]) for a in who.tolist()
        ]
        both = [bool(one[0] == two[0]) for one, two in sides if len(one) and len(two)]
        if both:
            right.append(all(both))
            chance.append(1.0 / math.factorial(len(who)))
            sure.append(float(said))
    worth = reliability(np.array(sure, np.float64), np.array(right, np.bool_))
    share, by_chance = (float(np.mean(p)) if p else math.nan for p in (right, chance))
    return {"share_right": share, "chance": by_chance, **worth}


def _check_distinct(
    frame: Int[np.ndarray, " R"], ids: Int[np.ndarray, " R"], what: str
) -> None:
    rows, counts = np.unique(np.stack([frame, ids], axis=1), axis=0, return_counts=True)
    if (counts > 1).any():
        at, who = rows[counts > 1][0].tolist()
        raise InputError(f"{what} {who} is several times in frame {at}; ids are distinct")


def _nearness(
    truth: Float[np.ndarray, "G J 2"], xy: Float[np.ndarray, "P J 2"], length: float
) -> Float[np.ndarray, "G P"]:
    """1 - distance of the centres in body lengths, at least 0; 0 where one has none."""
    centres = []
    for poses in (truth, xy):
        seen = np.isfinite(poses).all(axis=-1, keepdims=True)
        count = seen.sum(axis=1)
        total = np.where(seen, poses, 0.0).sum(axis=1)
        centres.append(np.where(count > 0, total / np.maximum(count, 1), np.nan))
    apart = np.linalg.norm(centres[0][:, None] - centres[1], axis=-1) / length
    return np.nan_to_num(np.maximum(1.0 - apart, 0.0))


def _joined(
    several: Sequence[Aligned], block_s: float
) -> tuple[Aligned, Int[np.ndarray, " F"]]:
    """One recording of all, with ids of its own each, and the block of every frame."""
    truth, found, labels = [], [], []
    n_truth = n_found = 0
    for r, one in enumerate(several):
        truth += [ids + n_truth for ids in one.truth]
        found += [ids + n_found for ids in one.found]
        stretch = np.floor(one.time / block_s + 1e-9).astype(np.int64)
        stretch = stretch if len(several) < _FEWEST else np.zeros_like(stretch)
        labels.append(np.stack([np.full(len(stretch), r), stretch], axis=1))
        n_truth, n_found = n_truth + one.n_truth, n_found + one.n_found
    _, block = np.unique(np.concatenate(labels), axis=0, return_inverse=True)
    whole = Aligned(
        np.concatenate([one.time for one in several]), several[0].step, truth, found,
        [alike for one in several for alike in one.alike],
        [sure for one in several for sure in one.confidence], n_truth, n_found,
    )  # fmt: skip
    return whole, block.ravel()


def _intervals(
    aligned: Aligned,
    moving: Clear,
    named: Identity,
    higher: Hota,
    block: Int[np.ndarray, " F"],
    cfg: TrackScoring,
) -> dict[str, Any]:
    """Ends of the intervals of scores whose counts are drawn by block; none for few blocks."""
    names = ("mota", "idf1", "hota", "deta", "assa")
    n_blocks = len(moving.counts)
    if n_blocks < _FEWEST:
        return dict.fromkeys(names)
    truth, found = presence(aligned, block)

    def statistic(weights: Int[np.ndarray, "B C"]) -> Float[np.ndarray, "B S"]:
        here, there = weights @ truth, weights @ found
        together = np.array([most_met(met, named.pairs)[1] for met in weights @ named.met])
        every = np.maximum(here.sum(axis=1) + there.sum(axis=1), 1)
        hits = np.tensordot(weights, higher.hits, axes=1)
        parts = hota_of(hits, here, there, higher.pairs).mean(axis=2)
        scores = np.stack([mota_of(weights @ moving.counts), 2 * together / every], axis=1)
        return np.concatenate([scores, parts], axis=1)

    rng = np.random.default_rng(cfg.seed)
    drawn = resample(statistic, np.arange(n_blocks), rng, cfg.resamples)
    ends = percentile_interval(drawn, cfg.level)
    return dict(zip(names, ends.T.tolist(), strict=True))


def _plain(value: Any) -> Any:
    """JSON has no infinity and no NaN."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
