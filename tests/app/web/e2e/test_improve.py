"""A round in the page: train from the button, look on, stop, predict the queue, correct."""

import itertools
import json
import signal
import time

import pytest
import worlds
from acting import until
from labelled_films import label
from sizes import PATIENCE

LABELLED = range(0, 80, 8)  # after them there are frames half a second from all
QUEUED = (5, 17, 29)
CURVE_S, PREVIEWS_S, BEST_S = 10.0, 30.0, 10.0  # on a quiet machine


@pytest.fixture(scope="module")
def seen(serve, films, tmp_path_factory):
    """A server of one film with ten finished frames and three suggested ones."""
    folder = tmp_path_factory.mktemp("improve") / "mice"
    worlds.project(folder, [films["cfr"]], suggested=QUEUED)
    studio = serve(folder)
    label(studio, LABELLED)
    return studio


@pytest.fixture
def improve(seen, page):
    """The Improve screen, and what finds its parts."""
    seen.enter(page.context)
    page.goto(f"{seen.address}#improve")
    part(page, "screen-improve").wait_for()
    part(page, "preset-quick").wait_for(timeout=60_000)
    return page


def part(page, name):
    return page.locator(f"[data-test={name}]")


def job(studio, stage):
    """The newest job of a stage."""
    return next((one for one in studio.get("api/jobs") if one["stage"] == stage), None)


def steps(studio, name):
    lines = (studio.folder / "runs" / name / "progress.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in lines if line.endswith("}")]
    return [line["step"] for line in found if "step" in line]


def gapless(numbers):
    """Every step once; only its evaluation may stand right beside it."""
    return [step for step, _ in itertools.groupby(numbers)] == list(range(1, max(numbers) + 1))


@pytest.mark.slow
def test_a_round_from_the_button_to_the_corrected_frame(seen, improve, faults):
    begun = time.monotonic()
    part(improve, "train-go").click()
    part(improve, "curve").locator("canvas").wait_for(timeout=PATIENCE * CURVE_S * 1000)
    improve.locator("[data-test=previews] button canvas").first.wait_for(
        timeout=PATIENCE * PREVIEWS_S * 1000
    )
    assert time.monotonic() - begun < PATIENCE * CURVE_S
    name = job(seen, "train")["id"]

    improve.reload()
    part(improve, "curve").wait_for()
    seen.kill(signal.SIGKILL)
    before = len(steps(seen, name))
    seen.again()
    until(lambda: part(improve, "lost").count() == 0, 30)
    until(lambda: len(steps(seen, name)) > before, 60)
    assert seen.get(f"api/jobs/{name}")["state"] == "running"

    begun = time.monotonic()
    part(improve, "stop").click()
    until(lambda: seen.get(f"api/jobs/{name}")["state"] == "done", PATIENCE * BEST_S)
    assert time.monotonic() - begun < PATIENCE * BEST_S
    assert gapless(steps(seen, name))
    assert (seen.folder / "runs" / name / "out" / "metrics.json").is_file()
    part(improve, "round").first.wait_for()
    (row,) = seen.get("api/rounds")
    assert row["labels"] > 0 and row["p50_px"] > 0

    part(improve, "predict-queue").click()
    until(lambda: (job(seen, "predict-frames") or {}).get("state") == "done", 60)
    assert seen.get(f"api/frames/1/{QUEUED[0]}")["prediction"]["run"]
    until(lambda: part(improve, "next").get_attribute("data-next") == "correct")
    part(improve, "next").click()
    until(lambda: improve.evaluate("window.__gambol.frameShown()?.frame") == QUEUED[0])
    until(lambda: improve.evaluate("window.__gambol.loaded?.() !== false"))
    improve.wait_for_timeout(300)
    improve.keyboard.press("Enter")
    until(lambda: (seen.rows(QUEUED[0])[1] or {}).get("complete") == 1)
    (value,) = seen.rows(QUEUED[0])[0].values()
    assert value["origin"] == 2
    faults[:] = [one for one in faults if "net::ERR" not in one and "WebSocket" not in one]


def test_suggestions_come_from_the_chosen_films_with_reasons(seen, improve):
    part(improve, "suggest-go").click()
    until(lambda: (job(seen, "suggest") or {}).get("state") == "done", 40)
    part(improve, "suggestion").first.wait_for()
    found = seen.get("api/project")["suggestions"]
    assert found and all(one["reason"] and one["frame"] not in LABELLED for one in found)


def test_a_film_that_is_gone_is_a_sentence_with_a_way_out(seen, improve):
    film = seen.get("api/project")["videos"][0]
    there = (seen.folder / film["path"]).resolve()
    away = there.with_name("away.mp4")
    there.rename(away)
    try:
        part(improve, "suggest-go").click()
        bad = improve.locator(".job.failed").first
        bad.wait_for(timeout=20_000)
        said = bad.locator("[data-test=reason]").inner_text()
        assert there.name in said and "Traceback" not in said
        bad.locator("[data-test=fix]").click()
        part(improve, "relink").wait_for()
    finally:
        away.rename(there)


def test_an_ended_job_is_deleted_from_the_list_and_waits_in_the_trash(seen, improve):
    seen.post("api/jobs", {"key": "k", "stage": "repair"})
    until(lambda: (job(seen, "repair") or {}).get("state") == "failed")
    name = job(seen, "repair")["id"]
    row = part(improve, f"job-{name}")
    row.locator("button.head[aria-expanded=false]").click()
    row.locator("[data-test=delete]").click()
    row.wait_for(state="detached")
    assert (seen.folder / "runs" / ".trash" / name / "job.json").is_file()
    assert job(seen, "repair") is None
