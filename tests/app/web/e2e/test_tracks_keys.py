"""Every key of the Tracks screen does in the page what the table of keys says."""

import hashlib

import numpy as np
import pytest
import worlds
from acting import DRIVER, Desk, until
from proofread import animals, do, planted

from gambol.io import track_logs
from gambol.io.project import Project

FRAMES = 600
BANNER = "[data-test=banner]"


@pytest.fixture(scope="module")
def proofread(serve, tmp_path_factory):
    """A server of the tracks of three animals in a film as large as their arena."""
    root = tmp_path_factory.mktemp("keys")
    film = worlds.film(root / "film.mp4", FRAMES, 608)
    planted(root / "p", n=3, swaps=4, seconds=FRAMES // 30)
    with Project.open(root / "p") as project:
        project.add_video(film)
        for animal, first, last in ((1, 100, 106), (2, 300, 330)):
            record = {"kind": "delete", "animal": animal, "first": first, "last": last}
            track_logs.append(project, 1, [record], "tracks: gap", "bob", f"gap {first:8d}")
    return serve(root / "p")


class Reader(Desk):
    """A person on the Tracks screen."""

    def ready(self):
        super().ready()
        self.page.click("[data-test=tab-tracks]")
        self.page.wait_for_selector("[data-test=crossings] .crossing")
        self.wait("window.__gambol.frameShown() != null")
        self.page.evaluate(DRIVER)  # of this screen's stage

    def settle(self):
        self.wait("window.__gambol.pending() === 0")
        self.page.wait_for_timeout(120)

    def queue(self):
        return self.studio.get("api/runs/t1/crossings")

    def who(self, first, last):
        """Frames, animals and rows; nobody is twice in a frame."""
        frame, who, row, _ = animals(self.studio.client, "t1", first, last)
        places = frame[who >= 0] * 9 + who[who >= 0]
        assert len(np.unique(places)) == len(places)
        return frame, who, row

    def seen(self, animal, first=0, last=FRAMES - 1):
        frame, who, row = self.who(first, last)
        return set(frame[(who == animal) & (row >= 0)].tolist())

    def do(self, *keys):
        """Press keys and wait until the server has one decision more."""
        before = self.queue()["edits"]
        self.press(*keys)
        until(lambda: self.queue()["edits"] > before)
        self.page.wait_for_selector(BANNER)
        self.page.wait_for_timeout(150)  # what was read anew is drawn

    def undo(self):
        before = self.queue()["edits"]
        self.press("Control+z")
        until(lambda: self.queue()["edits"] < before)
        self.page.wait_for_timeout(150)

    def at(self, frame):
        self.press("Escape", "Escape", "Escape")
        self.jump(frame)


@pytest.fixture
def reader(proofread, page):
    return Reader(proofread, page)


def test_a_crossing_loops_slowly_and_verdicts_move_it(reader):
    page = reader.page
    before = reader.queue()
    reader.press("k")
    first = before["crossings"][0]
    until(lambda: reader.probe("frameShown()")["frame"] == first["clip"][0])
    seen = set()

    def looped():
        seen.add(reader.probe("frameShown()")["frame"])
        return len(seen) > 3

    until(looped, 20)
    assert all(first["clip"][0] <= at <= first["clip"][1] for at in seen)
    pressed = "[aria-pressed=true]:has-text('Loop')"
    page.wait_for_selector(pressed)
    reader.press("o")
    page.wait_for_selector(pressed, state="detached")
    still = reader.probe("frameShown()")["frame"]
    page.wait_for_timeout(300)
    assert abs(reader.probe("frameShown()")["frame"] - still) <= 1
    reader.do("u")  # goes to the end, and on
    now = reader.queue()
    open_ = [c for c in now["crossings"] if c["verdict"] in (None, "unsure")]
    assert open_[-1]["item"] == first["item"] and open_[-1]["verdict"] == "unsure"
    assert now["left"] == pytest.approx(before["left"])
    reader.undo()
    reader.press("Escape", "k")
    reader.do("Enter")
    assert reader.queue()["left"] == pytest.approx(before["left"] - (1 - first["confidence"]))
    reader.undo()


def test_range_pin_and_digits_say_how_far_a_swap_reaches(reader):
    page = reader.page
    before = reader.who(0, FRAMES - 1)[1]
    frame = reader.who(0, FRAMES - 1)[0]

    def exchanged(a, b, first, last):
        now = reader.who(0, FRAMES - 1)[1]
        part = (frame >= first) & (frame <= last)
        turned = np.where(before == a, b, np.where(before == b, a, before))
        assert np.array_equal(now, np.where(part, turned, before))

    reader.at(200)
    reader.press(",")
    reader.jump(220)
    reader.press(".", "Shift+x")
    page.wait_for_selector("[data-test=asking]")  # three are near: which two
    reader.do("1", "3")
    exchanged(0, 2, 200, 220)
    assert "frames 200 to 220" in page.inner_text(BANNER)
    reader.undo()
    reader.at(400)
    reader.do("y")
    reader.jump(200)
    reader.press("x")
    page.wait_for_selector("[data-test=asking]")
    reader.do("1", "2")
    exchanged(0, 1, 200, 399)
    reader.undo()
    reader.undo()


def test_cut_assign_join_and_no_animal(reader):
    reader.at(200)
    whole = reader.seen(0)
    reader.press("1")
    reader.do("b")
    cut = reader.seen(0)
    assert max(cut & set(range(250))) == 199
    lost = min(t for t in whole if t >= 200), max(t for t in whole - cut)
    reader.press("Escape")
    reader.jump(lost[0])
    # the fragment is chosen by a click, and given to another: who had its name is nobody
    frame, who, row, points = animals(reader.studio.client, "t1", lost[0], lost[0])
    x, y = points[who == -1][0][:, :2].mean(axis=0).tolist()
    third = reader.seen(2)
    reader.click(x, y)
    reader.do("Shift+3")
    frame, who, row = reader.who(*lost)
    assert reader.seen(2) >= set(range(lost[0], lost[0] + 1)) and third != reader.seen(0)
    assert (who[frame == lost[0]] == -1).sum() == 1
    reader.undo()
    reader.at(190)
    reader.press("1")
    reader.do("m")
    assert reader.seen(0) == whole
    reader.undo()
    reader.at(lost[0])
    reader.click(x, y)
    reader.do("Delete")
    assert (reader.who(lost[0], lost[0])[1] == -2).sum() == 1
    reader.undo()
    reader.undo()
    assert reader.seen(0) == whole


def test_gaps_are_found_bridged_drawn_and_left(reader, faults):
    page = reader.page
    reader.at(60)
    reader.press("n")
    until(lambda: reader.probe("frameShown()")["frame"] == 100)
    page.get_by_text("animal2 is not seen from here on").wait_for()
    assert reader.seen(1, 95, 110).isdisjoint(range(100, 107))
    reader.do("i")
    frame, who, row = reader.who(95, 110)
    assert frame[(who == 1) & (row == -1)].tolist() == list(range(100, 107))
    assert "frames 100 to 106" in page.inner_text(BANNER)
    line = reader.studio.get("api/runs/t1/timeline?px=600")
    assert line["bridged"] == [[1, 100, 106]]
    reader.at(60)
    reader.press("n")  # is not asked again
    until(lambda: reader.probe("frameShown()")["frame"] > 106)
    reader.at(290)
    reader.press("n")
    until(lambda: reader.probe("frameShown()")["frame"] == 300)
    reader.press("i")
    page.get_by_text("away for 31 frames").wait_for()
    until(lambda: faults and "422" in faults.pop())  # as it should be
    reader.do("Shift+i")
    reader.at(290)
    reader.press("n")
    page.wait_for_timeout(300)
    assert reader.probe("frameShown()")["frame"] != 300
    reader.undo()
    reader.undo()
    assert reader.studio.get("api/runs/t1/timeline?px=600")["bridged"] == []


def test_the_picture_follows_an_animal_and_names_are_changed(reader):
    page = reader.page
    reader.at(400)
    reader.press("2", "+", "+", "+", "f")
    box = page.locator("[data-test=stage-host]").bounding_box()
    for frame in (400, 430, 470):
        reader.jump(frame)
        page.wait_for_timeout(200)
        _, who, _, points = animals(reader.studio.client, "t1", frame, frame)
        x, y = reader.screen(*points[who == 1][0][:, :2].mean(axis=0).tolist())
        assert abs(x - box["x"] - box["width"] / 2) < 3
        assert abs(y - box["y"] - box["height"] / 2) < 3
    reader.press("f", "F2")
    page.fill("[data-test=rename] input", "Nemo")
    reader.do("Enter")
    page.wait_for_selector("[data-test=lane-1]:has-text('Nemo')")
    assert reader.queue()["names"][1] == "Nemo"
    reader.undo()
    page.wait_for_selector("[data-test=lane-1]:has-text('animal2')")


def test_a_key_that_needs_an_animal_says_so(reader):
    reader.at(50)
    for key in ("b", "i", "F2"):
        reader.press(key)
        reader.page.get_by_text("Choose an animal first").wait_for()
        reader.page.locator(".toast button").first.click()
        reader.page.get_by_text("Choose an animal first").wait_for(state="detached")


@pytest.mark.slow
def test_what_is_broken_is_named_and_tracked_again_and_what_is_missing_predicted(
    serve, page, tmp_path, faults
):
    film = worlds.film(tmp_path / "film.mp4", 30, 64)
    target = planted(tmp_path / "p", n=2, swaps=1, seconds=10)[0]
    with Project.open(tmp_path / "p") as project:
        project.add_video(film)
    whole = target.read_bytes()
    for index in target.parent.glob(".*.npz"):  # found out by who opens it
        index.write_bytes(index.read_bytes()[:500])
    studio = serve(tmp_path / "p")
    desk = Desk(studio, page)
    page.click("[data-test=tab-tracks]")
    broken = page.locator("[data-test=broken]")
    broken.get_by_text("track-1").wait_for()
    words = broken.inner_text()
    assert "damaged" in words and f"sha256:{hashlib.sha256(whole).hexdigest()}" in words
    assert broken.locator("[data-test=start-track]").is_enabled()
    until(lambda: any("422" in one for one in faults))
    faults.clear()
    worlds.project(tmp_path / "q", [film])
    Desk(serve(tmp_path / "q"), page)
    page.click("[data-test=tab-tracks]")
    page.get_by_text("Nothing is tracked yet. Predict first").wait_for()
    assert page.locator("[data-test=start-predict]").is_enabled()
    assert page.locator("[data-test=start-track]").is_disabled()
    assert desk.page is page


def test_when_less_than_one_swap_in_two_recordings_is_left_it_is_done(reader):
    page, n = reader.page, 0
    while (now := reader.queue())["left"] >= 0.5:
        assert not page.locator("[data-test=done]").count()
        (one, *_) = [c for c in now["crossings"] if c["verdict"] is None]
        do(reader.studio.client, "t1", "confirm", item=one["item"])
        n += 1
    assert n
    page.wait_for_selector("[data-test=done]")
    page.get_by_text(f"{now['left']:.1f} swaps left").wait_for()
