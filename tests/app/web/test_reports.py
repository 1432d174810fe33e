"""Reports in the browser: only those of the project, and nobody's script does anything."""

import hashlib
import os

import cv2
import numpy as np
import pytest
from moving_labels import moves
from served import LOOK, OWN, Server, client_of, studio_of

from gambol.app.web import assets, reports
from gambol.core.skeleton import Skeleton
from gambol.io.project import Project
from gambol.viz import trajectory_player

PLACE = "runs/train-1/out/report.html"


def name_of(place):
    return "r" + hashlib.sha256(place.encode()).hexdigest()[:16]


def put(folder, place, text="<!doctype html><title>x</title><p>well"):
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def project(tmp_path):
    with Project.create(tmp_path / "p", Skeleton(("nose", "tail"))):
        pass
    return tmp_path / "p"


@pytest.fixture
def client(project):
    studio = studio_of(project)
    studio.desk.open()
    yield client_of(studio)
    studio.desk.close()


def test_reports_of_runs_are_listed_and_shown_to_everybody_with_a_token(project, client):
    put(project, PLACE)
    put(project, "runs/calibrate-1/out/calibration.report.html")
    listed = client.get("/api/reports").json()
    assert {one["place"] for one in listed} == {
        PLACE, "runs/calibrate-1/out/calibration.report.html",
    }  # fmt: skip
    assert {one["report"] for one in listed} == {name_of(one["place"]) for one in listed}
    for headers in (OWN, LOOK):
        answer = client.get(f"/api/reports/{name_of(PLACE)}", headers=headers)
        assert answer.status_code == 200 and "well" in answer.text
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
    client.headers.pop("Authorization")
    assert client.get(f"/api/reports/{name_of(PLACE)}").status_code == 401


def test_a_report_has_no_scripts_and_no_origin(project, client):
    put(project, PLACE)
    headers = client.get(f"/api/reports/{name_of(PLACE)}").headers
    parts = headers.get_list("content-security-policy")
    assert len(parts) == 1
    rules = [rule.strip() for rule in parts[0].split(";")]
    assert "sandbox" in rules  # an empty one: no script, no origin
    assert "default-src 'none'" in rules and "script-src" not in parts[0]
    assert headers["x-content-type-options"] == "nosniff"
    for method in ("POST", "PUT", "DELETE"):
        assert client.request(method, f"/api/reports/{name_of(PLACE)}").status_code == 405


@pytest.mark.parametrize(
    "place",
    [
        "runs/train-1/out/notes.html", "runs/train-1/out/report.txt", "runs/train-1/job.json",
        "project.db", "runs/train-1/out/report.html/x", ".hidden/report.html",
        "uploads/report.html", "backups/report.html",
    ],
)  # fmt: skip
def test_other_files_are_no_reports(project, client, place):
    if not (project / place).exists():
        put(project, place)
    assert client.get("/api/reports").json() == []
    assert client.get(f"/api/reports/{name_of(place)}").status_code == 404


def test_links_that_lead_out_are_no_reports(project, client, tmp_path):
    secret = put(tmp_path, "elsewhere/report.html", "secret")
    (project / "runs" / "a").mkdir(parents=True)
    (project / "runs" / "a" / "report.html").symlink_to(secret)
    (project / "runs" / "b").symlink_to(secret.parent, target_is_directory=True)
    assert client.get("/api/reports").json() == []
    for place in ("runs/a/report.html", "runs/b/report.html"):
        assert client.get(f"/api/reports/{name_of(place)}").status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "..%2f..%2felsewhere%2freport.html", "%2e%2e%2f%2e%2e%2fproject.db",
        "..%5c..%5creport.html", "%2fetc%2fpasswd", "....//report.html", PLACE,
        "runs%2ftrain-1%2fout%2freport.html", "%00",
    ],
)  # fmt: skip
def test_addresses_are_names_and_never_paths(project, client, tmp_path, address):
    put(project, PLACE)
    put(tmp_path, "elsewhere/report.html", "secret")
    answer = client.get(f"/api/reports/{address}")
    assert (
        answer.status_code == 404 and "secret" not in answer.text and "well" not in answer.text
    )


def test_relative_links_of_a_report_lead_to_movies_of_its_folder(project, client):
    put(project, PLACE)
    put(project, "runs/train-1/out/movies/a b.mp4", "film")
    page = f"/api/reports/{name_of(PLACE)}/"
    assert "well" in client.get(page).text
    answer = client.get(page + "movies/a%20b.mp4")
    assert answer.status_code == 200 and answer.headers["content-type"] == "video/mp4"
    part = client.get(page + "movies/a%20b.mp4", headers={**OWN, "Range": "bytes=0-1"})
    assert part.status_code == 206 and part.text == "fi"
    client.headers.pop("Authorization")
    assert client.get(page + "movies/a%20b.mp4").status_code == 401
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    again = client.get(page + "movies/a%20b.mp4", headers=headers)
    assert "film" not in again.text and "refresh" in again.text  # then the cookie comes along


