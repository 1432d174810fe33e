"""Trajectories of animals that walk on circles, filmed label by label."""

import numpy as np
import pandas as pd
import pytest
from film_worlds import FPS, FRAMES, SMALL, world

from gambol.core.progress import silent
from gambol.io.video import open_video
from gambol.stages import movie_sources, movie_trajectories
from gambol.stages.movie_settings import SyllableMovieConfig


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return world(tmp_path_factory.mktemp("trajectories"), video=False)


def films(folder, out, sources, labels, **changes):
    cfg = SyllableMovieConfig(**(SMALL | {"columns": 4} | changes))
    material = movie_sources.read(sources, fps=FPS, poses=[folder / "poses"])
    out.mkdir()
    return movie_trajectories.make(cfg, material, labels, 80.0, out, silent)


def test_every_label_has_a_tile_and_the_instances_are_listed(folder, tmp_path):
    names, said = films(folder, tmp_path / "o", [folder / "labels"], [0, 1, 2])
    assert names == ["trajectories-1.mp4"] and said == []
    video = open_video(tmp_path / "o" / names[0])
    seconds = len(video) / video.fps
    assert video.size == (3 * 68 - 4, 64) and seconds == pytest.approx(0.7 / 0.2, abs=0.1)
    video.close()
    table = pd.read_csv(tmp_path / "o" / "trajectories-1.csv")
    assert set(table["label"]) == {0, 1, 2} and set(table["recording"]) == {"a", "b"}


def test_many_labels_take_several_movies(folder, tmp_path):
    names, _ = films(folder, tmp_path / "o", [folder / "labels"], [0, 1, 2], columns=2)
    assert names == ["trajectories-1.mp4", "trajectories-2.mp4"]
    rows = [pd.read_csv(tmp_path / "o" / f"trajectories-{n}.csv") for n in (1, 2)]
    assert [set(table["label"]) for table in rows] == [{0, 1}, {2}]


def test_behaviours_that_overlap_have_their_own_trajectories(folder, tmp_path):
    rows = [("a", word, start, start + 0.5) for word, shift in (("rear", 0.5), ("turn", 0.6))
            for start in np.arange(shift, FRAMES / FPS - 1.1, 0.8)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["recording", "label", "start_s", "stop_s"])
    table.to_csv(tmp_path / "e.csv", index=False)
    names, said = films(folder, tmp_path / "o", [tmp_path / "e.csv"], [0, 1])
    assert len(names) == 1 and said == []
    listed = pd.read_csv(tmp_path / "o" / "trajectories-1.csv")
    assert set(listed["label"]) == {0, 1}


def test_without_headings_there_are_none_and_that_is_said(folder, tmp_path):
    names, said = films(folder, tmp_path / "o", [folder / "labels"], [0], anterior=())
    assert names == [] and said == [movie_trajectories.NONE]


def test_what_is_there_stays(folder, tmp_path):
    out = tmp_path / "o"
    films(folder, out, [folder / "labels"], [0])
    held = (out / "trajectories-1.mp4").stat().st_mtime_ns
    cfg = SyllableMovieConfig(**(SMALL | {"columns": 4}))
    material = movie_sources.read([folder / "labels"], fps=FPS, poses=[folder / "poses"])
    movie_trajectories.make(cfg, material, [0], 80.0, out, silent)
    assert (out / "trajectories-1.mp4").stat().st_mtime_ns == held
