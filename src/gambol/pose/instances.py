"""How well all animals of a frame were found: strict and SLEAP-compatible AP, counts, errors.

Strict AP follows the COCO protocol through pycocotools: all labelled frames count, also those
without prediction, and every unmatched prediction is a false positive. The SLEAP-compatible
score drops both, so it stays high where animals were invented or missed; it is here only to
compare with reports of SLEAP and its names begin with `sleap_`. The tool gets similarities
from `kernels.similarity`, never coordinates: a missing keypoint is 0 before it arrives there.
"""

import contextlib
import io
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from scipy.optimize import linear_sum_assignment

from gambol.core import regions
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.instances import Detections, body_length
from gambol.core.labels import Labels, among
from gambol.kernels.bootstrap import percentile_interval, resample
from gambol.kernels.ranking import average_precision
from gambol.kernels.similarity import AreaOf, areas, oks
from gambol.pose.evaluate import Scoring, evaluate

THRESHOLDS = np.linspace(0.5, 0.95, 10)
_WIDE = 0.1  # DeepLabCut's tolerance, always scored beside the other
_GROWN = 0.3  # L around a labelled animal in a frame where others are not labelled
_RATIOS = ("precision", "recall", "f1", "count_error", "count_bias", "grouping_error")


class InstanceScoring(Config):
    """Settings of an evaluation; the options are printed with the scores."""

    sigma: PositiveFloat = 0.025  # SLEAP's; 0.1 is always scored, too
    sigmas: tuple[PositiveFloat, ...] | None = None  # of every keypoint, from repeated labels
    area: AreaOf = "box"  # A: of the box of labelled keypoints, or length²
    margin: NonNegativeFloat = 0.0  # px by which the box is widened, as DeepLabCut can
    symmetric: bool = False  # forgive exchanged sides, as DeepLabCut can
    match: float = Field(0.5, gt=0, le=1)  # OKS from which an animal counts as found
    located: PositiveFloat = 0.05  # L within which a keypoint counts as located
    resamples: PositiveInt = 2000  # of the bootstrap, at most
    level: float = Field(0.95, gt=0, lt=1)  # of the intervals
    seed: NonNegativeInt = 0


class Ranking(NamedTuple):
    """Detections in the frames that count, and which of them found an animal."""

    score: Float[np.ndarray, " D"]
    hit: Bool[np.ndarray, "T D"]  # by threshold of OKS
    frame: Int[np.ndarray, " D"]
    n_truth: Int[np.ndarray, " F"]  # 0 in frames that do not count

    def scores(self, weights: Shaped[np.ndarray, "B F"]) -> Float[np.ndarray, "B 2"]:
        """Return mean average precision and mean recall for every weighting of the frames."""
        ranked = average_precision(*self, weights)
        return np.stack([ranked.precision.mean(axis=1), ranked.recall.mean(axis=1)], axis=1)


class InstanceEvaluation(NamedTuple):
    """Which detection shows which labelled animal, and the numbers made of it."""

    matched: Int[np.ndarray, " N"]  # row of the detections; -1 where the animal was missed
    similarity: Float[np.ndarray, " N"]  # OKS of the two; 0 where it was missed
    ranking: Ranking  # that strict AP is made of, frames as in `truth.frames`
    numbers: dict[str, Any]

    def summary(self) -> dict[str, Any]:
        """Return the numbers for JSON: what is infinite or undefined is null."""
        plain: dict[str, Any] = _plain(self.numbers)
        return plain


class _Frame(NamedTuple):
    """The G labelled and P predicted animals of a frame, the surest prediction first."""

    truth: Int[np.ndarray, " G"]
    found: Int[np.ndarray, " P"]
    alike: Float[np.ndarray, "G P"]  # OKS


