import numpy as np
from films import NAMES, film

from gambol.core import poses as core_poses
from gambol.io import labels as io_labels
from gambol.io import store
from gambol.io.video.open import open_video
from gambol.simulate.world import simulate
from gambol.stages.simulate import FilmConfig


def test_film_truth_and_labels_agree(recording):
    truth, labels = store.read_dataset(recording.truth), io_labels.load(recording.labels)
    assert core_poses.skeleton(truth).keypoints == labels.skeleton.keypoints == NAMES
    assert labels.skeleton.swap == (-1, 2, 1, -1)
    xy = core_poses.xy(truth)[:, 0]
    np.testing.assert_allclose(labels.xy, xy[labels.frame], atol=1e-6)
    assert len(open_video(recording.video)) == len(xy)


def test_the_film_shows_the_world_up_to_compression(recording):
    cfg = FilmConfig.from_yaml(recording.labels.parent / "simulate.yaml")
    world = simulate(cfg.world)
    filmed = open_video(recording.video).read([0, 100, 299]).astype(float)
    drawn = world.read([0, 100, 299]).astype(float)
    assert np.abs(filmed - drawn).mean() < 6


def test_the_same_command_again_films_nothing(tmp_path):
    first = film(tmp_path, seconds=2.0)
    before = first.video.stat().st_mtime_ns
    assert film(tmp_path, seconds=2.0).video.stat().st_mtime_ns == before
