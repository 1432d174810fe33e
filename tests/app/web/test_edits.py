import os
import signal
import subprocess
import sys
import time
import uuid

import numpy as np
import pytest
from desked import J, Page, animal, by, change, client_of, edit, post, rng, step, studio_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labelled import MOUSE, film, make

from gambol.app.web.state import Studio
from gambol.core.labels import Visibility
from gambol.io import project_changes, project_edits, project_keypoints, project_views
from gambol.io.project import Project
from gambol.io.project_changes import RowChange

FRAME = {"complete": 2, "flag": 0, "note": ""}


@pytest.fixture
def studio(tmp_path):
    with Project.create(tmp_path / "p", MOUSE) as one:
        one.add_video(film(tmp_path / "p" / "videos" / "clip.mp4"), by="server")
    one = studio_of(tmp_path / "p")
    yield one
    one.desk.close()


@pytest.fixture
def client(studio):
    return client_of(studio)


def rows_of(project):
    """Every row of every table, as the wire has it."""
    keys = list(project_edits._keys(project.connection))
    get, numbers = project_edits.get, project_keypoints.ids(project.connection)
    return {
        (table, key): project_views.wire(table, get(project.connection, table, key), numbers)
        for table, key in keys
    }


def named(client, user="ann"):
    first = change("individuals", (1,), None, {"name": "mouse"})
    assert post(client, edit(first), user=user).status_code == 200


