from dataclasses import replace

import numpy as np
import pytest

from gambol.core.cameras import Camera, Rig
from gambol.core.errors import InputError
from gambol.io import calibration


@pytest.mark.parametrize("format", calibration.SUFFIX)
def test_what_is_written_is_read_exactly(rig, tmp_path, format):
    cameras = (rig.cameras[0], replace(rig.cameras[1], flip=True), rig.cameras[2])
    rig = replace(rig, cameras=cameras, up=(0.0, -1.0, 0.0), origin="the board of 3 May")
    path = tmp_path / f"rig{calibration.SUFFIX[format]}"
    written = calibration.write(rig, path, format)
    assert written and all(one.is_file() for one in written)
    assert calibration.detect(path) == format
    assert calibration.read(path) == rig
    assert calibration.load(path).remarks == ()


@pytest.mark.parametrize("format", calibration.SUFFIX)
def test_twelve_cameras_keep_names_order_and_poses(twelve, tmp_path, format):
    path = tmp_path / f"rig{calibration.SUFFIX[format]}"
    calibration.write(twelve, path, format)
    back = calibration.read(path)
    assert list(back) == [f"cam_{k}" for k in range(12)]
    assert back == twelve


@pytest.mark.parametrize("format", sorted(set(calibration.SUFFIX) - {"anipose"}))
@pytest.mark.parametrize("kind", ["fisheye", "affine"])
def test_lenses_that_a_format_cannot_hold_are_refused(rig, tmp_path, format, kind):
    camera = rig.cameras[0]
    rig = Rig((Camera("a", camera.matrix, np.zeros(3), np.zeros(3), kind=kind),))
    with pytest.raises(InputError, match=f"camera a is {kind}, which {format}"):
        calibration.write(rig, tmp_path / f"x{calibration.SUFFIX[format]}", format)


def test_says_what_other_programs_will_not_find(rig):
    assert calibration.losses(rig, "anipose") == []
    assert "JARVIS itself uses k1 and k2 alone" in calibration.losses(rig, "jarvis")
    assert any("skew" in loss for loss in calibration.losses(rig, "opencv"))
    assert calibration.losses(rig, "dannce") == []


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.toml", "x = [", "no TOML"),
        ("a.toml", "x = 1", "it holds no camera"),
        ("a.toml", '[cam_0]\nmatrix = [[1,0,0],[0,1,0],[0,0,1]]', "lacks rotation and trans"),
        ("a.json", "{", "is not JSON"),
        ("a.json", '{"a": 1}', "no calibration known here"),
        ("a.yaml", "K: [1, 2\nb: c: d", "not YAML"),
        ("a.yaml", "a: 1", "no calibration known here"),
        ("a.xml", "<a><b>", "no XML"),
        ("a.yaml", "K: {rows: 3, cols: 3, data: [1, 2]}", "3 x 3 has 2 values"),
        ("a.yaml", "K: [[1,0,0],[0,1,0],[0,0,1]]", "no rotation and translation"),
        ("a.mat", "nothing", "no MATLAB file"),
        ("a.csv", "1,2,3\n4,5,6\n", "write 12 numbers"),
        ("a.csv", "1,2\n4,5,6\n", "rows of equal length"),
        ("a.npz", "PK\x03\x04", "no plain arrays"),
        ("a.pickle", "cos\nsystem\n(S'true'\ntR.", "running code"),
        ("a.docx", "?", "no calibration known here"),
        ("a.toml", "", "is empty"),
    ],
)  # fmt: skip
def test_bad_files_are_named_in_one_sentence(tmp_path, name, content, why):
    path = tmp_path / name
    path.write_text(content, encoding="latin1")
    with pytest.raises(InputError, match=why) as error:
        calibration.read(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_misspelt_format_is_guessed(rig, tmp_path):
    with pytest.raises(InputError, match="did you mean 'anipose'"):
        calibration.write(rig, tmp_path / "a", "anipoze")


def test_a_folder_with_other_files_is_not_written_into(rig, tmp_path):
    (tmp_path / "old.yaml").write_text("a: 1", encoding="utf-8")
    with pytest.raises(InputError, match="not empty"):
        calibration.write(rig, tmp_path, "jarvis")


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        calibration.read(tmp_path / "rig.toml")
