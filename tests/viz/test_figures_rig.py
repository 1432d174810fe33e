import re

import numpy as np
import pytest
import ring

from gambol.viz import figures_rig
from gambol.viz.figures_rig import Residuals
from gambol.viz.svg import to_svg


def residuals(count=3000, barrel=0.0, seed=0):
    """Noise of 0.3 px a coordinate, and a push outward that grows with the radius."""
    rng = np.random.default_rng(seed)
    at = rng.uniform([0, 0], ring.SIZE, (count, 2))
    away = at - np.array(ring.SIZE) / 2
    off = rng.normal(0, 0.3, at.shape) + barrel * away * (away**2).sum(1, keepdims=True) / 4e4
    return Residuals(at, off, rng.integers(0, 100, count))


def texts(figure):
    return re.findall(r"<text[^>]*>([^<]*)</text>", to_svg(figure))


def test_the_matrix_says_every_number_and_every_name():
    shared = np.array([[40, 12, 0], [12, 37, 3], [0, 3, 25]])
    said = texts(figures_rig.coverage(["left", "top", "right"], shared, np.array([0, 0, 0])))
    assert sorted(said) == sorted(
        ["40", "12", "0", "12", "37", "3", "0", "3", "25"] + 2 * ["left", "top", "right"]
    )


def test_views_of_one_group_stand_together():
    names = ["a", "b", "c", "d"]
    figure = figures_rig.coverage(names, np.eye(4, dtype=int), np.array([0, 1, 0, 1]))
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert rows == ["a", "c", "b", "d"] and len(figure.axes[0].lines) == 2  # one cut each way


@pytest.mark.parametrize("count", [1, 2, 20])
def test_matrices_of_all_sizes_are_drawn(count):
    shared = np.full((count, count), 7)
    figure = figures_rig.coverage([f"c{v}" for v in range(count)], shared, np.zeros(count, int))
    assert texts(figure).count("7") == count**2


def test_the_map_averages_what_is_there():
    camera = ring.camera("one", (500.0, 0.0, 200.0))
    found = residuals(barrel=0.5)
    cells = figures_rig._binned(camera, found)
    inside = (np.abs(found.at - cells.middle[20]) < cells.side / 2).all(axis=1)
    assert np.isclose(cells.rms[20] ** 2, (found.off[inside] ** 2).sum(1).mean())
    assert np.allclose(cells.mean[20], found.off[inside].mean(axis=0))
    assert np.isclose(cells.whole**2, (found.off**2).sum(1).mean())


def test_parts_of_an_image_without_points_stay_empty():
    camera, found = ring.camera("one", (500.0, 0.0, 200.0)), residuals()
    left = found.at[:, 0] < 150
    cells = figures_rig._binned(camera, Residuals(*(values[left] for values in found)))
    empty = np.isnan(cells.rms)
    assert empty[cells.middle[:, 0] > 190].all() and not empty[cells.middle[:, 0] < 130].any()


def test_a_lens_model_that_is_too_small_shows_in_the_profile():
    rig = ring.rig(2)
    figure = figures_rig.profiles(
        rig, {"cam0": residuals(), "cam1": residuals(barrel=1.0, seed=1)}
    )
    _, outward, course = figure.axes
    good, bad = (line.get_ydata() for line in outward.lines[1:])
    assert np.abs(good).max() < 0.15 and bad[-1] > 20 * np.abs(good).max()
    assert np.allclose(course.lines[0].get_ydata(), 0.3 * np.sqrt(2), rtol=0.2)


def test_names_and_sizes_of_all_views_are_on_the_maps():
    rig = ring.rig(4)
    said = " ".join(texts(figures_rig.residual_maps(rig, {n: residuals() for n in rig})))
    assert all(f"{name}: 0.4" in said for name in rig) and "arrows ×" in said


@pytest.mark.parametrize("count", [1, 5, 40])
def test_few_residuals_are_shown_too(count):
    rig, few = ring.rig(2), residuals(count)
    assert np.isfinite(figures_rig._binned(rig["cam0"], few).rms).any()
    assert "cam0" in to_svg(figures_rig.residual_maps(rig, {"cam0": few}))
    assert "cam0" in to_svg(figures_rig.profiles(rig, {"cam0": few}))


def test_the_rig_has_its_names_its_up_and_its_units():
    rig = ring.rig(3)
    said = texts(figures_rig.rig_drawn(rig, ring.walk()[1].reshape(-1, 3)))
    assert {"cam0", "cam1", "cam2", "up (z)", "From above, mm"} <= set(said)
    assert any(text.startswith("The rig; one square is") for text in said)
    from dataclasses import replace

    turned = texts(figures_rig.rig_drawn(replace(rig, up=(0.0, -1.0, 0.0), units="unknown")))
    assert "up (-y)" in turned and "From above, units" in turned


def test_colours_go_from_blue_to_orange_and_the_unknown_is_no_alarm():
    low, middle, high = figures_rig.heat(np.array([0.0, 0.5, 1.0])).astype(int)
    assert low[2] > low[0] + 80 and high[0] > high[2] + 80 and np.ptp(middle) < 20
    assert (figures_rig.heat(np.array(np.nan)) == low).all()
    assert (figures_rig.heat(np.array(99.0)) == high).all()
