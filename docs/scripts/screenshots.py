"""Screenshots of the studio for the pages of the documentation.

`python docs/scripts/screenshots.py` writes docs/images/studio-<screen>.png, some minutes on two
cores, most of them for a short training; `--only SCREEN …` some of them; `--all FOLDER` both
themes and two sizes, to look at. Needs Chromium, and the recordings in GAMBOL_DATA or
shared/data; simulated ones otherwise.
"""

import argparse
import io
import os
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests" / place) for place in ("", "app", "app/web", "app/web/e2e")]
IMAGES = ROOT / "docs" / "images"
SIZE, SMALL = (1280, 800), (1024, 640)
TRAINING = {"fit": {"minutes": 2.5, "evaluate_every": 10}}  # a rough network, but a real one
TRAINING_S = 900.0  # after which it has ended on a slow machine, too
NOTCHES = 6  # of the wheel
NEAR = (795.0, 560.0)  # px of the courtship film, where its first crossing is
LARGE = 350_000  # bytes
VIVID = 40  # levels between channels, from which a pixel has a colour
FEW = 12  # frames that are suggested
GUIDE = ("label", "tracks", "space", "behavior")  # whose first hint has been read


def main() -> None:
    """Make them."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--all", type=Path, help="folder for both themes and two sizes")
    words.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="screens")
    said = words.parse_args()
    shots = [one for one in SHOTS if one.screen in said.only]
    to = said.all or IMAGES
    to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        folders: dict[Any, Path] = {}  # before the browser, in whose thread asyncio is at work
        for shot in shots:
            if shot.world not in folders:
                folders[shot.world] = _made(shot.world, Path(place) / shot.screen)
        with _browser() as browser:
            for world, folder in folders.items():
                with _studio(folder) as studio:
                    some = [one for one in shots if one.world == world]
                    _take_all(browser, studio, some, to, said.all is not None)


def _take_all(browser: Any, studio: Any, shots: list["Shot"], to: Path, every: bool) -> None:
    """Take screens of one project, in both themes and two sizes or as the pages show them."""
    if not every:
        _take(browser, studio, shots, "dark", SIZE, to / "studio-{screen}.png")
        return
    for theme in ("dark", "light"):
        for size in (SIZE, SMALL):
            name = f"{{screen}}-{theme}-{size[0]}.png"
            _take(browser, studio, shots, theme, size, to / name)


def _made(world: Callable[[Path, Path], Path], place: Path) -> Path:
    place.mkdir()
    data = Path(os.environ.get("GAMBOL_DATA", ROOT.parent / "shared" / "data"))
    return world(place, data)


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


@contextmanager
def _studio(folder: Path) -> Iterator[Any]:
    from acting import Studio

    studio = Studio(folder, folder.parent)
    studio.client.timeout = TRAINING_S  # settings of a training are checked in a process first
    try:
        yield studio
    finally:
        studio.end()


def _take(
    browser: Any, studio: Any, shots: list["Shot"], theme: str, size: tuple[int, int], to: Path
) -> None:
    """Open screens, show what they are for, and keep pictures."""
    from acting import DRIVER, Desk

    for shot in shots:
        if shot.work is not None:
            shot.work(studio)
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    context.set_default_timeout(60_000)
    page = context.new_page()
    read = ", ".join(f'"{screen}.first"' for screen in GUIDE)
    page.add_init_script(
        f"localStorage.setItem('gambol:theme', '\"{theme}\"');"
        f"localStorage.setItem('gambol:hints', '[{read}]')"
    )
    desk = Desk(studio, page)
    for shot in shots:
        page.click(f"[data-test=tab-{shot.screen}]")
        page.wait_for_timeout(500)
        page.evaluate(DRIVER)
        shot.show(desk)
        page.mouse.move(size[0] / 2, 5)
        page.wait_for_timeout(700)
        path = to.with_name(to.name.format(screen=shot.screen))
        _keep(page.screenshot(), path)
        print(path, f"{path.stat().st_size / 1024:.0f} KiB", flush=True)
    context.close()


def _keep(png: bytes, path: Path) -> None:
    """Write a picture, a large one with a palette of greys and rare colours."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.save(path, optimize=True)
    if path.stat().st_size <= LARGE:
        return
    seen = np.asarray(image).reshape(-1, 1, 3)
    vivid = np.ptp(seen[:, 0].astype(int), axis=1) >= VIVID
    parts = ((~vivid, 160, Image.Quantize.MEDIANCUT), (vivid, 96, Image.Quantize.FASTOCTREE))
    colours: list[int] = []
    for which, count, how in parts:
        some = Image.fromarray(seen[which]).quantize(count, how).getpalette() or []
        colours += (some + some[-3:] * count)[: 3 * count]
    palette = Image.new("P", (1, 1))
    palette.putpalette(colours)
    image.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


