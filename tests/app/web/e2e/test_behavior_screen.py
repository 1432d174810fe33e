"""The Behaviour screen: film, rasters, map and clips in step; names, bouts, groups."""

import csv
import re

import behaved
import numpy as np
import pytest
import worlds
from acting import DRIVER, Desk, until
from browser import axe

from gambol.io import ethogram as io_ethogram

N, SIZE, TILE, LABELS, FPS = 600, 256, 144, 6, 30.0
AGAIN = np.array([3, 5, 0, 1, 2, 4])  # what the refit calls each syllable
CODES = """(cells) => [...document.querySelectorAll("[data-test=clips] canvas")].map(
  (canvas, n) => cells[n].reduce((code, [x, y]) => 2 * code + (canvas.getContext("2d")
    .getImageData(Math.round(x), Math.round(y), 1, 1).data[0] > 128), 0))"""
LIST = (
    "[...document.querySelectorAll('[data-test=labels] tbody tr')].map((row) => row.innerText)"
)


def labels(n=0, frames=N):
    return behaved.bouts_of(np.random.default_rng([5, n]), frames, LABELS)


def world_of(folder):
    """A film with a map, syllables and a refit of them; seven more animals without a film."""
    film = worlds.film(folder / "cage.mp4", N, SIZE)
    project = worlds.project(folder / "mice", [film])
    rng = np.random.default_rng(1)
    heading = np.cumsum(0.05 * rng.normal(size=N))
    y = behaved.places_of(rng, labels())
    behaved.poses(project / "poses" / "cage.nc", N, SIZE, heading)
    known = {"poses": f"{project.name}/poses/cage.nc"}
    runs = project / "runs"
    behaved.record(runs / "map-1", "map", "cage", labels(), heading, SIZE, film, y, **known)
    for run, names in (("first", np.arange(LABELS)), ("refit", AGAIN)):
        behaved.record(
            runs / run, "syllables", "cage", names[labels()].astype(np.int16), heading, SIZE,
            film, made_from=run, **known,
        )  # fmt: skip
    for n in range(1, 8):
        label = labels(n, 1200)
        if n > 3:
            label[label == 2] = 1  # these never do 2
        behaved.record(
            runs / "first", "syllables", f"other{n}", label, np.zeros(1200), SIZE, ""
        )
    return project, y, heading


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return world_of(tmp_path_factory.mktemp("behaved"))


@pytest.fixture(scope="module")
def studio(serve, made):
    return serve(made[0])


@pytest.fixture
def desk(studio, page):
    """Mei on the Behaviour screen, at the map."""
    desk = Desk(studio, page)
    page.click("[data-test=tab-behavior]")
    desk.wait("document.querySelector('[data-test=map-canvas]')?.dataset.stride === '1'")
    desk.page.evaluate(DRIVER)  # the stage is another one
    choose(desk, "map-1")
    return desk


def choose(desk, title):
    runs = {run["title"]: run["run"] for run in desk.studio.get("api/behavior")["runs"]}
    desk.page.select_option("[data-test=behavior-run]", runs[title])
    desk.page.wait_for_selector("[data-test=labels] tbody tr")
    return runs[title]


def see(desk, frame):
    """Wait for a frame; the cursors of rasters and map stand at it, and it is that frame."""
    desk.wait(f"window.__gambol.frameShown().frame === {frame}")
    desk.wait(
        f"document.querySelector('[data-test=raster-canvas]').dataset.cursor === '{frame}'"
    )
    place = "document.querySelector('[data-test=map-canvas]').dataset.cursor"
    desk.wait(f"{place}.startsWith('{frame} ')")
    desk.wait(f"window.__drive.code({SIZE}) === {frame}")


def settled(desk, decisions):
    desk.wait(
        f"document.querySelector('[data-test=decisions]').innerText === '{decisions} decisions'"
    )


def test_j_and_k_go_by_bouts_and_everything_goes_in_step(desk):
    begins = np.flatnonzero(np.diff(labels())) + 1
    for k in range(3):
        desk.press("k")
        see(desk, begins[k])
    desk.press("j")
    see(desk, begins[1])
    desk.press("ArrowRight")
    see(desk, begins[1] + 1)


def test_a_click_into_the_rasters_is_the_frame_below_it(desk):
    box = desk.page.locator("[data-test=raster-canvas]").bounding_box()
    for part in (0.25, 0.8):
        desk.page.mouse.click(box["x"] + part * box["width"], box["y"] + 8)
        at = int(desk.page.locator("[data-test=raster-canvas]").get_attribute("aria-valuenow"))
        assert abs(at - part * N) <= 2
        see(desk, at)


