import json

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io import calibration


@pytest.mark.parametrize("words", [("R", "T"), ("rotation", "translation")])
def test_both_spellings_are_read_in_the_order_of_the_file(twelve, tmp_path, words):
    values = {
        camera.name: {
            words[0]: camera.turn.tolist(),
            words[1]: camera.translation[:, None].tolist(),
            "camera_matrix": camera.matrix.tolist(),
            "distortion_coefs": camera.distortion.tolist(),
        }
        for camera in twelve.cameras
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    assert calibration.detect(path) == "multicam"
    rig = calibration.read(path)
    assert list(rig) == list(twelve)
    for one, other in zip(rig.cameras, twelve.cameras, strict=True):
        np.testing.assert_allclose(one.rotation, other.rotation, atol=1e-12)
        np.testing.assert_array_equal(one.translation, other.translation)
        np.testing.assert_array_equal(one.distortion, other.distortion)
    assert rig.units == "unknown"


def test_every_entry_of_what_is_written_is_a_camera(rig, tmp_path):
    calibration.write(rig, tmp_path / "a.json", "multicam")
    values = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert list(values) == list(rig)
    assert np.shape(values["cam_1"]["T"]) == (3, 1)
    np.testing.assert_allclose(values["cam_1"]["rotation"], rig["cam_1"].turn, atol=1e-15)


def test_a_camera_without_a_place_is_named(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"top": {"camera_matrix": [[1,0,0],[0,1,0],[0,0,1]]}}', encoding="utf-8")
    with pytest.raises(InputError, match="camera top has no rotation and translation"):
        calibration.read(path)
