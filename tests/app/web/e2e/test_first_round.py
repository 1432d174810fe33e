"""From an empty folder to the first prediction, as somebody who has never been here does it."""

import time

import pytest
from acting import Desk, until
from browser import watch
from sizes import PATIENCE

CLICKS, CURVE_S, PREVIEWS_S = 15, 10.0, 30.0


class Newcomer:
    """A page of an empty folder, in which every click is counted."""

    def __init__(self, studio, page):
        self.studio, self.page, self.clicks = studio, page, 0
        studio.enter(page.context)
        page.goto(studio.address)

    def part(self, name):
        return self.page.locator(f"[data-test={name}]")

    def click(self, name):
        self.part(name).first.click(timeout=60_000)
        self.clicks += 1

    def job(self, stage, state="done", seconds=120):
        def there():
            one = next((j for j in self.studio.get("api/jobs") if j["stage"] == stage), None)
            assert one is None or one["state"] != "failed", one
            return one is not None and one["state"] == state

        until(there, seconds, 0.1)


@pytest.fixture
def newcomer(serve, browser, faults, tmp_path):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(30_000)
    watch(context, faults)
    (tmp_path / "demo").mkdir()
    yield Newcomer(serve(tmp_path / "demo"), context.new_page())
    context.close()
    faults[:] = [one for one in faults if "net::ERR" not in one]


@pytest.mark.slow
def test_a_new_project_predicts(newcomer, record_property):
    newcomer.click("demo")
    newcomer.job("demo")
    newcomer.part("tab-improve").wait_for(timeout=60_000)
    label(newcomer)
    newcomer.click("tab-improve")
    newcomer.part("preset-quick").wait_for(timeout=60_000)
    newcomer.click("preset-quick")
    newcomer.click("train-go")
    begun = time.monotonic()
    newcomer.part("curve").locator("canvas").wait_for(timeout=4 * CURVE_S * 1000)
    curve = time.monotonic() - begun
    newcomer.page.locator("[data-test=previews] button canvas").first.wait_for(
        timeout=4 * PREVIEWS_S * 1000
    )
    previews = time.monotonic() - begun
    assert curve <= CURVE_S * PATIENCE and previews <= PREVIEWS_S * PATIENCE
    newcomer.click("stop")
    newcomer.job("train")
    newcomer.part("round").first.wait_for()
    filled(newcomer)
    newcomer.click("suggest-go")
    newcomer.job("suggest")
    newcomer.part("suggestion").first.wait_for()
    newcomer.click("predict-queue")
    newcomer.job("predict-frames")
    first = newcomer.studio.get("api/project")["suggestions"][0]
    seen = newcomer.studio.get(f"api/frames/{first['video']}/{first['frame']}")["prediction"]
    assert seen["run"]
    assert newcomer.clicks <= CLICKS
    record_property(
        "measured",
        f"{newcomer.clicks} clicks; curve after {curve:.1f} s, previews after {previews:.1f} s",
    )


def label(newcomer):
    """Place one animal in a frame that nobody labelled: placements are not counted."""
    desk = Desk.__new__(Desk)
    desk.studio, desk.page = newcomer.studio, newcomer.page
    desk.ready()
    keypoints = newcomer.studio.get("api/project")["skeleton"]["keypoints"]
    desk.jump(7)
    for k in range(len(keypoints)):
        desk.click(100 + 20 * k, 100 + 9 * (k % 3))
    desk.press("Enter")
    desk.settle()
    assert newcomer.studio.rows(7)[1]["complete"] == 1
    desk.press("Control+z")  # it was no mouse
    desk.settle()


def filled(newcomer):
    """The table of rounds says what the round cost and brought."""
    (row,) = newcomer.studio.get("api/rounds")
    assert row["labels"] > 0 and row["minutes"] > 0 and 0 < row["p50_px"] <= row["p95_px"]
    cells = newcomer.part("round").first.locator("td").all_inner_texts()
    assert len(cells) >= 5 and all(cell.strip() for cell in cells[:5])