def evaluate_instances(
    truth: Labels,
    found: Detections,
    *,
    video: Int[np.ndarray, " D"] | None = None,
    ignored: Bool[np.ndarray, " D"] | None = None,
    groups: Shaped[np.ndarray, " F"] | None = None,
    mask_area: Float[np.ndarray, " N"] | None = None,
    length: float | None = None,
    cfg: InstanceScoring = InstanceScoring(),  # noqa: B008 - settings are frozen
) -> InstanceEvaluation:
    """Score the animals found in all labelled frames.

    Args:
        truth: labelled animals; those without any position do not count. All `truth.frames`
            are scored, negatives too; in those that are incomplete, detections away from the
            labelled animals are not judged. Animals in its regions do not count, nor do
            detections there that show no other animal.
        found: detections; those in other frames do not count, those without score come last.
        video: of every detection, as in `truth`; 0 when left out.
        ignored: further detections without score.
        groups: rows of `truth.frames` that the bootstrap draws together (blocks, videos); each
            frame by itself when left out.
        mask_area: areas A of labelled animals from segmentation, px².
        length: body length L in px; of the labels when left out.
        cfg: settings.
    """
    frames = truth.frames
    if not len(frames):
        raise InputError("no frame is labelled, so there is nothing to score; label some")
    video = np.zeros(len(found.frame), np.int64) if video is None else video
    size = body_length(truth.xy) if length is None else length
    counts = truth.labelled.any(axis=1) & ~regions.inside(truth)
    at_truth = np.where(counts, _places(frames, truth.video, truth.frame), -1)
    everywhere = _places(frames, video, found.frame)
    whole = ~among(frames, truth.incomplete)
    area = areas(truth.xy, size, of=cfg.area, margin=cfg.margin, mask=mask_area)
    dropped = _away(truth, found, at_truth, everywhere, size) & ~whole[everywhere]
    dropped = (dropped if ignored is None else dropped | ignored) & (everywhere >= 0)
    judged = np.where(dropped, -1, everywhere)
    dropped |= _hidden(truth, found, video, at_truth, judged, area, cfg)
    at_found = np.where(dropped, -1, everywhere)
    scenes = [
        _scenes(truth, found, at_truth, at_found, len(frames), area, sigma, cfg)
        for sigma in (_sigmas(truth, cfg), np.full(len(truth.skeleton), _WIDE))
    ]
    matched, similarity = _matches(scenes[0], len(truth), cfg.match)
    counted = _counted(scenes[0], matched, whole, truth.xy, found.xy, cfg.located * size)
    draws = np.arange(len(frames)) if groups is None else groups
    ranked, ranking = _ranked(scenes, found.score, counted, draws, cfg)
    numbers = {
        "n_frames": len(frames),
        "n_animals": int((at_truth >= 0).sum()),
        "n_found": int((at_found >= 0).sum()),
        "n_matched": int((matched >= 0).sum()),
        "n_not_judged": int(dropped.sum()),
        **ranked,
        **_localisation(truth, found, matched, at_truth, draws, cfg),
        "sigmas": _spread(truth, found, matched, area),
        "options": {**cfg.model_dump(), "length_px": size},
    }
    return InstanceEvaluation(matched, similarity, ranking, numbers)


def strict(scenes: list[_Frame], score: Float[np.ndarray, " D"]) -> tuple[Ranking, Any]:
    """Match by the COCO protocol; return the ranking and the tool's own tables.

    Args:
        scenes: all labelled frames.
        score: of the detections; finite.
    """
    images = [{"id": f} for f in range(len(scenes))]
    known = [
        {"id": int(n) + 1, "image_id": f, "category_id": 1, "num_keypoints": 1, "area": 1.0,
         "iscrowd": 0}
        for f, scene in enumerate(scenes) for n in scene.truth
    ]  # fmt: skip
    claimed = [
        {"id": int(d) + 1, "image_id": f, "category_id": 1, "score": float(score[d]),
         "area": 1.0, "iscrowd": 0, "num_keypoints": 1}
        for f, scene in enumerate(scenes) for d in scene.found
    ]  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):  # the tool reports to the screen
        judge = COCOeval(_coco(images, known), _coco(images, claimed), "keypoints")
        judge.params.maxDets = [max((len(scene.found) for scene in scenes), default=0) + 1]
        judge.params.areaRng, judge.params.areaRngLbl = [[0.0, math.inf]], ["all"]
        judge.params.iouThrs = THRESHOLDS
        judge.computeOks = lambda image, _category: scenes[image].alike.T
        judge.evaluate()
        judge.accumulate()
    entries = [entry for entry in judge.evalImgs if entry is not None]
    rows = np.array([i - 1 for entry in entries for i in entry["dtIds"]], np.int64)
    hit = np.concatenate(
        [np.zeros((len(THRESHOLDS), 0)), *(entry["dtMatches"] for entry in entries)], axis=1
    )
    place = np.repeat(
        [entry["image_id"] for entry in entries], [len(entry["dtIds"]) for entry in entries]
    ).astype(np.int64)
    n_truth = np.array([len(scene.truth) for scene in scenes], np.int64)
    return Ranking(score[rows].astype(np.float64), hit > 0, place, n_truth), judge.eval


