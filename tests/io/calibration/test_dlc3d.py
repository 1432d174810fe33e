import pickle

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io import calibration


def pair(rig):
    one, two = rig.cameras[:2]
    return {
        "cameraMatrix1": one.matrix, "distCoeffs1": one.distortion[None],
        "cameraMatrix2": two.matrix, "distCoeffs2": two.distortion[None],
        "R": two.turn, "T": two.translation[:, None], "roi1": (0, 0, 640, 480),
        "image_shape": [(640, 480), (640, 480)],
    }  # fmt: skip


def save(tmp_path, values):
    path = tmp_path / "stereo_params.pickle"
    path.write_bytes(pickle.dumps(values, pickle.HIGHEST_PROTOCOL))
    return path


def test_a_pair_is_read_with_the_names_of_its_key(rig, tmp_path):
    path = save(tmp_path, {"camera-1-camera-2": pair(rig)})
    assert calibration.detect(path) == "dlc3d"
    read = calibration.load(path)
    assert list(read.rig) == ["camera-1", "camera-2"]
    assert read.rig["camera-1"].size == (640, 480)
    assert not read.rig["camera-1"].translation.any()
    np.testing.assert_allclose(read.rig["camera-2"].turn, rig["cam_1"].turn, atol=1e-12)
    np.testing.assert_array_equal(read.rig["camera-2"].translation, rig["cam_1"].translation)
    assert "the world is camera camera-1" in read.remarks[0]
    assert read.rig.units == "unknown"


def test_several_pairs_are_no_rig(rig, tmp_path):
    path = save(tmp_path, {"a-b": pair(rig), "b-c": pair(rig)})
    with pytest.raises(InputError, match="holds 2 pairs of cameras"):
        calibration.read(path)


def test_what_is_missing_is_named(rig, tmp_path):
    values = {k: v for k, v in pair(rig).items() if k not in ("R", "T")}
    with pytest.raises(InputError, match="lacks R and T"):
        calibration.read(save(tmp_path, {"a-b": values}))
