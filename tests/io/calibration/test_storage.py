import cv2
import numpy as np
import pytest

from gambol.io.calibration import storage

VALUES = {
    "K": np.array([[1 / 3, -2.0, 3e-9], [1e300, 5, 6]]),
    "line": np.array([1.0, 2, 3]),
    "row": np.array([[1.0, 2]]),
    "count": 3,
    "share": 0.1,
    "name": "the top one",
}


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".xml"])
def test_files_of_opencv_are_read(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    file = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for name, value in VALUES.items():
        file.write(name, value)
    file.startWriteStruct("inside", cv2.FILE_NODE_MAP)
    file.write("T", np.array([[1.5], [2.5]]))
    file.endWriteStruct()
    file.release()
    back = storage.read(path)
    assert list(back) == [*VALUES, "inside"]
    np.testing.assert_array_equal(back["K"], VALUES["K"])
    np.testing.assert_array_equal(back["row"], VALUES["row"])
    np.testing.assert_array_equal(back["line"].ravel(), VALUES["line"])
    np.testing.assert_array_equal(back["inside"]["T"], [[1.5], [2.5]])
    assert (back["count"], back["share"], back["name"]) == (3, 0.1, "the top one")


def test_opencv_reads_what_is_written(tmp_path):
    path = tmp_path / "a.yaml"
    values = VALUES | {"name": 'a "b" \\ c'}
    path.write_text(storage.yaml_text(values), encoding="utf-8")
    file = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    np.testing.assert_array_equal(file.getNode("K").mat(), values["K"])
    assert file.getNode("count").real() == 3
    assert file.getNode("share").real() == 0.1
    assert file.getNode("name").string() == values["name"]
    back = storage.read(path)
    np.testing.assert_array_equal(back.pop("K"), values["K"])
    np.testing.assert_array_equal(back.pop("row"), values["row"])
    np.testing.assert_array_equal(back.pop("line").ravel(), values["line"])
    assert back == {key: values[key] for key in ("count", "share", "name")}


def test_matrices_of_ros_have_no_tag(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("camera_matrix:\n  rows: 1\n  cols: 2\n  data: [1e3, 2.]\n", "utf-8")
    np.testing.assert_array_equal(storage.read(path)["camera_matrix"], [[1000, 2]])
