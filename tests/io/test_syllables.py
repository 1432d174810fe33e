"""Recordings from every format, with the same labels."""

import sys

import h5py
import numpy as np
import pytest
import xarray as xr

from gambol.core import sequences
from gambol.core.errors import InputError
from gambol.io import state_courses, syllables

FPS = 25.0
LABELS = {"a": [3, 3, -1, 0], "b": [5], "c": [-1, 2]}
CENTROID = {name: np.arange(2.0 * len(v)).reshape(-1, 2) for name, v in LABELS.items()}


def unpacked(found):
    parts = sequences.unpack(found.sequences)
    return dict(zip(found.sequences.names, (p.tolist() for p in parts), strict=True))


@pytest.fixture
def tables(tmp_path):
    for name, labels in LABELS.items():
        path = tmp_path / f"{name}.csv"
        state_courses.write_syllables(np.array(labels), path, CENTROID[name])
    return tmp_path


@pytest.fixture
def hdf5(tmp_path):
    path = tmp_path / "all.h5"
    with h5py.File(path, "w") as file:
        file.attrs["fps"] = FPS
        for name, labels in LABELS.items():
            file[f"{name}/syllable"] = np.array(labels)
            file[f"{name}/centroid"] = np.c_[CENTROID[name], np.zeros(len(labels))]
    return path


def test_text_tables_are_read_in_any_way_of_naming_them(tables):
    ways = [tables, str(tables), f"{tables}/*.csv", [tables / f"{n}.csv" for n in "abc"]]
    for way in ways:
        found = syllables.read(way, FPS)
        assert unpacked(found) == LABELS
        assert found.sequences.fps == FPS
        assert found.sequences.size == 6
        assert [s.name for s in found.sources] == ["a", "b", "c"]
    back = syllables.read([tables / "c.csv", tables / "a.csv"], FPS, size=9)
    assert back.sequences.names == ("c", "a")
    assert back.sequences.size == 9


def test_hdf5_groups_are_recordings_and_tell_their_rate(hdf5):
    found = syllables.read(hdf5)
    assert unpacked(found) == LABELS
    assert found.sequences.fps == FPS


def test_our_netcdf_is_read_and_its_mask_counts(tmp_path):
    path = tmp_path / "a.nc"
    mask = np.array([True, True, False, True])
    values = {"syllable": ("time", np.array([3, 3, 9, 0])), "mask": ("time", mask)}
    xr.Dataset(values, attrs={"fps": FPS}).to_netcdf(path, engine="h5netcdf")
    assert unpacked(syllables.read(path)) == {"a": LABELS["a"]}


def test_states_that_were_written_are_sequences_too(tmp_path):
    state = np.array([1, 1, 0])
    course = state_courses.build(np.array([4, -1, 4]), state, state, np.full((3, 2), 0.5), FPS)
    state_courses.write(course, tmp_path / "a.nc")
    assert unpacked(syllables.read(tmp_path, label="state")) == {"a": [1, 1, 0]}
    assert unpacked(syllables.read(tmp_path)) == {"a": [4, -1, 4]}


def test_centroids_are_read_when_asked_for(tables, hdf5):
    for found in (syllables.read(f"{tables}/*.csv", FPS), syllables.read(hdf5)):
        for source in found.sources:
            got = syllables.read_centroid(source)
            assert got.dtype == np.float32
            np.testing.assert_array_equal(got, CENTROID[source.name])


def test_centroids_may_be_missing(tmp_path):
    state_courses.write_syllables(np.array([1, 2]), tmp_path / "a.csv")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["b/syllable"] = np.array([1])
        file["b/x"], file["b/y"] = [4.0], [5.0]
        file["c/syllable"] = np.array([1])
    found = syllables.read(tmp_path, FPS)
    by_name = {s.name: syllables.read_centroid(s) for s in found.sources}
    assert by_name["a"] is None
    assert by_name["b"].tolist() == [[4.0, 5.0]]
    assert by_name["c"] is None


