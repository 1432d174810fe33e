"""The page about a fitted classifier: everything that it shows, put together."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gambol.behavior import agreement, classifier_scores
from gambol.behavior.classifier import BehaviorClassifier
from gambol.core.config import Config
from gambol.io import store
from gambol.viz import report_classifier
from gambol.viz.figures_classifier import LabelCurves, Stretch
from gambol.viz.report_classifier import Choice, ClassifierPage

_STRETCH_S = 60.0  # of one recording that is shown near
_HIDDEN = ("inputs", "made_from", "scores", "remarks")


def write(path: Path, cfg: Config, model: BehaviorClassifier, found: dict[str, Any]) -> None:
    """Write the page of a classifier that was just fitted."""
    held, told, said = model.series_, model.truth_, model.validated_
    shown = {key: value for key, value in found.items() if key not in _HIDDEN}
    made = ClassifierPage(
        name=path.parent.name,
        recordings=len(set(held.recordings)),
        frames=len(held.values),
        features=len(held.columns),
        folds=f"{model.folds_.folds} {model.folds_.kind}",
        scores=model.scores_,
        curves=_curves(model),
        importance=model.importance_,
        confusion=classifier_scores.confusion(told.shown, said.predicted, told.observed),
        stretch=_stretch(model),
        choices=[
            Choice(label, how.threshold, how.fill, how.drop, how.trust)
            for label, how in zip(model.labels_, model.decisions_, strict=True)
        ],
        by_fold=_by_fold(model),
        ceiling=model.ceiling_,
        remarks=model.remarks_,
        settings=cfg.yaml(),
        provenance=dict(json.loads(json.dumps(shown, default=str))),
    )
    store.write_text(report_classifier.classifier_page(made), path)


def _curves(model: BehaviorClassifier) -> list[LabelCurves]:
    told, said = model.truth_, model.validated_
    made = []
    for k, row in enumerate(model.scores_.to_dict("records")):
        seen = told.observed
        curve = classifier_scores.thinned(
            classifier_scores.precision_recall(said.score[seen, k], told.shown[seen, k])
        )
        worth = classifier_scores.reliability(said.probability[seen, k], told.shown[seen, k])
        at = float(row["recall"]), float(row["precision"])
        made.append(LabelCurves(str(row["label"]), *curve, at, *worth))
    return made


def _stretch(model: BehaviorClassifier) -> Stretch:
    """Return the stretch in which most behaviours begin or end, as people saw them."""
    held, told, said = model.series_, model.truth_, model.validated_
    best = (-1, 0, 0, 0)
    for a in range(len(held.names)):
        begin, end = int(held.offsets[a]), int(held.offsets[a + 1])
        size = min(end - begin, max(1, round(_STRETCH_S * held.fps)))
        edges = (np.diff(told.shown[begin:end].astype(np.int8), axis=0) != 0).sum(axis=1)
        run = np.concatenate([[0], np.cumsum(np.append(edges, 0))])
        within = run[size:] - run[:-size]
        at = int(within.argmax())
        best = max(best, (int(within[at]), a, begin + at, begin + at + size))
    _, a, start, stop = best
    rows = slice(start, stop)
    return Stretch(
        held.names[a], model.labels_, float(held.times[a][start - held.offsets[a]]), held.fps,
        told.shown[rows], said.predicted[rows], said.probability[rows], told.observed[rows],
    )  # fmt: skip


def _by_fold(model: BehaviorClassifier) -> pd.DataFrame:
    told, said, folds = model.truth_, model.validated_, model.folds_
    rows = []
    for fold in range(folds.folds):
        own = (folds.of == fold) & told.observed
        row: dict[str, Any] = {"fold": fold + 1, "frames": int(own.sum())}
        for k, label in enumerate(model.labels_):
            row[label] = agreement.f1(told.shown[own, k], said.predicted[own, k])
        rows.append(row)
    return pd.DataFrame(rows)
