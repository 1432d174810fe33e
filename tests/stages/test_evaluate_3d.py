"""Scores of 3D files: what has to agree, and what may be left out."""

import numpy as np
import pytest

from gambol.core.errors import InputError
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
