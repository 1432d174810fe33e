"""Track files are written when edits pause, and when the server ends."""

import hashlib
import os
import threading
import time

import pytest
from proofread import planted, tracked

from gambol.app.web import track_files
from gambol.app.web.track_files import Follower
from gambol.core.errors import InputError
from gambol.stages import identities, review, track


@pytest.fixture
def written(monkeypatch):
    """Which files were written, instead of writing them."""
    done = []

    def write(target):
        done.append((target, time.time()))
        return ""

    monkeypatch.setattr(track_files, "write", write)
    return done


def test_a_file_is_written_once_when_edits_pause(written, tmp_path):
    follower = Follower(idle_s=0.3)
    for _ in range(8):
        follower.edited(tmp_path / "a.nc")
        time.sleep(0.05)
    last = time.time()
    assert written == []
    end = last + 5
    while not written and time.time() < end:
        time.sleep(0.02)
    time.sleep(0.3)
    ((target, at),) = written
    assert target == tmp_path / "a.nc" and at - last > 0.15
    follower.close()
    assert len(written) == 1


def test_the_end_of_the_server_writes_what_is_due_and_takes_no_more(written, tmp_path):
    before = set(threading.enumerate())
    follower = Follower(idle_s=1e9)
    follower.edited(tmp_path / "a.nc")
    assert set(threading.enumerate()) > before
    follower.edited(tmp_path / "b.nc")
    follower.settle()
    assert {target.name for target, _ in written} == {"a.nc", "b.nc"}
    follower.edited(tmp_path / "c.nc")
    follower.close()
    assert written[-1][0].name == "c.nc" and len(written) == 3
    follower.edited(tmp_path / "d.nc")
    assert len(written) == 3
    assert set(threading.enumerate()) <= before


def test_another_process_writes_what_the_log_says(tmp_path):
    source, _ = tracked.crossing(tmp_path / "film.detections.nc")
    target = track.run(track.TrackConfig(), [source], tmp_path)[0].tracks
    log = identities.read_log(target)
    assert track_files.follows(target, log)
    record = '{"kind": "swap", "a": 0, "b": 1, "first": 50, "last": null}'
    path = identities.log_file(target)
    about = path.read_text().splitlines()[0]
    path.write_text(f"{about}\n{record}\n")
    now = identities.read_log(target)
    assert not track_files.follows(target, now)
    assert track_files.write(target) == ""
    assert track_files.follows(target, now) and not review.settle(target)


def test_why_a_file_could_not_be_written_is_said_until_it_is(tmp_path):
    source, _ = tracked.crossing(tmp_path / "film.detections.nc")
    target = track.run(track.TrackConfig(), [source], tmp_path)[0].tracks
    path, follower, news = identities.log_file(target), Follower(), []
    follower.told = lambda: news.append(follower.failed[target])
    sound = path.read_text()
    path.write_text(sound + '{"kind": "swap", "a": 0, "b": 9, "first": 5, "last": null}\n')
    for _ in range(2):
        follower.edited(target)
        follower.settle()
    (why,) = news  # once
    assert "names animal 9" in why and "Traceback" not in why
    path.write_text(sound + '{"kind": "swap", "a": 0, "b": 1, "first": 5, "last": null}\n')
    follower.edited(target)
    follower.settle()
    assert news == [why, ""] and track_files.follows(target, identities.read_log(target))
    follower.close()


def test_what_a_file_says_is_read_once_while_it_stays_as_it_is(tmp_path, monkeypatch):
    folder = tmp_path / "p"
    target, _, _ = planted(folder, n=2, swaps=1, seconds=5)
    heads, read = track_files.Heads(), []
    plain = track_files.identities.attributes
    monkeypatch.setattr(
        track_files.identities, "attributes", lambda path: (read.append(path), plain(path))[1]
    )
    first = heads.about(target)
    assert first == heads.about(target) and len(read) == 1
    assert first.names == ("animal1", "animal2") and first.frames == 150
    assert first.fps == pytest.approx(30)
    said = target.read_bytes()
    target.write_bytes(said[:-100])
    with pytest.raises(InputError):
        heads.about(target)
    assert heads.checksum(target) == f"sha256:{hashlib.sha256(said[:-100]).hexdigest()}"
    target.write_bytes(b"")
    os.utime(target, ns=(1, 1))
    assert heads.checksum(target) == "empty or not to be read"
