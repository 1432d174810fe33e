"""From a board to 3D poses as a user would: one command a step, and bad input in a sentence."""

import json

import pytest

from gambol.io import calibration
from gambol.stages import simulate_views

SMALL = simulate_views.ViewsConfig(
    cameras=3, seconds=2.0, boards=8, size=(480, 384), seed=3, films=False, moods=False
)


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    return simulate_views.run(SMALL, tmp_path_factory.mktemp("views") / "sim")


@pytest.fixture(scope="module")
def rig(sim, tmp_path_factory):
    """The true cameras, under the name that a user would give."""
    out = tmp_path_factory.mktemp("rig") / "rig.toml"
    out.write_bytes(sim.rig.read_bytes())
    return out


def test_a_board_is_drawn_and_filmed_and_calibrates(gambol, sim, tmp_path):
    page = tmp_path / "board.pdf"
    assert gambol("board", "draw", sim.board, page).status == 0
    assert page.read_bytes().startswith(b"%PDF")
    out = tmp_path / "rig.toml"
    told = gambol("calibrate", sim.pictures, "--board", sim.board, "--out", out, "--json")
    assert told.status == 0, told.err
    assert json.loads(told.out)["median_px"] < 0.6
    checked = gambol("rig", "check", out)
    assert checked.status == 0 and "3 cameras (anipose), lengths in mm" in checked.out
    assert "kind: calibration" in gambol("info", out).out


def test_poses_in_space_are_made_scored_shown_and_exported(gambol, sim, rig, tmp_path):
    poses = tmp_path / "mouse.nc"
    base = ("triangulate", sim.views, "--calibration", rig, "--out", poses)
    told = gambol(*base, "--tier", "robust")
    assert told.status == 0 and "from 3 cameras by the tier robust" in told.out, told.err
    scored = gambol("evaluate", poses, sim.truth)
    assert scored.status == 0 and "mean error" in scored.out and "mm" in scored.out
    values = json.loads(gambol("evaluate", poses, sim.truth, "--json").out)
    assert {"mpe", "mpe_rpa", "units", "keypoints", "coverage95"} <= set(values)
    assert "poses in 3D" in gambol("info", poses).out
    for kind in ("csv", "trc", "c3d"):
        assert gambol("export", poses, tmp_path / f"m.{kind}", "--to", kind).status == 0
        assert (tmp_path / f"m.{kind}").stat().st_size > 1000
    assert gambol("report", poses).status == 0
    assert "What was left out" in (tmp_path / "mouse.report.html").read_text()
    films = gambol("movies", poses, "--out", tmp_path / "films", "--set", "stop=0.2")
    assert films.status == 0 and (tmp_path / "films" / "mouse.mp4").exists()


def test_a_prior_is_learned_and_used(gambol, sim, rig, tmp_path):
    prior, poses = tmp_path / "prior.nc", tmp_path / "mouse.nc"
    told = gambol("fit-pose-prior", sim.truth, "--out", prior, "--set", "states=4")
    assert told.status == 0 and "4 poses learned from 60 frames" in told.out, told.err
    assert "kind: pose prior" in gambol("info", prior).out
    base = ("triangulate", sim.views, "--calibration", rig, "--out", poses)
    told = gambol(*base, "--tier", "gimbal", "--prior", prior, "--set", "tier.cycles=3")
    assert told.status == 0 and "by the tier gimbal" in told.out, told.err


def test_poses_are_put_in_step(gambol, sim, rig, tmp_path):
    told = gambol(
        "synchronize", sim.views, "--calibration", rig, "--out", tmp_path / "steps",
        "--set", "search.most=5", "--set", "search.rival=1.001",
    )  # fmt: skip
    assert told.status == 0, told.err
    assert "on the clock of cam_0" in told.out
    lags = json.loads((tmp_path / "steps" / "lags.json").read_text())["lags"]
    assert max(abs(lag) for lag in lags.values()) < 0.5  # they were in step
    again = gambol(
        "triangulate", tmp_path / "steps", "--calibration", rig, "--out", tmp_path / "m.nc",
        "--tier", "dlt",
    )  # fmt: skip
    assert again.status == 0, again.err


