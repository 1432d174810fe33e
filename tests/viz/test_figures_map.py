import subprocess
import sys

import numpy as np
import pytest

from gambol.viz import figures_map as figures
from gambol.viz.svg import INK, to_svg

AXIS = np.linspace(-5, 5, 51)
PEAK = np.array([[-2.0, 1.0], [2.0, -1.0]])


def hills():
    """Density of two hills and their regions, divided where x is 0."""
    x, y = np.meshgrid(AXIS, AXIS)
    values = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / 2) for a, b in PEAK)
    label = np.where(values > 0.01, np.where(x < 0, 1, 2), 0)
    return values, label


def test_every_region_has_its_number_at_its_peak_and_a_border():
    values, label = hills()
    panel, scale = figures.density(values, AXIS, label, PEAK, 0.3).axes
    numbers = {t.get_text(): t.get_position() for t in panel.texts}
    assert numbers == {"1": (-2.0, 1.0), "2": (2.0, -1.0)}
    assert len(panel.collections) == 2
    ends = panel.collections[0].get_paths()[0].vertices
    inside = np.argwhere(label == 1)
    assert np.allclose(ends.min(axis=0), AXIS[inside.min(axis=0)[::-1]] - 0.1, atol=1e-6)
    assert "2 regions, kernel of 0.3" in panel.get_title(loc="left")
    assert scale.get_ylim() == (0, 1)


def test_the_field_lies_with_y_up_on_its_coordinates():
    values, label = hills()
    panel = figures.density(values, AXIS, label, PEAK, 0.3).axes[0]
    image = panel.images[0]
    assert image.origin == "lower" and np.allclose(image.get_extent(), [-5.1, 5.1] * 2)
    row, column = np.unravel_index(np.argmax(image.get_array()), (51, 51))
    assert np.hypot(AXIS[column] - 2, AXIS[row] + 1) < 0.2 or (
        np.hypot(AXIS[column] + 2, AXIS[row] - 1) < 0.2
    )
    low, high = panel.get_xlim()
    shown = AXIS[(label > 0).any(axis=0)]
    assert low < shown[0] and shown[-1] < high and high - low < 1.1 * np.ptp(shown)


def test_spectra_share_one_scale_around_zero():
    z = np.random.default_rng(0).normal(size=(5, 3, 8))
    frequencies = np.geomspace(1, 20, 8)
    figure = figures.spectra(z, frequencies, ["a", "$b$", "c"], [f"r{k}" for k in range(5)])
    panels = [p for p in figure.axes if p.images]
    limits = {panel.images[0].get_clim() for panel in panels}
    ((low, high),) = limits
    assert low == -high and len(panels) == 5
    assert [p.get_title(loc="left") for p in panels] == [f"r{k}" for k in range(5)]
    at = dict(zip([t.get_text() for t in panels[0].get_xticklabels()],
                  panels[0].get_xticks(), strict=True))  # fmt: skip
    assert at["1"] == 0 and at["20"] == pytest.approx(7)
    assert at["10"] == pytest.approx(7 * np.log(10) / np.log(20))
    mean = figures.spectra(np.abs(z), frequencies, "abc", ["r"] * 5, around=False)
    assert mean.axes[0].images[0].get_clim()[0] == 0


def test_many_regions_are_cut_and_none_is_said():
    frequencies = np.geomspace(1, 20, 4)
    figure = figures.spectra(
        np.ones((40, 2, 4)), frequencies, "ab", [str(k) for k in range(40)]
    )
    assert sum(bool(p.images) for p in figure.axes) == figures.SHOWN
    blank = figures.spectra(np.full((2, 2, 4), np.nan), frequencies, "ab", "12")
    assert blank.axes[0].texts[0].get_text() == "no region has frames"


def test_the_difference_is_outlined_where_groups_differ():
    values, label = hills()
    away = np.where(label == 1, values, -values)
    said = "outlined: p < 0.05"
    figure = figures.difference(away, AXIS, label == 1, ("a", "b"), said, (label, AXIS))
    panel, scale = figure.axes
    assert panel.images[0].get_array().max() == 1
    assert scale.get_ylabel() == "more in b  ←   difference   →  more in a"
    assert panel.texts[0].get_text() == said
    assert len(panel.collections) == 3  # two borders and an outline
    without = figures.difference(away, AXIS, label > 5, ("a", "b"), said)
    assert not without.axes[0].collections


def test_the_mixture_is_drawn_over_its_frames():
    rng = np.random.default_rng(0)
    logs = np.concatenate([rng.normal(0, 0.3, 7000), rng.normal(2, 0.2, 3000)])
    counts, edges = np.histogram(logs, 400)
    fitted = np.array([0.7, 0.3]), np.array([0.0, 2.0]), np.array([0.3, 0.2])
    panel = figures.speeds(counts, edges, fitted, [20.0, 30.0]).axes[0]
    assert [t.get_text() for t in panel.texts] == ["stay 70 %", "move 30 %"]
    slow, _, whole = panel.lines[:3]
    assert slow.get_xdata()[slow.get_ydata().argmax()] == pytest.approx(1, rel=0.03)
    area = whole.get_ydata().mean() * np.ptp(np.log10(whole.get_xdata()))
    assert area == pytest.approx(1, abs=0.01)
    steps = panel.collections[0].get_paths()[0].vertices
    assert np.ptp(steps[:, 1]) == pytest.approx(whole.get_ydata().max(), rel=0.15)
    assert [float(line.get_xdata()[0]) for line in panel.lines[3:]] == [20.0, 30.0]


def test_figures_take_the_ink_of_the_page():
    values, label = hills()
    assert INK not in to_svg(figures.density(values, AXIS, label, PEAK, 0.3))


def test_drawing_leaves_the_plotting_backend_alone():
    code = (
        "import sys, matplotlib; matplotlib.use('pdf');"
        "from gambol.viz import figures_map, figures_map_order, report_map, svg;"
        "assert matplotlib.get_backend() == 'pdf' and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
