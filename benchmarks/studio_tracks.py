"""Proofreading at full size: a million frames of twenty animals behind a real server."""

import contextlib
import json
import os
import re
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import budget, record

_TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(_TESTS / place) for place in ("", "app", "app/web", "app/web/e2e")]

ANIMALS, PIECE, EDITS = 20, 2000, 300
LABELLED = 10_000  # frames, of two animals
# wheel and drag over the lanes; time from one drawn frame to the next
MOVES = """async (n) => {
  const lanes = document.querySelector("[data-test=lanes-canvas]");
  const box = lanes.getBoundingClientRect(), times = [];
  const tick = () => new Promise((done) => requestAnimationFrame(done));
  const said = (k) => ({bubbles: true, cancelable: true, clientX: box.x + box.width * 0.4,
    clientY: box.y + 30, deltaY: k % 40 < 20 ? -60 : 60, shiftKey: k % 3 === 0});
  let last = await tick();
  for (let k = 0; k < n; k++) {
    lanes.dispatchEvent(new WheelEvent("wheel", said(k)));
    const now = await tick();
    times.push(now - last);
    last = now;
  }
  return times;
}"""


def run() -> None:
    """Measure opening, timeline, frames, decisions, memory, and the lanes in a browser."""
    frames, labelled = budget(1_080_000, 20_000), budget(LABELLED, 100)
    data = (
        f"{frames:,} frames, {ANIMALS} animals in each, {labelled:,} labelled frames, "
        f"{EDITS} edits"
    )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "long.gambol"
        make(folder, frames, labelled)
        with _serving(folder, Path(place)) as studio:
            first = _opened(studio)
        record("studio.tracks_first_s", first, "s, the first time ever", data=data)
        with _serving(folder, Path(place)) as studio:
            _measure(studio, frames, data)
            _browse(studio, data)
            memory = resident(studio.server.process.pid)
    record("studio.tracks_memory_gb", memory, "GB", data=data, goal="< 1.5", met=memory < 1.5)


