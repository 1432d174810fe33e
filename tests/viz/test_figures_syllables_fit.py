"""Pictures of fits of syllables: what is drawn is what was given."""

import numpy as np
import pytest

from gambol.viz import figures_syllables_fit as figures
from gambol.viz.svg import to_svg


def trace(seed=0, sweeps=40):
    rng = np.random.default_rng(seed)
    out = np.column_stack(
        [
            rng.normal(size=sweeps), np.linspace(-900.0, -800.0, sweeps),
            rng.uniform(8, 14, sweeps), np.full(sweeps, 7.0), np.full(sweeps, 1e4),
            np.repeat([0.0, 1.0, 2.0, 3.0], sweeps // 4),
        ]
    )  # fmt: skip
    return out


def lines(panel, x):
    """The lines of a panel that have as many points as x."""
    return [line for line in panel.get_lines() if len(line.get_xdata()) == len(x)]


def test_curves_show_every_fit_and_the_joint_of_whole_sweeps_alone():
    one, two = trace(0), trace(1)
    picture = figures.curves({"a": one, "b": two}, 30.0, 0.4, "b")
    joint, lasting, used = picture.axes
    assert [len(line.get_xdata()) for line in joint.get_lines()] == [20, 20]
    shown = lines(lasting, one)
    np.testing.assert_allclose(shown[1].get_ydata(), two[:, 2] / 30)
    assert shown[1].get_linewidth() > shown[0].get_linewidth()
    assert lines(used, one)[0].get_ydata()[0] == 7


def test_tries_are_numbered_in_order_and_the_band_is_what_counts_as_near():
    tries = [("first", np.array([4.5, 5.5, 5.0]), np.array([0.2, 0.6, 0.41])),
             ("again", np.array([4.0]), np.array([np.nan]))]  # fmt: skip
    picture = figures.search(tries, 0.4, 0.1)
    texts = [text.get_text() for text in picture.axes[0].texts]
    assert texts == ["1", "2", "3"] and picture.axes[1].get_title("left") == "again"
    assert (
        figures.search([], 0.4, 0.1).axes[0].texts[0].get_text().startswith("kappa was given")
    )


def test_usage_draws_used_syllables_by_share_and_unstable_ones_open():
    share = np.array([0.2, 0.0, 0.5, 0.3])
    picture = figures.usage(share, share[None], 0.005, np.array([False, False, True, False]))
    panel = picture.axes[0]
    heights = [bar.get_height() for bar in panel.patches]
    np.testing.assert_allclose(heights, [50, 30, 20])
    assert panel.patches[0].get_facecolor()[3] == 0 and panel.patches[1].get_facecolor()[3] > 0


def test_all_pictures_are_drawn_from_little_and_from_nothing():
    k = np.arange(5.0)
    drawn = [
        figures.durations(np.zeros(0), 0.4),
        figures.durations(np.array([0.4]), 0.4),
        figures.change_points(k, k, 0.4, k, k, np.full(5, np.nan)),
        figures.learning(k[1:], k[1:], k[1:], k[1:], "nats"),
        figures.noise(k[:3], np.ones((2, 5)), np.full((2, 5), 2.0), (0.1, 0.3, 0.5, 0.7, 0.9)),
    ]  # fmt: skip
    assert all(to_svg(picture).startswith("<svg") for picture in drawn)


@pytest.mark.parametrize("count", [2, 9])
def test_seeds_name_the_best_and_colour_what_is_unstable(count):
    names = [f"seed-{k}" for k in range(count)]
    overlap, share = np.array([0.9, 0.2, np.nan]), np.array([0.6, 0.4, 0.0])
    picture = figures.seeds(
        names, np.arange(count, dtype=float), np.full(count, 0.5), 1, overlap, share, 0.5
    )
    left, right = picture.axes
    assert [t.get_text() for t in left.texts] == (names if count == 2 else ["seed-1"])
    dots = right.collections[0]
    assert len(dots.get_offsets()) == 2
    assert not np.allclose(dots.get_facecolors()[0], dots.get_facecolors()[1])
