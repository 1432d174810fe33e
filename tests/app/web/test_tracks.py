"""Proofreading over the wire: the queue, decisions, undo, what other commands then read."""

import hashlib
import shutil
import threading
import time

import numpy as np
import pytest
import worlds
from desked import by, step
from proofread import animals, do, planted, right, served
from served import LOOK, OWN, TOKENS, client_of

from gambol.app.web import runs, track_book, track_files
from gambol.app.web.desk import Desk
from gambol.app.web.guard import Access
from gambol.app.web.state import Studio
from gambol.io import track_logs
from gambol.io import tracks as io_tracks
from gambol.io.project import Project
from gambol.stages import export, review


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted") / "p"
    return folder, *planted(folder)


@pytest.fixture
def opened(made, tmp_path):
    folder, target, truth, swaps = made
    mine = shutil.copytree(folder, tmp_path / "p")
    studio, client = served(mine)
    studio.tracks.follower._idle_s = 1e9
    yield studio, client, mine / target.relative_to(folder), truth, swaps
    studio.desk.close()


def ids_of(client, frames=1800):
    frame, who, row, _ = animals(client, "t1", 0, frames - 1)
    places = frame[who >= 0] * 100 + who[who >= 0]
    assert len(np.unique(places)) == len(places)  # nobody is twice in a frame
    assert (row == np.arange(len(row))).all()
    return who


def crossings(client):
    return client.get("/api/runs/t1/crossings").json()


def test_planted_swaps_lead_the_queue_and_are_mended_and_brought_back(opened):
    studio, client, target, truth, swaps = opened
    (run,) = client.get("/api/runs").json()
    assert run["run"] == "t1" and run["job"] == "track-1" and run["trouble"] is None
    first = crossings(client)
    assert first["names"] == run["names"] == ["animal1", "animal2", "animal3"]
    lead = first["crossings"][:15]
    number = {name: k for k, name in enumerate(first["names"])}
    hits = [
        next((c for c in lead if c["first"] <= at <= c["last"]
              and who <= {number[n] for n in c["animals"]}), None)
        for at, who in swaps
    ]  # fmt: skip
    assert sum(hit is not None for hit in hits) >= 11
    harm = [(1 - c["confidence"]) * c["affected"] for c in first["crossings"]]
    assert harm == sorted(harm, reverse=True) and first["left"] > 6
    before = ids_of(client)
    assert right(before, truth) < 0.9

    done = []
    for at, _ in sorted(swaps, key=lambda s: s[0]):
        event = next(c for c in crossings(client)["crossings"]
                     if c["verdict"] is None and c["first"] <= at <= c["last"])  # fmt: skip
        answer = do(client, "t1", "swap", animals=event["animals"], item=event["item"])
        assert answer.status_code == 200 and answer.json()["last"] == 1799
        done.append(ids_of(client))
    assert right(done[-1], truth) == 1.0
    assert crossings(client)["left"] < 0.5

    for earlier in [*reversed(done[:-1]), before]:
        assert step(client, "undo").json()["actions"][0].startswith("tracks: swap")
        assert np.array_equal(ids_of(client), earlier)
    assert crossings(client)["crossings"] == first["crossings"]
    assert studio.desk.ask_now(Project.check) == []


def test_decisions_last_across_servers_and_reach_files(opened):
    studio, client, target, _, _ = opened
    event = crossings(client)["crossings"][0]
    assert do(client, "t1", "swap", animals=event["animals"], frame=event["last"]).is_success
    assert do(client, "t1", "rename", animals=["animal1"], name="Mei").is_success
    wanted = ids_of(client)
    studio.desk.close()  # killed: the file is as it was
    out = target.parent / "out.csv"
    export.run(target, "csv", out)  # and yet who reads gets what was said
    assert "Mei" in out.read_text()[:2000]
    (piece,) = io_tracks.pieces(target, frames=10**6)
    assert np.array_equal(piece.id, wanted)

    again, client = served(studio.folder)
    assert crossings(client)["names"] == ["Mei", "animal2", "animal3"]
    assert np.array_equal(ids_of(client), wanted)
    assert do(client, "t1", "undo").json()["action"].startswith("tracks: rename")
    assert crossings(client)["names"][0] == "animal1"
    again.tracks.close()  # the end of the server
    assert review.run(review.ReviewConfig(), target).events[0]["animals"][0] != "Mei"
    assert not review.settle(target)
    assert do(client, "t1", "redo").is_success
    assert crossings(client)["names"][0] == "Mei"
    again.desk.close()


