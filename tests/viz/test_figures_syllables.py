"""Pictures of labels: names, order, and what is drawn of matrices and graphs."""

import numpy as np
import pytest
from matplotlib.patches import Circle, FancyArrowPatch
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from gambol.viz import figures_syllables
from gambol.viz.figures_syllables import Graph, Named
from gambol.viz.svg import to_svg


def named(count):
    return Named(tuple(f"label {k}" for k in range(count)), figures_syllables.colours(count))


def chances(count, seed=0):
    values = np.random.default_rng(seed).dirichlet(np.full(count, 0.4), count)
    np.fill_diagonal(values, 0.0)
    return values


def test_a_chosen_colour_takes_the_place_of_that_of_the_number():
    plain, chosen = figures_syllables.colours(4), figures_syllables.colours(4, {2: "#010101"})
    assert chosen[2] == "#010101"
    assert chosen[:2] + chosen[3:] == plain[:2] + plain[3:]
    assert figures_syllables.colours(9)[:4] == plain


@pytest.mark.parametrize("count", [2, 7, 60])
def test_a_tree_names_its_leaves_in_order_and_marks_what_joins_below_the_cut(count):
    place = np.random.default_rng(1).normal(0, 1, (count, 3))
    apart = np.linalg.norm(place[:, None] - place, axis=2)
    linkage = hierarchy.linkage(squareform(apart, checks=False), "ward")
    cut = float(linkage[0, 2]) + 1e-9
    figure = figures_syllables.dendrogram(linkage, apart, named(count), "distance, mm", cut)
    tree = figure.axes[0]
    told = [text.get_text() for text in tree.get_yticklabels()]
    assert told == [f"label {k}" for k in hierarchy.leaves_list(linkage)]
    orange = [line for line in tree.lines if line.get_color() == "#d9751e"]
    assert len(orange) == 2  # one join, and the cut
    assert to_svg(figure)


def test_a_matrix_says_per_cents_and_leaves_its_diagonal_empty():
    values = chances(4)
    figure = figures_syllables.bigrams(values, named(4), "%")
    told = {text.get_text() for text in figure.axes[0].texts}
    assert told == {f"{100 * values[i, j]:.0f}" for i in range(4) for j in range(4) if i != j}
    assert to_svg(figures_syllables.bigrams(np.full((3, 3), np.nan), named(3), "%"))


def test_groups_share_a_scale_and_a_difference_is_the_second_minus_the_first():
    groups = [Graph(f"g{g} (3 animals)", chances(5, g), np.full(5, 0.2)) for g in (0, 1)]
    figure = figures_syllables.bigram_groups(groups, named(5), "row: now", [(0, 1)])
    one, other, away = (panel.images[0] for panel in figure.axes[:3])
    assert one.norm.vmax == other.norm.vmax
    wanted = 100 * (groups[1].chance - groups[0].chance)
    seen = ~np.eye(5, dtype=bool)
    assert np.allclose(away.get_array()[seen], wanted[seen])
    assert figure.axes[2].get_title(loc="left") == "g1 minus g0"


def test_a_graph_draws_the_strongest_edges_and_one_layout_in_every_panel():
    groups = [Graph(f"g{g}", chances(6, g), np.full(6, 1 / 6)) for g in (0, 1)]
    place = np.random.default_rng(2).uniform(-1, 1, (6, 2))
    figure = figures_syllables.graphs(groups, place, named(6), [(0, 1)])
    spots = [
        np.array([disc.center for disc in panel.patches if isinstance(disc, Circle)])
        for panel in figure.axes[:3]
    ]
    assert all(np.array_equal(spot, place) for spot in spots)
    for panel, graph in zip(figure.axes, groups, strict=False):
        arrows = [p for p in panel.patches if isinstance(p, FancyArrowPatch)]
        assert 0 < len(arrows) <= 18
        assert len(arrows) == min(18, int((graph.chance >= 0.02).sum()))
    assert to_svg(figure)


def test_graphs_of_one_node_and_of_nothing_known_are_drawn():
    for count in (1, 2):
        graph = Graph("all", np.full((count, count), np.nan), np.zeros(count))
        assert to_svg(figures_syllables.graphs([graph], np.zeros((count, 2)), named(count)))


@pytest.mark.parametrize("count", [2, 12, 36])
def test_discs_that_lie_over_each_other_are_pushed_apart(count):
    rng = np.random.default_rng(count)
    place, radius = rng.uniform(-0.7, 0.7, (count, 2)), rng.uniform(0.04, 0.14, count)
    place[1] = place[0]
    found = figures_syllables.spread(place, radius)
    far = squareform(np.linalg.norm(found[:, None] - found, axis=2), checks=False)
    least = squareform(radius[:, None] + radius - 2 * np.diag(radius), checks=False)
    assert (far > least - 2e-3).all()
    assert np.array_equal(found, figures_syllables.spread(place, radius))
    again = figures_syllables.spread(found * 1.1, radius)  # with room between them they stay
    np.testing.assert_array_equal(again, found * 1.1)
    before = np.linalg.norm(place[:, None] - place, axis=2)[2:, 2:]
    after = np.linalg.norm(found[:, None] - found, axis=2)[2:, 2:]
    if count > 2:  # what was near is still near
        assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.9


def test_discs_of_a_figure_do_not_touch():
    place = np.random.default_rng(0).normal(0, 0.3, (30, 2))
    usage = np.linspace(0.01, 1, 30)
    figure = figures_syllables.graphs([Graph("all", chances(30), usage)], place, named(30))
    discs = [one for one in figure.axes[0].patches if isinstance(one, Circle)]
    at, wide = np.array([one.center for one in discs]), np.array([one.radius for one in discs])
    far = np.linalg.norm(at[:, None] - at, axis=2) + 1e9 * np.eye(30)
    assert len(discs) == 30 and (far > wide[:, None] + wide).all()
    assert figure.axes[0].get_aspect() == 1.0  # so they do not touch on paper either
