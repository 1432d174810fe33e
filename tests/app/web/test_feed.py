import shutil
import threading
import time
from urllib.parse import quote

import pytest
from desked import animal, by, change, client_of, edit, post, step, studio_of
from labelled import MOUSE, film

from gambol.app.web import feed, news
from gambol.app.web.feed import COLOURS, colour
from gambol.io.project import Project, Suggestion


@pytest.fixture
def studio(tmp_path, monkeypatch):
    monkeypatch.setattr(feed, "LOOK_S", 0.05)
    with Project.create(tmp_path / "p", MOUSE) as one:
        one.add_video(film(tmp_path / "p" / "videos" / "clip.mp4"))
    one = studio_of(tmp_path / "p")
    yield one
    one.desk.close()


@pytest.fixture
def client(studio):
    with client_of(studio) as one:
        yield one


def place(client, frame, user="Mei"):
    one = edit(change("instances", (1, frame, -1), None, animal()))
    assert post(client, one, user=user).status_code == 200
    return one["id"]


def until(socket, *types):
    while (message := socket.receive_json())["type"] not in types:
        continue
    return message


def test_the_feed_repeats_what_was_missed_and_goes_on_live(client):
    missed = [place(client, f) for f in (1, 2, 3)]
    with client.websocket_connect("/api/feed?since=3") as socket:
        assert [until(socket, "edit")["id"] for _ in missed[1:]] == missed[1:]
        live = [place(client, f) for f in (4, 5)]
        found = [until(socket, "edit") for _ in live]
        assert [m["id"] for m in found] == live and [m["seq"] for m in found] == [6, 7]
        assert found[0]["by"] == "Mei" and found[0]["action"] == "place"
        assert found[0]["changes"] == [["instances", [1, 4, -1], animal()]]
        step(client, "undo", user="Mei")
        assert until(socket, "edit")["changes"] == [["instances", [1, 5, -1], None]]


def test_edits_of_another_program_come_too(studio, client):
    with client.websocket_connect("/api/feed") as socket:
        with Project.open(studio.folder) as other:
            other.set_suggestions([Suggestion(1, 7, "k-means")], by="suggest")
        message = until(socket, "edit")
        assert (message["by"], message["changes"][0][0]) == ("suggest", "suggestions")


def test_everybody_sees_who_is_here_and_their_own_mark(client):
    with client.websocket_connect("/api/feed") as mine:
        assert until(mine, "presence")["people"] == []
        mine.send_text("no look")  # passed over
        mine.send_json(
            {"type": "look", "user": "ann", "screen": "label", "video": 1, "frame": 3}
        )
        (me,) = until(mine, "presence")["people"]
        assert me["own"] and me["frame"] == 3 and me["colour"] == colour("ann")
        with client.websocket_connect("/api/feed") as hers:
            hers.send_json({"type": "look", "user": "Mei"})
            while len(people := until(mine, "presence")["people"]) < 2:
                continue
            assert {(p["name"], p["own"]) for p in people} == {("ann", True), ("Mei", False)}
        while len(people := until(mine, "presence")["people"]) > 1:
            continue
        assert [p["name"] for p in people] == ["ann"]


def test_a_page_that_is_far_behind_loads_everything_again(client, monkeypatch):
    for f in (1, 2, 3):
        place(client, f)
    monkeypatch.setattr(news, "MANY_EDITS", 2)
    with client.websocket_connect("/api/feed?since=1") as socket:
        assert socket.receive_json()["type"] == "reload"
    answer = client.get("/api/changes?since=1")
    assert answer.status_code == 410 and answer.json()["code"] == "too-old"


def test_an_edit_of_many_rows_or_of_the_order_of_keypoints_reloads(client, monkeypatch):
    place(client, 1)
    old = MOUSE.to_dict()
    names, none = old["keypoints"][:2], [-1, -1]
    new = {"name": "m", "keypoints": names, "parent": none, "swap": none, "edges": []}
    value = {"skeleton": new, "order": [0, 1]}
    post(client, edit(change("skeleton", (1,), old, value)))
    seq = client.get("/api/project").json()["seq"]
    messages = client.get(f"/api/changes?since={seq - 1}").json()
    assert [m["type"] for m in messages] == ["edit", "reload"]
    assert messages[0]["changes"][0] == ["skeleton", [1], new]
    monkeypatch.setattr(news, "MANY_ROWS", 1)
    post(client, edit(*(change("frames", (1, f), None, {"complete": 1}) for f in (5, 6))))
    messages = client.get(f"/api/changes?since={seq}").json()
    assert [(m["type"], m["changes"]) for m in messages] == [("edit", []), ("reload", [])]


def test_asking_for_changes_waits_for_one(client):
    began = time.monotonic()
    assert client.get("/api/changes?since=2&wait=0").json() == []
    assert time.monotonic() - began < 2
    later = threading.Timer(0.3, place, (client, 9))
    later.start()
    (message,) = client.get("/api/changes?since=2&wait=20").json()
    later.join()
    assert message["seq"] == 3 and message["type"] == "edit"
    assert client.get("/api/changes?since=2").json() == [message]
    assert client.get("/api/changes", headers=by("Mei")).status_code == 422


def test_people_keep_their_colour():
    assert colour("Mei") == colour("Mei") in COLOURS
    assert len({colour(f"person {k}") for k in range(60)}) == len(COLOURS)


def replaced(folder, n):
    """A client of a project whose server heard n edits, then got the copy from before them."""
    with Project.open(folder) as one:
        copy = one.backup()
    first = studio_of(folder)
    with client_of(first) as client:
        for f in range(n):
            place(client, 4 + f)
        told = client.get("/api/project").json()
    first.desk.close()
    (folder / "project.db-wal").unlink(missing_ok=True)
    (folder / "project.db-shm").unlink(missing_ok=True)
    shutil.copy(copy, folder / "project.db")
    return told


@pytest.mark.parametrize("later", [0, 5])
def test_a_page_that_knew_another_log_is_told_though_this_one_may_be_longer(studio, later):
    folder = studio.folder
    told = replaced(folder, 3)
    known = f"since={told['seq']}&at={quote(told['at'])}"
    second = studio_of(folder)
    with client_of(second) as client:
        for f in range(later):
            place(client, 8 + f)
        assert client.get("/api/project").json()["id"] == told["id"]
        answer = client.get(f"/api/changes?{known}&wait=0")
        assert answer.status_code == 410 and answer.json()["code"] == "replaced"
        with client.websocket_connect(f"/api/feed?{known}") as socket:
            message = socket.receive_json()
            assert (message["type"], message["action"]) == ("reload", "replaced")
            live = place(client, 3)
            assert until(socket, "edit")["id"] == live  # its number is below the page's
        now = client.get("/api/project").json()
        same = f"since={now['seq']}&at={quote(now['at'])}"
        assert client.get(f"/api/changes?{same}&wait=0").json() == []
    second.desk.close()
