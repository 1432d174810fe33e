"""From views to the dataset: what is said of points, views and the rig."""

import numpy as np
import pytest
import xarray as xr
from filmed import ring, see, views, walk
from movement.validators.datasets import ValidPosesInputs

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.core.progress import Step
from gambol.multiview import reconstruct
from gambol.multiview.tiers.base import Problem, Solved


def known(xyz):
    """A tier that knows the truth and calls the first view's third keypoint an outlier."""

    def solve(problem: Problem) -> Solved:
        outlier = np.where(np.isfinite(problem.xy).all(-1), 0.0, np.nan)
        outlier[:, 0, 2] = 1.0
        cov = np.broadcast_to(np.eye(3), (*xyz.shape, 3))
        return Solved(xyz, cov, outlier, learned={"noise": 2.0})

    return solve


def made(frames: int = 8) -> xr.Dataset:
    rig, xyz = ring(3), walk(frames)
    uv = see(xyz, rig, noise=0.0)
    uv[:, 1, 4] = np.nan
    return reconstruct.reconstruct(
        {"mouse": views(uv, rig)}, rig, known(xyz), fps=30.0, attrs={"tier": "known"}
    )


def test_the_dataset_holds_positions_units_and_what_each_view_said():
    got = made()
    np.testing.assert_allclose(poses.xy(got)[:, 0], walk(8))
    assert got.attrs["units"] == got.attrs["space_unit"] == "mm"
    assert dict(got.sizes)["view"] == 3 and got.attrs["tier"] == "known"
    n = got["n_views"].sel(individuals="mouse")
    assert (n.sel(keypoints="hip") == 3).all() and (n.sel(keypoints="right") == 2).all()
    assert (n.sel(keypoints="head") == 2).all()  # three saw it, one of them wrongly
    sure = got["confidence"].sel(individuals="mouse")
    np.testing.assert_allclose(sure.sel(keypoints="head"), 2 / 3)
    assert float(got["reprojection_error"].max()) < 1e-6
    assert reconstruct.removed(got)["cam0"]["head"] == 8
    assert reconstruct.learned(got) == {"mouse": {"noise": 2.0}}


def test_movement_accepts_the_positions():
    got = made()
    ValidPosesInputs(
        position_array=got.position.values,
        confidence_array=got.confidence.values,
        individual_names=list(got.individuals.values),
        keypoint_names=list(got.keypoints.values),
        fps=30.0,
    )


def test_the_fingerprint_of_a_rig_changes_with_its_cameras_alone():
    rig = ring(3)
    assert reconstruct.fingerprint(rig) == reconstruct.fingerprint(ring(3))
    assert reconstruct.fingerprint(rig) != reconstruct.fingerprint(rig.select(["cam1", "cam0"]))


def test_one_view_or_an_unknown_camera_is_refused():
    rig, xyz = ring(3), walk(4)
    alone = views(see(xyz, rig)[:, :1], rig)._replace(cameras=("cam0",))
    with pytest.raises(InputError, match="two or more views"):
        reconstruct.reconstruct({"a": alone}, rig, known(xyz), fps=30.0)
    lost = views(see(xyz, rig), rig)._replace(cameras=("cam0", "cam1", "side"))
    with pytest.raises(InputError, match="no camera 'side'; there are cam0, cam1, cam2"):
        reconstruct.reconstruct({"a": lost}, rig, known(xyz), fps=30.0)


def test_of_several_peaks_the_likeliest_counts():
    rig, xyz = ring(3), walk(8)
    uv = see(xyz, rig, noise=0.0)
    wrong = uv.copy()
    wrong[:, 0, 1] += 80.0
    several = np.stack([wrong, uv], axis=3)
    score = np.broadcast_to([0.9, 0.5], several.shape[:-1]).copy()
    one = views(wrong, rig)._replace(candidates=several, candidate_score=score)
    peak = np.zeros(uv.shape[:3], int)
    peak[:, 0, 1] = 1

    def tier(problem: Problem) -> Solved:
        np.testing.assert_array_equal(problem.candidates, several)
        return known(xyz)(problem)._replace(peak=peak)

    got = reconstruct.reconstruct({"a": one}, rig, tier, fps=30.0)
    assert float(got["reprojection_error"].max()) < 1e-6
    sure = got["confidence"].sel(individuals="a", keypoints="spine")
    np.testing.assert_allclose(sure, (0.5 + 1 + 1) / 3)


def test_progress_counts_the_frames_of_all_animals():
    rig, xyz = ring(3), walk(10)
    one = views(see(xyz, rig), rig)
    told = []

    def tier(problem: Problem) -> Solved:
        problem.progress(Step("windows", 1, 2, "half"))
        return known(xyz)(problem)

    reconstruct.reconstruct({"a": one, "b": one}, rig, tier, fps=30.0, progress=told.append)
    assert [(step.done, step.total) for step in told] == [(5, 20), (10, 20), (15, 20), (20, 20)]
    assert {step.stage for step in told} == {"triangulate"}


def test_what_parts_learned_is_told_together():
    parts = [
        {"noise_px": [1.0, 2.0], "unsettled": 1, "bone_length": [4.0], "tier": "robust"},
        {"noise_px": [1.0, 2.0], "unsettled": 0, "bone_length": [6.0], "tier": "robust"},
        {"noise_px": [1.0, 2.0], "unsettled": 2, "bone_length": [9.0], "tier": "robust"},
    ]
    assert reconstruct.learned_together(parts) == {
        "noise_px": [1.0, 2.0], "unsettled": 3, "bone_length": [6.0], "tier": "robust"
    }  # fmt: skip
    parts[1]["bone_length"] = [6.0, 7.0]  # of other keypoints
    assert reconstruct.learned_together(parts)["bone_length"] == [4.0]