def _round(studio: Any) -> None:
    """Suggest, train and predict once: what a person starts with three buttons."""
    if studio.get("api/rounds"):
        return
    _job(studio, "train", TRAINING)
    _job(studio, "suggest", {"count": FEW})
    _job(studio, "predict-frames", {})


def _job(studio: Any, stage: str, config: dict[str, Any]) -> None:
    from acting import until

    job = studio.post("api/jobs", {"key": uuid.uuid4().hex, "stage": stage, "config": config})

    def ended() -> bool:
        now = studio.get(f"api/jobs/{job['id']}")
        assert now["state"] not in ("failed", "lost"), now
        return bool(now["state"] == "done")

    until(ended, TRAINING_S, 0.5)


def _label(desk: Any) -> None:
    """A suggested frame with guesses, of which one animal is taken and a keypoint chosen."""
    for one in desk.studio.get("api/project")["suggestions"]:
        seen = desk.studio.get(f"api/frames/1/{one['frame']}")["prediction"]
        animals = [] if seen is None else seen["animals"]
        sure = [[p for p in animal["points"] if p[0] is not None] for animal in animals]
        if any(sure):
            break
    desk.jump(one["frame"])
    if not any(sure):  # so short a training may see nobody
        return
    sure = [points for points in sure if points]
    x, y = np.mean([p[:2] for points in sure for p in points], axis=0)
    _nearer(desk, x, y)
    desk.click(*max(sure[0], key=lambda p: p[2])[:2])  # takes the animal
    desk.page.wait_for_timeout(800)


def _nearer(desk: Any, x: float, y: float) -> None:
    """Magnify a place of the film with the wheel."""
    desk.page.mouse.move(*desk.screen(x, y))
    for _ in range(NOTCHES):
        desk.page.mouse.wheel(0, -100)
        desk.page.wait_for_timeout(60)


def _improve(desk: Any) -> None:
    page = desk.page
    page.wait_for_selector("[data-test=round]")
    page.locator("[data-test=curve] canvas").wait_for()
    page.locator("[data-test=previews] button canvas").first.wait_for()
    page.locator("[data-test=suggestion]").first.wait_for()
    page.locator("[data-test=preset-quick]").wait_for()
    page.wait_for_timeout(2000)  # thumbnails


def _tracks(desk: Any) -> None:
    """The most harmful crossing, in the middle of its loop."""
    desk.page.wait_for_selector("[data-test=crossings] .crossing")
    desk.press("k")
    desk.page.wait_for_timeout(2000)
    _nearer(desk, *NEAR)
    desk.page.wait_for_timeout(1000)


def _space(desk: Any) -> None:
    """The worst point with its lines in the other views."""
    desk.page.wait_for_selector("[data-test=worst-list] [role=option]")
    desk.press("k")
    desk.page.wait_for_selector("[data-test=space-point]")
    desk.page.get_by_role("button", name="fit").click()
    desk.page.wait_for_timeout(1500)


def _behavior(desk: Any) -> None:
    """Clips of the moments that are nearest to a place on the map."""
    page = desk.page
    desk.wait("document.querySelector('[data-test=map-canvas]')?.dataset.stride === '1'", 30)
    runs = {run["kind"]: run["run"] for run in desk.studio.get("api/behavior")["runs"]}
    page.select_option("[data-test=behavior-run]", runs["map"])
    page.wait_for_selector("[data-test=labels] tbody tr")
    box = page.locator("[data-test=map-canvas]").bounding_box()
    place = box["x"] + 0.45 * box["width"], box["y"] + 0.58 * box["height"]
    page.mouse.move(*place)
    for _ in range(NOTCHES // 2):
        page.mouse.wheel(0, -100)
        page.wait_for_timeout(60)
    page.mouse.click(*place)
    desk.wait("document.querySelector('[data-test=clips]')?.dataset.looping === '12'", 60)
    desk.press("Enter")  # opens the first of them in the film
    desk.wait("window.__gambol.frameShown().frame > 0", 30)
    page.wait_for_timeout(500)


class Shot(NamedTuple):
    """A picture: its screen, its project, what is done in it before, and what is shown."""

    screen: str
    world: Callable[[Path, Path], Path]
    show: Callable[[Any], None]
    work: Callable[[Any], None] | None = None


def _shots() -> tuple[Shot, ...]:
    sys.path.insert(0, str(Path(__file__).parent))
    import screenshot_worlds as worlds

    return (
        Shot("label", worlds.flies, _label, _round),
        Shot("improve", worlds.flies, _improve, _round),
        Shot("tracks", worlds.crossings, _tracks),
        Shot("space", worlds.space, _space),
        Shot("behavior", worlds.behavior, _behavior),
    )


SHOTS = _shots()
NAMES = [one.screen for one in SHOTS]

if __name__ == "__main__":
    main()
