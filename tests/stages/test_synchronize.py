"""Views that are out of step, found and put right."""

import json
import shutil

import numpy as np
import pytest
from rigged import SMALL

from gambol.core.errors import InputError
from gambol.io import poses as io_poses
from gambol.io.video import VideoWriter
from gambol.simulate.filming import Flaws
from gambol.stages import simulate_views, synchronize


@pytest.fixture(scope="module")
def late(tmp_path_factory):
    flaws = Flaws(noise=1.0, outliers=0.02, dropout=0.05, lag={"cam_2": 3.4})
    cfg = SMALL.model_copy(update={"seconds": 20.0, "boards": 5, "flaws": flaws})
    return simulate_views.run(cfg, tmp_path_factory.mktemp("late") / "sim")


def test_the_lag_is_found_and_the_poses_are_moved(late, tmp_path):
    cfg = synchronize.SynchronizeConfig()
    made = synchronize.run(cfg, [late.views], late.rig, tmp_path / "steps")
    assert made.lags["cam_2"] == pytest.approx(3.4, abs=0.1)
    assert abs(made.lags["cam_1"]) < 0.1 and made.reference == "cam_0"
    before = io_poses.read(late.views / "cam_2.nc").position.values
    after = io_poses.read(tmp_path / "steps" / "cam_2.nc").position.values
    between = 0.6 * before[13:] + 0.4 * np.roll(before, -1, axis=0)[13:]
    shift = np.nanmedian(np.abs(after[10:-4] - between[: len(after) - 14]))
    assert shift < 0.5


def test_one_camera_or_an_unknown_animal_is_refused(late, tmp_path):
    cfg = synchronize.SynchronizeConfig()
    with pytest.raises(InputError, match="only one camera has poses"):
        synchronize.run(cfg, [late.views / "cam_0.nc"], late.rig, tmp_path)
    with pytest.raises(InputError, match="no animal 'rex'"):
        named = synchronize.SynchronizeConfig(animal="rex")
        synchronize.run(named, [late.views], late.rig, tmp_path)


def test_poses_of_others_are_not_written_over(late, tmp_path):
    cfg, source = synchronize.SynchronizeConfig(), tmp_path / "views"
    shutil.copytree(late.views, source)
    before = [path.read_bytes() for path in sorted(source.iterdir())]
    with pytest.raises(InputError, match="is read and would be written over"):
        synchronize.run(cfg, [source], late.rig, source)
    with pytest.raises(InputError, match="was not made by gambol synchronize"):
        synchronize.run(cfg, [late.views], late.rig, source)
    assert [path.read_bytes() for path in sorted(source.iterdir())] == before
    for _ in range(2):  # our own are made anew
        synchronize.run(cfg, [source], late.rig, tmp_path / "steps")


def told(folder):
    return json.loads((folder / "lags.json").read_text())


def times(late, tmp_path, lag=3.4):
    """Times of a film of 600 frames whose third camera is late by `lag`."""
    folder = tmp_path / "times"
    folder.mkdir()
    for v, name in enumerate(sorted(path.stem for path in late.views.iterdir())):
        clock = np.arange(600) - (lag if v == 2 else 0.0)
        rows = "\n".join(f"{one / 30:.9f}" for one in clock)
        (folder / f"{name}.csv").write_text(f"timestamp\n{rows}\n")
    return synchronize.Evidence(timestamps=[folder])


def lamp(lag=0.0):
    rng = np.random.default_rng(0)
    edges = np.cumsum(rng.uniform(5, 30, 60))
    fine = np.arange(600)[:, None] + (np.arange(20) + 0.5) / 20 - 0.5 - lag
    return 20 + 200 * (np.searchsorted(edges, fine) % 2).mean(axis=1)


def test_the_result_tells_what_it_rests_on(late, tmp_path):
    synchronize.run(synchronize.SynchronizeConfig(), [late.views], late.rig, tmp_path)
    values = told(tmp_path)
    assert values["method"] == "poses" and values["rivals"]["cam_2"] > 1.1
    curve = values["curves"]["cam_2"]
    assert curve["offsets"][np.nanargmin(np.array(curve["cost"], float))] == pytest.approx(0)
    first, last = values["known"]["cam_2"]
    assert 0 <= first < last < 600
    assert "by where rays of the poses meet" in synchronize.describe(values)


