"""The system's Chromium, driven by Playwright: a fresh page per test that may have no faults.

A test asks for `page`, and may use `faults` to look earlier. When the test ends there must be
no uncaught error, no error on the console, and no request to another host.
The browser lives as long as its module: while Playwright's loop runs in this thread,
asyncio.run does not work in it.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

CHROMIUM = os.environ.get("GAMBOL_CHROMIUM") or shutil.which("chromium")
DRAWING = ("--no-sandbox", "--disable-gpu")  # profile A: 2D; never time it with the other
SPACE = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")  # profile B
OWN = re.compile(r"(https?|wss?)://(127\.0\.0\.1|localhost)(:\d+)?/|(data|blob|about):")
AXE = Path(__file__).parents[3] / "web" / "node_modules" / "axe-core" / "axe.min.js"


def chromium(flags: tuple[str, ...]) -> Iterator[Browser]:
    """Start the system's Chromium; skip the test where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here; `apt-get install chromium` or set GAMBOL_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(flags))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium for everything but 3D and maps (profile A)."""
    yield from chromium(DRAWING)


@pytest.fixture(scope="module")
def space_browser() -> Iterator[Browser]:
    """Chromium with WebGL in software, for 3D and maps (profile B)."""
    yield from chromium(SPACE)


@pytest.fixture
def faults() -> Iterator[list[str]]:
    """What went wrong in the pages of this test; remove what was meant to happen."""
    seen: list[str] = []
    yield seen
    assert not seen, "\n".join(seen)


@pytest.fixture
def context(browser, faults) -> Iterator[BrowserContext]:
    """One person's browser: its own storage and cookies, 1280 × 800 pixels."""
    yield from _context(browser, faults)


@pytest.fixture
def page(context) -> Page:
    """An empty page; `page.goto(address)` opens studio."""
    return context.new_page()


@pytest.fixture
def space_page(space_browser, faults) -> Iterator[Page]:
    """An empty page with WebGL."""
    for context in _context(space_browser, faults):
        yield context.new_page()


def _context(browser: Browser, faults: list[str]) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(30_000)
    watch(context, faults)
    yield context
    context.close()


def watch(context: BrowserContext, faults: list[str]) -> None:
    """Note uncaught errors, console errors and requests that leave this machine."""
    context.on("weberror", lambda error: faults.append(f"uncaught: {error.error}"))
    context.on(
        "console",
        lambda said: (
            said.type == "error" and faults.append(f"{said.text} {said.location.get('url')}")
        ),
    )
    context.on("request", lambda asked: OWN.match(asked.url) or faults.append(asked.url))


def told(page: Page) -> str:
    """Say what a page shows of its state, for the report of a test that failed."""
    ask = """() => JSON.stringify({
      address: location.href, focus: document.activeElement?.outerHTML.slice(0, 200),
      dialogs: [...document.querySelectorAll("dialog")].map((one) => one.innerText),
      toasts: document.querySelector(".toasts")?.innerText,
      frame: window.__gambol?.frameShown?.(), pending: window.__gambol?.pending?.(),
      seq: window.__gambol?.seq?.()}, null, 1)"""
    try:
        return page.evaluate(ask)
    except PlaywrightError as error:
        return f"the page does not answer: {error}"


def axe(page: Page) -> list[str]:
    """Serious and critical findings of axe-core about the page as it stands."""
    page.evaluate(AXE.read_text(encoding="utf-8"))  # a script element would break the CSP
    found = page.evaluate("axe.run().then((result) => result.violations)")
    bad = [f for f in found if f["impact"] in ("serious", "critical")]
    return [f"{f['id']}: {n['html']}" for f in bad for n in f["nodes"]]
