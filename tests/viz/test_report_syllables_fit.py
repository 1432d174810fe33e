"""The page about a fit of syllables says what a reader has to know."""

import re

import numpy as np
import pytest

from gambol.core import sequences
from gambol.viz import report_syllables_fit as pages
from gambol.viz.report_syllables_fit import Changes, FitPage, Learning, Noise, Seeds

K = np.arange(6.0)
TRACE = np.column_stack([K, K - 900, K + 8, K, np.full(6, 1e4), [0, 0, 1, 2, 3, 3]])


def page(**changes):
    labels = sequences.pack([np.repeat([0, 1, 0, 1], 12)], ["a"], 30.0, 3)
    values = dict(
        name="run", traces={"seed-0": TRACE}, chosen="seed-0",
        tries=[("On first latents", np.array([4.5]), np.array([0.4]))], close=0.1, target_s=0.4,
        labels=labels, usage=np.array([0.5, 0.5, 0.0]), by_recording=np.array([[0.5, 0.5, 0]]),
        frames=np.array([12, 12]), bouts=np.array([1, 1, 0]),
        median_s=np.array([0.4, 0.4, np.nan]), changes=Changes(K, K, 0.2, K, K, K),
    )  # fmt: skip
    return FitPage(**{**values, **changes})


SEEDS = Seeds(
    ["seed-0", "seed-1"], np.array([1.0, 0.5]), np.array([0.7, 0.7]), 0,
    np.array([0.8, 0.3, np.nan]), np.array([False, True, False]), 1.4, 0.5,
)  # fmt: skip


def test_a_page_has_what_was_given_and_needs_nothing_else():
    plain = pages.fit_page(page())
    assert "Do seeds agree?" not in plain and "Was it enough data?" not in plain
    full = pages.fit_page(
        page(
            seeds=SEEDS, learning=Learning(K, K, K, K, "nats"), settings="n_states: 3",
            noise=Noise(np.arange(3.0), np.ones((2, 2)), np.ones((2, 2)), (0.1, 0.5)),
        )
    )  # fmt: skip
    for words in (
        "Do seeds agree?",
        "Was it enough data?",
        "Is the noise right?",
        "n_states: 3",
    ):
        assert words in full
    assert full.count("<svg") == plain.count("<svg") + 3
    assert not re.search(r"(src|href)=\"http", full)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (dict(frames=np.array([30])), "was wanted"),
        (dict(seeds=SEEDS), "Unstable, for other seeds do not find them: syllables 1."),
        (dict(seeds=SEEDS), "above 1.05"),
        (dict(remarks=["poses: a < b"]), "poses: a < b"),
    ],
)
def test_what_is_doubtful_is_said(changes, words):
    assert any(words in told for told in pages.warnings(page(**changes)))


def test_a_good_fit_of_one_recording_has_one_warning():
    assert len(pages.warnings(page())) == 1
