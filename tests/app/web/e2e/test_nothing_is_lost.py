"""Killed servers and browsers: what was acknowledged is there, the rest is sent again."""

import os
import random
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import worlds
from acting import Desk, until
from browser import DRAWING, watch

KILLS = int(os.environ.get("GAMBOL_KILLS", "2"))  # 10 of them take two minutes
EDITING = """(every) => {
  window.__edits = 0;
  window.__timer = setInterval(() => {
    __drive.press(window.__edits % 2 ? "v" : "c");
    window.__edits += 1;
  }, every);
}"""


def edits_of(folder, after):
    """Actions and ids of the log, read from the file itself."""
    with closing(sqlite3.connect(f"file:{folder}/project.db?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT action, uuid, after FROM edits WHERE id > ? ORDER BY id", (after,)
        ).fetchall()
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return rows


def test_a_server_killed_while_edits_come_loses_none_and_doubles_none(
    serve, films, page, faults, tmp_path
):
    back = killed(serve, films["cfr"], page, tmp_path / "mice", kills=KILLS)
    print("seconds until the page was back:", *(round(one, 1) for one in back))
    faults[:] = [one for one in faults if "net::ERR" not in one and "WebSocket" not in one]


def killed(serve, film, page, folder, kills, every_ms=50):
    """Kill a server during 20 edits a second; return seconds until the page was back."""
    server = serve(worlds.project(folder, [film]))
    desk = Desk(server, page)
    desk.jump(8)
    desk.click(100, 100)
    desk.press("q")  # back to the point that was placed
    first = desk.saved()
    rng, back = random.Random(0), []
    page.evaluate(EDITING, every_ms)
    for _ in range(kills):
        page.wait_for_timeout(int(rng.uniform(300, 900)))
        server.kill(signal.SIGKILL)
        page.wait_for_timeout(200)
        server.again()
        start = time.monotonic()
        desk.wait("document.querySelector('[data-test=lost]') === null", 30)
        desk.wait("window.__gambol.pending() < 5", 30)
        back.append(time.monotonic() - start)
    page.evaluate("clearInterval(window.__timer)")
    made = page.evaluate("window.__edits")
    desk.wait("window.__gambol.pending() === 0", 30)
    rows = edits_of(folder, first)
    assert len(rows) == made and len({uuid for _, uuid, _ in rows}) == made
    states = [row[2] for row in rows]
    assert all(a != b for a, b in zip(states, states[1:], strict=False))
    assert desk.studio.rows(8)[0][1]["points"][0][3] == (2 if made % 2 == 0 else 1)
    return back


def browser_of(playwright, profile, faults):
    context = playwright.launch_persistent_context(
        str(profile), executable_path=os.environ.get("GAMBOL_CHROMIUM") or "/usr/bin/chromium",
        args=list(DRAWING), viewport={"width": 1280, "height": 800},
    )  # fmt: skip
    context.set_default_timeout(30_000)
    watch(context, faults)
    return context


def kill_browser(profile):
    """End the browser of a profile at once, as a crash would."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes()
        except OSError:
            continue
        if f"--user-data-dir={profile}".encode() in words and b"--type=" not in words:
            os.kill(int(place.name), signal.SIGKILL)


def test_edits_of_a_killed_browser_are_sent_when_it_comes_back(
    serve, films, browser, faults, tmp_path
):
    profile = tmp_path / "profile"
    server = serve(worlds.project(tmp_path / "mice", [films["cfr"]]))
    first = browser_of(browser.browser_type, profile, faults)
    desk = Desk(server, first.new_page())
    desk.jump(12)
    before = desk.saved()
    os.kill(server.server.process.pid, signal.SIGSTOP)
    try:
        for k in range(5):
            desk.click(40 + 20 * k, 90)
        desk.wait("window.__gambol.pending() === 5")
        desk.page.wait_for_timeout(300)  # the browser's own disk
        kill_browser(profile)
    finally:
        os.kill(server.server.process.pid, signal.SIGCONT)
    try:
        first.close()
    except Exception as error:
        assert "closed" in str(error).lower(), error
    second = browser_of(browser.browser_type, profile, faults)
    again = Desk(server, second.new_page())
    until(lambda: len(edits_of(server.folder, before)) >= 5)
    again.settle()
    names = [action for action, *_ in edits_of(server.folder, before)]
    assert len(names) == 5
    assert [n.removeprefix("place ") for n in names] == list(worlds.NAMES[:5])
    points = server.rows(12)[0][1]["points"]
    assert [round(x) for _, x, _, _ in points] == [40, 60, 80, 100, 120]
    second.close()
    faults[:] = [one for one in faults if "net::ERR" not in one]
