import cv2
import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io import calibration
from gambol.io.calibration import storage


def save(path, values):
    file = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for name, value in values.items():
        file.write(name, value)
    file.release()


def close(one, other):
    assert list(one) == list(other)
    for a, b in zip(one.cameras, other.cameras, strict=True):
        np.testing.assert_array_equal(a.matrix, b.matrix)
        np.testing.assert_array_equal(a.distortion, b.distortion)
        np.testing.assert_allclose(a.rotation, b.rotation, atol=1e-12)
        np.testing.assert_array_equal(a.translation, b.translation)


@pytest.mark.parametrize("suffix", [".yml", ".xml"])
def test_one_file_a_camera(twelve, tmp_path, suffix):
    for camera in twelve.cameras:
        values = {
            "image_width": 640,
            "image_height": 480,
            "camera_matrix": camera.matrix,
            "distortion_coefficients": camera.distortion[None],
            "R": camera.turn if suffix == ".xml" else camera.rotation[:, None],
            "T": camera.translation[:, None],
        }
        save(tmp_path / f"{camera.name}{suffix}", values)
    assert calibration.detect(tmp_path) == "opencv"
    rig = calibration.read(tmp_path)
    close(rig, twelve)
    assert rig.cameras[10].size == (640, 480)
    assert rig.units == "unknown"


def test_opencv_finds_what_it_needs_in_our_files(rig, tmp_path):
    for path, camera in zip(calibration.write(rig, tmp_path / "a", "opencv"), rig.cameras,
                            strict=True):  # fmt: skip
        file = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
        np.testing.assert_array_equal(file.getNode("camera_matrix").mat(), camera.matrix)
        points, _ = cv2.projectPoints(
            np.eye(3) * 20,
            file.getNode("R").mat(),
            file.getNode("T").mat(),
            file.getNode("camera_matrix").mat(),
            file.getNode("distortion_coefficients").mat(),
        )
        assert np.isfinite(points).all()


def test_several_cameras_in_one_file(rig, tmp_path):
    text = "%YAML:1.0\n---\n"
    for camera in rig.cameras:
        body = storage.yaml_text(
            {"K": camera.matrix, "dist": camera.distortion, "R": camera.turn,
             "t": camera.translation}
        ).removeprefix("%YAML:1.0\n---\n")  # fmt: skip
        indented = "".join(f"   {line}\n" for line in body.splitlines())
        text += f"{camera.name}:\n{indented}"
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    close(calibration.read(tmp_path / "a.yaml"), rig)


def test_a_stereo_pair_has_its_world_in_the_first_camera(rig, tmp_path):
    one, two = rig.cameras[:2]
    values = {
        "M1": one.matrix, "D1": one.distortion, "M2": two.matrix, "D2": two.distortion,
        "R": two.turn, "T": two.translation,
    }  # fmt: skip
    save(tmp_path / "a.yml", values)
    read = calibration.read(tmp_path / "a.yml")
    assert list(read) == ["cam_1", "cam_2"]
    assert not read["cam_1"].rotation.any() and not read["cam_1"].translation.any()
    np.testing.assert_allclose(read["cam_2"].turn, two.turn, atol=1e-12)
    save(tmp_path / "b.yml", {k: v for k, v in values.items() if k != "T"})
    with pytest.raises(InputError, match="has no R and T"):
        calibration.read(tmp_path / "b.yml")


@pytest.mark.parametrize(
    ("turn", "why"),
    [
        (np.diag([1.0, 1, -1]), "mirrors"),
        (np.ones((3, 3)), "no rotation"),
        (np.eye(2), "4 val"),
    ],
)
def test_what_is_no_rotation_is_refused(rig, tmp_path, turn, why):
    one = rig.cameras[0]
    save(tmp_path / "a.yml", {"K": one.matrix, "R": turn, "T": one.translation})
    with pytest.raises(InputError, match=why):
        calibration.read(tmp_path / "a.yml")


def test_a_folder_without_cameras_is_named(tmp_path):
    with pytest.raises(InputError, match="holds no camera files"):
        calibration.read(tmp_path)
