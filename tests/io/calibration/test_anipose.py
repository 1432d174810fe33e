import tomllib
from dataclasses import replace

import numpy as np
import pytest

from gambol.core.cameras import Camera, Rig
from gambol.core.errors import InputError
from gambol.io import calibration

FREEMOCAP = """
[cam_0]
name = "cam_0"
size = [ 1280.0, 720.0]
matrix = [[ 800.0, 0.0, 640.0], [ 0.0, 800.0, 360.0], [ 0.0, 0.0, 1.0]]
distortions = [ -0.1, 0.01, 0.0, 0.0]
rotation = [ 0.1, 0.2, 0.30000000000000004]
translation = [ 1.0, 2.0, 3.0]
world_position = [ 5e-324, 1.7976931348623157e308, -0.0]
world_orientation = [[ 1.0, 0.0, 0.0], [ 0.0, 1.0, 0.0], [ 0.0, 0.0, 1.0]]

[notes]
who = 'the "night" crew\\'

[metadata]
adjusted = false
error = 0.1
date_time_calibrated = 2024-05-01T10:00:00
charuco_board = {squares = [ 7, 5], name = "μ board", hmm = nan}
"""

FREEMOCAP_2 = """
[metadata]
reprojection_error_px = 0.41
n_observations_used = 5120
aligned = true
alignment_method = "charuco"

[metadata.board]
squares_x = 7
squares_y = 5
square_length_mm = 54.0

[[metadata.transformation_history]]
name = "floor"
rotation = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]

[24508a]
name = "24508a"
id = "24508a"
index = 1
size = [1280, 720]
matrix = [[800.0, 0.0, 640.0], [0.0, 801.0, 360.0], [0.0, 0.0, 1.0]]
distortions = [-0.1, 0.01, 0.001, 0.002, 0.003]
rotation = [0.1, 0.2, 0.3]
translation = [1.0, 2.0, 3.0]
world_orientation = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
world_position = [-1.0, -2.0, -3.0]

[0]
name = "0"
id = "0"
index = 0
size = [1280, 720]
matrix = [[800.0, 0.0, 640.0], [0.0, 801.0, 360.0], [0.0, 0.0, 1.0]]
distortions = [0.0, 0.0, 0.0, 0.0, 0.0]
rotation = [0.0, 0.0, 0.0]
translation = [0.0, 0.0, 0.0]
"""


def test_tables_that_freemocap_names_by_camera_are_read(tmp_path):
    (tmp_path / "a_camera_calibration.toml").write_text(FREEMOCAP_2, encoding="utf-8")
    read = calibration.load(tmp_path / "a_camera_calibration.toml")
    assert calibration.detect(tmp_path / "a_camera_calibration.toml") == "anipose"
    assert read.remarks == ()
    assert list(read.rig) == ["24508a", "0"]
    assert read.rig["24508a"].matrix[1, 1] == 801
    assert read.rig["24508a"].distortion.tolist() == [-0.1, 0.01, 0.001, 0.002, 0.003]
    calibration.write(read.rig, tmp_path / "b.toml")
    assert calibration.read(tmp_path / "b.toml") == read.rig
    old = tomllib.loads(FREEMOCAP_2)
    new = tomllib.loads((tmp_path / "b.toml").read_text(encoding="utf-8"))
    assert old["metadata"].items() <= new["metadata"].items()
    assert old["24508a"].items() <= new["24508a"].items()


def test_a_file_is_kept_whole(data, tmp_path):
    source = data / "fly_3cam" / "calibration.toml"
    rig = calibration.read(source)
    assert rig.units == "unknown"
    assert [camera.matrix[0, 0] for camera in rig.cameras][-1] == 136330.25013473458
    calibration.write(rig, tmp_path / "a.toml")
    old = tomllib.loads(source.read_text(encoding="utf-8"))
    new = tomllib.loads((tmp_path / "a.toml").read_text(encoding="utf-8"))
    assert list(new) == list(old)
    for name, table in old.items():
        assert table.items() <= new[name].items()
    assert calibration.read(tmp_path / "a.toml") == rig


def test_keys_of_others_are_kept_in_their_order(tmp_path):
    (tmp_path / "a.toml").write_text(FREEMOCAP, encoding="utf-8")
    rig = calibration.read(tmp_path / "a.toml")
    assert rig["cam_0"].size == (1280, 720)
    calibration.write(rig, tmp_path / "b.toml")
    text = (tmp_path / "b.toml").read_text(encoding="utf-8")
    old, new = tomllib.loads(FREEMOCAP), tomllib.loads(text)
    assert list(new) == ["cam_0", "notes", "metadata"]
    board = new["metadata"].pop("charuco_board")
    known = old["metadata"].pop("charuco_board")
    assert np.isnan(board.pop("hmm")) and np.isnan(known.pop("hmm"))
    assert board == known
    assert old["metadata"].items() <= new["metadata"].items()
    assert list(new["metadata"])[:3] == ["adjusted", "error", "date_time_calibrated"]
    for key in ("world_position", "world_orientation", "rotation"):
        assert new["cam_0"][key] == old["cam_0"][key]
    assert np.signbit(new["cam_0"]["world_position"][2])
    assert new["notes"] == old["notes"]


