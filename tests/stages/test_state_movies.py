"""Movies of states made from films that show their own frame numbers."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
from clips import BITS, number_in

from gambol.behavior import label_map
from gambol.core.errors import InputError
from gambol.core.label_map import Decision, LabelMap
from gambol.io import label_map as io_label_map
from gambol.io import state_courses
from gambol.io.video import VideoWriter, open_video
from gambol.stages import state_movies
from gambol.stages.state_movies import MovieConfig

FPS = 30.0
FRAMES = 90
TILE = 96  # px, the width of the films: eight blocks of 12 px fill a tile
SMALL = {"fps": FPS, "label": "syllable", "size": TILE, "min_s": 0.0}


def picture(number):
    """A film of 96 x 96: its number in eight blocks over the whole height."""
    block = np.arange(TILE) * BITS // TILE
    row = np.where((number >> block) & 1, 235, 20)
    return np.broadcast_to(row[None, :, None], (TILE, TILE, 3)).astype(np.uint8)


def number(tile):
    """The number that a tile shows below its name; its brightest block tells how bright."""
    part = tile[TILE // 4 : TILE * 3 // 4].astype(float)
    bright = part.mean(axis=(0, 2)).max()
    return number_in(np.repeat(part * 235 / max(bright, 1), 2, axis=0)), bright


def record(folder, name, labels, rate=FPS, frames=None, centroid=None):
    """Write a recording: film and table, with the centroid in the middle of the film."""
    with VideoWriter(folder / f"{name}.mp4", rate, (TILE, TILE)) as writer:
        for n in range(len(labels) if frames is None else frames):
            writer.write(picture(n + 1))
    where = np.full((len(labels), 2), (TILE - 1) / 2) if centroid is None else centroid
    state_courses.write_syllables(np.asarray(labels), folder / f"{name}.csv", where)


def labels(*bouts):
    """Labels from pairs (label, length)."""
    return np.concatenate([np.full(length, label) for label, length in bouts])


@pytest.fixture
def world(tmp_path):
    """Three recordings; b is filmed at half the rate, c has no film."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    record(folder, "a", labels((0, 20), (1, 30), (0, 15), (1, 10), (2, 15)))
    record(folder, "b", labels((0, 31), (1, 12), (0, 47)), FPS / 2, FRAMES // 2)
    record(folder, "c", labels((0, 40), (1, 50)))
    (folder / "c.mp4").unlink()
    return folder


def everything(path):
    video = open_video(path)
    try:
        return video.read(range(len(video))), video.fps
    finally:
        video.close()


def tile(movie, k):
    return movie[:TILE, k * (TILE + 4) : k * (TILE + 4) + TILE]


def test_tiles_show_the_frames_of_their_bouts_from_onset_on_and_dim_after_them(world, tmp_path):
    out = tmp_path / "out"
    made = state_movies.run(MovieConfig(**SMALL), [world], out)
    assert made.movies == ("syllable-0.mp4", "syllable-1.mp4", "syllable-2.mp4")
    table = pd.read_csv(out / "syllable-1.csv")
    assert sorted(zip(table.recording, table.start, table.stop, strict=True)) == [
        ("a", 20, 50), ("a", 65, 75), ("b", 31, 43),
    ]  # fmt: skip
    movie, fps = everything(out / "syllable-1.mp4")
    assert fps == FPS and len(movie) == 30 + FPS  # the longest bout and a second
    for row in table.itertuples():
        factor = 1 if row.recording == "a" else 2  # labels a frame
        last = (FRAMES - 1) // factor
        for n, shown in enumerate(movie):
            seen, bright = number(tile(shown, row.tile - 1))
            frame = min(max(-(-(row.start + n - factor + 1) // factor), 0), last)
            assert seen == frame + 1, (row, n)
            goes_on = n < row.stop - row.start
            assert bright == pytest.approx(235 if goes_on else 0.25 * 235, abs=6)


def test_a_recording_that_ends_is_not_dimmed_and_the_table_says_so(world, tmp_path):
    state_movies.run(MovieConfig(**SMALL), [world], tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "syllable-2.csv")
    assert table.right_censored.tolist() == [True]
    movie, _ = everything(tmp_path / "out" / "syllable-2.mp4")
    told = [number(tile(shown, 0)) for shown in movie]
    assert [seen for seen, _ in told] == [*range(76, 91)] + [90] * 30
    assert all(bright > 220 for _, bright in told)


def test_recordings_without_film_or_centroid_are_left_out_with_a_remark(world, tmp_path):
    record(world, "d", labels((0, 10)), centroid=np.full((10, 2), np.nan))
    made = state_movies.run(MovieConfig(**SMALL), [world], tmp_path / "out")
    assert made.remarks == (
        "left out for want of video: c", "left out for want of centroid: d",
    )  # fmt: skip
    told = state_movies.describe(made._asdict())
    assert "3 movies" in told and "want of video: c" in told


def test_labels_without_a_bout_are_listed(world, tmp_path):
    record(world, "c", labels((3, 40), (0, 10)))
    (world / "c.mp4").unlink()
    made = state_movies.run(MovieConfig(**SMALL, labels=(1, 3, 9)), [world], tmp_path / "out")
    assert made.movies == ("syllable-1.mp4",) and made.without == (3, 9)
    assert "no bout to show of 3, 9" in state_movies.describe(made._asdict())


def test_only_what_is_missing_is_made_again(world, tmp_path):
    out, cfg = tmp_path / "out", MovieConfig(**SMALL)
    first = state_movies.run(cfg, [world], out)
    before = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in out.glob("syllable*")}
    assert state_movies.run(cfg, [world], out) == first
    (out / "syllable-1.mp4").unlink()
    steps = []
    assert state_movies.run(cfg, [world], out, progress=steps.append) == first
    assert {step.item for step in steps} == {"syllable-1"} and steps[-1].done == steps[-1].total
    after = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in out.glob("syllable*")}
    same = [name for name in before if before[name] == after[name]]
    assert sorted(set(before) - set(same)) == ["syllable-1.csv", "syllable-1.mp4"]
    assert before["syllable-1.mp4"][1] == after["syllable-1.mp4"][1]
    assert not list(out.glob(".*"))


def test_a_run_that_was_killed_goes_on(world, tmp_path, monkeypatch):
    out, cfg = tmp_path / "out", MovieConfig(**SMALL)

    def killed(step):
        if step.item == "syllable-1":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        state_movies.run(cfg, [world], out, progress=killed)
    assert sorted(p.name for p in out.glob("*.mp4")) == ["syllable-0.mp4"]
    steps = []
    made = state_movies.run(cfg, [world], out, progress=steps.append)
    assert len(made.movies) == 3 and "syllable-0" not in {step.item for step in steps}
    assert not (out / "begun.json").exists() and not list(out.glob(".*"))


def test_other_settings_or_recordings_replace_what_is_there(world, tmp_path):
    out = tmp_path / "out"
    state_movies.run(MovieConfig(**SMALL), [world], out)
    old = (out / "syllable-1.mp4").read_bytes()
    made = state_movies.run(MovieConfig(**SMALL, labels=(1,), speed=0.5), [world], out)
    assert sorted(p.name for p in out.glob("syllable*")) == ["syllable-1.csv", "syllable-1.mp4"]
    assert (out / "syllable-1.mp4").read_bytes() != old and made.movies == ("syllable-1.mp4",)
    key = json.loads((out / "provenance.json").read_text(encoding="utf-8"))["made_from"]
    record(world, "a", labels((0, 20), (1, 30), (0, 40)))
    state_movies.run(MovieConfig(**SMALL, labels=(1,), speed=0.5), [world], out)
    note = json.loads((out / "provenance.json").read_text(encoding="utf-8"))
    assert note["made_from"] != key and len(pd.read_csv(out / "syllable-1.csv")) == 2


def test_movies_do_not_depend_on_the_order_of_recordings(world, tmp_path):
    paths = sorted(world.glob("*.csv"))
    state_movies.run(MovieConfig(**SMALL), paths, tmp_path / "a")
    state_movies.run(MovieConfig(**SMALL), paths[::-1], tmp_path / "b")
    for one in (tmp_path / "a").glob("syllable*"):
        assert one.read_bytes() == (tmp_path / "b" / one.name).read_bytes()


def test_states_of_ours_take_videos_and_centroids_from_elsewhere(world, tmp_path):
    runs = tmp_path / "run" / "states"
    runs.mkdir(parents=True)
    for name in ("a", "b"):
        state = pd.read_csv(world / f"{name}.csv")["syllable"].to_numpy()
        course = state_courses.build(state, state, state, np.eye(3)[state], FPS)
        state_courses.write(course, runs / f"{name}.nc")
    with pytest.raises(InputError, match=r"no recording has both .* want of video: a, b"):
        state_movies.run(MovieConfig(), [runs], tmp_path / "none")
    cfg = MovieConfig(size=TILE, min_s=0)
    made = state_movies.run(cfg, [runs], tmp_path / "one", centroids=[world])
    assert made.movies == ("state-0.mp4", "state-1.mp4", "state-2.mp4")
    films = tmp_path / "films"
    films.mkdir()
    for path in list(world.glob("*.mp4")):
        path.rename(films / path.name)
    state_movies.run(cfg, [runs], tmp_path / "two", centroids=[world], videos=films)
    for name in made.movies:
        one, two = ((tmp_path / where / name).read_bytes() for where in ("one", "two"))
        assert one == two


def test_centroids_of_an_hdf5_file_are_found_by_recording(world, tmp_path):
    path = tmp_path / "all.h5"
    with h5py.File(path, "w") as file:
        file.attrs["fps"] = FPS
        for name in ("a", "b"):
            table = pd.read_csv(world / f"{name}.csv")
            file[f"{name}/syllable"] = table["syllable"].to_numpy()
            file[f"{name}/centroid"] = table[["centroid x", "centroid y"]].to_numpy()
    cfg = MovieConfig(**SMALL, labels=(1,))
    state_movies.run(cfg, [world], tmp_path / "csv")
    state_movies.run(cfg, [path], tmp_path / "h5", videos=world)
    state_movies.run(cfg, [world], tmp_path / "both", centroids=[path])
    one, two, three = (
        (tmp_path / w / "syllable-1.mp4").read_bytes() for w in ("csv", "h5", "both")
    )
    assert one == two == three


def test_a_video_that_lasts_less_than_its_labels_is_remarked(world, tmp_path):
    record(world, "b", labels((0, 31), (1, 12), (0, 47)), frames=40)
    made = state_movies.run(MovieConfig(**SMALL), [world], tmp_path / "out")
    assert any("b.mp4 lasts 1.3 s, its labels 3.0 s" in remark for remark in made.remarks)


def test_no_movie_has_more_frames_than_asked_for(world, tmp_path):
    cfg = MovieConfig(**SMALL, labels=(1,), frames=20, rate=10, before_s=0.5)
    state_movies.run(cfg, [world], tmp_path / "out")
    movie, fps = everything(tmp_path / "out" / "syllable-1.mp4")
    assert (len(movie), fps) == (20, 10)
    with pytest.raises(InputError, match="frames"):
        MovieConfig.from_values({"frames": 1201}, "here")


def test_bad_input_ends_with_one_sentence_and_no_folder(world, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"no syllable lasts 60 s .*lower min_s"):
        state_movies.run(MovieConfig(**(SMALL | {"min_s": 60})), [world], out)
    short = tmp_path / "short"
    short.mkdir()
    state_courses.write_syllables(np.zeros(7, int), short / "a.csv", np.zeros((7, 2)))
    with pytest.raises(InputError, match=r"a\.csv has centroids of 7 frames for 90 labels"):
        state_movies.run(MovieConfig(**SMALL), [world], out, centroids=[short])
    with pytest.raises(InputError, match=r"both hold centroids of 'a'"):
        state_movies.run(MovieConfig(**SMALL), [world], out, centroids=[short, world])
    with pytest.raises(InputError, match=r"no recordings were given"):
        state_movies.run(MovieConfig(**SMALL), [], out)
    assert not out.exists()


def test_a_damaged_film_repeats_its_last_sound_picture(world, tmp_path):
    film = world / "a.mp4"
    whole = film.read_bytes()
    film.write_bytes(whole[:-200] + bytes(200))
    sound = open_video(film)
    last = int(np.flatnonzero(sound.survey())[-1])
    sound.close()
    assert 75 < last < FRAMES - 1
    state_movies.run(MovieConfig(**SMALL, labels=(2,)), [world], tmp_path / "out")
    movie, _ = everything(tmp_path / "out" / "syllable-2.mp4")
    told = [number(tile(shown, 0))[0] for shown in movie]
    assert told == [*range(76, last + 2)] + [last + 1] * (len(movie) - (last - 74))


def test_a_real_mouse_stays_in_the_middle_of_its_tile(data, tmp_path):
    """Labels are invented; the film and a network's tracks are from mouse_openfield."""
    folder = data / "mouse_openfield"
    name = "m3v1mp4DLC_resnet50_openfieldOct30shuffle1_100000"
    tracks = pd.read_hdf(folder / "reference_primer" / f"{name}.h5")
    scorer = tracks.columns[0][0]
    parts = [tracks[scorer][part][["x", "y"]].to_numpy() for part in ("leftear", "tailbase")]
    centroid = np.mean(parts, axis=0)
    state = np.arange(len(centroid)) // 60 % 5
    state_courses.write_syllables(state, tmp_path / "m3v1mp4.csv", centroid)
    cfg = MovieConfig(fps=30, label="syllable", labels=(3,), size=128, crop=200)
    state_movies.run(cfg, [tmp_path], tmp_path / "out", videos=folder / "videos")
    movie, _ = everything(tmp_path / "out" / "syllable-3.mp4")
    table = pd.read_csv(tmp_path / "out" / "syllable-3.csv")
    assert len(table) == 8 and len(movie) == 90
    grey = movie[::10].mean(axis=-1)
    bright = [n for n in range(len(grey)) if n < 6]
    for k in range(len(table)):
        top, left = (i * 132 for i in divmod(k, 4))
        tiles = grey[bright, top : top + 128, left : left + 128]
        middle, ring = tiles[:, 48:80, 48:80].mean(), tiles[:, 24:104, 24:104].mean()
        assert middle < ring  # the mouse is darker than its arena


def test_labels_are_filmed_as_the_label_map_has_them(world, tmp_path):
    held = LabelMap(3)
    for decision in (Decision("merge", (0, 2)), Decision("exclude", (1,))):
        held = label_map.decide(held, decision)
    io_label_map.write(held, io_label_map.beside(world / "a.csv"), None)
    made = state_movies.run(MovieConfig(**SMALL), [world], tmp_path / "o")
    assert made.movies == ("syllable-0.mp4",)
    table = pd.read_csv(tmp_path / "o" / "syllable-0.csv")
    assert set(table["recording"]) == {"a", "b"}