def test_the_file_follows_when_nobody_edits(opened):
    studio, client, target, _, _ = opened
    studio.tracks.follower._idle_s = 0.1
    assert do(client, "t1", "swap", animals=["animal1", "animal2"], frame=900).is_success
    wanted = ids_of(client)
    for _ in range(300):
        (piece,) = io_tracks.pieces(target, frames=10**6)
        if np.array_equal(piece.id, wanted):
            break
        time.sleep(0.1)
    assert np.array_equal(piece.id, wanted)
    assert np.array_equal(ids_of(client), wanted)  # read from the new file
    studio.tracks.close()


def test_a_swap_ends_before_the_next_pin(opened):
    _, client, _, _, _ = opened
    before = ids_of(client)
    assert do(client, "t1", "pin", frame=1000).is_success
    done = do(client, "t1", "swap", animals=["animal1", "animal2"], frame=500).json()
    assert (done["first"], done["last"]) == (500, 999)
    frame, *_ = animals(client, "t1", 0, 1799)
    expected = before.copy()
    part = (frame >= 500) & (frame < 1000)
    expected[part] = np.array([1, 0, 2])[before[part]]
    assert np.array_equal(ids_of(client), expected)
    line = client.get("/api/runs/t1/timeline?px=300").json()
    assert line["pins"] == [1000] and {500, 1000} <= set(line["edits"])
    assert do(client, "t1", "pin", frame=1000).is_success
    assert client.get("/api/runs/t1/timeline").json()["pins"] == []


def test_verdicts_move_events_and_twenty_of_them_make_bands(opened):
    _, client, _, _, _ = opened
    queue = crossings(client)["crossings"]
    assert do(client, "t1", "unsure", item=queue[0]["item"]).is_success
    after = crossings(client)
    assert after["crossings"][len(queue) - 1] == queue[0] | {"verdict": "unsure"}
    for event in queue[1:3]:
        assert do(client, "t1", "confirm", item=event["item"]).is_success
    got = crossings(client)
    kept = [c for c in got["crossings"] if c["verdict"] == "right"]
    assert sorted(c["item"] for c in kept) == sorted(c["item"] for c in queue[1:3])
    gone = sum(1 - c["confidence"] for c in kept)
    assert got["left"] == pytest.approx(after["left"] - gone) and got["bands"] == []
    assert do(client, "t1", "confirm", item="9.1").status_code == 404


def test_cut_assign_join_and_no_animal(opened):
    _, client, _, _, _ = opened
    before = ids_of(client)
    frame, *_ = animals(client, "t1", 0, 1799)
    cut = do(client, "t1", "cut", animals=["animal2"], frame=700).json()
    assert cut["first"] == 700 and cut["last"] > 700
    part = (frame >= 700) & (frame <= cut["last"])
    now = ids_of(client)
    assert (now[part & (before == 1)] == -1).all() and (now[~part] == before[~part]).all()
    doubt = client.get("/api/runs/t1/next?after=600").json()
    assert doubt["frame"] == 700
    line = client.get("/api/runs/t1/timeline?from=600&to=800&px=201").json()
    assert [700, cut["last"], 1] in line["loose"] or line["loose"][0][0] == 700

    row = doubt["row"] or int(np.flatnonzero(part & (before == 1))[0])
    assert do(client, "t1", "assign", animals=["animal3"], row=row).is_success
    given = ids_of(client)
    assert (given[part & (before == 1)] == 2).all()
    assert (given[part & (before == 2)] == -1).all()  # the loser is a fragment
    assert do(client, "t1", "assign", animals=["animal3"], row=row).status_code == 409
    assert do(client, "t1", "undo").is_success and np.array_equal(ids_of(client), now)
    assert do(client, "t1", "join", animals=["animal2"], frame=690).is_success
    assert np.array_equal(ids_of(client), before)
    assert do(client, "t1", "undo").is_success
    assert do(client, "t1", "delete", row=row).is_success
    assert (ids_of(client)[part & (before == 1)] == -2).all()
    gone = client.get("/api/runs/t1/next?after=699").json()
    assert gone == {"frame": 700, "animal": "animal2", "row": None}


