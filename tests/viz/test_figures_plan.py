import numpy as np
import pytest

from gambol.viz.figures_plan import Curve, curves


def curve(**changes):
    errors = ((9.0, 8.0, 10.0), (4.0, 3.0, 5.0), (3.9, 3.5, 4.2))
    one = Curve("Labels", "labelled frames", ("20", "40", "80"), errors, 1, True)
    return one._replace(**changes)


def test_points_stand_over_their_amounts_and_the_ring_on_what_is_recommended():
    panel = curves([curve()], "mm", None).axes[0]
    line, ring = panel.lines
    assert np.asarray(line.get_ydata()).tolist() == [9.0, 4.0, 3.9]
    assert (float(ring.get_xdata()[0]), float(ring.get_ydata()[0])) == (1.0, 4.0)
    assert [text.get_text() for text in panel.get_xticklabels()] == ["20", "40", "80"]
    assert panel.get_ylabel() == "mean error, mm" and panel.get_ylim()[0] == 0


def test_intervals_are_drawn_and_no_line_joins_names():
    panel = curves([curve(ordered=False)], "mm", None).axes[0]
    assert panel.lines[0].get_linestyle() == "None"
    (bars,) = panel.collections
    assert [seg[:, 1].tolist() for seg in bars.get_segments()] == [[8, 10], [3, 5], [3.5, 4.2]]


@pytest.mark.parametrize(("goal", "lines"), [(None, 2), (12.0, 3)])
def test_a_goal_is_a_line_that_is_in_the_picture(goal, lines):
    panel = curves([curve()], "mm", goal).axes[0]
    assert len(panel.lines) == lines
    assert panel.get_ylim()[1] > (goal or 10.0)


def test_panels_begin_at_zero_and_an_odd_one_leaves_its_neighbour_empty():
    figure = curves([curve(), curve(errors=((1.0, 0.5, 1.5),) * 3), curve()], "mm", None)
    shown = [panel for panel in figure.axes if panel.axison]
    assert [panel.get_ylim()[0] for panel in shown] == [0, 0, 0]
    assert shown[1].get_ylim()[1] < shown[0].get_ylim()[1]
