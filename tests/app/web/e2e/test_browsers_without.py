"""Browsers without a disk, without Web Locks, without a name; projects put back or moved."""

import os
import shutil
import signal
import sqlite3
from contextlib import closing

import pytest
import worlds
from acting import Desk, until
from browser import watch

SILENT = "indexedDB.open = () => ({})"  # asked to open, it never answers
REFUSES = "indexedDB.open = () => { throw new DOMException('no', 'SecurityError') }"
NO_LOCKS = "Object.defineProperty(Navigator.prototype, 'locks', {get: () => undefined})"
QUIET = ("net::ERR", "WebSocket", "409")


@pytest.fixture
def calm(faults):
    """What a server that is gone, and a conflict, leave on the console is no fault."""
    yield
    faults[:] = [one for one in faults if not any(word in one for word in QUIET)]


@pytest.fixture
def people(browser, faults, calm):
    """A function that opens a browser of its own, and one that opens a page in it."""
    contexts = []

    def enter():
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(30_000)
        watch(context, faults)
        contexts.append(context)
        return context

    yield enter
    for context in contexts:
        context.close()


def log(folder, after=0):
    with closing(sqlite3.connect(f"file:{folder}/project.db?mode=ro", uri=True)) as database:
        query = "SELECT id, author, action, uuid FROM edits WHERE id > ? ORDER BY id"
        return database.execute(query, (after,)).fetchall()


def frozen(server, what):
    os.kill(server.server.process.pid, signal.SIGSTOP if what else signal.SIGCONT)


@pytest.mark.parametrize("words", [pytest.param(SILENT, marks=pytest.mark.slow), REFUSES])
def test_edits_are_saved_in_a_browser_that_keeps_nothing_and_that_is_said(
    serve, films, page, tmp_path, words
):
    server = serve(worlds.project(tmp_path / "mice", [films["cfr"]]))
    page.add_init_script(words)
    desk = Desk(server, page)
    before = server.get("api/project")["seq"]
    desk.jump(8)
    desk.click(60, 60)
    desk.click(90, 90)
    until(lambda: server.get("api/project")["seq"] == before + 2)
    said = page.locator("[data-test=toast]").all_inner_texts()
    assert sum("keeps nothing" in one for one in said) == 1


def unnamed(server, page):
    """A page of a browser in which nobody typed a name."""
    server.enter(page.context)
    page.goto(server.address)
    desk = object.__new__(Desk)
    desk.studio, desk.page = server, page
    desk.ready()
    return desk


@pytest.mark.slow
def test_two_tabs_without_web_locks_send_their_own_edits_in_order(
    serve, films, people, tmp_path
):
    server = serve(worlds.project(tmp_path / "mice", [films["cfr"]]))
    context = people()
    context.add_init_script(NO_LOCKS)
    first, second = (Desk(server, context.new_page()) for _ in range(2))
    assert first.page.evaluate("navigator.locks === undefined")
    first.jump(8)
    second.jump(10)
    before = first.saved()
    context.route("**/api/edits", lambda route: route.abort())  # what they post is lost
    for k in range(4):
        first.click(40 + 20 * k, 60)
        second.click(40 + 20 * k, 120)
    for one in (first, second):
        one.wait("window.__gambol.pending() === 4")
    third = Desk(server, context.new_page())  # takes nothing away from those that run
    third.page.wait_for_timeout(6500)  # pages look for those that are gone
    assert third.probe("pending()") == 0
    assert first.probe("pending()") == second.probe("pending()") == 4
    context.unroute("**/api/edits")
    until(lambda: len(log(server.folder, before)) >= 8, 30)
    first.settle()
    second.settle()
    assert len(log(server.folder, before)) == 8
    for desk, frame, y in ((first, 8, 60), (second, 10, 120)):
        points = server.rows(frame)[0][1]["points"]
        assert [(p[0], round(p[1]), round(p[2])) for p in points] == [
            (k, 40 + 20 * k, y) for k in range(4)
        ]
        assert desk.page.locator("[data-test=conflict]").count() == 0


@pytest.mark.slow
def test_a_tab_that_is_closed_leaves_its_edits_to_the_other(serve, films, people, tmp_path):
    server = serve(worlds.project(tmp_path / "mice", [films["cfr"]]))
    context = people()
    context.add_init_script(NO_LOCKS)
    first, second = (Desk(server, context.new_page()) for _ in range(2))
    first.jump(8)
    second.jump(8)
    before = first.saved()
    frozen(server, True)
    try:
        for k in range(3):
            first.click(40 + 20 * k, 60)
        first.wait("window.__gambol.pending() === 3")
        first.page.wait_for_timeout(300)
        first.page.close()
    finally:
        frozen(server, False)
    until(lambda: len(log(server.folder, before)) == 3, 30)
    second.wait("window.__gambol.pending() === 0")
    until(lambda: [p[0] for p in server.rows(8)[0][1]["points"]] == [0, 1, 2])


def put_back(server, copy):
    """End a server, put an older copy in the place of its database, start it again."""
    server.kill(signal.SIGKILL)
    for name in ("project.db-wal", "project.db-shm"):
        (server.folder / name).unlink(missing_ok=True)
    shutil.copy(copy, server.folder / "project.db")
    server.again()


