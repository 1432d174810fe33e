"""Label maps: what decisions do to frames, by a slow model of it, and undo and redo."""

import numpy as np
import pytest
from decided import SIZE, random_decision, random_labels, slowly

from gambol.behavior import label_map as maps
from gambol.behavior.ethogram import bouts
from gambol.core.errors import InputError
from gambol.core.label_map import Decision, LabelMap
from gambol.core.sequences import Sequences, pack, unpack


@pytest.fixture(scope="module")
def many() -> tuple[Sequences, list[LabelMap]]:
    """500 decisions that were accepted, and the map after each."""
    rng = np.random.default_rng(4)
    labels = random_labels(rng)
    held = [maps.empty(labels, "model 1")]
    while len(held) <= 500:
        try:
            held.append(maps.decide(held[-1], random_decision(rng, held[-1], len(held))))
        except InputError:
            continue
    return labels, held


def test_undoing_and_redoing_500_decisions_passes_every_state_again(
    many: tuple[Sequences, list[LabelMap]],
) -> None:
    labels, held = many
    last = held[-1]
    assert {d.kind for d in last.decisions} >= {"rename", "merge", "split", "exclude", "note"}
    now = last
    for before in reversed(held[:-1]):
        now = maps.undo(now)
        assert now.active == before.active
    assert now.end == 0
    same = maps.apply(now, labels)
    assert all(np.array_equal(a, b) for a, b in zip(same.sequences, labels, strict=True))
    for after in held[1:]:
        now = maps.redo(now)
        assert maps.legend(now) == maps.legend(after)
    assert now == last
    assert maps.redo(maps.undo(last, 500), 500) == last
    assert maps.undo(last, 900).end == 0


def test_frames_have_what_each_decision_in_turn_gives_them(
    many: tuple[Sequences, list[LabelMap]],
) -> None:
    labels, held = many
    for at in (0, 1, 7, 40, 133, 260, 500):
        done = maps.apply(held[at], labels)
        for seen, wanted in zip(unpack(done.sequences), slowly(held[at], labels), strict=True):
            assert np.array_equal(seen, wanted)


def test_labels_do_not_depend_on_what_is_looked_at_beside_them(
    many: tuple[Sequences, list[LabelMap]],
) -> None:
    labels, held = many
    whole = unpack(maps.apply(held[-1], labels).sequences)
    alone = pack([unpack(labels)[1]], ["day 2"], 30.0, SIZE)
    assert np.array_equal(unpack(maps.apply(held[-1], alone).sequences)[0], whole[1])


def test_every_state_is_an_ethogram(many: tuple[Sequences, list[LabelMap]]) -> None:
    labels, held = many
    done = maps.apply(held[-1], labels)
    made = bouts(done.sequences, done.own_names())
    shown = {label.name for label in done.labels if not label.excluded}
    assert set(made.bouts["label"]) <= shown


def test_a_new_decision_ends_what_was_undone() -> None:
    one = maps.decide(LabelMap(3), Decision("rename", (0,), "rear"))
    two = maps.decide(one, Decision("rename", (1,), "walk"))
    again = maps.decide(maps.undo(two), Decision("rename", (2,), "walk"))
    assert [d.labels[0] for d in again.decisions] == [0, 2]
    assert maps.redo(again) == again


def test_merged_labels_share_name_colour_and_notes() -> None:
    held = LabelMap(4)
    for decision in (
        Decision("colour", (2,), " #AABBCC "),
        Decision("rename", (2,), "rear"),
        Decision("note", (0,), "both paws"),
        Decision("merge", (2, 0)),
    ):
        held = maps.decide(held, decision)
    done = maps.apply(held, pack([np.arange(4)], ["a"], 25.0))
    assert done.names == ("rear", "1", "rear", "3")
    assert done.colours == {2: "#aabbcc"}
    assert done.labels[1] == (2, "rear", "#aabbcc", ("both paws",), (0, 2), False)
    assert maps.find(held, "rear") == maps.find(held, "2") == 2


def test_the_groups_of_a_cut_become_merges_of_what_labels_are_now() -> None:
    held = maps.decide(LabelMap(6), Decision("merge", (1, 0)))
    held = maps.decide(held, Decision("exclude", (4,)))
    made = maps.merges(held, [[0, 1], [0, 2], [3, 4], [5]])
    assert [d.labels for d in made] == [(1, 2)]


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (Decision("rename", (9,), "x"), "no label 9"),
        (Decision("rename", (1,), "rear"), "called 'rear' already"),
        (Decision("rename", (1,), "3"), "number of another"),
        (Decision("rename", (1,), "two\nlines"), "in one line"),
        (Decision("rename", (2,), "x"), "merged into 'rear'"),
        (Decision("merge", (1,)), "two or more"),
        (Decision("merge", (1, 1)), "two or more"),
        (Decision("merge", (1, 3)), "excluded; include it"),
        (Decision("include", (1,)), "not excluded"),
        (Decision("colour", (1,), "red"), "#rrggbb"),
        (Decision("note", (1,), "  "), "empty"),
        (Decision("split", (1,), "", "", 0, 5), "name the recording"),
        (Decision("split", (1,), "", "a", 5, 5), "no clip"),
    ],
)
def test_what_cannot_be_decided_is_refused(decision: Decision, said: str) -> None:
    held = LabelMap(4)
    for done in (
        Decision("rename", (0,), "rear"),
        Decision("merge", (0, 2)),
        Decision("exclude", (3,)),
    ):
        held = maps.decide(held, done)
    with pytest.raises(InputError, match=said):
        maps.decide(held, decision)


def test_labels_of_a_larger_model_are_refused() -> None:
    with pytest.raises(InputError, match="there are 2 labels"):
        maps.apply(LabelMap(2), pack([np.array([0, 5])], ["a"], 25.0))
