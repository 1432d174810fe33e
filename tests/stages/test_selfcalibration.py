"""Calibration from the animal: rough directions in, the relative places of cameras out."""

import json
from dataclasses import replace

import numpy as np
import pytest
from rigged import film
from sided import between

from gambol.core.errors import InputError
from gambol.io import calibration, store
from gambol.kernels import rotation
from gambol.stages import calibrate, evaluate, triangulate


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    return film(tmp_path_factory.mktemp("self") / "sim", seconds=4.0, boards=5)


@pytest.fixture(scope="module")
def rough(seen, tmp_path_factory):
    return template(seen, tmp_path_factory.mktemp("rough") / "rough.toml")


def template(seen, out):
    """The true lenses, directions 8 degrees wrong, every camera looking at the origin."""
    rng, rig, cameras = np.random.default_rng(0), calibration.read(seen.rig), []
    for camera in rig.cameras:
        axis = rng.normal(size=3)
        off = rotation.exp(axis / np.linalg.norm(axis) * np.radians(8))
        away = np.array([0.0, 0.0, np.linalg.norm(camera.translation)])
        turned = rotation.log(off @ camera.turn)
        cameras.append(replace(camera, rotation=turned, translation=away))
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


def one_side(path, side):
    """Hide the other side, and give the middle of the body names of this one."""
    part = store.read_dataset(path)
    bones = json.loads(part.attrs["skeleton"])
    names = bones["keypoints"]
    own = [n if "left" in n or "right" in n else f"{n} from {side}" for n in names]
    bones = {**bones, "keypoints": own, "parent": [-1] * len(own)}
    shown = part["position"].where(part["keypoints"].str.contains(side))
    middle = ~part["keypoints"].str.contains("left|right")
    shown = part["position"].where(middle, shown)
    part = part.assign(position=shown).assign_coords(keypoints=own)
    store.write_dataset(part.assign_attrs(skeleton=json.dumps(bones)), path)
    return [name for name in own if name.endswith("from " + side)]


@pytest.fixture(scope="module")
def sided(tmp_path_factory):
    """Four cameras, two of which see the left and two the right."""
    folder = tmp_path_factory.mktemp("sided")
    made = film(folder / "sim", cameras=4, seconds=4.0, boards=5)
    one, _, other, _ = (
        one_side(made.views / f"cam_{k}.nc", side)
        for k, side in enumerate(("left", "left", "right", "right"))
    )
    return made, template(made, folder / "rough.toml"), list(zip(one, other, strict=True))


def test_sides_are_joined_by_the_midline_and_the_report_says_how_sure_that_is(sided, tmp_path):
    made, start, pairs = sided
    out, join = tmp_path / "rig.toml", {"kind": "midline", "points": pairs}
    cfg = calibrate.CalibrateConfig.from_values({"animal": {"join": join}}, "here")
    got = calibrate.run(cfg, [made.views], out, start=start)
    assert any("joined to" in remark and "is sure to" in remark for remark in got.remarks)
    assert not any("groups that share fewer" in finding for finding in got.findings)
    told = json.loads(out.with_name("rig.report.json").read_text())
    (way,) = told["joins"]
    assert way["by"] == "midline" and 0 < way["angle_sd_deg"] < 3
    assert len(told["components"]) == 2 and told["components"][0]["error_px"] < 3
    page = got.report.read_text()
    assert "Cameras that share too little are joined by: midline" in page
    rig, true = calibration.read(out), calibration.read(made.rig)
    sides = (("cam_0", "cam_1"), ("cam_2", "cam_3"))
    assert between(rig, true, *sides) < 3 * way["angle_sd_deg"]


def test_apart_the_sides_are_flagged(sided, tmp_path):
    made, start, _ = sided
    out = tmp_path / "rig.toml"
    got = calibrate.run(calibrate.CalibrateConfig(), [made.views], out, start=start)
    assert any("groups that share fewer" in finding for finding in got.findings)
    assert any("name what does with `join`" in remark for remark in got.remarks)
    told = json.loads(out.with_name("rig.report.json").read_text())
    assert told["joins"] == [] and [len(c["cameras"]) for c in told["components"]] == [2, 2]
    assert "The views fall into 2 groups" in got.report.read_text()
