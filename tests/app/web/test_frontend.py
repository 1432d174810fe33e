"""The page itself: types, unit tests, and how it opens in a browser."""

import gzip
import os
import re
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from browser import axe

from gambol.app.web import assets

ROOT = Path(__file__).parents[3]
TITLES = ["Label", "Improve", "Tracks", "3D", "Behaviour"]


def npm(*words):
    recipe = [sys.executable, ROOT / "hatch_build.py", "npm", "run", *words]
    done = subprocess.run(
        recipe, capture_output=True, encoding="utf-8", env={**os.environ, "NO_COLOR": "1"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_types_hold():
    npm("check")


def test_unit_tests_pass():
    assert int(re.search(r"Tests +(\d+) passed", npm("test"))[1]) > 0


class Strict(SimpleHTTPRequestHandler):
    """Serves files below a prefix, with the headers that studio sends."""

    def end_headers(self):
        self.send_header("Content-Security-Policy", "default-src 'self'")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The built page behind a proxy's path."""
    assets.build()
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(assets.STATIC, folder / "user" / "mei" / "studio")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Strict, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/user/mei/studio/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_opens_behind_a_proxy_under_the_strict_policy(page, address):
    page.goto(address)
    assert page.get_by_role("heading", name="gambol studio").is_visible()
    assert page.get_by_role("navigation").get_by_role("link").all_inner_texts() == TITLES
    assert page.locator("main").get_attribute("aria-label") == "Label"


def test_a_tab_opens_its_screen_and_the_address_keeps_it(page, address):
    page.goto(address)
    for title in TITLES:
        page.get_by_role("link", name=title).click()
        assert page.locator("[aria-current=page]").all_inner_texts() == [title]
    page.reload()
    page.wait_for_selector("main[aria-label=Behaviour]", state="attached")


def test_what_the_browser_refuses_is_a_fault(page, address, faults):
    page.goto(address)
    page.evaluate("document.body.append(Object.assign(new Image(), {src: 'data:,x'}))")
    page.wait_for_timeout(100)
    assert any("Content Security Policy" in fault for fault in faults)
    faults.clear()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(page, address, theme):
    page.emulate_media(color_scheme=theme)
    page.goto(address)
    assert axe(page) == []


def test_the_script_that_loads_first_is_small():
    assets.build()
    html = (assets.STATIC / "index.html").read_text(encoding="utf-8")
    first = re.findall(r'(?:src|href)="\./(assets/[^"]+\.js)"', html)
    sizes = [len(gzip.compress((assets.STATIC / name).read_bytes())) for name in first]
    assert first and sum(sizes) <= 150_000


def test_nothing_in_the_page_is_inline_or_mapped():
    assets.build()
    html = (assets.STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|data:", html)
    assert not list(assets.STATIC.rglob("*.map"))
