"""What can be filmed is found by the names of recordings and animals."""

import numpy as np
import pandas as pd
import pytest
from film_worlds import FPS, FRAMES, keypoints, labels, path, run_file, world, write_poses

from gambol.behavior import label_map
from gambol.core.errors import InputError
from gambol.core.label_map import Decision, LabelMap
from gambol.io import label_map as io_label_map
from gambol.io import store
from gambol.stages import movie_sources


@pytest.fixture
def folder(tmp_path):
    return world(tmp_path / "w", video=False)


def test_poses_and_videos_are_found_by_the_name_of_the_recording(folder):
    (folder / "videos" / "a.MP4").write_bytes(b"")
    made = movie_sources.read(
        [folder / "labels"], fps=FPS, videos=folder / "videos", poses=[folder / "poses"]
    )
    a, b = made.subjects
    assert (a.name, a.poses, a.animal) == ("a", folder / "poses" / "a.nc", 0)
    assert a.video == folder / "videos" / "a.MP4" and b.video is None
    assert made.kind == "syllable" and sorted(made.names.items()) == [
        (0, "0"), (1, "1"), (2, "2"),
    ]  # fmt: skip
    every = np.concatenate([labels(0), labels(1)])
    assert made.usage[1] == pytest.approx((every == 1).mean())


@pytest.mark.parametrize("name", ["pair.anna", "pair_Anna", "pair-anna"])
def test_an_animal_of_several_is_named_after_its_recording(tmp_path, name):
    points = np.stack([keypoints(*path(k)) for k in range(2)], axis=1)
    write_poses(tmp_path / "pair.nc", points, ("bea", "anna"))
    labelled = tmp_path / "labels"
    labelled.mkdir()
    run_file(labelled / f"{name}.nc", labels(0), *path(0))
    (tmp_path / "pair.mp4").write_bytes(b"")
    made = movie_sources.read([labelled], poses=[tmp_path / "pair.nc"])
    (one,) = made.subjects
    assert (one.animal, one.video) == (1, tmp_path / "pair.mp4")


def test_a_run_names_its_own_poses_and_video(tmp_path):
    write_poses(tmp_path / "day.nc", np.stack([keypoints(*path(0))] * 2, 1), ("x", "y"))
    (tmp_path / "film.mp4").write_bytes(b"")
    inner = tmp_path / "run" / "syllables"
    inner.mkdir(parents=True)
    run_file(inner / "renamed.nc", labels(0), *path(0))
    held = store.read_dataset(inner / "renamed.nc").assign_attrs(
        recording="day", individual="y", poses=str(tmp_path / "day.nc"),
        source_file=str(tmp_path / "film.mp4"), fps=FPS,
    )  # fmt: skip
    store.write_dataset(held, inner / "renamed.nc")
    (one,) = movie_sources.read([tmp_path / "run"]).subjects
    assert (one.poses, one.animal) == (tmp_path / "day.nc", 1)
    assert one.video == tmp_path / "film.mp4"


def test_names_merges_and_exclusions_of_the_label_map_are_in_effect(folder):
    made = movie_sources.read([folder / "labels"], fps=FPS)
    decided = LabelMap(3)
    for decision in (
        Decision("rename", (1,), "rear"), Decision("merge", (1, 2)), Decision("exclude", (0,)),
    ):  # fmt: skip
        decided = label_map.decide(decided, decision)
    where = io_label_map.beside(folder / "labels" / "a.csv")
    io_label_map.write(decided, where, None)
    mapped = movie_sources.read([folder / "labels"], fps=FPS)
    assert mapped.names == {1: "rear"} and mapped.usage == {1: 1.0}
    assert len(mapped.pool.bouts.label) < len(made.pool.bouts.label)
    assert where in mapped.inputs


def test_decisions_about_another_model_are_refused(tmp_path):
    inner = tmp_path / "run" / "syllables"
    inner.mkdir(parents=True)
    run_file(inner / "a.nc", labels(0), *path(0))
    store.write_json({"made_from": "new"}, tmp_path / "run" / "provenance.json")
    io_label_map.write(LabelMap(3, "old"), tmp_path / "run" / "label_map.json", None)
    with pytest.raises(InputError, match="another model"):
        movie_sources.read([tmp_path / "run"])


def test_outside_of_all_regions_is_no_region(tmp_path):
    inner = tmp_path / "run" / "places"
    inner.mkdir(parents=True)
    region = np.repeat([0, 1, 0, 1], FRAMES // 4)
    run_file(inner / "a.nc", labels(0), *path(0), region=("time", region))
    made = movie_sources.read([tmp_path / "run"], label="region")
    assert made.names == {1: "1"} and made.kind == "region"
    mine = made.pool.bouts.label == 1
    assert made.pool.bouts.start[mine].tolist() == [30, 90]
    assert made.pool.bouts.left_censored[mine].tolist() == [False, False]
    assert made.usage == {1: 1.0}


def bouts(file, rows):
    names = ["recording", "subject", "label", "start_s", "stop_s"]
    pd.DataFrame(rows, columns=names).to_csv(file, index=False)


def test_bouts_of_an_ethogram_may_overlap_and_have_names(tmp_path, folder):
    rows = [("a", "", "rear", 1.0, 2.0), ("a", "", "groom", 1.5, 3.0), ("a", "", "rear", 4, 5)]
    bouts(tmp_path / "e.csv", rows)
    made = movie_sources.read([tmp_path / "e.csv"], fps=FPS, poses=[folder / "poses"])
    assert made.kind == "behaviour" and made.sequences is None
    assert sorted(made.names.values()) == ["groom", "rear"]
    found = made.pool.bouts
    spans = sorted(zip(found.start.tolist(), found.stop.tolist(), strict=True))
    assert spans == [(20, 40), (30, 60), (80, 100)]
    assert made.subjects[0].poses == folder / "poses" / "a.nc"


def test_an_ethogram_without_a_clock_asks_for_one(tmp_path):
    bouts(tmp_path / "e.csv", [("a", "", "rear", 1.0, 2.0)])
    with pytest.raises(InputError, match="fps"):
        movie_sources.read([tmp_path / "e.csv"])


def test_a_table_of_labels_is_no_ethogram(folder, tmp_path):
    assert not movie_sources.is_ethogram(folder / "labels" / "a.csv", "syllable")
    bouts(tmp_path / "e.csv", [("a", "", "rear", 1.0, 2.0)])
    assert movie_sources.is_ethogram(tmp_path / "e.csv", "syllable")


def test_what_is_no_pose_file_is_said_to_be_none(folder, tmp_path):
    with pytest.raises(InputError, match="no pose file"):
        movie_sources.read([folder / "labels"], fps=FPS, poses=[folder / "labels" / "a.csv"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no pose files"):
        movie_sources.read([folder / "labels"], fps=FPS, poses=[tmp_path / "empty"])
    with pytest.raises(InputError, match="no recordings"):
        movie_sources.read([])
