"""Which families of features a classifier needs: what it loses when they are shuffled.

Source: Breiman (2001), Machine Learning 45:5-32, section 10; all features of a family move
together, as they stand in for each other, and only frames are asked that did not train.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gambol.behavior import classifier_fit
from gambol.behavior.classifier_fit import Task, Validated
from gambol.behavior.classifier_scores import average_precision
from gambol.behavior.classifier_settings import ClassifierSettings
from gambol.behavior.classifier_splits import Folds
from gambol.core.progress import Progress, Step, silent
from gambol.kernels import streams


def importance(
    settings: ClassifierSettings,
    task: Task,
    folds: Folds,
    found: Validated,
    labels: Sequence[str],
    kinds: Sequence[str],
    progress: Progress = silent,
) -> pd.DataFrame:
    """Return the loss of average precision, on held-out frames, without a kind of feature.

    Args:
        settings: repeats, and most frames of a fold.
        task: features and labels.
        folds: the folds of `found`.
        found: models without each fold.
        labels: names.
        kinds: of each feature, such as its family.
        progress: told of every fold.

    Returns:
        A row a label and kind: label, kind, features, loss (mean over folds that show the
        label), low and high (of the folds and repeats).
    """
    names = list(dict.fromkeys(kinds))
    places = {name: np.flatnonzero(np.array(kinds, dtype=object) == name) for name in names}
    losses: dict[tuple[str, str], list[float]] = {}
    for fold in range(folds.folds):
        rng = streams.generator(settings.random_state, "importance", fold)
        rows = np.flatnonzero((folds.of == fold) & task.observed)
        if len(rows) > settings.importance_frames:
            rows = np.sort(rng.choice(rows, settings.importance_frames, replace=False))
        if not len(rows):
            continue
        values, shown = task.values[rows], task.shown[rows]
        whole = _precisions(classifier_fit.score(found.models[fold], values), shown)
        for name, columns in places.items():
            for _ in range(settings.importance_repeats):
                mixed = values.copy()
                mixed[:, columns] = values[rng.permutation(len(rows))][:, columns]
                after = _precisions(classifier_fit.score(found.models[fold], mixed), shown)
                for k, label in enumerate(labels):
                    losses.setdefault((label, name), []).append(whole[k] - after[k])
        progress(Step("importance", fold + 1, folds.folds, f"fold {fold + 1}"))
    rows_ = [
        (label, name, len(places[name]), *_summary(np.array(losses[label, name])))
        for label in labels
        for name in names
        if (label, name) in losses
    ]
    return pd.DataFrame(rows_, columns=["label", "kind", "features", "loss", "low", "high"])


def _precisions(scores: np.ndarray, shown: np.ndarray) -> list[float]:
    return [average_precision(scores[:, k], shown[:, k]) for k in range(shown.shape[1])]


def _summary(values: np.ndarray) -> tuple[float, float, float]:
    known = values[~np.isnan(values)]
    if not len(known):
        return (float("nan"),) * 3
    return float(known.mean()), float(known.min()), float(known.max())
