"""Names are read as what they mostly are, and scored by that."""

import shutil

import numpy as np
import pandas as pd
import pytest

from gambol.stages import demo_behavior
from gambol.stages.demo_behavior import Level


def write(folder, column, **recordings):
    folder.mkdir(parents=True)
    for name, labels in recordings.items():
        pd.DataFrame({"frame": np.arange(len(labels)), column: labels}).to_csv(
            folder / f"{name}.csv", index=False
        )


@pytest.fixture
def out(tmp_path, monkeypatch):
    """Minutes with three names for two behaviours, and a film with a name of its own."""
    level = Level("syllable", "syllables", "behaviour")
    monkeypatch.setitem(demo_behavior.LEVELS, "syllables", level)
    reader = demo_behavior.syllable_files.read
    monkeypatch.setattr(
        demo_behavior.syllable_files,
        "read",
        lambda paths, fps, label: reader(paths, 10.0, label),
    )
    write(
        tmp_path / "syllables" / "syllables", "syllable", **{"m.a": [0] * 6 + [1] * 3 + [2] * 1}
    )
    write(tmp_path / "truth/behaviour/m", "behaviour", **{"m.a": [1] * 5 + [0] * 4 + [1] * 1})
    write(tmp_path / "again/syllables/syllables", "syllable", **{"f.a": [0, 0, 1, 3]})
    write(tmp_path / "truth/behaviour/f", "behaviour", **{"f.a": [1, 0, 0, 0]})
    return tmp_path


def test_shares_are_those_of_counting_by_hand(out):
    told, course = demo_behavior._score("syllables", "m", "f", out, ("rest", "walk"))
    assert told.right == 0.9  # 5 of 6, 3 of 3 and 1 of 1
    assert told.chance == 0.6  # ten frames, six of which are 1
    assert told.in_films == 0.5  # 1 and 0 are right; 3 was never seen and says nothing
    assert told.names == 3
    assert course.true.tolist() == [1, 0, 0, 0] and course.read.tolist() == [1, 1, 0, -1]


def test_words_are_those_of_the_level():
    scheme = pd.DataFrame(
        {
            "label": ["walk", "state: rest", "groom"],
            "category": ["behaviour", "state", "behaviour"],
        }
    )
    levels = demo_behavior.LEVELS
    assert demo_behavior._words(scheme, levels["syllables"]) == ("walk", "groom")
    assert demo_behavior._words(scheme, levels["states"]) == ("rest",)


def test_films_that_could_not_be_read_have_no_score(out):
    shutil.rmtree(out / "again")
    told, course = demo_behavior._score("syllables", "m", "f", out, ("rest", "walk"))
    assert told.in_films is None and told.right == 0.9 and not len(course.true)
