"""Edits: undoable, replayable, and never against the invariants of identities."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meetings import ARENA, BODY, meeting, walkers

from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED, Tracks
from gambol.tracking import edits, identities
from gambol.tracking.edits import Assign, Confirm, Cut, Join, Remove, Swap

SCENE = walkers(np.random.default_rng(0), 3, 4, seen=0.9)
FOUND, FRAMES = SCENE.detections, len(SCENE.times)
TRACKS = Tracks(
    np.where(SCENE.truth < 2, SCENE.truth, UNTRACKED), np.where(SCENE.truth < 2, 0.9, 0.0), 2
)
frames, animals = st.integers(0, FRAMES - 1), st.integers(0, 1)


@st.composite
def edit(draw):
    kind = draw(st.sampled_from(["swap", "from", "assign", "join", "delete", "cut", "confirm"]))
    first, last = sorted((draw(frames), draw(frames)))
    a, b = draw(animals), draw(animals)
    row, other = sorted(draw(st.integers(0, len(FOUND.frame) - 1)) for _ in range(2))
    return {
        "swap": Swap(a=a, b=b, first=first, last=last),
        "from": Swap(a=a, b=b, first=first),
        "assign": Assign(
            row=row, was=draw(st.integers(-1, 1)), animal=a, first=first, last=last
        ),
        "join": Join(row=row, other=other, a=a, b=b, first=int(FOUND.frame[other])),
        "delete": Remove(animal=a, first=first, last=last),
        "cut": Cut(row=row),
        "confirm": Confirm(animals=(0, 1), first=first, last=last),
    }[kind]


logs = st.lists(edit(), max_size=8)


def equal(one, other):
    return (one.id == other.id).all() and (one.confidence == other.confidence).all()


@given(logs)
@settings(max_examples=200, deadline=None)
def test_after_any_edits_names_are_distinct_few_and_none_is_lost(log):
    got = edits.apply(TRACKS, FOUND, log)
    assert len(got.id) == len(FOUND.frame) and got.n_animals == 2
    assert set(got.id) <= {UNTRACKED, 0, 1}
    named = got.id >= 0
    pairs = np.stack([FOUND.frame[named], got.id[named]])
    assert len(np.unique(pairs, axis=1).T) == named.sum()
    assert (got.confidence[~named] == 0).all()


@given(logs)
@settings(max_examples=50, deadline=None)
def test_undo_to_the_start_restores_every_bit_and_redo_every_step(log):
    ids, confidence = TRACKS.id.copy(), TRACKS.confidence.copy()
    steps = [TRACKS]
    for one in log:
        steps.append(edits.apply(steps[-1], FOUND, [one]))
    for n in range(len(log), -1, -1):
        assert equal(edits.apply(TRACKS, FOUND, log[:n]), steps[n])
    assert (TRACKS.id == ids).all() and (TRACKS.confidence == confidence).all()


@given(logs, st.integers(2, FRAMES - 2))
@settings(max_examples=50, deadline=None)
def test_edits_commute_with_chunks(log, at):
    whole = edits.apply(TRACKS, FOUND, log)
    row = int(np.searchsorted(FOUND.frame, at))
    parts = []
    for part in np.split(np.arange(len(FOUND.frame)), [row]):
        tracks = Tracks(TRACKS.id[part], TRACKS.confidence[part], 2)
        parts.append(edits.apply(tracks, FOUND.select(part), log, row=int(part[0])))
    assert (np.concatenate([p.id for p in parts]) == whole.id).all()
    assert (np.concatenate([p.confidence for p in parts]) == whole.confidence).all()


@given(frames, st.one_of(st.none(), frames))
@settings(max_examples=30, deadline=None)
def test_swapping_twice_changes_nothing(first, last):
    swap = Swap(a=0, b=1, first=first, last=last)
    assert equal(edits.apply(TRACKS, FOUND, [swap, swap]), TRACKS)


def test_swap_in_an_interval_is_two_swaps_to_the_end():
    once = edits.apply(TRACKS, FOUND, [Swap(a=0, b=1, first=20, last=39)])
    twice = edits.apply(TRACKS, FOUND, [Swap(a=0, b=1, first=20), Swap(a=0, b=1, first=40)])
    assert equal(once, twice)
    inside = (FOUND.frame >= 20) & (FOUND.frame < 40) & (TRACKS.id >= 0)
    assert (once.id[inside] == 1 - TRACKS.id[inside]).all()
    assert (once.id[~inside] == TRACKS.id[~inside]).all()


def test_an_untracked_detection_can_be_named():
    row = int(np.flatnonzero(TRACKS.id == UNTRACKED)[5])
    frame = int(FOUND.frame[row])
    got = edits.apply(
        TRACKS, FOUND, [Assign(row=row, was=UNTRACKED, animal=1, first=frame, last=frame)]
    )
    assert got.id[row] == 1 and got.confidence[row] == 1
    other = np.flatnonzero((FOUND.frame == frame) & (TRACKS.id == 1))
    assert (got.id[other] == UNTRACKED).all()
    assert (got.id != TRACKS.id).sum() == 1 + len(other)


@given(edit())
@settings(max_examples=50, deadline=None)
def test_records_survive_a_line_of_json(one):
    line = json.dumps(one.model_dump(mode="json"))
    assert edits.parse(json.loads(line), "log") == one


@pytest.mark.parametrize(
    "record", [{"kind": "swop"}, {"kind": "cut"}, {}, {"kind": "cut", "row": 1, "x": 2}]
)
def test_a_bad_record_is_named_with_its_place(record):
    with pytest.raises(InputError, match="edits.jsonl, line 3"):
        edits.parse(record, "edits.jsonl, line 3")


def test_an_animal_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="there are 0 to 1"):
        edits.apply(TRACKS, FOUND, [Swap(a=0, b=7, first=0)])


def solved(scene, n, said=None, margin=None):
    options = {} if said is None else {"constraints": said}
    return identities.identify(
        scene.detections, scene.track, margin, scene.times, n, ARENA**2, BODY, **options
    )


def test_confirmed_events_survive_tracking_anew_bit_for_bit():
    """Whatever the raw tracks and margins are the next time."""
    scene = meeting(np.random.default_rng(3), 1.5)
    first = solved(scene, 2)
    event = max(first.events, key=lambda event: 1 - event.confidence)
    log = [Confirm(animals=event.animals, first=event.first, last=event.last)]
    said = edits.constraints(first.tracks, scene.detections, log)
    rng, frame = np.random.default_rng(0), scene.detections.frame
    inside = (frame >= event.first) & (frame <= event.last)
    for _ in range(5):
        track = np.where(frame > rng.integers(240), 5 - scene.track, scene.track)
        margin = rng.exponential(6, len(frame))
        again = solved(scene._replace(track=track), 2, said, margin)
        assert (again.tracks.id[inside] == first.tracks.id[inside]).all() or (
            again.tracks.id[inside] == 1 - first.tracks.id[inside]
        ).all()
        assert not [
            e for e in again.events
            if e.first >= event.first and e.last <= event.last and e.confidence < 0.99
        ]  # fmt: skip


def test_a_wrong_confirmation_is_obeyed_too():
    """It is a person's word against motion and looks."""
    scene = walkers(np.random.default_rng(1), 2, 4, seen=1.0)
    right = solved(scene, 2).tracks
    wrong = edits.apply(right, scene.detections, [Swap(a=0, b=1, first=60)])
    log = [Confirm(animals=(0, 1), first=59, last=60)]
    said = edits.constraints(wrong, scene.detections, log)
    got = solved(scene, 2, said).tracks
    assert (got.id == wrong.id).all() or (got.id == 1 - wrong.id).all()


