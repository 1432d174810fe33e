import numpy as np
import pytest

from gambol.viz import figures_map_order as figures
from gambol.viz.figures_states import Lasting
from gambol.viz.svg import to_svg


def lasting(scale, bouts=30):
    time = scale * np.array([0.1, 0.2, 0.5])
    return Lasting(time, np.array([0.7, 0.4, 0.0]), scale * np.array([0.1, 0.2, 0.5]), bouts, 1)


def test_cells_are_in_the_order_of_the_tree():
    rng = np.random.default_rng(0)
    rows = rng.dirichlet(np.ones(6), 6)
    rows[4] = np.nan
    order = np.array([5, 0, 3, 2, 1])  # region 5 (index 4) has no stay
    levels = [np.zeros(6, int), np.array([0, 1, 1, 0, -1, 0]), np.array([0, 1, 1, 2, -1, 3])]
    strip, panel, scale = figures.transitions(rows, order, levels).axes
    assert np.allclose(panel.images[0].get_array() ** 2, rows[np.ix_(order, order)])
    assert [t.get_text() for t in panel.get_xticklabels()] == ["6", "1", "4", "3", "2"]
    assert [t.get_text() for t in strip.get_xticklabels()] == ["2", "4"]
    sides = [patch.get_width() for patch in panel.patches]
    assert sides == [3, 2, 1, 1, 1, 2]  # of both levels, along the diagonal
    first, second = (np.asarray(image.get_array()) for image in strip.images)
    assert len(np.unique(first.reshape(-1, 4), axis=0)) == 2
    assert len(np.unique(second.reshape(-1, 4), axis=0)) == 4
    assert [t.get_text() for t in scale.get_yticklabels()][-1] == "100 %"


def test_without_a_tree_there_are_cells_alone():
    strip, panel, _ = figures.transitions(np.eye(3), np.arange(3)).axes
    assert not strip.axison and not panel.patches


def test_levels_beside_a_matrix_are_few():
    levels = [np.minimum(np.arange(40), k) for k in range(1, 40)]
    strip = figures.transitions(np.full((40, 40), 1 / 40), np.arange(40), levels).axes[0]
    assert [t.get_text() for t in strip.get_xticklabels()][::5] == ["2", "40"]
    pixels = np.asarray(strip.images[-1].get_array())[:, 0]
    assert (pixels[1:] != pixels[:-1]).any(axis=1).all()  # neighbours differ


def test_the_eigenvalue_that_is_always_one_is_not_drawn():
    lags = np.array([1, 2, 5])
    real = np.array([[1, 0.8, 0.3], [1, 0.6, 0.2], [1, 0.4, 0.1]])
    chain = real[0] ** lags[:, None]
    shuffled = np.full((4, 3, 3), 0.05)
    figure = figures.decay(lags, real, chain, shuffled)
    panel = figure.axes[0]
    drawn = [line.get_ydata().tolist() for line in panel.lines]
    assert drawn == [real[:, 1].tolist(), chain[:, 1].tolist(), real[:, 2].tolist(),
                     chain[:, 2].tolist()]  # fmt: skip
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [
        "largest of shuffled stays, 95 %",
        "measured, the largest first",
        "a Markov chain of the same first step",
    ]
    single = figures.decay(lags, real[:, :1], chain[:, :1], shuffled[:, :, :1])
    assert single.axes[0].texts[0].get_text() == "one region only, nothing to remember"


def test_survival_shows_every_region_and_colours_the_frequent_ones():
    each = [lasting(1 + k / 10, bouts=50 - k) for k in range(12)]
    each[3] = each[3]._replace(bouts=0)
    curves, middles = figures.survival(each, lasting(1.0, 500)).axes
    assert len(curves.lines) == 12  # eleven regions and all together
    names = [t.get_text() for t in curves.get_legend().get_texts()]
    assert names == ["all", "1", "2", "3", "5", "6", "7", "8", "9"]
    assert [t.get_text() for t in middles.get_xticklabels()][3] == "5"
    medians = [line.get_ydata()[0] for line in middles.lines if line.get_marker() == "o"]
    assert np.allclose(medians, [0.2 * (1 + k / 10) for k in range(12) if k != 3])


def test_open_ends_go_to_the_top_and_no_stay_is_said():
    never = lasting(1.0)._replace(quartiles=np.array([0.1, np.inf, np.inf]))
    to_svg(figures.survival([never], never))
    none = Lasting(np.zeros(0), np.zeros(0), np.full(3, np.nan), 0, 0)
    panel = figures.survival([none], none).axes[0]
    assert panel.texts[0].get_text() == "no stay began within a recording"


@pytest.mark.parametrize("groups", [None, ["x", "y", "y", "x"]])
def test_every_animal_is_a_dot_and_every_group_has_its_mean(groups):
    shares = np.random.default_rng(0).dirichlet(np.ones(5), 4)
    panel = figures.usage(shares, groups).axes[0]
    dots = np.concatenate(
        [c.get_offsets() for c in panel.collections if len(c.get_offsets()) > 1]
    )
    assert np.allclose(np.sort(dots[:, 1]), np.sort(100 * shares.ravel()))
    lines = [c for c in panel.collections if hasattr(c, "get_segments")]
    heights = [[s[0, 1] for s in c.get_segments()] for c in lines]
    means = [shares] if groups is None else [shares[[0, 3]], shares[[1, 2]]]
    assert np.allclose(heights, [100 * part.mean(axis=0) for part in means])
    assert panel.get_title(loc="left") == "Usage of regions by 4 animals, % of the frames"
