"""Pictures of the gallery: figures of the pages that the tutorials leave behind.

`python docs/scripts/gallery.py FOLDER` runs every tutorial in a folder of its name in FOLDER,
unless it was run there before, and writes docs/images/gallery-<name>.png. Half an hour on two
cores the first time. Needs Chromium; `--only NAME …` makes some.
"""

import argparse
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

DOCS = Path(__file__).parents[1]
IMAGES = DOCS / "images"
WIDTH = 1000  # px of the window
COLOURS = 128  # of a picture


class Figure(NamedTuple):
    """A figure of a page, or a frame of a film."""

    name: str
    tutorial: str
    path: str  # within the folder of the tutorial
    section: str = ""  # heading
    number: int = 0  # of the figure there; of the frame of a film


FIGURES = (
    Figure("tracks", "several", "films/test-1.mp4", number=90),
    Figure("space", "space", "films/mouse.mp4", number=120),
    Figure("sure", "space", "mouse.report.html", "How sure each keypoint's place is"),
    Figure("map", "behaviour", "map/report.html", "The map"),
    Figure("stays", "behaviour", "map/report.html", "Stays"),
    Figure("enough", "syllables", "run/report.html", "Was it enough data?"),
    Figure("grid", "syllables", "movies/syllable-2.mp4", number=40),
    Figure("memory", "states", "run/report.html", "How long behaviour remembers"),
    Figure("states", "states", "run/report.html", "When states come"),
    Figure("made", "states", "run/report.html", "What states are made of"),
)


def main() -> None:
    """Make them."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder", type=Path, help="where tutorials are run")
    words.add_argument("--only", nargs="+", choices=[one.name for one in FIGURES])
    said = words.parse_args()
    some = [one for one in FIGURES if said.only is None or one.name in said.only]
    for tutorial in dict.fromkeys(one.tutorial for one in some):
        _follow(tutorial, said.folder / tutorial)
    with _browser() as browser:
        for one in some:
            picture = _taken(browser, one, said.folder / one.tutorial)
            small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
            small.save(IMAGES / f"gallery-{one.name}.png", optimize=True)
            print(f"gallery-{one.name}.png")


def _follow(tutorial: str, folder: Path) -> None:
    """Run the commands of a tutorial, unless they were run."""
    done = folder / ".followed"
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    text = (DOCS / f"tutorial-{tutorial}.md").read_text(encoding="utf-8")
    program = str(Path(sys.executable).with_name("gambol"))
    for block in re.findall(r"^```bash\n(.*?)^```$", text, re.M | re.S):
        for line in block.splitlines():
            subprocess.run([program, *shlex.split(line)[1:]], cwd=folder, check=True)
    done.touch()


def _browser() -> Any:
    from contextlib import contextmanager

    from playwright.sync_api import sync_playwright

    @contextmanager
    def opened() -> Any:
        with sync_playwright() as play:
            where = os.environ.get("CHROMIUM", "/usr/bin/chromium")
            flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            yield play.chromium.launch(executable_path=where, args=flags)

    return opened()


def _taken(browser: Any, one: Figure, folder: Path) -> Image.Image:
    path = sorted(folder.glob(one.path))[0]
    if path.suffix == ".mp4":
        return _frame(path, one.number)
    page = browser.new_page(viewport={"width": WIDTH, "height": 800}, device_scale_factor=1.5)
    page.goto(path.resolve().as_uri())
    section = page.locator("section", has=page.get_by_role("heading", name=one.section))
    shot = section.locator("figure").nth(one.number).screenshot()
    page.close()
    return Image.open(io.BytesIO(shot))


def _frame(path: Path, number: int) -> Image.Image:
    from gambol.io.video import open_video

    film = open_video(str(path))
    try:
        return Image.fromarray(np.asarray(film.read([min(number, len(film) - 1)])[0]))
    finally:
        film.close()


if __name__ == "__main__":
    main()
