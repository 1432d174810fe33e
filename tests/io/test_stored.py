"""Rows on disk are the same rows, take no memory, and leave nothing behind."""

import errno
import gc
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.core.instances import Detections
from gambol.io import stored
from gambol.io.stored import Stored


def rows(n=50, keypoints=4):
    rng = np.random.default_rng(0)
    xy = rng.normal(size=(n, keypoints, 2))
    xy[rng.random((n, keypoints)) < 0.2] = np.nan
    point = (n, keypoints)
    return Detections(
        np.sort(rng.integers(0, n, n)), xy, rng.normal(size=(*point, 2, 2)), rng.random(point),
        rng.random(n), np.zeros((n, 0)), rng.normal(size=(n, 2)),
    )  # fmt: skip


def kept(plain, folder, at_once=7):
    made = stored.room(plain, len(plain.frame), folder)
    for first in range(0, len(plain.frame), at_once):
        some = np.arange(first, min(first + at_once, len(plain.frame)))
        stored.put(made, first, plain.select(some))
    return made


def same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


@pytest.mark.parametrize("held", [0, 20, 1000])
@pytest.mark.parametrize("at_once", [1, 16, 1000])
def test_selections_are_those_of_the_same_rows_in_memory(tmp_path, monkeypatch, held, at_once):
    monkeypatch.setattr(stored, "HELD", held)
    monkeypatch.setattr(stored, "ROWS", at_once)
    plain = rows()
    made = kept(plain, tmp_path)
    same(made, plain)
    mask = plain.score > 0.4
    for wanted in (
        np.arange(50),
        np.arange(50)[::-1],
        np.arange(9, 45),
        mask,
        np.array([3, 3]),
    ):
        some = made.select(wanted)
        same(some, plain.select(wanted))
        assert isinstance(some, Stored) == (len(some.frame) > held)


def test_what_was_let_go_is_still_there_and_can_be_changed(tmp_path):
    plain = rows()
    made = kept(plain, tmp_path)
    stored.release(made)
    made.xy[3] = 7.0
    stored.release(made)
    assert (made.xy[3] == 7.0).all()
    same(made._replace(xy=plain.xy), plain)


def test_all_rows_in_their_order_are_not_copied(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "HELD", 10)
    made = kept(rows(), tmp_path)
    assert made.select(np.arange(50)) is made and made.select(np.ones(50, bool)) is made


def test_scratch_files_lie_where_they_are_wanted_without_a_name(tmp_path, monkeypatch):
    seen = []
    fallocate = os.posix_fallocate if hasattr(os, "posix_fallocate") else None
    if fallocate is None:
        pytest.skip("this system reserves no space on disk")

    def spy(file, start, size):
        seen.append((os.fstat(file).st_dev, size))
        fallocate(file, start, size)

    monkeypatch.setattr(os, "posix_fallocate", spy)
    monkeypatch.setattr(stored, "HELD", 10)
    folder = tmp_path / "new" / "folder"
    made = kept(rows(), folder).select(np.arange(40))
    same(made, rows().select(np.arange(40)))
    assert list(folder.iterdir()) == []
    sizes = [50 * 8 * k for k in (8, 16, 4, 2)] + [40 * 8 * k for k in (8, 16, 4, 2)]
    assert seen == [(tmp_path.stat().st_dev, size) for size in sizes]


def test_a_full_disk_is_said_before_anything_is_written(tmp_path, monkeypatch):
    def full(file, start, size):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(InputError, match="disk is full"):
        stored.room(rows(), 50, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_holds_only_the_rows_that_are_looked_at(tmp_path):
    def resident():
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    plain = rows(1000, keypoints=13)
    before = resident()
    made = stored.room(plain, 100_000, tmp_path)  # 73 MB
    for first in range(0, 100_000, 1000):
        stored.put(made, first, plain)
    for first in range(0, 100_000, 1000):
        same(made.select(np.arange(first, first + 1000)), plain)
    assert made.xy.nbytes + made.cov.nbytes > 60e6
    assert resident() - before < 15e6
