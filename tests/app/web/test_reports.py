"""Reports in the browser: only those of the project, and nobody's script does anything."""

import hashlib

import pytest
from served import LOOK, OWN, Server, client_of, studio_of

from gambol.app.web import assets
from gambol.core.skeleton import Skeleton
from gambol.io.project import Project

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
