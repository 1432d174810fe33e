"""Several views step together; a point dragged in one of them is the library's, and undo."""

import json
import random
import uuid
from typing import NamedTuple

import numpy as np
import pytest
from acting import Studio, until
from browser import axe
from spaced import SIZE, films, points, world

from gambol.core.skeleton import Skeleton
from gambol.io import calibration
from gambol.io import poses as io_poses
from gambol.kernels import projection, triangulation
from gambol.multiview.clocks import Timing
from gambol.multiview.tiers import base, msac

LATE = Timing(lag=3.0, drops=((20, 2),))  # of the second film
CODES = """([wide, high]) => {
const cells = [...document.querySelectorAll("[data-test^=view-]")];
return cells.map((cell) => {
  if (cell.dataset.frame === "missing")
    return [cell.querySelector("[data-test^=missing-]") ? -1 : -2, "missing"];
  const canvas = cell.querySelector("[data-test=canvas-picture]");
  const scale = Math.min(canvas.width / wide, canvas.height / high);
  const [left, top] = [(canvas.width - wide * scale) / 2, (canvas.height - high * scale) / 2];
  let number = 0;
  for (let bit = 0; bit < 16; bit++) {
    const [x, y] = [left + (bit + 0.5) * (wide / 16) * scale, top + (wide / 64) * scale];
    const [red] = canvas.getContext("2d").getImageData(Math.round(x), Math.round(y), 1, 1).data;
    number = number * 2 + (red > 150 ? 1 : 0);
  }
  return [number, cell.dataset.frame];
})}"""


@pytest.fixture
def studio(tmp_path):
    folder = tmp_path / "mice.gambol"
    world(folder)
    films(folder, frames=60)
    made = Studio(folder, tmp_path)
    yield made
    made.end()


def test_views_show_one_moment_and_a_dragged_point_comes_back(studio, page):
    enter(studio, page)
    late(studio)
    assert stepped(page, random.Random(0).sample(range(60), 12), 60, SIZE) == 12
    made = corrected(studio, page)
    assert made.epipolar_px <= 1.0 and made.residual_px <= 0.01 and made.library_px <= 0.01
    assert made.restored
    for _ in range(2):  # themes
        for tab in ("health", "setup", "worst"):
            page.click(f"[data-test=space-tab-{tab}]")
            page.wait_for_timeout(300)
            assert axe(page) == [], tab
        page.keyboard.press("Alt+t")


def test_a_point_is_mended_by_keys_alone_in_a_small_window(studio, page):
    page.set_viewport_size({"width": 1024, "height": 640})
    enter(studio, page)
    (run,) = studio.get("api/space")["runs"]
    before = points(studio.client, run["run"], 7)
    page.keyboard.press("Home")
    for key in (*["ArrowRight"] * 7, "n", "c"):
        page.keyboard.press(key)
    name, camera = run["keypoints"][0], run["views"][1]["camera"]
    assert page.inner_text("[data-test=space-point] strong") == name
    for key in ("d", "d", "Shift+D", "w"):
        page.keyboard.press(key)
    until(lambda: "moved" in page.inner_text(f"[data-test=said-{camera}]"), 10)
    now = points(studio.client, run["run"], 7)
    moved = [now[axis][0, 0, 0, 1] - before[axis][0, 0, 0, 1] for axis in ("x", "y")]
    np.testing.assert_allclose(moved, (7, -1), atol=1e-3)
    assert studio.get("api/space")["runs"][0]["decisions"] == 1  # four keys are one edit
    page.keyboard.press("x")
    until(lambda: "left out" in page.inner_text(f"[data-test=said-{camera}]"), 10)
    page.keyboard.press("v")
    until(lambda: "left out" not in page.inner_text(f"[data-test=said-{camera}]"), 10)
    page.keyboard.press("Enter")
    until(lambda: studio.get("api/space")["runs"][0]["decisions"] == 4, 10)
    size = "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    assert page.evaluate(size) == [1024, 640]
    low = page.locator("[data-test=accept-labels]").bounding_box()
    assert low["y"] + low["height"] < 600, "buttons are below the window"