def away(studio, first, last, animal=1):
    """Make a gap."""
    record = {"kind": "untrack", "animal": animal, "first": first, "last": last}
    studio.desk.ask_now(
        lambda p: track_logs.append(p, 1, [record], "tracks: gap", "bob", f"gap {first:8d}")
    )


def test_a_gap_is_bridged_marked_undone_and_found_in_the_file(opened):
    studio, client, target, _, _ = opened
    away(studio, 700, 706)
    assert client.get("/api/runs/t1/next?after=650").json()["frame"] == 700
    kept = ids_of(client)
    done = do(client, "t1", "interpolate", animals=["animal2"], frame=703).json()
    assert (done["first"], done["last"]) == (700, 706)
    line = client.get("/api/runs/t1/timeline?from=600&to=800&px=201").json()
    assert line["bridged"] == [[1, 700, 706]] and line["ready"]
    after = client.get("/api/runs/t1/next?after=650").json()
    assert (after["frame"], after["animal"]) != (700, "animal2")
    frame, who, row, points = animals(client, "t1", 690, 703)  # a part of it
    drawn = row == -1
    assert frame[drawn].tolist() == [700, 701, 702, 703] and (who[drawn] == 1).all()
    frame, who, row, points = animals(client, "t1", 640, 760)
    ends = [points[(frame == t) & (who == 1)][0, :, :2] for t in (699, 707)]
    for t, pose in zip(frame[row == -1], points[row == -1], strict=True):
        w = (t - 699) / 8
        assert np.allclose(pose[:, :2], (1 - w) * ends[0] + w * ends[1], atol=1e-3)
    assert do(client, "t1", "swap", animals=["animal2", "animal3"], frame=300).is_success
    frame, who, row, _ = animals(client, "t1", 700, 706)
    assert (who[row == -1] == 2).all() and (row == -1).sum() == 7
    assert do(client, "t1", "undo").is_success
    review.settle(target)
    series = io_tracks.read(target).poses
    there = series["interpolated"].transpose("time", "individuals").values
    assert np.argwhere(there).tolist() == [[t, 1] for t in range(700, 707)]
    assert do(client, "t1", "undo").is_success
    assert client.get("/api/runs/t1/timeline?px=100").json()["bridged"] == []
    frame, _, row, _ = animals(client, "t1", 0, 1799)
    assert (row >= 0).all() and np.array_equal(ids_of(client), kept)
    review.settle(target)
    assert "interpolated" not in io_tracks.read(target).poses


def test_bridges_that_exchanges_bring_together_are_drawn_once_and_written(opened):
    studio, client, target, _, _ = opened
    away(studio, 700, 706, animal=1)
    away(studio, 702, 704, animal=2)
    for animal in ("animal2", "animal3"):
        said = {"animals": [animal], "frame": 703}
        assert do(client, "t1", "interpolate", **said).is_success
    record = {"kind": "swap", "a": 1, "b": 2, "first": 701, "last": None}
    studio.desk.ask_now(
        lambda p: track_logs.append(p, 1, [record], "tracks: swap", "bob", "exchange")
    )
    frame, who, row, _ = animals(client, "t1", 690, 720)
    shown = sorted(zip(frame[row == -1].tolist(), who[row == -1].tolist(), strict=True))
    assert shown == [(702, 1), (703, 1), (704, 1)]
    line = client.get("/api/runs/t1/timeline?from=600&to=800&px=201").json()
    assert line["bridged"] == [[1, 702, 704]]
    review.settle(target)
    there = io_tracks.read(target).poses["interpolated"].transpose("time", "individuals")
    assert [tuple(at) for at in np.argwhere(there.values).tolist()] == shown


def test_that_a_track_file_cannot_be_written_is_told(opened, monkeypatch):
    studio, client, target, _, _ = opened
    monkeypatch.setattr(track_files, "write", lambda target: "the disk is full")
    assert client.get("/api/runs").json()[0]["unwritten"] is None
    told = []
    monkeypatch.setattr(studio.hub, "send", told.append)
    studio.tracks.follower.edited(target)
    studio.tracks.follower.settle()
    assert [message.type for message in told] == ["tracks"]
    run = client.get("/api/runs").json()[0]
    assert run["unwritten"] == "the disk is full" and run["trouble"] is None
    monkeypatch.setattr(track_files, "write", lambda target: "")
    studio.tracks.follower.edited(target)
    studio.tracks.follower.settle()
    assert client.get("/api/runs").json()[0]["unwritten"] is None and len(told) == 2


