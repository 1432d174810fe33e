import numpy as np
import pytest
import state_examples as world

from gambol.viz import figures_information as figures
from gambol.viz.svg import to_svg


def line(panel, label):
    return next(x for x in panel.lines if x.get_label().startswith(label))


def test_curves_are_those_of_the_dataset():
    told = world.curves()
    counted, whole, near = figures.information(told).axes
    assert line(counted, "recordings").get_ydata().tolist() == told["real"].values.tolist()
    assert line(counted, "Markov").get_ydata().tolist() == told.markov.values.tolist()
    assert (
        line(counted, "bias of the rec").get_ydata().tolist() == told.surrogate.values.tolist()
    )
    for panel in (whole, near):
        assert line(panel, "recordings").get_ydata().tolist() == told.corrected.values.tolist()
        exact = line(panel, "Markov chains, exact").get_ydata()
        assert exact.tolist() == told.markov_analytic.values.tolist()
    assert counted.get_yscale() == "log" and whole.get_yscale() == "linear"


def test_bands_are_the_intervals():
    told = world.curves()
    counted, whole, _ = figures.information(told).axes
    edges = whole.collections[0].get_paths()[0].vertices[:, 1]
    assert np.isclose(edges.min(), told.lower.min()) and np.isclose(
        edges.max(), told.upper.max()
    )
    first = counted.collections[0].get_paths()[0].vertices[:, 1]
    assert np.isclose(first.max(), (told["real"] + 2 * told.real_se).max())


def test_chance_lags_are_marked_and_said():
    figure = figures.information(world.curves())
    marks = {float(x.get_xdata()[0]) for x in figure.axes[2].lines if len(x.get_xdata()) == 2}
    assert {3.0, 16.0} <= marks
    assert "recordings, at chance from 16 s" in to_svg(figure)


@pytest.mark.parametrize("told", [world.curves(1, interval=False), world.curves(lags=1)])
def test_one_recording_or_one_lag_is_drawn_without_what_there_is_not(told):
    text = to_svg(figures.information(told))
    assert "recordings" in text and "nan" not in text


def test_values_below_zero_are_left_out_of_the_logarithmic_axis_alone():
    told = world.curves()
    told["real"] = told["real"] - 0.3
    counted, *_ = figures.information(told).axes
    shown = line(counted, "recordings").get_ydata()
    assert np.isnan(shown[told["real"].values <= 0]).all() and np.isfinite(shown[0])


def test_a_predictive_check_shows_band_curve_and_number():
    check = world.predicted()
    memory, usage, lasting = figures.predictive(check).axes
    band = memory.collections[0].get_paths()[0].vertices[:, 1]
    assert np.isclose(band.max(), check.band[1].max())
    assert line(memory, "recordings").get_ydata().tolist() == check.real.tolist()
    outside = line(memory, "outside").get_xdata()
    assert outside.tolist() == [check.lag_s[3]]
    assert any("75%" in t.get_text() for t in memory.texts)
    assert usage.lines[0].get_ydata().tolist() == sorted(100 * check.usage, reverse=True)
    assert sorted(lasting.collections[0].get_offsets()[:, 0]) == sorted(check.median_s)
    assert lasting.lines[0].get_xdata()[0] == check.real_median_s


@pytest.mark.parametrize(
    "change",
    [
        {"markov": None},
        {"median_s": np.full(10, np.nan), "real_median_s": float("nan")},
        {"median_s": np.full(10, np.inf)},
        {"inside": float("nan")},
    ],
    ids=str,
)
def test_a_predictive_check_is_drawn_with_less(change):
    to_svg(figures.predictive(world.predicted()._replace(**change)))
