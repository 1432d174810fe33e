import h5py
import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io import calibration
from gambol.kernels import projection


def test_bare_matrices_of_the_rat_are_split(data):
    path = data / "rat_mocap" / "mock_data.npz"
    assert calibration.detect(path) == "matrices"
    rig = calibration.read(path)
    with np.load(path) as file:
        matrices, truth = file["camera_matrices"], file["groundtruth_pos_3d"]
    points = truth[np.isfinite(truth).all(axis=-1)]
    shown = projection.project(points, rig.params())
    want = np.column_stack([points, np.ones(len(points))]) @ matrices.transpose(0, 2, 1)
    assert shown.valid.all()
    np.testing.assert_allclose(shown.uv, want[..., :2] / want[..., 2:], atol=1e-7)
    assert list(rig) == [f"cam_{v}" for v in range(6)]


def test_npy_npz_and_csv_say_the_same(twelve, tmp_path):
    matrices = np.array([camera.projection() for camera in twelve.cameras])
    names = list(twelve)
    np.save(tmp_path / "a.npy", matrices)
    np.savez(tmp_path / "b.npz", camera_matrices=matrices, camera_names=np.array(names))
    rows = [",".join(map(repr, m.ravel().tolist())) for m in matrices]
    (tmp_path / "c.csv").write_text("\n".join(rows), encoding="utf-8")
    head = "name," + ",".join(f"p{k}" for k in range(12)) + "\n"
    named = [f"{name},{row}" for name, row in zip(names, rows, strict=True)]
    (tmp_path / "d.csv").write_text(head + "\n".join(named), encoding="utf-8")
    thirds = [",".join(map(repr, row)) for row in matrices.reshape(-1, 4).tolist()]
    (tmp_path / "e.csv").write_text("\n".join(thirds), encoding="utf-8")
    rigs = [calibration.read(path) for path in sorted(tmp_path.iterdir())]
    assert len(rigs) == 5
    for rig in rigs:
        assert rig == rigs[0]
        for camera, one in zip(rig.cameras, twelve.cameras, strict=True):
            np.testing.assert_allclose(camera.matrix, one.matrix, rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(camera.rotation, one.rotation, atol=1e-9)
            np.testing.assert_allclose(camera.translation, one.translation, atol=1e-7)


def test_an_affine_matrix_is_an_affine_camera(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[1.0, 2, 3, 4], [0, 5, 6, 7], [0, 0, 0, 2]]))
    (camera,) = calibration.read(tmp_path / "a.npy").cameras
    assert camera.kind == "affine"
    np.testing.assert_array_equal(camera.projection()[:2], [[0.5, 1, 1.5, 2], [0, 2.5, 3, 3.5]])


def test_hdf5_of_multicam_calibration_is_read(rig, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("camera_parameters")
        group["camera_names"] = list(rig)
        group["intrinsic"] = np.array([c.matrix for c in rig.cameras])
        group["dist_coefs"] = np.array([c.distortion for c in rig.cameras])
        group["rotation"] = np.array([c.turn for c in rig.cameras])
        group["translation"] = np.array([c.translation for c in rig.cameras])
    read = calibration.read(tmp_path / "a.h5")
    points = np.random.default_rng(0).normal(0, 40, (20, 3))
    np.testing.assert_allclose(
        projection.project(points, read.params()).uv,
        projection.project(points, rig.params()).uv,
        atol=1e-9,
    )
    with h5py.File(tmp_path / "a.h5", "a") as file:
        del file["camera_parameters/rotation"]
    with pytest.raises(InputError, match="no calibration of GIMBAL"):
        calibration.read(tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("save", "why"),
    [
        (lambda path: np.savez(path, x=np.zeros(3)), "holds no camera_matrices; it holds x"),
        (lambda path: np.savez(path, camera_matrices=np.zeros((2, 4, 4))), "shape"),
        (lambda path: np.savez(path, camera_matrices=np.array([None])), "no plain arrays"),
    ],
)
def test_arrays_that_are_no_cameras_are_refused(tmp_path, save, why):
    save(tmp_path / "a.npz")
    with pytest.raises(InputError, match=why):
        calibration.read(tmp_path / "a.npz")
