"""Regions through the stages: listed, learnt around, and not scored."""

import json
from dataclasses import replace

import numpy as np
import pairs
import pytest
import walkers
from labelled import MOUSE, film
from safetensors.torch import load_file

from gambol.core.errors import InputError
from gambol.core.labels import EVERY, Region, Visibility
from gambol.io import labels as io_labels
from gambol.io import store
from gambol.io.project import Project
from gambol.stages import evaluate, regions, train

ADD = {"polygon": "0,0 20.5,0 0,20"}
RIGHT = np.array([[66.0, -1], [129, -1], [129, 97], [66, 97]])  # where the second animal lives


def change(folder, **values):
    return regions.run(regions.RegionsConfig.from_values(values, "test"), folder)


@pytest.fixture
def folder(tmp_path):
    with Project.create(tmp_path / "p", MOUSE) as project:
        project.add_video(film(tmp_path / "p" / "clip.mp4"))
    return tmp_path / "p"


def test_regions_are_added_listed_and_removed(folder):
    assert change(folder) == []
    change(folder, **ADD, video="clip.mp4")
    found = change(folder, **ADD, frame=3)
    assert [(r.id, r.video, r.frame) for r in found] == [
        (1, "clip.mp4", None),
        (2, "clip.mp4", 3),
    ]
    assert found[0].polygon == [[0.0, 0.0], [20.5, 0.0], [0.0, 20.0]]
    values = {"regions": [one._asdict() for one in found]}
    assert regions.describe(json.loads(json.dumps(values))).splitlines() == [
        "1: clip.mp4, all frames: 0,0 20.5,0 0,20",
        "2: clip.mp4, frame 3: 0,0 20.5,0 0,20",
    ]
    assert [r.id for r in change(folder, remove=1)] == [2]
    assert change(folder, remove=2) == []
    assert "no regions" in regions.describe({"regions": []})


def test_of_several_videos_one_has_to_be_named(folder):
    with Project.open(folder) as project:
        project.add_video(film(folder / "sub" / "other.mp4", shade=2))
    with pytest.raises(InputError, match=r"2 videos; give --video .* 1 clip\.mp4, 2 sub/other"):
        change(folder, **ADD)
    assert change(folder, **ADD, video="2")[0].video == "sub/other.mp4"
    assert change(folder, **ADD, video="other.mp4", frame=0)[1].video == "sub/other.mp4"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (ADD | {"remove": 1}, "give one of them"),
        ({"frame": 3}, "give its corners, too"),
        ({"video": "clip.mp4"}, "give its corners, too"),
        (ADD | {"frame": -1}, "frames count from 0"),
        (ADD | {"frame": 99}, "no frame 99"),
        (ADD | {"video": "mine.mp4"}, r"0 videos 'mine\.mp4'"),
        ({"polygon": "0,0 20,0"}, "enclose nothing"),
        ({"polygon": "0,0 20,0 a,3"}, "is no list of corners"),
        ({"polygon": "0 20 4"}, "is no list of corners"),
        ({"polygon": ""}, "is no list of corners"),
        ({"polygon": "0,0 9,0 nan,3"}, "enclose nothing"),
        ({"remove": 4}, "no region 4; gambol regions lists them"),
    ],
)
def test_what_is_no_region_is_refused(folder, values, words):
    with pytest.raises(InputError, match=words):
        change(folder, **values)
    assert change(folder) == []


def write(labels, path):
    io_labels.write(labels, path, "csv")
    return path


def quick(approach):
    cfg = pairs.small("top-down" if approach == "single" else approach, 4)
    return cfg.model_copy(update={"approach": approach})


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return pairs.film(tmp_path_factory.mktemp("pair"))


