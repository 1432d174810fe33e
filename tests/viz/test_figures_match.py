import numpy as np
import pytest
import state_examples as world
from matplotlib.patches import PathPatch, Rectangle

from gambol.viz import figures_match as figures
from gambol.viz.svg import to_svg


def test_cells_are_the_confusion_in_the_order_of_the_match():
    shares = np.array([[0.1, 0.9], [0.75, 0.25]])
    panel = figures.confusion(shares, np.array([1, 0]), np.array([1, 0])).axes[0]
    assert np.ma.getdata(panel.images[0].get_array()).tolist() == [[0.9, 0.1], [0.25, 0.75]]
    corners = [np.round(p.get_xy(), 2).tolist() for p in panel.patches]
    assert corners == [[-0.46, -0.46], [0.54, 0.54]]  # the matched ones, on the diagonal
    assert [t.get_text() for t in panel.get_xticklabels()] == ["1", "0"]


def test_a_label_that_is_not_used_is_empty_and_said():
    made = world.match(4, 3)
    panel = figures.confusion(made.confusion, made.partner, made.order).axes[0]
    assert np.ma.getmaskarray(panel.images[0].get_array())[3].all()
    assert " not used " in [t.get_text() for t in panel.texts]
    assert len(panel.patches) == 3


def heights(panel, kind):
    found = []
    for patch in panel.patches:
        if isinstance(patch, kind):
            y = patch.get_path().vertices[:-1, 1] if kind is PathPatch else None
            found.append(patch.get_height() if y is None else y[0] - y[-1])
    return found


def test_bars_and_ribbons_are_as_thick_as_their_share_of_the_frames():
    counts = np.array([[30, 10], [0, 60]])
    panel = figures.sankey(counts).axes[0]
    assert np.allclose(heights(panel, Rectangle), [0.4, 0.6, 0.3, 0.7])
    assert np.allclose(heights(panel, PathPatch), [0.3, 0.1, 0.6])
    said = [t.get_text() for t in panel.texts]
    assert said == ["0  40%", "1  60%", "0  30%", "1  70%", "here", "there"]


def test_ribbons_begin_and_end_inside_their_bars():
    counts = np.random.default_rng(0).integers(1, 50, (5, 3))
    panel = figures.sankey(counts, np.array([2, 0, 1])).axes[0]
    bars = [p for p in panel.patches if isinstance(p, Rectangle)]
    spans = {k: (p.get_y(), p.get_y() + p.get_height()) for k, p in enumerate(bars)}
    ribbons = [p for p in panel.patches if isinstance(p, PathPatch)]
    assert len(ribbons) == 15
    for n, ribbon in enumerate(ribbons):
        x, y = ribbon.get_path().vertices[:-1].T
        for side, bar in ((x == x.min(), spans[n // 3]), (x == x.max(), spans[5 + n % 3])):
            assert (y[side] <= bar[1] + 1e-9).all() and (y[side] >= bar[0] - 1e-9).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (6, 2), (30, 30)])
def test_sets_of_different_size_are_drawn(shape):
    counts = np.random.default_rng(1).integers(0, 9, shape) + 1
    to_svg(figures.sankey(counts))
    made = counts / counts.sum(1, keepdims=True)
    partner = np.where(np.arange(shape[0]) < shape[1], np.arange(shape[0]), -1)
    to_svg(figures.confusion(made, partner, np.arange(shape[1])))


def test_no_frame_in_common_is_said():
    assert "no frame" in to_svg(figures.sankey(np.zeros((2, 3), int)))
    to_svg(figures.confusion(np.full((2, 3), np.nan), np.full(2, -1), np.arange(3)))
