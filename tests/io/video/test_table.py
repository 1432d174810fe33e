import os
import shutil

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io.video import table
from gambol.io.video.table import cache_folder, frame_table


@pytest.fixture
def own_copy(clip, tmp_path, monkeypatch):
    """A clip that no cache knows, and an empty cache."""
    monkeypatch.setenv("GAMBOL_CACHE", str(tmp_path / "cache"))
    return shutil.copy(clip("bframes"), tmp_path / "copy.mp4")


def forget():
    table._cached_table.cache_clear()


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_is_kept_on_the_disk(own_copy, monkeypatch):
    made = frame_table(own_copy)
    forget()
    monkeypatch.setattr(table, "_build", lambda path: pytest.fail("it was built again"))
    assert same(frame_table(own_copy), made)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a table", None])
def test_a_broken_cache_file_is_made_anew(own_copy, content):
    made = frame_table(own_copy)
    (cached,) = (cache_folder() / "frames").iterdir()
    whole = cached.read_bytes()
    cached.write_bytes(whole[: len(whole) // 2] if content is None else content)
    forget()
    assert same(frame_table(own_copy), made)
    assert cached.read_bytes() != content


def test_a_changed_file_gets_a_new_table(own_copy, clip):
    assert len(frame_table(own_copy).times) == 80
    shutil.copy(clip("late_start"), own_copy)
    os.utime(own_copy, ns=(1, 1))
    assert len(frame_table(own_copy).times) == 60


def test_works_where_no_cache_can_be_written(own_copy, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"x")
    monkeypatch.setenv("GAMBOL_CACHE", str(tmp_path / "file"))
    assert len(frame_table(own_copy).times) == 80


def test_says_that_a_file_is_absent(tmp_path):
    with pytest.raises(InputError, match=r"none\.mp4"):
        frame_table(tmp_path / "none.mp4")


def test_the_cache_is_where_the_system_keeps_caches(monkeypatch, tmp_path):
    monkeypatch.delenv("GAMBOL_CACHE")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "gambol"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert cache_folder() == tmp_path / "gambol" / "cache"