def make(folder: Path, frames: int, labelled: int = 0) -> Path:
    """Write a project of tracks, five thousand doubtful crossings, and a small film."""
    import worlds
    from tracked import JOINTS

    from gambol.io import tracks as io_tracks
    from gambol.io.project import Project
    from gambol.stages import identities
    from gambol.tracking.review import Event

    rng = np.random.default_rng(0)
    film = worlds.film(folder.parent / "small.mp4", max(labelled, 60), 64)
    target = folder / "runs" / "track-1" / "out" / "long.nc"
    target.parent.mkdir(parents=True)
    log = identities.Log("key", [])
    names = tuple(f"mouse {k + 1}" for k in range(ANIMALS))
    attrs = {"made_from": "key", "edits": log.hash, "track_settings": "{}",
             identities.NAMES: json.dumps(names), "source_file": "long.mp4"}  # fmt: skip
    times = np.arange(frames) / 30
    io_tracks.write(target, _pieces(rng, frames), times, JOINTS, names, fps=30.0, attrs=attrs)
    count = frames * ANIMALS
    who = np.tile(np.arange(ANIMALS), frames)
    events = [
        Event("contact", int(f), int(f) + 5, (a, b), float(p), (b, a), 1.0, frames - int(f))
        for f, a, b, p in zip(
            np.sort(rng.integers(0, frames - 10, 5000)), rng.integers(0, 10, 5000).tolist(),
            rng.integers(10, 20, 5000).tolist(), rng.uniform(0.5, 1, 5000), strict=True,
        )
    ]  # fmt: skip
    sure = np.repeat(rng.uniform(0.6, 1, (frames // 500 + 1, ANIMALS)), 500, axis=0)
    automatic = identities.Automatic(
        who, sure[:frames].ravel(), who, np.zeros(count), np.ones(count, bool),
        np.zeros((0, 2)), ANIMALS, 1e6, 40.0, True, events,
    )  # fmt: skip
    identities.write_automatic(target, "key", automatic)
    with Project.create(folder, JOINTS) as project:
        project.add_video(film)
        _label(project, film, labelled)
        path = identities.log_file(target)
        project.set_track_log(path, *log.lines, action="track")
    return target


def _label(project: Any, film: Path, frames: int) -> None:
    """Label two animals in each of so many frames."""
    from gambol.core.labels import Visibility, from_positions

    if not frames:
        return
    place = np.random.default_rng(2).uniform(0, 60, (2 * frames, len(project.skeleton), 2))
    frame = np.repeat(np.arange(frames), 2)
    project.put_labels(
        from_positions(
            project.skeleton, (str(film),), np.zeros_like(frame), frame, place,
            nan_means=Visibility.ABSENT, individual=np.tile([0, 1], frames),
            individuals=("mouse 1", "mouse 2"),
        )
    )  # fmt: skip


def _pieces(rng: np.random.Generator, frames: int) -> Iterator[Any]:
    from tracked import JOINTS

    from gambol.core.instances import from_positions
    from gambol.io.tracks import Piece

    xy = rng.uniform(0, 600, (PIECE * ANIMALS, len(JOINTS), 2))
    found = from_positions(np.repeat(np.arange(PIECE), ANIMALS), xy)
    who, sure = np.tile(np.arange(ANIMALS), PIECE), np.full(PIECE * ANIMALS, 0.9)
    for start in range(0, frames, PIECE):
        here = found._replace(frame=found.frame + start)
        yield Piece(start, np.ones(PIECE, bool), here, who, sure)


def _measure(studio: Any, frames: int, data: str) -> None:
    rng = np.random.default_rng(1)
    opened, run = _opened(studio), "t1"
    record("studio.tracks_open_s", opened, "s", data=data, goal="<= 3", met=opened <= 3)

    def decide() -> None:
        a, b = rng.choice(ANIMALS, 2, replace=False)
        said = {"id": uuid.uuid4().hex, "do": "swap", "frame": int(rng.integers(0, frames)),
                "animals": [f"mouse {a + 1}", f"mouse {b + 1}"]}  # fmt: skip
        studio.post(f"api/runs/{run}/edits", said)

    def look() -> None:
        n = min(int(10 ** rng.uniform(1.5, np.log10(frames))), frames)
        first = int(rng.integers(0, frames - n + 1))
        studio.get(f"api/runs/{run}/timeline?from={first}&to={first + n - 1}&px=2400")

    def frame() -> None:
        at = int(rng.integers(0, frames - 64))
        got = studio.client.get(f"api/runs/{run}/animals?from={at}&to={at + 63}")
        assert got.status_code == 200

    def back() -> None:
        studio.post(f"api/runs/{run}/edits", {"id": uuid.uuid4().hex, "do": "undo"})
        studio.get(f"api/runs/{run}/timeline?px=1280")

    for name, do, times, limit in (
        ("edit", decide, EDITS, 50), ("timeline", look, 100, 50), ("frame", frame, 100, 50),
        ("undo", back, 60, 100),
    ):  # fmt: skip
        p95 = _p95(do, times)
        record(f"studio.tracks_{name}_ms", p95, "ms, p95", data=data, goal=f"< {limit}",
               met=p95 < limit)  # fmt: skip


def _opened(studio: Any) -> float:
    """Return the seconds until the queue and all lanes are there."""
    start = time.monotonic()
    run = studio.get("api/runs")[0]["run"]
    studio.get(f"api/runs/{run}/crossings")
    while not studio.get(f"api/runs/{run}/timeline?px=1280")["ready"]:
        time.sleep(0.1)
    return time.monotonic() - start


def _p95(do: Callable[[], None], n: int) -> float:
    times = []
    for _ in range(n):
        start = time.perf_counter()
        do()
        times.append(1000 * (time.perf_counter() - start))
    return float(np.quantile(times, 0.95))


def _browse(studio: Any, data: str) -> None:
    from acting import Desk
    from browser import CHROMIUM, DRAWING
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(DRAWING))
        desk = Desk(
            studio, browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        )
        start = time.monotonic()
        desk.page.click("[data-test=tab-tracks]")
        desk.page.wait_for_selector("[data-test=crossings] .crossing")
        shown = time.monotonic() - start
        desk.page.wait_for_timeout(500)
        moved = float(np.quantile(desk.page.evaluate(MOVES, 240), 0.95))
        browser.close()
    record("studio.tracks_screen_s", shown, "s", data=data, goal="<= 3", met=shown <= 3)
    record("studio.tracks_zoom_ms", moved, "ms, p95", data=data, goal="< 33", met=moved < 33)


@contextlib.contextmanager
def _serving(folder: Path, place: Path) -> Iterator[Any]:
    from acting import Studio

    state = place / "state"
    state.mkdir(exist_ok=True)
    studio = Studio(folder, state)
    try:
        yield studio
    finally:
        studio.client.close()
        os.kill(studio.server.process.pid, 9)  # it would write the whole track file anew first
        studio.end()


def resident(pid: int) -> float:
    """Return the most memory that a process had, GB."""
    said = Path(f"/proc/{pid}/status").read_text()
    (kb,) = re.findall(r"VmHWM:\s+(\d+)", said)
    return float(kb) * 1024 / 1e9
