"""Tables of poses: those of Anipose, and our own there and back."""

import numpy as np
import pandas as pd
import pytest

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import poses3d_export, poses_tables

XYZ = np.random.default_rng(0).normal(size=(6, 2, 3))


def anipose(path, frames):
    table = pd.DataFrame({
        f"{part}_{axis}": XYZ[: len(frames), j, k]
        for j, part in enumerate(("nose", "tail_base"))
        for k, axis in enumerate("xyz")
    })  # fmt: skip
    table["nose_score"], table["nose_error"], table["nose_ncams"] = 0.5, 1.0, 3
    table = table.assign(M_00=1.0, center_0=0.0, fnum=frames)
    table.to_csv(path, index=False)


def test_anipose_has_a_row_a_frame_and_frames_without_a_row_are_empty(tmp_path):
    anipose(tmp_path / "a.csv", [0, 1, 2, 5])
    found = poses_tables.read(tmp_path / "a.csv")
    assert found.keypoints == ("nose", "tail_base") and found.xy.shape == (6, 1, 2, 3)
    np.testing.assert_array_equal(found.xy[[0, 1, 2, 5], 0], XYZ[:4])
    assert np.isnan(found.xy[[3, 4]]).all()
    assert (found.confidence[0, 0] == [0.5, 1.0]).all() and (found.confidence[3] == 0).all()


def test_our_table_comes_back_with_covariances_and_clock(tmp_path):
    rng = np.random.default_rng(1)
    half = rng.normal(size=(6, 2, 2, 3, 3))
    xyz = np.stack([XYZ, XYZ + 9], axis=1)
    xyz[2, 1, 0] = np.nan
    made = poses.build(
        xyz, rng.uniform(size=(6, 2, 2)), half @ np.swapaxes(half, -1, -2),
        np.arange(6) / 7, Skeleton(("nose", "tail")), fps=7.0, individuals=("ann", "bob"),
    )  # fmt: skip
    (path,) = poses3d_export.write(made, tmp_path / "a.csv", "csv")
    found = poses_tables.read(path)
    assert found.individuals == ("ann", "bob") and found.keypoints == ("nose", "tail")
    np.testing.assert_array_equal(found.xy, poses.xy(made))
    np.testing.assert_array_equal(found.confidence, poses.points(made, "confidence"))
    np.testing.assert_array_equal(found.covariance, poses.covariance(made))
    np.testing.assert_array_equal(found.times, made["time"].values)


def test_bad_rows_are_named(tmp_path):
    path = tmp_path / "a.csv"
    anipose(path, [0, 2, 1])
    with pytest.raises(InputError, match="does not rise"):
        poses_tables.read(path)
    anipose(path, [0, 1, 9_000_000])
    with pytest.raises(InputError, match="3 rows but a frame 9000000"):
        poses_tables.read(path)
    head = "frame,keypoint,x,y\n"
    for body, said in (
        ("0,nose,1,here\n", "row 2 has y 'here'"),
        ("0,nose,1,2\n0,nose,1,2\n", "twice in a frame"),
        ("1.5,nose,1,2\n", "no whole number"),
        ("-1,nose,1,2\n", "below 0"),
        ("0,,1,2\n", "without keypoint"),
        ("", "has no rows"),
    ):
        path.write_text(head + body)
        with pytest.raises(InputError, match=said):
            poses_tables.read(path)
