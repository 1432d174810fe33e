"""The log on automatic tracks: several solutions, and constraints that outlive them."""

import numpy as np
import tracked
from meetings import meeting

from gambol.core.instances import UNTRACKED
from gambol.stages import replay
from gambol.stages.identities import Automatic, Log, Recording
from gambol.tracking import trackers


def recording(seed=1):
    scene = meeting(np.random.default_rng(seed), 0.7, before=3.0, after=3.0)
    found = scene.detections
    return Recording(
        found, np.ones(len(found.frame), bool), scene.times, np.ones(len(scene.times), bool),
        tracked.JOINTS, 30.0, (), {},
    )  # fmt: skip


def automatic(made):
    """What tracking finds without anyone's help."""
    online = trackers.track(
        trackers.PRESETS["gambol"], made.found, made.times, trackers.exactly(2)
    )
    raw = Automatic(
        online.tracks.id, online.tracks.confidence, online.track, online.margin, made.kept,
        np.zeros((0, 2)), 2, online.scale.arena, online.scale.length, True, [],
    )  # fmt: skip
    solved = replay.solve(made, raw)
    ids, sure, _ = solved.tracks
    return raw._replace(id=ids, confidence=sure, events=solved.events)


def test_edits_before_and_after_a_solution_are_all_conditions_of_the_next():
    made = recording()
    auto = automatic(made)
    swap = {"kind": "swap", "a": 0, "b": 1, "first": 111, "last": None}
    delete = {"kind": "delete", "animal": 0, "first": 20, "last": 25}
    solve = {"kind": replay.RESOLVE}
    start = replay.build(made, auto, []).tracks.id
    frame = made.found.frame
    once = replay.build(made, auto, [swap, solve, delete, solve]).tracks.id
    gone = (start == 0) & (frame >= 20) & (frame <= 25)
    assert (once[gone] == UNTRACKED).all()
    known = (once >= 0) & (start >= 0)
    swapped = np.where(frame >= 111, 1 - start, start)
    np.testing.assert_array_equal(once[known], swapped[known])
    both = replay.build(made, auto, [swap, solve, delete, solve, swap, solve]).tracks.id
    known = (both >= 0) & (start >= 0)
    np.testing.assert_array_equal(both[known], start[known])


def test_the_same_log_always_gives_the_same():
    made = recording()
    auto = automatic(made)
    log = [{"kind": "cut", "row": 30}, {"kind": replay.RESOLVE}]
    one, other = (replay.build(made, auto, log) for _ in range(2))
    np.testing.assert_array_equal(one.tracks.id, other.tracks.id)
    assert one.events == other.events


def test_what_was_said_is_carried_to_rows_in_another_order():
    made = recording()
    auto = automatic(made)
    rng = np.random.default_rng(0)
    order = np.lexsort((rng.random(len(made.found.frame)), made.found.frame))
    other = made._replace(found=made.found.select(order))
    log = Log("0" * 16, [{"kind": "cut", "row": 30}])
    moved, records = replay.carry(auto, made.found, log, automatic(other), other)
    assert records == [{"kind": "cut", "row": int(np.argsort(order)[30])},
                       {"kind": replay.RESOLVE}]  # fmt: skip
    np.testing.assert_array_equal(moved.id, auto.id[order])


def test_a_record_whose_detection_is_gone_is_left_out():
    made = recording()
    auto = automatic(made)
    less = np.delete(np.arange(len(made.found.frame)), 30)
    other = made._replace(found=made.found.select(less), kept=made.kept[less])
    log = Log("0" * 16, [{"kind": "cut", "row": 30}])
    _, records = replay.carry(auto, made.found, log, automatic(other), other)
    assert records == [{"kind": replay.RESOLVE}]