@pytest.mark.parametrize("approach", ["top-down", "bottom-up", "single"])
def test_labels_in_a_region_change_no_weight_and_no_score(tmp_path, pair, approach):
    labels = io_labels.load(pair.labels)
    mirror = labels.xy.mean(axis=1)[:, 0] > 66
    assert mirror.sum() == len(labels) / 2
    away = replace(labels, regions=(Region(0, EVERY, RIGHT),))
    rng = np.random.default_rng(0)
    nonsense = np.clip(labels.xy + rng.normal(0, 6, labels.xy.shape), [68, 2], [126, 94])
    xy = np.where(mirror[:, None, None], nonsense, labels.xy)
    absent = np.isfinite(xy).all(-1) & mirror[:, None] & (rng.random(xy.shape[:2]) < 0.2)
    state = np.where(absent, Visibility.ABSENT, labels.visibility).astype(np.uint8)
    odd = replace(away, xy=np.where(absent[..., None], np.nan, xy), visibility=state)
    files = [write(some, tmp_path / f"{k}.csv") for k, some in enumerate((away, odd))]
    runs = [train.run(quick(approach), f, f.with_suffix(""), threads=1) for f in files]
    parts = ["weights.safetensors", "last.safetensors"]
    parts += [f"centroid/{p}" for p in parts] * (approach == "top-down")
    one, two = (
        [value for part in parts for value in load_file(run / part).values()] for run in runs
    )
    assert all((a == b).all() for a, b in zip(one, two, strict=True))
    scores = [store.read_json(run / "metrics.json") for run in runs]
    for values in scores:
        values.pop("minutes_to_best")
    assert scores[0] == scores[1] and scores[0]["n"] == 3 * 6  # of six validation frames
    cfg = evaluate.EvaluateConfig(part="val")
    seen = [evaluate.run(cfg, runs[0], file) for file in files]
    assert seen[0] == seen[1] and seen[0]["n"] == scores[0]["n"]


def test_a_run_made_before_there_was_a_region_is_scored_outside_of_it(tmp_path, pair):
    path = write(io_labels.load(pair.labels), tmp_path / "labels.csv")
    run = train.run(quick("top-down"), path, tmp_path / "run", threads=1)
    cfg = evaluate.EvaluateConfig(part="val")
    before = evaluate.run(cfg, run, path)
    write(replace(io_labels.load(path), regions=(Region(0, EVERY, RIGHT),)), path)
    after = evaluate.run(cfg, run, path)
    assert after["n"] == before["n"] / 2 and after["n_frames"] == before["n_frames"]
    assert after["animals"]["n_animals"] == before["animals"]["n_animals"] / 2
    assert after["animals"]["n_not_judged"] > 0 or after["animals"]["n_found"] == 0


def test_where_everybody_lies_in_regions_there_is_nothing_to_learn_or_score(tmp_path, pair):
    everywhere = Region(0, EVERY, np.array([[-9.0, -9], [200, -9], [200, 200], [-9, 200]]))
    part = replace(io_labels.load(pair.labels), regions=(everywhere,))
    path = write(replace(part, incomplete=part.pairs), tmp_path / "labels.csv")
    with pytest.raises(InputError, match="no keypoint has a position"):
        train.run(quick("top-down"), path, tmp_path / "run", threads=1)
    run = walkers.detections(tmp_path / "pair.detections.nc", pair.video)
    with pytest.raises(InputError, match="lie in regions; label some outside"):
        evaluate.run(evaluate.EvaluateConfig(), run, path)


CAGE = np.array([[80.0, -1], [161, -1], [161, 121], [80, 121]])  # around bob


@pytest.mark.parametrize("kind", [walkers.detections, walkers.tracks])
def test_what_is_found_in_a_region_is_neither_right_nor_wrong(tmp_path, kind):
    video = walkers.film(tmp_path)
    labels = walkers.labels(video)
    found = walkers.rows()
    bob = np.arange(len(found.frame)) % 2 == 1
    wrong = found._replace(xy=np.where(bob[:, None, None], found.xy + [20.0, 5.0], found.xy))
    result = kind(tmp_path / "walk.nc", video, found=wrong)
    open_, shut = (
        evaluate.run(
            evaluate.EvaluateConfig(), result,
            write(replace(labels, regions=regions), tmp_path / f"{len(regions)}.csv"),
        )
        for regions in ((), (Region(0, EVERY, CAGE),))
    )  # fmt: skip
    assert open_["oks_map"] < 0.6 and shut["oks_map"] == pytest.approx(1.0)
    assert shut["animals"]["n_animals"] == shut["animals"]["n_found"] == walkers.FRAMES
    assert shut["mean_px"] == 0.0 and shut["animals"]["n_not_judged"] == walkers.FRAMES
    if kind is walkers.tracks:
        assert open_["misses"] == open_["false_positives"] == walkers.FRAMES
        assert shut["misses"] == shut["false_positives"] == 0
        assert shut["mota"] == shut["idf1"] == 1.0 and shut["identities"]["n_animals"] == 1
