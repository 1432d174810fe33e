"""Online tracking in pieces that outlive a kill."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tracked

from gambol.io import tracks as io_tracks
from gambol.io.video.write import VideoWriter
from gambol.stages import identities, online, track
from gambol.tracking import trackers

FLOW = track.TrackConfig().override(["tracker={motion: {kind: flow}}"])


def contents(path):
    (piece,) = io_tracks.pieces(path, frames=10**6)
    queue = identities.queue_file(path).read_text()
    return [*piece.found, piece.id, piece.confidence], queue


def same(one, other):
    (values, queue), (others, queued) = contents(one), contents(other)
    for a, b in zip(values, others, strict=True):
        np.testing.assert_array_equal(a, b)
    assert queue == queued


def folder_of(target):
    return target.with_name(f".{target.stem}.track.shards")


def dies_after(monkeypatch, pieces):
    """Stop the next run once so many pieces are finished, and count what later runs make."""
    made, write = [], online._write

    def counted(kept, here, *rest):
        if len(made) == pieces:
            raise KeyboardInterrupt
        write(kept, here, *rest)
        made.append(here.number)

    monkeypatch.setattr(online, "_write", counted)
    return made


@pytest.mark.parametrize("finished", [0, 1, 4])
def test_a_killed_run_goes_on_and_comes_to_the_same(tmp_path, monkeypatch, finished):
    source, _ = tracked.crossing(tmp_path / "film.detections.nc")
    whole = track.run(track.TrackConfig(), [source], tmp_path / "whole")[0]
    monkeypatch.setattr(identities, "PIECE", 40)
    made = dies_after(monkeypatch, finished)
    with pytest.raises(KeyboardInterrupt):
        track.run(track.TrackConfig(), [source], tmp_path / "out")
    assert made == list(range(finished))
    made.append(-1)  # the next run may go on
    again = track.run(track.TrackConfig(), [source], tmp_path / "out")[0]
    assert made == [*range(finished), -1, *range(finished, len(made) - 1)]
    assert again == whole._replace(tracks=again.tracks)
    same(again.tracks, whole.tracks)
    assert not folder_of(again.tracks).exists()


def test_a_damaged_piece_is_made_again_and_all_after_it(tmp_path, monkeypatch):
    source, _ = tracked.crossing(tmp_path / "film.detections.nc")
    whole = track.run(track.TrackConfig(), [source], tmp_path / "whole")[0]
    monkeypatch.setattr(identities, "PIECE", 30)
    made = dies_after(monkeypatch, 5)
    with pytest.raises(KeyboardInterrupt):
        track.run(track.TrackConfig(), [source], tmp_path / "out")
    pieces = sorted(folder_of(tmp_path / "out" / "film.nc").glob("*.npz"))
    pieces[2].write_bytes(pieces[2].read_bytes()[:300])
    made.append(-1)
    again = track.run(track.TrackConfig(), [source], tmp_path / "out")[0]
    assert made[6:8] == [2, 3]
    same(again.tracks, whole.tracks)


def test_pieces_of_other_settings_are_not_used(tmp_path, monkeypatch):
    source, _ = tracked.crossing(tmp_path / "film.detections.nc")
    other = track.TrackConfig(preset="sleap-classic")
    whole = track.run(other, [source], tmp_path / "whole")[0]
    monkeypatch.setattr(identities, "PIECE", 40)
    made = dies_after(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        track.run(track.TrackConfig(), [source], tmp_path / "out")
    made.append(-1)
    again = track.run(other, [source], tmp_path / "out")[0]
    assert made[4] == 0
    same(again.tracks, whole.tracks)


def test_images_that_flow_has_seen_are_kept_too(tmp_path, monkeypatch):
    source, scene = tracked.apart(tmp_path / "film.detections.nc", seconds=1.0)
    frames = np.random.default_rng(0).integers(0, 255, (len(scene.times), 64, 64, 1), np.uint8)
    with VideoWriter(tmp_path / "film.mp4", 30.0, (64, 64)) as writer:
        for frame in frames:
            writer.write(np.repeat(frame, 3, axis=2))
    tracked.write(
        source, scene.detections, scene.times, most=2, source_file=str(tmp_path / "film.mp4")
    )
    recording = track.cleaned(FLOW, source)
    number = trackers.exactly(2)
    whole = online.follow(
        FLOW.tracker, recording, number, online.shards(tmp_path / "a.nc", "k")
    )
    monkeypatch.setattr(identities, "PIECE", 7)
    kept = online.shards(tmp_path / "b.nc", "k")
    online.follow(FLOW.tracker, recording, number, kept)
    for path in sorted(kept.folder.glob("*.npz"))[2:]:
        path.unlink()
    again = online.follow(FLOW.tracker, recording, number, kept)
    np.testing.assert_array_equal(again.track, whole.track)
    np.testing.assert_array_equal(again.margin, whole.margin)


@pytest.mark.slow
def test_killed_at_any_time_the_command_ends_with_the_same_tracks(tmp_path, monkeypatch):
    source, _ = tracked.apart(tmp_path / "film.detections.nc", seconds=60.0)
    whole = track.run(track.TrackConfig(), [source], tmp_path / "whole")[0]
    out = tmp_path / "out"
    body = (
        "import sys; from pathlib import Path; from gambol.stages import identities, track; "
        "identities.PIECE = 50; "
        f"track.run(track.TrackConfig(), [Path({str(source)!r})], Path({str(out)!r}))"
    )
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", body])
        before = len(list(out.glob(".film.track.shards/[0-9]*.npz")))
        until = time.monotonic() + 60
        while len(list(out.glob(".film.track.shards/[0-9]*.npz"))) < before + 4:
            assert time.monotonic() < until and process.poll() is None
            time.sleep(0.001)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not (out / "film.nc").exists()
    monkeypatch.setattr(identities, "PIECE", 50)
    made = dies_after(monkeypatch, 10**6)
    again = track.run(track.TrackConfig(), [source], out)[0]
    assert made[0] >= 8
    same(again.tracks, whole.tracks)
    assert not folder_of(again.tracks).exists()
