import threading
import warnings
from pathlib import Path

import pytest
from desked import by, studio_of
from labelled import MOUSE, film
from starlette.applications import Starlette

from gambol.app.web import project as project_routes
from gambol.app.web import suggestions
from gambol.app.web.answers import HANDLERS
from gambol.app.web.suggestions import LEASE_S, Leases
from gambol.io.project import Project
from gambol.io.project_rows import Suggestion

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the successor of httpx
    from starlette.testclient import TestClient

FRAMES = [7, 3, 21, 15]  # in the order of the list


@pytest.fixture
def client(tmp_path):
    folder = tmp_path / "p"
    with Project.create(folder, MOUSE) as project:
        project.add_video(film(folder / "videos" / "a.mp4"))
        project.set_suggestions([Suggestion(1, f, "far", 1.0) for f in FRAMES])
    studio = studio_of(folder)
    routes = suggestions.routes(studio) + project_routes.routes(studio)
    yield TestClient(Starlette(routes=routes, exception_handlers=HANDLERS))
    studio.desk.close()


def hold(client, user, frame):
    return client.post(f"/api/suggestions/1/{frame}/hold", headers=by(user))


def following(client, user, query=""):
    answer = client.post(f"/api/suggestions/next{query}", headers=by(user))
    return answer.json()["frame"] if answer.status_code == 200 else answer.status_code


def holders(client):
    said = client.get("/api/project").json()["suggestions"]
    return {one["frame"]: one["holder"] for one in said if one["holder"]}


def test_a_held_frame_is_refused_to_others_with_the_name_of_who_has_it(client):
    first = hold(client, "ann", 7)
    assert first.json() == {"video": 1, "frame": 7, "holder": "ann", "seconds": LEASE_S}
    second = hold(client, "bob", 7)
    assert second.status_code == 409 and second.json()["code"] == "held"
    assert second.json()["message"] == "ann has frame 7 open"
    assert hold(client, "ann", 7).status_code == 200  # again: it is theirs
    assert holders(client) == {7: "ann"}


def test_going_on_or_leaving_lets_go(client):
    hold(client, "ann", 7)
    hold(client, "ann", 3)
    assert holders(client) == {3: "ann"} and hold(client, "bob", 7).status_code == 200
    assert client.delete("/api/suggestions/1/3/hold", headers=by("ann")).status_code == 204
    assert holders(client) == {7: "bob"}


def test_the_next_frame_is_never_the_same_for_two(client):
    taken = [following(client, user) for user in ("ann", "bob", "cid", "dan")]
    assert taken == FRAMES
    assert following(client, "eve") == 404
    assert following(client, "ann", "?video=1&frame=7") == 404  # all others are held
    client.delete("/api/suggestions/1/3/hold", headers=by("bob"))
    assert following(client, "dan", "?video=1&frame=15") == 3


def test_two_windows_of_one_person_get_different_frames(client):
    assert [following(client, "ann", f"?page={p}") for p in "xyx"] == [7, 3, 7]


def test_frames_that_are_done_are_passed_over(client):
    folder = Path(client.get("/api/project").json()["folder"])
    with Project.open(folder) as project, project._edit("done", "ann") as edit:
        row = {"reason": "far", "score": 1.0, "rank": 0, "done": 1}
        edit.put("suggestions", (1, 7), row)
    assert following(client, "ann") == 3


def test_a_frame_that_nobody_suggested_is_not_there(client):
    assert hold(client, "ann", 8).status_code == 404
    assert hold(client, "ann", "x").status_code == 404


def test_a_lease_ends():
    now = [0.0]
    leases = Leases(lambda: now[0])
    assert leases.take(("ann", ""), [(1, 1)]) == ((1, 1), LEASE_S)
    now[0] = LEASE_S - 1
    assert leases.take(("bob", ""), [(1, 1)]) is None
    assert leases.take(("ann", ""), [(1, 1)])  # renewed
    now[0] += 2
    assert leases.take(("bob", ""), [(1, 1)]) is None
    now[0] += LEASE_S
    assert leases.holders() == {} and leases.take(("bob", ""), [(1, 1)])


def test_many_who_ask_at_once_get_different_frames():
    leases, got = Leases(), []
    frames = [(1, k) for k in range(40)]

    def ask(k):
        got.append(leases.take((str(k), ""), frames)[0])

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == frames
