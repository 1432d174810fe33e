import re

import numpy as np
import pytest

from gambol.viz import figures_3d
from gambol.viz.colours import individual_colours
from gambol.viz.svg import to_svg

NAMES = ("nose", "ear")


def texts(figure):
    return re.findall(r"<text[^>]*>([^<]*)</text>", to_svg(figure))


def test_every_number_is_said_and_nothing_is_a_dash():
    said = texts(
        figures_3d.by_view(np.array([[1.234, np.nan], [15.0, 0.5]]), ["a", "b"], NAMES)
    )
    assert {"1.23", "–", "15", "0.50", "a", "b", "nose", "ear"} == set(said)


def test_shares_are_said_in_per_cent_and_few_are_not_none():
    shares = np.array([[0.0, 0.004], [0.25, 1.0]])
    said = texts(figures_3d.by_view(shares, ["a", "b"], NAMES, limit=0.5, percent=True))
    assert {"0", "25 %", "100 %"} < set(said) and any("1 %" in s and "lt" in s for s in said)


def test_the_variation_of_a_bone_is_its_sd_over_its_mean():
    rng = np.random.default_rng(0)
    lengths = np.stack([rng.normal(20, 1, 5000), rng.normal(50, 5, 5000)], axis=1)
    lengths[:3] = np.nan
    figure = figures_3d.bones(lengths, ["short", "long"], individual_colours(2), "mm")
    widths = [bar.get_width() for bar in figure.axes[1].patches]
    assert np.allclose(widths, [5, 10], rtol=0.05) and "Length, mm" in texts(figure)


def test_the_spread_of_sds_is_drawn_for_each_keypoint():
    sd = np.stack([np.linspace(1, 3, 101), np.full(101, np.nan)], axis=1)
    figure = figures_3d.certainty(sd, NAMES, individual_colours(2), "unknown")
    whisker, box, _ = (line.get_xdata() for line in figure.axes[0].lines)
    assert np.allclose(whisker, [1.1, 2.9]) and np.allclose(box, [1.5, 2.5])
    assert any("units" in text for text in texts(figure))


@pytest.mark.parametrize("frames", [2, 50, 20_000])
def test_the_course_keeps_means_however_long_it_is(frames):
    times = np.arange(frames) / 50
    told = np.full((frames, 3), 4.0)
    told[:, 1] = 2.0
    error = np.stack([np.full(frames, 1.5), np.full(frames, np.nan)], axis=1)
    figure = figures_3d.course(times, told, error, ["a", "b"], individual_colours(2))
    above, below = figure.axes
    assert np.allclose(above.lines[0].get_ydata(), 10 / 3)
    assert np.allclose(above.lines[1].get_ydata(), 2.0)
    assert (
        np.allclose(below.lines[0].get_ydata(), 1.5) and len(above.lines[0].get_xdata()) < 900
    )
