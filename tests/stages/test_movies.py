import numpy as np
import pytest

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import store
from gambol.io.video import VideoWriter, open_video
from gambol.stages import footage, movies
from gambol.viz.colours import keypoint_colours

PAIR = Skeleton(("nose", "tail"), (1, -1))
FRAMES, FPS, SIZE = 40, 20.0, (128, 96)


def series(source, frames=FRAMES):
    """A pair of keypoints that moves to the right by one pixel a frame."""
    xy = np.zeros((frames, 1, 2, 2))
    xy[:, 0, 0] = [[30 + t, 30] for t in range(frames)]
    xy[:, 0, 1] = [[30 + t, 70] for t in range(frames)]
    sure = np.full((frames, 1, 2), 0.95)
    sure[:, 0, 1] = 0.05
    covariance = np.tile(4 * np.eye(2), (frames, 1, 2, 1, 1))
    times = np.arange(frames) / FPS
    attrs = {"source_file": str(source)}
    return poses.build(xy, sure, covariance, times, PAIR, fps=FPS, attrs=attrs)


@pytest.fixture
def recorded(tmp_path):
    """A grey film and its poses."""
    source = tmp_path / "videos" / "clip.mp4"
    source.parent.mkdir()
    with VideoWriter(source, FPS, SIZE) as writer:
        for _ in range(FRAMES):
            writer.write(np.full((SIZE[1], SIZE[0], 3), 120, np.uint8))
    path = tmp_path / "poses" / "clip.nc"
    store.write_dataset(series(source), path)
    return path


def everything(path):
    video = open_video(path)
    try:
        return video.read(range(len(video))), video.size, video.fps
    finally:
        video.close()


def test_a_film_has_the_frames_size_and_rate_of_its_source(recorded, tmp_path):
    steps = []
    (made,) = movies.run(
        movies.MoviesConfig(), [recorded], tmp_path / "out", progress=steps.append
    )
    frames, size, fps = everything(made)
    assert made == tmp_path / "out" / "clip.mp4"
    assert (len(frames), size, fps) == (FRAMES, SIZE, FPS)
    assert (steps[-1].done, steps[-1].total, steps[-1].item) == (FRAMES, FRAMES, "clip.mp4")


def test_keypoints_are_drawn_where_they_are_and_unsure_ones_are_not(recorded, tmp_path):
    (made,) = movies.run(movies.MoviesConfig(ellipses=False), [recorded], tmp_path / "out")
    frames, _, _ = everything(made)
    colour = keypoint_colours(PAIR)[0].astype(int)
    for t in (0, 17, 39):
        seen = frames[t].astype(int)
        assert np.abs(seen[30, 30 + t] - colour).mean() < 30
        assert np.abs(seen[30, 30 + t] - 120).max() > 40
        assert np.abs(seen[65:75] - 120).max() < 6  # the tail is below the threshold
        assert np.abs(seen[:, 100:] - 120).max() < 6


def test_start_and_stop_choose_frames_by_their_time(recorded, tmp_path):
    cfg = movies.MoviesConfig(start=0.5, stop=1.0, ellipses=False)
    (made,) = movies.run(cfg, [recorded], tmp_path / "out")
    frames, _, _ = everything(made)
    assert len(frames) == 10
    change = np.abs(frames[0].astype(int) - 120).sum(axis=-1) > 60
    assert np.nonzero(change)[1].mean() == pytest.approx(40, abs=0.6)  # frame 10 is at 30 + 10


def test_scale_changes_the_size_and_poses_go_along(recorded, tmp_path):
    cfg = movies.MoviesConfig(scale=2.0, threshold=0.0, stop=0.05)
    (made,) = movies.run(cfg, [recorded], tmp_path / "out")
    frames, size, _ = everything(made)
    assert size == (256, 192)
    change = np.abs(frames[0].astype(int) - 120).sum(axis=-1) > 60
    assert np.nonzero(change)[1].mean() == pytest.approx(60.5, abs=1.0)


def test_ellipses_and_trails_add_to_the_picture(recorded, tmp_path):
    films = {}
    for name, cfg in {
        "bare": movies.MoviesConfig(ellipses=False, start=1.0),
        "ellipses": movies.MoviesConfig(start=1.0),
        "trail": movies.MoviesConfig(ellipses=False, trail=15, start=1.0),
    }.items():
        (made,) = movies.run(cfg, [recorded], tmp_path / name)
        films[name] = everything(made)[0].astype(int)
    ring = np.abs(films["ellipses"] - films["bare"])[5]
    behind = np.abs(films["trail"] - films["bare"])[5]
    assert ring[30, 55 + 4].max() > 20 and ring[30, 55 + 9].max() < 8  # 2 px * 2.1 = 4.3 px
    assert behind[30, 43:50].mean() > 10 and behind[30, 63:].max() < 8  # 40 to 55 in 15 frames


def test_a_video_that_moved_is_found_beside_the_poses_or_by_name(recorded, tmp_path):
    source = tmp_path / "videos" / "clip.mp4"
    moved = source.rename(recorded.parent / "clip.mp4")
    assert movies.run(movies.MoviesConfig(stop=0.1), [recorded], tmp_path / "a")
    other = moved.rename(tmp_path / "else.mp4")
    with pytest.raises(InputError, match=r"clip\.nc: its video .*clip\.mp4 is not .*--video"):
        movies.run(movies.MoviesConfig(), [recorded], tmp_path / "b")
    assert not (tmp_path / "b").exists()
    assert movies.run(movies.MoviesConfig(stop=0.1), [recorded], tmp_path / "b", video=other)


def test_bad_input_ends_with_one_sentence_and_no_file(recorded, tmp_path):
    source = tmp_path / "videos" / "clip.mp4"
    short = tmp_path / "poses" / "short.nc"
    store.write_dataset(series(source, 10), short)
    out = tmp_path / "out"
    for match, cfg, paths, video, where in [
        ("10 frames, .* has 40", {}, [short], None, out),
        ("no frame from 9 s", {"start": 9.0}, [recorded], None, out),
        ("one video for 2 pose files", {}, [recorded, short], source, out),
        ("two pose files are named clip", {}, [recorded, recorded], None, out),
        ("is the video itself", {}, [recorded], None, source.parent),
        ("does not exist", {}, [tmp_path / "no.nc"], None, out),
    ]:
        with pytest.raises(InputError, match=match):
            movies.run(movies.MoviesConfig(**cfg), paths, where, video=video)
    assert not out.exists()
    assert len(everything(source)[0]) == FRAMES


def test_a_folder_stands_for_the_poses_in_it(recorded, tmp_path):
    (recorded.parent / ".half.nc").write_bytes(b"not whole")
    (made,) = movies.run(movies.MoviesConfig(stop=0.1), [recorded.parent], tmp_path / "out")
    assert made == tmp_path / "out" / "clip.mp4"
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match=r"empty holds no file \*\.nc"):
        movies.run(movies.MoviesConfig(), [recorded, empty], tmp_path / "out")


def test_poses_made_on_windows_find_their_film_beside_them(tmp_path):
    video = tmp_path / "day 1.mp4"
    video.touch()
    attrs = {"source_file": r"D:\films\day 1.mp4"}
    assert footage.find_video(tmp_path / "day 1.nc", attrs) == video
    with pytest.raises(InputError, match=r"its video D:\\films\\day 2.mp4 is not there"):
        footage.find_video(tmp_path / "a.nc", {"source_file": r"D:\films\day 2.mp4"})
