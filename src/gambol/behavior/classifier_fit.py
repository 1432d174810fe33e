"""Learning behaviours from frames, and asking frames that did not train what was learned.

Thresholds, calibration and bout filters of a fold are chosen on frames that neither trained
the models behind them nor lie in the fold: models without two folds say what one without the
tested fold would say of the others. So the scores of a fold owe nothing to its own frames.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from gambol.behavior import classifier_bouts, classifier_splits
from gambol.behavior.classifier_bouts import Decision
from gambol.behavior.classifier_settings import ClassifierSettings
from gambol.behavior.classifier_splits import Folds
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.kernels import streams, trees
from gambol.kernels.trees import Forest

Members = tuple[Forest, ...]  # of one model: its probabilities are averaged
Models = tuple[Members, ...]  # a model a label, or one of all


class Task(NamedTuple):
    """What there is to learn."""

    values: Float32[np.ndarray, "N F"]
    shown: Bool[np.ndarray, "N L"]
    observed: Bool[np.ndarray, " N"]
    offsets: Int64[np.ndarray, " A1"]
    fps: float


class Validated(NamedTuple):
    """What models say of frames that did not train them."""

    score: Float[np.ndarray, "N L"]
    probability: Float[np.ndarray, "N L"]  # calibrated on the other folds
    predicted: Bool[np.ndarray, "N L"]  # with threshold and filter of the other folds
    models: tuple[Models, ...]  # without each fold
    decisions: tuple[tuple[Decision, ...], ...]  # by fold and label
    inner: Float[np.ndarray, "K N L"]
    # scores by which the decisions of a fold were chosen: of models without it and without the
    # scored frame's own fold; in the fold itself they are `score`
    nested: bool  # whether decisions of a fold could be chosen without it


def train(
    settings: ClassifierSettings, task: Task, rows: Bool[np.ndarray, " N"], *names: str | int
) -> Models:
    """Return models of frames.

    Args:
        settings: of the models.
        task: features and labels.
        rows: frames that may train; those that nobody assessed do not.
        names: of the piece of work, which with the seed decide what is drawn.
    """
    at = np.flatnonzero(rows & task.observed)
    if settings.model == "one":
        return (
            _members(settings, task.values, _classes(task.shown), at, task, ("one", *names)),
        )
    return tuple(
        _members(settings, task.values, task.shown[:, k].astype(np.int64), at, None,
                 (k, *names))
        for k in range(task.shown.shape[1])
    )  # fmt: skip


def score(models: Models, values: Float32[np.ndarray, "T F"]) -> Float[np.ndarray, "T L"]:
    """Return p(label) of frames, before calibration: the mean over members."""
    means = []
    for members in models:
        total = np.zeros((len(values), 0))
        for nth, forest in enumerate(members):
            p = trees.probability(forest, values)[:, 1:]
            total = p if nth == 0 else total + p
        means.append(total / len(members))
    return np.concatenate(means, axis=1)


def validate(
    settings: ClassifierSettings, task: Task, folds: Folds, progress: Progress = silent
) -> Validated:
    """Ask models about the folds that did not train them; see the head of this file."""
    n, labels = task.shown.shape
    k = folds.folds
    nested = k > 2
    total = k + (k * (k - 1) // 2 if nested else 0)
    out, models = np.zeros((n, labels)), []
    own = [folds.of == fold for fold in range(k)]
    for fold in range(k):
        rows = classifier_splits.training(folds, task.offsets, [fold])
        models.append(train(settings, task, rows, "without", fold))
        out[own[fold]] = score(models[-1], task.values[own[fold]])
        progress(Step("fit-classifier", fold + 1, total, f"without fold {fold + 1}"))
    inner = [out.copy() for _ in range(k)]  # by tested fold: what it may be decided by
    for nth, (i, j) in enumerate(combinations(range(k), 2) if nested else ()):
        rows = classifier_splits.training(folds, task.offsets, [i, j])
        pair = train(settings, task, rows, "without", i, j)
        inner[i][own[j]] = score(pair, task.values[own[j]])
        inner[j][own[i]] = score(pair, task.values[own[i]])
        progress(Step("fit-classifier", k + nth + 1, total, f"without {i + 1} and {j + 1}"))
    decisions, probability = [], np.zeros((n, labels))
    predicted = np.zeros((n, labels), bool)
    for fold in range(k):
        seen = task.observed & ~own[fold]
        chosen = decisions_of(settings, task, inner[fold], seen) if nested else tuple(
            classifier_bouts.plain() for _ in range(labels)
        )  # fmt: skip
        decisions.append(chosen)
        ends, place = _pieces(own[fold], task.offsets)
        probability[place] = probabilities(out[place], chosen)
        predicted[place] = decide(settings, out[place], ends, task.fps, chosen)
    return Validated(
        out, probability, predicted, tuple(models), tuple(decisions), np.stack(inner), nested
    )


def decisions_of(
    settings: ClassifierSettings,
    task: Task,
    scores: Float[np.ndarray, "N L"],
    seen: Bool[np.ndarray, " N"],
) -> tuple[Decision, ...]:
    """Choose for each label how scores become bouts, on the frames that `seen` allows."""
    ends, place = _pieces(seen, task.offsets)
    return tuple(
        classifier_bouts.choose(
            settings, scores[place, k], task.shown[place, k], np.ones(len(place), bool), ends,
            task.fps,
        )
        for k in range(scores.shape[1])
    )  # fmt: skip


def probabilities(
    scores: Float[np.ndarray, "T L"], decisions: Sequence[Decision]
) -> Float[np.ndarray, "T L"]:
    """Return calibrated probabilities."""
    columns = [
        classifier_bouts.probability(scores[:, k], how) for k, how in enumerate(decisions)
    ]
    return np.stack(columns, axis=1)


def decide(
    settings: ClassifierSettings,
    scores: Float[np.ndarray, "T L"],
    offsets: Int64[np.ndarray, " A1"],
    fps: float,
    decisions: Sequence[Decision],
) -> Bool[np.ndarray, "T L"]:
    """Return which frames have which label; with one model of all, one at most."""
    shown = [
        classifier_bouts.decide(scores[:, k], offsets, fps, how)
        for k, how in enumerate(decisions)
    ]
    active = np.stack(shown, axis=1)
    if settings.model == "one":  # filters run label by label, so two may meet
        rank = np.where(active, probabilities(scores, decisions), -1.0)
        active &= np.arange(len(decisions)) == rank.argmax(axis=1)[:, None]
    return active


def _pieces(
    rows: Bool[np.ndarray, " N"], offsets: Int64[np.ndarray, " A1"]
) -> tuple[Int64[np.ndarray, " P1"], Int64[np.ndarray, " M"]]:
    """Return frames, and where each of their stretches without a hole begins and ends."""
    place = np.flatnonzero(rows)
    new = np.diff(place) > 1
    series = np.searchsorted(offsets, place, side="right")
    new |= np.diff(series) > 0
    return np.concatenate([[0], np.flatnonzero(new) + 1, [len(place)]]).astype(np.int64), place


def _classes(shown: Bool[np.ndarray, "N L"]) -> Int64[np.ndarray, " N"]:
    """Return one class a frame, 0 for no label."""
    several = shown.sum(axis=1) > 1
    if several.any():
        raise InputError(
            f"{int(several.sum())} frames show several behaviours; learn them with model: each"
        )
    return np.where(shown.any(axis=1), shown.argmax(axis=1) + 1, 0)


def _members(
    settings: ClassifierSettings,
    values: Float32[np.ndarray, "N F"],
    target: Int64[np.ndarray, " N"],
    rows: Int64[np.ndarray, " M"],
    task: Task | None,
    names: Sequence[str | int],
) -> Members:
    """Return the models of one target, each of every k-th frame and of a seed of its own."""
    classes = 2 if task is None else task.shown.shape[1] + 1
    return tuple(
        _boosted(settings, values, target, rows[member % settings.every :: settings.every],
                 classes, streams.key(settings.random_state, "classifier", *names, member))
        for member in range(settings.members)
    )  # fmt: skip


def _boosted(
    settings: ClassifierSettings,
    values: Float32[np.ndarray, "N F"],
    target: Int64[np.ndarray, " N"],
    rows: Int64[np.ndarray, " M"],
    classes: int,
    seed: int,
) -> Forest:
    """Return boosted trees; without trees where all frames are of one class."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    known = target[rows]
    counts = np.bincount(known, minlength=classes)
    if (counts > 0).sum() < 2:
        share = (counts + 1 / classes) / (len(known) + 1)
        odds = np.log(share[1:] / share[0]) if classes == 2 else np.log(share)
        return trees.constant(odds)
    x = values[rows]
    x[:, np.isnan(x).all(axis=0)] = 0.0  # what is never known is never asked
    borders = trees.edges(x, 1 / counts[known], settings.bins)
    fitted = HistGradientBoostingClassifier(
        learning_rate=settings.learning_rate, max_iter=settings.rounds,
        max_leaf_nodes=settings.leaves, min_samples_leaf=settings.leaf_frames,
        l2_regularization=settings.l2, max_features=settings.column_share,
        max_bins=settings.bins, early_stopping=False, class_weight="balanced",
        random_state=seed % (1 << 32),
    ).fit(trees.binned(x, borders), known)  # fmt: skip
    forest = trees.unbinned(trees.from_sklearn(fitted), borders)
    return _spread(forest, fitted.classes_, classes)


def _spread(forest: Forest, present: Int64[np.ndarray, " P"], classes: int) -> Forest:
    """Give classes that did not train a place, with next to no probability."""
    if classes == 2 or len(present) == classes:
        return forest
    if len(present) == 2:  # log odds of the second against the first
        base = np.full(classes, -50.0)
        base[present] = [0.0, forest.baseline[0]]
        return forest._replace(
            output=np.full(len(forest.output), present[1], np.int32), baseline=base
        )
    base = np.full(classes, forest.baseline.min() - 50.0)
    base[present] = forest.baseline
    return forest._replace(output=present[forest.output].astype(np.int32), baseline=base)
