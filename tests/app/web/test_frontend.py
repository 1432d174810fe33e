"""The page itself: types, unit tests, and how it opens in a browser."""

import gzip
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from served import Server

from gambol.app.web import assets
from gambol.core.skeleton import Skeleton
from gambol.io.project import Project

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


@pytest.fixture
def address(tmp_path):
    """A link to a project's page behind a proxy's path."""
    assets.build()
    with Project.create(tmp_path / "mice", Skeleton(("nose", "tail"))):
        pass
    server = Server(tmp_path / "mice", tmp_path, "--base-url", "/user/mei/studio/")
    yield server.link
    server.end()


def test_opens_behind_a_proxy_under_the_strict_policy(address, page):
    page.goto(address)
    page.get_by_role("link", name="Label").wait_for()
    assert page.url.endswith("/user/mei/studio/") or "/user/mei/studio/#" in page.url
    assert page.get_by_role("navigation").get_by_role("link").all_inner_texts() == TITLES
    assert page.locator("main").get_attribute("aria-label") == "Label"


def test_a_tab_opens_its_screen_and_the_address_keeps_it(address, page):
    page.goto(address)
    for title in TITLES:
        page.get_by_role("link", name=title).click()
        page.locator("[aria-current=page]", has_text=title).wait_for()
        assert page.locator("[aria-current=page]").all_inner_texts() == [title]
    page.reload()
    page.wait_for_selector("main[aria-label=Behaviour]", state="attached")


def test_what_the_browser_refuses_is_a_fault(address, page, faults):
    page.goto(address)
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))"
    )
    page.wait_for_timeout(100)
    assert any("Content Security Policy" in fault for fault in faults)
    faults.clear()


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
