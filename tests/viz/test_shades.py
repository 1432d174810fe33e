import numpy as np
import pytest
from matplotlib.figure import Figure

from gambol.viz import shades


def modes_slowly(labels, columns):
    place = np.arange(len(labels)) * columns // len(labels)
    found = []
    for column in range(columns):
        own = labels[place == column]
        values, counts = np.unique(own, return_counts=True)
        found.append(values[counts.argmax()])
    return found


@pytest.mark.parametrize("frames", [11, 100, 997])
def test_a_column_shows_the_label_that_most_of_its_frames_have(frames):
    labels = np.random.default_rng(frames).integers(-1, 4, frames)
    assert shades.majority(labels, 10).tolist() == modes_slowly(labels, 10)


def test_few_frames_are_shown_one_by_one():
    labels = np.array([3, -1, 0])
    assert shades.majority(labels, 3).tolist() == [3, -1, 0]
    assert shades.majority(labels[:0], 3).tolist() == []


def test_frames_without_a_label_let_the_page_through():
    colours = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    image = shades.paint(np.array([[1, -1, 0]]), colours)
    assert image.tolist() == [[[4, 5, 6, 255], [0, 0, 0, 0], [1, 2, 3, 255]]]


def test_shades_are_clear_at_zero_and_differ_in_hue_around_it():
    assert shades.RISING(0.0)[3] == 0 and shades.RISING(1.0)[3] > 0.8
    low, high = shades.AROUND(0.0), shades.AROUND(1.0)
    assert low[2] > low[0] and high[0] > high[2]  # blue, orange
    assert shades.AROUND(0.5)[3] < 0.01


def test_numbers_are_said_in_small_tables_only():
    panel = Figure().subplots()
    shades.cells(panel, np.array([[0.5, np.nan]]), limit=1.0, numbers=".0%")
    assert [t.get_text() for t in panel.texts] == ["50%"]
    panel = Figure().subplots()
    shades.cells(panel, np.ones((40, 40)), limit=1.0, numbers=".0%")
    assert not panel.texts and len(panel.get_xticks()) <= 16


def test_names_along_an_axis_are_thinned_out_evenly():
    assert [k for k, _ in shades.shown_names(5)] == [0, 1, 2, 3, 4]
    assert [k for k, _ in shades.shown_names(72, most=16)] == list(range(0, 72, 5))
    assert shades.shown_names(2, ["a", "b"]) == [(0, "a"), (1, "b")]


@pytest.mark.parametrize("values", [[], [np.nan], [0.0, -1.0], [2.0], [1e-3, 1e3]])
def test_an_axis_of_seconds_has_numbers_whatever_the_values(values):
    panel = Figure().subplots()
    shades.seconds(panel, np.array(values, float))
    low, high = panel.get_xlim()
    assert 0 < low < high and panel.get_xscale() == "log"
    assert len(panel.get_xticks()) <= 9
