"""Pictures of trajectories: what is drawn lies where the movement is, still and moving."""

import io

import numpy as np
import pytest
from moving_labels import LAGS, moves
from PIL import Image

from gambol.core.errors import InputError
from gambol.viz import figures_trajectories
from gambol.viz.svg import to_svg


@pytest.mark.parametrize("space", [2, 3])
def test_every_label_has_a_tile_a_view_and_all_tiles_have_one_scale(space):
    figure = figures_trajectories.trajectories(moves(space=space), columns=2)
    assert len(figure.axes) == 3 * (space - 1)
    spans = {
        tuple(np.round(np.ptp([panel.get_xlim(), panel.get_ylim()], axis=1), 6))
        for panel in figure.axes[:: space - 1]
    }
    assert len(spans) == 1
    text = to_svg(figure)
    assert "label &lt;1&gt;" in text
    assert "5 mm" in text or "10 mm" in text


def test_the_whole_movement_is_inside_its_tile():
    given = moves()
    figure = figures_trajectories.trajectories(given)
    for k, panel in enumerate(figure.axes):
        xy = given.median[k].reshape(-1, 2)
        xy = xy[np.isfinite(xy).all(axis=1)]
        for c, ends in enumerate((panel.get_xlim(), panel.get_ylim())):
            assert ends[0] < xy[:, c].min()
            assert ends[1] > xy[:, c].max()


def test_what_is_left_in_a_video_is_drawn_as_the_video_shows_it():
    given = moves(downwards=True)
    panel = figures_trajectories.trajectories(given).axes[1]
    middle = np.mean(panel.get_ylim())
    assert middle == pytest.approx(
        -(given.median[1, ..., 1].min() + given.median[1, ..., 1].max()) / 2
    )


def test_a_gif_has_a_picture_a_moment_and_rests_at_the_end():
    data = figures_trajectories.gif(moves(2), dpi=30, slower=2.0)
    with Image.open(io.BytesIO(data)) as film:
        assert film.n_frames == len(LAGS)
        film.seek(0)
        assert film.info["duration"] == 200
        film.seek(len(LAGS) - 1)
        assert film.info["duration"] == 700
    assert data == figures_trajectories.gif(moves(2), dpi=30, slower=2.0)
    with pytest.raises(InputError, match="no label is used enough"):
        figures_trajectories.gif(moves(0))


def test_no_label_and_no_known_keypoint_are_no_trouble():
    assert to_svg(figures_trajectories.trajectories(moves(0)))
    unknown = moves(1)
    unknown.median[:] = np.nan
    assert to_svg(figures_trajectories.trajectories(unknown))
