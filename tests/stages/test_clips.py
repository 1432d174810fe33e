"""Films and pictures of doubtful events."""

import cv2
import numpy as np
import pytest
import tracked
from meetings import ARENA, FPS

from gambol.core.errors import InputError
from gambol.io.video import VideoWriter, open_video
from gambol.stages import review, track

SIDE = int(ARENA)


@pytest.fixture
def target(tmp_path):
    """Tracks with one doubtful event, on a film of nothing whose frames differ in grey."""
    film = tmp_path / "film.mp4"
    source, scene = tracked.crossing(tmp_path / "film.detections.nc")
    with VideoWriter(film, FPS, (SIDE, SIDE)) as writer:
        for t in range(len(scene.times)):
            writer.write(np.full((SIDE, SIDE, 3), 30 + t, np.uint8))
    tracked.write(source, scene.detections, scene.times, most=2, source_file=str(film))
    return track.run(track.TrackConfig(), [source], tmp_path / "out")[0].tracks


def read(path):
    film = open_video(path)
    try:
        return film.read(range(len(film))).astype(int)
    finally:
        film.close()


def test_a_clip_shows_the_event_and_the_pictures_its_two_ends(target, tmp_path):
    made = review.run(review.ReviewConfig(), target, tmp_path / "clips")
    (event,), (clip,) = made.events, made.films
    first, last = event["clip"]
    frames = read(clip.film)
    assert len(frames) == last - first + 1
    ground = np.median(frames.reshape(len(frames), -1), axis=1)
    assert np.abs(ground - (30 + np.arange(first, last + 1))).max() < 6
    for path, frame in ((clip.before, event["first"]), (clip.after, event["last"])):
        picture = cv2.imread(str(path)).astype(int)
        assert picture.shape == (SIDE, SIDE, 3)
        assert abs(np.median(picture) - 30 - frame) < 6
        assert (np.ptp(picture, axis=-1) > 60).any()  # coloured animals
    assert {p.name for p in (tmp_path / "clips").iterdir()} == {
        f"01-frames-{event['first']}-{event['last']}.mp4", "01-before.jpg", "01-after.jpg",
    }  # fmt: skip
    said = review.describe({**made._asdict(), "tracks": "t"})
    assert said.endswith(f"first 1 in {tmp_path / 'clips'}")


def test_no_event_needs_no_film(target, tmp_path):
    made = review.run(review.ReviewConfig(frame=0, last=3), target, tmp_path / "clips")
    assert made.films == [] and not (tmp_path / "clips").exists()


def test_a_film_that_is_gone_is_said_so(target, tmp_path):
    moved = (tmp_path / "film.mp4").rename(tmp_path / "elsewhere.mp4")
    with pytest.raises(InputError, match=r"its video .*film.mp4 is not there"):
        review.run(review.ReviewConfig(), target, tmp_path / "clips")
    made = review.run(review.ReviewConfig(), target, tmp_path / "clips", video=moved)
    assert made.films[0].film.exists()
