import shutil

import pytest
from desked import animal, by, change, client_of, edit, post, step, studio_of
from labelled import MOUSE, film

from gambol.app.web.project import FIRST_ANIMAL
from gambol.io.project import Project, Suggestion


@pytest.fixture
def studio(tmp_path):
    (tmp_path / "p").mkdir()
    one = studio_of(tmp_path / "p", place=lambda file: tmp_path / file)
    yield one
    one.desk.close()


@pytest.fixture
def client(studio):
    return client_of(studio)


@pytest.fixture
def made(client, tmp_path):
    film(tmp_path / "clip.mp4")
    names = ["nose", "left ear", "right ear", "tail"]
    assert client.post("/api/project", json={"keypoints": names}).status_code == 201
    assert client.post("/api/videos", json={"file": "clip.mp4"}).status_code == 201
    return client


def test_a_folder_becomes_a_project(studio, client):
    empty = client.get("/api/project").json()
    assert empty["skeleton"] is None and empty["seq"] == 0
    assert client.get("/api/frames?video=1").json()["code"] == "no-project"
    wrong = client.post("/api/project", json={"keypoints": ["a", "a"]})
    assert wrong.status_code == 422 and "twice" in wrong.json()["message"]
    assert client.post("/api/project", json={"keypoints": []}).status_code == 422
    assert not list(studio.folder.iterdir())
    body = {"keypoints": [" nose ", "left ear", "right ear"]}
    answer = client.post("/api/project", json=body, headers=by("Mei"))
    project = answer.json()
    assert project["skeleton"]["keypoints"] == ["nose", "left ear", "right ear"]
    assert project["skeleton"]["swap"] == [-1, 2, 1]
    assert project["individuals"] == [{"id": 1, "name": FIRST_ANIMAL}]
    assert client.post("/api/project", json=body).status_code == 409
    assert client.get("/api/project").json() == project
    assert client.get("/api/history").json()[0]["by"] == "Mei"


def test_a_template_is_a_skeleton_to_begin_with(client):
    wrong = client.post("/api/project", json={"template": "fihs"})
    assert wrong.status_code == 422 and "did you mean 'fish'" in wrong.json()["message"]
    assert client.post("/api/project", json={"template": "fish"}).status_code == 201


def test_videos_come_once_are_found_again_and_go_with_all_that_is_said(studio, made, tmp_path):
    (video,) = made.get("/api/project").json()["videos"]
    assert video["name"] == "clip.mp4" and video["frames"] == 30 and video["found"]
    again = made.post("/api/videos", json={"file": "clip.mp4"})
    assert again.status_code == 409 and again.json()["code"] == "duplicate"
    assert made.post("/api/videos", json={"file": "none.mp4"}).status_code == 422

    (tmp_path / "far").mkdir()
    shutil.move(tmp_path / "clip.mp4", tmp_path / "far" / "clip.mp4")
    lost = made.get("/api/project").json()["videos"][0]
    assert not lost["found"] and "say where it is" in lost["trouble"]
    film(tmp_path / "other.mp4", shade=9)
    other = made.patch("/api/videos/1", json={"file": "other.mp4"})
    assert other.status_code == 422 and "another content" in other.json()["message"]
    seq = made.get("/api/project").json()["seq"]
    found = made.patch("/api/videos/1", json={"file": "far/clip.mp4"}).json()["video"]
    assert found["found"] and found["path"] == "../far/clip.mp4"
    assert made.get("/api/project").json()["seq"] == seq

    post(
        made,
        edit(
            change("instances", (1, 3, 1), None, animal()),
            change("frames", (1, 3), None, {"complete": 1, "flag": 1, "note": "?"}),
        ),
    )
    told = made.get("/api/project").json()
    assert told["videos"][0]["marks"] == {"labelled": 1, "done": 1, "flagged": 1}
    assert made.delete("/api/videos/1").status_code == 200
    assert made.get("/api/project").json()["videos"] == []
    assert made.delete("/api/videos/1").status_code == 404
    assert studio.desk.ask_now(Project.check) == []
    assert step(made, "undo").json()["actions"] == ["remove video"]
    now = made.get("/api/project").json()
    assert now == told | {"seq": told["seq"] + 2, "at": now["at"]} and now["at"] > told["at"]
    assert studio.desk.ask_now(Project.check) == []


