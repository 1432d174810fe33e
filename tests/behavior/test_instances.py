"""Which bouts are shown, against worlds whose bouts are known."""

import numpy as np
import pytest

from gambol.behavior import instances
from gambol.behavior.sequences import Bouts
from gambol.core import sequences

FPS = 10.0


def packed(parts, names=None):
    names = names or [f"r{n}" for n in range(len(parts))]
    return sequences.pack([np.array(p) for p in parts], names, FPS, 3)


def course(rng, bouts=8, most=30):
    """Labels 0, 1, 0, 1, … in bouts of random lengths."""
    return np.repeat(np.arange(bouts) % 2, rng.integers(2, most, bouts))


@pytest.fixture
def world():
    rng = np.random.default_rng(0)
    return [course(rng) for _ in range(6)]


def told(chosen, seq):
    """What was chosen, by names."""
    names = [seq.names[r] for r in chosen.recording]
    return list(zip(names, chosen.start.tolist(), chosen.stop.tolist(), strict=True))


def test_every_instance_is_a_whole_bout_of_the_label(world):
    seq = packed(world)
    chosen = instances.choose(seq, 1, 12)
    for r, start, stop in zip(chosen.recording, chosen.start, chosen.stop, strict=True):
        labels = world[r]
        assert (labels[start:stop] == 1).all() and labels[start - 1] == 0
        assert stop == len(labels) or labels[stop] == 0
    assert len(set(told(chosen, seq))) == 12


def test_complete_bouts_come_first_then_those_whose_onset_was_seen():
    seq = packed([[1, 1, 0, 1, -1, 1, 1, 0, 1], [1, -1, 1, 1, 1, -1, 0, 1, 1, 0]])
    chosen = instances.choose(seq, 1, 20)
    kinds = (2 * chosen.left_censored + chosen.right_censored).tolist()
    assert kinds == sorted(kinds) == [0, 1, 1, 2, 2, 3, 3]
    assert told(chosen, seq)[0] == ("r1", 7, 9)
    by_end = dict(zip(told(chosen, seq), chosen.at_end.tolist(), strict=True))
    assert by_end["r0", 8, 9] and not by_end["r0", 3, 4]  # before a gap


def test_recordings_take_turns(world):
    chosen = instances.choose(packed(world), 0, 12)
    assert np.bincount(chosen.recording, minlength=6).tolist() == [2] * 6
    assert sorted(chosen.recording[:6]) == list(range(6))


def test_the_order_of_recordings_changes_nothing(world):
    names = list("fcadbe")
    one = packed(world, names)
    other = packed(world[::-1], names[::-1])
    for label in (0, 1):
        a, b = (instances.choose(seq, label, 7, seed=3) for seq in (one, other))
        assert told(a, one) == told(b, other)


def test_equal_seeds_choose_alike_and_others_do_not(world):
    seq = packed(world)
    one, again, other = (instances.choose(seq, 1, 8, seed=seed) for seed in (1, 1, 2))
    assert told(one, seq) == told(again, seq) != told(other, seq)


def test_every_bout_has_the_same_chance():
    seq = packed([np.tile([0, 1], 6)])
    first = [int(instances.choose(seq, 0, 1, seed=seed).start[0]) for seed in range(500)]
    count = np.bincount(first, minlength=12)[2:12:2]  # the first is not complete
    assert count.sum() == 500 and ((count - 100) ** 2 / 100).sum() < 18.5  # χ², 4, p = 0.001


def test_short_bouts_are_left_out():
    seq = packed([[0, 1, 0, 1, 1, 1, 0, 1, 1, 0]])
    assert told(instances.choose(seq, 1, 5, min_s=0.3), seq) == [("r0", 3, 6)]
    assert len(instances.choose(seq, 1, 5, min_s=0.2).start) == 2


def test_bouts_in_which_the_animal_is_never_seen_are_left_out():
    seq = packed([[0, 1, 1, 0], [0, 1, 1, 1, 0, 1, 0]])
    seen = np.zeros(11, bool)
    seen[[1, 7]] = True
    chosen = instances.choose(seq, 1, 9, seen=seen)
    assert sorted(told(chosen, seq)) == [("r0", 1, 3), ("r1", 1, 4)]
    assert len(instances.choose(seq, 1, 9, seen=np.zeros(11, bool)).start) == 0


def test_a_label_without_bouts_has_no_instances(world):
    seq = packed(world)
    chosen = instances.choose(seq, 2, 12)
    assert len(chosen.start) == 0 and instances.table(chosen, seq).empty


def test_the_table_numbers_the_tiles_and_tells_frames_and_seconds():
    seq = packed([[0, 1, 1, 0], [1, 1, 1, 0]], ["a", "b"])
    table = instances.table(instances.choose(seq, 1, 12), seq)
    assert table.to_dict("records") == [
        {"tile": 1, "recording": "a", "label": 1, "start": 1, "stop": 3, "start_s": 0.1,
         "stop_s": 0.3, "left_censored": False, "right_censored": False},
        {"tile": 2, "recording": "b", "label": 1, "start": 0, "stop": 3, "start_s": 0.0,
         "stop_s": 0.3, "left_censored": True, "right_censored": False},
    ]  # fmt: skip


def test_the_best_are_complete_first_and_then_by_worth_whatever_the_order_of_recordings():
    one = packed([[0, 1, 1, 0, 1, 1, 1, 0], [1, 1, 1, 1, 0, 1, 0]], ["a", "b"])
    other = packed([[1, 1, 1, 1, 0, 1, 0], [0, 1, 1, 0, 1, 1, 1, 0]], ["b", "a"])
    for seq in (one, other):
        among = instances.pool(seq)
        mine = instances.long_enough(among, 1, 0.0)
        length = (among.bouts.stop - among.bouts.start)[mine].astype(float)
        chosen = instances.best(among, 1, mine, length, 9)
        assert told(chosen, seq) == [("a", 4, 7), ("a", 1, 3), ("b", 5, 6), ("b", 0, 4)]
        alike = instances.best(among, 1, mine, np.zeros(len(mine)), 2)
        assert told(alike, seq) == [("a", 1, 3), ("a", 4, 7)]
        unknown = np.where(length == 3, np.nan, length)
        assert told(instances.best(among, 1, mine, unknown, 1), seq) == [("a", 1, 3)]


def test_bouts_that_overlap_and_recordings_of_other_rates_have_their_own_seconds():
    columns = [[0, 0, 1], [0, 1, 0], [0, 2, 5], [9, 4, 9]]
    found = Bouts(*(np.array(c) for c in columns), np.zeros(3, bool), np.zeros(3, bool))
    among = instances.Pool(found, ("a", "b"), np.array([20, 9]), np.array([10.0, 50.0]))
    assert instances.long_enough(among, 0, 0.1).tolist() == [0]
    both = instances.by_lot(among, 0, instances.long_enough(among, 0, 0.0), 5, 0)
    table = instances.table(both, among).sort_values("recording")
    assert table.stop_s.tolist() == [0.9, 0.18] and table.start_s.tolist() == [0.0, 0.1]
    assert both.at_end[both.recording == 1].tolist() == [True]
