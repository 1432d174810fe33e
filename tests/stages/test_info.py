import json

import numpy as np
import pytest
import walkers
from labelled import MOUSE, film, make

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED
from gambol.io import labels as io_labels
from gambol.io import store
from gambol.io.project import Project
from gambol.stages import info


def test_every_kind_of_path_is_described_in_plain_values(tmp_path):
    clip = film(tmp_path / "p" / "clip.mp4")
    labels = make([clip])
    with Project.create(tmp_path / "p", MOUSE) as project:
        project.put_labels(labels)
    io_labels.write(labels, tmp_path / "a.slp", "slp")
    xy = np.ones((5, 1, 4, 2))
    xy[0, 0, 0] = np.nan
    series = poses.build(
        xy, np.ones((5, 1, 4)), np.ones((5, 1, 4, 2, 2)), np.arange(5.0), MOUSE, fps=1.0
    )
    store.write_dataset(series, tmp_path / "a.nc")
    store.write_json({"gambol": "0"}, tmp_path / "run" / "model.json")
    found = {
        name: info.run(tmp_path / name)
        for name in ("p", "p/project.db", "a.slp", "a.nc", "run", "p/clip.mp4")
    }
    kinds = [values["kind"] for values in found.values()]
    assert kinds == ["project", "project", "labels", "poses", "run", "video"]
    assert found["p"]["animals"] == found["a.slp"]["animals"] == 12
    assert found["a.slp"]["videos"][0]["found"]
    assert found["a.nc"]["found"]["nose"] == 0.8
    assert found["p/clip.mp4"]["frames"] == 30
    for values in found.values():
        assert json.loads(json.dumps(values, allow_nan=False)) == values
        assert all(isinstance(line, str) for line in info.lines(values))


def test_a_folder_of_results_tells_of_each(tmp_path):
    for name, frames in (("a", 3), ("b", 5)):
        shape = (frames, 1, 4)
        series = poses.build(
            np.ones((*shape, 2)), np.ones(shape), np.ones((*shape, 2, 2)),
            np.arange(float(frames)),
            MOUSE, fps=1.0,
        )  # fmt: skip
        store.write_dataset(series, tmp_path / f"{name}.nc")
    told = info.run(tmp_path)
    assert told["kind"] == "results" and [file["frames"] for file in told["files"]] == [3, 5]
    assert sum(line.strip() == "kind: poses" for line in info.lines(told)) == 2


def test_what_a_video_lost_is_said(tmp_path, monkeypatch):
    from gambol.io.video.container import FileVideo

    clip = film(tmp_path / "clip.mp4")
    assert "damage" not in info.run(clip)
    monkeypatch.setattr(FileVideo, "damage", property(lambda self: "the file ends early"))
    assert info.run(clip)["damage"] == "the file ends early"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "does not exist"), (b"", "is empty"), (b"hello", "is no label file known here")],
)
def test_what_is_unknown_is_said(tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "a").write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        info.run(tmp_path / "a")


def test_detections_and_tracks_say_how_many_and_who(tmp_path):
    video = walkers.film(tmp_path)
    some = walkers.rows().select(np.arange(2 * walkers.FRAMES) != 5)
    found = info.run(walkers.detections(tmp_path / "a.detections.nc", video, some))
    assert found["kind"] == "detections" and found["animals"] == 2 * walkers.FRAMES - 1
    assert found["animals a frame"] == {"1": 1, "2": walkers.FRAMES - 1}
    assert found["median probability"] == pytest.approx(0.9)
    assert found["video"] == str(video) and found["unreadable"] == 0
    ids = np.tile([0, 1], walkers.FRAMES)
    ids[:6] = UNTRACKED
    sure = np.where(ids == 1, 0.5, 0.0)
    tracked = info.run(walkers.tracks(tmp_path / "a.nc", video, ids, sure))
    assert tracked["kind"] == "tracks" and tracked["untracked"] == 6
    share = 1 - 3 / walkers.FRAMES
    assert tracked["individuals"] == {
        "ann": {"found in": share, "mean identity confidence": 0.0},
        "bob": {"found in": share, "mean identity confidence": 0.5},
    }
    assert "to review" not in tracked
    queue = {"events": [{}, {}], "edits": 3}
    store.write_json(queue, tmp_path / "a.review.json")
    waiting = info.run(tmp_path / "a.nc")
    assert (waiting["to review"], waiting["edits"]) == (2, 3)
    for values in (found, tracked, waiting):
        assert json.loads(json.dumps(values, allow_nan=False)) == values
        assert all(isinstance(line, str) for line in info.lines(values))


def test_people_are_told_the_scores_of_a_run_and_machines_everything(tmp_path):
    animals = {"oks_map": 0.51239, "n_animals": 9, "matched": {"mean_px": 2.0}}
    store.write_json({"gambol": "0", "approach": "top-down"}, tmp_path / "model.json")
    told = {"animals": animals, "identity": {"rank1": 0.9, "chance": 0.5}}
    store.write_json(told, tmp_path / "metrics.json")
    reasons = ["scale 0.5: small", "grey: no colour"]
    store.write_json({"chosen": reasons}, tmp_path / "provenance.json")
    values = info.run(tmp_path)
    assert values["metrics"] == told and values["model"]["gambol"] == "0"
    assert info.lines(values)[2:] == [
        "approach: top-down",
        "chosen:",
        "  - scale 0.5: small",
        "  - grey: no colour",
        "validation:",
        "  n_animals: 9",
        "  oks_map: 0.5124",
        "  of animals found:",
        "    mean_px: 2.0",
        "  named rightly by looks:",
        "    rank1: 0.9",
        "    chance: 0.5",
    ]


def test_a_film_lasts_until_its_last_frame_ends(tmp_path):
    clip = film(tmp_path / "clip.mp4")
    found = info.run(clip)
    assert found["seconds"] == pytest.approx(found["frames"] / found["fps"], abs=1e-3)


def test_an_unfinished_run_says_how_far_it_came_and_how_to_go_on(tmp_path):
    for name in ("config.yaml", "split.csv"):
        (tmp_path / name).write_text("{}")
    assert info.run(tmp_path)["kind"] == "unfinished run"
    line = {"step": 40, "minutes": 0.5, "val_px": 9.25, "loss": 1.0}
    (tmp_path / "log.jsonl").write_text(json.dumps(line) + "\n")
    told = info.run(tmp_path)
    assert (told["step"], told["val_px"]) == (40, 9.25) and "again" in told["remedy"]
