"""Pictures of groups: dots where the values are, rows by group, nothing lost."""

import numpy as np
import pandas as pd

from gambol.viz import figures_fingerprints
from gambol.viz.svg import to_svg

LABELS = {4: ("rear", "#112233"), 1: ("walk", "#445566")}


def tables():
    animals = pd.DataFrame(
        {
            "group": ["a"] * 4 + ["b"] * 2,
            "animal": ["m1", "m1", "m2", "m2", "m3", "m3"],
            "id": [4, 1] * 3,
            "usage": [0.2, 0.3, 0.4, 0.5, 0.1, 0.9],
            "speed, px/s": [1.0, 2.0, 3.0, 4.0, 5.0, np.nan],
        }
    )
    groups = animals.groupby(["group", "id"])[["usage", "speed, px/s"]].mean().reset_index()
    return groups, animals


def test_means_and_animals_are_dots_at_their_values_usage_in_per_cent():
    figure = figures_fingerprints.table(*tables(), ["usage", "speed, px/s"], LABELS)
    panel = figure.axes[0]
    dots = [np.asarray(c.get_offsets()) for c in panel.collections if len(c.get_offsets())]
    assert np.allclose(sorted(dots[0][:, 0]), [20, 30, 40, 50])
    assert np.allclose(dots[1][:, 0], [30, 40])  # rear above walk, as they were given
    assert [t.get_text() for t in panel.get_yticklabels()] == ["rear", "walk"]
    assert panel.get_xlabel() == "usage, %"
    text = to_svg(figure)
    assert "speed, px/s" in text
    one = [table[table["group"] == "a"] for table in tables()]
    assert to_svg(figures_fingerprints.table(*one, ["usage"], LABELS))


def test_a_fingerprint_names_animals_groups_and_edges_of_bins():
    rng = np.random.default_rng(0)
    shares = {"speed, px/s": rng.dirichlet(np.ones(10), 5), "usage": rng.dirichlet([1, 1], 5)}
    edges = {"speed, px/s": np.linspace(0, 100, 11)}
    level = np.array([0, 0, 1, 1, 1])
    figure = figures_fingerprints.fingerprint(
        shares, edges, level, ["wt", "ko"], ["m1", "m2", "m3", "m4", "m5"], ["rear", "walk"]
    )
    assert [t.get_text() for t in figure.axes[1].get_xticklabels()] == ["rear", "walk"]
    ticks = dict(
        zip(
            (t.get_text() for t in figure.axes[0].get_xticklabels()),
            figure.axes[0].get_xticks(),
            strict=True,
        )
    )
    assert ticks["50"] == 4.5  # between the fifth bin and the sixth
    text = to_svg(figure)
    assert all(word in text for word in ("wt", "ko", "m5", "px/s"))


def test_animals_told_are_numbers_and_the_labelling_stands_among_the_permuted():
    confusion = np.array([[4, 1], [0, 5]])
    figure = figures_fingerprints.classified(confusion, ["wt", "ko"], 0.9, np.full(99, 0.5))
    assert {t.get_text() for t in figure.axes[0].texts} == {"4", "1", "0", "5"}
    assert to_svg(figure)
