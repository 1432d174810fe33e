import numpy as np
import pytest
import state_examples as world

from gambol.viz import figures_scan as figures
from gambol.viz.svg import to_svg


def test_lines_are_medians_over_seeds():
    table = world.fits()
    score, lasting = figures.stickiness(table, 3.0, 16.0, 2000.0).axes
    for panel, values in ((score, table.log_probability), (lasting, table.median_s)):
        for line, k in zip(panel.lines[:2], (3, 5), strict=True):
            own = table.n_states == k
            middle = [
                np.median(values[own & (table.trans_kappa == x)]) for x in line.get_xdata()
            ]
            assert line.get_xdata().tolist() == [500.0, 2000.0, 8000.0]
            assert np.allclose(line.get_ydata(), middle)
            assert line.get_label() == str(k)


def test_the_range_between_chance_lags_is_shaded_and_the_choice_marked():
    lasting = figures.stickiness(world.fits(), 3.0, 16.0, 2000.0).axes[1]
    box = lasting.patches[0].get_extents().transformed(lasting.transData.inverted())
    assert np.isclose(box.y0, 3.0) and np.isclose(box.y1, 16.0)
    assert list(lasting.lines[-1].get_xdata()) == [2000.0, 2000.0]
    without = figures.stickiness(world.fits()).axes[1]
    assert not without.patches


def test_the_held_out_score_has_a_panel_if_there_is_one():
    table = world.fits()
    held = np.linspace(-1, -0.5, len(table.held_out))
    assert len(figures.stickiness(table).axes) == 2
    panels = figures.stickiness(table._replace(held_out=held)).axes
    assert len(panels) == 3 and panels[2].get_title(loc="left") == "Held out, nats a frame"


def test_agreement_is_every_pair_and_their_median():
    alike = {3: np.array([[1, 0.2, 0.4], [0.2, 1, 0.9], [0.4, 0.9, 1]]), 5: np.ones((1, 1))}
    agree, _, used = figures.numbers_of_states(world.fits(), alike, 3).axes
    dots = agree.collections[0].get_offsets()
    assert np.asarray(dots).tolist() == [[3, 0.2], [3, 0.4], [3, 0.9]]
    assert agree.lines[0].get_ydata().tolist() == [0.4]
    assert used.lines[0].get_ydata().tolist() == [3.0, 4.0]


def test_usage_is_ranked_and_states_without_frames_are_left_out():
    usages = {3: [np.array([0.1, 0.9, 0.0]), np.array([0.6, 0.2, 0.2])]}
    panel = figures.rank_usage(usages).axes[0]
    first, second, middle = (np.asarray(line.get_ydata()) for line in panel.lines[:3])
    assert first[:2].tolist() == [0.9, 0.1] and np.isnan(first[2])
    assert second.tolist() == [0.6, 0.2, 0.2]
    assert np.allclose(middle, [0.75, 0.15, 0.1]) and panel.get_yscale() == "log"


def test_the_matrix_says_which_fit_was_chosen():
    alike = np.array([[1.0, 0.7], [0.7, 1.0]])
    panel = figures.agreement(alike, ["4", "5"], 1).axes[0]
    assert (np.ma.getdata(panel.images[0].get_array()) == alike).all()
    assert [t.get_text() for t in panel.get_yticklabels()] == ["4", "5 (chosen)"]
    assert [t.get_text() for t in panel.texts] == ["1.00", "0.70", "0.70", "1.00"]


def test_agreement_below_chance_says_its_number_and_has_no_shade():
    alike = np.array([[1.0, -0.2], [-0.2, 1.0]])
    panel = figures.agreement(alike, ["0", "1"]).axes[0]
    assert "-0.20" in [t.get_text() for t in panel.texts]


def test_chains_are_shown_whole_and_in_the_final_half():
    whole, half = figures.chains({"0": np.arange(10.0), "7": np.arange(8.0)}).axes
    assert [line.get_label() for line in whole.lines] == ["0", "7"]
    assert half.lines[0].get_ydata().tolist() == [5, 6, 7, 8, 9]
    assert half.lines[1].get_ydata().tolist() == [5, 6, 7]


@pytest.mark.parametrize(
    "table",
    [world.fits(()), world.fits((500.0,), (3,), 1), world.fits((500.0, 900.0), (4,), 2)],
    ids=["none", "one", "two"],
)
def test_scans_of_any_size_have_figures(table):
    for figure in (
        figures.stickiness(table, 3.0, float("nan"), 500.0),
        figures.stickiness(table, float("nan"), float("nan")),
        figures.numbers_of_states(table, {}),
        figures.rank_usage({}),
        figures.agreement(np.ones((0, 0)), []),
        figures.agreement(np.ones((1, 1)), ["0"]),
        figures.chains({}),
    ):
        to_svg(figure)


@pytest.mark.parametrize(
    ("value", "said"), [(500.0, "500"), (180000.0, "1.8e5"), (0.001, "1e-3"), (3.2e6, "3.2e6")]
)
def test_stickiness_is_said_in_few_letters(value, said):
    assert figures._short(value) == said


def test_fits_without_an_end_of_states_are_left_out():
    table = world.fits()
    lost = table.median_s.copy()
    lost[::2] = np.nan
    lost[1] = np.inf
    to_svg(figures.stickiness(table._replace(median_s=lost), 3.0, 16.0))
