"""What the command line of `bench-models` refuses, in one sentence each."""

import pytest

from gambol.stages import bench_models


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--networks", "resnt"], "no network 'resnt'; did you mean 'resnet'"),
        (["--networks", "unet(depth=3"], "brackets that do not match"),
        (["--networks", "unet,unet"], "named twice"),
        (["--networks", "unet(augment.flip=0)"], "common.augment"),
        (["--labels", "10,many"], "write numbers, such as 10,20,40"),
        (["--labels", "500"], "500 frames to train on were asked for"),
        (["--minutes", "1", "--steps", "5"], "give one of them"),
        (["--minutes", "-1"], "minutes: input should be greater than 0"),
        (["--folds", "1"], "folds: input should be greater than or equal to 2"),
        (["--set", "common.fit.steps=4"], "said by steps"),
        (["--set", "fold=4"], "no setting 'fold'; did you mean 'folds'"),
    ],
)
def test_bad_input_ends_with_one_sentence_and_nothing_written(
    words, said, gambol, trained, tmp_path
):
    _, labels = trained
    out = tmp_path / "out"
    told = gambol("bench-models", labels, "--out", out, *words)
    assert told.status == 2 and not out.exists()
    assert said in " ".join(told.err.split()) and "Traceback" not in told.err


def test_options_go_over_what_a_file_says(gambol, trained, tmp_path, monkeypatch):
    seen = {}

    def run(cfg, labels, out, **more):
        seen.update(cfg=cfg, **more)
        return bench_models.Made(out, out / "table.csv", out / "report.html", [], ["fine"], {})

    monkeypatch.setattr(bench_models, "run", run)
    file = tmp_path / "cfg.yaml"
    file.write_text("networks: [leap]\nsteps: 7\nval: 0.2\n")
    words = "--minutes 3 --labels 10,20 --workers 2 --networks unet,leap(filters=8,scale=0.5)"
    told = gambol(
        "bench-models", trained[1], "--out", tmp_path / "out", "--config", file, *words.split()
    )
    assert told.status == 0 and "fine" in told.out
    cfg = seen["cfg"]
    assert cfg.networks == ("unet", "leap(filters=8,scale=0.5)") and cfg.labels == (10, 20)
    assert (cfg.minutes, cfg.steps, cfg.val, seen["workers"]) == (3.0, None, 0.2, 2)
