"""Labels by mouse and by keys: a click is a pixel, a keypoint is a click."""

import pytest
import worlds
from acting import STAGE, Desk

J = worlds.J


def points(row):
    return {k: (x, y, state) for k, x, y, state in row["points"]}


@pytest.mark.parametrize("ratio", [1, 2])
def test_a_click_stores_the_pixel_below_it(studio, browser, faults, ratio):
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, device_scale_factor=ratio
    )
    desk = Desk(studio, context.new_page())
    desk.jump(20 + ratio)
    box = desk.page.locator(STAGE).bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    seen = []
    for zoom in (1, 3, 8):
        desk.press("Shift+Digit0")
        desk.page.mouse.move(*desk.screen(100, 200))
        while (factor := scale(desk) / zoom) < 0.999:
            desk.page.mouse.wheel(0, -min(100, 300 * (1 - factor)) - 1)
            desk.page.wait_for_timeout(30)
        at = desk.screen(100, 200)  # panned: a third of the way to the middle
        desk.page.mouse.move(*at)
        desk.page.mouse.down(button="middle")
        desk.page.mouse.move(*((2 * a + b) / 3 for a, b in zip(at, middle, strict=True)))
        desk.page.mouse.up(button="middle")
        desk.click(100, 200)
        desk.settle()
        _, x, y, _ = desk.studio.rows(20 + ratio)[0][1]["points"][-1]
        assert abs(x - 100) <= 0.5 / zoom and abs(y - 200) <= 0.5 / zoom
        seen.append((x, y))
    assert (100.0, 200.0) in seen or ratio == 1
    context.close()


def scale(desk):
    return desk.screen(101, 0)[0] - desk.screen(100, 0)[0]


def test_the_centre_of_a_pixel_is_stored_exactly(desk):
    desk.jump(24)
    x, y = desk.screen(100, 200)
    box = desk.page.locator(STAGE).bounding_box()
    point = {"clientX": x, "clientY": y, "button": 0, "buttons": 1, "pointerId": 1,
             "isPrimary": True, "bubbles": True, "pointerType": "pen"}  # fmt: skip
    assert box["x"] < x < box["x"] + box["width"]
    desk.page.locator(STAGE).dispatch_event("pointerdown", point)
    desk.page.locator(STAGE).dispatch_event("pointerup", point | {"buttons": 0})
    desk.settle()
    assert desk.studio.rows(24)[0][1]["points"] == [[0, 100.0, 200.0, 2]]


def test_thirteen_keypoints_are_thirteen_clicks_and_enter(desk):
    desk.jump(3)
    before = desk.saved()
    for k in range(J):
        desk.click(40 + 12 * k, 60 + 9 * (k % 5))
    desk.press("Enter")
    desk.wait("window.__gambol.frameShown().frame === 5")  # the next of the queue
    desk.settle()
    animals, frame = desk.studio.rows(3)
    assert list(animals) == [1] and animals[1]["origin"] == 0
    assert [p[0] for p in animals[1]["points"]] == list(range(J))
    for k, x, y, state in animals[1]["points"]:
        assert abs(x - 40 - 12 * k) < 0.5 and abs(y - 60 - 9 * (k % 5)) < 0.5 and state == 2
    assert frame["complete"] == 1
    assert desk.saved() - before == J + 1


def test_thirteen_keypoints_by_keys_alone(desk):
    desk.jump(5)
    desk.press("e")
    for k in range(J):
        for _ in range(k % 3):
            desk.press("Shift+d")
        desk.press("s", "v")
    desk.press("Enter")
    desk.settle()
    animals, frame = desk.studio.rows(5)
    assert len(animals[1]["points"]) == J and frame["complete"] == 1
    assert {state for *_, state in animals[1]["points"]} == {2}


def test_enter_makes_labels_of_five_predicted_animals(desk):
    desk.jump(70)
    desk.wait("true")
    before = desk.saved()
    desk.press("Enter")
    desk.settle()
    animals, frame = desk.studio.rows(70)
    assert len(animals) == 5 and frame["complete"] == 1
    assert all(row["origin"] == 2 and len(row["points"]) == J for row in animals.values())
    assert desk.saved() == before + 1
    truth = worlds.truth(5, 120)[70]
    got = sorted(points(row)[0][:2] for row in animals.values())
    assert got == [pytest.approx(xy, abs=0.01) for xy in sorted(map(tuple, truth[:, 0]))]


def test_dragging_a_predicted_point_adopts_and_moves_in_one_edit(desk):
    desk.jump(80)
    truth = worlds.truth(5, 120)[80, 2]
    before = desk.saved()
    x, y = truth[0]
    desk.drag((x, y), (x + 6, y - 4))
    desk.settle()
    animals, frame = desk.studio.rows(80)
    (row,) = animals.values()
    assert row["origin"] == 2 and frame["complete"] == 2
    assert points(row)[0][:2] == pytest.approx((x + 6, y - 4), abs=0.6)
    assert points(row)[5][:2] == pytest.approx(tuple(truth[5]), abs=0.01)
    assert desk.saved() == before + 1
    desk.press("Control+z")
    desk.wait("document.querySelector('[data-test=saved]').dataset.pending === '0'")
    desk.page.wait_for_timeout(300)
    assert desk.studio.rows(80) == ({}, None)


def test_four_states_by_four_keys(desk):
    desk.jump(30)
    for k in range(5):
        desk.click(50 + 30 * k, 120)
    for k, key in enumerate(("v", "c", "x", "Delete")):
        desk.page.click(f"[data-test=keypoint-{k}]")
        desk.press(key)
    desk.press("Enter")
    desk.settle()
    animals, _ = desk.studio.rows(30)
    states = {k: state for k, (_, _, state) in points(animals[1]).items()}
    assert states == {0: 2, 1: 1, 2: 0, 4: 2}
    assert points(animals[1])[2][:2] == (None, None)


def test_the_line_below_names_the_next_keypoint(desk):
    desk.jump(33)
    for name in worlds.NAMES[:3]:
        assert name in desk.page.locator("[data-test=status]").inner_text()
        desk.click(60, 60 + 20 * worlds.NAMES.index(name))
        desk.settle()


def test_a_click_beside_the_picture_is_no_label(desk):
    desk.jump(36)
    before = desk.saved()
    desk.click(-20, 100)
    desk.click(100, 5000)
    assert desk.saved() == before and desk.studio.rows(36) == ({}, None)