def test_long_gaps_are_left_and_then_passed_over(opened):
    studio, client, _, _, _ = opened
    away(studio, 700, 720)
    said = {"animals": ["animal2"], "frame": 705}
    answer = do(client, "t1", "interpolate", **said)
    assert answer.status_code == 422 and "away for 21 frames" in answer.json()["message"]
    assert do(client, "t1", "leave", **said).json()["last"] == 720
    after = client.get("/api/runs/t1/next?after=650").json()
    assert (after["frame"], after["animal"]) != (700, "animal2")
    for what, frame, word in (("leave", 699, "is seen"), ("interpolate", 721, "is seen")):
        answer = do(client, "t1", what, animals=["animal2"], frame=frame)
        assert answer.status_code == 422 and word in answer.json()["message"]
    away(studio, 0, 3)
    answer = do(client, "t1", "interpolate", animals=["animal2"], frame=2)
    assert answer.status_code == 422 and "not seen before" in answer.json()["message"]


def test_who_opens_a_long_recording_hears_at_once_that_it_is_read(opened, monkeypatch):
    studio, client, _, _, _ = opened
    go = threading.Event()
    plain = track_book.track_index.open_base
    monkeypatch.setattr(
        track_book.track_index, "open_base", lambda *what: (go.wait(20), plain(*what))[1]
    )
    line = client.get("/api/runs/t1/timeline?px=100").json()
    assert line["ready"] is False and line["animals"] == []
    go.set()
    end = time.monotonic() + 20
    while not (line := client.get("/api/runs/t1/timeline?px=100").json())["ready"]:
        assert time.monotonic() < end
    assert len(line["animals"]) == 3


@pytest.mark.parametrize(
    ("what", "said", "word"),
    [
        ("swap", {"animals": ["animal1"], "frame": 3}, "2 different animals"),
        ("swap", {"animals": ["animal1", "anymal2"], "frame": 3}, "animal2"),
        ("swap", {"animals": ["animal1", "animal2"], "frame": 9999}, "1799"),
        ("rename", {"animals": ["animal1"], "name": "animal2"}, "nobody has"),
        ("assign", {"animals": ["animal1"], "frame": 3, "x": 1.0, "y": 1.0}, "no fragment"),
    ],
)
def test_what_cannot_be_is_said(opened, what, said, word):
    _, client, _, _, _ = opened
    answer = do(client, "t1", what, **said)
    assert answer.status_code == 422 and word in answer.json()["message"]
    assert crossings(client)["edits"] == 0


def test_undo_is_of_these_tracks_and_of_oneself(opened):
    _, client, _, _, _ = opened
    assert do(client, "t1", "undo").status_code == 409
    assert do(client, "t1", "pin", frame=5).is_success
    assert do(client, "t1", "undo", user="bob").status_code == 409
    same = {"id": "12345678-once", "do": "pin", "frame": 9}
    for _ in range(2):
        assert client.post("/api/runs/t1/edits", json=same, headers=by("ann")).is_success
    assert client.get("/api/runs/t1/timeline").json()["pins"] == [5, 9]
    assert client.get("/api/runs/t7/timeline").status_code == 404


def test_label_shows_names_that_the_file_does_not_know_yet(opened):
    studio, client, target, _, _ = opened
    found = runs.routes(studio) and studio.predictions
    with Project.open(studio.folder) as project:
        project.add_video(worlds.film(studio.folder / "film.mp4", 1800, 64))
    plain = {frame: found.at(1, frame).animals for frame in (400, 900)}
    assert do(client, "t1", "swap", animals=["animal1", "animal2"], frame=700).is_success
    assert do(client, "t1", "rename", animals=["animal3"], name="Mei").is_success
    cut = do(client, "t1", "cut", animals=["animal2"], frame=1000).json()

    def by_name(animals):
        return {one.name: one for one in animals}

    for frame, swapped in ((400, False), (900, True)):
        was, now = by_name(plain[frame]), by_name(found.at(1, frame).animals)
        other = ("animal2", "animal1") if swapped else ("animal1", "animal2")
        for name, old in zip(("animal1", "animal2", "Mei"), (*other, "animal3"), strict=True):
            assert now[name] == was[old].model_copy(update={"name": name})
    gone = found.at(1, cut["first"]).animals
    assert "animal2" not in by_name(gone)
    studio.tracks.follower.settle()  # now the file says it itself
    found._looked = -1e9
    assert by_name(found.at(1, 900).animals).keys() == {"animal1", "animal2", "Mei"}
    assert studio.tracks.seen(target, 900) is None


