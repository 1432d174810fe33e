"""Decisions carried to another model: what is carried, with which overlap, and what is not."""

import numpy as np
import pytest

from gambol.behavior import label_map
from gambol.behavior.label_follow import follow
from gambol.core.errors import InputError
from gambol.core.label_map import Decision, LabelMap
from gambol.core.sequences import pack

OLD = np.repeat([0, 1, 2, 3, 0, 1, 2, 3], 25)


def decided(*decisions, size=4):
    held = LabelMap(size)
    for decision in decisions:
        held = label_map.decide(held, decision)
    return held


def carried(held, new, old=OLD):
    return follow(held, pack([old], ["a"], 25.0, 4), pack([new], ["a"], 25.0))


def test_the_same_labels_under_other_numbers_carry_everything_with_overlap_one():
    held = decided(
        Decision("merge", (0, 2)), Decision("rename", (0,), "still"),
        Decision("colour", (1,), "#00ff00"), Decision("note", (1,), "look"),
        Decision("exclude", (3,)),
    )  # fmt: skip
    found = carried(held, np.array([5, 4, 1, 0])[OLD])
    assert all(row.overlap == 1.0 for row in found)
    new = LabelMap(6)
    for row in found:
        new = label_map.decide(new, row.decision)
    shown = {label.name: label for label in label_map.legend(new)}
    assert set(shown["still"].members) == {1, 5}
    assert shown["4"].colour == "#00ff00"
    assert shown["4"].notes == ("look",)
    assert shown["0"].excluded


def test_a_label_that_fell_apart_passes_its_name_to_the_larger_part():
    new = OLD.copy()
    new[25:30] = 7  # a tenth of label 1
    found = carried(decided(Decision("rename", (1,), "walk")), new)
    assert [row.decision for row in found] == [Decision("rename", (1,), "walk")]
    assert found[0].overlap == pytest.approx(45 / 50)


def test_an_excluded_label_that_fell_apart_stays_excluded_in_all_its_parts():
    new = OLD.copy()
    new[25:45] = 7
    found = carried(decided(Decision("exclude", (1,))), new)
    assert {row.decision.labels[0] for row in found} == {1, 7}


def test_a_label_that_nothing_continues_is_said():
    new = np.where(OLD == 1, 0, OLD)
    found = carried(decided(Decision("rename", (1,), "walk")), new)
    assert found[0].decision is None
    assert "'walk'" in found[0].said


def test_a_clip_is_split_off_what_it_is_now():
    split = Decision("split", (1,), "slip", "a", 30, 40)
    found = carried(decided(split), np.where(OLD == 1, 5, OLD))
    assert found[0].decision == split._replace(labels=(5,))
    assert found[0].overlap == 1.0
    merged = decided(split, Decision("merge", (2, 4)))
    told = [row.said for row in carried(merged, OLD) if row.decision is None]
    assert "merged again" in told[0]


def test_a_split_of_merged_labels_comes_off_the_one_that_stays():
    held = decided(Decision("merge", (1, 2)), Decision("split", (1,), "slip", "a", 55, 60))
    found = carried(held, OLD)
    new = LabelMap(4)
    for row in found:
        new = label_map.decide(new, row.decision)
    done = label_map.apply(new, pack([OLD], ["a"], 25.0, 4))
    same = label_map.apply(held, pack([OLD], ["a"], 25.0, 4))
    assert np.array_equal(done.sequences.values == 4, same.sequences.values == 4)


def test_models_without_a_recording_in_common_are_refused():
    with pytest.raises(InputError, match="share no recording"):
        follow(LabelMap(4), pack([OLD], ["a"], 25.0), pack([OLD], ["b"], 25.0))