@pytest.mark.slow
def test_a_backup_put_back_is_noticed_and_what_waits_is_kept(serve, films, people, tmp_path):
    server = serve(worlds.project(tmp_path / "mice", [films["cfr"]]))
    desk = Desk(server, people().new_page())
    desk.jump(8)
    desk.click(60, 60)
    desk.saved()
    copy = tmp_path / "copy.db"
    with (
        closing(sqlite3.connect(server.folder / "project.db")) as now,
        closing(sqlite3.connect(copy)) as then,
    ):
        now.backup(then)
    for x in (90, 120):
        desk.click(x, 60)  # left ear, right ear
    known = desk.saved()
    server.kill(signal.SIGKILL)
    desk.click(150, 60)  # neck, while nobody answers
    desk.wait("window.__gambol.pending() === 1")
    put_back(server, copy)
    desk.wait(f"document.body.innerText.includes('this page knew {known}')", 30)
    desk.wait("document.querySelector('[data-test=conflict]') !== null", 30)
    assert desk.probe("pending()") == 1
    assert len(server.rows(8)[0][1]["points"]) == 1
    desk.page.click("[data-test=keep-mine]")
    desk.settle()
    points = server.rows(8)[0][1]["points"]
    assert [round(p[1]) for p in points] == [60, 90, 120, 150]
    assert desk.probe("seq()") == server.get("api/project")["seq"] < known


@pytest.mark.slow
def test_edits_that_wait_follow_a_project_that_moves(serve, films, people, tmp_path):
    server = serve(worlds.project(tmp_path / "mice", [films["cfr"]]))
    context = people()
    desk = Desk(server, context.new_page())
    desk.jump(8)
    before = desk.saved()
    server.kill(signal.SIGKILL)
    desk.click(60, 60)
    desk.wait("window.__gambol.pending() === 1")
    desk.page.wait_for_timeout(300)
    desk.page.close()
    server.folder = server.folder.rename(tmp_path / "moved")
    server.again()
    held = server.server.browser()  # the tokens are of the folder: let in anew
    server.client.close()
    server.client = held
    again = Desk(server, context.new_page())
    until(lambda: len(log(server.folder, before)) == 1)
    again.settle()
    assert round(server.rows(8)[0][1]["points"][0][1]) == 60


@pytest.mark.slow
def test_people_without_names_do_not_undo_each_other_and_are_asked(
    serve, films, people, tmp_path
):
    server = serve(worlds.project(tmp_path / "mice", [films["cfr"]]))
    first, second = (unnamed(server, people().new_page()) for _ in range(2))
    first.jump(8)
    second.jump(10)
    start = first.saved()
    assert second.page.locator("[data-test=name-ask]").count() == 0
    first.click(60, 60)
    first.settle()
    second.click(90, 90)
    second.settle()
    authors = [author for _, author, *_ in log(server.folder, start)]
    assert authors[0] != authors[1] == "guest 2"
    second.press("Control+z")
    until(lambda: server.rows(10)[0] == {})
    second.press("Control+z")
    second.wait("document.body.innerText.includes('Nothing to undo')")
    assert len(server.rows(8)[0]) == 1
    second.press("Control+Shift+Z")
    until(lambda: len(server.rows(10)[0]) == 1)
    field = second.page.locator("[data-test=name-field]")
    field.fill("Ann")
    field.press("Enter")
    second.wait("document.querySelector('[data-test=name-ask]') === null")
    assert {author for _, author, *_ in log(server.folder, start)} == {authors[0], "Ann"}
    first.wait("document.querySelector('[data-test=person]')?.innerText.includes('Ann')")
    assert first.page.locator("[data-test=name-ask]").count() == 1
    second.page.mouse.click(*second.screen(20, 200))
    second.settle()
    assert log(server.folder, start)[-1][1] == "Ann"


@pytest.mark.slow
def test_a_guest_who_types_a_name_of_somebody_else_is_asked(serve, films, people, tmp_path):
    server = serve(worlds.project(tmp_path / "mice", [films["cfr"]]))
    first, second = (unnamed(server, people().new_page()) for _ in range(2))
    first.jump(8)
    second.jump(10)
    start = first.saved()
    for desk in (first, second):
        desk.click(60, 60)
        desk.settle()
    owner = log(server.folder, start)[0][1]
    page, ask = second.page, "[data-test=claim-dialog]"
    for answer, named in (("claim-other", False), ("claim-sure", True)):
        page.fill("[data-test=name-field]", owner)
        page.press("[data-test=name-field]", "Enter")
        second.wait(f"document.querySelector('{ask}')?.innerText.includes('{owner}')")
        assert server.rows(8)[0] and server.rows(10)[0]
        page.click(f"[data-test={answer}]")
        if not named:
            page.wait_for_selector("[data-test=person-dialog]")
            page.keyboard.press("Escape")
    second.wait("document.querySelector('[data-test=name-ask]') === null")
    assert [author for _, author, *_ in log(server.folder, start)] == [owner, "guest 2"]
    page.mouse.click(*second.screen(20, 200))
    second.settle()
    assert log(server.folder, start)[-1][1] == owner


@pytest.mark.slow
def test_a_server_that_froze_gets_the_edits_when_it_thaws(serve, films, people, tmp_path):
    server = serve(worlds.project(tmp_path / "mice", [films["cfr"]]))
    desk = Desk(server, people().new_page())
    desk.jump(8)
    before = desk.saved()
    frozen(server, True)
    try:
        desk.click(60, 60)
        desk.wait("document.querySelector('[data-test=lost]') !== null", 45)
        desk.click(90, 60)
    finally:
        frozen(server, False)
    desk.wait("window.__gambol.pending() === 0", 40)
    desk.wait("document.querySelector('[data-test=lost]') === null", 40)
    assert len(log(server.folder, before)) == 2