def test_enter_accepts_and_shift_enter_makes_labels_of_it(studio, page):
    enter(studio, page)
    late(studio)
    (run,) = studio.get("api/space")["runs"]
    page.keyboard.press("k")
    page.wait_for_selector("[data-test=space-point]")
    moment = int(page.get_attribute("[data-test=clock]", "data-moment"))
    name = page.inner_text("[data-test=space-point] strong")
    j = run["keypoints"].index(name)
    left = next(v["camera"] for v in run["views"] if "moved" not in v)
    page.click(f"[data-test=said-{left}] button")
    page.keyboard.press("x")
    until(lambda: "left out" in page.inner_text(f"[data-test=said-{left}]"), 5)
    edits = studio.get("api/project")["seq"]
    page.keyboard.press("Shift+Enter")
    until(lambda: studio.get("api/project")["seq"] == edits + 2, 5)  # the labels, the verdict
    seen = points(studio.client, run["run"], moment)
    assert seen["accepted"][0, 0, j, 0] == 1
    rig = calibration.read(studio.folder / "session" / "rig.toml")
    image = projection.project(seen["xyz"][0, 0].astype(float), rig.params()).uv
    known = studio.get("api/project")["skeleton"]["keypoints"]
    for v, (view, camera) in enumerate(zip(run["views"], rig, strict=True)):
        clock = LATE if v == 1 else Timing()
        frame = clock.frames(np.array([float(moment)]))[0]
        if not np.isfinite(frame) or frame > 59:
            continue
        rows, row = studio.rows(int(frame), view["video"])
        assert row["complete"] == 2  # it waits for Enter on Label
        ((_, x, y, state),) = [
            p for p in next(iter(rows.values()))["points"] if p[0] == known.index(name)
        ]
        np.testing.assert_allclose((x, y), image[v, j], atol=0.05)
        assert state == (1 if camera == left else 2)  # who left a view out saw nothing there
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    until(lambda: studio.rows(moment, run["views"][0]["video"]) == ({}, None), 5)


def enter(studio, page):
    """Open the screen."""
    studio.enter(page.context)
    page.goto(studio.address + "#space")
    page.wait_for_selector("[data-test=worst-list] [role=option]", timeout=30_000)


def late(studio):
    """Say that the second film is late and lost frames."""
    (run,) = studio.get("api/space")["runs"]
    film = {"video": run["views"][1]["video"], "lag": LATE.lag, "drops": LATE.drops}
    studio.post("api/space/clock", {"id": uuid.uuid4().hex, "films": [film]})


def stepped(page, moments, frames, size):
    """Go to moments on the timeline; return at how many every view shows what it should."""
    until(lambda: page.locator("[data-test=frame-cam_1]").inner_text().startswith("▲"), 10)
    good = 0
    for moment in moments:
        goto(page, moment, frames)
        now = int(page.get_attribute("[data-test=clock]", "data-moment"))
        assert now == moment
        late = LATE.frames(np.array([float(now)]))[0]
        second = [int(late), str(int(late))] if late < frames else [-1, "missing"]
        want = [[now, str(now)]] * 4
        want[1] = second
        until(lambda want=want: page.evaluate(CODES, list(size)) == want, 10, 0.02)
        good += 1
    return good


def goto(page, moment, frames):
    """Click at a moment of the timeline."""
    box = page.locator("[data-test=timeline]").bounding_box()
    x = box["x"] + (moment + 0.5) * box["width"] / frames
    page.mouse.click(x, box["y"] + box["height"] / 2)


class Corrected(NamedTuple):
    """What a dragged point came to."""

    epipolar_px: float  # the farthest of any line from the true point, in the other views
    residual_px: float  # the most by which a residual in the page is off the library's
    library_px: float  # the same of residuals of the point that the library solves itself
    restored: bool


def corrected(studio, page):
    """Drag a point of the first view to where it is in truth, look, and undo."""
    (run,) = studio.get("api/space")["runs"]
    address = f"api/runs3d/{run['run']}/points?from=0&to={run['frames'] - 1}"
    before = studio.client.get(address).content
    rig = calibration.read(studio.folder / "session" / "rig.toml")
    moment, j, at, true = _chosen(studio, run, rig)
    goto(page, moment, run["frames"])
    until(lambda: page.evaluate("window.__gambol.frameShown().frame") == moment, 10)
    told = _Told(page)
    _drag(page, at, true[0])
    name = run["keypoints"][j]
    until(lambda: page.inner_text("[data-test=space-point] strong") == name, 5)
    until(lambda: studio.get("api/space")["runs"][0]["decisions"] == 1, 10)
    here = list(rig)[0]
    until(lambda: "moved" in page.inner_text(f"[data-test=said-{here}]"), 10)
    move = told.decision()
    assert np.hypot(move["x"] - true[0][0], move["y"] - true[0][1]) < 0.5
    curves = until(lambda: told.curves(here, move["x"], move["y"]), 10)
    far = max(away(true[list(rig).index(c["camera"])], c["parts"]) for c in curves)
    residual, library = _residuals(studio, page, run, rig, moment, j)
    page.keyboard.press("Control+z")
    until(lambda: studio.get("api/space")["runs"][0]["decisions"] == 0, 10)
    restored = studio.client.get(address).content == before
    return Corrected(far, residual, library, restored)


