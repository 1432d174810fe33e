"""The studio on a computer without Node: installed from a checkout and from a wheel.

A copy of the checkout without built pages is installed by `pip install -e .` and packed by
`pip wheel .`, with a PATH on which there is no Node. What gambol depends on is lent by the
environment that runs this, so what is timed is our own build; a browser opens both pages.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import studio_checks as checks
from benchmarks.record import record

ROOT = Path(__file__).parents[1]
LIMIT_S = 120.0
_TESTS = ROOT / "tests"
sys.path[:0] = [str(_TESTS / place) for place in ("", "app", "app/web", "app/web/e2e")]


def run() -> None:
    """Install both ways, open the page of each, and look for Node in the list of packages."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        checkout = _checkout(root / "gambol")
        bare = _without_node(root / "bin")
        for way, make in (("pip install -e .", _editable), ("pip wheel .", _wheel)):
            python = _environment(root / way.replace(" ", "_"))
            shutil.rmtree(checkout / "web" / "node_modules", ignore_errors=True)
            shutil.rmtree(checkout / "src/gambol/app/web/static", ignore_errors=True)
            start = time.monotonic()
            make(python, checkout, bare)
            seconds = time.monotonic() - start
            listed = _run([python, "-m", "pip", "list", "--local"], root, bare).lower()
            opened = _opens(python, root / f"state of {way}")
            good = seconds <= LIMIT_S and "node" not in listed and opened
            told = (
                f"{seconds:.0f} s; page opens: {opened}; Node in pip list: {'node' in listed}"
            )
            checks.note(2, way, good, told)
            name = "install" if make is _editable else "wheel"
            record(f"studio.{name}_s", seconds, "s", data="PATH without Node",
                   goal=f"<= {LIMIT_S:.0f}", met=good)  # fmt: skip


def _checkout(to: Path) -> Path:
    """Copy what git knows or would know of the working tree."""
    told = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True,
        text=True, check=True,
    ).stdout  # fmt: skip
    for name in told.splitlines():
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    return to


def _without_node(to: Path) -> dict[str, str]:
    """Return the variables of a computer whose programs are all ours but Node and npm."""
    to.mkdir()
    for folder in os.environ["PATH"].split(os.pathsep):
        for program in Path(folder).glob("*") if Path(folder).is_dir() else []:
            target = to / program.name
            if program.name not in ("node", "nodejs", "npm", "npx") and not target.exists():
                target.symlink_to(program)
    assert shutil.which("node", path=str(to)) is None
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return {**kept, "PATH": str(to)}


def _environment(to: Path) -> Path:
    """Make an environment that sees our packages, but not us."""
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    subprocess.run([base, "-m", "venv", to], check=True)
    python = to / "bin" / "python"
    (own,) = (to / "lib").glob("python*/site-packages")
    (own / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def _editable(python: Path, checkout: Path, bare: dict[str, str]) -> None:
    _run([python, "-m", "pip", "install", "-e", "."], checkout, bare)


def _wheel(python: Path, checkout: Path, bare: dict[str, str]) -> None:
    out = checkout.parent / "wheels"
    _run([python, "-m", "pip", "wheel", "--no-deps", "-w", str(out), "."], checkout, bare)
    (made,) = out.glob("gambol-*.whl")
    _run([python, "-m", "pip", "install", "--no-deps", str(made)], checkout.parent, bare)


def _run(command: list[Any], folder: Path, variables: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=900,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command[1:5]))}: {done.stdout.strip()[-300:]}")
    return done.stdout


def _opens(python: Path, state: Path) -> bool:
    """Open a project in a browser, served by another installation; it draws a frame."""
    import browser as chromium
    import worlds
    from acting import Desk, Studio
    from playwright.sync_api import sync_playwright

    folder = worlds.project(state / "mice", [worlds.film(state / "film.mp4", 30, 128)])
    studio = Studio(folder, state, python=python)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium.CHROMIUM, args=list(chromium.DRAWING)
            )
            shown = Desk(studio, browser.new_page()).probe("frameShown()")
            browser.close()
    finally:
        studio.end()
    return shown["frame"] == 0
