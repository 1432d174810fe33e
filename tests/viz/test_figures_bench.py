import math

import numpy as np
import pytest
from rivals_drawn import arms

from gambol.viz import figures_bench as figures
from gambol.viz.svg import to_svg


def test_the_curve_of_shares_is_the_empirical_distribution():
    one = arms(labels=(40.0,))
    shares = figures.distribution(one).axes[1]
    for arm, line in zip(one, shares.lines, strict=True):
        x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        for k in (20, 100, 180):
            assert y[k + 1] == pytest.approx(np.mean(arm.errors <= np.sort(arm.errors)[k]))
            assert x[k + 1] == pytest.approx(np.sort(arm.errors)[k])


def test_what_was_not_found_is_missing_from_the_shares():
    one = arms(labels=(40.0,))[:1]
    lost = one[0]._replace(errors=np.append(one[0].errors[:150], np.full(50, np.inf)))
    line = figures.distribution([lost]).axes[1].lines[0]
    assert np.asarray(line.get_ydata())[-1] == pytest.approx(0.75)


def test_means_stand_over_their_numbers_of_labels_with_their_intervals():
    known = arms()
    panel = figures.against_labels(known).axes[0]
    assert [text.get_text() for text in panel.get_xticklabels()] == ["10", "40"]
    for number, line in enumerate(panel.lines):
        own = [arm for arm in known if arm.number == number]
        assert np.allclose(line.get_xdata(), [10, 40], rtol=0.03)  # moved apart a little
        assert np.allclose(line.get_ydata(), [arm.mean[0] for arm in own])


def test_curves_are_against_minutes_and_speed_against_milliseconds():
    last = arms(labels=(40.0,))
    curves = figures.against_time(last).axes[0]
    assert np.allclose(curves.lines[2].get_ydata(), last[2].val_px)
    speed = figures.against_speed(last).axes[0]
    assert [float(line.get_xdata()[0]) for line in speed.lines] == [5.0, 8.0, 11.0]


def test_differences_leave_the_first_out_and_mark_zero():
    panel = figures.differences(arms(labels=(40.0,))).axes[0]
    assert len(panel.get_yticks()) == 2
    dots = [line for line in panel.lines if len(line.get_xdata()) == 1]
    assert [float(line.get_xdata()[0]) for line in dots] == [1.0, 2.0]
    assert any(list(line.get_xdata()) == [0, 0] for line in panel.lines)


@pytest.mark.parametrize("spread", [0.001, 1.0, 40.0])
def test_axes_have_numbers_however_errors_lie(spread):
    for draw in (figures.distribution, figures.against_labels, figures.against_speed):
        figure = draw(arms(spread=spread))
        figure.draw_without_rendering()
        for panel in figure.axes:
            axis = panel.xaxis if draw is figures.distribution else panel.yaxis
            low, high = sorted(axis.get_view_interval())
            shown = [t for t in axis.get_majorticklocs() if low <= t <= high]
            assert 1 <= len(shown) <= 11


def test_nothing_known_is_said_and_not_drawn():
    lost = arms(labels=(40.0,))[0]._replace(
        errors=np.full(3, np.inf), mean=(math.inf, 1.0, math.inf), folds=np.array([math.inf]),
        minutes=np.zeros(0), val_px=np.zeros(0), milliseconds=math.nan,
    )  # fmt: skip
    for draw in (figures.distribution, figures.against_time, figures.against_speed):
        assert to_svg(draw([lost]))
    assert "nothing to compare" in to_svg(figures.differences([lost]))


def test_no_text_lies_on_other_text():
    for draw in (figures.distribution, figures.against_labels, figures.against_speed):
        figure = draw(arms())
        figure.draw_without_rendering()
        for panel in figure.axes:
            for axis in (panel.xaxis, panel.yaxis):
                labels = [t for t in axis.get_ticklabels() if t.get_text()]
                boxes = [t.get_window_extent() for t in labels]
                inside = [b for b in boxes if b.width]
                for one, other in zip(inside, inside[1:], strict=False):
                    assert not one.overlaps(other)
