"""Stage `fit-classifier`: behaviours that people labelled, learned and checked.

reads   sources                 poses, or files of `gambol features`, of recordings
        labels                  ethograms of the same recordings, in any format, or folders
        animals                 optional CSV: recording, animal; animals are kept together
writes  out/model.nc            the classifier: trees as plain arrays, thresholds, settings
        out/folds.csv           which frames were tested by which fold
        out/scores.csv          by frame and by bout, with intervals
        out/importance.csv      what each family of features is needed for
        out/raters.csv          how far people agree, where several labelled a recording
        out/bouts.csv           what models say of frames that did not train them
        out/held_out/NAME.nc    the same, frame by frame: score, probability, predicted, shown
        out/report.html         every figure, and what it says
"""

from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from gambol.behavior import classifier, classifier_splits
from gambol.behavior.classifier import BehaviorClassifier
from gambol.behavior.classifier_data import Series
from gambol.behavior.classifier_settings import ClassifierSettings
from gambol.behavior.features import Features
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.io import ethogram as io_ethogram
from gambol.io import provenance, state_courses, store
from gambol.stages import animals as of_animals
from gambol.stages import classifier_files, classifier_report, syllable_files


class FitConfig(ClassifierSettings):
    """Settings of the stage: those of the classifier, and how files are read."""

    features: Features | None = None  # of poses; null: files of features are given
    labels: tuple[str, ...] = ()  # to learn; none: all that have bouts
    groups: Literal["recording", "blocks"] = "recording"
    # what is tested together: whole recordings (animals, where they are given), or blocks of
    # every recording; one recording alone is always cut into blocks
    fps: float | None = Field(default=None, gt=0)  # of the video, where labels do not say it
    repair: bool = False  # mend starts and stops without a partner
    ties: Literal["absent", "present", "unknown"] = "absent"  # frames that half of raters saw

    def model_settings(self) -> dict[str, Any]:
        """Return the settings of the classifier alone."""
        return {name: getattr(self, name) for name in ClassifierSettings.model_fields}


class Fitted(NamedTuple):
    """What was found."""

    run: Path
    recordings: int
    frames: int
    folds: str
    scores: tuple[dict[str, Any], ...]  # a row a label
    remarks: tuple[str, ...]


def run(
    cfg: FitConfig,
    sources: list[Path],
    labels: list[Path],
    out: Path,
    *,
    animals: Path | None = None,
    progress: Progress = silent,
) -> Fitted:
    """Fit a classifier, unless `out` holds just this one."""
    files, labels = classifier_files.expand(sources), classifier_files.label_files(labels)
    inputs = classifier_files.hashes([*files, *labels, *([animals] if animals else [])])
    made = syllable_files.key("fit-classifier", cfg, inputs)
    if syllable_files.finished(out, made):
        progress(Step("fit-classifier", 1, 1, out.name))
        return summary(out)
    told = classifier_files.labels(labels, cfg.fps, cfg.repair)
    held = classifier_files.series(files, cfg.features, "fit-classifier", progress)
    model = BehaviorClassifier(cfg.features, cfg.labels, **cfg.model_settings())
    model.fit_series(held, told, _groups(cfg, animals, held), ties=cfg.ties, progress=progress)
    syllable_files.begin(out, made)
    cfg.to_yaml(out / "settings.yaml")
    store.write_dataset(model.to_dataset().assign_attrs(made_from=made), out / "model.nc")
    _write(model, out)
    found = provenance.record(
        stage="fit-classifier", inputs=inputs, recordings=len(set(held.recordings)),
        frames=len(held.values), folds=f"{model.folds_.folds} {model.folds_.kind}",
        scores=store.nulls(model.scores_.to_dict("records")), remarks=list(model.remarks_),
    )  # fmt: skip
    classifier_report.write(out / "report.html", cfg, model, found)
    syllable_files.finish(out, made, found)
    return summary(out)


def summary(run: Path) -> Fitted:
    """Say what lies in the folder of a finished run."""
    note = store.read_json(run / "provenance.json")
    return Fitted(
        run, note["recordings"], note["frames"], note["folds"], tuple(note["scores"]),
        tuple(note["remarks"]),
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines how well behaviours are told."""
    rows = [
        f"{values['run']}: {values['recordings']} recordings, {values['frames']} frames, "
        f"tested in {values['folds']}"
    ]
    rows += [said(row) for row in values["scores"]]
    return "\n".join([*rows, *values["remarks"], f"read {values['run']}/report.html"])


def said(row: dict[str, Any]) -> str:
    """Say the scores of a label."""
    low, high = row["f1_low"], row["f1_high"]
    between = "" if low is None or low != low else f" ({low:.2f} to {high:.2f})"
    return (
        f"{row['label']}: F1 of frames {_number(row['f1'])}{between}, of bouts "
        f"{_number(row['bout_f1'])}; average precision {_number(row['average_precision'])}; "
        f"{row['bouts']} bouts, {row['share']:.1%} of the frames"
    )


def _number(value: float | None) -> str:
    return "none" if value is None or value != value else f"{value:.3f}"


def _groups(cfg: FitConfig, animals: Path | None, held: Series) -> str | dict[str, str]:
    """Return what is tested together."""
    if animals is None:
        return cfg.groups
    if cfg.groups != "recording":
        raise InputError(f"{animals} has no effect with groups: {cfg.groups}; leave one out")
    table = of_animals.read(animals)
    known = dict(zip(table["recording"], table["animal"], strict=True))
    if new := sorted(set(held.recordings) - set(known)):
        raise InputError(f"{animals} names no animal for {new[0]!r}; add a row")
    return {name: known[name] for name in held.recordings}


def _write(model: BehaviorClassifier, out: Path) -> None:
    """Write tables and what was said of held-out frames."""
    held, found, told = model.series_, model.validated_, model.truth_
    spans = classifier_splits.table(model.folds_, held.offsets, held.names)
    state_courses.write_table(pd.DataFrame(spans), out / "folds.csv")
    state_courses.write_table(model.scores_, out / "scores.csv")
    state_courses.write_table(model.importance_, out / "importance.csv")
    if len(model.ceiling_):
        state_courses.write_table(model.ceiling_, out / "raters.csv")
    bouts = classifier.bouts_of(held, model.labels_, found.predicted, found.probability)
    io_ethogram.write(bouts, out / "bouts.csv", "bouts")
    unknown = ~told.observed[:, None]
    shown = np.where(unknown, -1, told.shown).astype(np.int8)
    columns: dict[str, np.ndarray] = {
        "score": found.score.astype(np.float32),
        "probability": found.probability.astype(np.float32),
        "predicted": found.predicted.astype(np.int8), "shown": shown,
    }  # fmt: skip
    about = {"said": "by models that these frames did not train; shown: -1 is not assessed"}
    classifier_files.write_courses(out / "held_out", held, model.labels_, columns, about)