def test_counts_names_and_suggestions_of_the_project(studio, made):
    row = {"origin": 0, "points": [[0, 1.0, 2.0, 2], [1, 1.0, 2.0, 1], [2, None, None, 0]]}
    post(made, edit(change("instances", (1, 3, 1), None, row)))
    post(made, edit(change("instances", (1, 4, -1), None, animal())))
    studio.desk.ask_now(lambda p: p.set_suggestions([Suggestion(1, 9, "low .31", 0.5)]))
    studio.holders = lambda: {(1, 9): "Mei"}
    studio.errors = lambda: {"nose": (1.5, 9.0)}
    told = made.get("/api/project").json()
    counts = [
        tuple(k[name] for name in ("visible", "occluded", "absent", "unset"))
        for k in told["keypoints"]
    ]
    assert counts == [(2, 0, 0, 0), (1, 1, 0, 0), (1, 0, 1, 0), (1, 0, 0, 1)]
    assert told["keypoints"][0]["p95_px"] == 9.0 and told["keypoints"][1]["p50_px"] is None
    assert told["suggestions"] == [
        {"video": 1, "frame": 9, "reason": "low .31", "score": 0.5, "rank": 0, "done": False,
         "holder": "Mei"}
    ]  # fmt: skip
    assert told["role"] == "edit" and told["journal"] == ""


def test_a_suggested_frame_can_be_finished_whatever_its_rank_is(studio, made):
    """The row that was seen is compared as a whole; frames to teach come with rank 0."""
    some = [Suggestion(1, frame, "jump", 0.5) for frame in (3, 5, 9)]
    studio.desk.ask_now(lambda p: p.set_suggestions(some))
    taught = {"reason": "taught", "score": None, "rank": 0, "done": 0}
    assert post(made, edit(change("suggestions", (1, 7), None, taught))).status_code == 200
    for said in made.get("/api/project").json()["suggestions"]:
        seen = {key: said[key] for key in ("reason", "score", "rank")} | {"done": 0}
        key = (said["video"], said["frame"])
        answer = post(made, edit(change("suggestions", key, seen, seen | {"done": 1})))
        assert answer.status_code == 200, answer.text


def test_an_existing_project_opens_by_itself(tmp_path):
    Project.create(tmp_path / "old", MOUSE).close()
    studio = studio_of(tmp_path / "old")
    told = client_of(studio).get("/api/project").json()
    assert told["skeleton"] == MOUSE.to_dict() | {"edges": [[1, 2]]}
    studio.desk.close()


def test_a_moved_video_is_found_by_its_content_or_shown_by_hand(made, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    shutil.move(tmp_path / "clip.mp4", tmp_path / "elsewhere" / "other name.mp4")
    (video,) = made.get("/api/project").json()["videos"]
    assert not video["found"] and "is not there" in video["trouble"]
    found = made.post("/api/videos/1/search").json()["video"]
    assert found["found"] and found["path"] == "../elsewhere/other name.mp4"
    assert found["fingerprint"] == video["fingerprint"]
    assert made.post("/api/videos/1/search").json()["video"] == found  # it is there
    film(tmp_path / "clip.mp4", shade=40)
    wrong = made.patch("/api/videos/1", json={"file": "clip.mp4"})
    assert wrong.status_code == 422 and "another content" in wrong.json()["message"]
    (tmp_path / "elsewhere" / "other name.mp4").unlink()
    gone = made.post("/api/videos/1/search")
    assert gone.status_code == 404 and "nowhere near" in gone.json()["message"]
    assert made.post("/api/videos/7/search").status_code == 404


def test_what_is_no_video_is_refused_and_the_same_one_too(made, tmp_path):
    (tmp_path / "text.mp4").write_text("no film")
    refused = made.post("/api/videos", json={"file": "text.mp4"})
    assert (refused.status_code, refused.json()["code"]) == (415, "kind")
    shutil.copy(tmp_path / "clip.mp4", tmp_path / "copy.mp4")
    again = made.post("/api/videos", json={"file": "copy.mp4"})
    assert (again.status_code, again.json()["code"]) == (409, "duplicate")


def test_a_bad_frame_is_an_edit_that_training_hears_of(made, studio):
    good = change("frames", (1, 4), None, {"complete": 1, "flag": 0, "note": ""})
    post(made, edit(change("instances", (1, 4, 1), None, animal()), good))
    with Project.open(studio.folder) as project:
        assert project.labels().frame.tolist() == [4]
        bad = {"complete": 1, "flag": 2, "note": ""}
        assert post(made, edit(change("frames", (1, 4), good["value"], bad))).status_code == 200
        assert len(project.labels()) == len(project.labels().negatives) == 0
        assert project.bad() == [(1, 4)]
        step(made, "undo")
        assert project.labels().frame.tolist() == [4]
    wrong = change("frames", (1, 4), good["value"], {"complete": 1, "flag": 3, "note": ""})
    assert post(made, edit(wrong)).status_code == 422