class _Told:
    """What the page asked for and heard."""

    def __init__(self, page):
        self.page, self.answers = page, []
        page.on("response", lambda answer: self.answers.append(answer))

    def decision(self):
        """What the page decided last."""
        return [json.loads(a.request.post_data) for a in self.answers
                if a.url.endswith("/decisions")][-1]  # fmt: skip

    def curves(self, camera, x, y):
        """Curves of a place, which the page knows in single precision; None: not yet asked."""
        self.page.wait_for_timeout(50)  # answers are heard meanwhile
        for answer in reversed(self.answers):
            asked = json.loads(answer.request.post_data or "{}")
            if not answer.url.endswith("/epipolar") or asked["camera"] != camera:
                continue
            if np.allclose((asked["x"], asked["y"]), (x, y), atol=1e-3):
                return answer.json()["curves"]
        return None


def _drag(page, start, end):
    grip, to = (
        page.evaluate(f"window.__gambol.videoToScreen({x}, {y})") for x, y in (start, end)
    )
    page.mouse.move(grip["x"], grip["y"])
    page.mouse.down()
    page.mouse.move(grip["x"] + 9, grip["y"] + 7, steps=3)
    page.mouse.move(to["x"], to["y"], steps=5)
    page.mouse.up()


def _chosen(studio, run, rig):
    """The point farthest from all others: its moment, number, where it is seen, the truth."""
    truth = io_poses.read(studio.folder / "session" / "truth3d.nc")
    xyz = truth.position.transpose("time", "individuals", "keypoints", "space").values[:, 0]
    names = list(truth.keypoints.values)
    found = []
    for moment in range(4, run["frames"], 3):
        seen = points(studio.client, run["run"], moment)
        good = (np.nan_to_num(seen["residual"][0, 0], nan=99) < 8).all(-1)
        good &= np.isfinite(seen["x"][0, 0]).all(-1)
        here = np.stack([seen["x"][0, 0, :, 0], seen["y"][0, 0, :, 0]], -1).astype(float)
        ghost = projection.project(seen["xyz"][0, 0].astype(float), rig.params()[:1]).uv[0]
        for j in np.flatnonzero(good):
            at = xyz[moment][[names.index(run["keypoints"][j])]]
            true = projection.project(at, rig.params()).uv[:, 0]
            others = np.concatenate([np.delete(here, j, 0), np.delete(ghost, j, 0)])
            alone = np.nanmin(np.linalg.norm(others - here[j], axis=1), initial=1e9)
            if np.isfinite(true).all():
                found.append((alone, moment, int(j), here[j], true))
    return max(found, key=lambda one: one[0])[1:]


def _residuals(studio, page, run, rig, moment, j):
    """By how much residuals in the page are off those of the library."""
    got = points(studio.client, run["run"], moment)
    xy = np.stack([got["x"][0, 0, j], got["y"][0, 0, j]], -1).astype(float)
    sure = np.array([
        float(io_poses.read(studio.folder / "session" / "views" / f"{c}.nc")
              .confidence.transpose("time", "individuals", "keypoints").values[moment, 0, j])
        for c in rig
    ])  # fmt: skip
    moved = got["state"][0, 0, j] == 2
    problem = base.Problem(
        xy[None, :, None], np.where(moved, 1.0, sure)[None, :, None],
        np.where(moved, 1 / 16, 1.0)[None, :, None], rig.params(), np.zeros(1),
        Skeleton(("point",)), np.array([0.0, 0.0, 1.0]),
    )  # fmt: skip
    solved = msac.build(msac.Msac())(problem).xyz[0, 0]
    said = [
        float(page.inner_text(f"[data-test=said-{c}] td:last-child").split()[0]) for c in rig
    ]
    off = []
    for xyz in (got["xyz"][0, 0, j].astype(float), solved):
        squares = triangulation.squared_errors(xyz[None], xy[None], rig.params())[0]
        off.append(float(np.abs(np.sqrt(squares) - said).max()))
    return off


def away(point, parts):
    """The distance of a point from polylines, px."""
    best = np.inf
    for part in parts:
        line = np.array(part, float)
        a, along = line[:-1], np.diff(line, axis=0)
        share = ((point - a) * along).sum(1) / np.maximum((along**2).sum(1), 1e-12)
        foot = a + np.clip(share, 0, 1)[:, None] * along
        best = min(best, np.linalg.norm(foot - point, axis=1).min())
    return float(best)
