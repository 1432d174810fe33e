"""Jobs that cannot succeed say so in a sentence with a button, and touch no label."""

import hashlib
import sqlite3
import subprocess
import time
from contextlib import closing

import pytest
import worlds
from labelled_films import label
from sizes import PATIENCE

SAID_S = 5.0
WAYS_OUT = {"video": "Find the video", "memory": "smaller batches", "disk": "Free disk space"}


def said_by_people(folder):
    """A hash of all rows of labels."""
    with closing(sqlite3.connect(f"file:{folder}/project.db?mode=ro", uri=True)) as database:
        rows = [database.execute(f"SELECT * FROM {table}").fetchall()
                for table in ("instances", "points", "frames", "individuals")]  # fmt: skip
    return hashlib.sha256(repr(rows).encode()).hexdigest()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 96 MiB of its own, and a file that fills it up to a few."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96m", "gambol", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user may not mount a disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fail(studio, page, stage):
    """Click; return what the page says, and seconds from the fault, or else from the click."""
    studio.enter(page.context)
    page.goto(f"{studio.address}#improve")
    page.locator("[data-test=preset-quick]").wait_for(timeout=60_000)
    before = said_by_people(studio.folder)
    clicked = time.time()
    page.click(f"[data-test={stage}-go]")
    bad = page.locator(".job.failed").first
    bad.wait_for(timeout=120_000)
    reason = bad.locator("[data-test=reason]").inner_text()
    fix = bad.locator("[data-test=fix]").inner_text()
    now = time.time()
    (job,) = (j for j in studio.get("api/jobs") if j["state"] == "failed")
    fault = studio.folder / "runs" / job["id"] / "trace.txt"
    since = fault.stat().st_mtime if fault.exists() else clicked
    assert "Traceback" not in reason and "\n" not in reason.strip() and len(reason) < 400
    assert said_by_people(studio.folder) == before
    return job["problem"]["code"], fix, now - clicked, now - since


@pytest.mark.parametrize(
    "case",
    [
        pytest.param("video", marks=pytest.mark.slow),
        pytest.param("memory", marks=pytest.mark.slow),
        pytest.param("disk", marks=pytest.mark.slow),
        "disk meanwhile",
    ],
)
def test_a_job_that_must_fail_is_a_sentence_and_a_button(
    case, serve, films, page, faults, tmp_path, monkeypatch, request, record_property
):
    """What is wrong from the start is said 5 s after the click, else after it happens."""
    place = request.getfixturevalue("small_disk") if case == "disk" else tmp_path
    film = place / "film.mp4"
    film.write_bytes(films["cfr"].read_bytes())
    if case == "memory":  # less than a network needs
        monkeypatch.setenv("GAMBOL_JOB_COMMAND", f"prlimit --as={700 << 20}")
    if case == "disk meanwhile":  # the first file of weights does not fit
        monkeypatch.setenv("GAMBOL_JOB_COMMAND", f"prlimit --fsize={300 << 10}")
    studio = serve(worlds.project(place / "mice", [film]))
    label(studio, range(0, 80, 8))
    if case == "video":
        film.unlink()  # not moved, or it would be found
    if case == "disk":
        (place / "filler").write_bytes(bytes(90 << 20))
    code, fix, clicked, since = fail(studio, page, "suggest" if case == "video" else "train")
    kind = case.partition(" ")[0]
    assert code == kind and WAYS_OUT[kind] in fix
    told = clicked if case in ("video", "disk") else since
    assert told <= SAID_S * PATIENCE
    # of a film that is gone there are no pictures
    faults[:] = [one for one in faults if "/api/videos/" not in one]
    record_property("measured", f"{case}: {clicked:.1f} s after the click, {since:.1f} s "
                    "after the fault")  # fmt: skip
