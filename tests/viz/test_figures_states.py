import numpy as np
import pytest
import state_examples as world

from gambol.core.sequences import pack
from gambol.viz import figures_states as figures
from gambol.viz import onsets
from gambol.viz.shades import state_colours
from gambol.viz.svg import to_svg


def texts(panel):
    return [t.get_text() for t in panel.texts]


def test_survival_curves_step_down_through_the_estimates():
    each, pooled = [world.lasting(), world.lasting(3.0)], world.lasting(2.0, 40, 5)
    curves, rows = figures.durations(each, pooled).axes
    for line, lasting in zip(curves.lines, [*each, pooled], strict=False):
        assert line.get_xdata()[1:].tolist() == lasting.time.tolist()
        assert line.get_ydata().tolist() == [1.0, *lasting.survival.tolist()]
        assert line.get_drawstyle() == "steps-post"
    assert texts(rows) == [
        "6 s  (40, 5 cut off)",
        "3 s  (20, 2 cut off)",
        "9 s  (20, 2 cut off)",
    ]
    assert [t.get_text() for t in rows.get_yticklabels()] == ["all", "state 0", "state 1"]


def test_states_without_a_bout_have_no_row_and_open_ends_are_said():
    open_end = world.lasting()._replace(quartiles=np.array([2.0, np.inf, np.inf]))
    rows = figures.durations([world.nothing(), open_end], open_end).axes[1]
    assert [t.get_text() for t in rows.get_yticklabels()] == ["all", "state 1"]
    assert texts(rows)[0].startswith("end not seen")
    to_svg(figures.durations([world.nothing()], world.nothing()))


def test_bars_are_the_usage_and_rare_states_are_hatched():
    pooled = np.array([0.7, 0.29, 0.01, 0.0])
    each = np.tile(pooled, (5, 1))
    panel = figures.usage(pooled, np.stack([pooled, pooled + 0.1]), each).axes[0]
    assert np.allclose([bar.get_height() for bar in panel.patches], 100 * pooled)
    assert [bool(bar.get_hatch()) for bar in panel.patches] == [False, False, True, True]
    assert panel.collections[0].get_offsets().shape == (20, 2)
    assert len(panel.lines) == 5  # an interval for each, and the limit
    assert "not used" in texts(panel)


def test_one_recording_has_neither_dots_nor_intervals():
    pooled = np.array([1.0])
    panel = figures.usage(pooled, np.full((2, 1), np.nan), pooled[None]).axes[0]
    assert not panel.collections and len(panel.lines) == 1


def test_every_recording_has_its_row_at_its_length():
    states = world.labels(4, recordings=3, frames=100, dwell=20)
    panel = figures.rasters(states).axes[0]
    assert len(panel.images) == 3
    for r, image in enumerate(panel.images):
        begin, end = states.offsets[r : r + 2]
        assert np.allclose(image.get_extent()[:2], [0, (end - begin) / 25.0])
        pixels = np.asarray(image.get_array())[0]
        assert len(pixels) <= end - begin or len(pixels) == end - begin
        first = states.values[begin]
        if states.valid[begin]:
            assert (pixels[0, :3] == state_colours(4)[first]).all()


def test_gaps_are_empty_in_the_raster():
    states = pack([np.repeat([0, -1, 1], 10)], ["a"], 10.0)
    pixels = np.asarray(figures.rasters(states).axes[0].images[0].get_array())[0]
    assert (pixels[:, 3] == np.repeat([255, 0, 255], 10)).all()


def test_syllables_have_a_row_each_in_the_colour_of_the_state():
    states = pack([np.repeat([0, 1], 20)], ["a"], 10.0)
    syllables = pack([np.repeat([3, 1], [25, 15])], ["a"], 10.0)
    top, below = figures.near(states, syllables, 0).axes
    pixels = np.asarray(below.images[0].get_array())
    assert pixels.shape[:2] == (2, 40)  # two of them come, the most used one above
    seen = pixels[..., 3] > 0
    assert seen[0].tolist() == [True] * 25 + [False] * 15 and (seen[0] ^ seen[1]).all()
    assert (pixels[0, 24, :3] == state_colours(2)[1]).all()
    assert np.asarray(top.images[0].get_array()).shape[:2] == (1, 40)


@pytest.mark.parametrize("k", [1, 40])
def test_one_state_and_very_many_have_rasters(k):
    states, syllables = world.labels(k), world.labels(2, dwell=7)
    to_svg(figures.rasters(states))
    to_svg(figures.near(states, syllables, 0, 3.0))


def test_a_recording_without_a_label_has_rasters():
    nothing = pack([np.full(40, -1)], ["a"], 10.0, 3)
    to_svg(figures.rasters(nothing))
    to_svg(figures.near(nothing, nothing, 0))


def test_courses_are_means_over_recordings_with_their_error():
    each = np.random.default_rng(0).normal(size=(4, 1, 9))
    each[3] = np.nan
    found = onsets.Course(2, np.linspace(-1, 1, 9), each, ("speed",), 12)
    panel = figures.course([found]).axes[0]
    assert np.allclose(panel.lines[1].get_ydata(), each[:3, 0].mean(axis=0))
    error = each[:3, 0].std(axis=0, ddof=1) / np.sqrt(3)
    band = panel.collections[0].get_paths()[0].vertices[:, 1]
    assert np.isclose(band.max(), (each[:3, 0].mean(axis=0) + error).max())
    assert panel.get_title(loc="left") == "state 2: 12 onsets"


@pytest.mark.parametrize("count", [0, 1, 7])
def test_any_number_of_states_has_courses(count):
    found = onsets.Course(0, np.arange(3.0), np.zeros((1, 2, 3)), ("a", "b"), 1)
    to_svg(figures.course([found] * count))
