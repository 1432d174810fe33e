"""The page of a classifier shows its numbers and says what a reader has to know."""

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from gambol.viz import report_classifier
from gambol.viz.figures_classifier import LabelCurves, Stretch
from gambol.viz.report_classifier import Choice, ClassifierPage

MEASURES = ("f1", "precision", "recall", "average_precision", "matthews", "bout_f1", "onset_s")


def page(labels=("rear", "<groom>"), interval=0.05, bouts=30, ceiling=None):
    """A page about labels that are told with an F1 of 0.812."""
    rng = np.random.default_rng(0)
    rows = []
    for label in labels:
        row = {"label": label, "frames": 900, "share": 0.2, "bouts": bouts}
        for name in MEASURES:
            row |= {
                name: 0.812,
                f"{name}_low": 0.812 - interval,
                f"{name}_high": 0.812 + interval,
            }
        rows.append(row)
    ramp, n = np.linspace(0, 1, 11), len(labels)
    shown = rng.random((200, n)) < 0.3
    stretch = Stretch("day 1", labels, 4.0, 20.0, shown, ~shown, rng.random((200, n)),
                      np.arange(200) > 20)  # fmt: skip
    needs = pd.DataFrame(
        [(w, kind, 4, 0.3, 0.2, 0.4) for w in labels for kind in ("kinematics", "arena")],
        columns=["label", "kind", "features", "loss", "low", "high"],
    )  # fmt: skip
    return report_classifier.classifier_page(
        ClassifierPage(
            "run", 3, 2700, 12, "3 recordings", pd.DataFrame(rows),
            [LabelCurves(w, ramp, ramp, (0.7, 0.8), ramp, ramp, np.arange(11)) for w in labels],
            needs, np.ones((n + 1, n + 1), np.int64), stretch,
            [Choice(w, 0.4, 0.1, 0.5, 0.0) for w in labels],
            pd.DataFrame([{"fold": 1, "frames": 900, **dict.fromkeys(labels, 0.9)}]),
            pd.DataFrame(columns=["label", "f1"]) if ceiling is None else ceiling,
            ("A remark.",), "rounds: 3", {"stage": "fit-classifier"},
        )
    )  # fmt: skip


def test_the_page_is_whole_and_escapes_names():
    text = page()
    HTMLParser().feed(text)
    assert text.count("<svg") == 4 and text.endswith("</html>\n")
    assert "<groom>" not in text and "&lt;groom&gt;" in text
    for words in (
        "0.81<br><small>0.76 to 0.86</small>",
        "A remark.",
        "rounds: 3",
        "kinematics",
    ):
        assert words in text


def test_without_intervals_it_says_why():
    text = page(interval=np.nan)
    assert "there are no intervals" in text and "0.812 (" not in text


def test_few_bouts_and_agreement_as_among_people_are_said():
    people = pd.DataFrame(
        [("ann", "ben", "rear", 900, 0.7, 0.82, 0.8, 0.1)],
        columns=["one", "other", "label", "frames", "kappa", "f1", "bout_f1", "onset_s"],
    )
    text = page(bouts=4, ceiling=people)
    assert "rear has 4 bouts: label more" in text
    assert "agrees with people (0.812) about as well" in text and "ann and ben" in text


@pytest.mark.parametrize("count", [1, 14])
def test_one_behaviour_and_many_have_their_pictures(count):
    labels = tuple(f"behaviour {k}" for k in range(count))
    assert page(labels).count("<svg") == 4
