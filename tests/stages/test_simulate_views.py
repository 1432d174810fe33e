"""Simulated views: the same seed films the same, and everything agrees with the truth."""

import numpy as np
import pytest
from rigged import SMALL, film

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.io import calibration
from gambol.io import poses as io_poses
from gambol.kernels import projection
from gambol.stages import simulate_views


def test_most_points_lie_where_the_true_camera_sees_the_true_place(views):
    rig, truth = calibration.read(views.rig), io_poses.read(views.truth)
    xyz = poses.xy(truth)[:, 0].reshape(-1, 3).astype(float)
    for name in rig:
        seen = poses.xy(io_poses.read(views.views / f"{name}.nc"))[:, 0]
        uv = projection.project(xyz, rig[name].params()[None]).uv[0].reshape(seen.shape)
        far = np.linalg.norm(seen - uv, axis=-1)
        assert np.nanmedian(far) < 3.0 and np.isfinite(far).mean() > 0.8


def test_the_truth_has_units_and_bones_of_one_length(views):
    truth = io_poses.read(views.truth)
    assert truth.attrs["units"] == "mm"
    xyz, skeleton = poses.xy(truth)[:, 0], poses.skeleton(truth)
    for parent, child in skeleton.bones:
        length = np.linalg.norm(xyz[:, child] - xyz[:, parent], axis=-1)
        assert length.std() < 1e-3 * length.mean()


def test_what_is_there_stays_and_other_settings_are_refused(tmp_path):
    folder = tmp_path / "sim"
    made = film(folder, seconds=0.5, boards=5)
    first = made.truth.stat().st_mtime_ns
    assert film(folder, seconds=0.5, boards=5).truth.stat().st_mtime_ns == first
    with pytest.raises(InputError, match="holds a simulation with other settings"):
        film(folder, seconds=0.6, boards=5)
    assert made.truth.stat().st_mtime_ns == first


def test_what_cannot_be_filmed_is_refused_before_anything_is_written(tmp_path):
    for changes, word in (
        ({"keypoints": ("nose", "knee")}, "no keypoint 'knee'; there are nose"),
        (
            {"floor": (120.0, 90.0)},
            "120 x 90 mm leaves no room to walk for 1 of 90 mm; 192 x 144",
        ),
        ({"animals": 6, "floor": (200.0, 150.0)}, "no room to walk for 6"),
    ):
        with pytest.raises(InputError, match=word):
            film(tmp_path / "sim", **changes)
    assert not list(tmp_path.iterdir())


def test_a_film_has_a_frame_at_least(tmp_path):
    assert len(io_poses.read(film(tmp_path / "sim", seconds=0.001).truth).time) == 1


def test_a_folder_of_other_things_is_not_written_into(tmp_path):
    (tmp_path / "thesis.txt").write_text("all of it")
    with pytest.raises(InputError, match="does not hold a simulation"):
        simulate_views.run(SMALL, tmp_path)


def test_recordings_of_one_place_share_cameras_arena_and_coats_and_nothing_else(tmp_path):
    made, drawn = [], []
    for seed in (1, 2):
        cfg = SMALL.model_copy(update={"seed": seed, "place": 7, "seconds": 0.2, "boards": 5})
        made.append(simulate_views.run(cfg, tmp_path / str(seed)))
        place = simulate_views.shots(cfg)[0].set
        drawn.append((place.scenery.texture, place.look))
    one, two = (calibration.read(m.rig) for m in made)
    assert all(np.array_equal(one[name].params(), two[name].params()) for name in one)
    np.testing.assert_equal(drawn[0], drawn[1])
    a, b = (poses.xy(io_poses.read(m.truth)) for m in made)
    assert not np.allclose(a, b)


def test_detections_have_the_keypoints_that_are_asked_for(tmp_path):
    names = ("nose", "tail_base")
    made = film(tmp_path / "sim", seconds=0.2, boards=5, keypoints=names)
    whole = film(tmp_path / "whole", seconds=0.2, boards=5)
    few, all_ = (io_poses.read(m.views / "cam_1.nc") for m in (made, whole))
    assert tuple(few["keypoints"].values) == names
    wanted = all_["position"].sel(keypoints=[*names])
    np.testing.assert_array_equal(few["position"], wanted)
