"""Movies of small recordings whose animals are where the test put them."""

import json
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from film_worlds import (
    FPS,
    FRAMES,
    SMALL,
    keypoints,
    labels,
    path,
    run_file,
    world,
    write_poses,
    write_video,
)

from gambol.behavior import label_map
from gambol.core.errors import InputError
from gambol.core.label_map import Decision, LabelMap
from gambol.io import label_map as io_label_map
from gambol.io.video import open_video
from gambol.stages import movie_plans, movie_sources, syllable_movies
from gambol.stages.movie_settings import SyllableMovieConfig

GRID = SMALL | {"kinds": ("grid",), "before_s": 0.2, "after_s": 0.4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return world(tmp_path_factory.mktemp("movies"))


def made(folder, out, progress=None, sources=None, **changes):
    how = {} if progress is None else {"progress": progress}
    videos = folder / "videos" if changes.pop("video", True) else None
    poses = [folder / "poses"] if changes.pop("poses", True) else None
    return syllable_movies.run(
        SyllableMovieConfig(**(GRID | changes)), sources or [folder / "labels"], out,
        videos=videos, poses=poses, **how,
    )  # fmt: skip


def everything(file):
    video = open_video(file)
    try:
        return video.read(range(len(video))).astype(int), video.fps
    finally:
        video.close()


def tiles(movie, table, size=64):
    for k in range(len(table)):
        yield movie[:, :size, k * (size + 4) : k * (size + 4) + size]


def test_noses_are_to_the_right_and_tails_to_the_left_at_the_onset(folder, tmp_path):
    done = made(folder, tmp_path / "o", picture="video", crop=64.0, labels=(1,))
    assert done.movies == ("syllable-1.mp4",) and done.without == () and done.rare == ()
    movie, fps = everything(tmp_path / "o" / "syllable-1.mp4")
    table = pd.read_csv(tmp_path / "o" / "syllable-1.csv")
    assert fps == FPS and movie.shape == (12, 64, 132, 3)
    assert table.recording.tolist() in (["a", "b"], ["b", "a"])
    for tile in tiles(movie, table):
        onset = tile[4, 20:44].mean(axis=(0, 2))  # 0.2 s before it, at 20 frames a second
        assert 38 <= onset.argmax() <= 45 and 18 <= onset.argmin() <= 26


def test_tiles_stay_at_the_onset_or_follow_the_animal(folder, tmp_path):
    shown = {}
    for follow in ("onset", "always"):
        out = tmp_path / follow
        made(folder, out, picture="video", crop=64.0, labels=(2,), follow=follow, dim=1.0)
        movie, _ = everything(out / "syllable-2.mp4")
        first = movie[:, 14:50, :64].mean(axis=(1, 3))
        shown[follow] = first.argmax(axis=1)
    assert np.ptp(shown["always"]) <= 3 < np.ptp(shown["onset"])


def test_skeletons_are_drawn_over_the_video_or_alone(folder, tmp_path):
    for picture in ("video", "overlay", "poses"):
        made(folder, tmp_path / picture, picture=picture, crop=64.0, labels=(1,), dim=1.0)
    bare, over, alone = (
        everything(tmp_path / picture / "syllable-1.mp4")[0][4, 18:46, :64]
        for picture in ("video", "overlay", "poses")
    )
    colourful = [np.ptp(part, axis=-1).max() for part in (bare, over, alone)]
    assert colourful[0] < 40 < min(colourful[1:])
    assert bare.mean() > 100 and over.mean() > 90 and alone.mean() < 70


def test_without_poses_and_places_the_frame_is_shown_whole(folder, tmp_path):
    made(folder, tmp_path / "o", poses=False, labels=(1,))
    movie, _ = everything(tmp_path / "o" / "syllable-1.mp4")
    inside = movie[4, 24:40, 5:55].mean()
    assert inside == pytest.approx(128, abs=12)  # all of 160 px across, grey
    assert (np.abs(movie[4, 2, 40:52] - 58) < 12).all()  # beyond the frame's upper edge


def test_only_what_is_missing_is_made_again(folder, tmp_path):
    out = tmp_path / "o"
    first = made(folder, out, kinds=("grid", "crowd", "trajectory"))
    assert len(first.movies) == 8 and first.movies[-1] == "trajectories-2.mp4"
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    steps = []
    assert made(folder, out, steps.append, kinds=("grid", "crowd", "trajectory")) == first
    assert [step.total for step in steps] == [1]
    (out / "syllable-1-crowd.mp4").unlink()
    (out / "trajectories-1.csv").unlink()
    again = made(folder, out, steps.append, kinds=("grid", "crowd", "trajectory"))
    assert again == first
    assert {s.item for s in steps[1:]} == {"syllable-1-crowd", "trajectories-1"}
    after = {p.name: p.read_bytes() for p in out.iterdir()}
    changed = {n for n in before if before[n] != after[n]}
    assert changed <= {"provenance.json", "syllable-1-crowd.mp4", "trajectories-1.mp4"}


def test_a_run_that_was_killed_goes_on_and_other_settings_start_anew(folder, tmp_path):
    out = tmp_path / "o"

    def killed(step):
        if step.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(folder, out, killed)
    assert sorted(p.name for p in out.glob("*.mp4")) == ["syllable-0.mp4", "syllable-1.mp4"]
    steps = []
    assert len(made(folder, out, steps.append).movies) == 3
    assert [step.item for step in steps] == ["syllable-2"]
    other = made(folder, out, labels=(0,), seed=4)
    assert [p.name for p in out.glob("*.mp4")] == ["syllable-0.mp4"] == list(other.movies)
    assert not list(out.glob(".*")) and not (out / "begun.json").exists()


def test_the_order_of_files_changes_nothing(folder, tmp_path):
    paths = sorted((folder / "labels").glob("*.csv"))
    for name, order in (("one", paths), ("two", paths[::-1])):
        made(folder, tmp_path / name, sources=order, kinds=("grid", "crowd"), labels=(1,))
    for file in sorted((tmp_path / "one").glob("syllable*")):
        other = tmp_path / "two" / file.name
        if file.suffix == ".csv":
            assert file.read_bytes() == other.read_bytes()
        else:  # the encoder's rounding is not the same every time
            assert np.abs(everything(file)[0] - everything(other)[0]).max() < 16


def test_names_of_the_label_map_are_in_the_files(folder, tmp_path):
    decided = label_map.decide(LabelMap(3), Decision("rename", (1,), "rears, high"))
    decided = label_map.decide(decided, Decision("exclude", (2,)))
    io_label_map.write(decided, tmp_path / "map.json", None)
    done = syllable_movies.run(
        SyllableMovieConfig(**GRID), [folder / "labels"], tmp_path / "o",
        poses=[folder / "poses"], decisions=tmp_path / "map.json",
    )  # fmt: skip
    assert done.movies == ("syllable-0.mp4", "syllable-1-rears-high.mp4")
    table = pd.read_csv(tmp_path / "o" / "syllable-1-rears-high.csv")
    assert set(table["name"]) == {"rears, high"} and set(table["label"]) == {1}
    only = syllable_movies.run(
        SyllableMovieConfig(**GRID, labels=("rears, high",)), [folder / "labels"],
        tmp_path / "p", poses=[folder / "poses"], decisions=tmp_path / "map.json",
    )  # fmt: skip
    assert only.movies == ("syllable-1-rears-high.mp4",)


def test_the_longest_bouts_come_first_if_they_are_asked_for(folder, tmp_path):
    made(folder, tmp_path / "o", choice="longest", labels=(1,), video=False)
    table = pd.read_csv(tmp_path / "o" / "syllable-1.csv")
    runs = []
    for seed in range(2):
        own = labels(seed)
        edges = np.flatnonzero(np.diff(np.r_[-1, own, -1]))
        runs += [b - a for a, b in zip(edges[:-1], edges[1:], strict=True)
                 if own[a] == 1 and a > 0 and b < FRAMES]  # fmt: skip
    assert (table.stop - table.start).tolist() == sorted(runs, reverse=True)[:2]


def test_the_most_typical_bouts_are_those_of_which_the_model_is_surest(tmp_path):
    label = np.repeat([0, 1, 0, 1, 0, 1, 0], [20, 10, 20, 10, 20, 10, 30])
    sure = np.full((FRAMES, 2), 0.5, np.float32)
    sure[50:60, 1], sure[80:90, 1] = 0.7, 0.9
    inner = tmp_path / "run" / "syllables"
    inner.mkdir(parents=True)
    run_file(inner / "a.nc", label, *path(0), probability=(("time", "state"), sure))
    write_poses(tmp_path / "a.nc", keypoints(*path(0))[:, None])
    cfg = SyllableMovieConfig(**(GRID | {"choice": "typical", "labels": (1,)}))
    syllable_movies.run(cfg, [tmp_path / "run"], tmp_path / "o", poses=[tmp_path / "a.nc"])
    assert pd.read_csv(tmp_path / "o" / "syllable-1.csv").start.tolist() == [80, 50]


def test_bouts_of_an_ethogram_are_filmed_under_their_names(folder, tmp_path):
    rows = [("a", "rear", 1.0, 2.0), ("a", "groom", 1.5, 3.0), ("a", "rear", 4.0, 4.5)]
    table = pd.DataFrame(rows, columns=["recording", "label", "start_s", "stop_s"])
    table.to_csv(tmp_path / "e.csv", index=False)
    done = made(folder, tmp_path / "o", sources=[tmp_path / "e.csv"], kinds=("grid", "crowd"))
    assert {"behaviour-0-rear.mp4", "behaviour-0-rear-crowd.mp4"} <= set(done.movies) or {
        "behaviour-1-rear.mp4", "behaviour-1-rear-crowd.mp4"
    } <= set(done.movies)  # fmt: skip
    assert len(done.movies) == 4


def test_crowds_of_videos_show_animals_on_a_plain_ground(folder, tmp_path):
    made(folder, tmp_path / "o", picture="video", kinds=("crowd",), labels=(1,), crop=64.0)
    movie, _ = everything(tmp_path / "o" / "syllable-1-crowd.mp4")
    assert movie.shape[1:] == (96, 96, 3)
    onset = movie[4].mean(axis=-1)
    assert onset[40:56, 58:66].max() > 160 and onset[40:56, 26:38].min() < 95
    assert np.median(onset) == pytest.approx(128, abs=6)


def test_3d_poses_are_shown_from_several_sides(folder, tmp_path):
    flat = keypoints(*path(0))
    solid = np.concatenate([flat, np.full((*flat.shape[:2], 1), 5.0)], axis=-1)
    write_poses(tmp_path / "a.nc", solid[:, None])
    cfg = SyllableMovieConfig(**(GRID | {"labels": (1,), "views": ("side", "above", "front")}))
    syllable_movies.run(
        cfg, [folder / "labels" / "a.csv"], tmp_path / "o", poses=[tmp_path / "a.nc"]
    )
    movie, _ = everything(tmp_path / "o" / "syllable-1.mp4")
    assert movie.shape[1:] == (64, 2 * 192 + 4, 3)


def test_rare_labels_and_labels_without_a_bout_are_said(folder, tmp_path):
    label = np.zeros(FRAMES, int)
    label[3], label[40:60] = 7, 8
    run_file(tmp_path / "a.nc", label, *path(0))
    write_poses(tmp_path / "p.nc", keypoints(*path(0))[:, None])
    (tmp_path / "p.nc").rename(tmp_path / "poses.nc")
    (tmp_path / "poses").mkdir()
    (tmp_path / "poses.nc").rename(tmp_path / "poses" / "a.nc")
    cfg = SyllableMovieConfig(**(GRID | {"min_s": 0.2, "min_usage": 0.0}))
    run = dict(sources=[tmp_path / "a.nc"], poses=[tmp_path / "poses"])
    done = syllable_movies.run(cfg, out=tmp_path / "o", **run)
    assert done.without == ("7",) and done.movies == ("syllable-0.mp4", "syllable-8.mp4")
    rare = SyllableMovieConfig(**(GRID | {"min_usage": 0.02}))
    told = syllable_movies.run(rare, out=tmp_path / "p", **run)
    assert told.rare == ("7",)
    assert "too rare for a movie: 7" in syllable_movies.describe(told._asdict())


def test_recordings_that_cannot_be_seen_are_left_out_with_a_remark(folder, tmp_path):
    (tmp_path / "labels").mkdir()
    for name in ("a", "z"):
        run_file(tmp_path / "labels" / f"{name}.nc", labels(0), *path(0))
    done = made(folder, tmp_path / "o", sources=[tmp_path / "labels"], labels=(1,))
    assert "left out for want of a video and of poses: z" in done.remarks
    assert set(pd.read_csv(tmp_path / "o" / "syllable-1.csv").recording) == {"a"}


def test_headings_that_are_not_known_are_remarked(folder, tmp_path):
    done = made(folder, tmp_path / "o", labels=(1,), anterior=(), posterior=(),
                kinds=("grid", "trajectory"))  # fmt: skip
    assert any("heading is not known" in remark for remark in done.remarks)
    assert any("no trajectories" in remark for remark in done.remarks)


def test_bad_input_ends_with_one_sentence_and_no_folder(folder, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"labels: no frame has syllable 'rears'"):
        made(folder, out, labels=("rears",))
    with pytest.raises(InputError, match=r"no syllable lasts 60 s"):
        made(folder, out, min_s=60)
    with pytest.raises(InputError, match="neither probabilities nor distances"):
        made(folder, out, choice="typical")
    with pytest.raises(InputError, match="no recordings"):
        syllable_movies.run(SyllableMovieConfig(**GRID), [], out)
    with pytest.raises(InputError, match="nose"):
        made(folder, out, anterior=("noze",))
    assert not out.exists()


def test_long_recordings_keep_but_the_moments_of_their_tiles(folder):
    material = movie_sources.read(
        [folder / "labels"], fps=FPS, poses=[folder / "poses"], videos=folder / "videos"
    )
    cfg = SyllableMovieConfig(**GRID)
    chosen, _, _ = syllable_movies._chosen(cfg, material)
    plan = movie_plans.plan(cfg, material, chosen)
    for film in plan.films:
        assert len(film.tiles) == 2
        for tile in film.tiles:
            assert tile.window.points.shape == (12, 1, 3, 2)
            assert tile.window.points.base is None or tile.window.points.base.size < 1000


def test_a_tile_holds_the_animal_most_of_the_time(folder):
    material = movie_sources.read([folder / "labels"], fps=FPS, poses=[folder / "poses"])
    cfg = SyllableMovieConfig(**(GRID | {"follow": "always"}))
    plan = movie_plans.plan(cfg, material, syllable_movies._chosen(cfg, material)[0])
    assert 20 < plan.side <= 20 * movie_plans.ROOM + 1  # nose to tail is 20 px


def test_settings_round_trip_and_a_misspelt_one_is_refused(tmp_path):
    cfg = SyllableMovieConfig(labels=(3, "rear"), views=("front",), up="-y")
    cfg.to_yaml(tmp_path / "s.yaml")
    assert SyllableMovieConfig.from_yaml(tmp_path / "s.yaml") == cfg
    with pytest.raises(InputError, match="columns"):
        SyllableMovieConfig.from_values({"colums": 3}, "here")


def test_a_real_fly_is_bright_in_the_middle_of_its_tile(data, tmp_path):
    """Labels are invented; film and predictions are from flies_courtship."""
    import h5py

    with h5py.File(data / "flies_courtship" / "predictions.analysis.h5") as file:
        names = [n.decode() for n in file["node_names"][:]]
        tracks = file["tracks"][:, :, :, :500]  # (2, xy, J, T)
    points = np.moveaxis(tracks, (0, 3), (1, 0)).swapaxes(2, 3)
    from gambol.core import poses as core_poses
    from gambol.core.skeleton import Skeleton
    from gambol.io import store

    nothing = np.full((*points.shape, 2), np.nan, np.float32)
    sure = np.isfinite(points).all(-1).astype(np.float32)
    poses = core_poses.build(
        points.astype(np.float32), sure, nothing, np.arange(500) / 25, Skeleton(tuple(names)),
        fps=25.0, individuals=("male", "female"),
    )  # fmt: skip
    store.write_dataset(poses, tmp_path / "flies.nc")
    film = data / "flies_courtship" / "20190128_113421.120s.mp4"
    (tmp_path / "flies.mp4").symlink_to(film)
    (tmp_path / "labels").mkdir()
    state = np.arange(500) // 25 % 4
    for name in ("male", "female"):
        table = pd.DataFrame({"syllable": state})
        table.to_csv(tmp_path / "labels" / f"flies-{name}.csv", index=False)
    cfg = SyllableMovieConfig(
        fps=25, labels=(1,), kinds=("grid",), rows=1, columns=4, size=96, picture="video",
        anterior=("head",), posterior=("abdomen",), before_s=0.1, after_s=0.2,
    )  # fmt: skip
    out = tmp_path / "o"
    syllable_movies.run(cfg, [tmp_path / "labels"], out, poses=[tmp_path / "flies.nc"])
    movie, _ = everything(out / "syllable-1.mp4")
    onset = movie[2].mean(axis=-1)
    for k in range(4):
        tile = onset[:, k * 100 : k * 100 + 96]
        assert tile[40:56, 36:60].mean() > 1.5 * tile[24:72, 10:86].mean()
    note = json.loads((out / "provenance.json").read_text(encoding="utf-8"))
    assert any("lasts 120.0 s" in remark for remark in note["remarks"])


def test_a_video_of_another_rate_is_matched_by_time(tmp_path, folder):
    points = keypoints(*path(0))[:, None]
    write_video(tmp_path / "a.mp4", points[::2])
    assert len(open_video(tmp_path / "a.mp4")) == FRAMES // 2
    cfg = SyllableMovieConfig(**(GRID | {"labels": (1,)}))
    done = syllable_movies.run(
        cfg, [folder / "labels" / "a.csv"], tmp_path / "o", videos=tmp_path,
        poses=[folder / "poses"],
    )  # fmt: skip
    assert any("lasts 3.0 s, its labels 6.0 s" in remark for remark in done.remarks)


CHILD = """
import os, signal, sys
from pathlib import Path
from gambol.io.video import VideoWriter
from gambol.stages import syllable_files, syllable_movies
from gambol.stages.movie_settings import SyllableMovieConfig

moment, folder, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
count = 0


def die(*args, **given):
    os.kill(os.getpid(), signal.SIGKILL)


def write(self, frame, was=VideoWriter.write):
    global count
    count += 1
    die() if count == 5 else was(self, frame)


if moment == "within a movie":
    VideoWriter.write = write
if moment == "before the end":
    syllable_files.finish = die
syllable_movies.run(
    SyllableMovieConfig.model_validate_json(sys.argv[4]), [folder / "labels"], out,
    videos=folder / "videos", poses=[folder / "poses"],
    progress=lambda step: die() if moment == "between movies" and step.done == 2 else None,
)
"""


def shown(out):
    """What files hold; of movies the frames, as x264 may pack the same ones in other bytes."""
    held = {p.name: p.read_bytes() for p in out.iterdir() if p.suffix in (".csv", ".yaml")}
    movies = [p for p in out.glob("*.mp4") if not p.name.startswith(".")]
    return held | {p.name: everything(p)[0].tobytes() for p in movies}


@pytest.mark.slow
def test_a_process_that_was_killed_outright_goes_on_and_makes_the_same_files(folder, tmp_path):
    cfg = GRID | {"kinds": ("grid", "trajectory")}
    made(folder, tmp_path / "whole", **cfg)
    told = json.loads((tmp_path / "whole" / "provenance.json").read_text())
    want = shown(tmp_path / "whole")
    for moment in ("within a movie", "between movies", "before the end"):
        out = tmp_path / moment
        text = SyllableMovieConfig(**cfg).model_dump_json()
        args = [sys.executable, "-c", CHILD, moment, str(folder), str(out), text]
        child = subprocess.run(args, check=False)
        assert child.returncode == -signal.SIGKILL
        assert not (out / "provenance.json").exists()
        movies = {p.name for p in out.glob("*.mp4") if not p.name.startswith(".")}
        assert all(shown(out)[name] == want[name] for name in movies)  # none is half
        assert len(movies) == {"within a movie": 0, "between movies": 2}.get(moment, 5)
        made(folder, out, **cfg)
        again = json.loads((out / "provenance.json").read_text())
        found = shown(out)
        assert [name for name in want | found if found.get(name) != want.get(name)] == []
        assert {**again, "date": "", "command": ""} == {**told, "date": "", "command": ""}
