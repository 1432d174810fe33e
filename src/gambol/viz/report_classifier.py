"""The page about a classifier: how well it tells behaviours, why, and what it needs.

Stages collect what is here and write the page, which needs nothing but itself.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Int

from gambol.viz import figures_classifier
from gambol.viz.figures_classifier import LabelCurves, Stretch
from gambol.viz.html import Markup, el, join, page, section, table
from gambol.viz.report_parts import drawn, folded, head, number, origin, percent, remarks, time

_GOOD = 0.05  # F1 by which a model may stay behind people and still count as like them


class Choice(NamedTuple):
    """How a behaviour's score becomes bouts, chosen on frames that did not train."""

    label: str
    threshold: float
    fill_s: float
    drop_s: float
    trust: float  # 0: no chain


class ClassifierPage(NamedTuple):
    """What the page is made of."""

    name: str
    recordings: int
    frames: int
    features: int
    folds: str  # such as "5 blocks"
    scores: pd.DataFrame  # a row a label, of `behavior.classifier_scores.table`
    curves: Sequence[LabelCurves]
    importance: pd.DataFrame  # label, kind, features, loss, low, high
    confusion: Int[np.ndarray, "C C"]
    stretch: Stretch
    choices: Sequence[Choice]
    by_fold: pd.DataFrame  # fold, frames, and the F1 of each label
    ceiling: pd.DataFrame  # agreement of raters; empty with one
    remarks: Sequence[str] = ()
    settings: str = ""  # YAML
    provenance: Mapping[str, Any] = {}


def classifier_page(made: ClassifierPage) -> str:
    """Return the page."""
    parts = [
        _head(made),
        *remarks([*made.remarks, *_warnings(made)]),
        _scores(made),
        _curves(made),
        _said(made),
        _needs(made),
        *_people(made),
        _chosen(made),
        *origin(made.settings, made.provenance),
    ]
    return page(f"{made.name}: classifier", *parts)


def _head(made: ClassifierPage) -> Markup:
    scores = made.scores
    words = (
        f"{made.recordings} recording{'s' * (made.recordings != 1)}, "
        f"{number(float(made.frames))} frames, {made.features} features, tested in "
        f"{made.folds}. Every number here is of frames that did not train the model that tells "
        "them, nor choose its thresholds."
    )
    numbers = [
        (number(float(scores["f1"].mean())), "F1 of frames, mean over behaviours"),
        (number(float(scores["bout_f1"].mean())), "F1 of bouts, likewise"),
        (number(float(scores["average_precision"].mean())), "average precision, likewise"),
        (time(float(scores["onset_s"].mean())), "between onsets of matched bouts"),
    ]
    return head(made.name, words, numbers)


def _warnings(made: ClassifierPage) -> list[str]:
    told = []
    for row in made.scores.to_dict("records"):
        if row["bouts"] < 10:
            told.append(
                f"{row['label']} has {row['bouts']} bouts: label more before believing a score."
            )
    best: Mapping[Any, Any] = {}
    if len(made.ceiling):
        best = made.ceiling.groupby("label")["f1"].mean().to_dict()
    for row in made.scores.to_dict("records"):
        people = float(best.get(row["label"], np.nan))
        if np.isfinite(people) and row["f1"] >= people - _GOOD:
            told.append(
                f"{row['label']}: the model agrees with people ({number(row['f1'])}) about as "
                f"well as they agree with each other ({number(people)}); more training gains "
                "little."
            )
    return told


def _scores(made: ClassifierPage) -> Markup:
    top = ("behaviour", "share", "bouts", "F1", "precision", "recall", "average precision",
           "Matthews", "bout F1", "onset error")  # fmt: skip
    rows = [
        [
            str(row["label"]), percent(row["share"]), str(row["bouts"]),
            *(_between(row, name) for name in ("f1", "precision", "recall",
                                               "average_precision", "matthews", "bout_f1")),
            _between(row, "onset_s", " s"),
        ]
        for row in made.scores.to_dict("records")
    ]  # fmt: skip
    words = (
        "Intervals are 95 % of resampled recordings."
        if made.scores["f1_low"].notna().any()
        else "One recording (or one group) says nothing of how much recordings differ, so "
        "there are no intervals."
    )
    folds = [
        [str(row["fold"]), str(row["frames"]),
         *(number(row[label]) for label in made.scores["label"])]
        for row in made.by_fold.to_dict("records")
    ]  # fmt: skip
    names = ("fold", "frames", *(str(label) for label in made.scores["label"]))
    return section(
        "How well behaviours are told",
        el("p", words),
        table(top, rows),
        folded("F1 of frames, fold by fold", table(names, folds)),
    )


