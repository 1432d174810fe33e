"""The table of labels against counts by hand."""

import numpy as np
import pandas as pd
import pytest

from gambol.behavior import syllable_table
from gambol.behavior.align import AlignSettings, align
from gambol.core.errors import InputError
from gambol.core.sequences import pack
from gambol.core.skeleton import Skeleton
from gambol.core.tracks import Track

ONE = np.repeat([0, 1, -1, 1, 0], [4, 6, 5, 2, 8])
TWO = np.repeat([1, 0, 1], [5, 5, 10])
FPS = 10.0
ANIMALS = pd.DataFrame(
    {"recording": ["a", "b", "c"], "animal": ["m", "m", "n"], "sex": ["f", "f", "m"]}
)


def circling(name="a", radius=100.0, speed=50.0, frames=200, space=2):
    """A rigid animal that runs in a circle to the left."""
    t = np.arange(frames) / FPS
    angle = speed / radius * t
    centre = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    ahead = np.stack([-np.sin(angle), np.cos(angle)], axis=1)
    xy = centre[:, None] + np.array([15.0, 0.0, -15.0])[:, None] * ahead[:, None]
    if space == 3:
        xy = np.concatenate([xy, np.full((*xy.shape[:2], 1), 7.0)], axis=2)
    none = np.full(xy.shape[:2], np.nan)
    skeleton = Skeleton(("nose", "middle", "tail"))
    track = Track(name, xy, none, none, t, FPS, skeleton, "mm")
    return align(track, AlignSettings(anterior=("nose",), posterior=("tail",)))


@pytest.mark.parametrize("space", [2, 3])
def test_a_circle_has_its_speed_and_its_turning(space):
    found = syllable_table.scalars(circling(space=space))
    inner = slice(5, -5)
    assert np.allclose(found["speed, mm/s"][inner], 50.0, rtol=0.01)
    assert np.allclose(found["turning, rad/s"][inner], 0.5, rtol=0.01)
    assert np.allclose(found["length, mm"], 30.0)
    assert ("height, mm" in found) == (space == 3)


def test_counts_are_those_by_hand():
    seq = pack([ONE, TWO], ["a", "b"], FPS)
    values = {"a": {"speed": np.arange(25.0)}, "b": {"speed": np.full(20, 3.0)}}
    found = syllable_table.tables(seq, values, ["rest", "walk"])
    rows = found.recordings.set_index(["recording", "label"])
    assert rows.loc[("a", "rest"), "usage"] == pytest.approx(12 / 20)
    assert rows.loc[("a", "rest"), "onsets"] == 1  # of the first bout no onset was seen
    assert rows.loc[("a", "walk"), "onsets"] == 1  # nor of that after the gap
    assert rows.loc[("a", "walk"), "per_min"] == pytest.approx(1 / 2.0 * 60)
    assert rows.loc[("a", "rest"), "duration_s"] == pytest.approx(0.6)
    assert rows.loc[("a", "rest"), "speed"] == pytest.approx(
        np.mean([0, 1, 2, 3, *range(17, 25)])
    )
    pooled = found.pooled.set_index("label")
    assert pooled.loc["rest", "usage"] == pytest.approx(17 / 40)
    assert pooled.loc["walk", "of_bouts"] == pytest.approx(4 / 7)
    assert pooled.loc["walk", "duration_s"] == pytest.approx(23 / 4 / FPS)
    both = np.concatenate([np.arange(25.0)[ONE == 1], np.full(15, 3.0)])
    assert pooled.loc["walk", "speed"] == pytest.approx(both.mean())


def test_animals_are_means_of_recordings_and_groups_of_animals():
    seq = pack([ONE, TWO, TWO], ["a", "b", "c"], FPS)
    found = syllable_table.tables(seq, animals=ANIMALS, factor="sex")
    assert found.animals is not None
    assert found.groups is not None
    animal = found.animals.set_index(["animal", "id"])
    assert animal.loc[("m", 0), "usage"] == pytest.approx((12 / 20 + 5 / 20) / 2)
    groups = found.groups.set_index(["group", "id"])
    assert groups.loc[("f", 0), "usage"] == animal.loc[("m", 0), "usage"]
    assert groups.loc[("f", 0), "animals"] == 1
    assert np.isnan(groups.loc[("f", 0), "usage (sd)"])
    assert syllable_table.tables(seq).animals is None
    assert "group" in syllable_table.tables(seq, animals=ANIMALS).animals


def test_scalars_of_other_frames_are_refused():
    with pytest.raises(InputError, match="speed has 3 frames, labels have 25"):
        syllable_table.tables(pack([ONE], ["a"], FPS), {"a": {"speed": np.zeros(3)}})


def test_a_label_that_is_not_used_has_no_values():
    seq = pack([ONE], ["a"], FPS, 3)
    row = syllable_table.tables(seq, {"a": {"speed": np.ones(25)}}).pooled.iloc[2]
    assert row["usage"] == 0
    assert row["onsets"] == 0
    assert np.isnan(row[["duration_s", "median_s", "speed"]].astype(float)).all()
