import json

from gambol.app.web import job_curves
from gambol.app.web.job_curves import Curves


def write(folder, lines, mode="w"):
    with (folder / "progress.jsonl").open(mode) as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def line(step, net="train", **more):
    return {"net": net, "step": step, "seconds": float(step), "loss": 1.0 / step, **more}


def test_a_curve_is_what_the_steps_say(tmp_path):
    curves = Curves()
    assert curves.of(tmp_path).step == []
    write(tmp_path, [line(1), {"stage": "train", "done": 1}, line(2, val_px=5.0, p95_px=9.0)])
    curve = curves.of(tmp_path)
    assert curve.step == [1, 2] and curve.val_px == [None, 5.0] and curve.p95_px[1] == 9.0
    write(tmp_path, [line(3)], "a")
    assert curves.of(tmp_path).step == [1, 2, 3]


def test_a_long_training_keeps_few_points_and_its_last_one(tmp_path, monkeypatch):
    monkeypatch.setattr(job_curves, "MOST", 20)
    write(tmp_path, [line(n, **({"val_px": 1.0} if n % 10 == 0 else {}))
                     for n in range(1, 2004)])  # fmt: skip
    curve = Curves().of(tmp_path)
    assert len(curve.step) <= 42 and curve.step[-1] == 2003
    assert curve.step == sorted(set(curve.step))
    assert 5 <= sum(value is not None for value in curve.val_px) <= 20


def test_a_resumed_file_is_read_again(tmp_path):
    curves = Curves()
    write(tmp_path, [line(n) for n in range(1, 10)])
    curves.of(tmp_path)
    write(tmp_path, [line(n) for n in range(1, 4)])
    assert curves.of(tmp_path).step == [1, 2, 3]


def test_the_network_of_the_keypoints_is_shown_once_it_learns(tmp_path):
    curves = Curves()
    write(tmp_path, [line(7, "find animals")])
    assert curves.of(tmp_path).step == [7]
    write(tmp_path, [line(1)], "a")
    assert curves.of(tmp_path).step == [1]