def test_a_swap_is_kept_by_tracking_anew():
    scene = meeting(np.random.default_rng(4), 2.0)
    first = solved(scene, 2).tracks
    event = solved(scene, 2).events[0]
    log = [Swap(a=0, b=1, first=event.last)]
    edited = edits.apply(first, scene.detections, log)
    again = solved(scene, 2, edits.constraints(first, scene.detections, log)).tracks
    assert (again.id == edited.id).all()


def test_deleted_stretches_stay_untracked_when_tracked_anew():
    scene = walkers(np.random.default_rng(1), 2, 4, seen=1.0)
    first = solved(scene, 2).tracks
    log = [
        Remove(animal=0, first=30, last=50),
        Remove(kind="untrack", animal=1, first=3, last=3),
    ]
    edited = edits.apply(first, scene.detections, log)
    again = solved(scene, 2, edits.constraints(first, scene.detections, log)).tracks
    assert (again.id == edited.id).all()


def test_a_name_is_propagated_to_the_next_doubtful_crossing():
    scene = meeting(np.random.default_rng(6), 3.0)
    first = solved(scene, 2).tracks
    frame = scene.detections.frame
    row = int(np.flatnonzero(frame == frame.max())[0])
    was = int(first.id[row])
    log = [Assign(row=row, was=was, animal=1 - was, first=230, last=int(frame.max()))]
    again = solved(scene, 2, edits.constraints(first, scene.detections, log)).tracks
    before, after = frame < 120, frame > 215
    assert (again.id[before] == first.id[before]).all()
    assert (again.id[after] == 1 - first.id[after]).all()
    assert again.confidence.min() > 0.999


def test_later_words_win():
    log = [Swap(a=0, b=1, first=60), Swap(a=0, b=1, first=60)]
    said = edits.constraints(TRACKS, FOUND, log)
    assert said.same[:2] != said.same[2:]
    kept = edits.constraints(
        TRACKS, FOUND, [Cut(row=9), *log, Remove(animal=0, first=0, last=200)]
    )
    assert kept.cuts == (9,)
    assert not {r for chain in kept.same for r in chain} & set(kept.excluded)
