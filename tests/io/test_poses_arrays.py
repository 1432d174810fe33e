"""Arrays of other programs come back whatever order their axes have."""

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from gambol.core.errors import InputError
from gambol.io import poses_arrays

RNG = np.random.default_rng(0)
XYZ = RNG.normal(size=(20, 2, 5, 3))  # T N J d


def test_sleap_anipose_and_dannce_are_read_by_their_shapes(tmp_path):
    with h5py.File(tmp_path / "points3d.h5", "w") as file:
        file["tracks"] = XYZ
        file["other"] = np.zeros((4, 4))
    found = poses_arrays.read(tmp_path / "points3d.h5")
    np.testing.assert_array_equal(found.xy, XYZ)
    assert found.scores is None and found.keypoints == ()
    score = RNG.uniform(size=(20, 5))
    pred = np.swapaxes(XYZ[:, 0], 1, 2)  # T d J
    savemat(tmp_path / "save_data_AVG.mat", {"pred": pred, "p_max": score, "data": pred * 2})
    found = poses_arrays.read(tmp_path / "save_data_AVG.mat", scores="p_max")
    np.testing.assert_array_equal(found.xy[:, 0], XYZ[:, 0])
    np.testing.assert_array_equal(found.scores[:, 0], score)


def test_three_keypoints_of_dannce_have_space_before_them(tmp_path):
    pred = np.swapaxes(XYZ[:, 0, :3], 1, 2)
    savemat(tmp_path / "a.mat", {"pred": pred})
    np.testing.assert_array_equal(poses_arrays.read(tmp_path / "a.mat").xy[:, 0], XYZ[:, 0, :3])


def test_matlab_7_3_turns_axes_round(tmp_path):
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["places"] = XYZ[:, 0].T
    np.testing.assert_array_equal(poses_arrays.read(tmp_path / "a.mat").xy[:, 0], XYZ[:, 0])


def test_any_order_of_axes_can_be_said(tmp_path):
    np.savez(
        tmp_path / "a.npz", where=np.transpose(XYZ, (3, 2, 0, 1)), more=np.zeros((9, 9, 3))
    )
    axes = ("space", "keypoints", "time", "individuals")
    found = poses_arrays.read(tmp_path / "a.npz", "where", axes=axes)
    np.testing.assert_array_equal(found.xy, XYZ)
    with pytest.raises(InputError, match="which array holds positions"):
        poses_arrays.read(tmp_path / "a.npz")
    with pytest.raises(InputError, match="did you mean 'where'"):
        poses_arrays.read(tmp_path / "a.npz", "were")
    with pytest.raises(InputError, match="name each of them"):
        poses_arrays.read(tmp_path / "a.npz", "where", axes=("time", "keypoints", "space"))
    with pytest.raises(InputError, match="each once"):
        poses_arrays.read(tmp_path / "a.npz", "where", axes=("time", "time", "space"))


def test_what_is_no_array_is_refused_and_nothing_is_unpickled(tmp_path):
    np.savez(tmp_path / "a.npz", poses=np.array([{}], object))
    with pytest.raises(InputError, match="cannot be read as arrays"):
        poses_arrays.read(tmp_path / "a.npz", "poses")
    (tmp_path / "b.mat").write_bytes(b"nothing that MATLAB wrote" * 40)
    with pytest.raises(InputError, match="cannot be read as arrays"):
        poses_arrays.read(tmp_path / "b.mat")
    np.save(tmp_path / "c.npy", XYZ[:, 0])
    np.testing.assert_array_equal(poses_arrays.read(tmp_path / "c.npy").xy[:, 0], XYZ[:, 0])


def test_scores_that_are_no_confidences_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", tracks=XYZ, s=np.full((20, 2, 5), 7.0), t=np.zeros(3))
    with pytest.raises(InputError, match="no confidences between 0 and 1"):
        poses_arrays.read(tmp_path / "a.npz", "tracks", "s")
    with pytest.raises(InputError, match="is no score for each"):
        poses_arrays.read(tmp_path / "a.npz", "tracks", "t")
