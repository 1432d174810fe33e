"""Detections of a stretch are those of the recording, also after the file was written anew."""

import numpy as np
import pytest
from proofread import tracked

from gambol.app.web import track_poses
from gambol.app.web.track_poses import Poses
from gambol.stages import review, track


@pytest.fixture
def opened(tmp_path):
    source, scene = tracked.crossing(tmp_path / "film.detections.nc")
    target = track.run(track.TrackConfig(), [source], tmp_path)[0].tracks
    return target, review.open_tracks(target).recording.found


def check(poses, found, first, stop):
    got = poses.read(first, stop)
    rows = np.flatnonzero((found.frame >= first) & (found.frame < stop))
    assert got.row.tolist() == rows.tolist() and (got.frame == found.frame[rows]).all()
    assert np.allclose(got.points[..., :2], found.xy[rows], atol=0.01, equal_nan=True)
    return got


def test_any_stretch_is_the_recording(opened, monkeypatch):
    monkeypatch.setattr(track_poses, "_CHUNK", 16)
    monkeypatch.setattr(track_poses, "_KEPT", 2)
    target, found = opened
    poses, frames = Poses(target), int(found.frame.max()) + 1
    rng = np.random.default_rng(0)
    for _ in range(20):
        first = int(rng.integers(0, frames))
        check(poses, found, first, int(rng.integers(first + 1, frames + 1)))
    check(poses, found, 0, frames)
    assert len(poses._chunks) <= 2


def test_a_file_that_was_written_anew_is_read_anew(opened):
    target, found = opened
    poses = Poses(target)
    before = check(poses, found, 0, 60)
    review.run(
        review.ReviewConfig(do="untrack", animals=("animal1",), frame=20, last=40), target
    )
    after = check(poses, found, 0, 60)
    assert np.array_equal(before.points, after.points, equal_nan=True)
