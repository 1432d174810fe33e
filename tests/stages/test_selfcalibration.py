"""Calibration from the animal: rough directions in, the relative places of cameras out."""

from dataclasses import replace

import numpy as np
import pytest
from rigged import film

from gambol.core.errors import InputError
from gambol.io import calibration
from gambol.kernels import rotation
from gambol.stages import calibrate, evaluate, triangulate


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    return film(tmp_path_factory.mktemp("self") / "sim", seconds=4.0, boards=5)


@pytest.fixture(scope="module")
def rough(seen, tmp_path_factory):
    """The true lenses, directions 8 degrees wrong, every camera looking at the origin."""
    rng, rig, cameras = np.random.default_rng(0), calibration.read(seen.rig), []
    for camera in rig.cameras:
        axis = rng.normal(size=3)
        off = rotation.exp(axis / np.linalg.norm(axis) * np.radians(8))
        away = np.array([0.0, 0.0, np.linalg.norm(camera.translation)])
        turned = rotation.log(off @ camera.turn)
        cameras.append(replace(camera, rotation=turned, translation=away))
    out = tmp_path_factory.mktemp("rough") / "rough.toml"
    calibration.write(replace(rig, cameras=tuple(cameras)), out)
    return out


def test_a_rig_is_found_from_the_animal_and_its_poses_are_true_up_to_the_axes(
    seen, rough, tmp_path
):
    cfg, out = calibrate.CalibrateConfig(), tmp_path / "rig.toml"
    made = calibrate.run(cfg, [seen.views], out, start=rough)
    assert made.median_px < 2.5 and max(made.rms_px.values()) < 4.0
    assert any("Component 1 of 1" in remark for remark in made.remarks)
    assert any("lie far from where the others put them" in remark for remark in made.remarks)
    tier = triangulate.TriangulateConfig.from_values({"tier": {"kind": "msac"}}, "here")
    poses = triangulate.run(tier, [seen.views], out, tmp_path / "m.nc").poses
    scores = evaluate.run(evaluate.EvaluateConfig(), poses, seen.truth)
    assert scores["mpe_rpa"] < 5.0  # mm


def test_several_animals_are_refused(rough, tmp_path):
    two = film(tmp_path / "two", animals=2, seconds=0.5, boards=5)
    with pytest.raises(InputError, match="a rig is calibrated from one animal"):
        calibrate.run(
            calibrate.CalibrateConfig(), [two.views], tmp_path / "r.toml", start=rough
        )