def test_a_click_into_the_map_loops_the_nearest_clips(desk, made):
    _, y, heading = made
    asked = []
    desk.page.on("request", lambda one: asked.append(one.url))
    box = desk.page.locator("[data-test=map-canvas]").bounding_box()
    desk.page.mouse.click(box["x"] + 0.45 * box["width"], box["y"] + 0.4 * box["height"])
    desk.wait("document.querySelector('[data-test=clips]')?.dataset.looping === '12'", 20)
    url = next(one for one in asked if "/clips?" in one)
    at = np.array([float(v) for v in re.findall(r"[xy]=([-\d.e]+)", url)[:2]])

    away, nearest = np.hypot(*(y - at).T), []
    for k in np.argsort(away, kind="stable"):
        if all(abs(k - other) > 15 for other in nearest) and len(nearest) < 12:
            nearest.append(int(k))
    got = desk.studio.get(re.sub(r"^.*?/api/", "api/", url))["clips"]
    assert [one["core"][0] for one in got] == nearest
    assert all(one["last"] - one["first"] == 30 for one in got)
    cells = [behaved.cells(heading[k], SIZE, TILE).tolist() for k in nearest]
    seen = set()
    for _ in range(4):
        codes = desk.page.evaluate(CODES, cells)
        assert all(c["first"] <= code <= c["last"] for c, code in zip(got, codes, strict=True))
        seen.add(tuple(codes))
        desk.page.wait_for_timeout(150)
    assert len(seen) > 1  # they move

    desk.press("Enter")  # opens the first in the film
    see(desk, nearest[0])


def test_names_and_merges_stay_after_a_reload_and_can_be_undone(desk, made):
    before = desk.page.evaluate(LIST)
    one, other = 2, 3
    desk.page.click(f"[data-test=label-{one}] .label-cell > button")
    desk.press("F2")
    desk.page.locator("[data-test=rename-label] input").fill("rear left")
    desk.press("Enter")
    settled(desk, 1)
    desk.press("m")
    desk.page.click(f"[data-test=label-{other}] .label-cell > button")
    settled(desk, 2)
    assert not desk.page.locator(f"[data-test=label-{one}]").count()

    desk.page.reload()
    desk.wait("document.querySelector('[data-test=map-canvas]')?.dataset.stride === '1'")
    settled(desk, 2)
    desk.press("Control+z")
    settled(desk, 1)
    assert "rear left" in desk.page.locator(f"[data-test=label-{one}]").inner_text()
    desk.press("Control+z")
    settled(desk, 0)
    assert desk.page.evaluate(LIST) == before
    # the model is as it was
    assert not list((made[0] / "runs" / "map-1").glob("*.nc"))


def test_bouts_scored_while_the_film_plays_have_start_stop_and_author(desk, made, tmp_path):
    page = desk.page
    page.fill("[data-test=scheme-add]", "rearing")
    desk.press("Enter")
    page.evaluate("document.activeElement.blur()")
    desk.press("Space")
    desk.wait("window.__gambol.frameShown().frame > 5")
    shown = "() => window.__gambol.frameShown().frame"
    marks = []
    for _ in range(2):
        marks.append(page.evaluate(shown))
        desk.press("1")
        marks.append(page.evaluate(shown))
        page.wait_for_timeout(600)
    desk.press("Space")
    bout = until(lambda: desk.studio.get("api/bouts")["bouts"])[-1]
    assert (bout["author"], bout["label"], bout["recording"]) == ("Mei", "rearing", "cage")
    assert marks[0] <= bout["first"] <= marks[1] + 1
    assert marks[2] <= bout["last"] <= marks[3] + 1 and bout["last"] > bout["first"]

    (path,) = (made[0] / "bouts").glob("*.csv")
    with path.open() as file:
        (row,) = [one for one in csv.DictReader(file) if one["label"] == "rearing"]
    assert row["annotator"] == "Mei"
    written = io_ethogram.read(path).ethogram
    kept = written.bouts[["recording", "label", "start_frame", "stop_frame"]].to_dict("records")
    assert kept == [{"recording": "cage", "label": "rearing", "start_frame": bout["first"],
                     "stop_frame": bout["last"] + 1}]  # fmt: skip
    io_ethogram.write(written, tmp_path / "boris.csv", "boris")
    back = io_ethogram.read(tmp_path / "boris.csv", fps=FPS).ethogram
    assert back.bouts["label"].tolist() == ["rearing"]
    times = back.bouts[["start_s", "stop_s"]].to_numpy()[0]
    assert np.allclose(times * FPS, [bout["first"], bout["last"] + 1], atol=0.51)

    desk.press("Control+z")
    until(lambda: desk.studio.get("api/bouts")["bouts"] == [])


def test_names_of_an_earlier_model_are_taken_over_when_they_are_approved(desk):
    first, refit = choose(desk, "first"), choose(desk, "refit")
    desk.studio.post(f"api/behavior/{first}/decisions",
                     {"do": "rename", "labels": [4], "value": "groom"})  # fmt: skip
    desk.page.wait_for_selector("[data-test=follow]")
    desk.page.click("[data-test=follow] summary")
    desk.page.select_option("[data-test=follow-from]", first)
    assert "100 %" in desk.page.locator("[data-test=proposals]").inner_text()
    desk.page.click("[data-test=approve]")
    settled(desk, 1)
    named = {
        one["id"]: one["name"]
        for one in desk.studio.get(f"api/behavior/{refit}/labels")["labels"]
    }
    assert named[int(AGAIN[4])] == "groom"


