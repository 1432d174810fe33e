"""What lies behind 3D poses is found again, or said to be gone."""

import json
import shutil

import numpy as np
import pytest
from rigged import film

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.io import calibration, store
from gambol.io import poses as io_poses
from gambol.multiview import metrics
from gambol.stages import seen_3d, triangulate

NAMES = ("cam_0", "cam_1", "cam_2")


def test_the_rig_travels_with_the_poses(views, calibrated, poses_3d):
    made = io_poses.read(poses_3d.poses)
    assert seen_3d.rig_of(poses_3d.poses, made) == calibration.read(calibrated.calibration)


def test_the_points_that_the_poses_were_made_of_are_found(poses_3d):
    made = io_poses.read(poses_3d.poses)
    seen = seen_3d.behind(poses_3d.poses, made, {})
    assert seen.found.shape == (45, 3, 1, made.sizes["keypoints"], 2) and seen.note == ""
    problem = seen_3d.problem(made, seen, 0)
    far = np.linalg.norm(problem.xy - seen.found[:, :, 0], axis=-1)
    assert np.nanmax(far) == 0


def test_points_of_two_animals_belong_to_whom_the_poses_say(tmp_path):
    """One camera names the animals the other way round."""
    made = film(tmp_path / "sim", animals=2, seconds=1.0, boards=5, seed=5)
    path = made.views / "cam_1.nc"
    other = store.read_dataset(path)
    names = other["individuals"].values[::-1]
    store.write_dataset(other.assign_coords(individuals=names), path)
    cfg = triangulate.TriangulateConfig.from_values({"tier": {"kind": "msac"}}, "here")
    out = triangulate.run(cfg, [made.views], made.rig, tmp_path / "m.nc").poses
    poses = io_poses.read(out)
    seen = seen_3d.behind(out, poses, {})
    again = metrics.reprojection_error(
        core_poses.xy(poses)[:, 1].astype(float), seen.found[:, :, 1], seen.rig.params()
    )
    kept = poses["reprojection_error"].isel(individuals=1).values
    here, there = (np.nanmedian(error, (0, 2)) for error in (again, kept))
    np.testing.assert_allclose(here, there, rtol=1e-3)


def planted(tmp_path, nets):
    """One film as networks see it that err on their own."""
    rng = np.random.default_rng(0)
    members = [film(tmp_path / f"net{k}", seconds=0.5, boards=5, seed=9) for k in range(nets)]
    for one in members:
        for path in one.views.glob("*.nc"):
            part = store.read_dataset(path)
            part["position"] = part["position"] + rng.normal(0, 3.0, part["position"].shape)
            store.write_dataset(part, path)
    return members


def kept_errors(poses, seen):
    """Reprojection errors of the points found again, and those that the file keeps."""
    xyz = core_poses.xy(poses)[:, 0].astype(float)
    again = metrics.reprojection_error(xyz, seen.found[:, :, 0], seen.rig.params())
    kept = poses["reprojection_error"].isel(individuals=0)
    return again, kept.transpose("time", "view", "keypoints").values


def test_points_of_an_ensemble_are_the_means_of_its_networks(tmp_path):
    members = planted(tmp_path, 2)
    cfg = triangulate.TriangulateConfig.from_values(
        {"tier": {"kind": "dlt"}, "ensemble": True}, "here"
    )
    folders = [one.views for one in members]
    out = triangulate.run(cfg, folders, members[0].rig, tmp_path / "m.nc").poses
    poses = io_poses.read(out)
    kept = json.loads(poses.attrs["view_files"])
    assert {name: len(files) for name, files in kept.items()} == dict.fromkeys(NAMES, 2)
    seen = seen_3d.behind(out, poses, {})
    again, kept = kept_errors(poses, seen)
    np.testing.assert_allclose(again, kept, atol=1e-3)
    assert np.isfinite(again).sum() > 500
    assert np.isfinite(seen.variance).any()  # how far the two are apart
    next(folders[1].glob("*.nc")).unlink()
    assert "is gone" in seen_3d.behind(out, poses, {}).note


def test_points_are_those_after_the_median(tmp_path):
    (one,) = planted(tmp_path, 1)
    cfg = triangulate.TriangulateConfig.from_values(
        {"tier": {"kind": "dlt"}, "filter_2d": "median", "median_2d": 5},
        "here",
    )
    out = triangulate.run(cfg, [one.views], one.rig, tmp_path / "m.nc").poses
    poses = io_poses.read(out)
    seen = seen_3d.behind(out, poses, {})
    raw = seen_3d.behind(out, poses.assign_attrs(settings="{}"), {})
    assert (np.isfinite(raw.found) != np.isfinite(seen.found)).any()
    again, kept = kept_errors(poses, seen)
    np.testing.assert_allclose(again, kept, atol=1e-3)  # NaN in the same places, too


def test_files_that_are_gone_are_said(views, calibrated, tmp_path):
    folder = tmp_path / "views"
    shutil.copytree(views.views, folder)
    cfg = triangulate.TriangulateConfig.from_values({"tier": {"kind": "dlt"}}, "here")
    out = triangulate.run(cfg, [folder], calibrated.calibration, tmp_path / "m.nc").poses
    shutil.rmtree(folder)
    seen = seen_3d.behind(out, io_poses.read(out), {})
    assert seen.found is None and "is gone, so 2D points are not drawn" in seen.note


def test_a_view_that_the_poses_do_not_have_is_refused(poses_3d, tmp_path):
    made = io_poses.read(poses_3d.poses)
    with pytest.raises(InputError, match="has no view 'side'; it has cam_0, cam_1, cam_2"):
        seen_3d.behind(poses_3d.poses, made, {"side": tmp_path})


def test_poses_without_a_rig_say_what_made_them(views):
    with pytest.raises(InputError, match="make it with gambol triangulate"):
        seen_3d.rig_of(views.truth, store.read_dataset(views.truth))
