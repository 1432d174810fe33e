"""Two people at one project: who is where, whose edit stands, who gets which frame."""

import pytest
import worlds
from acting import Desk
from browser import watch


@pytest.fixture
def pair(studio, browser, faults):
    """Mei and Ann, each in a browser of their own."""
    contexts, desks = [], []
    for name in ("Mei", "Ann"):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        watch(context, faults)
        contexts.append(context)
        desks.append(Desk(studio, context.new_page(), user=name))
    yield desks
    for context in contexts:
        context.close()
    # a refused edit and a cut line are what these tests are about
    faults[:] = [one for one in faults if "409" not in one and "net::ERR" not in one]


def apart(desk, cut):
    """Cut a page off from what others do, or bring it back."""
    if cut:
        desk.page.wait_for_timeout(400)  # what it asked for has come
    desk.page.context.set_offline(cut)


def test_the_same_animal_at_the_same_time_is_a_question_with_a_name(pair):
    mei, ann = pair
    for one in pair:
        one.jump(14)
    mei.click(60, 60)
    mei.settle()
    ann.page.wait_for_timeout(300)
    apart(ann, True)
    ann.press("1")
    ann.click(90, 90)  # left ear, while nobody answers
    mei.click(120, 120)
    mei.settle()
    apart(ann, False)
    ann.wait("document.querySelector('[data-test=conflict]') !== null", 15)
    said = ann.page.locator("[data-test=conflict]").inner_text()
    assert "Mei" in said and "14" in said
    ann.page.click("[data-test=keep-mine]")
    ann.settle()
    row = ann.studio.rows(14)[0][1]
    assert [round(p[1]) for p in row["points"] if p[0] == 1] == [90]
    assert {p[0] for p in row["points"]} >= {0, 1}


def test_what_the_other_did_can_stay(pair):
    mei, ann = pair
    for one in pair:
        one.jump(16)
    apart(ann, True)
    ann.click(90, 90)
    mei.click(120, 120)
    mei.settle()
    apart(ann, False)
    ann.wait("document.querySelector('[data-test=conflict]') !== null", 15)
    ann.page.click("[data-test=take-theirs]")
    ann.settle()
    assert [round(p[1]) for p in ann.studio.rows(16)[0][1]["points"]] == [120]
    ann.wait("document.querySelector('[data-test=conflict]') === null")


def test_different_animals_of_one_frame_are_no_conflict(pair):
    mei, ann = pair
    for one in pair:
        one.jump(72)  # five predicted animals
    truth = worlds.truth(5, 120)[72]
    mei.drag(truth[0, 0], truth[0, 0] + 4)
    ann.drag(truth[3, 0], truth[3, 0] + 4)
    mei.settle()
    ann.settle()
    assert len(mei.studio.rows(72)[0]) == 2
    for one in pair:
        assert one.page.locator("[data-test=conflict]").count() == 0
        one.wait("document.querySelectorAll('[data-test=animals] .animal').length >= 2")


def test_the_next_suggestion_is_another_for_each(pair):
    mei, ann = pair
    for one in pair:
        one.press("Home")
    mei.press("k")
    mei.page.wait_for_timeout(300)
    first = mei.probe("frameShown().frame")
    ann.jump(0)
    ann.press("Alt+n")  # "no animal here" opens the next that nobody has
    ann.page.wait_for_timeout(600)
    assert first in (3, 5, 7, 9)
    assert ann.probe("frameShown().frame") in {3, 5, 7, 9} - {first}


def test_each_sees_where_the_other_is(pair):
    mei, ann = pair
    mei.jump(42)
    ann.wait("document.querySelector('[data-test=person]')?.innerText.includes('f42')")
    assert "Mei" in ann.page.locator("[data-test=person]").inner_text()
    ann.page.click("[data-test=person]")
    ann.wait("window.__gambol.frameShown().frame === 42")
