"""Fingers, pens, other keyboards, small windows, both themes, and a screen reader's rules."""

import pytest
from acting import STAGE, Desk
from browser import axe, watch

SCREENS = ("label", "improve", "tracks", "space", "behavior")
LAYOUTS = {  # of W A S D and V: what a layout types at the position, or for the letter
    "azerty": [("z", "KeyW"), ("v", "KeyV")],
    "dvorak": [(",", "KeyW"), ("v", "Period")],
    "cyrillic": [("ц", "KeyW"), ("м", "KeyV")],
}


@pytest.fixture
def touched(studio, browser, faults):
    """A page on a small screen that is touched; with a pen of Chromium's own protocol."""
    context = browser.new_context(viewport={"width": 1024, "height": 640}, has_touch=True)
    watch(context, faults)
    desk = Desk(studio, context.new_page())
    desk.wire = context.new_cdp_session(desk.page)
    yield desk
    context.close()


@pytest.mark.parametrize("theme", [pytest.param("light", marks=pytest.mark.slow), "dark"])
def test_axe_finds_nothing_serious(desk, theme):
    if desk.page.evaluate("document.documentElement.dataset.theme") != theme:
        desk.press("Alt+t")
    assert desk.page.evaluate("document.documentElement.dataset.theme") == theme
    desk.jump(70)
    desk.press("e")
    for name in SCREENS:
        tab = desk.page.locator(f"[data-test=tab-{name}]")
        if tab.count():
            tab.click()
            desk.page.wait_for_timeout(300)
            assert axe(desk.page) == [], name
    desk.page.locator("[data-test=tab-label]").click()
    for key in ("?", "/", "Alt+k", "Alt+e", "Alt+v", "Alt+u"):
        desk.press(key)
        desk.page.wait_for_timeout(150)
        assert axe(desk.page) == [], key
        desk.press("Escape")


def test_axe_finds_nothing_in_the_header_that_asks_for_a_name(studio, browser, faults):
    """Shown to a guest who edited: two browsers, in neither of which somebody typed a name."""
    contexts = [browser.new_context(viewport={"width": 1024, "height": 640}) for _ in range(2)]
    for context in contexts:
        watch(context, faults)
    for page in [context.new_page() for context in contexts]:
        desk = Desk(studio, page, user=None)
    desk.jump(41)
    desk.click(60, 60)
    desk.page.wait_for_selector("[data-test=name-ask]")
    for _ in ("one theme", "the other"):
        assert axe(desk.page) == []
        desk.press("Alt+t")
    right = "document.querySelector('header.top .state').getBoundingClientRect().right"
    assert desk.page.evaluate(f"{right} <= innerWidth")
    for context in contexts:
        context.close()


def test_a_finger_places_within_a_pixel_and_two_fingers_zoom(touched):
    touched.jump(40)
    touched.page.touchscreen.tap(*touched.screen(80, 90))
    touched.settle()
    (_, x, y, _), = touched.studio.rows(40)[0][1]["points"]  # fmt: skip
    assert abs(x - 80) <= 1 and abs(y - 90) <= 1

    def fingers(kind, *places):
        spots = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places)]
        touched.wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})

    before = touched.screen(10, 0)[0] - touched.screen(0, 0)[0]
    fingers("touchStart", (450, 300))
    fingers("touchStart", (450, 300), (550, 300))
    for d in range(0, 60, 10):
        fingers("touchMove", (450 - d, 300), (550 + d, 300))
    fingers("touchEnd")
    touched.settle()
    assert (touched.screen(10, 0)[0] - touched.screen(0, 0)[0]) / before == pytest.approx(
        2, 0.1
    )
    assert len(touched.studio.rows(40)[0][1]["points"]) == 1  # fingers that pan label nothing


