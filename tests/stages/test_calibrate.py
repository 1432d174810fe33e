"""From pictures of a board to a rig: against the cameras that were simulated."""

import json
import shutil

import cv2
import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io import board_file, calibration
from gambol.kernels import rotation
from gambol.stages import calibrate


def test_the_simulated_cameras_are_found_in_the_world_of_the_floor(views, calibrated):
    made, true = calibration.read(calibrated.calibration), calibration.read(views.rig)
    assert made.units == "mm" and made.origin == "board on the floor"
    for name in true:
        apart = np.linalg.norm(made[name].centre - true[name].centre)
        assert apart < 0.03 * np.linalg.norm(true[name].centre)
        assert rotation.degrees(made[name].turn, true[name].turn) < 2.5
    assert calibrated.median_px < 0.5 and calibrated.frames >= 6


def test_the_report_says_what_was_done_for_people_and_machines(calibrated):
    told = json.loads(calibrated.calibration.with_name("rig.report.json").read_text())
    assert told["cameras"] == ["cam_0", "cam_1", "cam_2"]
    assert set(told["sd"]["cam_1"]) == {"f", "centre_px", "position", "direction_deg"}
    page = calibrated.report.read_text()
    assert "What the views share" in page and "7 x 5 squares" in page
    assert not list(calibrated.calibration.parent.glob(".*sightings"))


def test_a_killed_run_goes_on_and_ends_with_the_same_rig(views, calibrated, tmp_path):
    looked = []

    def interrupt(step):
        looked.append(step)
        if step.item == "cam_2":
            raise KeyboardInterrupt

    cfg, out = calibrate.CalibrateConfig(floor=0), tmp_path / "rig.toml"
    with pytest.raises(KeyboardInterrupt):
        calibrate.run(cfg, [views.pictures], out, board=views.board, progress=interrupt)
    assert not out.exists() and len(list((tmp_path / ".rig.sightings").glob("*.npz"))) == 2
    again = []
    calibrate.run(cfg, [views.pictures], out, board=views.board, progress=again.append)
    assert len(again) < len(looked)
    assert calibration.read(out) == calibration.read(calibrated.calibration)


def test_a_mirrored_camera_is_noticed_and_named(views, calibrated, tmp_path):
    folder = tmp_path / "board"
    shutil.copytree(views.pictures, folder)
    for path in (folder / "cam_1").iterdir():
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        cv2.imwrite(str(path), image[:, ::-1])
    made = calibrate.run(
        calibrate.CalibrateConfig(floor=0), [folder], tmp_path / "rig.toml", board=views.board
    )
    rig = calibration.read(made.calibration)
    assert [rig[name].flip for name in rig] == [False, True, False]
    assert any("cam_1" in remark and "mirror" in remark for remark in made.remarks)
    apart = rig["cam_1"].centre - calibration.read(calibrated.calibration)["cam_1"].centre
    assert np.linalg.norm(apart) < 1.0


def test_a_wrong_board_is_recognised_and_the_right_one_used(views, tmp_path):
    board = board_file.read_board(views.board)
    text = board_file.board_text(board).replace("columns: 7", "columns: 6")
    (tmp_path / "wrong.yaml").write_text(text)
    made = calibrate.run(
        calibrate.CalibrateConfig(), [views.pictures], tmp_path / "rig.toml",
        board=tmp_path / "wrong.yaml",
    )  # fmt: skip
    assert made.median_px < 0.5
    assert any("7" in remark and "6" in remark for remark in made.remarks)


def test_bad_input_is_one_sentence(views, tmp_path):
    cfg, out = calibrate.CalibrateConfig(), tmp_path / "rig.toml"
    with pytest.raises(InputError, match="say what was shown with --board"):
        calibrate.run(cfg, [views.pictures], out)
    with pytest.raises(InputError, match="let its name end in .toml"):
        calibrate.run(cfg, [views.pictures], tmp_path / "rig.json", board=views.board)
    out.write_text("mine")
    with pytest.raises(InputError, match="was not made by gambol calibrate"):
        calibrate.run(cfg, [views.pictures], out, board=views.board)
    assert out.read_text() == "mine"
    with pytest.raises(InputError, match="the board was not used at moment 77"):
        floor = calibrate.CalibrateConfig(floor=77)
        calibrate.run(floor, [views.pictures], tmp_path / "b.toml", board=views.board)
