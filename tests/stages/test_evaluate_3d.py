"""Scores of 3D files: what has to agree, and what may be left out."""

import numpy as np
import pytest

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import store
from gambol.stages import evaluate, evaluate_3d


def test_the_truth_scores_zero_against_itself(views):
    scores = evaluate.run(evaluate.EvaluateConfig(), views.truth, views.truth)
    assert scores["mpe"] == 0 and scores["mpe_rpa"] < 1e-9 and scores["n_missing"] == 0
    assert max(one["variation"] for one in scores["bones"].values()) < 1e-3


def test_keypoints_that_are_skipped_do_not_count(views, poses_3d):
    every = evaluate_3d.of_poses(poses_3d.poses, views.truth)
    some = evaluate_3d.of_poses(poses_3d.poses, views.truth, ("tail_tip",))
    assert some["n"] < every["n"] and np.isnan(some["keypoints"]["tail_tip"]["mpe"])
    assert some["keypoints"]["nose"] == every["keypoints"]["nose"]
    with pytest.raises(InputError, match="share no keypoint 'tial'"):
        evaluate_3d.of_poses(poses_3d.poses, views.truth, ("tial",))


def test_other_units_frames_or_files_are_refused(views, poses_3d, tmp_path):
    truth = store.read_dataset(views.truth)
    truth.attrs["units"] = "cm"
    store.write_dataset(truth, tmp_path / "cm.nc")
    with pytest.raises(InputError, match="is in mm, .* in cm"):
        evaluate_3d.of_poses(poses_3d.poses, tmp_path / "cm.nc")
    store.write_dataset(truth.isel(time=slice(5)), tmp_path / "short.nc")
    with pytest.raises(InputError, match="give a truth of the same frames"):
        evaluate_3d.of_poses(poses_3d.poses, tmp_path / "short.nc")
    with pytest.raises(InputError, match="holds no 3D poses"):
        evaluate_3d.of_poses(poses_3d.poses, views.views / "cam_0.nc")


def test_individuals_of_other_names_are_matched_by_place(views, poses_3d, tmp_path):
    truth = store.read_dataset(views.truth).assign_coords(individuals=["rex"])
    store.write_dataset(truth, tmp_path / "rex.nc")
    a = evaluate_3d.of_poses(poses_3d.poses, views.truth)
    b = evaluate_3d.of_poses(poses_3d.poses, tmp_path / "rex.nc")
    assert a["mpe"] == b["mpe"]


def planted(path, xyz, names=("a", "b")):
    """Write poses of animals (T, N, J, 3), mm."""
    own = Skeleton(tuple("abcdefgh"[: xyz.shape[2]]))
    made = poses.build(
        xyz, np.ones(xyz.shape[:3]), np.zeros((*xyz.shape, 3)), np.arange(len(xyz)) / 30, own,
        fps=30.0, individuals=names, attrs={"units": "mm"},
    )  # fmt: skip
    store.write_dataset(made, path)
    return path


def test_names_that_trackers_give_to_anybody_say_nothing(tmp_path):
    rng = np.random.default_rng(0)
    xyz = rng.normal(0, 50, (40, 2, 4, 3))

    def write(name, xyz, names):
        return planted(tmp_path / name, xyz, names)

    for names, wanted in ((("animal1", "animal2"), "animal2"), (("rex", "ada"), "rex")):
        truth = write("truth.nc", xyz, names)
        swapped = write("swapped.nc", xyz[:, ::-1], names)
        assert dict(evaluate_3d.individuals(swapped, truth))[names[0]] == wanted
        told = evaluate_3d.of_poses(swapped, truth)
        assert (told["mpe"] == 0) == (told["names_kept"] == 1) == (wanted == "animal2")
        assert told["whoever"]["mpe"] == 0
    mixed = xyz.copy()
    mixed[30:] = xyz[30:, ::-1]
    told = evaluate_3d.of_poses(
        write("mixed.nc", mixed, ("a", "b")), write("t.nc", xyz, ("c", "d"))
    )
    assert told["names_kept"] == 0.75 and told["whoever"]["median"] == 0 < told["mpe"]


def test_distances_are_to_the_nearest_animal_whoever_it_is(tmp_path):
    rng = np.random.default_rng(0)
    xyz = rng.normal(0, 100, (5, 2, 3, 3))  # frames, animals, keypoints
    swapped = xyz.copy()
    swapped[2] = swapped[2, ::-1]  # exchanged in one frame
    swapped[1, 0, 1, 0] += 3.0
    swapped[4, 1] = np.nan  # one was not found
    truth, made = (
        planted(tmp_path / f"{n}.nc", v) for n, v in (("truth", xyz), ("made", swapped))
    )
    far = evaluate_3d.errors(made, truth).reshape(5, 2, 3)
    assert far[1, 0, 1] == pytest.approx(3.0)
    assert np.isinf(far[4, 1]).all()
    rest = np.ones((5, 2, 3), bool)
    rest[1, 0, 1] = rest[4, 1] = False
    assert np.allclose(far[rest], 0, atol=1e-4)
