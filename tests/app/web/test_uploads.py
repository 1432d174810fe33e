"""Files come whole, or go on where the line broke."""

import asyncio
import hashlib
import os
import shutil
import time
from collections import namedtuple

import pytest
from labelled import film
from served import client_of, studio_of
from starlette.requests import ClientDisconnect, Request

from gambol.app.web import uploads


@pytest.fixture
def client(tmp_path):
    with client_of(studio_of(tmp_path / "mice")) as client:
        (tmp_path / "mice").mkdir(exist_ok=True)
        yield client


def begin(client, name, data, mark="m"):
    said = {"name": name, "bytes": len(data), "hash": mark}
    return client.post("/api/uploads", json=said)


def put(client, upload, at, part, **headers):
    return client.put(f"/api/uploads/{upload}?at={at}", content=part, headers=headers)


def test_a_file_comes_in_parts_and_goes_on_after_a_restart(client, tmp_path):
    data = bytes(range(256)) * 100
    upload = begin(client, "a.mp4", data).json()["id"]
    assert put(client, upload, 0, data[:9000]).json()["received"] == 9000
    with client_of(studio_of(tmp_path / "mice")) as again:  # a new server
        assert begin(again, "a.mp4", data).json()["received"] == 9000
        assert put(again, upload, 9000, data[9000:]).json()["received"] == len(data)
    assert (tmp_path / "mice" / "videos" / "a.mp4").read_bytes() == data
    assert not list((tmp_path / "mice" / "uploads").glob("*.part"))


def test_a_part_that_is_cut_leaves_nothing(client, tmp_path):
    upload = begin(client, "a.slp", b"x" * 100).json()["id"]

    async def cut():
        return {"type": "http.disconnect"}

    request = Request({"type": "http", "method": "PUT", "headers": []}, cut)
    with pytest.raises(ClientDisconnect):
        asyncio.run(uploads._part(request))
    assert client.get(f"/api/uploads/{upload}").json()["received"] == 0
    assert put(client, upload, 0, b"x" * 100).json()["received"] == 100


def test_parts_come_in_order_and_not_beyond_the_end(client):
    upload = begin(client, "a.slp", b"x" * 100).json()["id"]
    assert put(client, upload, 5, b"x").status_code == 409
    assert put(client, upload, 0, b"x" * 101).status_code == 413
    assert put(client, upload, 0, b"x" * uploads.PART + b"x").status_code == 413
    wrong = hashlib.sha256(b"y").hexdigest()
    assert put(client, upload, 0, b"x", **{"X-Part-SHA256": wrong}).status_code == 422
    assert client.get(f"/api/uploads/{upload}").json()["received"] == 0


@pytest.mark.parametrize(
    ("name", "size", "status"),
    [("a.exe", 1, 415), ("a.pt", 1, 415), ("a.pickle", 1, 415), ("a.mp4", 51 << 30, 413),
     ("a.mp4", 0, 422)],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_at_once(client, name, size, status):
    said = {"name": name, "bytes": size, "hash": "m"}
    assert client.post("/api/uploads", json=said).status_code == status


def test_five_percent_of_the_disk_stay_free(client, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1000, 900, 100))
    assert begin(client, "a.mp4", b"x" * 51).status_code == 507
    assert begin(client, "a.mp4", b"x" * 50).status_code == 201


def test_a_disk_that_fills_up_meanwhile_takes_no_more(client, monkeypatch):
    upload = begin(client, "a.mp4", b"x" * 40).json()["id"]
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1000, 945, 55))
    full = put(client, upload, 0, b"x" * 10)
    assert (full.status_code, full.json()["code"]) == (507, "full")
    assert put(client, upload, 0, b"x" * 5).json()["received"] == 5


def test_what_nobody_went_on_with_for_a_week_is_gone_at_the_next_start(client, tmp_path):
    folder = tmp_path / "mice"
    old = begin(client, "old.mp4", b"x" * 40, "1").json()["id"]
    new = begin(client, "new.mp4", b"x" * 40, "2").json()["id"]
    done = begin(client, "done.slp", b"x", "3").json()["id"]
    put(client, old, 0, b"x" * 10)
    put(client, done, 0, b"x")
    week = time.time() - uploads.KEPT_S
    for upload, age in ((old, -60), (new, 60)):
        os.utime(folder / "uploads" / f".{upload}.part", (week + age,) * 2)
    assert uploads.tidy_up(folder, week - 1e6) == []
    with client_of(studio_of(folder)) as again:
        assert again.get(f"/api/uploads/{old}").status_code == 404
        assert again.get(f"/api/uploads/{new}").json()["received"] == 0
        assert again.get(f"/api/uploads/{done}").json()["received"] == 1
        assert begin(again, "old.mp4", b"x" * 40, "1").json()["received"] == 0


def test_no_name_leads_out_and_none_is_replaced(client, tmp_path):
    for mark, data in (("1", b"one"), ("2", b"two")):
        upload = begin(client, "../../way/out.mp4", data, mark).json()["id"]
        put(client, upload, 0, data)
    folder = tmp_path / "mice" / "videos"
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {
        "out.mp4": b"one", "out 2.mp4": b"two"
    }  # fmt: skip