def test_groups_are_compared_by_a_column(desk):
    choose(desk, "first")
    page = desk.page
    page.click("summary:has-text('Compare groups')")
    page.wait_for_selector("[data-test=animals-table]")
    for n in range(1, 8):
        page.fill(f"[aria-label='group of other{n}']", "drug" if n > 3 else "saline")
        desk.press("Tab")
    page.wait_for_selector("[data-test=factor]:not([disabled])")
    until(lambda: page.locator("[aria-label='group of other7']").input_value() == "drug")
    page.wait_for_timeout(300)
    page.click("[data-test=compare]")
    page.wait_for_selector("[data-test=differences]")
    rows = page.locator("[data-test=differences] tbody tr").all_inner_texts()
    assert any(row.startswith("2 ") and "[" in row for row in rows)
    assert len(rows) >= LABELS - 1


def test_two_people_tell_of_animals_and_neither_loses_a_word(desk, faults):
    run, page = choose(desk, "first"), desk.page

    def theirs(recording, saw, value, column="group", **more):
        cells = [{"recording": recording, "column": column, "saw": saw, "value": value}]
        desk.studio.post(f"api/behavior/{run}/animals", {"cells": cells, **more})

    def field(recording, column="group"):
        return page.locator(f"[aria-label='{column} of {recording}']")

    for n in range(1, 8):
        theirs(f"other{n}", "", "drug" if n > 3 else "saline", force=True)
    page.click("summary:has-text('Compare groups')")
    if not field("other1").is_visible():
        page.click("summary:has-text('Animals and groups')")
    until(lambda: field("other4").input_value() == "drug")
    field("other2").fill("mine")  # still being typed
    theirs("other1", "saline", "theirs")
    theirs("other2", "saline", "also theirs")
    until(lambda: field("other1").input_value() == "theirs")  # by itself
    assert field("other2").input_value() == "mine"
    desk.press("Tab")
    page.wait_for_selector("text=somebody wrote 'also theirs' as group of 'other2' meanwhile")
    until(lambda: field("other2").input_value() == "also theirs")
    page.click("button:has-text('Keep mine')")
    until(lambda: field("other2").input_value() == "mine")
    held = {row[0]: row for row in desk.studio.get(f"api/behavior/{run}/animals")["rows"]}
    assert [held[f"other{n}"][2] for n in (1, 2, 4)] == ["theirs", "mine", "drug"]
    faults[:] = [one for one in faults if "409" not in one]  # as it is meant


def test_of_three_groups_q_is_that_of_each_pair(desk):
    run, page = choose(desk, "first"), desk.page
    doses = ("low", "high", "no")
    cells = [
        {"recording": f"other{n}", "column": "dose", "saw": "", "value": doses[n % 3]}
        for n in range(1, 8)
    ]
    said = {"columns": ["dose"], "cells": cells, "force": True}
    desk.studio.post(f"api/behavior/{run}/animals", said)
    page.click("summary:has-text('Compare groups')")
    page.wait_for_selector("[data-test=factor] option:has-text('dose')", state="attached")
    page.select_option("[data-test=factor]", "dose")
    page.click("[data-test=compare]")
    page.wait_for_selector("text=q: of these two groups")
    rows = page.locator("[data-test=differences] tbody tr")
    found = desk.studio.get(f"api/behavior/{run}/groups?factor=dose&what=usage")["rows"]
    assert rows.count() == len(found) and any(row["q"] is None for row in found)
    for text, row in zip(rows.all_inner_texts(), found, strict=True):
        assert text.rstrip().endswith("–") == (row["q"] is None)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_it_on_a_small_screen(desk, theme):
    page = desk.page
    page.set_viewport_size({"width": 1024, "height": 640})
    if page.evaluate("document.documentElement.dataset.theme") != theme:
        desk.press("Alt+t")
    page.click("[data-test^=label-] .label-cell > button >> nth=0")
    desk.wait("document.querySelector('[data-test=clips]')?.dataset.looping > 0", 20)
    for summary in page.locator(".behavior-right summary").all():
        if summary.evaluate("(it) => !it.parentElement.open"):
            summary.click()
    page.wait_for_timeout(300)
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 1024


def test_by_keys_alone_a_bout_is_found_named_and_split(desk):
    desk.press("k")
    begins = np.flatnonzero(np.diff(labels())) + 1
    see(desk, begins[0])
    desk.press("F2")
    desk.page.wait_for_selector("[data-test=rename-label]")
    desk.page.keyboard.type("found")
    desk.press("Enter")
    settled(desk, 1)
    desk.press("Shift+M")
    settled(desk, 2)
    desk.press("Control+z")
    settled(desk, 1)
    desk.press("Control+z")
    settled(desk, 0)
