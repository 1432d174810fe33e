"""Films on disk: truth, labels and pictures agree, for one animal and for several."""

import numpy as np
import pytest
from films import NAMES, film

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.labels import Visibility
from gambol.io import labels as io_labels
from gambol.io import store
from gambol.io.video.open import open_video
from gambol.simulate.world import SimulateConfig, simulate
from gambol.stages import simulate as stage
from gambol.stages.simulate import FilmConfig, run


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


def several(tmp_path, **world):
    shape = {"width": 240, "height": 180, "body_length": 40, "seconds": 1.0, "fps": 10.0}
    cfg = FilmConfig(world=SimulateConfig(**{**shape, **world}), labelled=10)
    made = run(cfg, tmp_path)
    return store.read_dataset(made.truth), io_labels.load(made.labels)


@pytest.mark.parametrize("animal", ["mouse", "fly"])
def test_every_animal_of_a_frame_is_labelled_under_its_own_name(tmp_path, animal):
    truth, labels = several(tmp_path, animal=animal, animals=2)
    assert labels.individuals == ("animal1", "animal2") == tuple(truth.individuals.values)
    assert len(labels) == 20 and labels.complete.all() and not len(labels.negatives)
    bones = core_poses.skeleton(truth).bones
    assert labels.skeleton.bones == bones and len(bones) == len(labels.skeleton) - 1
    xy = core_poses.xy(truth)[labels.frame, labels.individual]
    np.testing.assert_allclose(labels.xy, xy, atol=1e-6)


class Leaving:
    """A world of two animals: one leaves after frame 3, the other after frame 6."""

    def __init__(self, world):
        self.world = world
        seen = world.truth.visibility.copy()
        seen[4:, 0] = seen[7:, 1] = Visibility.ABSENT
        xy = np.where((seen == Visibility.ABSENT)[..., None], np.nan, world.truth.xy)
        self.truth = world.truth._replace(visibility=seen, xy=xy)

    def __getattr__(self, name):
        return getattr(self.world, name)

    def __len__(self):
        return len(self.world)


def test_animals_out_of_the_picture_have_no_row_and_empty_frames_are_negative(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(stage, "simulate", lambda cfg: Leaving(simulate(cfg)))
    _, labels = several(tmp_path, animals=2)
    rows = set(zip(labels.frame.tolist(), labels.individual.tolist(), strict=True))
    assert rows == {(f, 0) for f in range(4)} | {(f, 1) for f in range(7)}
    assert labels.negatives.tolist() == [[0, f] for f in (7, 8, 9)]
    assert labels.complete.all()


def test_the_ground_of_flies_and_looks_of_animals_can_be_chosen(tmp_path):
    light = {}
    for ground in ("bright", "dark"):
        several(tmp_path / ground, animal="fly", animals=2, ground=ground, identical=True)
        film = open_video(tmp_path / ground / "videos" / "sim-0.mp4")
        light[ground] = film.read([0]).mean()
    assert light["bright"] > light["dark"] + 50


def test_labels_that_were_not_simulated_are_kept(tmp_path):
    (tmp_path / "labels.slp").write_text("mine")
    with pytest.raises(InputError, match="does not hold a simulation"):
        run(FilmConfig(), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["labels.slp"]
