import json
from pathlib import Path

import cv2
import numpy as np
import pairs
import pytest
from films import small

from gambol.io import run as io_run
from gambol.io.poses_frames import FramePoses
from gambol.stages import onlooker, train
from gambol.stages.predict_frames import Wanted


class Steps(list):
    def __call__(self, net, number, /, **values):
        self.append((net, number, values))


def look(tmp_path, steps, stopped=lambda: False, wanted=()):
    return onlooker.Onlooker(tmp_path, steps, stopped, print, lambda: list(wanted))


@pytest.fixture(scope="module")
def watched(recording, tmp_path_factory):
    """A training that is looked at after every step, and ended by hand after 50."""
    folder, steps = tmp_path_factory.mktemp("watched"), Steps()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onlooker, "FIRST_S", 0.0)
        patch.setattr(onlooker, "OFTEN_S", 0.3)
        wanted = [Wanted("video1", str(recording.video), (5, 6))]
        watch = look(folder, steps, lambda: len(steps) >= 50, wanted)
        train.run(
            small(10**6), recording.labels, folder / "out", device="cpu", threads=1, watch=watch
        )
    return folder, steps


def test_every_step_is_told_and_the_end_keeps_the_best(watched):
    folder, steps = watched
    numbers = [number for _, number, _ in steps]
    assert numbers[0] == 1 and sorted(set(numbers)) == list(range(1, max(numbers) + 1))
    assert 40 <= max(numbers) <= 50
    model = io_run.load(folder / "out")
    assert model.model.calibration
    note = json.loads((folder / "out" / "fitted.json").read_text())
    assert note["reason"] == "stopped by hand"
    assert [line["step"] for line in io_run.read_log(folder / "out")][-1] == max(numbers)


def test_the_first_look_is_at_once_and_says_px(watched):
    _, steps = watched
    first = steps[0][2]
    assert first["p95_px"] >= first["val_px"] > 0 and np.isfinite(first["loss"])
    assert any("val_px" not in values for _, _, values in steps)


def test_previews_show_truth_and_guess_inside_their_pictures(watched):
    folder, _ = watched
    told = json.loads((folder / "previews.json").read_text())
    assert told["shown"] and len(told["keypoints"]) == len(told["shown"][0]["truth"])
    for one in told["shown"]:
        picture = cv2.imread(str(folder / "previews" / f"{one['number']}.jpg"))
        assert picture.shape[:2] == (one["height"], one["width"])
        for x, y in filter(None, [*one["truth"], *one["guess"]]):
            assert -1 <= x <= one["width"] and -1 <= y <= one["height"]
        assert isinstance(one["frame"], int) and one["video"].endswith(".mp4")


def test_queued_frames_are_seen_while_it_learns(watched):
    with FramePoses(watched[0] / "out" / "video1.detections.nc") as poses:
        assert [f for f in range(10) if poses.speaks_of(f)] == [5, 6]
        assert np.isfinite(poses.at(5).xy).any()


def test_looking_on_changes_nothing(recording, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onlooker, "FIRST_S", 0.0)
        patch.setattr(onlooker, "OFTEN_S", 0.0)
        patch.setattr(onlooker, "SHARE", 0)
        train.run(small(20), recording.labels, tmp_path / "seen", device="cpu", threads=1,
                  watch=look(tmp_path, Steps()))  # fmt: skip
    train.run(small(20), recording.labels, tmp_path / "alone", device="cpu", threads=1)
    one, two = (
        io_run.read_weights(tmp_path / name / "last.safetensors") for name in ("seen", "alone")
    )
    assert all((one[key] == two[key]).all() for key in two)


def test_half_at_once_is_the_same_step(recording, tmp_path):
    """Without batch normalisation, so the weights agree up to rounding."""
    cfg = small(3)
    for name, at_once in (("all", None), ("half", 2)):
        train.run(cfg, recording.labels, tmp_path / name, device="cpu", threads=1,
                  at_once=at_once)  # fmt: skip
    logs = [io_run.read_log(tmp_path / name)[-1] for name in ("all", "half")]
    assert logs[0]["samples"] == logs[1]["samples"] and logs[1]["batch"] == 2


def test_a_film_that_went_away_ends_no_training(recording, tmp_path):
    said = []
    gone = [Wanted("video1", str(tmp_path / "none.mp4"), (1,))]
    watch = onlooker.Onlooker(tmp_path, Steps(), lambda: False, said.append, lambda: gone)
    run = train.run(
        small(20), recording.labels, tmp_path / "out", device="cpu", threads=1, watch=watch
    )
    assert io_run.is_finished(run) and "none.mp4" in said[0]


@pytest.mark.parametrize("way", ["top-down", "bottom-up"])
def test_queued_frames_of_several_animals_are_seen_while_it_learns(way, tmp_path):
    """And what is learnt is the same, whoever looks on."""
    pair, cfg = pairs.film(tmp_path / "pair"), pairs.small(way, 40)
    watch = look(tmp_path, Steps(), wanted=[Wanted("video1", str(pair.video), (5, 6))])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onlooker, "SHARE", 0)
        train.run(cfg, pair.labels, tmp_path / "out", device="cpu", threads=1, watch=watch)
    with FramePoses(tmp_path / "out" / "video1.detections.nc") as poses:
        assert [f for f in range(10) if poses.speaks_of(f)] == [5, 6]
    train.run(cfg, pair.labels, tmp_path / "alone", device="cpu", threads=1)
    one, two = (
        io_run.read_weights(tmp_path / name / "last.safetensors") for name in ("out", "alone")
    )
    assert all((one[key] == two[key]).all() for key in two)
    if way == "top-down":
        crops_lie_where_they_were_cut(tmp_path, pair)


def crops_lie_where_they_were_cut(folder, pair):
    shown = json.loads((folder / "previews.json").read_text())["shown"]
    assert len(shown) > 1
    for one in shown:
        assert Path(one["video"]).name == pair.video.name
        true = [np.linalg.norm(xy[0] - xy[2]) for xy in pair.xy[one["frame"]]]
        nose, _, tail = np.array(one["truth"])
        assert np.abs(true - one["video_px"] * np.linalg.norm(nose - tail)).min() < 0.1
