import numpy as np
import pytest

from gambol.viz import figures

COLOURS = np.array([[200, 0, 0], [0, 200, 0]], np.uint8)
LOG = [
    {
        "step": 100 * k,
        "minutes": 0.5 * k,
        "loss": 1 / k,
        "val_px": 9 / k,
        "val_median_px": 5 / k,
    }
    for k in range(1, 8)
]


def texts(figure):
    return [t.get_text() for panel in figure.axes for t in panel.texts]


def test_the_learning_curve_shows_the_log_and_marks_what_was_kept():
    figure = figures.learning_curve(LOG, 500)
    mean = figure.axes[0].lines[0]
    assert mean.get_xdata().tolist() == [line["minutes"] for line in LOG]
    assert mean.get_ydata().tolist() == [line["val_px"] for line in LOG]
    assert "kept: 1.80 px, step 500" in texts(figure)


@pytest.mark.parametrize("log", [LOG[:1], [{"step": 1, "minutes": 0.0, "loss": 0.0}]])
def test_a_short_or_incomplete_log_still_gives_a_picture(log):
    figures.learning_curve(log, None)


def test_the_clock_of_the_learning_curve_begins_at_zero():
    for log in (LOG, LOG[:1]):
        low, high = figures.learning_curve(log, None).axes[0].get_xlim()
        assert low == 0.0 and high >= log[-1]["minutes"]


def test_the_share_of_labels_met_counts_those_that_were_not_found():
    errors = np.array([[1.0, 4.0], [2.0, np.inf], [3.0, np.nan], [8.0, np.inf]])
    figure = figures.errors_per_keypoint(errors, ("a", "b"), COLOURS)
    b = figure.axes[1].lines[1]
    assert b.get_ydata()[-1] == pytest.approx(1 / 3)
    assert "2 not found" in texts(figure)
    assert figure.axes[1].lines[2].get_ydata()[-1] == pytest.approx(5 / 7)


def test_bins_of_confidence_hold_what_they_say():
    rng = np.random.default_rng(0)
    sure = rng.uniform(size=8000)
    right = rng.uniform(size=8000) < sure
    said, seen, count = figures._bins(sure, right)
    assert np.abs(said - seen).max() < 0.05 and count.sum() == 8000
    figures.calibration(sure, right, (0.5, 0.9), (0.52, 0.91))


def test_the_interval_of_a_share_is_wilsons():
    low, high = figures._wilson(np.array([0.8]), np.array([10.0]))
    assert low[0] == pytest.approx(0.4902, abs=1e-3)  # R: prop.test(8, 10, correct=FALSE)
    assert high[0] == pytest.approx(0.9433, abs=1e-3)


def test_every_finite_error_is_a_dot_over_its_confidence():
    error = np.array([1.0, 3.0, np.inf])
    figure = figures.error_against_confidence(
        np.array([0.9, 0.2, 0.5]), error, COLOURS[[0, 1, 0]], 2.0
    )
    dots = figure.axes[0].collections[0].get_offsets()
    assert np.asarray(dots).tolist() == [[0.9, 1.0], [0.2, 3.0]]


def test_shares_of_time_fill_the_bar():
    bars = figures.speed(0.2, 0.7).axes[0].patches
    assert [bar.get_width() for bar in bars] == pytest.approx([0.2, 0.7, 0.1])


def test_a_share_too_small_for_its_name_has_none_in_the_bar():
    assert texts(figures.speed(0.12, 0.85)) == ["network 85%"]
    assert texts(figures.speed(0.4, 0.55)) == ["reading video 40%", "network 55%"]


def test_a_time_series_is_pale_where_confidence_is_low_and_a_bar_shows_it():
    times = np.arange(100) / 10
    sure = np.ones((100, 2))
    sure[20:40, 1] = 0.1
    xy = np.tile(times[:, None, None], (1, 2, 2))
    figure = figures.time_series(times, xy, sure, ("a", "b"), COLOURS, 0.5)
    line, pale = (figure.axes[0].lines[k] for k in (2, 3))  # of the second keypoint
    sure_y = line.get_ydata()
    assert np.isnan(sure_y[20:40]).all()
    assert np.isfinite(np.delete(sure_y, range(20, 40))).all()
    assert np.isfinite(pale.get_ydata()).all() and pale.get_alpha() < 0.5
    path = figure.axes[2].collections[1].get_paths()[0].vertices
    assert path[:, 0].min() == pytest.approx(2.0) and path[:, 0].max() == pytest.approx(4.0)


def test_long_series_and_single_frames_give_pictures():
    long = np.arange(5000) / 30
    xy = np.zeros((5000, 2, 2))
    figure = figures.time_series(long, xy, np.ones((5000, 2)), ("a", "b"), COLOURS, 0.5)
    assert len(figure.axes[0].lines[0].get_xdata()) <= figures.MAX_SAMPLES
    figures.time_series(long[:1], xy[:1], np.zeros((1, 2)), ("a", "b"), COLOURS, 0.5)