def test_a_lamp_and_times_put_cameras_in_step(gambol, tmp_path):
    blink = [(t * t // 40) % 2 for t in range(300)]
    rows = [f"{90 * one},{80 * late}" for one, late in zip(blink[5:], blink[:-5], strict=True)]
    (tmp_path / "led.csv").write_text("left,right\n" + "\n".join(rows))
    told = gambol("synchronize", "--led", tmp_path / "led.csv", "--out", tmp_path / "a")
    assert told.status == 0, told.err
    assert "by a lamp that all see" in told.out and "right: +5.0" in told.out
    for name in ("left", "right"):
        late = 5 if name == "right" else 0
        (tmp_path / f"{name}.csv").write_text("\n".join(str(t - late) for t in range(300)))
    told = gambol(
        "synchronize", "--timestamps", tmp_path / "left.csv", "--timestamps",
        tmp_path / "right.csv", "--out", tmp_path / "b", "--json",
    )  # fmt: skip
    assert told.status == 0, told.err
    assert json.loads(told.out)["lags"] == {"left": 0.0, "right": pytest.approx(5.0)}
    told = gambol("synchronize", "--method", "speed", "--out", tmp_path / "c")
    assert told.status == 2 and "no file of 2D poses" in told.err


def test_calibrations_are_converted(gambol, rig, tmp_path):
    out = tmp_path / "rig.mat"
    told = gambol("rig", "convert", rig, out)
    assert told.status == 0 and str(out) in told.out
    assert calibration.read(out) == calibration.read(rig)


def test_the_same_rig_copied_over_another_is_flagged(gambol, rig, tmp_path):
    text = rig.read_text().split("\n\n")
    text[1] = text[0].replace("cam_0", "cam_1")
    (tmp_path / "bad.toml").write_text("\n\n".join(text))
    told = gambol("rig", "check", tmp_path / "bad.toml")
    assert (
        told.status == 0 and "flagged: Cameras cam_0 and cam_1 stand at one place" in told.out
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--tier", "gimbel"), "no tier 'gimbel'; did you mean 'gimbal'"),
        (("--view", "cam_0"), "write CAMERA=PATH"),
        (("--set", "tier.nose=1"), "no setting"),
        (("--prior", "none.nc", "--tier", "dlt"), "none.nc"),
        (("--skeleton", "none.yaml"), "none.yaml"),
    ],
)
def test_wrong_words_are_one_sentence_and_status_2(gambol, sim, rig, tmp_path, words, says):
    out = tmp_path / "m.nc"
    base = ("triangulate", sim.views, "--calibration", rig, "--out", out)
    told = gambol(*base, *words)
    assert told.status == 2 and says in told.err and "Traceback" not in told.err
    assert len(told.err.strip().splitlines()) == 1 and not out.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("calibrate", "nowhere", "--board", "nothing.yaml", "--out", "rig.toml"),
        ("calibrate", "nowhere", "--out", "rig.toml"),
        ("triangulate", "nowhere", "--calibration", "nothing.toml", "--out", "m.nc"),
        ("fit-pose-prior", "nowhere.nc", "--out", "prior.nc"),
        ("synchronize", "nowhere", "--calibration", "nothing.toml", "--out", "steps"),
        ("rig", "check", "nothing.toml"),
        ("rig", "convert", "nothing.toml", "out.toml"),
        ("board", "draw", "nothing.yaml", "board.pdf"),
        ("simulate", "sim", "--cameras", "13"),
    ],
)
def test_files_that_are_not_there_are_one_sentence(gambol, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    told = gambol(*words)
    assert told.status == 2 and told.err.startswith("gambol: ")
    assert "Traceback" not in told.err and not list(tmp_path.iterdir())
