"""What the command line of `plan` takes and refuses."""

import pytest

from gambol.stages import plan
from gambol.stages.plan_report import Planned


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--labels", "5,20"], "labels is 5; take 10 or more"),
        (["--labels", "20,20"], "labels names 20, 20; once will do"),
        (["--labels", "few"], "--labels few: write numbers, such as 10,20,40"),
        (["--cameras", "2,13"], "cameras is 13; take 12 or fewer"),
        (["--animal", "rat"], "world.animal"),
        (["--networks", "resnt"], "no network 'resnt'; did you mean 'resnet'"),
        (["--set", "world.hight=3"], "no setting 'world.hight'; did you mean 'height'"),
        (["--minutes", "0"], "minutes: input should be greater than 0"),
        (["--set", "world.keypoints=[beak]"], "beak"),
    ],
)
def test_bad_input_ends_with_one_sentence(words, said, gambol, tmp_path):
    told = gambol("plan", tmp_path / "out", *words)
    assert told.status == 2 and "Traceback" not in told.err
    assert not (tmp_path / "out").exists()
    assert said in " ".join(told.err.split())


def test_options_go_over_what_a_file_says(gambol, tmp_path, monkeypatch):
    seen = {}

    def run(cfg, out, **more):
        seen.update(cfg=cfg, **more)
        return Planned(str(out / "report.html"), "", ["40 labels are enough."], {}, 1.0, None)

    monkeypatch.setattr(plan, "run", run)
    file = tmp_path / "cfg.yaml"
    file.write_text("labels: [30]\nminutes: 9\nworld: {fps: 60, animals: 3}\n")
    words = "--labels 20,40 --animals 2 --animal fly --networks unet,leap(filters=8) --goal 0.2"
    told = gambol(
        "plan", tmp_path / "out", "--config", file, *words.split(), "--workers", "2",
        "--set", "world.height=70",
    )  # fmt: skip
    assert told.status == 0 and "40 labels are enough." in told.out
    cfg = seen["cfg"]
    assert cfg.labels == (20, 40) and cfg.minutes == 9 and cfg.goal == 0.2
    assert cfg.networks == ("unet", "leap(filters=8)") and seen["workers"] == 2
    world = cfg.world
    assert (world.animal, world.animals, world.fps, world.height) == ("fly", 2, 60, 70)
