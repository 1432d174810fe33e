import re

import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch

from gambol.viz import figures_content as figures
from gambol.viz.svg import to_svg


def image(panel):
    return np.ma.filled(panel.images[0].get_array(), np.nan)


def test_the_common_table_is_shown_as_it_is_but_scaled_without_its_diagonal():
    logits = np.random.default_rng(0).normal(size=(12, 12)) + 40 * np.eye(12)
    panel = figures.base(logits).axes[0]
    assert (image(panel) == logits).all()
    low, high = panel.images[0].get_clim()
    assert low == -high and high < 5


def test_biases_are_sorted_and_the_extreme_syllables_named():
    values = np.array([[0.5, -2.0, 3.0, -1.0, 0.1, -0.6], [-0.5, 2.0, -3.0, 1.0, -0.1, 0.6]])
    names = ["a", "b", "c", "d", "e", "f"]
    panel = figures.biases(values, np.array([0.9, 0.1]), names).axes[0]
    assert [bar.get_height() for bar in panel.patches] == sorted(values[0])
    assert [t.get_text() for t in panel.texts] == ["down: b, d, f", "up: c, a, e"]
    assert panel.get_title(loc="left") == "state 0: 90%"


def test_states_are_shown_from_the_most_used_one_and_unused_ones_not():
    values = np.zeros((4, 5))
    usage = np.array([0.2, 0.0, 0.8, np.nan])
    panels = figures.biases(values, usage).axes
    assert [panel.get_title(loc="left")[:7] for panel in panels] == ["state 2", "state 0"]


def test_differences_from_the_mean_sum_to_nothing():
    theta = np.random.default_rng(0).dirichlet(np.ones(6), (3, 6))
    shown = [image(panel) for panel in figures.differences(theta).axes[:3]]
    assert np.allclose(np.sum(shown, axis=0), 0)
    assert np.allclose(shown[1], theta[1] - theta.mean(axis=0))


def test_transitions_are_times_a_minute_and_staying_is_said_in_seconds():
    trans = np.array([[0.99, 0.01], [0.001, 0.999]])
    panel, beside = figures.transitions(trans, 10.0).axes
    shown = image(panel)
    assert np.isclose(shown[0, 1] - shown[1, 0], 1.0) and np.isnan(np.diag(shown)).all()
    said = {t.get_text() for t in panel.texts}
    assert {"6", ".6", "10s", "100s"} == said
    ticks = [t.get_text() for t in beside.get_yticklabels()]
    assert "1" in ticks


def test_states_without_a_frame_stand_in_brackets():
    trans = np.full((3, 3), 1 / 3)
    panel = figures.transitions(trans, 25.0, np.array([True, False, True])).axes[0]
    assert [t.get_text() for t in panel.get_yticklabels()] == ["0", "(1)", "2"]


def test_moves_leave_staying_out():
    counts = np.array([[50, 3, 1], [0, 9, 0], [2, 2, 5]])
    share = figures.without_self(counts)
    assert share[0].tolist() == [0, 0.75, 0.25] and np.isnan(share[1]).all()
    assert share[2].tolist() == [0.5, 0.5, 0]


def test_the_graph_has_an_arrow_for_every_move_that_matters():
    share = np.array([[0, 0.97, 0.03], [1.0, 0, 0], [np.nan, np.nan, np.nan]])
    panel = figures.graph(share, np.array([0.5, 0.3, 0.2])).axes[0]
    arrows = [patch for patch in panel.patches if isinstance(patch, FancyArrowPatch)]
    assert len(arrows) == 2
    sizes = [line.get_markersize() for line in panel.lines]
    assert sizes == sorted(sizes, reverse=True) and len(sizes) == 3
    assert [t.get_text() for t in panel.texts] == ["0: 50%", "1: 30%", "2: 20%"]


@pytest.mark.parametrize(("k", "s"), [(1, 1), (1, 2), (2, 2), (3, 1), (22, 9)])
def test_models_of_every_size_are_drawn(k, s):
    rng = np.random.default_rng(0)
    theta, trans = rng.dirichlet(np.ones(s), (k, s)), rng.dirichlet(np.ones(k), k)
    usage = rng.dirichlet(np.ones(k))
    for figure in (
        figures.base(rng.normal(size=(s, s))),
        figures.biases(rng.normal(size=(k, s)), usage),
        figures.differences(theta, usage),
        figures.transitions(trans, 25.0),
        figures.graph(figures.without_self(rng.integers(0, 9, (k, k))), usage),
    ):
        assert not re.search(r">nan<", to_svg(figure))


def test_nothing_used_is_said():
    text = to_svg(figures.graph(np.full((2, 2), np.nan), np.zeros(2)))
    assert "no state is used" in text
    to_svg(figures.biases(np.zeros((2, 3)), np.zeros(2)))
    to_svg(figures.transitions(np.eye(3), 25.0))


def test_long_names_leave_the_panels_their_room():
    names = [f"a very long name of syllable {k}" for k in range(9)]
    values = np.random.default_rng(0).normal(size=(12, 9))
    to_svg(figures.biases(values, np.full(12, 1 / 12), names))
    to_svg(figures.base(np.zeros((9, 9)), names))