def test_a_film_that_came_can_be_added(client, tmp_path):
    client.post("/api/project", json={"keypoints": ["nose", "tail"]})
    data = film(tmp_path / "film.mp4").read_bytes()
    upload = begin(client, "film.mp4", data).json()["id"]
    half = client.post("/api/videos", json={"file": upload})
    assert half.status_code == 404
    put(client, upload, 0, data)
    added = client.post("/api/videos", json={"file": upload})
    assert added.json()["video"]["path"] == "videos/film.mp4"


@pytest.mark.parametrize("all_of_it", [False, True])
def test_what_was_deleted_meanwhile_begins_anew(client, tmp_path, all_of_it):
    own, data = tmp_path / "mice" / "uploads", bytes(range(100))
    upload = begin(client, "a.mp4", data).json()["id"]
    put(client, upload, 0, data[:60])
    if all_of_it:
        shutil.rmtree(own)
    else:
        (own / f".{upload}.part").unlink()
    for at in (60, 5):  # the last part, too
        answer = put(client, upload, at, data[at:])
        assert answer.status_code == (404 if all_of_it else 409)
        assert answer.json()["code"] == ("not-found" if all_of_it else "gone")
    assert begin(client, "a.mp4", data).json() == {
        "id": upload, "name": "a.mp4", "bytes": 100, "received": 0
    }  # fmt: skip
    assert put(client, upload, 0, data[:60]).json()["received"] == 60
    assert put(client, upload, 60, data[60:]).json()["received"] == 100
    assert (tmp_path / "mice" / "videos" / "a.mp4").read_bytes() == data


def test_a_whole_file_that_was_deleted_comes_again(client, tmp_path):
    place, data = tmp_path / "mice" / "videos" / "a.mp4", b"x" * 100
    for _ in range(2):
        upload = begin(client, "a.mp4", data).json()["id"]
        assert put(client, upload, 0, data).json()["received"] == 100
        assert begin(client, "a.mp4", data).json()["received"] == 100
        place.unlink()
        assert client.get(f"/api/uploads/{upload}").json()["received"] == 0
        assert client.post("/api/videos", json={"file": upload}).status_code == 404
    assert put(client, upload, 0, data).json()["received"] == 100  # without asking first
    assert place.read_bytes() == data


def test_another_file_in_the_place_of_one_that_came_is_not_taken_for_it(client, tmp_path):
    videos, ids = tmp_path / "mice" / "videos", []
    one, two = b"1" * 100, b"2" * 100
    for mark, data in (("1", one), ("2", two)):
        ids.append(begin(client, "a.mp4", data, mark).json()["id"])
        put(client, ids[-1], 0, data)
        if data == one:
            (videos / "a.mp4").unlink()
    assert (videos / "a.mp4").read_bytes() == two
    assert client.get(f"/api/uploads/{ids[0]}").json()["received"] == 0
    assert client.post("/api/videos", json={"file": ids[0]}).status_code == 404
    assert begin(client, "a.mp4", one, "1").json()["received"] == 0
    assert put(client, ids[0], 0, one).json()["received"] == 100
    assert {p.name: p.read_bytes() for p in videos.iterdir()} == {
        "a.mp4": two, "a 2.mp4": one
    }  # fmt: skip
    for upload, name in ((ids[1], "a.mp4"), (ids[0], "a 2.mp4")):
        os.utime(videos / name, (5, 5))  # a copy that took its place
        assert client.get(f"/api/uploads/{upload}").json()["received"] == 100


def test_a_part_that_goes_while_it_is_finished_is_no_fault_of_the_server(
    client, tmp_path, monkeypatch
):
    data, real = b"x" * 100, os.replace
    upload = begin(client, "a.mp4", data).json()["id"]
    part = tmp_path / "mice" / "uploads" / f".{upload}.part"

    def gone(source, to):
        if source == part:
            part.unlink()
        real(source, to)

    monkeypatch.setattr(os, "replace", gone)
    assert put(client, upload, 0, data).json()["received"] == 0
    monkeypatch.setattr(os, "replace", real)
    assert put(client, upload, 0, data).json()["received"] == 100
    assert (tmp_path / "mice" / "videos" / "a.mp4").read_bytes() == data


def test_power_that_goes_before_a_file_has_its_place_costs_nothing(
    client, tmp_path, monkeypatch
):
    data, real = b"x" * 100, os.replace
    upload = begin(client, "a.mp4", data).json()["id"]

    def dies(source, to):
        if str(source).endswith(".part"):
            raise KeyboardInterrupt
        real(source, to)

    monkeypatch.setattr(os, "replace", dies)
    desk = uploads.Uploads(tmp_path / "mice")
    with pytest.raises(KeyboardInterrupt):
        desk.put(upload, 0, data)
    monkeypatch.setattr(os, "replace", real)
    assert not list((tmp_path / "mice" / "videos").iterdir())
    assert begin(client, "a.mp4", data).json()["received"] == 100
    assert [p.read_bytes() for p in (tmp_path / "mice" / "videos").iterdir()] == [data]
