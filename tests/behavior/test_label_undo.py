"""Undo of one person's decisions: what others decided stays, or is said to be in the way."""

import numpy as np
import pytest
from decided import random_decision, random_labels, slowly

from gambol.behavior import label_map as maps
from gambol.behavior import label_undo
from gambol.behavior.label_undo import Overtaken
from gambol.core.errors import InputError
from gambol.core.label_map import Decision, LabelMap, from_values, to_values
from gambol.core.sequences import Sequences, unpack


def _name(held: LabelMap, k: int, value: str, author: str) -> LabelMap:
    return maps.decide(held, Decision("rename", (k,), value, author=author))


def _names(held: LabelMap) -> list[str]:
    return [label.name for label in maps.legend(held)]


def test_who_undoes_takes_back_their_own_and_leaves_what_others_did() -> None:
    held = _name(_name(LabelMap(3), 0, "rear", "ann"), 1, "walk", "bob")
    back = label_undo.undo(held, "ann")
    assert _names(back) == ["0", "walk", "2"]
    assert (label_undo.undoable(back, "ann"), label_undo.redoable(back, "ann")) == (0, 1)
    assert label_undo.undo(back, "ann") == back
    again = _name(back, 2, "dig", "bob")
    assert _names(label_undo.redo(again, "ann")) == ["rear", "walk", "dig"]
    assert label_undo.redo(again, "bob") == again
    own = _name(back, 2, "dig", "ann")  # a new decision ends what can be redone
    assert label_undo.redoable(own, "ann") == 0 and label_undo.redo(own, "ann") == own


def test_what_others_built_on_it_is_in_the_way_unless_forced() -> None:
    held = maps.decide(LabelMap(3), Decision("merge", (0, 1), author="ann"))
    held = _name(_name(held, 2, "walk", "bob"), 0, "rear", "bob")
    with pytest.raises(Overtaken, match="bob decided about this after you") as error:
        label_undo.undo(held, "ann")
    assert [d.value for d in error.value.theirs] == ["rear"]
    assert _names(label_undo.undo(held, "ann", force=True)) == ["0", "1", "walk"]


def test_a_name_that_somebody_took_meanwhile_does_not_come_back() -> None:
    held = _name(_name(LabelMap(3), 0, "rear", "ann"), 0, "dig", "ann")
    held = _name(held, 1, "rear", "bob")
    with pytest.raises(Overtaken):
        label_undo.undo(held, "ann")
    back = label_undo.undo(label_undo.undo(held, "bob"), "ann")
    with pytest.raises(Overtaken):
        label_undo.redo(back, "bob")


def test_the_number_of_what_was_split_off_stays_when_another_split_goes() -> None:
    labels = random_labels(np.random.default_rng(4))
    held = LabelMap(labels.size)
    for who, first in (("ann", 0), ("bob", 30)):
        values = unpack(labels)[0]
        start = next(t for t in range(first, len(values)) if values[t] >= 0)
        one = Decision("split", (int(values[start]),), "", "day 1", start, start + 3, who)
        held = maps.decide(held, one)
    held = _name(held, labels.size + 1, "bob's", "bob")
    back = label_undo.undo(held, "ann")
    made = maps.apply(back, labels)
    assert made.names[labels.size + 1] == "bob's"
    frames = unpack(made.sequences)[0]
    assert (frames == labels.size).sum() == 0 and (frames == labels.size + 1).sum() == 3
    assert from_values(to_values(back), "it") == back


@pytest.mark.parametrize("seed", range(4))
def test_random_steps_of_two_people_leave_what_stands_and_nothing_else(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels: Sequences = random_labels(rng)
    held, met = maps.empty(labels, "model"), 0
    for n in range(200):
        who, before = str(rng.choice(["ann", "ben"])), held
        kind = rng.choice(["decide", "decide", "undo", "redo", "line"])
        try:
            if kind == "decide":
                held = maps.decide(held, random_decision(rng, held, n)._replace(author=who))
            elif kind == "undo":
                held = label_undo.undo(held, who)
            elif kind == "redo":
                held = label_undo.redo(held, who)
            else:
                held = maps.redo(maps.undo(held)) if rng.random() < 0.7 else maps.undo(held)
        except (InputError, Overtaken):
            met += 1
            assert held == before
            continue
        assert maps.fault(held) is None
        gone = set(before.active) - set(held.active)
        if kind == "undo":  # one of mine at most, and nobody else's
            assert len(gone) <= 1 and all(d.author == who for d in gone)
            assert len(before.active) - len(held.active) == (
                label_undo.undoable(before, who) > 0
            )
        elif kind == "redo":
            more = len(held.active) - len(before.active)
            assert more == (label_undo.redoable(before, who) > 0) and not gone
        assert from_values(to_values(held), "it") == held
    seen = unpack(maps.apply(held, labels).sequences)
    for one, wanted in zip(seen, slowly(held, labels), strict=True):
        assert np.array_equal(one, wanted)
    assert met > 0 and held.active


def test_all_undone_by_their_authors_is_the_start_and_all_redone_the_end() -> None:
    rng = np.random.default_rng(9)
    labels = random_labels(rng)
    held = [maps.empty(labels, "model")]
    while len(held) <= 120:
        try:
            held.append(maps.decide(held[-1], random_decision(rng, held[-1], len(held))))
        except InputError:
            continue
    now = held[-1]
    for before in reversed(held[:-1]):
        now = label_undo.undo(now, now.active[-1].author)
        assert now.active == before.active
    for after in held[1:]:
        now = label_undo.redo(now, after.active[-1].author)
        assert now.active == after.active and maps.legend(now) == maps.legend(after)
    assert now == held[-1]


def test_what_the_command_line_undid_can_be_redone_by_its_author() -> None:
    held = _name(_name(LabelMap(3), 0, "rear", "ann"), 1, "walk", "ann")
    back = maps.undo(held, 2)
    assert label_undo.redoable(back, "ann") == 2
    assert _names(label_undo.redo(back, "ann")) == ["rear", "1", "2"]
    assert label_undo.redo(label_undo.redo(back, "ann"), "ann") == held


def test_a_split_that_was_taken_back_is_said_to_be_so() -> None:
    held = maps.decide(LabelMap(3), Decision("split", (0,), "x", "r", 0, 5, author="ann"))
    held = label_undo.undo(held, "ann")
    with pytest.raises(InputError, match="label 3 was split off, and that was taken back"):
        maps.find(held, "3")
    with pytest.raises(InputError, match="label 3 was split off, and that was taken back"):
        maps.decide(held, Decision("merge", (1, 3), author="bob"))
