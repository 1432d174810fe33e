import numpy as np
import pytest

from gambol.viz import figures_many
from gambol.viz.colours import individual_colours

FRAMES = 4000


def made(sure=None, untracked=0, events=(), frames=FRAMES):
    sure = np.ones((frames, 2)) if sure is None else sure
    frames = len(sure)
    others = np.full(frames, untracked)
    times = np.arange(frames) / 25
    return figures_many.presence(
        times, np.isfinite(sure), sure, ("a", "b"), individual_colours(2), others, 0.9, events
    )


def test_one_bad_frame_of_thousands_is_seen_in_the_confidence():
    sure = np.ones((FRAMES, 2))
    sure[1777, 1] = 0.55
    _, below = made(sure).axes
    assert min(np.nanmin(line.get_ydata()) for line in below.lines[:2]) == pytest.approx(0.55)


def test_an_absent_animal_leaves_a_gap_in_both_panels():
    sure = np.ones((FRAMES, 2))
    sure[1000:3000, 0] = np.nan
    top, below = made(sure).axes
    first, second = (len(bars.get_paths()) for bars in top.collections)
    assert (first, second) == (2, 1)
    assert np.isnan(below.lines[0].get_ydata()).any()
    assert not np.isnan(below.lines[1].get_ydata()).any()


def test_untracked_animals_have_a_row_only_where_there_are_some():
    assert [t.get_text() for t in made().axes[0].get_yticklabels()] == ["a", "b"]
    names = [t.get_text() for t in made(untracked=1).axes[0].get_yticklabels()]
    assert names == ["a", "b", "untracked"]


def test_recordings_of_one_frame_and_of_nobody_have_a_figure():
    made(frames=1)
    made(np.full((50, 2), np.nan), events=[1.0])
    figures_many.counts(np.zeros(1), np.array([3]), None)


def test_counts_show_the_fewest_and_the_most_of_each_moment():
    found = np.full(FRAMES, 2)
    found[100], found[2000] = 0, 5
    (panel,) = figures_many.counts(np.arange(FRAMES) / 25, found, 2).axes
    assert panel.lines[0].get_ydata().max() == 5
    area = panel.collections[0].get_paths()[0].vertices[:, 1]
    assert area.min() == 0 and area.max() == 5


def test_every_network_has_its_curve_with_the_best_moment():
    log = [{"minutes": m, "val_px": v} for m, v in ((1, 9.0), (2, 3.0), (3, 4.0), (4, None))]
    figure = figures_many.curves({"one": log, "two": log[:1]})
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["one, px", "two, px"]
    assert figure.axes[0].lines[1].get_xydata().tolist() == [[2.0, 3.0]]