def test_times_count_more_than_poses_and_are_held_against_them(late, tmp_path):
    cfg = synchronize.SynchronizeConfig()
    right = times(late, tmp_path)
    made = synchronize.run(cfg, [late.views], late.rig, tmp_path / "a", evidence=right)
    assert made.method == "times" and made.lags["cam_2"] == pytest.approx(3.4, abs=1e-5)
    assert not any("by its poses" in remark for remark in made.remarks)
    assert (tmp_path / "a" / "cam_2.nc").exists()
    (tmp_path / "b").mkdir()
    wrong = times(late, tmp_path / "b", lag=-2.0)
    made = synchronize.run(cfg, [late.views], late.rig, tmp_path / "c", evidence=wrong)
    assert any("cam_2: by its poses it is +5.4" in remark for remark in made.remarks)
    chosen = synchronize.SynchronizeConfig(method="poses")
    made = synchronize.run(chosen, [late.views], late.rig, tmp_path / "d", evidence=wrong)
    assert made.method == "poses" and made.lags["cam_2"] == pytest.approx(3.4, abs=0.1)


def test_a_lamp_in_tables_needs_neither_poses_nor_calibration(tmp_path):
    both = np.stack([lamp(), lamp(-4.25)], axis=1)
    table = "left,right\n" + "\n".join(f"{a:.3f},{b:.3f}" for a, b in both)
    (tmp_path / "led.csv").write_text(table)
    seen = synchronize.Evidence(led=[tmp_path / "led.csv"])
    cfg = synchronize.SynchronizeConfig(reference="left")
    made = synchronize.run(cfg, [], None, tmp_path / "out", evidence=seen)
    assert made.method == "lamp" and made.lags["right"] == pytest.approx(-4.25, abs=0.05)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["lags.json"]


def test_a_lamp_in_videos_is_read_and_kept(tmp_path):
    texts = []
    for name, lag in (("left", 0.0), ("right", 3.4)):
        path = tmp_path / f"{name}.mp4"
        with VideoWriter(path, 30.0, (32, 32)) as writer:
            for light in lamp(lag):
                frame = np.full((32, 32, 3), 30, np.uint8)
                frame[8:24, 8:24] = round(light)
                writer.write(frame)
        texts.append(f"{name}={path}:10,10,12,12")
    cfg, seen = synchronize.SynchronizeConfig(), synchronize.Evidence(led_video=texts)
    made = synchronize.run(cfg, [], None, tmp_path / "out", evidence=seen)
    assert made.lags["right"] == pytest.approx(3.4, abs=0.05)
    again = synchronize.Evidence(led=[tmp_path / "out" / "brightness.csv"])
    second = synchronize.run(cfg, [], None, tmp_path / "again", evidence=again)
    assert second.lags["right"] == pytest.approx(made.lags["right"], abs=1e-6)


def test_one_flash_knows_nothing_of_lost_frames(tmp_path):
    rows = [f"{9.0 * (50 <= t < 53)},{9.0 * (55 <= t < 58)}" for t in range(100)]
    (tmp_path / "led.csv").write_text("left,right\n" + "\n".join(rows))
    seen = synchronize.Evidence(led=[tmp_path / "led.csv"])
    cfg = synchronize.SynchronizeConfig()
    made = synchronize.run(cfg, [], None, tmp_path / "out", evidence=seen)
    assert made.lags["right"] == pytest.approx(5.0) and len(made.remarks) == 1
    assert "would not show" in made.remarks[0]


def test_without_a_calibration_speeds_tell(late, tmp_path):
    made = synchronize.run(
        synchronize.SynchronizeConfig(), [late.views], None, tmp_path / "steps"
    )
    assert made.method == "speed" and abs(made.lags["cam_2"] - 3.4) < 3 * made.sd["cam_2"]
    assert made.sd["cam_2"] >= 0.5


def test_evidence_that_does_not_fit_is_one_sentence(late, tmp_path):
    cfg = synchronize.SynchronizeConfig()

    def says(words, cfg=cfg, rig=late.rig, sources=(late.views,), **evidence):
        seen = synchronize.Evidence(**evidence)
        with pytest.raises(InputError, match=words):
            synchronize.run(cfg, list(sources), rig, tmp_path / "none", evidence=seen)

    some = times(late, tmp_path).timestamps[0]
    says("camera cam_1 has no times", timestamps=[some / "cam_0.csv"])
    says("only one camera has times", rig=None, sources=(), timestamps=[some / "cam_0.csv"])
    says("write CAMERA=VIDEO", led_video=["films/left.mp4:1,2,3,4"])
    lamps = synchronize.SynchronizeConfig(method="lamp")
    says("method lamp needs --led", cfg=lamps, timestamps=[some])
    says("needs 2D poses and --calib", cfg=cfg.model_copy(update={"method": "poses"}), rig=None)
    (some / "cam_1.csv").write_text("time\n" + "\n".join(map(str, range(700))))
    says("cam_1 has times of 700 frames, but its poses have 600", timestamps=[some])
    assert not (tmp_path / "none").exists()
