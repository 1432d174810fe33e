"""What is mapped is what a look at every detection of the recording says."""

import os
import shutil
import time

import h5py
import numpy as np
import pytest
from proofread import tracked

from gambol.app.web import track_base, track_index
from gambol.core.errors import InputError
from gambol.stages import identities, review, track


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tracks")
    source, _ = tracked.crossing(folder / "film.detections.nc")
    return track.run(track.TrackConfig(), [source], folder)[0].tracks


@pytest.fixture
def target(made, tmp_path):
    return shutil.copytree(made.parent, tmp_path / "t") / made.name


def key_of(target):
    return identities.read_log(target).key


def slowly(target):
    """The same from whole arrays at once."""
    opened = review.open_tracks(target)
    automatic, kept = opened.automatic, opened.recording.kept
    animal, raw = np.full(len(kept), -1, np.int16), np.full(len(kept), -1, np.int32)
    certain = np.zeros(len(kept), np.uint8)
    animal[kept], raw[kept] = automatic.id, automatic.track
    certain[kept] = track_base.certainty(automatic.confidence)
    starts = np.searchsorted(
        opened.recording.found.frame, np.arange(len(opened.recording.times) + 1)
    )
    return track_base.lay_out(
        opened.log.key, opened.names, starts, animal, raw, certain, opened.recording.times,
        automatic.events, str(opened.attrs["source_file"]),
    )  # fmt: skip


def check(got, target):
    wanted = slowly(target)
    for name, value in wanted._asdict().items():
        mine = getattr(got, name)
        if name == "blocks":
            assert all(np.array_equal(*both) for both in zip(mine, value, strict=True))
        elif isinstance(value, np.ndarray):
            assert np.array_equal(mine, value) and mine.dtype == value.dtype, name
        else:
            assert mine == value, name


@pytest.mark.parametrize("frames", [16, 64, 1 << 12])
def test_pieces_are_the_whole(target, monkeypatch, frames):
    monkeypatch.setattr(track_index, "_FRAMES", frames)
    for _ in range(2):  # made, and found again
        check(track_index.open_base(target, key_of(target)), target)
    with h5py.File(identities.index_file(target, key_of(target))) as file:
        assert not file["animal"].chunks  # else nothing could be mapped


def test_it_is_made_once_and_anew_where_the_tracks_are_others(target, monkeypatch):
    key = key_of(target)
    before = track_index.open_base(target, key)
    written = []
    plain = track_index._write
    monkeypatch.setattr(
        track_index, "_write", lambda *what: (written.append(1), plain(*what))[1]
    )
    assert np.array_equal(track_index.open_base(target, key).animal, before.animal)
    assert not written
    other = identities.read_automatic(target, key)
    identities.write_automatic(target, key, other._replace(confidence=0 * other.confidence))
    os.utime(identities.automatic_file(target, key), ns=(1, 1))
    check(track_index.open_base(target, key), target)
    assert len(written) == 1
    path = identities.index_file(target, key)
    path.write_bytes(path.read_bytes()[:2000])  # cut off by a full disk elsewhere
    check(track_index.open_base(target, key), target)
    assert len(written) == 2


def test_what_fails_leaves_nothing(target, monkeypatch):
    key = key_of(target)
    automatic = identities.automatic_file(target, key)
    said = automatic.read_bytes()
    automatic.write_bytes(said[: len(said) // 2])
    with pytest.raises(InputError, match="is damaged"):
        track_index.open_base(target, key)
    automatic.unlink()
    with pytest.raises(InputError, match="is missing"):
        track_index.open_base(target, key)
    automatic.write_bytes(said)
    with h5py.File(target, "r+") as file:
        file["n_untracked"][:5] += 1  # detections that the automatic tracks know nothing of
    with pytest.raises(InputError, match="damaged|not what its log is about"):
        track_index.open_base(target, key)
    assert not [p for p in target.parent.iterdir() if "index" in p.suffix]


def test_nothing_is_kept_where_nothing_can_be_written(target, monkeypatch):
    monkeypatch.setattr(track_index.os, "access", lambda *_: False)
    check(track_index.open_base(target, key_of(target)), target)
    assert not identities.index_file(target, key_of(target)).exists()


def test_long_recordings_are_made_ready_before_anybody_looks(target):
    key = key_of(target)
    ready = track_index.Indexer(rest_s=0.0)
    ready.want(target.with_name("gone.nc"), key)  # harms nobody
    ready.want(target, key)
    end = time.monotonic() + 20
    while not identities.index_file(target, key).exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    ready.close()
    ready.want(target.with_name("late.nc"), key)
    assert not ready._due


def test_tracking_anew_forgets_what_was_made_of_the_old(target):
    key = key_of(target)
    track_index.open_base(target, key)
    identities.forget_others(target, "0" * 16)
    assert not identities.index_file(target, key).exists()
