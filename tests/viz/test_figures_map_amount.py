import numpy as np

from gambol.viz import figures_map_amount


def drawn(*given, **said):
    figure = figures_map_amount.amounts(*given, **said)
    figure.canvas.draw()
    (panel,) = figure.axes
    return panel


def test_the_threshold_of_still_frames_is_where_it_is_told():
    counts, edges = np.array([5, 1, 9]), np.array([0.0, 1.0, 2.0, 3.0])
    panel = drawn(counts, edges, 1.5, taken=True)
    assert panel.lines[0].get_xdata()[0] == 10**1.5 and panel.get_xscale() == "log"
    assert "off the map" in panel.texts[0].get_text()
    assert "still = true" in drawn(counts, edges, 1.5, taken=False).texts[0].get_text()


def test_one_mode_has_no_threshold_and_no_frames_no_curve():
    counts, edges = np.array([5, 9]), np.array([0.0, 1.0, 2.0])
    assert not drawn(counts, edges, np.nan, taken=False).lines
    nothing = drawn(np.zeros(1, int), np.array([0.0, 1.0]), np.nan, taken=False)
    assert nothing.texts[0].get_text() == "no frame has all amplitudes"
