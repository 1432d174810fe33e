"""Screenshots of the studio for the pages of the documentation.

`python docs/scripts/screenshots.py` writes docs/images/studio-<screen>.png; with `--all FOLDER`
both themes and two sizes, to look at. Needs Chromium, and the recordings in GAMBOL_DATA or
shared/data; a simulated film otherwise.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests" / place) for place in ("", "app", "app/web", "app/web/e2e")]
IMAGES = ROOT / "docs" / "images"
SCREENS = ("label", "improve", "tracks", "space", "behavior")
FLIES = "flies_tracks"  # two flies, with labels of every frame


def main() -> None:
    """Make them."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--all", type=Path, help="folder for both themes and two sizes")
    said = words.parse_args()
    with tempfile.TemporaryDirectory() as place, _browser() as browser:
        studio = _studio(Path(place))
        try:
            if said.all is None:
                _take(browser, studio, "dark", (1280, 800), IMAGES, "studio-{screen}.png")
            else:
                for theme in ("dark", "light"):
                    for size in ((1280, 800), (1024, 640)):
                        name = f"{{screen}}-{theme}-{size[0]}.png"
                        _take(browser, studio, theme, size, said.all, name)
        finally:
            studio.end()


@contextmanager
def _browser() -> Iterator[Any]:
    import browser as chromium
    from playwright.sync_api import sync_playwright

    if chromium.CHROMIUM is None:
        sys.exit("no Chromium here; set GAMBOL_CHROMIUM")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium.CHROMIUM, args=list(chromium.DRAWING)
        )
        yield started
        started.close()


def _studio(place: Path) -> Any:
    from acting import Studio

    data = Path(os.environ.get("GAMBOL_DATA", ROOT.parent / "shared" / "data")) / FLIES
    folder = _flies(place, data) if data.is_dir() else _mice(place)
    return Studio(folder, place)


def _mice(place: Path) -> Path:
    import worlds

    film = worlds.film(place / "film.mp4", size=512)
    worlds.project(place / "mice", [film], suggested=(5, 12, 20))
    worlds.saw(place / "mice", film, worlds.truth(2, 120, 512))
    return place / "mice"


def _flies(place: Path, data: Path) -> Path:
    """Two flies: some frames labelled, the others as a tracker saw them, some suggested."""
    import numpy as np

    from gambol.core import poses as core_poses
    from gambol.io import labels as io_labels
    from gambol.io.project import Project, Suggestion

    shutil.copy(data / "two_flies.mp4", place)
    truth = io_labels.read(data / "two_flies.slp")
    film, folder = place / "two_flies.mp4", place / "flies"
    reasons = ("farthest of its cluster", "left wing 0.31", "moved 2.4 bodies", "legs 51:49")
    with Project.create(folder, truth.skeleton) as project:
        video = project.add_video(film)
        for frame in (4, 9, 15):
            for row in np.flatnonzero(truth.frame == frame):
                who = truth.individuals[truth.individual[row]]
                project.set_instance(video, frame, who, truth.xy[row], truth.visibility[row])
        frames = (4, 9, 15, 22, 31, 40, 52)
        project.set_suggestions(
            [Suggestion(video, f, reasons[k % 4], None) for k, f in enumerate(frames)]
        )
        count, names = project.videos()[0].frames, truth.individuals
    xy = np.full((count, len(names), len(truth.skeleton), 2), np.nan)
    xy[truth.frame, truth.individual] = truth.xy
    out = folder / "runs" / "predict-1" / "out" / "two_flies.mp4.nc"
    out.parent.mkdir(parents=True)
    spread = np.broadcast_to(3.0 * np.eye(2), (*xy.shape[:3], 2, 2)).copy()
    made = core_poses.build(
        xy, np.full(xy.shape[:3], 0.9), spread, np.arange(count) / 30, truth.skeleton,
        fps=30.0, individuals=tuple(names), attrs={"source_file": str(film)},
    )  # fmt: skip
    made.to_netcdf(out, engine="h5netcdf")
    return folder


def _take(
    browser: Any, studio: Any, theme: str, size: tuple[int, int], to: Path, name: str
) -> None:
    """Open every screen that this studio has, and keep its picture."""
    from acting import Desk

    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    page.add_init_script(
        f"localStorage.setItem('gambol:theme', '\"{theme}\"');"
        "localStorage.setItem('gambol:hints', '[\"label.first\"]')"
    )
    desk = Desk(studio, page)
    to.mkdir(parents=True, exist_ok=True)
    for screen in SCREENS:
        tab = page.locator(f"[data-test=tab-{screen}]")
        if not tab.count():
            continue
        tab.click()
        page.wait_for_timeout(500)
        if screen == "label":
            desk.jump(15)
            desk.press("1", "e")
            page.wait_for_timeout(500)
        page.mouse.move(size[0] / 2, 5)
        page.wait_for_timeout(700)
        page.screenshot(path=to / name.format(screen=screen))
        print(to / name.format(screen=screen), flush=True)
    context.close()


if __name__ == "__main__":
    main()