def sleap_compatible(scenes: list[_Frame], score: Float[np.ndarray, " D"]) -> Ranking:
    """Match as SLEAP's reports do: frames with predictions only, unmatched ones left out.

    From the surest prediction on, each takes the most similar animal that is left, if OKS > 0.
    """
    rows, alike, place = [], [], []
    n_truth = np.zeros(len(scenes), np.int64)
    for f, scene in enumerate(scenes):
        if not len(scene.found):
            continue
        n_truth[f] = len(scene.truth)
        left = scene.alike.copy()
        for p, row in enumerate(scene.found):
            if len(left) and (best := int(left[:, p].argmax())) >= 0 and left[best, p] > 0:
                rows.append(row)
                alike.append(left[best, p])
                place.append(f)
                left[best] = 0.0
    hit = np.array(alike).reshape(1, -1) >= THRESHOLDS[:, None]
    kept = np.array(rows, np.int64)
    return Ranking(score[kept].astype(np.float64), hit, np.array(place, np.int64), n_truth)


def _coco(images: list[dict[str, int]], rows: list[dict[str, Any]]) -> Any:
    coco = COCO()
    coco.dataset = {"images": images, "annotations": rows, "categories": [{"id": 1}]}
    coco.createIndex()
    return coco


def _places(
    frames: Int[np.ndarray, "F 2"], video: Int[np.ndarray, " R"], frame: Int[np.ndarray, " R"]
) -> Int[np.ndarray, " R"]:
    """Index of every row's frame among the frames to score; -1 where it is none of them."""
    place = {(int(v), int(f)): i for i, (v, f) in enumerate(frames)}
    rows = zip(video.tolist(), frame.tolist(), strict=True)
    return np.array([place.get(row, -1) for row in rows], np.int64)


