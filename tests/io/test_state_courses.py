"""States on disk come back as they were written."""

import numpy as np
import pandas as pd
import pytest

from gambol.behavior import sequences as statistics
from gambol.core import sequences
from gambol.core.errors import InputError
from gambol.io import state_courses, syllables


@pytest.fixture
def course():
    rng = np.random.default_rng(0)
    probability = rng.dirichlet(np.ones(3), 40)
    syllable = rng.integers(-1, 300, 40)
    sample = rng.integers(0, 3, 40)
    return state_courses.build(
        syllable, sample, probability.argmax(axis=1), probability, 30.0, {"model": "m.nc"}
    )


def test_reading_back_gives_equal_arrays(course, tmp_path):
    state_courses.write(course, tmp_path / "a.nc")
    back = state_courses.read(tmp_path / "a.nc")
    assert back.identical(course)
    for name in state_courses.VARIABLES:
        assert back[name].dtype == course[name].dtype
    assert back["probability"].dtype == np.float16
    assert back.attrs == {"model": "m.nc", "fps": 30.0}


def test_frames_are_a_table_that_is_read_again(course, tmp_path):
    state_courses.write_frames(course, tmp_path / "a.csv")
    table = pd.read_csv(tmp_path / "a.csv")
    for name in ("syllable", "state", "state_sample"):
        np.testing.assert_array_equal(table[name], course[name])
    wanted = course["probability"].max("state_index")
    np.testing.assert_allclose(table["probability"], wanted, atol=1e-3)
    np.testing.assert_allclose(table["time_s"], np.arange(40) / 30, atol=1e-6)
    found = syllables.read(tmp_path / "a.csv", 30.0, label="state").sequences
    np.testing.assert_array_equal(found.values, course["state"])


def test_bouts_come_back_with_names_that_look_like_numbers(tmp_path):
    world = sequences.pack([np.array([1, 1, -1, 0]), np.array([2])], ["0012", "NA"], fps=25.0)
    table = statistics.bout_table(world)
    state_courses.write_table(table, tmp_path / "bouts.csv")
    back = state_courses.read_bouts(tmp_path / "bouts.csv")
    assert back["recording"].tolist() == ["0012", "0012", "NA"]
    for name in table.columns[1:]:
        np.testing.assert_array_equal(back[name], table[name])


def test_syllables_come_back(tmp_path):
    state_courses.write_syllables(np.array([0, -1, 400]), tmp_path / "a.csv")
    found = syllables.read(tmp_path / "a.csv", 30.0).sequences
    assert sequences.unpack(found)[0].tolist() == [0, -1, 400]


def test_other_files_are_refused(course, tmp_path):
    state_courses.write(course.drop_vars("mask"), tmp_path / "a.nc")
    with pytest.raises(InputError, match="lacks mask"):
        state_courses.read(tmp_path / "a.nc")
    (tmp_path / "b.csv").write_text("recording,label\nx,1\n", encoding="utf-8")
    with pytest.raises(InputError, match="no table of bouts: it lacks start, stop"):
        state_courses.read_bouts(tmp_path / "b.csv")


def test_nothing_is_left_of_a_table_that_could_not_be_written(tmp_path):
    class Broken(pd.DataFrame):
        def to_csv(self, *args, **kwargs):
            raise RuntimeError("the cat pulled the plug")

    with pytest.raises(RuntimeError):
        state_courses.write_table(Broken(), tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())
