"""Tables of times and of brightness: whose they are, and what is wrong with them."""

import numpy as np
import pytest

from gambol.core.cameras import Camera, Rig
from gambol.core.errors import InputError
from gambol.io import traces

RIG = Rig(tuple(Camera(f"cam_{v}", np.eye(3), np.zeros(3), np.zeros(3)) for v in range(2)))


def write(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize("text", ["0.1\n0.2\n0.3\n", "timestamp\n0.1\n0.2\n0.3\n\n"])
def test_a_file_of_one_camera_is_known_by_its_name(tmp_path, text):
    paths = [write(tmp_path / f"run_cam_{v}.csv", text) for v in range(2)]
    got = traces.read(paths, RIG)
    assert got["cam_1"].tolist() == [0.1, 0.2, 0.3] and list(got) == ["cam_0", "cam_1"]
    assert list(traces.read([tmp_path], RIG)) == ["cam_0", "cam_1"]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_one_table_may_have_a_column_for_each_camera(tmp_path, mark):
    rows = ["frame,cam_0,cam_1", "0,1.5,2", "1,2.5,3", "2,3.5,"]
    path = write(tmp_path / "all.csv", "\n".join(rows).replace(",", mark))
    got = traces.read([path], RIG)
    assert got["cam_0"].tolist() == [1.5, 2.5, 3.5] and got["cam_1"].tolist() == [2, 3]


def test_of_several_columns_the_one_with_a_known_name_counts(tmp_path):
    path = write(tmp_path / "cam_0.csv", "frame,Timestamp,temperature\n0,5.5,20\n1,6.5,21\n")
    assert traces.read([path], RIG)["cam_0"].tolist() == [5.5, 6.5]
    odd = write(tmp_path / "cam_1.csv", "frame,temperature\n0,20\n1,21\n")
    with pytest.raises(InputError, match="columns frame, temperature; call the one"):
        traces.read([odd], RIG)


def test_arrays_of_numpy_are_read(tmp_path):
    np.save(tmp_path / "cam_0.npy", np.arange(4))
    np.savez(tmp_path / "led.npz", cam_1=np.arange(5.0))
    got = traces.read([tmp_path], RIG)
    assert got["cam_0"].tolist() == [0, 1, 2, 3] and len(got["cam_1"]) == 5
    np.save(tmp_path / "cam_0.npy", np.zeros((2, 2)))
    with pytest.raises(InputError, match="is no row of numbers"):
        traces.read([tmp_path / "cam_0.npy"], RIG)


def test_arrays_that_would_run_code_are_refused(tmp_path):
    np.save(tmp_path / "cam_0.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(InputError, match="holds no plain arrays"):
        traces.read([tmp_path / "cam_0.npy"], RIG)


def test_what_is_written_is_read(tmp_path):
    columns = {"cam_0": np.array([1.25, np.nan, 3.0]), "cam_1": np.array([4.0, 5.0])}
    path = write(tmp_path / "b.csv", traces.table(columns))
    got = traces.read([path], RIG)
    np.testing.assert_array_equal(got["cam_0"], columns["cam_0"])
    np.testing.assert_array_equal(got["cam_1"], columns["cam_1"])


def test_bad_tables_are_one_sentence(tmp_path):
    for name, text, says in (
        ("cam_0.csv", "a,b\n1,2,3\n", "row 2 has 3 cells, 2 are named"),
        ("other.csv", "1\n2\n", "names no camera"),
        ("cam_0.csv", "", "is empty"),
        ("cam_0.csv", "\n\n", "has no rows"),
    ):
        with pytest.raises(InputError, match=says):
            traces.read([write(tmp_path / name, text)], RIG)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="holds no tables"):
        traces.read([tmp_path / "none"], RIG)
    twice = write(tmp_path / "cam_0.csv", "1\n2\n")
    with pytest.raises(InputError, match="second file of camera cam_0"):
        traces.read([twice, twice], RIG)