def test_every_float_comes_back(tmp_path):
    rng = np.random.default_rng(3)
    for k in range(20):
        wild = rng.normal(size=3) * 10.0 ** rng.integers(-300, 300, 3)
        camera = Camera("a", np.diag([1 / 3, 1e-9, 1]), rng.normal(size=3), wild)
        calibration.write(Rig((camera,)), tmp_path / f"{k}.toml")
        assert calibration.read(tmp_path / f"{k}.toml") == Rig((camera,))


def test_fisheye_and_affine_cameras_and_flips_come_back(tmp_path, rig):
    one = rig.cameras[0]
    linear = one.matrix.copy()
    linear[2] = 0
    cameras = (
        replace(one, name="a", kind="fisheye", distortion=np.array([0.1, 0.2, 0.3, 0.4])),
        Camera("b", linear, np.zeros(3), one.translation, kind="affine"),
        replace(one, name="c", flip=True),
    )
    calibration.write(Rig(cameras), tmp_path / "a.toml")
    assert calibration.read(tmp_path / "a.toml") == Rig(cameras)
    tables = tomllib.loads((tmp_path / "a.toml").read_text(encoding="utf-8"))
    assert tables["cam_0"]["fisheye"] is True  # what anipose looks for
    assert "fisheye" not in tables["cam_2"]


def test_the_flag_of_anipose_alone_makes_a_fisheye(tmp_path):
    text = FREEMOCAP.replace('name = "cam_0"', 'name = "cam_0"\nfisheye = true')
    (tmp_path / "a.toml").write_text(text, encoding="utf-8")
    camera = calibration.read(tmp_path / "a.toml")["cam_0"]
    assert camera.kind == "fisheye"
    assert camera.distortion.tolist() == [-0.1, 0.01, 0, 0]


def test_cameras_added_to_a_rig_find_a_table(tmp_path):
    (tmp_path / "a.toml").write_text(FREEMOCAP, encoding="utf-8")
    rig = calibration.read(tmp_path / "a.toml")
    more = replace(rig.cameras[0], name="cam_9", extra={})
    calibration.write(replace(rig, cameras=(more, *rig.cameras)), tmp_path / "b.toml")
    assert list(calibration.read(tmp_path / "b.toml")) == ["cam_9", "cam_0"]


def test_a_transposed_k_is_turned_and_named(rig, tmp_path):
    calibration.write(rig, tmp_path / "a.toml")
    text = (tmp_path / "a.toml").read_text(encoding="utf-8")
    k = rig["cam_1"].matrix
    assert str(k.tolist()) in text.replace("[ ", "[").replace(",]", "]")
    table = tomllib.loads(text)
    line = next(x for x in text.split("[cam_1]")[1].split("\n") if x.startswith("matrix"))
    wrong = text.replace(line, f"matrix = {np.transpose(table['cam_1']['matrix']).tolist()}")
    (tmp_path / "b.toml").write_text(wrong, encoding="utf-8")
    found = calibration.load(tmp_path / "b.toml")
    assert found.rig == rig
    assert len(found.remarks) == 1
    assert "camera cam_1: K was transposed" in found.remarks[0]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("rotation = [ 0.1, 0.2, 0.30000000000000004]", "rotation = [ 0.1, 0.2]", "2 values"),
        ("[ 1.0, 2.0, 3.0]", "[ 1.0, 2.0, inf]", "not finite"),
        ("[ 1.0, 2.0, 3.0]", '"far"', "no number"),
        ("[ -0.1, 0.01, 0.0, 0.0]", "[ 1, 2, 3, 4, 5, 6, 7, 8]", "8 distortion values"),
        ("[ 0.0, 0.0, 1.0]]\ndist", "[ 5.0, 0.0, 1.0]]\ndist", "no camera matrix"),
        ("error = 0.1", 'units = "miles"', "no unit 'miles'"),
        ("error = 0.1", "up = [0, 0, 0]", "up is"),
        ('name = "cam_0"', 'model = "pinhole camera"', "no model"),
        ("[ 1280.0, 720.0]", "[ 1280.5, 720.0]", "no whole pixels"),
    ],
)
def test_wrong_values_name_file_and_remedy(tmp_path, old, new, why):
    assert old in FREEMOCAP
    path = tmp_path / "a.toml"
    path.write_text(FREEMOCAP.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=why) as error:
        calibration.read(path)
    assert str(path) in str(error.value)
