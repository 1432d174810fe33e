import cv2
import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io import calibration
from gambol.kernels import projection


def values_of(camera):
    """As the format is documented: both matrices transposed."""
    return {
        "intrinsicMatrix": camera.matrix.T,
        "distortionCoefficients": camera.distortion[None],
        "R": camera.turn.T,
        "T": camera.translation[:, None],
    }


def save(folder, name, values):
    folder.mkdir(exist_ok=True)
    file = cv2.FileStorage(str(folder / f"{name}.yaml"), cv2.FILE_STORAGE_WRITE)
    for key, value in values.items():
        file.write(key, value)
    file.release()


def test_files_of_jarvis_are_read(twelve, tmp_path):
    for camera in twelve.cameras:
        save(tmp_path / "a", camera.name, values_of(camera))
    assert calibration.detect(tmp_path / "a") == "jarvis"
    read = calibration.load(tmp_path / "a")
    assert read.remarks == ()
    points = np.random.default_rng(0).normal(0, 40, (20, 3))
    shown = projection.project(points, read.rig.params()).uv
    np.testing.assert_allclose(shown, projection.project(points, twelve.params()).uv, atol=1e-8)


def test_rows_of_the_world_go_through_what_is_written(rig, tmp_path):
    points = np.random.default_rng(0).normal(0, 40, (20, 3))
    for path, camera in zip(
        calibration.write(rig, tmp_path / "a", "jarvis"), rig.cameras, strict=True
    ):
        file = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
        k, r, t = (file.getNode(name).mat() for name in ("intrinsicMatrix", "R", "T"))
        rows = np.column_stack([points, np.ones(20)]) @ np.vstack([r, t.T]) @ k
        params = camera.params()
        params[6:11], params[11] = 0, np.inf
        want = projection.project(points, params[None]).uv[0]
        np.testing.assert_allclose(rows[:, :2] / rows[:, 2:], want, atol=1e-9)


def test_matrices_that_are_not_transposed_are_named(rig, tmp_path):
    for camera in rig.cameras:
        save(
            tmp_path / "a", camera.name, values_of(camera) | {"intrinsicMatrix": camera.matrix}
        )
    read = calibration.load(tmp_path / "a")
    assert len(read.remarks) == 3
    assert "camera cam_0: K was transposed" in read.remarks[0]
    np.testing.assert_array_equal(read.rig["cam_0"].matrix, rig["cam_0"].matrix)


def test_what_is_missing_is_named(rig, tmp_path):
    values = values_of(rig.cameras[0])
    del values["R"]
    save(tmp_path / "a", "top", values)
    with pytest.raises(InputError, match="camera top lacks R"):
        calibration.read(tmp_path / "a" / "top.yaml")