def _away(
    truth: Labels,
    found: Detections,
    at_truth: Int[np.ndarray, " N"],
    at_found: Int[np.ndarray, " D"],
    length: float,
) -> Bool[np.ndarray, " D"]:
    """Which detections have their centre outside all labelled boxes, grown a little."""
    seen = np.isfinite(found.xy).all(axis=-1, keepdims=True)
    centre = np.where(seen, found.xy, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    known = truth.labelled[..., None]
    low = np.where(known, truth.xy, np.inf).min(axis=1, initial=np.inf) - _GROWN * length
    high = np.where(known, truth.xy, -np.inf).max(axis=1, initial=-np.inf) + _GROWN * length
    away = np.ones(len(centre), np.bool_)
    for f in np.unique(at_truth[at_truth >= 0]):
        there, boxes = np.flatnonzero(at_found == f), at_truth == f
        above = (centre[there, None] >= low[boxes]).all(axis=-1)
        below = (centre[there, None] <= high[boxes]).all(axis=-1)
        away[there] = ~(above & below).any(axis=1)
    return away


def _hidden(
    truth: Labels,
    found: Detections,
    video: Int[np.ndarray, " D"],
    at_truth: Int[np.ndarray, " N"],
    at_found: Int[np.ndarray, " D"],
    area: Float[np.ndarray, " N"],
    cfg: InstanceScoring,
) -> Bool[np.ndarray, " D"]:
    """Which detections lie in a region of a frame that counts and show no animal outside."""
    pairs = np.stack([video, found.frame], axis=1)
    hidden = regions.detected_inside(truth.regions, pairs, found.xy) & (at_found >= 0)
    if hidden.any():
        places = at_truth, at_found, len(truth.frames), area
        scenes = _scenes(truth, found, *places, _sigmas(truth, cfg), cfg)
        matched, _ = _matches(scenes, len(truth), cfg.match)
        hidden[matched[matched >= 0]] = False
    return hidden


def _sigmas(truth: Labels, cfg: InstanceScoring) -> Float[np.ndarray, " J"]:
    n_keypoints = len(truth.skeleton)
    if cfg.sigmas is not None and len(cfg.sigmas) != n_keypoints:
        raise InputError(
            f"sigmas: {len(cfg.sigmas)} values for {n_keypoints} keypoints; give one for each"
        )
    return np.full(n_keypoints, cfg.sigma) if cfg.sigmas is None else np.array(cfg.sigmas)


def _scenes(
    truth: Labels,
    found: Detections,
    at_truth: Int[np.ndarray, " N"],
    at_found: Int[np.ndarray, " D"],
    n_frames: int,
    area: Float[np.ndarray, " N"],
    sigma: Float[np.ndarray, " J"],
    cfg: InstanceScoring,
) -> list[_Frame]:
    """All frames to score, with the similarities of everything in them."""
    swap = np.array(truth.skeleton.swap, np.int64) if cfg.symmetric else None
    rows = np.argsort(at_truth, kind="stable")
    best = np.lexsort((-np.nan_to_num(found.score), at_found))
    starts = np.searchsorted(at_truth[rows], np.arange(n_frames + 1))
    firsts = np.searchsorted(at_found[best], np.arange(n_frames + 1))
    scenes = []
    for f in range(n_frames):
        g, p = rows[starts[f] : starts[f + 1]], best[firsts[f] : firsts[f + 1]]
        alike = oks(truth.xy[g], found.xy[p], area[g], sigma, swap=swap)
        scenes.append(_Frame(g, p, alike.reshape(len(g), len(p))))
    return scenes


def _matches(
    scenes: list[_Frame], n_rows: int, least: float
) -> tuple[Int[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """The one-to-one match of every frame with the largest sum of OKS, none below `least`."""
    matched, similarity = np.full(n_rows, -1), np.zeros(n_rows)
    for scene in scenes:
        allowed = scene.alike >= least  # what is not is worth as much as no match at all
        g, p = linear_sum_assignment(np.where(allowed, scene.alike, 0.0), maximize=True)
        g, p = g[allowed[g, p]], p[allowed[g, p]]
        matched[scene.truth[g]] = scene.found[p]
        similarity[scene.truth[g]] = scene.alike[g, p]
    return matched, similarity


def _counted(
    scenes: list[_Frame],
    matched: Int[np.ndarray, " N"],
    complete: Bool[np.ndarray, " F"],
    truth: Float[np.ndarray, "N J 2"],
    xy: Float[np.ndarray, "D J 2"],
    radius: float,
) -> Float[np.ndarray, "F 8"]:
    """Of every frame what `_ratios` sums: animals first, located and grouped keypoints last."""
    counts = np.zeros((len(scenes), 8))
    for f, (g, p, _) in enumerate(scenes):
        surplus = (len(p) - len(g)) * complete[f]
        near = np.linalg.norm(truth[g][:, None] - xy[p][None], axis=-1) <= radius  # (G, P, J)
        shared = near.sum(axis=2)
        rows, columns = linear_sum_assignment(shared, maximize=True)
        grouped = shared[rows, columns].sum()
        matches = (matched[g] >= 0).sum()
        located = near.any(axis=1).sum()
        counts[f, :3] = matches, len(p), len(g)
        counts[f, 3:] = abs(surplus), surplus, complete[f], located, grouped
    return counts


def _ratios(sums: Float[np.ndarray, "B 8"]) -> Float[np.ndarray, "B S"]:
    """Scores in the order of `_RATIOS`, of summed counts."""
    tp, p, g, off, bias, frames, located, grouped = sums.T
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = [tp / p, tp / g, 2 * tp / (p + g), off / frames, bias / frames]
        return np.stack([*columns, 1.0 - grouped / located], axis=1)


def _ranked(
    scenes: list[list[_Frame]],
    score: Float[np.ndarray, " D"],
    counts: Float[np.ndarray, "F 8"],
    groups: Shaped[np.ndarray, " F"],
    cfg: InstanceScoring,
) -> tuple[dict[str, Any], Ranking]:
    """AP, AR, detection and grouping, with intervals, and the ranking of strict AP."""
    score = np.nan_to_num(score)
    (narrow, tables), (wide, wide_tables) = (strict(part, score) for part in scenes)
    kinds = {"oks": narrow, "oks_01": wide, "sleap": sleap_compatible(scenes[0], score)}
    names = ["oks_map", "oks_mar", "oks_map_01", "oks_mar_01", "sleap_map", "sleap_mar"]

    def statistic(weights: Int[np.ndarray, "B F"]) -> Float[np.ndarray, "B S"]:
        heavy = weights.astype(np.float64)
        parts = [kind.scores(heavy) for kind in kinds.values()]
        parts.append(_ratios(heavy @ counts))
        return np.concatenate(parts, axis=1)

    value = statistic(np.ones((1, len(groups)), np.int64))[0]
    value[:4] = [*_of_tool(tables), *_of_tool(wide_tables)]
    drawn = resample(statistic, groups, np.random.default_rng(cfg.seed), cfg.resamples)
    ends = percentile_interval(drawn, cfg.level)
    by_threshold = _by_threshold(tables)
    names += _RATIOS
    numbers = {
        **dict(zip(names, value.tolist(), strict=True)),
        "oks_map_50": by_threshold[0], "oks_map_75": by_threshold[5],
        "intervals": dict(zip(names, ends.T.tolist(), strict=True)),
    }  # fmt: skip
    return numbers, narrow


def _of_tool(tables: Any) -> tuple[float, float]:
    """AP and AR as the tool averages them; it writes -1 where there is no truth."""
    recall = tables["recall"].ravel()
    known = recall[recall > -1]
    return float(np.mean(_by_threshold(tables))), float(known.mean()) if len(
        known
    ) else math.nan


def _by_threshold(tables: Any) -> list[float]:
    precision = tables["precision"].reshape(len(THRESHOLDS), -1)
    return [float(row.mean()) if (row > -1).all() else math.nan for row in precision]


def _localisation(
    truth: Labels,
    found: Detections,
    matched: Int[np.ndarray, " N"],
    at_truth: Int[np.ndarray, " N"],
    groups: Shaped[np.ndarray, " F"],
    cfg: InstanceScoring,
) -> dict[str, Any]:
    """Distances over the animals found, and over all with missed ones as misses."""
    xy = np.full(truth.xy.shape, np.nan)
    sure = np.zeros(truth.visibility.shape)
    hit = matched >= 0
    xy[hit], sure[hit] = found.xy[matched[hit]], found.confidence[matched[hit]]
    scoring = Scoring(resamples=cfg.resamples, level=cfg.level, seed=cfg.seed)
    return {
        name: evaluate(
            truth.select(rows), xy[rows], sure[rows], groups=groups[at_truth[rows]], cfg=scoring
        ).numbers
        for name, rows in (("matched", hit), ("all", at_truth >= 0))
    }


def _spread(
    truth: Labels,
    found: Detections,
    matched: Int[np.ndarray, " N"],
    area: Float[np.ndarray, " N"],
) -> dict[str, float]:
    """The σ of every keypoint that the matches imply: rms of d / √A."""
    hit = matched >= 0
    off = np.linalg.norm(found.xy[matched[hit]] - truth.xy[hit], axis=-1)
    share = np.where(truth.labelled[hit], off, np.nan) / np.sqrt(area[hit])[:, None]
    known = np.isfinite(share)
    square = np.where(known, share, 0.0) ** 2
    with np.errstate(invalid="ignore"):
        sigma = np.sqrt(square.sum(axis=0) / known.sum(axis=0))
    return dict(zip(truth.skeleton.keypoints, sigma.tolist(), strict=True))


def _plain(value: Any) -> Any:
    """JSON has no infinity and no NaN."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