def test_a_pens_barrel_button_places_a_covered_point(touched):
    touched.jump(46)

    def pen(kind, button="none", buttons=0):
        x, y = touched.screen(120, 100)
        touched.wire.send("Input.dispatchMouseEvent", {
            "type": kind, "x": x, "y": y, "button": button, "buttons": buttons,
            "clickCount": 1, "pointerType": "pen",
        })  # fmt: skip

    pen("mouseMoved")
    pen("mousePressed", "right", 2)
    pen("mouseReleased", "right")
    touched.settle()
    ((_, x, y, state),) = touched.studio.rows(46)[0][1]["points"]
    assert state == 1 and abs(x - 120) <= 1 and abs(y - 100) <= 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_keys_mean_the_same_on_other_keyboards(desk, layout):
    frame = 100 + list(LAYOUTS).index(layout)
    desk.jump(frame)
    desk.press("e")
    before = desk.page.locator("[data-test=field-y]").get_attribute("placeholder")
    up, visible = LAYOUTS[layout]
    strike = """([key, code]) => { for (const type of ["keydown", "keyup"])
      document.body.dispatchEvent(new KeyboardEvent(type, {key, code, bubbles: true})); }"""
    desk.page.evaluate(strike, list(up))
    desk.page.evaluate(strike, list(visible))
    desk.settle()
    ((_, _, y, state),) = desk.studio.rows(frame)[0][1]["points"]
    assert state == 2 and y == pytest.approx(float(before) - 1, abs=0.06)


def test_letters_that_are_being_composed_do_nothing(desk):
    desk.jump(52)
    before = desk.saved()
    for more in ("isComposing: true", "keyCode: 229"):
        desk.page.evaluate(
            f"""for (const key of ["v", "x", "n", "Enter"]) document.body.dispatchEvent(
            new KeyboardEvent("keydown", {{key, code: "KeyV", bubbles: true, {more}}}))"""
        )
    assert desk.saved() == before and desk.studio.rows(52) == ({}, None)


def test_tab_leaves_the_stage_and_fields_take_numbers(desk):
    desk.jump(54)
    desk.page.locator(STAGE).focus()
    desk.press("Escape", "Tab")
    assert desk.page.evaluate(f"document.activeElement !== document.querySelector('{STAGE}')")
    desk.press("e")
    for axis, value in (("x", "33.25"), ("y", "44.5")):
        desk.page.fill(f"[data-test=field-{axis}]", value)
        desk.press("Tab")
    desk.page.select_option("[data-test=field-state]", "1")
    desk.settle()
    assert desk.studio.rows(54)[0][1]["points"] == [[0, 33.25, 44.5, 1]]


def test_numbers_typed_before_the_page_draws_are_all_kept(desk):
    desk.jump(58)
    desk.press("e")
    type_all = """(values) => { for (const [name, value] of values) {
      const field = document.querySelector(`[data-test=field-${name}]`);
      field.value = value;
      field.dispatchEvent(new Event("change", {bubbles: true})); } }"""
    desk.page.evaluate(type_all, [["x", "31"], ["y", "62.5"], ["state", "1"]])
    desk.settle()
    assert desk.studio.rows(58)[0][1]["points"] == [[0, 31, 62.5, 1]]


@pytest.mark.parametrize("size", [(1024, 640), (640, 400)])
def test_small_windows_show_everything_without_scrolling_the_page(studio, page, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    desk = Desk(studio, page)
    wide, high = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    )
    assert (wide, high) <= size and high <= size[1]
    box = page.locator(STAGE).bounding_box()
    assert box["width"] > 200 and box["height"] > 120
    desk.jump(56 + size[0] % 5)
    desk.click(128, 128)
    assert desk.saved() and desk.studio.rows(56 + size[0] % 5)[0]


def test_a_script_in_a_name_is_text(desk, faults):
    name = "<img src=x onerror=alert(1)>"
    desk.jump(58)
    desk.press("1")
    desk.press("F2")
    desk.page.fill("[data-test=animal-name]", name)
    desk.press("Enter")
    desk.settle()
    try:
        assert name in desk.page.locator("[data-test=animals]").inner_text()
        assert desk.page.locator("img[src=x]").count() == 0
        desk.click(60, 60)
        desk.settle()
        desk.press("Alt+h")
        desk.page.wait_for_timeout(200)
        assert desk.page.locator("img[src=x]").count() == 0
    finally:
        desk.press("Control+z", "Control+z")
        desk.settle()
