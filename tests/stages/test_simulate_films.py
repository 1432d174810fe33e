"""Films of a rig on disk: pictures, truth and labels agree, and a killed run goes on."""

import numpy as np
import pytest
from rigged import film

from gambol.core import poses as core_poses
from gambol.core.labels import Visibility
from gambol.io import calibration, store
from gambol.io import labels as io_labels
from gambol.io import poses as io_poses
from gambol.io.project import Project
from gambol.io.video.open import open_video
from gambol.kernels import projection
from gambol.stages import simulate_films, simulate_views

SHORT = {"films": True, "seconds": 0.6, "boards": 5, "animals": 2, "labelled": 4}


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    return film(tmp_path_factory.mktemp("films") / "sim", **SHORT)


def test_truth_in_space_truth_in_every_view_and_labels_are_one(filmed):
    rig, truth = calibration.read(filmed.rig), io_poses.read(filmed.truth)
    labels = io_labels.load(filmed.labels)
    skeleton = core_poses.skeleton(truth)
    for v, name in enumerate(rig):
        flat = store.read_dataset(filmed.truth.parent / "truth" / f"{name}.nc")
        names = core_poses.skeleton(flat).keypoints
        xyz = core_poses.xy(truth)[:, :, [skeleton.index(n) for n in names]]
        uv = projection.project(xyz.reshape(-1, 3).astype(float), rig[name].params()[None]).uv[
            0
        ]
        uv, xy = uv.reshape(*xyz.shape[:-1], 2), core_poses.xy(flat)
        there = np.isfinite(xy).all(axis=-1)
        assert there.mean() > 0.95 and np.abs(xy - uv)[there].max() < 1e-2
        rows = labels.video == v
        assert sorted(set(labels.frame[rows])) == [0, 6, 11, 17]
        np.testing.assert_allclose(
            labels.xy[rows], xy[labels.frame[rows], labels.individual[rows]], atol=1e-3
        )
        seen = core_poses.points(flat, "visibility")
        assert 0.3 < (seen == Visibility.VISIBLE).mean() < 0.98
        assert len(open_video(labels.videos[v])) == 18


def test_the_films_show_what_the_shots_draw(filmed):
    cfg = simulate_views.ViewsConfig.from_yaml(filmed.truth.parent / "simulate.yaml")
    shots = simulate_views.shots(cfg)
    for shot in shots[:2]:
        path = filmed.videos / f"{shot.camera.name}.mp4"
        decoded = open_video(path).read([0, 10]).astype(float)
        assert np.abs(decoded - shot.read([0, 10])).mean() < 5


def test_the_folder_is_a_project(filmed):
    with Project.open(filmed.labels.parent) as project:
        assert len(project.videos()) == 3
        assert len(project.labels()) == len(io_labels.load(filmed.labels))


def test_a_run_that_was_killed_goes_on_to_the_same_files(filmed, tmp_path, monkeypatch):
    drawn = []
    whole = simulate_films.simulate.film

    def dying(shot, path, progress):
        drawn.append(path.name)
        if len(drawn) == 2:
            raise KeyboardInterrupt
        whole(shot, path, progress)

    monkeypatch.setattr(simulate_films.simulate, "film", dying)
    with pytest.raises(KeyboardInterrupt):
        film(tmp_path / "sim", **SHORT)
    made = film(tmp_path / "sim", **SHORT)
    assert drawn == ["cam_0.mp4", "cam_1.mp4", "cam_1.mp4", "cam_2.mp4"]
    for a, b in ((made.truth, filmed.truth), (made.behaviour, filmed.behaviour)):
        assert core_same(a, b)
    frames = [open_video(f.videos / "cam_1.mp4").read([7]) for f in (made, filmed)]
    assert np.array_equal(*frames)


def core_same(a, b):
    if a.suffix == ".csv":
        return a.read_text() == b.read_text()
    return np.array_equal(core_poses.xy(io_poses.read(a)), core_poses.xy(io_poses.read(b)))


@pytest.mark.slow
def test_films_drawn_together_are_those_drawn_one_by_one(filmed, tmp_path, monkeypatch):
    monkeypatch.setattr(simulate_films, "WORTH", 1)
    cfg = simulate_views.ViewsConfig.from_yaml(filmed.truth.parent / "simulate.yaml")
    made = simulate_views.run(cfg, tmp_path / "sim", workers=3)
    for name in ("cam_0", "cam_2"):
        pair = (open_video(f.videos / f"{name}.mp4").read(range(18)) for f in (made, filmed))
        assert np.array_equal(*pair)
