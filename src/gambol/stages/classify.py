"""Stage `classify`: a fitted classifier to recordings that nobody labelled.

reads   model              run folder of `fit-classifier`, or its model.nc
        sources            poses, or files of `gambol features`, as in the fit
        labels             optional: ethograms, to say how well the recordings are told
writes  out/bouts.csv      bouts, each with its mean probability
        out/frames/NAME.nc probability and decision of every frame
        out/budget.csv     how often and how long each behaviour is shown
        out/scores.csv     with labels: by frame and by bout, with intervals
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from gambol.behavior import classifier_data, classifier_fit
from gambol.behavior import ethogram as of_bouts
from gambol.behavior.classifier import BehaviorClassifier, bouts_of
from gambol.behavior.classifier_data import Series
from gambol.core.config import Config
from gambol.core.progress import Progress, Step, silent
from gambol.io import ethogram as io_ethogram
from gambol.io import provenance, state_courses, store
from gambol.stages import classifier_files, fit_classifier, syllable_files


class ClassifyConfig(Config):
    """Settings of the stage."""

    fps: float | None = Field(default=None, gt=0)  # of the video, where labels do not say it
    repair: bool = False  # mend starts and stops of labels without a partner


class Classified(NamedTuple):
    """What was found."""

    out: Path
    recordings: int
    frames: int
    bouts: dict[str, int]  # by label
    seconds: dict[str, float]
    scores: tuple[dict[str, Any], ...]  # a row a label; none without labels
    remarks: tuple[str, ...]


def run(
    cfg: ClassifyConfig,
    model: Path,
    sources: list[Path],
    out: Path,
    *,
    labels: list[Path] | None = None,
    progress: Progress = silent,
) -> Classified:
    """Find behaviours, unless `out` holds just these; a recording's do not depend on others."""
    path, files = classifier_files.model_path(model), classifier_files.expand(sources)
    labels = classifier_files.label_files(labels or [])
    inputs = classifier_files.hashes([path, *files, *labels])
    made = syllable_files.key("classify", cfg, inputs)
    if syllable_files.finished(out, made):
        progress(Step("classify", 1, 1, out.name))
        return summary(out)
    fitted = classifier_files.read_model(path)
    held, scores = _scored(fitted, files, progress)
    probability = classifier_fit.probabilities(scores, fitted.decisions_)
    active = fitted.decide(held, scores)
    table = pd.DataFrame()
    if labels:
        told = classifier_files.labels(labels, cfg.fps, cfg.repair)
        table = fitted.compare(held, scores, told)
    syllable_files.begin(out, made)
    bouts = bouts_of(held, fitted.labels_, active, probability)
    io_ethogram.write(bouts, out / "bouts.csv", "bouts")
    state_courses.write_table(of_bouts.budget(bouts), out / "budget.csv")
    columns: dict[str, np.ndarray] = {
        "probability": probability.astype(np.float32), "predicted": active.astype(np.int8)
    }  # fmt: skip
    about = {"model": str(path.resolve()), "made_from": made}
    classifier_files.write_courses(out / "frames", held, fitted.labels_, columns, about)
    if len(table):
        state_courses.write_table(table, out / "scores.csv")
    lasting = (bouts.bouts["stop_s"] - bouts.bouts["start_s"]).groupby(bouts.bouts["label"])
    found = provenance.record(
        stage="classify", inputs=inputs, recordings=len(set(held.recordings)),
        frames=len(held.values),
        bouts={w: int((bouts.bouts["label"] == w).sum()) for w in fitted.labels_},
        seconds={str(w): float(s) for w, s in lasting.sum().items()},
        scores=store.nulls(table.to_dict("records")),
        remarks=_remarks(fitted.recordings_, held.recordings) if labels else [],
    )  # fmt: skip
    syllable_files.finish(out, made, found)
    return summary(out)


def _scored(
    fitted: BehaviorClassifier, files: Sequence[Path], progress: Progress
) -> tuple[Series, np.ndarray]:
    """Return what the models say (N, L) of recordings, of which one at a time is held."""
    parts, scores = [], []
    for held in classifier_files.each(files, fitted, "classify", progress):
        scores.append(classifier_fit.score(fitted.models_, held.values))
        parts.append(classifier_data.bare(held))
    return classifier_data.together(parts), np.concatenate(scores)


def summary(out: Path) -> Classified:
    """Say what lies in the folder."""
    note = store.read_json(out / "provenance.json")
    return Classified(
        out, note["recordings"], note["frames"], note["bouts"], note["seconds"],
        tuple(note["scores"]), tuple(note["remarks"]),
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what was found."""
    rows = [f"{values['out']}: {values['recordings']} recordings, {values['frames']} frames"]
    for label, count in values["bouts"].items():
        rows.append(f"{label}: {count} bouts, {values['seconds'].get(label, 0.0):.1f} s")
    rows += [fit_classifier.said(row) for row in values["scores"]]
    return "\n".join([*rows, *values["remarks"]])


def _remarks(trained: Sequence[str], scored: Sequence[str]) -> list[str]:
    """Say which scores are of recordings that taught the classifier."""
    both = [name for name in dict.fromkeys(scored) if name in trained]
    if not both:
        return []
    return [
        f"{both[0]!r}{f' and {len(both) - 1} more' if len(both) > 1 else ''} taught this "
        "classifier, or has the name of a recording that did: scores say how well it is told "
        "only for recordings that did not (see the report of gambol fit-classifier)"
    ]