@pytest.mark.parametrize("seed", [0, 1])
def test_random_edits_undone_are_the_start_and_redone_the_end(studio, client, seed):
    start = studio.desk.ask_now(rows_of)
    page, n = Page(rng(seed)), 250
    edits = [page.edit() for _ in range(n)]
    for k in range(0, n, 50):
        answer = post(client, *edits[k : k + 50]).json()
        assert answer["problem"] is None and len(answer["done"]) == 50
    end = studio.desk.ask_now(rows_of)
    mine = {key: value for key, value in page.rows.items() if value is not None}
    assert {key: value for key, value in end.items() if key[0] != "videos"} == mine
    assert studio.desk.ask_now(Project.check) == []
    kinds = {line["action"] for line in client.get("/api/history?n=500").json()}
    assert len(kinds) >= 12

    undone = step(client, "undo", n=n // 2).json()
    studio.desk.close()  # a restart in the middle
    again = studio_of(studio.folder)
    client = client_of(again)
    undone["actions"] += step(client, "undo", n=n).json()["actions"]
    assert undone["actions"] == [one["action"] for one in reversed(edits)]
    assert again.desk.ask_now(rows_of) == start
    assert again.desk.ask_now(Project.check) == []
    for _ in range(3):
        step(client, "redo", n=100)
    assert again.desk.ask_now(rows_of) == end
    assert again.desk.ask_now(Project.check) == []
    assert step(client, "redo").json()["actions"] == []
    assert again.desk.ask_now(lambda p: p.labels(drafts=True)).skeleton == again.desk.ask_now(
        lambda p: p.skeleton
    )
    again.desk.close()


@pytest.mark.parametrize("seed", [2, 3])
def test_edits_of_two_people_undone_by_them_are_the_start_and_redone_the_end(studio, seed):
    """Check 11 of the specification, with two people and without a browser."""
    page, random, users = Page(rng(seed)), rng(seed + 50), []
    start = studio.desk.ask_now(rows_of)
    for _ in range(500):
        one = page.edit()
        changes = [
            RowChange(c["table"], c["key"], c["saw"], c["value"]) for c in one["changes"]
        ]
        users.append(random.choice(["ann", "Mei"]))
        studio.desk.ask_now(
            lambda p, one=one, rows=changes: project_changes.apply(
                p, one["id"], one["action"], rows, users[-1]
            )
        )
    end = studio.desk.ask_now(rows_of)
    mine = {key: value for key, value in page.rows.items() if value is not None}
    assert {key: value for key, value in end.items() if key[0] != "videos"} == mine
    again = studio
    for how, order, wanted in (("undo", users[::-1], start), ("redo", users, end)):
        for user in order:
            step_ = getattr(project_changes, how)
            done = again.desk.ask_now(lambda p, f=step_, u=user: f(p, uuid.uuid4().hex, u))
            assert len(done.actions) == 1
        again.desk.close()
        again = studio_of(studio.folder)  # reload
        assert again.desk.ask_now(rows_of) == wanted
        assert again.desk.ask_now(Project.check) == []
    again.desk.close()


def test_an_edit_posted_twice_happens_once(client):
    one = edit(change("instances", (1, 3, -1), None, animal()))
    first, second = post(client, one).json(), post(client, one).json()
    assert first == second
    assert len(client.get("/api/frames/1/3").json()["instances"]) == 1
    uid = uuid.uuid4().hex
    assert step(client, "undo", uid=uid).json()["actions"] == ["place"]
    assert step(client, "undo", uid=uid).json()["actions"] == ["place"]
    assert step(client, "redo").json()["actions"] == ["place"]


def test_two_people_at_one_animal_hear_of_each_other_and_lose_nothing(client):
    key = (1, 3, -1)
    post(client, edit(change("instances", key, None, animal(1.0))), user="Mei")
    late = edit(change("instances", key, None, animal(2.0)))
    answer = post(client, late)
    assert answer.status_code == 409 and answer.json()["code"] == "conflict"
    (theirs,) = answer.json()["theirs"]
    assert theirs["by"] == "Mei" and theirs["value"] == animal(1.0)
    assert theirs["key"] == [1, 3, -1] and theirs["seq"] == 3
    assert client.get("/api/frames/1/3").json()["instances"] == [[-1, animal(1.0)]]
    assert post(client, late, force=True).status_code == 200  # keep mine
    # another animal of the frame never clashes
    other = edit(change("instances", (1, 3, -2), None, animal(5.0)))
    assert post(client, other, user="Mei").status_code == 200
    # and who sets what stands there already agrees
    same = edit(change("instances", key, animal(9.0), animal(2.0)))
    assert post(client, same, user="Mei").status_code == 200


def test_undo_takes_back_ones_own_edits_and_asks_before_it_takes_back_others(client):
    key = (1, 3, -1)
    post(client, edit(change("instances", key, None, animal(1.0)), action="mine"))
    mei = edit(change("instances", key, animal(1.0), animal(2.0)), action="hers")
    post(client, mei, user="Mei")
    post(client, edit(change("instances", (1, 9, -1), None, animal(3.0)), action="far"))
    assert step(client, "undo").json() | {"seq": 0} == {
        "seq": 0, "actions": ["far"], "video": 1, "frame": 9,
    }  # fmt: skip
    clash = step(client, "undo")
    assert clash.status_code == 409 and clash.json()["theirs"][0]["by"] == "Mei"
    assert client.get("/api/frames/1/3").json()["instances"] == [[-1, animal(2.0)]]
    assert step(client, "undo", force=True).json()["actions"] == ["mine"]
    assert client.get("/api/frames/1/3").json()["instances"] == []
    assert step(client, "undo").json()["actions"] == []  # Mei's and the server's stay
    lines = client.get("/api/history").json()
    standing = {line["action"]: line["standing"] for line in lines}
    assert standing["hers"] and not standing["mine"] and not standing["far"]


def test_an_animal_with_others_labels_does_not_go_with_the_undo_of_its_name(client):
    named(client)
    post(client, edit(change("instances", (1, 3, 1), None, animal())), user="Mei")
    answer = step(client, "undo", force=True)
    assert answer.status_code == 422 and "animal 1 is in use, in frame 3" in answer.text
    assert len(client.get("/api/frames/1/3").json()["instances"]) == 1


@pytest.mark.parametrize(
    ("table", "key", "value", "sentence"),
    [
        ("instances", (1, 30, -1), animal(), "there is no frame 30"),
        ("instances", (2, 3, -1), animal(), "there is no video 2"),
        ("instances", (1, 3, 7), animal(), "there is no animal 7"),
        ("instances", (1, 3, 0), animal(), "there is no animal 0"),
        ("instances", (1, 3), animal(), "has 3 numbers"),
        ("instances", (1, 3, -1), animal(n=J + 1), "there is no keypoint 4"),
        ("frames", (1, 3), {"complete": 3}, "complete is 3"),
        ("skeleton", (1,), {"keypoints": ["a"]}, "keypoints vanish"),
        ("skeleton", (1,), None, "has one skeleton"),
        ("individuals", (1,), {"name": " "}, "give 1 to 80 letters"),
        ("individuals", (0,), {"name": "a"}, "numbered from 1"),
        ("regions", (1,), {"video": 1, "frame": 99, "polygon": [[0, 0]] * 3}, "no frame 99"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_sentence(studio, client, table, key, value, sentence):
    before = studio.desk.ask_now(rows_of)
    answer = post(client, edit(change(table, key, None, value)))
    assert answer.status_code == 422 and sentence in answer.json()["message"], answer.text
    assert studio.desk.ask_now(rows_of) == before


def test_the_first_edit_that_fails_ends_the_rest_and_the_others_stay(client):
    good = [edit(change("instances", (1, f, -1), None, animal())) for f in (1, 2)]
    bad = edit(change("instances", (1, 99, -1), None, animal()))
    answer = post(client, good[0], bad, good[1])
    assert answer.status_code == 200
    assert answer.json()["done"] == [good[0]["id"]]
    assert "no frame 99" in answer.json()["problem"]["message"]
    assert client.get("/api/frames?video=1").json()["frame"] == [1]


def test_frames_at_work_teach_nothing_until_they_are_done(studio, client):
    work = edit(
        change("instances", (1, 3, -1), None, animal()),
        change("frames", (1, 3), None, FRAME),
    )
    post(client, work)
    assert len(studio.desk.ask_now(Project.labels)) == 0
    assert len(studio.desk.ask_now(lambda p: p.labels(drafts=True))) == 1
    assert studio.desk.ask_now(Project.unfinished) == 1
    post(client, edit(change("frames", (1, 3), FRAME, FRAME | {"complete": 1}), action="done"))
    assert len(studio.desk.ask_now(Project.labels)) == 1
    assert client.get("/api/frames?video=1").json() == {
        "video": 1, "seq": 4, "frame": [3], "animals": [1], "complete": [1], "flag": [0],
    }  # fmt: skip
    assert client.get("/api/frames?video=1&from=4&to=9").json()["frame"] == []


def test_a_frame_comes_back_as_it_was_after_any_edit(studio, client):
    seen = []
    page = Page(rng(5), frames=2)
    for _ in range(60):
        one = page.edit()
        while one["action"] in ("skeleton", "order", "remove animal"):
            page.rows = dict(seen[-1][1]) if seen else {("skeleton", (1,)): MOUSE.to_dict()}
            one = page.edit()
        seq = post(client, one).json()["seq"]
        seen.append((seq, dict(page.rows)))
    ours = ("instances", "frames")
    for seq, rows in seen[::7]:
        body = {"id": uuid.uuid4().hex, "video": 1, "frame": 0, "seq": seq}
        assert client.post("/api/restore", json=body).status_code == 200
        now = studio.desk.ask_now(rows_of)
        want = {
            k: v for k, v in rows.items() if k[0] in ours and k[1][1] == 0 and v is not None
        }
        assert {k: v for k, v in now.items() if k[0] in ours and k[1][1] == 0} == want
    assert studio.desk.ask_now(Project.check) == []


def test_points_of_others_on_a_new_keypoint_are_not_undone_with_it(client):
    old = MOUSE.to_dict()
    none = {"parent": [*old["parent"], -1], "swap": [*old["swap"], -1]}
    new = old | {"keypoints": [*old["keypoints"], "chin"]} | none
    assert post(client, edit(change("skeleton", (1,), old, new))).status_code == 200
    post(client, edit(change("instances", (1, 3, -1), None, animal(n=J + 1))), user="Mei")
    assert step(client, "undo").status_code == 409
    assert step(client, "undo", force=True).status_code == 200
    assert client.get("/api/frames/1/3").json()["instances"] == [[-1, animal(n=J)]]


def test_labels_made_after_a_new_order_follow_when_it_is_undone(client):
    old = MOUSE.to_dict()
    post(client, edit(change("instances", (1, 3, -1), None, animal())))
    order = [2, 0, 3]
    names = [old["keypoints"][k] for k in order]
    new = {"name": "m", "keypoints": names, "parent": [-1] * 3, "swap": [-1] * 3, "edges": []}
    post(client, edit(change("skeleton", (1,), old, {"skeleton": new, "order": order})))
    ((_, row),) = client.get("/api/frames/1/3").json()["instances"]
    assert row["points"] == [[j, *animal()["points"][k][1:]] for j, k in enumerate(order)]
    post(client, edit(change("instances", (1, 4, -1), None, animal(n=3))), user="Mei")
    assert step(client, "undo").status_code == 200
    assert client.get("/api/frames/1/3").json()["instances"] == [[-1, animal()]]
    ((_, row),) = client.get("/api/frames/1/4").json()["instances"]
    back = {k: animal(n=3)["points"][j][1:] for j, k in enumerate(order)}
    assert row["points"] == [[k, *back[k]] for k in sorted(back)]


def test_history_comes_in_pages_the_newest_first(studio, client):
    for f in range(7):
        post(client, edit(change("instances", (1, f, -1), None, animal()), action=f"e{f}"))
    pages, before = [], None
    while page := client.get(f"/api/history?n=3{f'&before={before}' if before else ''}").json():
        pages.append([line["seq"] for line in page])
        before = page[-1]["seq"]
    assert pages == [[9, 8, 7], [6, 5, 4], [3, 2, 1]]
    newest = client.get("/api/history?n=1").json()[0]
    assert newest["places"] == [[1, 6]] and newest["rows"] == 1 and newest["standing"]
    assert client.get("/api/frames/1/30").status_code == 404
    assert client.get("/api/frames/1/x").status_code == 404
    assert client.get("/api/frames?video=x").status_code == 422


def test_a_frame_brings_its_prediction(tmp_path, studio):
    class Seen:
        def at(self, video, frame):
            from gambol.app.web.models import Prediction

            return Prediction(run=f"predict-{video}-{frame}", animals=[])

    one = Studio(studio.folder, studio.desk, predictions=Seen())
    frame = client_of(one).get("/api/frames/1/5").json()
    assert frame["prediction"] == {"run": "predict-1-5", "animals": []}
    assert frame["time_s"] == pytest.approx(5 / 30)


numbers = st.one_of(
    st.integers(-3, 40), st.floats(), st.none(), st.text(max_size=3), st.booleans()
)
junk = st.recursive(numbers, lambda inner: st.lists(inner, max_size=4), max_leaves=8)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=st.one_of(
        junk, st.fixed_dictionaries({"origin": junk, "points": st.lists(junk, max_size=3)})
    ),
    saw=junk,
    key=st.lists(st.integers(-2, 31), min_size=0, max_size=4),
)
def test_no_junk_makes_the_server_fail_or_gets_in(studio, client, value, saw, key):
    import json

    body = {"edits": [edit(change("instances", key, saw, value))], "force": True}
    answer = client.post("/api/edits", content=json.dumps(body).encode())
    assert answer.status_code in (200, 422), answer.text
    labels = studio.desk.ask_now(lambda p: p.labels(drafts=True))  # checks what it holds
    assert np.isin(labels.visibility, [int(v) for v in Visibility]).all()


SERVER = """
import sys, json
from pathlib import Path
from gambol.app.web.desk import Desk
from gambol.io.project_changes import RowChange, apply
desk = Desk(Path(sys.argv[1])); desk.open()
for line in sys.stdin:
    uid, frame, x = json.loads(line)
    row = {"origin": 0, "points": [[0, x, 1.0, 2]]}
    change = RowChange("instances", [1, frame, -1], None, row)
    desk.ask_now(lambda p: apply(p, uid, "place", [change], "ann", True))
    print(uid, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is of POSIX")
def test_a_killed_server_loses_no_answered_edit_and_doubles_none(studio, tmp_path):
    import json

    studio.desk.close()
    folder, answered, sent = tmp_path / "p", [], []
    waiting = [(uuid.uuid4().hex, k % 30, float(k)) for k in range(400)]
    for kill in range(5):
        command = [sys.executable, "-c", SERVER, str(folder)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as server:
            first, end = True, 0.0
            while first or time.monotonic() < end:
                # the first of them is sent again after the last server was killed
                server.stdin.write(json.dumps(waiting[0]) + "\n")
                server.stdin.flush()
                sent.append(waiting[0][0])
                assert server.stdout.readline().strip() == waiting[0][0]
                answered.append(waiting.pop(0)[0])
                time.sleep(0.02)
                if first:
                    first, end = False, time.monotonic() + 0.2 + 0.03 * kill
            for one in waiting[:3]:  # in flight when it dies
                server.stdin.write(json.dumps(one) + "\n")
                sent.append(one[0])
            server.stdin.flush()
            server.send_signal(signal.SIGKILL)
    with Project.open(folder) as project:
        found = [u for (u,) in project._all("SELECT uuid FROM edits WHERE uuid NOT NULL")]
        assert project.check() == []
        assert set(answered) <= set(found) <= set(sent)
        assert len(found) == len(set(found))


def test_a_disk_that_cannot_be_written_is_said_with_its_own_status(studio, client):
    studio.desk.ask_now(lambda p: p.connection.execute("PRAGMA query_only = ON"))
    answer = post(client, edit(change("instances", (1, 3, -1), None, animal())))
    assert answer.status_code == 423 and answer.json()["code"] == "read-only"


def test_labels_of_imports_are_edited_and_undone_like_those_of_the_page(studio, client):
    clip = studio.folder / "videos" / "clip.mp4"
    studio.desk.ask_now(lambda p: p.put_labels(make([clip]), by="ann"))
    assert step(client, "undo").json()["actions"] == ["import"]
    assert client.get("/api/frames?video=1").json()["frame"] == []
    assert step(client, "redo").json()["actions"] == ["import"]
    assert client.get("/api/history", headers=by("ann")).json()[0]["rows"] > 12