def _curves(made: ClassifierPage) -> Markup:
    caption = (
        "What a threshold would give, and what probabilities are worth. Left: the dot is what "
        "is predicted, with threshold and bout filter, so it may lie beside its curve. Right: "
        "on the dashed line a probability is what it says; larger dots are more frames."
    )
    names = [*(str(label) for label in made.scores["label"]), "nothing"]
    told = (
        "Frames by what people saw and by what is predicted, as shares of each row. Frames "
        "with several behaviours count several times."
    )
    return section(
        "Errors",
        drawn(figures_classifier.precision_recall(made.curves), caption),
        drawn(figures_classifier.confusion(names, made.confusion), told),
    )


def _said(made: ClassifierPage) -> Markup:
    caption = (
        "A stretch as a person labelled it and as the model says, with bouts and edges side by "
        "side. Shaded below is the probability; grey was not assessed."
    )
    return section("An example", drawn(figures_classifier.ethogram(made.stretch), caption))


def _needs(made: ClassifierPage) -> Markup:
    held = made.importance
    labels = [str(label) for label in made.scores["label"]]
    kinds = [str(kind) for kind in dict.fromkeys(held["kind"])]
    square = {
        name: held.pivot(index="label", columns="kind", values=name)
        .reindex(index=labels, columns=kinds)
        .to_numpy(np.float64)
        for name in ("loss", "low", "high")
    }
    caption = (
        "What the model loses on frames that did not train it when all features of a family "
        "are taken from other frames. Families stand in for each other, so a small loss does "
        "not mean that a family says nothing; lines are the range over folds and repeats."
    )
    rows = [
        [str(r["label"]), str(r["kind"]), str(r["features"]), number(r["loss"]),
         number(r["low"]), number(r["high"])]
        for r in held.to_dict("records")
    ]  # fmt: skip
    top = ("behaviour", "family", "features", "loss", "lowest", "highest")
    return section(
        "What it needs",
        drawn(figures_classifier.importance(labels, kinds, *square.values()), caption),
        folded("The numbers", table(top, rows)),
    )


def _people(made: ClassifierPage) -> list[Markup]:
    if not len(made.ceiling):
        return []
    rows = [
        [f"{r['one'] or 'unnamed'} and {r['other'] or 'unnamed'}", str(r["label"]),
         number(r["kappa"]), number(r["f1"]), number(r["bout_f1"]), time(r["onset_s"])]
        for r in made.ceiling.to_dict("records")
    ]  # fmt: skip
    top = ("people", "behaviour", "kappa", "F1", "bout F1", "onset error")
    words = (
        "No model can agree with people better than they agree with each other; what most of "
        "them say is what it learned."
    )
    return [section("How far people agree", el("p", words), table(top, rows))]


def _chosen(made: ClassifierPage) -> Markup:
    rows = [
        [one.label, number(one.threshold),
         f"chain, trust {one.trust:g}" if one.trust else f"{one.fill_s:g} s",
         "–" if one.trust else f"{one.drop_s:g} s"]
        for one in made.choices
    ]  # fmt: skip
    top = ("behaviour", "threshold of the score", "gaps filled below", "bouts dropped below")
    words = "What the saved model uses, chosen for the F1 of frames that did not train."
    return section("From probabilities to bouts", el("p", words), table(top, rows))


def _between(row: Mapping[Any, Any], name: str, unit: str = "") -> Markup:
    """Return a value, and its interval below it if there is one."""
    value, low, high = (float(row[key]) for key in (name, f"{name}_low", f"{name}_high"))
    said = f"{number(value, 2)}{unit}" if unit or not np.isfinite(value) else f"{value:.2f}"
    if not np.isfinite(low):
        return join([said])
    ends = (number(low, 2), number(high, 2)) if unit else (f"{low:.2f}", f"{high:.2f}")
    return join([said, el("br"), el("small", " to ".join(ends))])