@pytest.mark.parametrize(
    "address",
    [
        "notes.html", "job.json", "report.html", "../secret.mp4", "..%2fsecret.mp4",
        "..%5csecret.mp4", "movies/../../secret.mp4", "movies%2f..%2f..%2fsecret.mp4",
        "link.mp4", "linked/secret.mp4", ".hidden.mp4", ".hidden/a.mp4", "uploads/a.mp4",
        "%2fetc%2fpasswd.mp4", "a%00.mp4", "folder.mp4", "movies/", 300 * "a" + ".mp4",
    ],
)  # fmt: skip
def test_nothing_else_lies_beside_a_report(project, client, address):
    put(project, PLACE)
    out = (project / PLACE).parent
    secret = put(out.parent, "secret.mp4", "secret")
    for name in ("notes.html", "job.json", ".hidden.mp4", ".hidden/a.mp4", "uploads/a.mp4"):
        put(out, name, "secret")
    (out / "folder.mp4").mkdir()
    (out / "movies").mkdir()
    (out / "link.mp4").symlink_to(secret)
    (out / "linked").symlink_to(out.parent, target_is_directory=True)
    answer = client.get(f"/api/reports/{name_of(PLACE)}/{address}")
    assert answer.status_code == 404 and "secret" not in answer.text


def test_a_name_that_is_no_text_hides_no_other_report(project, client):
    put(project, PLACE)
    strange = os.fsdecode(b"runs/\xff/report.html")
    try:
        put(project, strange)
    except OSError:
        pytest.skip("this file system has names of text only")
    listed = {one["place"]: one["report"] for one in client.get("/api/reports").json()}
    assert set(listed) == {PLACE, "runs/?/report.html"}
    assert "well" in client.get(f"/api/reports/{listed['runs/?/report.html']}/").text


def test_a_look_is_believed_for_those_who_know_a_name(project, client, monkeypatch):
    put(project, PLACE)
    looks, walk = [], reports.pages
    monkeypatch.setattr(reports, "pages", lambda folder: looks.append(1) or walk(folder))
    for _ in range(5):
        assert client.get(f"/api/reports/{name_of(PLACE)}/").status_code == 200
    assert len(looks) == 1
    put(project, "report.html")  # of a job that ended just now
    assert len(client.get("/api/reports").json()) == 2


ATTACK = """<!doctype html><title>report</title><body><p id=said>nothing ran</p>
<img src=x onerror="document.getElementById('said').textContent = 'ran'">
<svg onload="document.getElementById('said').textContent = 'ran'"></svg>
<script>
document.getElementById("said").textContent = "ran";
fetch("../project").then((answer) => answer.text()).then((text) => {
  document.getElementById("said").textContent = text;
});
</script>
<form id=form method=post action="../undo"><button id=send>send</button></form>
<iframe src="../project"></iframe>"""


@pytest.mark.slow
def test_the_script_of_a_report_does_not_run(project, page, tmp_path, faults):
    assets.build()
    put(project, PLACE, ATTACK)
    server = Server(project, tmp_path)
    try:
        page.goto(server.link)
        page.wait_for_selector("[data-test=studio]")
        asked = []
        page.on("request", lambda one: asked.append(one.url))
        page.goto(f"{server.address}api/reports/{name_of(PLACE)}")
        page.click("#send")
        page.wait_for_timeout(300)
        assert page.inner_text("#said") == "nothing ran"
        assert page.evaluate("self.origin") == "null"
        assert not [url for url in asked if "api/project" in url or "api/undo" in url]
    finally:
        server.end()
    assert faults  # the browser says what it refused
    faults.clear()


def test_without_scripts_a_report_hides_its_players_and_its_links_lead_to_films(
    project, page, tmp_path, faults
):
    assets.build()
    moving = trajectory_player.player(moves(2)) + trajectory_player.support()
    link = '<p class="scripted">Drag</p><a id=film href="movies/a.png">film</a>'
    film = (
        put(project, PLACE, f"<!doctype html><title>x</title>{moving}{link}").parent / "movies"
    )
    film.mkdir()
    cv2.imwrite(str(film / "a.png"), np.zeros((7, 5, 3), np.uint8))
    server = Server(project, tmp_path)
    try:
        page.goto(server.link)
        page.wait_for_selector("[data-test=studio]")
        page.goto(f"{server.address}api/reports/{name_of(PLACE)}/")
        assert page.is_visible(".still") and not page.is_visible(".scripted")
        assert not page.is_visible(".moves")
        page.click("#film")
        page.wait_for_selector("img")
        assert page.evaluate("document.querySelector('img').naturalHeight") == 7
    finally:
        server.end()
    faults.clear()
