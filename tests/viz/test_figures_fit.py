import numpy as np
import pytest

from gambol.viz import figures_fit as figures
from gambol.viz.figures_fit import Plateau
from gambol.viz.svg import to_svg

RISING = -1000 + 10 * np.log(np.arange(1.0, 41.0))


def test_the_curve_is_shown_whole_and_in_its_final_half():
    whole, half = figures.convergence(RISING, 38, [10, 20, 30, 40]).axes
    assert whole.lines[0].get_xdata().tolist() == list(range(1, 41))
    assert whole.lines[0].get_ydata().tolist() == RISING.tolist()
    assert half.lines[0].get_ydata().tolist() == RISING[20:].tolist()


def test_kept_sweeps_and_the_one_in_use_are_marked():
    whole, half = figures.convergence(RISING, 38, [10, 20, 30, 40]).axes
    assert whole.lines[1].get_xdata().tolist() == [10, 20, 30, 40]
    assert half.lines[1].get_xdata().tolist() == [30, 40]
    assert (
        list(half.lines[2].get_xdata()) == [38] and half.lines[2].get_ydata()[0] == RISING[37]
    )
    assert whole.texts[0].get_text() == "in use: sweep 38"


def test_the_line_through_the_last_sweeps_has_the_slope_that_was_measured():
    line = figures.convergence(RISING, 1, (), Plateau(0.4, 0.1, False)).axes[1].lines[-1]
    x, y = line.get_xdata(), line.get_ydata()
    assert x.tolist() == list(range(21, 41)) and np.allclose(np.diff(y), 0.4)
    assert np.isclose(y.mean(), RISING[20:].mean())


def test_a_plateau_says_whether_it_is_one():
    assert "has settled" in str(Plateau(0.01, 0.2, True))
    assert "more iterations" in str(Plateau(2.0, 0.2, False))
    assert "Too few" in str(Plateau(float("nan"), float("nan"), False))


@pytest.mark.parametrize("sweeps", [0, 1, 2, 3])
def test_fits_of_few_sweeps_have_figures(sweeps):
    unsure = Plateau(float("nan"), float("nan"), False)
    for made in (
        figures.convergence(RISING[:sweeps], min(sweeps, 1), (), unsure),
        figures.terms(np.zeros((sweeps, 4))),
        figures.steps(np.ones((sweeps, 5))),
        figures.history(np.zeros((sweeps, 30), np.uint8), 25.0, 3),
    ):
        to_svg(made)


def test_each_term_has_a_panel():
    trace = np.random.default_rng(0).normal(size=(9, 4))
    for panel, column in zip(figures.terms(trace).axes, trace.T, strict=True):
        assert panel.lines[0].get_ydata().tolist() == column.tolist()


def test_optimisations_are_shown_whole_and_below_at_their_end():
    values = np.array([-9.0, -3.0, -2.0, -1.5, -1.25, -1.0])
    above, below = figures.objective({"rows of W": values, "nothing": values[:0]}).axes
    assert above.lines[0].get_ydata().tolist() == values.tolist()
    assert below.lines[0].get_ydata().tolist() == [-0.5, -0.25, 0.0]
    to_svg(figures.objective({}))
    to_svg(figures.objective({"one": values[:1]}))


def test_sweeps_at_a_limit_are_marked():
    blocks = np.ones((6, 5))
    blocks[:, 0] = [3, 4, 5, 4, 3, 9]
    blocks[[2, 5], 4] = 0
    figure = figures.steps(blocks)
    assert figure.axes[0].lines[0].get_ydata().tolist() == blocks[:, 0].tolist()
    assert all(panel.lines[-1].get_xdata().tolist() == [3, 6] for panel in figure.axes)
    blocks[:, 1] = 0.0  # a gain of nothing has a place on the axis of logarithms
    to_svg(figures.steps(blocks))


def test_the_history_has_a_row_a_sweep_and_the_seconds_of_the_recording():
    states = np.repeat(np.array([[0, 1], [1, 1], [2, 0]], np.uint8), 50, axis=1)
    panel = figures.history(states, 25.0, 3, begin_s=10.0).axes[0]
    image = panel.images[0]
    assert image.get_array().shape == (3, 100, 4) and image.get_extent() == [10.0, 14.0, 3, 0.0]
    pixels = np.asarray(image.get_array())
    assert (pixels[0, 60] == pixels[1, 10]).all() and (pixels[0, 0] != pixels[2, 0]).any()


def test_a_long_history_is_no_wider_than_a_page_shows():
    image = figures.history(np.zeros((2, 72_000), np.uint8), 120.0, 3).axes[0].images[0]
    assert image.get_array().shape[1] <= 1500
