"""Several views step together; a point dragged in one of them, and undo."""

import random

import numpy as np
import pytest
from acting import Studio, until
from spaced import films, points, world

CODES = """() => [...document.querySelectorAll("[data-test^=view-]")].map((cell) => {
  const canvas = cell.querySelector("[data-test=canvas-picture]");
  const scale = Math.min(canvas.width / 640, canvas.height / 512);
  const [left, top] = [(canvas.width - 640 * scale) / 2, (canvas.height - 512 * scale) / 2];
  let number = 0;
  for (let bit = 0; bit < 16; bit++) {
    const [x, y] = [left + (bit + 0.5) * 40 * scale, top + 10 * scale];
    const [red] = canvas.getContext("2d").getImageData(Math.round(x), Math.round(y), 1, 1).data;
    number = number * 2 + (red > 150 ? 1 : 0);
  }
  return [number, cell.dataset.frame];
})"""


@pytest.fixture
def studio(tmp_path):
    folder = tmp_path / "mice.gambol"
    world(folder)
    films(folder, frames=58)
    made = Studio(folder, tmp_path)
    yield made
    made.end()


def test_views_show_one_moment_and_a_dragged_point_comes_back(studio, page):
    studio.enter(page.context)
    page.goto(studio.address + "#space")
    page.wait_for_selector("[data-test=worst-list] [role=option]")
    box = page.locator("[data-test=timeline]").bounding_box()
    for moment in random.Random(0).sample(range(58), 12):
        x = box["x"] + (moment + 0.5) * box["width"] / 60
        page.mouse.click(x, box["y"] + box["height"] / 2)
        now = int(page.get_attribute("[data-test=clock]", "data-moment"))
        shown = [[now, str(now)]] * 4
        until(lambda want=shown: page.evaluate(CODES) == want, 5)
    page.keyboard.press("End")
    assert page.locator("[data-test^=missing-]").count() == 4
    _drag(studio, page)


def _drag(studio, page):
    (run,) = studio.get("api/space")["runs"]
    address = f"api/runs3d/{run['run']}/points?from=0&to=59"
    before = studio.client.get(address).content
    page.keyboard.press("k")
    page.wait_for_selector("[data-test=space-point]")
    moment = int(page.get_attribute("[data-test=clock]", "data-moment"))
    until(lambda: page.evaluate("window.__gambol.frameShown().frame") == moment, 5)
    seen = points(studio.client, run["run"], moment)
    j = int(np.flatnonzero(np.isfinite(seen["x"][0, 0, :, 0]))[0])
    x, y = float(seen["x"][0, 0, j, 0]), float(seen["y"][0, 0, j, 0])
    at = page.evaluate(f"window.__gambol.videoToScreen({x}, {y})")
    page.mouse.move(at["x"], at["y"])
    page.mouse.down()
    page.mouse.move(at["x"] + 12, at["y"] + 8, steps=6)
    page.mouse.up()
    until(lambda: studio.get("api/space")["runs"][0]["decisions"] == 1, 5)
    now = points(studio.client, run["run"], moment)
    assert (now["state"][0, 0, :, 0] == 2).sum() == 1
    assert not np.array_equal(now["xyz"], seen["xyz"], equal_nan=True)
    page.keyboard.press("Control+z")
    until(lambda: studio.get("api/space")["runs"][0]["decisions"] == 0, 5)
    assert studio.client.get(address).content == before
