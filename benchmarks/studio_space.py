"""Check 21 of the studio: views on one clock, a point that is corrected, and undo.

Four simulated cameras of 1024², one of whose films is late and lost frames; each film shows its
frame number in its pixels. The tests do the same in small. Besides: what a step of the clock
costs with four views and with six, and whether an edit gets through meanwhile.
"""

import contextlib
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import studio_checks as checks
from benchmarks.record import WORK, budget, record

_TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(_TESTS / place) for place in ("", "app", "app/web", "app/web/e2e")]

SIZE = 1024, 1024
LIMIT_MS = 50.0  # of a step, as for one view
# from the key to the redraw after which every view has drawn its frame
STEPS = """async ({n, first}) => {
  const g = window.__gambol, times = [], asked = [];
  const tick = () => new Promise((done) => requestAnimationFrame(done));
  const views = () => [...document.querySelectorAll("[data-test^=view-]")].map((cell) =>
    [cell.dataset.test.slice(5), cell.dataset.frame]);
  let due = performance.now();
  for (let i = 0; i < n; i++) {
    while (performance.now() < due) await new Promise((done) => setTimeout(done, 1));
    const begun = performance.now();
    due = Math.max(due + 1000 / 30, begun);
    document.body.dispatchEvent(new KeyboardEvent("keydown",
      {key: "ArrowRight", code: "ArrowRight", bubbles: true}));
    for (;;) {
      await tick();
      const now = Number(document.querySelector("[data-test=clock]").dataset.moment);
      const drawn = g.viewsShown();
      if (now === first + i + 1 && views().every(([name, frame]) =>
        frame === "missing" || drawn[name] === Number(frame))) break;
      if (performance.now() - begun > 20000) throw new Error(`moment ${first + i + 1} hangs`);
    }
    times.push(performance.now() - begun);
    if (i % 10 === 5) {
      const sent = performance.now();
      await fetch("api/project");
      asked.push(performance.now() - sent);
    }
  }
  return [times, asked];
}"""


def run() -> None:
    """Measure the check, and what a step costs."""
    import browser as chromium
    import spaced

    if chromium.CHROMIUM is None:
        print("skipped: no Chromium; set GAMBOL_CHROMIUM", flush=True)
        return
    frames = budget(240, 60)
    with _page(_world(spaced, 4, frames), chromium) as (studio, page):
        _check(studio, page, frames)
        steps(studio, page, 4)
    with _page(_world(spaced, 6, frames), chromium) as (studio, page):
        steps(studio, page, 6)


def _check(studio: Any, page: Any, frames: int) -> None:
    import test_3d_on_one_clock as clock

    clock.late(studio)
    n = budget(100, 10)
    moments = random.Random(0).sample(range(frames), n)
    good = clock.stepped(page, moments, frames, SIZE)
    made = clock.corrected(studio, page)
    passed = (
        good == n and made.epipolar_px <= 1.0 and made.restored
        and max(made.residual_px, made.library_px) <= 0.01
    )  # fmt: skip
    checks.note(
        21, "four views", passed,
        f"codes agree {good}/{n}; lines {made.epipolar_px:.2f} px from the truth; residuals "
        f"off by {max(made.residual_px, made.library_px):.4f} px; "
        f"3D {'restored' if made.restored else 'NOT restored'}",
    )  # fmt: skip


def steps(studio: Any, page: Any, views: int) -> None:
    """Walk on the clock; note wall time, CPU time of the server, and other requests."""
    page.keyboard.press("Home")
    page.wait_for_timeout(1500)
    n = budget(200, 20)
    before = _cpu(studio.server.process.pid)
    times, asked = page.evaluate(STEPS, {"n": n, "first": 0})
    cpu = 1000 * (_cpu(studio.server.process.pid) - before) / n
    value, wait = (float(np.quantile(one, 0.95)) for one in (times, asked))
    record(
        f"studio.step_{views}_views_p95_ms", value, "ms", data=f"{views} films of 1024²",
        goal=f"< {LIMIT_MS:g}", met=value < LIMIT_MS,
        note=f"median {np.median(times):.0f}, the slowest {max(times):.0f}; server {cpu:.0f} "
        f"ms CPU a step; another request p95 {wait:.0f} ms; load {os.getloadavg()[0]:.1f}",
    )  # fmt: skip
    print(
        f"{views} views: step p95 {value:.1f} ms, median {np.median(times):.1f}, slowest "
        f"{max(times):.0f}; server {cpu:.1f} ms CPU a step; other requests p95 {wait:.0f} ms",
        flush=True,
    )


def _cpu(process: int) -> float:
    """Return the seconds of CPU that a process has had."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _world(spaced: Any, cameras: int, frames: int) -> Path:
    """Return a fresh copy of a project, which is simulated the first time."""
    root = WORK / "studio"
    kept = root / f"space-{cameras}-{frames}"
    if not kept.exists():
        partial = root / f"new-space-{cameras}"
        shutil.rmtree(partial, ignore_errors=True)
        spaced.world(partial, seconds=frames / 30, size=SIZE, cameras=cameras)
        spaced.films(partial, frames, SIZE)
        partial.rename(kept)
    fresh = root / f"space-{cameras}.gambol"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(kept, fresh, ignore=shutil.ignore_patterns("studio.lock"))
    return fresh


@contextlib.contextmanager
def _page(folder: Path, chromium: Any) -> Iterator[Any]:
    """Serve a project and open it."""
    from acting import Studio
    from playwright.sync_api import sync_playwright
    from test_3d_on_one_clock import enter

    with tempfile.TemporaryDirectory() as state, sync_playwright() as playwright:
        studio = Studio(folder, Path(state))
        browser = playwright.chromium.launch(
            executable_path=chromium.CHROMIUM, args=list(chromium.DRAWING)
        )
        try:
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            enter(studio, page)
            yield studio, page
        finally:
            browser.close()
            studio.end()
