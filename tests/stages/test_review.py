"""Every edit of identities through the stage: what it does, that it lasts or is undone."""

import itertools
import json
import shutil

import numpy as np
import pytest
import tracked
import xarray as xr

from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED
from gambol.io import store
from gambol.io import tracks as io_tracks
from gambol.io.project import Project
from gambol.simulate import scenes
from gambol.stages import identities, review, track
from gambol.stages.review import ReviewConfig


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A tracked crossing, and a third detection in some frames that is no animal."""
    folder = tmp_path_factory.mktemp("crossing")
    source, scene = tracked.crossing(folder / "film.detections.nc", seed=1)
    return source, scene


@pytest.fixture(scope="module")
def solved(shared, tmp_path_factory):
    """The folder of its tracks."""
    out = tmp_path_factory.mktemp("solved") / "out"
    return track.run(track.TrackConfig(), [shared[0]], out)[0].tracks


@pytest.fixture
def target(solved, tmp_path):
    """Its track file, to be edited."""
    return shutil.copytree(solved.parent, tmp_path / "out") / solved.name


def edit(target, do, *animals, **more):
    return review.run(ReviewConfig(do=do, animals=animals, **more), target)


def ids(target):
    (piece,) = io_tracks.pieces(target, frames=10**6)
    return piece.id


def frames(target):
    (piece,) = io_tracks.pieces(target, frames=10**6)
    return piece.found.frame


def queue(target):
    return review.run(ReviewConfig(), target).events


def everything(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def exchanged(old, a, b):
    return np.where(old == a, b, np.where(old == b, a, old))


A, B = "animal1", "animal2"


def test_the_queue_says_what_a_person_needs(target, shared):
    events = queue(target)
    event = events[0]
    assert set(event["animals"]) == {A, B} and event["instead"] == event["animals"][::-1]
    assert 0.4 < event["confidence"] < 0.9 and event["cost_difference"] >= 0
    first, last = event["clip"]
    times = shared[1].times
    assert times[first] == pytest.approx(times[event["first"]] - 1, abs=0.05)
    assert times[last] == pytest.approx(times[event["last"]] + 1, abs=0.05)
    assert event["affected_frames"] == [event["last"], len(times) - 1]
    assert event["affected"] == len(times) - event["last"]
    harm = [(1 - e["confidence"]) * e["affected"] for e in events]
    assert harm == sorted(harm, reverse=True)
    on_disk = json.loads(identities.queue_file(target).read_text())
    assert on_disk["events"] == events and on_disk["animals"] == [A, B]
    assert on_disk["frames"] == len(times) and on_disk["edits"] == 0
    made = review.run(ReviewConfig(), target)
    assert review.describe({**made._asdict(), "tracks": target})


def test_the_remedy_of_an_event_makes_its_alternative_true_and_settles_it(target):
    before, event = ids(target), queue(target)[0]
    left = review.run(ReviewConfig.from_values(event["remedy"][0], "event"), target).events
    later = frames(target) >= event["last"]
    np.testing.assert_array_equal(ids(target), np.where(later, 1 - before, before))
    assert event["first"] not in [e["first"] for e in left]


def test_swap_in_an_interval_changes_nothing_else(target):
    before = ids(target)
    edit(target, "swap", A, B, frame=120, last=130)
    inside = (frames(target) >= 120) & (frames(target) <= 130)
    np.testing.assert_array_equal(
        ids(target), np.where(inside, exchanged(before, 0, 1), before)
    )


def test_swapping_twice_is_no_swap(target):
    before = ids(target)
    for _ in range(2):
        edit(target, "swap", A, B, frame=120)
    np.testing.assert_array_equal(ids(target), before)


def test_confirm_settles_its_event_and_survives_solving_anew(target):
    before, event = ids(target), queue(target)[0]
    span = {"frame": event["first"], "last": event["last"]}
    left = edit(target, "confirm", **span)
    assert event["first"] not in [e["first"] for e in left.events]
    solved = edit(target, "resolve")
    assert event["first"] not in [e["first"] for e in solved.events]
    around = (frames(target) >= span["frame"]) & (frames(target) <= span["last"])
    np.testing.assert_array_equal(ids(target)[around], before[around])


def test_confirming_other_frames_settles_nothing(target):
    events = queue(target)
    part = {"frame": events[0]["first"] + 1, "last": events[0]["last"]}
    assert edit(target, "confirm", **part).events == events


def test_a_swap_is_a_constraint_of_the_next_solution(target):
    event = queue(target)[0]
    review.run(ReviewConfig.from_values(event["remedy"][0], "event"), target)
    said = ids(target)
    edit(target, "resolve")
    known = (said >= 0) & (ids(target) >= 0)
    np.testing.assert_array_equal(ids(target)[known], said[known])
    edit(target, "swap", A, B, frame=event["last"])  # and what is said after it, too
    edit(target, "resolve")
    back = np.where(frames(target) >= event["last"], exchanged(said, 0, 1), said)
    np.testing.assert_array_equal(ids(target)[known], back[known])


def test_untracked_detections_stay_in_the_file_and_can_be_named_again(target, shared):
    before = ids(target)
    edit(target, "untrack", A, frame=20, last=24)
    gone = (frames(target) >= 20) & (frames(target) <= 24) & (before == 0)
    np.testing.assert_array_equal(ids(target), np.where(gone, UNTRACKED, before))
    assert len(io_tracks.read(target).untracked.frame) == gone.sum() + (before < 0).sum()
    row = np.flatnonzero(gone & (frames(target) == 22))[0]
    x, y = shared[1].detections.xy[row].mean(axis=0)
    edit(target, "assign", A, frame=22, x=float(x) + 1, y=float(y))
    assert ids(target)[row] == 0
    edit(target, "resolve")
    assert ids(target)[row] == 0 and (ids(target)[gone] == UNTRACKED).sum() == gone.sum() - 1


def test_a_detection_that_cleaning_took_out_can_be_brought_back(tmp_path):
    _, scene = tracked.apart(tmp_path / "x.detections.nc")
    xy = scene.detections.xy.copy()
    odd = int(np.flatnonzero((scene.detections.frame == 40) & (scene.truth == 0))[0])
    xy[odd] = xy[odd].mean(axis=0) + 4 * (xy[odd] - xy[odd].mean(axis=0))
    source = tracked.write(
        tmp_path / "film.detections.nc", scene.detections._replace(xy=xy), scene.times, most=2
    )
    target = track.run(track.TrackConfig(), [source], tmp_path / "out")[0].tracks
    name = identities.names_of(target)[
        np.bincount(ids(target)[scene.truth == 0] + 1).argmax() - 1
    ]
    assert ids(target)[odd] == UNTRACKED
    x, y = xy[odd].mean(axis=0).tolist()
    edit(target, "assign", name, frame=40, x=x, y=y)
    assert identities.names_of(target)[ids(target)[odd]] == name
    edit(target, "resolve")
    assert identities.names_of(target)[ids(target)[odd]] == name


def test_deleted_stretches_are_no_animal_after_solving_anew(target):
    edit(target, "delete", B, frame=150, last=160)
    edit(target, "resolve")
    assert 1 not in ids(target)[(frames(target) >= 152) & (frames(target) <= 158)]


def test_assign_gives_a_stretch_the_other_name_and_join_and_cut_are_kept(target):
    before = ids(target)
    edit(target, "assign", A, B, frame=140, last=150)
    inside = (frames(target) >= 140) & (frames(target) <= 150)
    np.testing.assert_array_equal(
        ids(target), np.where(inside, exchanged(before, 0, 1), before)
    )
    edit(target, "undo")
    edit(target, "join", A, B, frame=115)
    later = frames(target) >= 115
    after = np.where(later, exchanged(before, 0, 1), before)
    np.testing.assert_array_equal(ids(target), after)
    edit(target, "cut", A, frame=160)
    assert [r["kind"] for r in identities.read_log(target).records] == ["join", "cut"]
    assert edit(target, "resolve").edits == 3


EDITS = [
    ("swap", (A, B), {"frame": 120}),
    ("swap", (A, B), {"frame": 30, "last": 60}),
    ("confirm", (), {"frame": 80, "last": 125}),
    ("assign", (A, B), {"frame": 150}),
    ("cut", (A,), {"frame": 100}),
    ("join", (A, B), {"frame": 118}),
    ("delete", (B,), {"frame": 40, "last": 45}),
    ("untrack", (A,), {"frame": 170, "last": 172}),
    ("resolve", (), {}),
]


def test_undo_to_the_start_restores_every_file_bit_for_bit(target):
    start = everything(target.parent)
    rng = np.random.default_rng(0)
    seen = [start]
    for place in rng.permutation(len(EDITS)):
        do, animals, more = EDITS[place]
        edit(target, do, *animals, **more)
        seen.append(everything(target.parent))
        now, shown = ids(target), frames(target)
        for frame in range(0, 201, 10):
            here = now[(shown == frame) & (now >= 0)]
            assert len(set(here.tolist())) == len(here) and set(here.tolist()) <= {0, 1}
    for state in reversed(seen[:-1]):
        edit(target, "undo")
        assert everything(target.parent) == state
    with pytest.raises(InputError, match="no edit that could be undone"):
        edit(target, "undo")
    assert everything(target.parent) == start


@pytest.mark.parametrize("broken", [".nc", ".review.json", ".edits.jsonl"])
def test_killed_while_writing_the_next_call_goes_on(target, broken, monkeypatch):
    before = everything(target.parent)
    atomic = store.atomic

    def killing(path, *room):
        if path.name.endswith(broken):
            raise KeyboardInterrupt
        return atomic(path, *room)

    monkeypatch.setattr(store, "atomic", killing)
    with pytest.raises(KeyboardInterrupt):
        edit(target, "swap", A, B, frame=120)
    monkeypatch.undo()
    if broken == ".edits.jsonl":
        assert everything(target.parent) == before
        return
    listed = review.run(ReviewConfig(), target)
    assert listed.edits == 1 and identities.is_current(target, identities.read_log(target))
    assert (ids(target)[frames(target) >= 120] >= 0).any()
    after = everything(target.parent)
    edit(target, "undo")
    assert everything(target.parent) == before
    edit(target, "swap", A, B, frame=120)
    assert everything(target.parent) == after


def test_tracking_repairs_as_well_what_a_kill_left(target, shared, monkeypatch):
    before = everything(target.parent)
    target.unlink()
    identities.queue_file(target).unlink()
    track.run(track.TrackConfig(), [shared[0]], target.parent)
    np.testing.assert_array_equal(ids(target) >= -1, True)
    assert everything(target.parent).keys() == before.keys()


WRONG = [
    ("swap", (A, "animal3"), {"frame": 3}, "did you mean 'animal"),
    ("swap", (A, "bob"), {"frame": 3}, "there are animal1, animal2"),
    ("swap", (A,), {"frame": 3}, "about 2 animals, not 1"),
    ("swap", (A, A), {"frame": 3}, "animal1 twice"),
    ("swap", (A, B), {}, "give --frame"),
    ("swap", (A, B), {"frame": 999}, "has 201 frames; 999 is none"),
    ("swap", (A, B), {"frame": 9, "last": 999}, "999 is none"),
    ("swap", (A, B), {"frame": 9, "last": 3}, "before it begins at 9"),
    ("confirm", (), {"frame": 9}, "give --last"),
    ("delete", (), {"frame": 9}, "about one animal, not 0"),
    ("assign", (A,), {"frame": 10, "x": 1.0, "y": 1.0}, "no untracked detection in frame 10"),
    ("join", (A, B), {"frame": 0}, "was not seen before frame 0"),
]


@pytest.mark.parametrize(("do", "animals", "more", "says"), WRONG)
def test_an_edit_that_cannot_be_made_leaves_everything_as_it_was(
    target, do, animals, more, says
):
    before = everything(target.parent)
    with pytest.raises(InputError, match=says):
        edit(target, do, *animals, **more)
    assert everything(target.parent) == before


def test_an_animal_that_is_gone_cannot_be_cut(target):
    edit(target, "delete", B, frame=150)
    with pytest.raises(InputError, match="animal2 is not seen"):
        edit(target, "cut", B, frame=160)


def test_later_events_are_about_the_animals_as_they_are_called_after_a_swap(tmp_path):
    source, _ = tracked.apart(tmp_path / "film.detections.nc", n=3, seconds=12, seed=4)
    target = track.run(track.TrackConfig(), [source], tmp_path / "out")[0].tracks
    before = queue(target)
    late = [e for e in before if e["first"] > 5]
    edit(target, "swap", "animal1", "animal3", frame=5)
    new = {"animal1": "animal3", "animal3": "animal1", "animal2": "animal2"}
    after = {(e["first"], e["last"]): e["animals"] for e in queue(target)}
    for event in late:
        assert after[event["first"], event["last"]] == [new[a] for a in event["animals"]]


def test_what_the_tracks_were_made_from_has_to_be_there(shared, tmp_path):
    source = tmp_path / "film.detections.nc"
    source.write_bytes(shared[0].read_bytes())
    target = track.run(track.TrackConfig(), [source], tmp_path / "out")[0].tracks
    source.rename(target.parent / source.name)  # moved beside the tracks: found
    assert queue(target)
    (target.parent / source.name).unlink()
    with pytest.raises(InputError, match=r"film.detections.nc, which is gone"):
        queue(target)


def test_files_that_do_not_belong_together_are_refused(target):
    log = identities.log_file(target)
    text = log.read_text()
    log.write_text(text + "{not json\n")
    with pytest.raises(InputError, match="line 2 is no record"):
        queue(target)
    log.write_text(text + '{"kind": "swop", "a": 0}\n')
    with pytest.raises(InputError, match="line 2"):
        queue(target)
    log.write_text(text + '{"kind": "cut", "row": 100000}\n')
    with pytest.raises(InputError, match="names detection 100000"):
        queue(target)
    log.write_text(json.dumps({"kind": "begin", "of": "0" * 16}) + "\n")
    with pytest.raises(InputError, match="not what its log is about"):
        queue(target)
    log.write_text("")
    with pytest.raises(InputError, match="empty"):
        queue(target)
    log.unlink()
    with pytest.raises(InputError, match="run gambol track again"):
        queue(target)
    log.write_text(text)
    for path in target.parent.glob(".*.npz"):
        path.write_bytes(b"damaged")
    with pytest.raises(InputError, match="damaged"):
        queue(target)


def test_a_pose_file_is_no_track_file(tmp_path):
    store.write_dataset(xr.Dataset(attrs={"ds_type": "poses"}), tmp_path / "film.nc")
    with pytest.raises(InputError, match="no file of gambol track"):
        queue(tmp_path / "film.nc")


def test_all_pairs_of_edits_can_be_undone_one_by_one(target):
    start = everything(target.parent)
    for pair in itertools.permutations([EDITS[k] for k in (0, 6)]):
        for do, animals, more in pair:
            edit(target, do, *animals, **more)
        for _ in pair:
            edit(target, "undo")
        assert everything(target.parent) == start


def test_in_a_project_edits_of_tracks_are_edits_of_the_project(shared, tmp_path):
    Project.create(tmp_path / "mice", tracked.JOINTS).close()
    out = tmp_path / "mice" / "tracks"
    target = track.run(track.TrackConfig(), [shared[0]], out)[0].tracks
    start, before = everything(out), ids(target)
    edit(target, "swap", A, B, frame=120)
    with Project.open(tmp_path / "mice") as project:
        assert [row.action for row in project.history()][1:] == [
            "tracks: track", "tracks: swap",
        ]  # fmt: skip
        assert project.undo() == ["tracks: swap"]
    assert review.run(ReviewConfig(), target).edits == 0
    assert everything(out) == start
    with Project.open(tmp_path / "mice") as project:
        assert project.redo() == ["tracks: swap"]
    track.run(track.TrackConfig(), [shared[0]], out)
    swapped = np.where(frames(target) >= 120, exchanged(before, 0, 1), before)
    np.testing.assert_array_equal(ids(target), swapped)
    edit(target, "undo")
    np.testing.assert_array_equal(ids(target), before)
    with Project.open(tmp_path / "mice") as project:
        assert project.check() == []


def test_events_are_listed_by_time_frames_kind_and_animals(tmp_path):
    rng = np.random.default_rng(5)
    scene = scenes.hidden(rng, 4, seconds=40.0)
    source = tracked.write(
        tmp_path / "film.detections.nc", scene.detections, scene.times, most=4
    )
    target = track.run(track.TrackConfig(), [source], tmp_path / "out")[0].tracks
    everyone = queue(target)
    assert len(everyone) >= 3 and everyone != (inorder := sorted(everyone, key=at))
    middle = inorder[len(inorder) // 2]
    later = review.run(ReviewConfig(frame=middle["last"]), target).events
    assert later == [e for e in inorder if e["last"] >= middle["last"]]
    before = review.run(ReviewConfig(last=middle["first"]), target).events
    assert before == [e for e in inorder if e["first"] <= middle["first"]]
    for kind in ("contact", "gap", "jump"):
        some = review.run(ReviewConfig(kind=kind), target).events
        assert some == [e for e in everyone if e["kind"] == kind]
    one = review.run(ReviewConfig(animals=("animal2",)), target).events
    assert one == [e for e in everyone if "animal2" in e["animals"]]
    few = review.run(ReviewConfig(most=2), target)
    assert few.events == everyone
    lines = review.describe({**few._asdict(), "tracks": "film.nc"}).splitlines()
    assert len(lines) == 4 and lines[-1] == f"  and {len(everyone) - 2} more"
    with pytest.raises(InputError, match="no animal 'animal9'"):
        review.run(ReviewConfig(animals=("animal9",)), target)
    with pytest.raises(InputError, match="kind chooses events"):
        review.run(ReviewConfig(do="undo", kind="gap"), target)


def at(event):
    return event["first"], event["last"]


def test_deleting_in_one_recording_changes_no_other(shared, tmp_path):
    Project.create(tmp_path / "mice", tracked.JOINTS).close()
    out = tmp_path / "mice" / "tracks"
    other, _ = tracked.crossing(tmp_path / "other.detections.nc", seed=1)
    one, two = track.run(track.TrackConfig(), [shared[0], other], out)
    untouched = {p.name: p.read_bytes() for p in out.iterdir() if "other" in p.name}
    assert len(untouched) == 4
    edit(one.tracks, "delete", A, frame=3, last=60)
    edit(one.tracks, "swap", A, B, frame=100)
    edit(one.tracks, "undo")
    assert (ids(one.tracks) == UNTRACKED).sum() == 58
    after = track.run(track.TrackConfig(), [shared[0], other], out)
    assert [made.edits for made in after] == [1, 0] and after[1] == two
    assert {name: (out / name).read_bytes() for name in untouched} == untouched
