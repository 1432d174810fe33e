import pytest

from gambol.core.errors import InputError
from gambol.io import calibration

CAMERA = """
[cameras.{port}]
port = {port}
rotation_count = {turned}
error = 0.453
ignore = {ignore}
size = [1280, 720]
matrix = [[663.0593431853126, 0.0, 656.3], [0.0, 673.4366407084017, 342.1], [0.0, 0.0, 1.0]]
distortions = [0.2, -0.3, -0.0043, -0.0049, 0.158]
translation = {place}
rotation = [1.649, -0.336, 0.311]
"""


def camera(port, place="[0.05, 0.002, 0.89]", ignore="false", turned=0):
    return CAMERA.format(port=port, place=place, ignore=ignore, turned=turned)


def test_cameras_are_named_by_their_ports(tmp_path):
    path = tmp_path / "camera_array.toml"
    path.write_text("".join(camera(port) for port in (0, 2, 10)), encoding="utf-8")
    assert calibration.detect(path) == "caliscope"
    read = calibration.load(path)
    assert list(read.rig) == ["cam_0", "cam_2", "cam_10"]
    assert read.rig["cam_2"].matrix[0, 0] == 663.0593431853126
    assert read.rig["cam_2"].distortion.tolist() == [0.2, -0.3, -0.0043, -0.0049, 0.158]
    assert read.rig["cam_2"].rotation.tolist() == [1.649, -0.336, 0.311]
    assert read.remarks == ()


def test_what_is_left_out_is_said(tmp_path):
    path = tmp_path / "a.toml"
    text = camera(0, turned=1) + camera(1, ignore="true") + camera(2, place="[]")
    path.write_text(text, encoding="utf-8")
    read = calibration.load(path)
    assert list(read.rig) == ["cam_0"]
    notes = "\n".join(read.remarks)
    assert "cam_0 was shown turned by 1 x 90°" in notes
    assert "cam_1 is ignored" in notes
    assert "cam_2 has no place in the world" in notes


def test_a_file_of_ignored_cameras_alone_is_refused(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(camera(1, ignore="true"), encoding="utf-8")
    with pytest.raises(InputError, match="holds no camera"):
        calibration.read(path)
