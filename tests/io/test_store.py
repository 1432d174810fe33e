import errno
import hashlib
import os

import numpy as np
import pytest
import xarray as xr

from gambol.core.errors import InputError
from gambol.io import store


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "a.txt"
    store.write_text("größe\n", path)
    assert store.read_text(path) == "größe\n"
    assert path.read_bytes() == "größe\n".encode()


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfx")
    assert store.read_text(tmp_path / "a.txt") == "x"


def test_an_error_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.txt"
    store.write_text("old", path)
    with pytest.raises(RuntimeError), store.atomic(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "out"
    with pytest.raises(RuntimeError), store.atomic(target) as partial:
        (partial / "inner").mkdir(parents=True)
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with store.atomic(target) as partial:
        (partial / "inner").mkdir(parents=True)
        (partial / "inner" / "f").write_text("1")
    assert (target / "inner" / "f").read_text() == "1"


def test_what_a_killed_writer_left_goes_and_nothing_else_does(tmp_path):
    with store.atomic(tmp_path / "film.a.nc") as partial:
        partial.write_bytes(b"whole")
        name = partial.name
    others = [tmp_path / "film.a.nc", tmp_path / ".film.a.shards", tmp_path / ".hidden.nc"]
    others.append(tmp_path / name.replace("film.a", "other"))
    left = [tmp_path / name, tmp_path / ".run.0123abcd.partial"]  # of a file, of a folder
    for path in [*others[1:], left[0]]:
        path.write_bytes(b"half")
    (left[1] / "inside").mkdir(parents=True)
    store.remove_partials([tmp_path / "film.a.nc", tmp_path / "run"])
    assert sorted(tmp_path.iterdir()) == sorted(others)
    store.remove_partials([tmp_path / "no folder" / "a.nc"])


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EDQUOT, "quota"),
    ],
)
def test_what_the_system_forbids_becomes_a_sentence(tmp_path, monkeypatch, code, remedy):
    def refuse(*_args, **_kwargs):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(InputError, match=remedy) as error:
        store.write_text("x", tmp_path / "a.txt")
    assert str(tmp_path / "a.txt") in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_the_full_disk_that_hdf5_reports_in_its_text_is_recognised(tmp_path):
    path = tmp_path / "a.h5"
    with pytest.raises(InputError, match="the disk is full"), store.atomic(path):
        raise OSError("file write failed: errno = 28, error message = 'No space left'")


def test_without_enough_room_nothing_is_begun(tmp_path):
    path = tmp_path / "a.h5"
    with pytest.raises(InputError, match="the disk is full"), store.atomic(path, room=10**18):
        raise AssertionError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system reserves no room")
@pytest.mark.parametrize(
    ("code", "remedy"), [(errno.EDQUOT, "quota is used up"), (errno.EOPNOTSUPP, None)]
)
def test_room_is_asked_of_the_system_where_it_answers(tmp_path, monkeypatch, code, remedy):
    def answer(*_args):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "posix_fallocate", answer)
    path = tmp_path / "a.h5"
    if remedy is None:
        with store.atomic(path, room=1000) as partial:
            assert not partial.exists()
            partial.write_text("x")
    else:
        with pytest.raises(InputError, match=remedy), store.atomic(path, room=1000):
            raise AssertionError
    assert [p.name for p in tmp_path.iterdir()] == (["a.h5"] if remedy is None else [])


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(InputError, match=r"a/b\.txt cannot be written: a part of the path"):
        store.write_text("x", tmp_path / "a" / "b.txt")


def test_missing_empty_and_folder_are_told_apart(tmp_path):
    (tmp_path / "empty").touch()
    for name, sentence in [("none", "does not exist"), ("empty", "is empty"), (".", "folder")]:
        with pytest.raises(InputError, match=sentence):
            store.require_file(tmp_path / name)


def test_text_that_is_no_utf8_and_json_that_is_none(tmp_path):
    (tmp_path / "a").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="UTF-8"):
        store.read_text(tmp_path / "a")
    (tmp_path / "b.json").write_text('{"a": 1,\n}')
    with pytest.raises(InputError, match=r"b\.json is not JSON: .* in line 2"):
        store.read_json(tmp_path / "b.json")


def test_json_round_trip_refuses_nan(tmp_path):
    store.write_json({"a": [1, 2.5, None]}, tmp_path / "a.json")
    assert store.read_json(tmp_path / "a.json") == {"a": [1, 2.5, None]}
    with pytest.raises(ValueError, match="JSON"):
        store.write_json({"a": float("nan")}, tmp_path / "b.json")
    assert not (tmp_path / "b.json").exists()


def test_a_dataset_survives_and_is_smaller_than_its_numbers(tmp_path):
    values = np.repeat(np.arange(50.0), 1000).reshape(50, 1000)
    data = xr.Dataset({"x": (("time", "k"), values)}, {"time": np.arange(50)}, {"note": "a"})
    store.write_dataset(data, tmp_path / "a.nc")
    xr.testing.assert_identical(store.read_dataset(tmp_path / "a.nc"), data)
    assert (tmp_path / "a.nc").stat().st_size < values.nbytes / 4


def test_a_cut_dataset_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "a.nc"
    store.write_dataset(xr.Dataset({"x": ("t", np.arange(10.0))}), path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match=r"a\.nc is no complete netCDF4 file"):
        store.read_dataset(path)


def test_the_hash_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"gambol")
    assert store.file_hash(tmp_path / "a") == hashlib.sha256(b"gambol").hexdigest()


def test_a_folder_takes_the_place_of_an_empty_one_where_renaming_does_not(
    tmp_path, monkeypatch
):
    def windows(source, target, rename=os.replace):
        if target.is_dir():
            raise PermissionError(errno.EACCES, "Access is denied")
        rename(source, target)

    monkeypatch.setattr(os, "replace", windows)
    target = tmp_path / "out"
    target.mkdir()
    with store.atomic(target) as partial:
        partial.mkdir()
        (partial / "f").write_text("1")
    assert (target / "f").read_text() == "1" and len(list(tmp_path.iterdir())) == 1


def test_a_file_that_is_held_for_a_moment_is_replaced_after_it(tmp_path, monkeypatch):
    refused = []

    def busy(source, target, rename=os.replace):
        if len(refused) < 2:
            refused.append(target)
            raise PermissionError(errno.EACCES, "Access is denied")
        rename(source, target)

    monkeypatch.setattr(os, "replace", busy)
    with pytest.raises(InputError, match="close the program that has it open"):
        store.write_text("new", tmp_path / "a.txt")
    refused.clear()
    monkeypatch.setattr(store, "_WAITS", (0.0, 0.0))
    store.write_text("new", tmp_path / "a.txt")
    assert store.read_text(tmp_path / "a.txt") == "new" and len(refused) == 2


def test_what_cannot_be_removed_does_not_hide_what_went_wrong(tmp_path, monkeypatch):
    def open_elsewhere(*_args, **_more):
        raise PermissionError(errno.EACCES, "The file is used by another process")

    monkeypatch.setattr(type(tmp_path), "unlink", open_elsewhere)
    with pytest.raises(ZeroDivisionError), store.atomic(tmp_path / "a.txt") as partial:
        partial.write_text("half")
        raise ZeroDivisionError