GETS = ("runs", "runs/t1/crossings", "runs/t1/timeline", "runs/t1/animals?from=0&to=50",
        "runs/t1/next", "project", "behavior", "space", "jobs", "history")  # fmt: skip


def test_a_server_to_look_writes_nothing_and_starts_nothing(opened):
    studio, client, target, _, _ = opened
    assert do(client, "t1", "swap", animals=["animal1", "animal2"], frame=700).is_success
    studio.desk.close()  # killed: the file does not follow
    for path in studio.folder.rglob("*.index"):  # what was made to look things up
        path.unlink()
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in studio.folder.rglob("*")
              if p.is_file()}  # fmt: skip
    looked = Studio(studio.folder, Desk(studio.folder, looks=True), user="ann",
                    access=Access(TOKENS, read_only=True))  # fmt: skip
    with client_of(looked) as looker:
        for path in GETS:
            assert looker.get(f"/api/{path}").status_code == 200, path
        (run,) = looker.get("/api/runs").json()
        assert run["trouble"] is None
        assert looked.tracks.follower._due == {} and looked.tracks.follower._thread is None
        assert looked.tracks.indexer._seen == set()
    after = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in studio.folder.rglob("*")
             if p.is_file()}  # fmt: skip
    assert after == before


def test_who_looks_starts_nothing_and_who_edits_does(opened):
    studio, client, target, _, _ = opened
    assert do(client, "t1", "swap", animals=["animal1", "animal2"], frame=700).is_success
    studio.desk.close()
    again = Studio(studio.folder, Desk(studio.folder), user="ann", access=Access(TOKENS))
    looker = client_of(again)  # no server yet that looks at the tracks by itself
    follower = again.tracks.follower
    follower._idle_s = 1e9
    for path in GETS[:5]:
        assert looker.get(f"/api/{path}", headers=LOOK).status_code == 200, path
    assert follower._due == {} and follower._thread is None
    assert looker.get("/api/runs", headers=OWN).status_code == 200
    assert set(follower._due) == {target}
    follower._due.clear()
    again.tracks.close()
    again.desk.close()


def test_a_broken_run_is_named_with_its_checksum_and_mends_with_its_files(opened):
    studio, client, target, _, _ = opened
    (automatic,) = target.parent.glob(".*.npz")
    for path in (automatic, target):
        said = path.read_bytes()
        path.write_bytes(said[: len(said) // 2])
        for index in target.parent.glob(".*.index"):
            index.unlink()
        if path == automatic:  # seen by who opens it
            assert client.get("/api/runs/t1/crossings").status_code == 422
        (run,) = client.get("/api/runs").json()
        assert run["job"] == "track-1" and path.name in run["trouble"]
        digest = hashlib.sha256(target.read_bytes()).hexdigest()
        assert f"{target.name} is sha256:{digest} now" in run["trouble"]
        path.write_bytes(said)
        (run,) = client.get("/api/runs").json()
        assert run["trouble"] is None and crossings(client)["crossings"]


def test_undo_that_comes_too_late_says_who_changed_it(opened):
    studio, client, _, _, _ = opened
    assert do(client, "t1", "pin", frame=5).is_success

    def replaced(project):
        ((_, path),) = track_logs.listed(project)
        about, _ = project.track_log(path)
        project.set_track_log(path, about, [], action="begin anew", by="bob")

    studio.desk.ask_now(replaced)
    answer = do(client, "t1", "undo")
    assert answer.status_code == 409 and answer.json()["code"] == "conflict"
    (theirs,) = answer.json()["theirs"]
    assert (
        theirs["by"] == "bob" and theirs["table"] == "track_edits" and theirs["value"] is None
    )
