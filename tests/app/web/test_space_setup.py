"""Routes that prepare 3D: calibrations brought in, offsets, and who may."""

import uuid

import pytest
from desked import step
from rings import ring
from served import LOOK, client_of, studio_of
from spaced import films, world

from gambol.io import calibration


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("setup") / "mice.gambol"
    world(path, seconds=0.5)
    films(path, frames=4)
    calibration.write(ring(3), path / "theirs.json", "multicam")
    return path


@pytest.fixture
def client(folder):
    with client_of(studio_of(folder)) as made:
        yield made


def entry(client, name):
    (found,) = [e for e in client.get("/api/files").json()["entries"] if e["name"] == name]
    return found


def offset(client, *films, **more):
    body = {"id": uuid.uuid4().hex, "films": list(films), **more}
    return client.post("/api/space/clock", json=body)


def test_a_calibration_comes_in_and_is_a_rig(client):
    said = client.post("/api/rigs", json={"files": [entry(client, "theirs.json")["id"]]})
    assert said.status_code == 201 and said.json()["cameras"] == ["c0", "c1", "c2"]
    rigs = {one["rig"]: one for one in client.get("/api/space").json()["rigs"]}
    assert rigs[said.json()["rig"]]["title"] == "calibrations/theirs.toml"
    assert entry(client, "runs")["kind"] == "folder"
    cameras = client.get(f"/api/rigs/{said.json()['rig']}/cameras").json()["cameras"]
    assert len(cameras) == 3


def test_what_is_none_is_refused_with_a_sentence(client, folder):
    (folder / "none.toml").write_text("a = 1\n")
    said = client.post("/api/rigs", json={"files": [entry(client, "none.toml")["id"]]})
    assert said.status_code == 422 and "none.toml" in said.json()["message"]
    assert client.post("/api/rigs", json={"files": ["nobody"]}).status_code == 404
    assert client.post("/api/rigs", json={"files": []}).status_code == 422
    assert entry(client, "none.toml")["kind"] == "rig"


def test_an_offset_moves_a_film_against_the_clock_and_undo_takes_it_back(client):
    (run,) = client.get("/api/space").json()["runs"]
    view = run["views"][1]
    said = offset(client, {"video": view["video"], "lag": 2.5, "drops": [[2, 1]]})
    assert "+2.5 frames" in said.json()["action"]
    space = client.get("/api/space").json()
    now = space["runs"][0]["views"][1]
    assert (now["lag"], now["drops"], now["stale"]) == (2.5, [[2, 1]], True)
    assert [v["stale"] for v in space["runs"][0]["views"]].count(True) == 1
    assert [one["video"] for one in space["clocks"]] == [view["video"]]
    step(client, "undo")
    assert client.get("/api/space").json()["runs"][0]["views"][1] == view
    step(client, "redo")
    assert client.get("/api/space").json()["runs"][0]["views"][1] == now
    step(client, "undo")


def test_offsets_of_several_films_are_one_edit(client):
    videos = [v["video"] for v in client.get("/api/space").json()["runs"][0]["views"]]
    offset(client, *({"video": v, "lag": 1.0} for v in videos), source="synchronize-1")
    last = client.get("/api/history").json()[0]
    assert last["action"] == "3D: offsets of 4 films from synchronize-1"
    step(client, "undo")
    assert client.get("/api/space").json()["clocks"] == []


def test_only_who_may_edit_does(client):
    assert offset(client, {"video": 99, "lag": 1.0}).status_code == 404
    assert offset(client, {"video": 1, "lag": "Infinity"}).status_code == 422
    for path in ("/api/rigs", "/api/space/clock"):
        assert client.post(path, json={}, headers=LOOK).status_code in (403, 423)
