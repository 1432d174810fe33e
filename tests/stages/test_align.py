"""New axes for a rig: rig and poses move together, so the images stay what they were."""

import numpy as np
import pytest

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.io import calibration
from gambol.io import poses as io_poses
from gambol.kernels import projection
from gambol.stages import align

FEET = ("left_forepaw", "right_forepaw", "left_hindpaw", "right_hindpaw")


def seen(rig, made):
    xyz = poses.xy(made)[:, 0].reshape(-1, 3).astype(float)
    return projection.project(xyz, rig.params()).uv


def test_images_stay_what_they_were_whatever_the_axes(calibrated, poses_3d, tmp_path):
    rig, made = calibration.read(calibrated.calibration), io_poses.read(poses_3d.poses)
    for cfg in (
        align.AlignConfig(gravity=(0.3, 0.2, -1.0)),
        align.AlignConfig(feet=FEET),
        align.AlignConfig(feet=FEET, length=("nose", "neck", 1.5), units="cm"),
    ):
        out, moved = tmp_path / "rig.toml", tmp_path / "moved.nc"
        align.run(cfg, calibrated.calibration, out, poses=poses_3d.poses, moved=moved)
        new = io_poses.read(moved)
        # positions are stored in single precision
        np.testing.assert_allclose(seen(calibration.read(out), new), seen(rig, made), atol=0.05)


def test_feet_stand_on_the_floor_and_up_is_up(calibrated, poses_3d, tmp_path):
    tilted = tmp_path / "tilted.toml"
    align.run(align.AlignConfig(gravity=(0.2, 0.1, -1)), calibrated.calibration, tilted)
    assert calibration.read(tilted).up == (0.0, 0.0, 1.0)
    out, moved = tmp_path / "level.toml", tmp_path / "level.nc"
    cfg = align.AlignConfig(feet=FEET)
    made = align.run(cfg, calibrated.calibration, out, poses=poses_3d.poses, moved=moved)
    assert "feet" in made.origin and made.units == "mm"
    series = io_poses.read(moved)
    low = series.position.sel(keypoints=list(FEET), space="z").values
    assert abs(np.quantile(low, 0.1)) < 2.0  # mm
    assert series.position.sel(keypoints="neck", space="z").median() > 5


def test_a_known_length_sets_the_scale(calibrated, poses_3d, tmp_path):
    cfg = align.AlignConfig(gravity=(0, 0, -1), length=("nose", "tail_base", 2.0), units="cm")
    moved = tmp_path / "moved.nc"
    align.run(
        cfg, calibrated.calibration, tmp_path / "a.toml", poses=poses_3d.poses, moved=moved
    )
    series = io_poses.read(moved)
    apart = series.position.sel(keypoints="nose") - series.position.sel(keypoints="tail_base")
    assert np.median(np.linalg.norm(apart, axis=1)) == pytest.approx(2.0, rel=1e-4)
    assert series.attrs["units"] == "cm"


def test_what_does_not_fit_is_refused(calibrated, poses_3d, views, tmp_path):
    rig, out = calibrated.calibration, tmp_path / "a.toml"
    with pytest.raises(InputError, match="say one of gravity, feet and points"):
        align.run(align.AlignConfig(), rig, out)
    with pytest.raises(InputError, match="give them with --poses"):
        align.run(align.AlignConfig(feet=FEET), rig, out)
    with pytest.raises(InputError, match="no keypoint 'paw'"):
        align.run(align.AlignConfig(feet=("paw",)), rig, out, poses=poses_3d.poses)
    with pytest.raises(InputError, match="made with another calibration"):
        align.run(align.AlignConfig(feet=FEET), views.rig, out, poses=poses_3d.poses)
    assert not out.exists()