def test_videos_of_the_same_name_are_found(tables, tmp_path):
    elsewhere = tmp_path / "videos"
    elsewhere.mkdir()
    for path in (tables / "a.mp4", tables / "b.AVI", tables / "cc.mp4", elsewhere / "c.mkv"):
        path.touch()
    beside = syllables.read(f"{tables}/*.csv", FPS).sources
    assert [s.video for s in beside] == [tables / "a.mp4", tables / "b.AVI", None]
    there = syllables.read(f"{tables}/*.csv", FPS, videos=elsewhere).sources
    assert [s.video for s in there] == [None, None, elsewhere / "c.mkv"]


def test_the_rate_is_never_guessed(tables, hdf5):
    with pytest.raises(InputError, match=r"a\.csv does not say its frames a second; give fps"):
        syllables.read(f"{tables}/*.csv")
    with pytest.raises(InputError, match=r"all\.h5 says 25 frames a second but you gave 30"):
        syllables.read(hdf5, 30.0)
    other = hdf5.with_name("other.h5")
    with h5py.File(other, "w") as file:
        file["z/syllable"] = np.array([1])
        file["z"].attrs["fps"] = np.array([50.0])
    with pytest.raises(InputError, match=r"other\.h5 says 50 .*all\.h5 says 25"):
        syllables.read([hdf5, other])
    assert syllables.read(other).sequences.fps == 50.0


def test_a_name_is_taken_once(tables, hdf5):
    with pytest.raises(InputError, match=r"a\.csv and .*all\.h5 both hold a recording 'a'"):
        syllables.read([tables / "a.csv", hdf5], FPS)


def test_parquet_without_its_library_is_one_sentence(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setattr(syllables.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="needs pyarrow; install it or save the table as CSV"):
        syllables.read(path, FPS)


def test_parquet_is_read_where_its_library_is(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    import pandas as pd

    table = pd.DataFrame({"syllable": [3, None, 0], "x": [1.0, 2, 3], "y": [4.0, 5, 6]})
    table.to_parquet(tmp_path / "a.parquet")
    found = syllables.read(tmp_path, FPS)
    assert unpacked(found) == {"a": [3, -1, 0]}
    assert syllables.read_centroid(found.sources[0]).tolist() == [[1, 4], [2, 5], [3, 6]]


@pytest.mark.parametrize("name", ["a.nc", "a.h5"])
def test_damaged_files_are_said(tmp_path, name):
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="no complete"):
        syllables.read(tmp_path / name, FPS)


def test_what_is_not_there_is_said(tmp_path, hdf5):
    cases = [
        (tmp_path / "none.csv", "does not exist"),
        (f"{tmp_path}/*.csv", "no file matches"),
        ([], "no recordings were given"),
    ]
    (tmp_path / "empty").mkdir()
    cases.append((tmp_path / "empty", "holds no recordings"))
    (tmp_path / "a.xlsx").write_bytes(b"x")
    cases.append((tmp_path / "a.xlsx", "none of .csv"))
    for paths, words in cases:
        with pytest.raises(InputError, match=words):
            syllables.read(paths, FPS)
    with pytest.raises(InputError, match="no group with a dataset 'state'"):
        syllables.read(hdf5, label="state")
    xr.Dataset({"other": ("time", [1])}).to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    with pytest.raises(InputError, match="no column 'syllable'; it has other"):
        syllables.read(tmp_path / "x.nc", FPS)


def test_numbers_that_are_no_labels_are_named_in_hdf5(tmp_path):
    path = tmp_path / "a.h5"
    for values, words in [
        (np.array([1.0, 2.5]), r"a\.h5: mouse: frame 1 has syllable 2\.5"),
        (np.zeros((2, 2), int), "not one whole number a frame"),
    ]:
        with h5py.File(path, "w") as file:
            file["mouse/syllable"] = values
        with pytest.raises(InputError, match=words):
            syllables.read(path, FPS)


def test_real_clusters_are_read_by_the_name_of_their_column(data):
    folder = data / "mouse_rearing" / "syllables"
    found = syllables.read(folder, 25.0, label="kmeans.25").sequences
    assert len(found.names) == 79
    lengths = sequences.lengths(found)
    assert (lengths.min(), lengths.max()) == (14_620, 14_652)
    assert set(np.unique(found.values[found.valid])) == set(range(1, 26))
    for r in range(79):
        _, valid = sequences.recording(found, r)
        assert not valid[:15].any()
        assert not valid[-15:].any()
        assert valid[15:-15].all()
