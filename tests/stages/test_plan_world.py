"""The films of a plan: the same moments at every width, others to be tested on."""

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.core.progress import silent
from gambol.io import calibration
from gambol.io import labels as io_labels
from gambol.io import poses as io_poses
from gambol.stages import plan_world
from gambol.stages.plan_world import SettingConfig


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    cfg = SettingConfig(seconds=0.5, seed=2)
    out = tmp_path_factory.mktemp("films")
    return {w: plan_world.film(cfg, 2, 12, w, out, 1, silent) for w in (80, 160)}


def test_another_width_shows_the_same_moments_with_other_pixels(films):
    small, large = (io_labels.load(films[width].learn.labels) for width in (80, 160))
    assert np.array_equal(small.frame, large.frame)
    assert np.allclose((small.xy + 0.5) * 2, large.xy + 0.5, atol=1e-3)


def test_so_many_frames_are_labelled_and_the_tested_films_are_others(films):
    learn, test = (io_labels.load(film.labels) for film in films[80])
    assert len(learn.frames) == 12 and learn.skeleton.keypoints == plan_world.KEYPOINTS["mouse"]
    assert len(test.frames) == 2 * 15  # no more than the film has
    moved = (io_poses.read(film.truth)["position"].values[:5] for film in films[80])
    assert not np.allclose(*moved)
    assert calibration.read(films[80].learn.rig) == calibration.read(films[80].test.rig)


def test_a_millimetre_where_the_animals_are_is_as_wide_as_is_said(films):
    rig = calibration.read(films[160].test.rig)
    widths = []
    for camera in rig.cameras:
        across = camera.turn[0]  # of the picture, in the world
        points = np.stack([-across, across])
        homogeneous = np.c_[points, np.ones(2)] @ camera.projection().T  # without the lens
        seen = homogeneous[:, :2] / homogeneous[:, 2:]
        widths.append(2 / np.linalg.norm(seen[1] - seen[0]))
    assert plan_world.millimetres(films[160].test) == pytest.approx(np.mean(widths), rel=0.02)
    twice = 2 * plan_world.millimetres(films[160].test)
    assert plan_world.millimetres(films[80].test) == pytest.approx(twice, rel=1e-6)


def test_the_shutter_is_open_as_long_in_the_slow_films(films):
    learn, test = (film.labels.parent / "simulate.yaml" for film in films[80])
    read = [plan_world.ViewsConfig.from_yaml(path) for path in (learn, test)]
    open_s = [one.picture.exposure / one.fps for one in read]
    assert open_s[0] == pytest.approx(open_s[1])


@pytest.mark.parametrize("changes", [{"keypoints": ["beak"]}, {"floor": (20.0, 10.0)}])
def test_what_cannot_be_filmed_is_refused_before_anything_is_written(changes):
    with pytest.raises(InputError):
        plan_world.check(SettingConfig.from_values(changes, "test"))
