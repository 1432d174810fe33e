"""Identities are proofread in the page: the queue, keys, undo, and what a reload leaves."""

import numpy as np
import pytest
import worlds
from acting import Desk, until
from proofread import animals, planted, right

from gambol.io.project import Project

FRAMES, MOST = 1800, 25
SELECTED = "[data-test=crossings] [aria-selected=true] .place"


@pytest.fixture(scope="module")
def proofread(serve, tmp_path_factory):
    """A server of tracks with 12 planted swaps of 3 animals; the truth, and where they are."""
    root = tmp_path_factory.mktemp("swapped")
    film = worlds.film(root / "film.mp4", FRAMES, 64)
    _, truth, swaps = planted(root / "p")
    with Project.open(root / "p") as project:
        project.add_video(film)
    return serve(root / "p"), truth, swaps


class Reader(Desk):
    """A person on the Tracks screen."""

    def ready(self):
        super().ready()
        self.page.click("[data-test=tab-tracks]")
        self.page.wait_for_selector("[data-test=crossings] .crossing")

    def queue(self):
        return self.studio.get("api/runs/t1/crossings")

    def names(self):
        """Who every detection is; nobody is twice in a frame."""
        frame, who, _, _ = animals(self.studio.client, "t1", 0, FRAMES - 1)
        places = frame[who >= 0] * 9 + who[who >= 0]
        assert len(np.unique(places)) == len(places)
        return who

    def caught_up(self, edits):
        """Wait until so many decisions are on the server and the page shows what is left."""
        until(lambda: self.queue()["edits"] == edits)
        left = [c for c in self.queue()["crossings"] if c["verdict"] in (None, "unsure")]
        title = self.page.get_by_text(f"Check {len(left)} ")
        title.wait_for()
        return title.inner_text()

    def next(self):
        """Go to the next crossing that is open; return it."""
        self.press("Escape", "Escape", "k")
        first = int(self.page.locator(SELECTED).inner_text()[1:])
        open_ = [c for c in self.queue()["crossings"] if c["verdict"] is None]
        return next(c for c in open_ if c["first"] == first)


def test_swaps_are_mended_from_the_queue_undone_and_kept(proofread, page):
    studio, truth, swaps = proofread
    reader = Reader(studio, page)
    before = reader.names()
    assert right(before, truth) < 0.9
    title = reader.caught_up(0)
    swapped, seen = 0, 0
    while swapped < len(swaps) and seen < MOST:
        event = reader.next()
        wrong = any(event["first"] <= at <= event["last"] for at, _ in swaps)
        reader.press("x" if wrong else "Enter")
        seen, swapped = seen + 1, swapped + wrong
        reader.caught_up(seen)
    assert swapped == 12 and right(reader.names(), truth) == 1.0
    mended = reader.names()

    for n in range(seen, 0, -1):
        reader.press("Control+z")
        reader.caught_up(n - 1)
    assert np.array_equal(reader.names(), before) and reader.caught_up(0) == title
    for n in range(seen):
        reader.press("Control+Shift+z")
        reader.caught_up(n + 1)
    title = reader.caught_up(seen)
    page.reload()
    reader.ready()
    assert reader.caught_up(seen) == title and np.array_equal(reader.names(), mended)


def test_poses_of_a_frame_wait_on_label(proofread, page):
    studio, _, _ = proofread
    reader = Reader(studio, page)
    reader.press("n", "ArrowRight", "l")
    (one,) = until(lambda: studio.get("api/project")["suggestions"])
    reader.settle()
    assert one["reason"] == "proofread tracks" and not one["done"]
    labels, row = studio.rows(one["frame"])
    assert row["complete"] == 2 and {label["origin"] for label in labels.values()} == {2}
    _, who, _, points = animals(studio.client, "t1", one["frame"], one["frame"])
    placed = np.array([[p[1:3] for p in label["points"]] for label in labels.values()])
    for pose in points[who >= 0]:
        assert (np.abs(placed - pose[:, :2]).max(axis=(1, 2)) < 0.01).sum() == 1
    assert len(placed) == (who >= 0).sum()
